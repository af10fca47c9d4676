//! Published test vectors.

use super::super::aead::Aead;
use super::super::cipher::Position;
use super::super::counter_mode::CounterMode;
use super::super::keys::SessionKeys;
use super::super::{Keys, MasterKey, Profile, SrtpError, SrtpInbound, SrtpOutbound};
use super::hex;
use crate::ids::DtlsRole;

fn session_keys(profile: Profile, key: &[u8], salt: &[u8]) -> SessionKeys {
    let mut keys = SessionKeys {
        profile,
        key: [0; 32],
        auth_key: [0; 20],
        salt: [0; 14],
    };
    keys.key[..key.len()].copy_from_slice(key);
    keys.salt[..salt.len()].copy_from_slice(salt);
    keys
}

#[test]
fn session_keys_derive_as_in_rfc_3711_b3() {
    let master = MasterKey::new(
        Profile::AesCm128HmacSha1_80,
        &hex("E1F97A0D3E018BE0D64FA32C06DE4139"),
        &hex("0EC675AD498AFEEBB6960B3AABE6"),
    )
    .unwrap();
    let keys = master.rtp_session();
    assert_eq!(keys.key[..16], hex("C61E7A93744F39EE10734AFE3FF7A087"));
    assert_eq!(
        keys.auth_key[..],
        hex("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4")
    );
    assert_eq!(keys.salt[..], hex("30CBBC08863D8C85D49DB34A9AE1"));
}

#[test]
fn session_keys_derive_with_aes_256_as_in_rfc_6188_7_2() {
    let master = MasterKey {
        profile: Profile::AeadAes256Gcm,
        key: hex("f0f04914b513f2763a1b1fa130f10e2998f6f6e43e4309d1e622a0e332b9f1b6")
            .try_into()
            .unwrap(),
        // Of 112 bits, as the vector has it.
        salt: hex("3b04803de51ee7c96423ab5b78d2").try_into().unwrap(),
    };
    let keys = master.rtp_session();
    assert_eq!(
        keys.key[..],
        hex("5ba1064e30ec51613cad926c5a28ef731ec7fb397f70a960653caf06554cd8c4")
    );
    assert_eq!(keys.salt[..12], hex("fa31791685ca444a9e07c6c6"));
    assert_eq!(
        keys.auth_key[..],
        hex("fd9c32d39ed5fbb5a9dc96b30818454d1313dc05")
    );
}

