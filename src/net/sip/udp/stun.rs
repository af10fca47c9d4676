//! STUN on the SIP port: what keeps a NAT's mapping alive, and tells the phone what it is
//! (RFC 5626 3.5.2, 8; RFC 8489).

use std::net::{IpAddr, SocketAddr};

const HEADER_LEN: usize = 20;
const BINDING_REQUEST: [u8; 2] = [0x00, 0x01];
const BINDING_SUCCESS: u16 = 0x0101;
const BINDING_ERROR: u16 = 0x0111;
const MAGIC_COOKIE: u32 = 0x2112_A442;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
const ERROR_CODE: u16 = 0x0009;
const UNKNOWN_ATTRIBUTES: u16 = 0x000A;

/// "comprehension-required" attributes are below this (RFC 8489 14).
const COMPREHENSION_OPTIONAL: u16 = 0x8000;

/// MAPPED-ADDRESS, USERNAME, MESSAGE-INTEGRITY...: understood, or of no meaning here, where no
/// identity is asked for.
const UNDERSTOOD: [u16; 4] = [0x0001, 0x0006, 0x0008, XOR_MAPPED_ADDRESS];

/// What a datagram is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stun {
    /// A Binding request, with its answer.
    Request(Vec<u8>),
    /// Another STUN message, or a malformed one: no answer.
    Other,
}

/// Reads a datagram; `None` if it is no STUN (RFC 8489 5: two zero bits, and the cookie).
pub(super) fn read(datagram: &[u8], source: SocketAddr) -> Option<Stun> {
    let (head, attributes) = datagram.split_at_checked(HEADER_LEN)?;
    let cookie = MAGIC_COOKIE.to_be_bytes();
    if head.first()? & 0xC0 != 0 || head.get(4..8)? != cookie {
        return None;
    }
    let transaction: [u8; 12] = head.get(8..HEADER_LEN)?.try_into().ok()?;
    let said = u16::from_be_bytes([*head.get(2)?, *head.get(3)?]);
    if usize::from(said) != attributes.len() || !head.starts_with(&BINDING_REQUEST) {
        return Some(Stun::Other);
    }
    let answer = match first_unknown(attributes) {
        Ok(None) => success(transaction, source),
        Ok(Some(unknown)) => refusal(transaction, unknown),
        Err(Malformed) => return Some(Stun::Other),
    };
    Some(Stun::Request(answer))
}

struct Malformed;

/// The first attribute that would have to be understood and is not.
fn first_unknown(mut attributes: &[u8]) -> Result<Option<u16>, Malformed> {
    while !attributes.is_empty() {
        let (fixed, rest) = attributes.split_first_chunk::<4>().ok_or(Malformed)?;
        let [t0, t1, l0, l1] = *fixed;
        let kind = u16::from_be_bytes([t0, t1]);
        let len = usize::from(u16::from_be_bytes([l0, l1])).next_multiple_of(4);
        attributes = rest.get(len..).ok_or(Malformed)?;
        if kind < COMPREHENSION_OPTIONAL && !UNDERSTOOD.contains(&kind) {
            return Ok(Some(kind));
        }
    }
    Ok(None)
}

fn success(transaction: [u8; 12], source: SocketAddr) -> Vec<u8> {
    let cookie = MAGIC_COOKIE.to_be_bytes();
    let mask = cookie.into_iter().chain(transaction);
    let port = source.port() ^ (MAGIC_COOKIE >> 16) as u16;
    let (family, address): (u8, Vec<u8>) = match source.ip().to_canonical() {
        IpAddr::V4(it) => (
            1,
            it.octets()
                .into_iter()
                .zip(mask)
                .map(|(a, b)| a ^ b)
                .collect(),
        ),
        IpAddr::V6(it) => (
            2,
            it.octets()
                .into_iter()
                .zip(mask)
                .map(|(a, b)| a ^ b)
                .collect(),
        ),
    };
    let mut value = vec![0, family];
    value.extend(port.to_be_bytes());
    value.extend(address);
    message(BINDING_SUCCESS, transaction, &[(XOR_MAPPED_ADDRESS, value)])
}

