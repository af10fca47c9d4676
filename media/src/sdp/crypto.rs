//! `a=crypto` (RFC 4568): the key with which its writer protects what it sends.

use base64ct::{Base64Unpadded, Encoding};
use zeroize::Zeroizing;

use crate::srtp::{MasterKey, Profile};

/// Lines kept of one m-line; phones write two to eight.
pub(super) const MAX_LINES: usize = 16;

/// The largest tag (RFC 4568 9.1: nine digits).
const MAX_TAG: u32 = 999_999_999;

/// Key and salt of the longest profile.
const MAX_MATERIAL: usize = 46;

/// One line, of a profile that is spoken here. The key stays out of logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crypto {
    /// By which an answer says which line of the offer it takes.
    pub tag: u32,
    /// Profile and key.
    pub key: MasterKey,
}

impl Crypto {
    /// Reads the value of `a=crypto`. `None` where it cannot be used: an unknown profile, a
    /// malformed key, a key identifier in each packet (MKI), or a parameter that changes how
    /// packets look or leaves them unprotected (RFC 4568 6.3: "the crypto attribute MUST be
    /// considered invalid"). A limit to the life of the key binds the writer alone.
    pub(super) fn parse(value: &str) -> Option<Self> {
        let mut fields = value.split_ascii_whitespace();
        let tag = fields.next()?;
        let plain = !tag.is_empty() && tag.bytes().all(|digit| digit.is_ascii_digit());
        let tag = tag.parse().ok().filter(|tag| plain && *tag <= MAX_TAG)?;
        let profile = Profile::from_name(fields.next()?)?;
        let key = key_of(profile, fields.next()?)?;
        fields.all(is_harmless).then_some(Self { tag, key })
    }

    /// The value of `a=crypto`.
    pub(super) fn to_value(&self) -> Zeroizing<String> {
        let material = self.key.material();
        let material = material.get(..self.key.material_len()).unwrap_or_default();
        let mut text = Zeroizing::new([0; 64]);
        let encoded = Base64Unpadded::encode(material, text.as_mut_slice()).unwrap_or_default();
        // RFC 4648 3.2 wants the padding, and some phones do.
        let padding = "=".repeat(encoded.len().next_multiple_of(4) - encoded.len());
        Zeroizing::new(format!(
            "{} {} inline:{encoded}{padding}",
            self.tag,
            self.key.profile()
        ))
    }
}

/// `inline:BASE64[|lifetime]`; more than one key would need an MKI to tell them apart.
fn key_of(profile: Profile, parameters: &str) -> Option<MasterKey> {
    let method = parameters.get(..7)?;
    let info = parameters.get(7..)?;
    if !method.eq_ignore_ascii_case("inline:") || info.contains(';') {
        return None;
    }
    let mut parts = info.split('|');
    let text = parts.next()?.trim_end_matches('=');
    if parts.any(|part| part.contains(':')) {
        return None;
    }
    let mut material = Zeroizing::new([0; MAX_MATERIAL]);
    let material = Base64Unpadded::decode(text, material.as_mut_slice()).ok()?;
    let (key, salt) = material.split_at_checked(profile.key_len())?;
    MasterKey::new(profile, key, salt).ok()
}

/// RFC 4568 6.3.7: a parameter that begins with a hyphen may be ignored. The hint for the size
/// of the replay window is one (6.3.6); ours is wider than any hint.
fn is_harmless(parameter: &str) -> bool {
    parameter.starts_with('-') || parameter.starts_with("WSH=") || parameter == "KDR=0"
}
