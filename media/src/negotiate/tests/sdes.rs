//! Keys in descriptions (RFC 4568).

use super::peer::{A, CHROMIUM_AUDIO, CHROMIUM_VIDEO, local, parsed, remote};
use super::phone::{PHONE, VIDEO, far_side, offer_to_phone, phone_answer, phone_local};
use crate::ids::MediaKind::{Audio, Video};
use crate::negotiate::{
    Bridge, LocalAnswer, NegotiationError, OfferedTransport, Policy, Security, Source, answer,
    bridge, check_transport,
};
use crate::sdp::{Crypto, Direction};
use crate::srtp::{Keys, Profile};

const KEY: &str = "inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz|2^20";

/// The phone's offer under this protocol and with these keys.
fn with_keys(protocol: &str, crypto: &[&str]) -> String {
    let lines: String = crypto
        .iter()
        .map(|suite| format!("a=crypto:{suite} {KEY}\r\n"))
        .collect();
    format!("{}{lines}", PHONE.replace("RTP/AVP", protocol))
}

fn answered(sdp: &str, security: Security) -> Result<LocalAnswer, NegotiationError> {
    let ours = phone_local(A, security);
    let source = Source::Everything(&[Audio]);
    let policy = Policy::default();
    answer(
        A,
        None,
        &policy,
        &remote(sdp),
        source,
        Direction::SendRecv,
        &ours,
    )
}

fn keys(bridge: &Bridge) -> Option<&Keys> {
    far_side(&bridge.plan_b, Audio).keys.as_ref()
}

fn call(
    security: Security,
    change: impl FnOnce(&mut Vec<Crypto>),
) -> Result<Bridge, NegotiationError> {
    let offered = offer_to_phone(CHROMIUM_AUDIO, security);
    let mut answer = phone_answer(&offered.sdp);
    change(&mut answer.media[0].crypto);
    let a = (A, &remote(CHROMIUM_AUDIO), &local(A));
    bridge(a, &offered, &answer.to_text(), &Policy::default())
}

#[test]
fn the_first_key_of_an_offer_that_can_be_used_is_answered_with_one_of_ours() {
    let sdp = with_keys(
        "RTP/SAVP",
        &[
            "1 F8_128_HMAC_SHA1_80",
            "2 AES_CM_128_HMAC_SHA1_32",
            "3 AES_CM_128_HMAC_SHA1_80",
        ],
    );
    assert_eq!(
        remote(&sdp).transport(),
        OfferedTransport::Rtp {
            encrypted: true,
            feedback: false
        }
    );
    let answer = answered(&sdp, Security::Plain).expect("an answer");
    let media = &parsed(&answer.sdp).media[0];
    assert_eq!(media.protocol, "RTP/SAVP");
    let [crypto] = &media.crypto[..] else {
        panic!("one key: {:?}", media.crypto);
    };
    assert_eq!(crypto.tag, 2);
    assert_eq!(crypto.key.profile(), Profile::AesCm128HmacSha1_32);
    let keys = far_side(answer.agreement.plan(), Audio).keys.as_ref();
    let keys = keys.expect("keys");
    assert!(keys.outbound == crypto.key && keys.inbound != crypto.key);
}

#[test]
fn an_offer_that_asks_for_encryption_without_a_usable_key_is_refused_in_words() {
    let sdp = with_keys("RTP/SAVP", &["1 F8_128_HMAC_SHA1_80"]);
    let error = answered(&sdp, Security::Plain).expect_err("a refusal");
    assert_eq!(
        error.to_string(),
        "nothing in the offer can be used: audio is to be encrypted, but no key for it can be \
         used (a=crypto); the caller offers no video"
    );
}

#[test]
fn a_plain_offer_is_refused_where_encryption_is_required() {
    let error = answered(PHONE, Security::Required).expect_err("a refusal");
    assert!(
        error
            .to_string()
            .contains("audio is not encrypted, and it has to be here")
    );
}

#[test]
fn what_cannot_be_carried_whoever_answers_is_known_before_anybody_has() {
    let key = "1 AES_CM_128_HMAC_SHA1_80";
    let unusable = with_keys("RTP/SAVP", &["1 F8_128_HMAC_SHA1_80"]);
    let video = VIDEO.replace("RTP/AVP", "RTP/SAVP");
    let with_picture = format!("{PHONE}{video}a=crypto:{key} {KEY}\r\n");
    for (sdp, security, is_fit) in [
        (PHONE, Security::Required, false),
        (PHONE, Security::Opportunistic, true),
        (PHONE, Security::Plain, true),
        (&with_keys("RTP/AVP", &[key]), Security::Required, true),
        (&with_keys("RTP/SAVP", &[key]), Security::Plain, true),
        (&unusable, Security::Plain, false),
        // It goes on with what can.
        (&with_picture, Security::Required, true),
    ] {
        let checked = check_transport(&remote(sdp), &phone_local(A, security));
        assert_eq!(checked.is_ok(), is_fit, "{security:?} {sdp}");
    }
    let error = check_transport(&remote(PHONE), &phone_local(A, Security::Required));
    assert_eq!(
        error.expect_err("a refusal").to_string(),
        "nothing in the offer can be used: audio is not encrypted, and it has to be here (sip.srtp)"
    );
    let browser = check_transport(&remote(CHROMIUM_AUDIO), &local(A));
    assert!(browser.is_ok());
}

