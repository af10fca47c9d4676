//! What has to become of each message of RFC 4475 (49) and RFC 5118 (12), as its section asks.
//! Where a section leaves the choice, the verdict is ours and the line says what else would do.
//! The tests of the parser (`sip/tests/torture.rs`) and those on the wire (`tests/torture.rs`)
//! read the same table.
#![allow(unreachable_pub, reason = "a module of several programs")]

/// What has to become of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is well formed, and nothing keeps a UAS or UAC from acting on it.
    Accept,
    /// It is answered with that status.
    Status(u16),
    /// It is discarded without an answer.
    Drop,
}

use Verdict::{Accept, Drop};

pub const fn status(code: u16) -> Verdict {
    Verdict::Status(code)
}

pub const RFC_4475: &[(&str, Verdict)] = &[
    // 3.1.1 Valid messages
    ("wsinv", Accept),
    ("intmeth", status(501)),
    ("esc01", Accept),
    ("escnull", Accept),
    ("esc02", status(501)),
    ("lwsdisp", Accept),
    ("longreq", Accept),
    ("dblreq", Accept),
    ("semiuri", Accept),
    ("transports", Accept),
    ("mpart01", Accept),
    ("unreason", Accept),
    ("noreason", Accept),
    // 3.1.2 Invalid messages
    ("badinv01", status(400)),
    ("clerr", status(400)),
    ("ncl", status(400)),
    ("scalar02", status(400)),
    ("scalarlg", Drop),
    ("quotbal", status(400)),
    ("ltgtruri", status(400)),
    // or inferred
    ("lwsruri", status(400)),
    ("lwsstart", status(400)),
    ("trws", status(400)),
    ("escruri", status(400)),
    // or read as if there were no Date
    ("baddate", status(400)),
    ("regbadct", status(400)),
    // or inferred
    ("badaspec", status(400)),
    ("baddn", status(400)),
    ("badvers", status(505)),
    ("mismatch01", status(400)),
    // or 501
    ("mismatch02", status(400)),
    ("bigcode", Drop),
    // 3.2 Transaction layer: matched as RFC 2543 did, or 400
    ("badbranch", Accept),
    // 3.3 Application layer
    ("insuf", status(400)),
    ("unkscm", status(416)),
    ("novelsc", status(416)),
    ("unksm2", status(400)),
    ("bext01", status(420)),
    ("invut", status(415)),
    // a challenge, as if there were no Authorization: the registrar's
    ("regaut01", Accept),
    ("multi01", status(400)),
    ("mcl01", status(400)),
    ("bcast", Drop),
    // by its last receiver; 483 by whoever would pass it on, see below
    ("zeromf", Accept),
    ("cparam01", Accept),
    ("cparam02", Accept),
    ("regescrt", Accept),
    ("sdp01", status(406)),
    // 3.4 Backward compatibility
    ("inv2543", Accept),
];

pub const RFC_5118: &[(&str, Verdict)] = &[
    ("ipv6-good", Accept),
    ("ipv6-bad", status(400)),
    ("port-ambiguous", Accept),
    ("port-unambiguous", Accept),
    ("via-received-param-with-delim", Accept),
    ("via-received-param-no-delim", Accept),
    ("ipv6-in-sdp", Accept),
    ("mult-ip-in-header", Accept),
    ("mult-ip-in-sdp", Accept),
    ("ipv4-mapped-ipv6", Accept),
    ("ipv6-bug-abnf-3-colons", Accept),
    ("ipv6-correct-abnf-2-colons", Accept),
];
