//! Our own page exchanges descriptions anew in an answered call: a picture comes and goes.

use std::time::Duration;

use super::*;

impl Bench {
    /// A guest whose page can exchange descriptions anew.
    pub(super) fn new_page(&mut self, name: &str) -> Page {
        let page = self.guest(name);
        self.say(page, "callbox.hello", json!({ "version": 2 }));
        self.take(page);
        page
    }

    /// Two talk without a picture; the second is called ben.
    fn talk_without_picture(&mut self, caller: Page, callee: Page) -> (String, String) {
        let caller_id = self.call_with(caller, "ben", OFFER_AUDIO);
        let (callee_id, offer) = self.incoming(callee);
        self.answer(callee, &callee_id, &offer);
        self.take(caller);
        self.take(callee);
        self.take_commands();
        (caller_id, callee_id)
    }

    fn offer_anew(&mut self, page: Page, call_id: &str, sdp: &str) {
        self.say(
            page,
            "callbox.offer",
            json!({ "callId": call_id, "sdp": sdp }),
        );
    }

    fn answer_anew(&mut self, page: Page, call_id: &str, sdp: Option<&str>) {
        self.say(
            page,
            "callbox.answer",
            json!({ "callId": call_id, "sdp": sdp }),
        );
    }

    /// The one description, or refusal, of this name to a page since the last look.
    fn said(&mut self, page: Page, name: &str) -> Option<String> {
        let frames = self.take(page);
        let mut said = frames.iter().filter(|frame| frame["message"] == name);
        let data = &said.next()?["data"][0];
        assert!(said.next().is_none(), "one {name}");
        let text = data["sdp"].as_str().or(data["reason"].as_str());
        Some(text.unwrap().to_owned())
    }

    fn video(&self) -> (Option<String>, Option<String>) {
        let call = self.switch.calls.iter().next().unwrap().view();
        (call.video, call.video_reason)
    }
}

fn two_pages() -> (Bench, Page, Page) {
    let mut bench = bench();
    let (ann, ben) = (bench.new_page("ann"), bench.new_page("ben"));
    (bench, ann, ben)
}

fn lines(sdp: &str) -> Vec<&str> {
    let lines = sdp.lines().filter(|line| line.starts_with("m="));
    lines.map(|line| &line[..7]).collect()
}

#[test]
fn a_camera_turned_on_in_a_call_with_sound_is_shown_to_the_other_page() {
    let (mut bench, ann, ben) = two_pages();
    let (ann_id, ben_id) = bench.talk_without_picture(ann, ben);
    bench.offer_anew(ann, &ann_id, OFFER_VIDEO);
    assert_eq!(bench.said(ann, "callbox.answer"), None, "not before ben");
    let offer = bench.said(ben, "callbox.offer").unwrap();
    assert_eq!(lines(&offer), ["m=audio", "m=video"]);
    bench.answer_anew(ben, &ben_id, Some(&answer_to(&offer)));
    let answer = bench.said(ann, "callbox.answer").unwrap();
    assert_eq!(
        (lines(&answer), pictures(&answer)),
        (vec!["m=audio", "m=video"], vec![true])
    );
    assert!(bench.video().0.is_some());
    let orders = orders(&bench.take_commands());
    for wanted in ["update 1", "update 2", "patch 1 2", "patch 2 1"] {
        assert!(orders.contains(&wanted.to_owned()), "{orders:?}");
    }
    bench.pass(Duration::from_secs(60));
    for page in [ann, ben] {
        assert_eq!(bench.said(page, "callbox.offer"), None, "that is all");
    }
}

#[test]
fn a_picture_goes_and_comes_back_in_its_own_m_line() {
    let (mut bench, ann, ben) = two_pages();
    let talk = bench.talk(ann, ben, "ben");
    let off = OFFER_VIDEO.replace("m=video 9 ", "m=video 0 ");
    bench.offer_anew(ann, &talk.caller_id, &off);
    let answer = bench.said(ann, "callbox.answer").unwrap();
    assert_eq!(pictures(&answer), [false], "at once");
    let offer = bench.said(ben, "callbox.offer").unwrap();
    assert_eq!(
        (lines(&offer), pictures(&offer)),
        (vec!["m=audio", "m=video"], vec![false])
    );
    bench.answer_anew(ben, &talk.callee_id, Some(&answer_to(&offer)));
    assert_eq!(bench.video().0, None);
    bench.offer_anew(ben, &talk.callee_id, OFFER_VIDEO);
    let offer = bench.said(ann, "callbox.offer").unwrap();
    assert_eq!(
        (lines(&offer), pictures(&offer)),
        (vec!["m=audio", "m=video"], vec![true])
    );
    bench.answer_anew(ann, &talk.caller_id, Some(&answer_to(&offer)));
    let answer = bench.said(ben, "callbox.answer").unwrap();
    assert_eq!(pictures(&answer), [true]);
    assert!(bench.video().0.is_some());
}

