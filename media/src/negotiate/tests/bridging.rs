//! From B's answer to both plans.

use super::peer::{CHROMIUM_AUDIO, accept, exchange};
use crate::negotiate::Policy;

#[test]
fn an_audio_call_uses_the_first_codec_of_both() {
    let bridge = exchange(CHROMIUM_AUDIO, &Policy::default(), |offer| {
        accept(offer).to_text()
    })
    .expect("a bridge");
    assert_eq!(bridge.audio.codec(), Some("opus"));
    assert_eq!(
        bridge.summary,
        "A offers opus,G722,PCMU,PCMA; B accepts opus,G722,PCMU,PCMA; bridge opus"
    );
}
