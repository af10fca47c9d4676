//! A side without UDP comes over the TCP port (RFC 6544).

use rtc::rtp_transceiver::rtp_sender::RtpCodecKind::{Audio, Video};

use super::calls::Call;
use super::make::{AUDIO_AND_VIDEO, Make};
use super::source::{Source, finish, is_whole, receives};

const OVER_TCP: Make = Make {
    tcp: true,
    ..AUDIO_AND_VIDEO
};

#[tokio::test]
async fn sound_and_picture_arrive_byte_for_byte_whichever_side_comes_over_tcp() {
    for (alice, bob) in [
        (OVER_TCP, AUDIO_AND_VIDEO),
        (AUDIO_AND_VIDEO, OVER_TCP),
        (OVER_TCP, OVER_TCP),
    ] {
        let mut call = Call::between("", alice, bob).await;
        for kind in [Audio, Video] {
            let from_alice = Source::start(&call.alice.agent, kind, 0xa);
            let from_bob = Source::start(&call.bob.agent, kind, 0xb);
            receives(&call.bob.agent, &from_alice, 100).await;
            receives(&call.alice.agent, &from_bob, 100).await;
            let at_bob = finish(&call.bob.agent, from_alice).await;
            let at_alice = finish(&call.alice.agent, from_bob).await;
            assert!(is_whole(&at_bob.counters), "{:?}", at_bob.counters);
            assert!(is_whole(&at_alice.counters), "{:?}", at_alice.counters);
        }
        call.hang_up().await;
    }
}
