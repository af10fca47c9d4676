//! Examples of the RFCs, and others computed with another implementation (Python's hashlib).

use super::super::algorithm::Sum;
use super::super::response::Facts;
use super::*;

const NONCE_2617: &str = "dcd98b7102dd2f0e8b11d0f600bfb0c093";
const NONCE_7616: &str = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v";
const CNONCE_7616: &str = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
const GET: Request<'static> = Request {
    method: "GET",
    uri: "/dir/index.html",
    body: b"",
};

fn response(
    algorithm: Algorithm,
    (user, realm, password): (&str, &str, &str),
    nonce: &str,
    protection: Option<(Qop, &str)>,
    request: &Request<'_>,
) -> String {
    let protection = protection.map(|(qop, cnonce)| Protection::new(qop, 1, cnonce.into()));
    let facts = Facts {
        algorithm,
        ha1: Ha1::of(algorithm.hash, user, realm, password),
        nonce,
        protection: protection.as_ref(),
    };
    facts.response(request).to_hex()
}

#[test]
fn rfc_7616_3_9_1_md5_and_sha_256() {
    let mufasa = ("Mufasa", "http-auth@example.org", "Circle of Life");
    for (algorithm, expected) in [
        (Algorithm::MD5, "8ca523f5e9506fed4657c9700eebdbec"),
        (
            Algorithm::SHA_256,
            "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
        ),
    ] {
        let protection = Some((Qop::Auth, CNONCE_7616));
        let made = response(algorithm, mufasa, NONCE_7616, protection, &GET);
        assert_eq!(made, expected);
    }
}

/// The RFC prints what SHA-512, cut short, makes (erratum 4897); this is SHA-512/256.
#[test]
fn rfc_7616_3_9_2_sha_512_256_as_the_erratum_has_it() {
    let made = response(
        Algorithm::SHA_512_256,
        ("J\u{e4}s\u{f8}n Doe", "api@example.org", "Secret, or not?"),
        "5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK",
        Some((Qop::Auth, "NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v")),
        &Request {
            uri: "/doe.json",
            ..GET
        },
    );
    assert_eq!(
        made,
        "3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5"
    );
}

#[test]
fn rfc_2617_3_5() {
    let made = response(
        Algorithm::MD5,
        ("Mufasa", "testrealm@host.com", "Circle Of Life"),
        NONCE_2617,
        Some((Qop::Auth, "0a4f113b")),
        &GET,
    );
    assert_eq!(made, "6629fae49393a05397450978507c4ef1");
}

/// RFC 2069 2.4, its response as the erratum has it.
#[test]
fn rfc_2069_2_4_without_qop() {
    let made = response(
        Algorithm::MD5,
        ("Mufasa", "testrealm@host.com", "CircleOfLife"),
        NONCE_2617,
        None,
        &GET,
    );
    assert_eq!(made, "1949323746fe6a43ef61f9606e7febea");
}

#[test]
fn every_algorithm_with_every_quality_of_protection() {
    let expected = [
        ("MD5", Qop::Auth, "d842aeb901c6e474dad4af7f84c64e56"),
        ("MD5", Qop::AuthInt, "e833d715555b5db557637b4de4a0c03e"),
        ("MD5-sess", Qop::Auth, "6cd0cf072b432d52a4a77f23849a0e4b"),
        ("MD5-sess", Qop::AuthInt, "90fea1e63fd1ddce2e590f873f5383a5"),
        (
            "SHA-256",
            Qop::Auth,
            "6beb7b2bfe7a50d425314e7961c7f01bcd8afed8bf5c87c2f5479d1dca2d498f",
        ),
        (
            "SHA-256",
            Qop::AuthInt,
            "6512bebd93efa04d8f84514e0414e67871aabe3f3b8e5f552e7afb3c2c492718",
        ),
        (
            "SHA-256-sess",
            Qop::Auth,
            "989c59a9d2e78eba01b2a3bfb19be08e22adb5d229579775dbdf5f5ab4fa980c",
        ),
        (
            "SHA-256-sess",
            Qop::AuthInt,
            "3bed58eb27620717d813169a6130da5acbb1ec15ff7e3797b1184d5104be1453",
        ),
        (
            "SHA-512-256",
            Qop::Auth,
            "ff36f0111fa81b909a997021f3a040d2f75674daead33f422a33dbdc6966897e",
        ),
        (
            "SHA-512-256",
            Qop::AuthInt,
            "9bf56347c5d105d30b8ee3bdec3ee15368cb6054075f93aa4f1e03ed825d0930",
        ),
        (
            "SHA-512-256-sess",
            Qop::Auth,
            "38b80e2aee2756c7ac8bc072101ab8943971625973b3b010af6825713ac03617",
        ),
        (
            "SHA-512-256-sess",
            Qop::AuthInt,
            "b64817fae72b39f8b79c7376720eeb4cd8dd49fb3dd9b5365ca700a3c383711d",
        ),
    ];
    for (name, qop, expected) in expected {
        let made = response(
            Algorithm::parse(name).unwrap(),
            ("bob", "biloxi.example.com", "zanzibar"),
            NONCE_2617,
            Some((qop, "0a4f113b")),
            &Request {
                method: "INVITE",
                uri: "sip:bob@biloxi.example.com",
                body: b"v=0\r\n",
            },
        );
        assert_eq!(made, expected, "{name} {qop}");
    }
}

#[test]
fn algorithm_names_are_read_in_any_case_and_no_other_is() {
    for name in ["MD5", "md5-SESS", "sha-256", "SHA-512-256-sess"] {
        let algorithm = Algorithm::parse(name).unwrap();
        assert!(algorithm.name().eq_ignore_ascii_case(name));
    }
    for name in ["", "SHA-512", "SHA-1", "AKAv1-MD5", "MD5 "] {
        assert_eq!(Algorithm::parse(name), None);
    }
}

#[test]
fn a_stored_ha1_has_the_length_of_its_hash_and_is_never_shown() {
    assert!(Ha1::new(Hash::Md5, &[1; 32]).is_none());
    assert!(Ha1::new(Hash::Sha256, &[1; 16]).is_none());
    let ha1 = Ha1::new(Hash::Sha256, &[0xab; 32]).unwrap();
    assert_eq!(ha1.as_bytes(), [0xab; 32]);
    assert!(!format!("{ha1:?}").contains("171"), "{ha1:?}");
    assert!(Sum::from_hex(Hash::Md5, "00").is_none());
}
