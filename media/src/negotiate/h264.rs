//! H.264 profiles (RFC 6184 8.1, 8.2.2).

/// What two H.264 formats must have in common to be the same format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Configuration {
    profile: Profile,
    /// `packetization-mode`; 0 where nothing is said.
    mode: u8,
}

/// RFC 6184 8.1, table 5: several pairs of `profile_idc` and `profile-iop` say the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Profile {
    ConstrainedBaseline,
    Baseline,
    Main,
    Extended,
    High,
    ConstrainedHigh,
    /// Others are the same only if they are written the same.
    Other(u8, u8),
}

impl Configuration {
    /// `None` if a parameter cannot be read.
    pub(super) fn new(profile_level_id: Option<&str>, mode: Option<&str>) -> Option<Self> {
        let profile = match profile_level_id {
            Some(text) => Profile::parse(text)?,
            // RFC 6184 8.1 infers Baseline, level 1. Those who leave it out mean what every
            // decoder can do.
            None => Profile::ConstrainedBaseline,
        };
        let mode = match mode {
            Some(text) => text.parse().ok().filter(|mode| *mode <= 2)?,
            None => 0,
        };
        Some(Self { profile, mode })
    }
}

impl Profile {
    fn parse(text: &str) -> Option<Self> {
        if text.len() != 6 || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        let number = u32::from_str_radix(text, 16).ok()?;
        let [_, idc, iop, _level] = number.to_be_bytes();
        Some(match (idc, iop) {
            // x1xx0000
            (0x42, iop) if iop & 0b0100_1111 == 0b0100_0000 => Self::ConstrainedBaseline,
            // 1xxx0000
            (0x4D, iop) if iop & 0b1000_1111 == 0b1000_0000 => Self::ConstrainedBaseline,
            // 11xx0000
            (0x58, iop) if iop & 0b1100_1111 == 0b1100_0000 => Self::ConstrainedBaseline,
            // x0xx0000
            (0x42, iop) if iop & 0b0100_1111 == 0 => Self::Baseline,
            // 10xx0000
            (0x58, iop) if iop & 0b1100_1111 == 0b1000_0000 => Self::Baseline,
            // 0x0x0000
            (0x4D, iop) if iop & 0b1010_1111 == 0 => Self::Main,
            // 00xx0000
            (0x58, iop) if iop & 0b1100_1111 == 0 => Self::Extended,
            (0x64, 0) => Self::High,
            (0x64, 0b0000_1100) => Self::ConstrainedHigh,
            (idc, iop) => Self::Other(idc, iop),
        })
    }
}
