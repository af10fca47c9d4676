//! Sound alone.

use rtc::rtp_transceiver::rtp_sender::RtpCodecKind::Audio;

use super::agent::AUDIO;
use super::calls::Call;
use super::source::{Source, finish, is_whole, receives};

#[tokio::test]
async fn opus_arrives_on_the_other_side_byte_for_byte_and_in_order() {
    let mut call = Call::between("", AUDIO, AUDIO).await;
    let from_alice = Source::start(&call.alice.agent, Audio, 0xa);
    let from_bob = Source::start(&call.bob.agent, Audio, 0xb);
    receives(&call.bob.agent, &from_alice, 100).await;
    receives(&call.alice.agent, &from_bob, 100).await;
    let at_bob = finish(&call.bob.agent, from_alice).await;
    let at_alice = finish(&call.alice.agent, from_bob).await;
    assert!(
        is_whole(&at_bob.counters),
        "Bob misses packets: {:?}",
        at_bob.counters
    );
    assert!(
        is_whole(&at_alice.counters),
        "Alice misses packets: {:?}",
        at_alice.counters
    );
    call.hang_up().await;
}