#[test]
fn a_page_of_the_web_sdk_is_asked_nothing_and_the_other_told_why() {
    let mut bench = bench();
    let (ann, ben) = (bench.new_page("ann"), bench.guest("ben"));
    let (ann_id, _) = bench.talk_without_picture(ann, ben);
    bench.offer_anew(ann, &ann_id, OFFER_VIDEO);
    let answer = bench.said(ann, "callbox.answer").unwrap();
    assert_eq!(pictures(&answer), [false]);
    assert!(bench.take(ben).is_empty());
    let (video, reason) = bench.video();
    assert_eq!(video, None);
    assert!(reason.unwrap().contains("video"));
    // Nor may it offer.
    bench.offer_anew(ben, "call-9", OFFER_VIDEO);
    assert!(bench.take(ben).is_empty());
}

#[test]
fn who_does_not_take_the_picture_or_never_answers_leaves_the_call_as_it_was() {
    for answers in [true, false] {
        let (mut bench, ann, ben) = two_pages();
        let (ann_id, ben_id) = bench.talk_without_picture(ann, ben);
        bench.offer_anew(ann, &ann_id, OFFER_VIDEO);
        let offer = bench.said(ben, "callbox.offer").unwrap();
        if answers {
            bench.answer_anew(ben, &ben_id, None);
        } else {
            bench.pass(Duration::from_secs(11));
        }
        let answer = bench.said(ann, "callbox.answer").unwrap();
        assert_eq!(pictures(&answer), [false]);
        // Too late, or twice.
        bench.pass(Duration::from_secs(30));
        bench.take(ben);
        bench.answer_anew(ben, &ben_id, Some(&answer_to(&offer)));
        assert_eq!(bench.said(ben, "callbox.offer"), None);
        assert_eq!(bench.switch.status().established, 1);
        assert_eq!(bench.video().0, None);
    }
}

#[test]
fn who_agrees_to_a_picture_that_nobody_waits_for_any_more_is_offered_none() {
    let (mut bench, ann, ben) = two_pages();
    let (ann_id, ben_id) = bench.talk_without_picture(ann, ben);
    bench.offer_anew(ann, &ann_id, OFFER_VIDEO);
    let offer = bench.said(ben, "callbox.offer").unwrap();
    bench.pass(Duration::from_secs(11));
    bench.answer_anew(ben, &ben_id, Some(&answer_to(&offer)));
    let offer = bench.said(ben, "callbox.offer").unwrap();
    assert_eq!(pictures(&offer), [false]);
    bench.answer_anew(ben, &ben_id, Some(&answer_to(&offer)));
    assert_eq!(bench.said(ben, "callbox.offer"), None);
    assert_eq!(bench.video().0, None);
}

#[test]
fn of_two_offers_that_cross_ours_goes_first() {
    let (mut bench, ann, ben) = two_pages();
    let (ann_id, ben_id) = bench.talk_without_picture(ann, ben);
    bench.offer_anew(ann, &ann_id, OFFER_VIDEO);
    bench.offer_anew(ben, &ben_id, OFFER_VIDEO);
    let offer = bench.said(ben, "callbox.offer").unwrap();
    bench.answer_anew(ben, &ben_id, Some(&answer_to(&offer)));
    assert!(bench.said(ben, "callbox.answer").is_none());
    let answer = bench.said(ann, "callbox.answer").unwrap();
    assert_eq!(pictures(&answer), [true]);
    // And then its own.
    bench.offer_anew(ben, &ben_id, OFFER_VIDEO);
    assert_eq!(
        pictures(&bench.said(ben, "callbox.answer").unwrap()),
        [true]
    );
}

#[test]
fn an_offer_that_was_lost_with_the_connection_is_said_again() {
    let mut bench = bench();
    let ann = bench.new_page("ann");
    let ben = bench.connect(here(), json!({ "sipLogin": "ben" }));
    let signed_in = bench.take(ben);
    let token = signed_in[0]["data"][0]["authToken"].clone();
    bench.say(ben, "callbox.hello", json!({ "version": 2 }));
    bench.take(ben);
    let (ann_id, ben_id) = bench.talk_without_picture(ann, ben);
    bench.close(ben, FlowEnd::Abnormal);
    bench.offer_anew(ann, &ann_id, OFFER_VIDEO);
    let custom = json!({ "callbox": { "calls": [ben_id] } });
    let back = json!({ "sipLogin": "ben", "authToken": token, "custom": custom });
    let ben = bench.connect(here(), back);
    bench.say(ben, "callbox.hello", json!({ "version": 2 }));
    let offer = bench.said(ben, "callbox.offer").unwrap();
    bench.answer_anew(ben, &ben_id, Some(&answer_to(&offer)));
    assert_eq!(
        pictures(&bench.said(ann, "callbox.answer").unwrap()),
        [true]
    );
}

#[test]
fn what_is_no_offer_is_refused_and_the_call_goes_on() {
    let (mut bench, ann, ben) = two_pages();
    let (ann_id, ben_id) = bench.talk_without_picture(ann, ben);
    bench.offer_anew(ann, &ann_id, "rubbish");
    assert!(bench.said(ann, "callbox.refused").is_some());
    bench.answer_anew(ann, &ann_id, Some("rubbish"));
    bench.offer_anew(ann, &ann_id, OFFER_VIDEO);
    bench.answer_anew(ben, &ben_id, Some("rubbish"));
    let answer = bench.said(ann, "callbox.answer").unwrap();
    assert_eq!(pictures(&answer), [false]);
    assert_eq!(bench.switch.status().established, 1);
}
