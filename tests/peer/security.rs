//! DTLS in either role, and every SRTP profile the crate knows.

use rtc::rtp_transceiver::rtp_sender::RtpCodecKind::{Audio, Video};
use webrtc::peer_connection::SrtpProtectionProfile::{
    self, Srtp_Aead_Aes_128_Gcm, Srtp_Aead_Aes_256_Gcm, Srtp_Aes128_Cm_Hmac_Sha1_80,
};

use super::calls::{Call, Change, UNCHANGED};
use super::make::{AUDIO, AUDIO_AND_VIDEO, Make};
use super::source::{Source, finish, is_whole, receives};

#[tokio::test]
async fn a_callee_that_speaks_first_in_the_handshake() {
    let active = Make {
        answers_active: true,
        ..AUDIO
    };
    let call = Call::between("", AUDIO, active).await;
    both_ways(&call).await;
}

#[tokio::test]
async fn a_caller_that_waits_for_the_server_to_speak_first_in_the_handshake() {
    let passive: Change = |sdp| sdp.replace("a=setup:actpass", "a=setup:passive");
    let mut call = Call::answered("", (AUDIO, passive), (AUDIO, UNCHANGED)).await;
    let answer = call.talk().await;
    assert!(answer.contains("a=setup:active"), "{answer}");
    both_ways(&call).await;
}

/// Each leg has keys and a profile of its own: what is decrypted from one is encrypted for the
/// other.
#[tokio::test]
async fn legs_with_different_srtp_profiles_hear_each_other() {
    let make = |profile: SrtpProtectionProfile| Make {
        srtp: Some(profile),
        ..AUDIO_AND_VIDEO
    };
    for (caller, callee) in [
        (Srtp_Aes128_Cm_Hmac_Sha1_80, Srtp_Aead_Aes_128_Gcm),
        (Srtp_Aead_Aes_128_Gcm, Srtp_Aead_Aes_256_Gcm),
        (Srtp_Aead_Aes_256_Gcm, Srtp_Aes128_Cm_Hmac_Sha1_80),
    ] {
        let call = Call::between("", make(caller), make(callee)).await;
        both_ways(&call).await;
        let picture = Source::start(&call.bob.agent, Video, 3);
        receives(&call.alice.agent, &picture, 50).await;
        let arrived = finish(&call.alice.agent, picture).await;
        assert!(is_whole(&arrived.counters), "{caller:?}, {callee:?}");
    }
}

async fn both_ways(call: &Call) {
    let from_alice = Source::start(&call.alice.agent, Audio, 1);
    let from_bob = Source::start(&call.bob.agent, Audio, 2);
    receives(&call.bob.agent, &from_alice, 50).await;
    receives(&call.alice.agent, &from_bob, 50).await;
    assert!(is_whole(
        &finish(&call.bob.agent, from_alice).await.counters
    ));
    assert!(is_whole(
        &finish(&call.alice.agent, from_bob).await.counters
    ));
}