#[test]
fn the_key_stream_is_that_of_rfc_3711_b2() {
    let keys = session_keys(
        Profile::AesCm128HmacSha1_80,
        &hex("2B7E151628AED2A6ABF7158809CF4F3C"),
        &hex("F0F1F2F3F4F5F6F7F8F9FAFBFCFD"),
    );
    let cipher = CounterMode::new(&keys).unwrap();
    let len = 0xFF02 * 16;
    let mut stream = vec![0; len + 10];
    let position = Position { ssrc: 0, index: 0 };
    cipher.seal_rtp(&mut stream, len, 0, position).unwrap();
    assert_eq!(
        stream[..48],
        hex("E03EAD0935C95E80E166B16DD92B4EB4
             D23513162B02D0F72A43A2FE4A5F97AB
             41E95B3BB0A2E8DD477901E4FCA894C0")
    );
    assert_eq!(
        stream[0xFEFF * 16..0xFF02 * 16],
        hex("EC8CDF7398607CB0F2D21675EA9EA1E4
             362B7C3C6773516318A077D7FC5073AE
             6A2CC3787889374FBEB4C81B17BA6C44")
    );
}

const RFC_7714_SALT: &str = "517569642070726f2071756f";
const RFC_7714_RTP: &str = "8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973
     20646976 69736120 696e2070 61727465 73207472 6573";
const RFC_7714_RTCP: &str = "81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930
     4c756e61 deadbeef deadbeef deadbeef deadbeef deadbeef";

fn rfc_7714(profile: Profile) -> Aead {
    let key: Vec<u8> = (0..profile.key_len() as u8).collect();
    Aead::new(&session_keys(profile, &key, &hex(RFC_7714_SALT))).unwrap()
}

#[test]
fn rtp_is_sealed_and_opened_as_in_rfc_7714_16() {
    let position = Position {
        ssrc: 0x5501_A0B2,
        index: 0xF17B,
    };
    let plain = hex(RFC_7714_RTP);
    for (profile, expected) in [
        (
            Profile::AeadAes128Gcm,
            "8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f
             42a5f47a 51c7d19b 36de3adf 8833899d 7f27beb1 6a9152cf 765ee439 0cce",
        ),
        (
            Profile::AeadAes256Gcm,
            "8040f17b 8041f8d3 5501a0b2 32b1de78 a822fe12 ef9f78fa 332e33aa b1801238 9a58e2f3
             b50b2a02 76ffae0f 1ba63799 b87b7aa3 db36dfff d6b0f9bb 7878d7a7 6c13",
        ),
    ] {
        let cipher = rfc_7714(profile);
        let mut packet = plain.clone();
        packet.resize(plain.len() + 16, 0);
        cipher
            .seal_rtp(&mut packet, plain.len(), 12, position)
            .unwrap();
        assert_eq!(packet, hex(expected), "{profile:?}");
        let len = cipher.open_rtp(&mut packet, 12, position).unwrap();
        assert_eq!(packet[..len], plain, "{profile:?}");
    }
}

#[test]
fn rtcp_is_sealed_and_opened_as_in_rfc_7714_17() {
    let position = Position {
        ssrc: 0x4D61_7273,
        index: 0x5D4,
    };
    let plain = hex(RFC_7714_RTCP);
    for (profile, expected) in [
        (
            Profile::AeadAes128Gcm,
            "81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d c676a5f1
             730d6fda 4ce09b46 86303ded 0bb9275b c84aa458 96cf4d2f c5abf872 45d9eade 800005d4",
        ),
        (
            Profile::AeadAes256Gcm,
            "81c8000d 4d617273 d50ae4d1 f5ce5d30 4ba297e4 7d470c28 2c3ece5d bffe0a50 a2eaa5c1
             110555be 8415f658 c61de047 6f1b6fad 1d1eb30c 4446839f 57ff6f6c b26ac3be 800005d4",
        ),
    ] {
        let cipher = rfc_7714(profile);
        let mut packet = plain.clone();
        packet.resize(plain.len() + 20, 0);
        cipher
            .seal_rtcp(&mut packet, plain.len(), position)
            .unwrap();
        assert_eq!(packet, hex(expected), "{profile:?}");
        assert_eq!(Aead::rtcp_index_word(&packet), Ok(0x8000_05D4));
        let len = cipher.open_rtcp(&mut packet, position).unwrap();
        assert_eq!(packet[..len], plain, "{profile:?}");
    }
}

/// Whole packets from a master key on, as the reference implementation makes them. They prove
/// the order of fields and, for AES-GCM, the derivation from a salt of 96 bits.
struct WholePacket {
    profile: Profile,
    key: &'static str,
    salt: &'static str,
    rtp: &'static str,
    rtcp: &'static str,
}

const WHOLE_PACKETS: [WholePacket; 3] = [
    WholePacket {
        profile: Profile::AesCm128HmacSha1_80,
        key: "e1f97a0d3e018be0d64fa32c06de4139",
        salt: "0ec675ad498afeebb6960b3aabe6",
        rtp: "800f1234 decafbad cafebabe 4e55dc4c e79978d8 8ca4d215 949d2402 b78d6acc 99ea179b
              8dbb",
        rtcp: "81c8000b cafebabe 7128035b e487b9bd bef89041 f977a5a8 80000001 993e08cd 54d6c123
               0798",
    },
    WholePacket {
        profile: Profile::AesCm128HmacSha1_32,
        key: "e1f97a0d3e018be0d64fa32c06de4139",
        salt: "0ec675ad498afeebb6960b3aabe6",
        rtp: "800f1234 decafbad cafebabe 4e55dc4c e79978d8 8ca4d215 949d2402 b78d6acc",
        rtcp: "81c8000b cafebabe 7128035b e487b9bd bef89041 f977a5a8 80000001 993e08cd 54d6c123
               0798",
    },
    WholePacket {
        profile: Profile::AeadAes128Gcm,
        key: "000102030405060708090a0b0c0d0e0f",
        salt: "a0a1a2a3a4a5a6a7a8a9aaab",
        rtp: "800f1234 decafbad cafebabe c5002ede 04cfdd2e b91159e0 880aa06e d2976826 f796b201
              df3131a1 27e8a392",
        rtcp: "81c8000b cafebabe c98b8b5d f0392a55 852b6c21 ac8e7025 c52c6fbe a2b3b446 ea31123b
               a88ce61e 80000001",
    },
];

#[test]
fn whole_packets_match_the_reference_implementation() {
    for vector in &WHOLE_PACKETS {
        let (profile, key, salt) = (vector.profile, hex(vector.key), hex(vector.salt));
        let master = MasterKey::new(profile, &key, &salt).unwrap();
        let (protected, protected_rtcp) = (hex(vector.rtp), hex(vector.rtcp));
        let mut plain = hex("800f1234 decafbad cafebabe");
        plain.extend([0xAB; 16]);
        let mut plain_rtcp = hex("81c8000b cafebabe");
        plain_rtcp.extend([0xAB; 16]);

        let mut sender = SrtpOutbound::new(&master).unwrap();
        let mut packet = plain.clone();
        packet.resize(plain.len() + profile.rtp_overhead(), 0);
        sender.protect_rtp(&mut packet, plain.len()).unwrap();
        assert_eq!(packet, protected, "{profile:?}");
        // Theirs begins with index 1, ours with 0.
        for _ in 0..2 {
            packet = plain_rtcp.clone();
            packet.resize(plain_rtcp.len() + profile.rtcp_overhead(), 0);
            sender.protect_rtcp(&mut packet, plain_rtcp.len()).unwrap();
        }
        assert_eq!(packet, protected_rtcp, "{profile:?}");

        let mut receiver = SrtpInbound::new(&master).unwrap();
        packet = protected;
        let len = receiver.unprotect_rtp(&mut packet).unwrap();
        assert_eq!(packet[..len], plain, "{profile:?}");
        packet = protected_rtcp;
        let len = receiver.unprotect_rtcp(&mut packet).unwrap();
        assert_eq!(packet[..len], plain_rtcp, "{profile:?}");
    }
}

#[test]
fn exported_material_splits_as_in_rfc_5764_4_2() {
    let profile = Profile::AeadAes128Gcm;
    let material: Vec<u8> = (0..profile.material_len() as u8).collect();
    let (client_key, rest) = material.split_at(16);
    let (server_key, rest) = rest.split_at(16);
    let (client_salt, server_salt) = rest.split_at(12);
    let client = MasterKey::new(profile, client_key, client_salt).unwrap();
    let server = MasterKey::new(profile, server_key, server_salt).unwrap();

    let ours = Keys::from_dtls(profile, &material, DtlsRole::Client).unwrap();
    assert_eq!(ours.outbound.rtp_session().key, client.rtp_session().key);
    assert_eq!(ours.outbound.rtp_session().salt, client.rtp_session().salt);
    assert_eq!(ours.inbound.rtcp_session().key, server.rtcp_session().key);
    assert_eq!(ours.inbound.rtcp_session().salt, server.rtcp_session().salt);
    let ours = Keys::from_dtls(profile, &material, DtlsRole::Server).unwrap();
    assert_eq!(ours.outbound.rtp_session().key, server.rtp_session().key);
    assert_eq!(ours.inbound.rtp_session().key, client.rtp_session().key);

    for len in [0, material.len() - 1, material.len() + 1] {
        let refused = Keys::from_dtls(profile, &vec![0; len], DtlsRole::Client);
        assert_eq!(refused.unwrap_err(), SrtpError::KeyLength);
    }
}

#[test]
fn s42_no_key_shows_when_printed() {
    let master = MasterKey::new(Profile::AesCm128HmacSha1_80, &[0xAB; 16], &[0xCD; 14]).unwrap();
    let texts = [
        format!("{master:?}"),
        format!("{:?}", SrtpInbound::new(&master).unwrap()),
        format!("{:?}", SrtpOutbound::new(&master).unwrap()),
    ];
    for text in texts {
        for secret in ["171", "205", "ab", "cd"] {
            assert!(
                !text.to_lowercase().contains(&format!("{secret},")),
                "{text}"
            );
        }
        assert!(text.len() < 400, "{text}");
    }
}
