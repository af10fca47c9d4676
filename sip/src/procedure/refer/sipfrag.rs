//! `message/sipfrag` (RFC 3420) as far as notifications of a REFER have it: one status line
//! (RFC 3515 2.4.5).

use crate::message::Status;

/// The type of the body.
pub(super) const CONTENT_TYPE: &str = "message/sipfrag;version=2.0";

/// The status in the first line. `None`: there is none.
pub fn read_sipfrag(body: &[u8]) -> Option<Status> {
    let line = body
        .trim_ascii_start()
        .split(|byte| matches!(byte, b'\r' | b'\n'))
        .next()?;
    let (version, rest) = line.split_at_checked(8)?;
    let [
        a @ b'1'..=b'6',
        b @ b'0'..=b'9',
        c @ b'0'..=b'9',
        after @ ..,
    ] = rest
    else {
        return None;
    };
    if !version.eq_ignore_ascii_case(b"SIP/2.0 ") || !matches!(after.first(), None | Some(b' ')) {
        return None;
    }
    let digit = |byte: &u8| u16::from(byte - b'0');
    Status::new(digit(a) * 100 + digit(b) * 10 + digit(c))
}

/// The body that tells a status, with the phrase of the standards: what the far side of another
/// call wrote is not passed on.
pub fn write_sipfrag(status: Status) -> String {
    format!("SIP/2.0 {status} {}\r\n", status.phrase())
}
