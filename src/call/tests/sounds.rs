//! Who hears a sound of ours, and when.

use ::media::sound::SoundId;
use serde_json::json;

use super::*;

fn with_music() -> Bench {
    let mut config = config();
    config.media.sounds.music_on_hold = Some(SoundId(4));
    Bench::new(config)
}

fn say(bench: &mut Bench, page: Page, what: &str, call_id: &str) -> Vec<String> {
    bench.say(page, what, json!({ "callId": call_id }));
    let orders = orders(&bench.take_commands());
    let sounds = |it: &String| it.starts_with("play") || it.starts_with("stop");
    orders.into_iter().filter(sounds).collect()
}

#[test]
fn who_is_held_hears_music_until_he_hears_the_other_again() {
    let mut bench = with_music();
    let (ann, ben) = (bench.guest("ann"), bench.guest("ben"));
    let talk = bench.talk(ann, ben, "ben");
    let (a, b) = (talk.caller_leg.0, talk.callee_leg.0);
    bench.say(ann, "hold", json!({ "callId": talk.caller_id }));
    let held = orders(&bench.take_commands());
    assert_eq!(
        held[..4],
        [
            format!("unpatch {a} {b}"),
            format!("unpatch {b} {a}"),
            format!("stop {a}"),
            format!("play {b} 4"),
        ]
    );
    bench.say(ann, "unhold", json!({ "callId": talk.caller_id }));
    let resumed = orders(&bench.take_commands());
    assert_eq!(
        resumed[..4],
        [
            format!("stop {a}"),
            format!("stop {b}"),
            format!("patch {a} {b}"),
            format!("patch {b} {a}"),
        ],
        "the music ends before the voice begins"
    );
}

#[test]
fn nobody_hears_music_who_holds_himself() {
    let mut bench = with_music();
    let (ann, ben) = (bench.guest("ann"), bench.guest("ben"));
    let talk = bench.talk(ann, ben, "ben");
    let (a, b) = (talk.caller_leg.0, talk.callee_leg.0);
    let (stop_a, stop_b) = (format!("stop {a}"), format!("stop {b}"));
    let by_ann = say(&mut bench, ann, "hold", &talk.caller_id);
    assert_eq!(by_ann, [stop_a.clone(), format!("play {b} 4")]);
    let by_both = say(&mut bench, ben, "hold", &talk.callee_id);
    assert_eq!(by_both, [stop_a, stop_b.clone()]);
    let by_ben = say(&mut bench, ann, "unhold", &talk.caller_id);
    assert_eq!(by_ben, [format!("play {a} 4"), stop_b]);
}