/// 420 Unknown Attribute (RFC 8489 14.8).
fn refusal(transaction: [u8; 12], unknown: u16) -> Vec<u8> {
    let attributes = [
        (ERROR_CODE, vec![0, 0, 4, 20]),
        (UNKNOWN_ATTRIBUTES, unknown.to_be_bytes().to_vec()),
    ];
    message(BINDING_ERROR, transaction, &attributes)
}

fn message(kind: u16, transaction: [u8; 12], attributes: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let mut body = Vec::new();
    for (kind, value) in attributes {
        body.extend(kind.to_be_bytes());
        body.extend((value.len() as u16).to_be_bytes());
        body.extend(value);
        body.resize(body.len().next_multiple_of(4), 0);
    }
    let mut message = kind.to_be_bytes().to_vec();
    message.extend((body.len() as u16).to_be_bytes());
    message.extend(MAGIC_COOKIE.to_be_bytes());
    message.extend(transaction);
    message.extend(body);
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The transaction of RFC 5769 2.2 and 2.3.
    const TRANSACTION: [u8; 12] = *b"\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae";

    fn request(attributes: &[u8]) -> Vec<u8> {
        let mut request = vec![0, 1, 0, attributes.len() as u8, 0x21, 0x12, 0xA4, 0x42];
        request.extend(TRANSACTION);
        request.extend(attributes);
        request
    }

    fn answer(attributes: &[u8], source: &str) -> Vec<u8> {
        match read(&request(attributes), source.parse().unwrap()) {
            Some(Stun::Request(answer)) => answer,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_binding_request_learns_its_address_as_in_rfc_5769() {
        let v4 = answer(&[], "192.0.2.1:32853");
        assert_eq!(v4[..4], [1, 1, 0, 12]);
        assert_eq!(
            v4[20..],
            *b"\x00\x20\x00\x08\x00\x01\xa1\x47\xe1\x12\xa6\x43"
        );
        let v6 = answer(&[], "[2001:db8:1234:5678:11:2233:4455:6677]:32853");
        let expected = b"\x00\x20\x00\x14\x00\x02\xa1\x47\x01\x13\xa9\xfa\xa5\xd3\xf1\x79\
                         \xbc\x25\xf4\xb5\xbe\xd2\xb9\xd9";
        assert_eq!(v6[20..], *expected);
        assert_eq!(v6[8..20], TRANSACTION);
    }

    #[test]
    fn an_attribute_that_must_be_understood_is_named_in_a_420() {
        let refused = answer(b"\x00\x03\x00\x04\0\0\0\0", "192.0.2.1:1");
        assert_eq!(refused[..2], [1, 0x11]);
        assert_eq!(
            refused[20..],
            *b"\x00\x09\x00\x04\0\0\x04\x14\x00\x0a\x00\x02\x00\x03\0\0"
        );
        let optional = answer(b"\x80\x22\x00\x03abc\0", "192.0.2.1:1");
        assert_eq!(optional[..2], [1, 1]);
    }

    #[test]
    fn sip_is_no_stun_and_malformed_stun_gets_no_answer() {
        let source = "192.0.2.1:1".parse().unwrap();
        assert_eq!(read(b"OPTIONS sip:a SIP/2.0\r\n\r\n", source), None);
        assert_eq!(read(b"\0\0\0\0", source), None);
        let cut = request(b"\x80\x22\x00\x09abc\0");
        assert_eq!(read(&cut, source), Some(Stun::Other));
        let mut response = request(&[]);
        response[0] = 1;
        assert_eq!(read(&response, source), Some(Stun::Other));
        let mut wrong = request(&[]);
        wrong[3] = 4;
        assert_eq!(read(&wrong, source), Some(Stun::Other));
    }
}
