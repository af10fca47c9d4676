//! Payload formats: `a=rtpmap`, `a=fmtp` and `a=rtcp-fb` of one payload type.

use smol_str::SmolStr;

/// A described payload type (RFC 8866 6.6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Codec {
    /// 0 to 127.
    pub payload_type: u8,
    /// The encoding name, as written; it compares without case.
    pub name: SmolStr,
    /// RTP clock rate, Hz, never 0.
    pub clock_rate: u32,
    /// 1 where nothing is said.
    pub channels: u8,
    /// The format parameters of `a=fmtp`, as written.
    pub parameters: Option<SmolStr>,
    /// The values of `a=rtcp-fb` (RFC 4585 4.2), as written, such as `nack pli`.
    pub feedback: Vec<SmolStr>,
}

impl Codec {
    /// The encoding name is `name`, in any case.
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// A format parameter of the form `name=value`. Names compare without case.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.as_deref()?.split(';').find_map(|pair| {
            let (key, value) = pair.split_once('=')?;
            key.trim_ascii()
                .eq_ignore_ascii_case(name)
                .then(|| value.trim())
        })
    }

    /// The payload type that this retransmission format repairs (RFC 4588 8.1).
    pub fn apt(&self) -> Option<u8> {
        if !self.is("rtx") {
            return None;
        }
        self.parameter("apt")?.parse().ok()
    }

    /// A payload type that needs no map (RFC 3551 6).
    pub(super) fn of_static(payload_type: u8) -> Option<Self> {
        let (name, clock_rate) = match payload_type {
            0 => ("PCMU", 8_000),
            3 => ("GSM", 8_000),
            4 => ("G723", 8_000),
            8 => ("PCMA", 8_000),
            // RFC 3551 4.5.2: the clock is 8000 though it samples at 16000.
            9 => ("G722", 8_000),
            13 => ("CN", 8_000),
            15 => ("G728", 8_000),
            18 => ("G729", 8_000),
            31 => ("H261", 90_000),
            34 => ("H263", 90_000),
            _ => return None,
        };
        Some(Self {
            payload_type,
            name: SmolStr::new_static(name),
            clock_rate,
            channels: 1,
            parameters: None,
            feedback: Vec::new(),
        })
    }

    /// From the value of `a=rtpmap` behind the payload type.
    pub(super) fn from_map(payload_type: u8, map: &str) -> Result<Self, &'static str> {
        let mut fields = map.trim_ascii().split('/');
        let name = fields.next().unwrap_or_default();
        if !(1..=32).contains(&name.len()) || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("the encoding name is not 1 to 32 visible characters");
        }
        let clock_rate = match fields.next().map(str::parse) {
            Some(Ok(rate @ 1..)) => rate,
            Some(_) => return Err("the clock rate is not a number above 0"),
            None => return Err("no clock rate"),
        };
        let channels = match fields.next().map(str::parse) {
            None => 1,
            Some(Ok(channels @ 1..)) => channels,
            Some(_) => return Err("the channel count is not a number from 1 to 255"),
        };
        Ok(Self {
            payload_type,
            name: SmolStr::new(name),
            clock_rate,
            channels,
            parameters: None,
            feedback: Vec::new(),
        })
    }
}
