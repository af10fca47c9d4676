#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use proptest::prelude::*;

use super::*;

/// The transaction of RFC 5769 2.2 and 2.3.
const TRANSACTION: Transaction = *b"\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae";

fn answer(kind: [u8; 2], attributes: &[u8]) -> Vec<u8> {
    let mut answer = kind.to_vec();
    answer.extend(u16::try_from(attributes.len()).unwrap().to_be_bytes());
    answer.extend(MAGIC_COOKIE);
    answer.extend(TRANSACTION);
    answer.extend(attributes);
    answer
}

/// SOFTWARE, then the address, as in RFC 5769 2.2.
const V4: &[u8] = b"\x80\x22\x00\x0btest vector \x00\x20\x00\x08\x00\x01\xa1\x47\xe1\x12\xa6\x43";

#[test]
fn the_address_is_read_as_in_rfc_5769() {
    let read_success = |attributes: &[u8]| read(&answer(BINDING_SUCCESS, attributes), TRANSACTION);
    assert_eq!(read_success(V4), Some(Ok([192, 0, 2, 1].into())));
    let v6 = b"\x00\x20\x00\x14\x00\x02\xa1\x47\x01\x13\xa9\xfa\xa5\xd3\xf1\x79\
               \xbc\x25\xf4\xb5\xbe\xd2\xb9\xd9";
    let expected: IpAddr = "2001:db8:1234:5678:11:2233:4455:6677".parse().unwrap();
    assert_eq!(read_success(v6), Some(Ok(expected)));
}

#[test]
fn an_error_is_told_by_its_code() {
    let refused = answer(BINDING_ERROR, b"\x00\x09\x00\x04\x00\x00\x04\x14");
    assert_eq!(read(&refused, TRANSACTION), Some(Err(420)));
}

#[test]
fn what_is_no_answer_to_the_request_is_passed_over() {
    let good = answer(BINDING_SUCCESS, V4);
    assert!(read(&good, TRANSACTION).is_some());
    assert_eq!(read(&good, [0; 12]), None, "another transaction");
    for at in [0, 3, 4] {
        let mut bad = good.clone();
        bad[at] ^= 0x40;
        assert_eq!(read(&bad, TRANSACTION), None, "{at}");
    }
    assert_eq!(read(&good[..good.len() - 1], TRANSACTION), None);
    assert_eq!(read(&answer(BINDING_SUCCESS, b""), TRANSACTION), None);
    // 0.0.0.0 can be reached by nobody.
    let nowhere = b"\x00\x20\x00\x08\x00\x01\xa1\x47\x21\x12\xa4\x42";
    assert_eq!(read(&answer(BINDING_SUCCESS, nowhere), TRANSACTION), None);
}

proptest! {
    #[test]
    fn no_bytes_are_a_panic(bytes in any::<Vec<u8>>(), error in any::<bool>()) {
        read(&bytes, TRANSACTION);
        let kind = if error { BINDING_ERROR } else { BINDING_SUCCESS };
        read(&answer(kind, &bytes), TRANSACTION);
    }
}

#[tokio::test]
async fn a_request_that_was_lost_is_repeated() {
    let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = server.local_addr().unwrap();
    let asked = tokio::spawn(async move { discover(&address.to_string()).await });
    let mut lost = [0; 64];
    server.recv_from(&mut lost).await.unwrap();
    let mut again = [0; 64];
    let (len, from) = server.recv_from(&mut again).await.unwrap();
    assert_eq!((len, &again), (HEADER_LEN, &lost));
    // Somebody else's answer is passed over.
    server
        .send_to(&answer(BINDING_SUCCESS, V4), from)
        .await
        .unwrap();
    let transaction: Transaction = again[8..20].try_into().unwrap();
    let mut reply = answer(BINDING_SUCCESS, V4);
    reply[8..20].copy_from_slice(&transaction);
    server.send_to(&reply, from).await.unwrap();
    assert_eq!(asked.await.unwrap(), Ok([192, 0, 2, 1].into()));
}

#[tokio::test]
async fn who_does_not_answer_or_is_not_there_is_said() {
    let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap();
    let until = Instant::now() + Duration::from_millis(700);
    let told = ask(address, until).await.unwrap_err();
    assert!(told.contains("did not answer"), "{told}");
    drop(silent);
    let told = ask(address, until + Duration::from_secs(1))
        .await
        .unwrap_err();
    assert!(told.contains("cannot be asked"), "{told}");
    let told = discover("nobody.invalid:3478").await.unwrap_err();
    assert!(told.contains("nobody.invalid:3478"), "{told}");
}
