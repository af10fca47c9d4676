//! What must always be true: of frames on the wire, of orders to the worker, of records.

use std::collections::{BTreeMap, BTreeSet};

use callbox::call::view::{CallPhase, CallView, LegView, Notice};
use serde_json::Value;
use sip::flow::FlowId;

use crate::worker::Worker;

/// What the schedules reached.
#[derive(Debug, Default, Clone)]
pub struct Seen {
    pub calls: u64,
    pub answered: u64,
    pub refused: u64,
    pub holds: u64,
    pub resumed: u64,
    pub recalled: u64,
    pub transferred: u64,
    pub ends: BTreeMap<&'static str, u64>,
}

impl Seen {
    pub fn add(&mut self, other: &Self) {
        self.calls += other.calls;
        self.answered += other.answered;
        self.refused += other.refused;
        self.holds += other.holds;
        self.resumed += other.resumed;
        self.recalled += other.recalled;
        self.transferred += other.transferred;
        for (code, count) in &other.ends {
            *self.ends.entry(code).or_default() += count;
        }
    }

    /// Every way to end that a world of browsers has was taken.
    pub fn assert_broad(&self) {
        assert!(
            self.answered * 5 > self.calls,
            "too few calls are answered: {self:?}"
        );
        assert!(
            [
                self.holds,
                self.resumed,
                self.recalled,
                self.transferred,
                self.refused
            ]
            .iter()
            .all(|count| *count > 0),
            "{self:?}"
        );
        for code in [
            "caller_hung_up",
            "callee_hung_up",
            "cancelled",
            "rejected",
            "no_answer",
            "left",
            "connection_lost",
            "page_reloaded",
            "media_closed",
            "media_never_reached",
            "media_path_lost",
            "media_silent",
            "dtls_fingerprint",
            "no_common_codec",
            "bad_description",
            "shutting_down",
        ] {
            assert!(
                self.ends.contains_key(code),
                "no call ended by {code}: {self:?}"
            );
        }
    }
}

/// Watches what the Switch says.
#[derive(Default)]
pub struct Audit {
    wire: BTreeMap<(FlowId, String), WireCall>,
    /// Calls that were announced and have no record yet.
    open: BTreeSet<String>,
    closed: BTreeSet<String>,
    closing: BTreeSet<FlowId>,
    /// Calls that a page says to hold, and has heard nothing of yet.
    held: BTreeSet<(FlowId, String)>,
    pub seen: Seen,
}

/// A call as the frames on one connection tell it.
#[derive(Debug, Default)]
struct WireCall {
    incoming: bool,
    announced: bool,
    sdps: u32,
    answered_by_client: bool,
    last: Option<String>,
    over: bool,
}

impl Audit {
    /// A frame that a client sent arrives.
    pub fn received(&mut self, flow: FlowId, frame: &Value) {
        let data = &frame["data"][0];
        if frame["message"] == "answer"
            && let Some(call) = self.wire.get_mut(&key(flow, &data["callId"]))
        {
            call.answered_by_client = true;
        }
        // A page that comes back says which calls it still holds: of those it may hear again.
        let held = data["custom"]["callbox"]["calls"].as_array();
        for call_id in held.into_iter().flatten() {
            self.held.insert(key(flow, call_id));
        }
    }

    /// A frame goes out.
    pub fn sent(&mut self, flow: FlowId, frame: &Value) {
        assert!(
            !self.closing.contains(&flow),
            "after the close of {flow}: {frame}"
        );
        assert!(frame["data"].is_array(), "the SDK needs an array: {frame}");
        let data = &frame["data"];
        match frame["message"].as_str().unwrap() {
            "setRemoteSDP" => {
                let sdp = data[1].as_str().unwrap();
                assert!(
                    sdp.contains("a=candidate:") && sdp.contains("a=ice-lite"),
                    "{sdp}"
                );
                let call = self.wire.entry(key(flow, &data[0])).or_default();
                assert!(!call.over, "a description after the end: {frame}");
                call.sdps += 1;
                assert_eq!(call.sdps, 1, "a second description");
                call.incoming = call.last.is_none();
            }
            "notifyIncomingCall" => {
                let call = self.wire.entry(key(flow, &data[0]["callId"])).or_default();
                assert!(call.sdps == 1 && call.incoming && !call.announced && !call.over);
                assert_eq!(data[0]["incoming"], true);
                assert!(
                    data[0]["caller"]
                        .as_str()
                        .is_some_and(|caller| !caller.is_empty())
                );
                call.announced = true;
            }
            "notifyTryingResponse" | "ring" | "talk" | "hold" | "finish" => {
                let key = key(flow, &data[0]["callId"]);
                if self.held.remove(&key) {
                    self.seen.recalled += 1;
                    self.wire.insert(key.clone(), WireCall::held());
                }
                self.wire.entry(key).or_default().status(&data[0]);
                if data[0]["status"] == "HOLD" {
                    self.seen.holds += 1;
                }
            }
            _ => {}
        }
    }

