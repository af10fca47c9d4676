//! What TLS does not let in (S07, S41).

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use super::{PATIENCE, Server, Tls, Wire, connect, probe};

/// A ClientHello of that version and none above, with ciphers that each version knows.
fn client_hello(version: [u8; 2]) -> Vec<u8> {
    let mut hello = version.to_vec();
    hello.extend([7; 32]);
    hello.push(0);
    // TLS_ECDHE_{ECDSA,RSA}_WITH_AES_128_GCM_SHA256, and of old with CBC_SHA.
    let ciphers = [0xC0, 0x2B, 0xC0, 0x2F, 0xC0, 0x09, 0xC0, 0x13, 0x00, 0x2F];
    hello.extend([0, 10]);
    hello.extend(ciphers);
    hello.extend([1, 0]);
    let extensions: &[&[u8]] = &[
        // supported_groups: secp256r1, x25519
        &[0, 10, 0, 6, 0, 4, 0, 0x17, 0, 0x1D],
        // ec_point_formats: uncompressed
        &[0, 11, 0, 2, 1, 0],
        // signature_algorithms: ecdsa_secp256r1_sha256, rsa_pss_rsae_sha256, rsa_pkcs1_sha256
        &[0, 13, 0, 8, 0, 6, 4, 3, 8, 4, 4, 1],
    ];
    let extensions = extensions.concat();
    hello.extend(u16::try_from(extensions.len()).unwrap().to_be_bytes());
    hello.extend(extensions);
    let length = u16::try_from(hello.len()).unwrap();
    let mut record = vec![0x16, 3, 1];
    record.extend((length + 4).to_be_bytes());
    record.extend([1, 0]);
    record.extend(length.to_be_bytes());
    record.extend(hello);
    record
}

#[test]
fn s41_tls_1_0_and_1_1_are_refused_where_tls_1_2_is_not() {
    let mut server = Server::start();
    let tls = server.sip("tls");
    for (address, of) in [(tls, "SIP"), (server.https, "the page")] {
        for version in [[3, 1], [3, 2]] {
            let mut stream = connect(address);
            stream.write_all(&client_hello(version)).unwrap();
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).unwrap();
            // A fatal alert and nothing else: protocol_version (RFC 5246 7.2.2).
            let [0x15, _, _, 0, 2, 2, 70] = answer[..] else {
                panic!("{of}: {answer:?}");
            };
        }
        let mut stream = connect(address);
        stream.write_all(&client_hello([3, 3])).unwrap();
        let mut answer = [0; 11];
        stream.read_exact(&mut answer).unwrap();
        // A ServerHello of TLS 1.2.
        assert_eq!((answer[0], answer[5]), (0x16, 2), "{of}: {answer:?}");
        assert_eq!(answer[9..], [3, 3], "{of}: {answer:?}");
    }
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn s07_a_message_that_comes_byte_by_byte_over_tls_is_cut_off_and_others_go_on() {
    let change = |text: String| text.replacen("sip = {", "sip = { message_timeout_ms = 300,", 1);
    let mut server = Server::start_with(change);
    let mut other = Tls::open(&mut server);
    let mut slow = Tls::open(&mut server);
    let began = Instant::now();
    let request = probe("TLS", "slow");
    // One byte at a time, until it is closed: each write tells sooner or later.
    let cut_off = request.bytes().cycle().any(|byte| {
        assert!(began.elapsed() < PATIENCE, "it is never cut off");
        std::thread::sleep(Duration::from_millis(20));
        slow.0
            .0
            .write_all(&[byte])
            .and_then(|()| slow.0.0.flush())
            .is_err()
    });
    assert!(cut_off && began.elapsed() >= Duration::from_millis(300));
    other.send(probe("TLS", "other").as_bytes());
    assert_eq!(other.receive().expect("an answer").status, 200);
    assert_eq!(server.stop(), Some(0));
}
