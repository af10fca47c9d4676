//! `a=crypto` and `a=rtcp`.

use super::parsed;
use crate::sdp::{Crypto, MediaDescription, RtcpAddress};
use crate::srtp::{MasterKey, Profile};

/// RFC 4568 6.1: the key of its example.
const KEY: &str = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz";

fn audio(lines: &str) -> MediaDescription {
    let text = format!(
        "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
         m=audio 4000 RTP/SAVP 0\r\n{lines}"
    );
    parsed(&text).media.remove(0)
}

fn profiles(lines: &str) -> Vec<(u32, Profile)> {
    let crypto = audio(lines).crypto;
    crypto
        .iter()
        .map(|line| (line.tag, line.key.profile()))
        .collect()
}

#[test]
fn the_example_of_rfc_4568_is_read() {
    let media = audio(&format!(
        "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^20 WSH=128\r\n"
    ));
    let material = b"YS___semctl () {\t220;}\n}\nunles";
    let (key, salt) = material.split_at(16);
    let key = MasterKey::new(Profile::AesCm128HmacSha1_80, key, salt).expect("a key");
    assert_eq!(media.crypto, [Crypto { tag: 1, key }]);
}

#[test]
fn profiles_are_taken_in_their_order_and_unknown_ones_are_passed_over() {
    let gcm_128 = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGw==";
    let gcm_256 = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKis";
    let lines = format!(
        "a=crypto:1 AES_256_CM_HMAC_SHA1_80 inline:{KEY}{KEY}\r\n\
         a=crypto:2 AEAD_AES_256_GCM inline:{gcm_256}=\r\n\
         a=crypto:3 AEAD_AES_128_GCM inline:{gcm_128}\r\n\
         a=crypto:4 AES_CM_128_HMAC_SHA1_32 inline:{KEY}\r\n\
         a=crypto:5 aes_cm_128_hmac_sha1_80 INLINE:{KEY}|2^31\r\n\
         a=crypto:6 AEAD_AES_256_GCM inline:{gcm_256}\r\n"
    );
    assert_eq!(
        profiles(&lines),
        [
            (2, Profile::AeadAes256Gcm),
            (3, Profile::AeadAes128Gcm),
            (4, Profile::AesCm128HmacSha1_32),
            (5, Profile::AesCm128HmacSha1_80),
            (6, Profile::AeadAes256Gcm),
        ]
    );
}

#[test]
fn lines_that_would_weaken_or_change_the_packets_are_passed_over() {
    for rest in [
        format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^20|1:4"),
        format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|1:4;inline:{KEY}|2:4"),
        format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY} UNENCRYPTED_SRTP"),
        format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY} UNENCRYPTED_SRTCP"),
        format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY} UNAUTHENTICATED_SRTP"),
        format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY} KDR=4"),
        format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY} FEC_ORDER=FEC_SRTP"),
        format!("x AES_CM_128_HMAC_SHA1_80 inline:{KEY}"),
        format!("+1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}"),
        format!("1000000000 AES_CM_128_HMAC_SHA1_80 inline:{KEY}"),
        format!("1 AES_CM_128_HMAC_SHA1_80 uri:{KEY}"),
        format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}AAAA"),
        "1 AES_CM_128_HMAC_SHA1_80 inline:AAAA".to_owned(),
        "1 AES_CM_128_HMAC_SHA1_80 inline:ä".to_owned(),
        "1 AES_CM_128_HMAC_SHA1_80".to_owned(),
        "1".to_owned(),
        String::new(),
    ] {
        assert_eq!(profiles(&format!("a=crypto:{rest}\r\n")), [], "{rest}");
    }
    let harmless = format!("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{KEY} KDR=0 -X=1\r\n");
    assert_eq!(profiles(&harmless).len(), 1);
}

#[test]
fn lines_of_crypto_are_bounded() {
    let line = format!("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}\r\n");
    assert_eq!(
        profiles(&line.repeat(500)).len(),
        super::super::crypto::MAX_LINES
    );
}

#[test]
fn s42_no_key_shows_when_printed() {
    let media = audio(&format!(
        "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}\r\n"
    ));
    assert!(!format!("{media:?}").contains("89,"));
    assert!(format!("{:?}", media.crypto).len() < 120);
}

#[test]
fn rtcp_has_a_port_and_may_have_an_address() {
    let rtcp = |value: &str| audio(&format!("a=rtcp:{value}\r\n")).rtcp;
    let port = |port, address: &str| {
        let address = address.parse().ok();
        Some(RtcpAddress { port, address })
    };
    assert_eq!(rtcp("53020"), port(53_020, ""));
    assert_eq!(
        rtcp("53020 IN IP4 126.16.64.4"),
        port(53_020, "126.16.64.4")
    );
    assert_eq!(rtcp("9 IN IP6 2001:db8::1"), port(9, "2001:db8::1"));
    for absent in [
        "",
        "0",
        "70000",
        "5 IN IP4",
        "5 IN IP4 phone.example",
        "5 X IP4 1.2.3.4",
    ] {
        assert_eq!(rtcp(absent), None, "{absent}");
    }
}
