use super::*;
use crate::tests::start_of_time as start;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

#[test]
fn many_wishes_make_one_request_per_interval() {
    let now = start();
    let mut requests = KeyframeRequests::default();
    let mut asked = 0;
    for step in 0..200 {
        let now = now + ms(step * 10);
        requests.want(now);
        asked += u32::from(requests.take_due(now, true));
        if step % 3 == 0 {
            requests.arrived(now);
        }
    }
    assert_eq!(asked, 4);
}

#[test]
fn an_unanswered_request_is_repeated_some_times_and_then_no_more() {
    let now = start();
    let mut requests = KeyframeRequests::default();
    requests.want(now);
    let asked = (0..100_u64)
        .filter(|step| requests.take_due(now + ms(step * 100), true))
        .count();
    assert_eq!(asked, usize::from(MAX_ATTEMPTS));
    assert_eq!(requests.poll_timeout(), None);
}

#[test]
fn a_loss_for_good_wants_a_keyframe_unless_one_came_after_it() {
    let now = start();
    let mut requests = KeyframeRequests::default();
    requests.arrived(now + ms(10));
    requests.want_after(now + ms(50), now + ms(5));
    assert!(
        !requests.take_due(now + ms(50), true),
        "it came after the gap opened"
    );
    requests.want_after(now + ms(60), now + ms(20));
    assert!(requests.take_due(now + ms(60), true));
}

#[test]
fn a_keyframe_ends_the_waiting() {
    let now = start();
    let mut requests = KeyframeRequests::default();
    requests.want(now);
    assert!(requests.take_due(now, true));
    requests.arrived(now);
    assert_eq!(requests.poll_timeout(), None);
    assert!(!requests.take_due(now + ms(5000), true));
}

#[test]
fn without_seeing_the_answer_one_request_is_all() {
    let now = start();
    let mut requests = KeyframeRequests::default();
    requests.want(now);
    assert!(requests.take_due(now, false));
    assert_eq!(requests.poll_timeout(), None);
}

#[test]
fn vp8_keyframes_are_told_from_other_frames_and_later_packets() {
    let plain = [0x10, 0x00, 0, 0];
    let extended = [0x90, 0xE0, 0x81, 0x23, 0x45, 0x67, 0x00];
    assert_eq!(begins_keyframe(Format::Vp8, &plain), Some(true));
    assert_eq!(begins_keyframe(Format::Vp8, &extended), Some(true));
    assert_eq!(
        begins_keyframe(Format::Vp8, &[0x10, 0x01]),
        Some(false),
        "inter frame"
    );
    assert_eq!(
        begins_keyframe(Format::Vp8, &[0x00, 0x00]),
        Some(false),
        "continuation"
    );
    assert_eq!(
        begins_keyframe(Format::Vp8, &[0x90]),
        Some(false),
        "cut off"
    );
    assert_eq!(begins_keyframe(Format::Vp8, &[]), Some(false));
}

#[test]
fn h264_keyframes_are_seen_alone_aggregated_and_fragmented() {
    let h264 = |bytes: &[u8]| begins_keyframe(Format::H264, bytes);
    assert_eq!(h264(&[0x65, 1]), Some(true));
    assert_eq!(h264(&[0x67, 1]), Some(true));
    assert_eq!(h264(&[0x61, 1]), Some(false));
    assert_eq!(h264(&[0x78, 0, 2, 0x06, 0, 0, 2, 0x67, 0]), Some(true));
    assert_eq!(h264(&[0x78, 0, 2, 0x61, 0]), Some(false));
    assert_eq!(h264(&[0x78, 0xFF, 0xFF, 0x61]), Some(false));
    assert_eq!(h264(&[0x7C, 0x85]), Some(true));
    assert_eq!(h264(&[0x7C, 0x05]), Some(false), "not the first fragment");
}

#[test]
fn av1_keyframes_begin_a_coded_video_sequence() {
    let av1 = |bytes: &[u8]| begins_keyframe(Format::Av1, bytes);
    assert_eq!(av1(&[0x18, 0x0A]), Some(true));
    assert_eq!(av1(&[0x10, 0x32]), Some(false));
    assert_eq!(av1(&[0x90, 0x32]), Some(false), "a later part");
    assert_eq!(av1(&[]), Some(false));
}

#[test]
fn other_formats_cannot_be_told() {
    assert_eq!(begins_keyframe(Format::Opus, &[0x10]), None);
    assert!(!is_recognised(Format::Opus));
}