    /// The Switch asks for the end of a connection.
    pub fn close_asked(&mut self, flow: FlowId) {
        assert!(self.closing.insert(flow), "{flow} is closed twice");
    }

    /// A connection is gone for the Switch.
    pub fn gone(&mut self, flow: FlowId) {
        self.wire.retain(|(of, _), _| *of != flow);
        self.held.retain(|(of, _)| *of != flow);
        self.closing.remove(&flow);
    }

    pub fn noticed(&mut self, notice: &Notice) {
        match notice {
            Notice::SignedIn { resumed: true, .. } => self.seen.resumed += 1,
            Notice::CallStarted(call) => {
                self.seen.calls += 1;
                assert!(self.open.insert(call.id.clone()), "a call starts twice");
            }
            Notice::CallAnswered(call) => {
                self.seen.answered += 1;
                assert!(
                    self.open.contains(&call.id),
                    "an answer of a call that is over"
                );
            }
            Notice::CallRefused { .. } => self.seen.refused += 1,
            Notice::CallEnded(record) => {
                *self.seen.ends.entry(record.end.code).or_default() += 1;
                let id = &record.call.id;
                self.seen.transferred += u64::from(record.call.transferred_to.is_some());
                assert!(self.open.remove(id), "a call ends that does not run");
                assert!(self.closed.insert(id.clone()), "a call ends twice");
                for sentence in [&record.end.caller_sentence, &record.end.callee_sentence] {
                    assert!(
                        sentence.ends_with('.') || sentence.len() > 10,
                        "{sentence:?}"
                    );
                }
            }
            _ => {}
        }
    }

    /// The worker has exactly the legs and patches that the calls need.
    pub fn compare(&self, calls: &[CallView], worker: &Worker) {
        let mut legs = BTreeSet::new();
        let mut patches = BTreeSet::new();
        for call in calls {
            let live = || call.legs.iter().filter(|leg| leg.state != "ended");
            let answered = call.phase != CallPhase::Ringing;
            legs.extend(
                live()
                    .filter(|leg| answered || !leg.caller)
                    .map(|leg| leg.id.clone()),
            );
            if answered {
                // Who rings for a transfer is there too.
                let talks = |leg: &&LegView| matches!(leg.state, "confirmed" | "ending");
                let both: Vec<_> = live().filter(talks).map(|leg| leg.id.clone()).collect();
                assert_eq!(both.len(), 2, "an answered call has two sides: {call:?}");
                if call.phase == CallPhase::Established {
                    patches.insert((both[0].clone(), both[1].clone()));
                    patches.insert((both[1].clone(), both[0].clone()));
                }
            }
            assert!(
                self.open.contains(&call.id),
                "a call runs that was not announced"
            );
        }
        assert_eq!(
            worker.leg_names(),
            legs,
            "legs of the worker and of the calls"
        );
        assert_eq!(
            worker.patch_names(),
            patches,
            "patches of the worker and of the calls"
        );
    }

    /// No call runs, and every call that a client was told of was ended to it.
    pub fn assert_all_ended(&self) {
        assert!(
            self.open.is_empty(),
            "calls without a record: {:?}",
            self.open
        );
        for ((flow, call_id), call) in &self.wire {
            assert!(
                call.over,
                "{flow} never heard the end of {call_id}: {call:?}"
            );
        }
    }
}

impl WireCall {
    /// A call whose beginning was on an earlier connection.
    fn held() -> Self {
        Self {
            sdps: 1,
            answered_by_client: true,
            last: Some("ESTABLISHED".into()),
            ..Self::default()
        }
    }

    fn status(&mut self, notice: &Value) {
        let status = notice["status"].as_str().unwrap();
        let last = self.last.as_deref();
        assert!(!self.over, "{status} after the end");
        match status {
            // Refused at once, for a call the session does not even try.
            "FAILED" | "FINISH" | "BUSY" => {
                self.over = true;
                assert!(
                    notice["info"].is_string() && notice["sentence"].is_string(),
                    "{notice}"
                );
            }
            "TRYING" => assert!(last.is_none() && !self.incoming, "TRYING after {last:?}"),
            "RING" if self.incoming => {
                // A client that holds before it answers is told again where it stands.
                assert!(
                    self.announced && matches!(last, None | Some("RING")),
                    "{last:?}"
                );
            }
            "RING" => assert!(
                matches!(last, Some("TRYING" | "RING")),
                "RING after {last:?}"
            ),
            "ESTABLISHED" | "HOLD" => {
                assert_eq!(self.sdps, 1, "{status} without a description");
                assert!(
                    !self.incoming || self.answered_by_client,
                    "{status} unanswered"
                );
                assert!(status != "HOLD" || matches!(last, Some("ESTABLISHED" | "HOLD")));
            }
            other => panic!("no business of ours: {other}"),
        }
        self.last = Some(status.to_owned());
    }
}

fn key(flow: FlowId, call_id: &Value) -> (FlowId, String) {
    (flow, call_id.as_str().unwrap_or_default().to_owned())
}