#[test]
fn a_key_in_a_plain_profile_is_taken_where_that_is_wanted() {
    let sdp = with_keys("RTP/AVP", &["1 AES_CM_128_HMAC_SHA1_80"]);
    for (security, encrypted) in [
        (Security::Plain, false),
        (Security::Opportunistic, true),
        (Security::Required, true),
    ] {
        let answer = answered(&sdp, security).expect("an answer");
        let media = &parsed(&answer.sdp).media[0];
        assert_eq!(media.protocol, "RTP/AVP", "RFC 8643 keeps the profile");
        assert_eq!(media.crypto.len(), usize::from(encrypted), "{security:?}");
        let remote = far_side(answer.agreement.plan(), Audio);
        assert_eq!(remote.keys.is_some(), encrypted);
    }
}

#[test]
fn an_offer_of_ours_names_a_key_for_each_profile_and_the_answer_chooses() {
    let offered = offer_to_phone(CHROMIUM_AUDIO, Security::Required);
    let media = &parsed(&offered.sdp).media[0];
    assert_eq!(media.protocol, "RTP/SAVP");
    assert_eq!(media.crypto.len(), 4);
    let ours = media.crypto[2].clone();
    let theirs = Crypto {
        tag: 3,
        key: parsed(&offer_to_phone(CHROMIUM_VIDEO, Security::Required).sdp).media[1].crypto[2]
            .key
            .clone(),
    };
    let bridge = call(Security::Required, |crypto| *crypto = vec![theirs.clone()]);
    let bridge = bridge.expect("a bridge");
    let keys = keys(&bridge).expect("keys");
    assert!(keys.outbound == ours.key && keys.inbound == theirs.key);
}

#[test]
fn no_two_streams_and_profiles_share_a_key() {
    let sdp = offer_to_phone(CHROMIUM_VIDEO, Security::Required).sdp;
    let description = parsed(&sdp);
    let keys: Vec<_> = description.media.iter().flat_map(|it| &it.crypto).collect();
    assert_eq!(keys.len(), 8);
    for (index, one) in keys.iter().enumerate() {
        assert!(keys[..index].iter().all(|other| other.key != one.key));
    }
}

#[test]
fn an_answer_cannot_take_encryption_away() {
    let error = call(Security::Required, Vec::clear).expect_err("a refusal");
    assert_eq!(
        error.to_string(),
        "nothing in the answer can be used: audio is to be encrypted, but no key for it can be used \
         (a=crypto)"
    );

    // Nor choose a key that was not offered.
    let tag = |crypto: &mut Vec<Crypto>| crypto[0].tag = 9;
    assert!(call(Security::Required, tag).is_err());
}

#[test]
fn an_opportunistic_offer_goes_on_plain_if_the_phone_takes_no_key() {
    let plain = call(Security::Opportunistic, Vec::clear).expect("a bridge");
    assert!(keys(&plain).is_none());
    let encrypted = call(Security::Opportunistic, |_| {}).expect("a bridge");
    assert!(keys(&encrypted).is_some());
}

#[test]
fn keys_stay_out_of_logs() {
    let offered = offer_to_phone(CHROMIUM_AUDIO, Security::Required);
    let printed = format!(
        "{:?} {:?}",
        offered.plan,
        phone_local(A, Security::Required)
    );
    assert!(
        printed.contains("KeySeed") && !printed.contains("[1, 1, 1"),
        "{printed}"
    );
}

#[test]
fn video_of_a_phone_has_keys_of_its_own() {
    let sdp = format!(
        "{}{}a=crypto:1 AES_CM_128_HMAC_SHA1_80 {KEY}\r\n",
        with_keys("RTP/SAVP", &["1 AES_CM_128_HMAC_SHA1_80"]),
        VIDEO.replace("RTP/AVP", "RTP/SAVP")
    );
    let ours = phone_local(A, Security::Plain);
    let source = Source::Everything(&[Audio, Video]);
    let policy = Policy::default();
    let answer = answer(
        A,
        None,
        &policy,
        &remote(&sdp),
        source,
        Direction::SendRecv,
        &ours,
    );
    let agreement = answer.expect("an answer").agreement;
    let outbound = |kind| {
        let keys = far_side(agreement.plan(), kind).keys.as_ref();
        keys.expect("keys").outbound.clone()
    };
    assert!(outbound(Audio) != outbound(Video));
}
