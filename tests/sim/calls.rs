//! The calls of a page, as the Web SDK keeps them, with its quirks: hangups that are never sent,
//! descriptions that are kept until they are wanted, calls forgotten with the session.

use rand::RngExt;
use serde_json::{Value, json};
use sip::flow::FlowId;

use crate::client::{ById, Client, Intent, frame};
use crate::world::World;

const OFFERS: [&str; 3] = [
    include_str!("../../media/tests/data/chromium-offer-audio.sdp"),
    include_str!("../../media/tests/data/chromium-offer-video.sdp"),
    include_str!("../../media/tests/data/chromium-offer-video-sendonly.sdp"),
];

/// The calls of a session.
#[derive(Default)]
pub struct Calls {
    calls: ById<SdkCall>,
    /// Descriptions of calls that are not there yet.
    cached: ById<String>,
    made: u64,
}

/// A Call object of the SDK.
struct SdkCall {
    incoming: bool,
    status: Status,
    /// Our user name fragment that its peer connection sends to, once it has a description.
    sends_to: Option<String>,
    has_sdp: bool,
    hung_up: bool,
    /// The line broke, and nothing was heard of the call since.
    lost: bool,
}

/// CALL_STATUS as far as `hangup()` and the buttons go by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    New,
    Pending,
    Progress,
    Established,
    Held,
}

impl Calls {
    pub fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    pub fn ids(&self) -> Vec<String> {
        self.calls.keys().cloned().collect()
    }

    /// The calls that a page says to hold.
    pub fn talking(&self) -> Vec<String> {
        let talking = self.calls.iter().filter(|(_, call)| call.talks());
        talking.map(|(call_id, _)| call_id.clone()).collect()
    }

    /// The line broke: calls with media are kept, others are not.
    pub fn keep_talking(&mut self) {
        self.cached.clear();
        self.calls.retain(|_, call| call.talks());
        for call in self.calls.values_mut() {
            call.lost = true;
        }
    }

    /// Forgets the calls that nothing was heard of since the line broke.
    pub fn drop_lost(&mut self) -> Vec<String> {
        let lost = |call: &SdkCall| call.lost;
        let ids: Vec<String> = self
            .calls
            .iter()
            .filter(|(_, call)| lost(call))
            .map(|(id, _)| id.clone())
            .collect();
        let dropped = ids.iter().filter_map(|id| self.calls.remove(id));
        dropped.filter_map(|call| call.sends_to).collect()
    }

    /// Forgets all, and says to which fragments peer connections still send.
    pub fn forget(&mut self) -> Vec<String> {
        self.cached.clear();
        let calls = std::mem::take(&mut self.calls);
        calls
            .into_values()
            .filter_map(|call| call.sends_to)
            .collect()
    }
}

impl Client {
    pub fn begin_call(&mut self, world: &mut World) {
        let Some(flow) = self.flow() else { return };
        self.calls.made += 1;
        let call_id = format!("{}-{}-{}", self.index, flow.0, self.calls.made);
        // No permission for the microphone: the SDK hangs up a call that it never made.
        if world.rng.random_bool(0.05) {
            world.send(flow, &frame("hangup", json!({ "callId": call_id })));
            return;
        }
        let others = ["alice", "bob", "cid", "nobody", "eve@elsewhere.net", "<>"];
        let callee = match world.rng.random_bool(0.9) {
            true => world.somebody(),
            false => others[world.rng.random_range(0..others.len())],
        };
        let callee = callee.to_owned();
        world.goes_on(self.index, 0..300, Intent::Call { call_id, callee });
    }

    pub fn send_call(&mut self, world: &mut World, call_id: &str, callee: &str) {
        let Some(flow) = self.flow() else { return };
        let sdp = match world.rng.random_range(0..100) {
            0 => "v=0\r\nrubbish\r\n",
            _ => OFFERS[world.rng.random_range(0..OFFERS.len())],
        };
        let call = SdkCall {
            incoming: false,
            status: Status::Pending,
            sends_to: None,
            has_sdp: false,
            hung_up: false,
            lost: false,
        };
        self.calls.calls.insert(call_id.to_owned(), call);
        let request = json!({
            "callId": call_id, "callee": callee, "incoming": false, "hasAudio": true,
            "hasVideo": true, "status": "PENDING", "mediaProvider": "WebRTC", "sdp": sdp,
        });
        world.send(flow, &frame("call", request));
    }

    pub fn on_sdp(&mut self, world: &mut World, data: &Value) {
        let call_id = data[0].as_str().unwrap();
        let sdp = data[1].as_str().unwrap();
        assert!(!sdp.is_empty(), "TypeError in the SDK");
        match self.calls.calls.get_mut(call_id) {
            None => {
                self.calls.cached.insert(call_id.to_owned(), sdp.to_owned());
            }
            Some(call) => {
                assert!(
                    !call.incoming,
                    "TypeError in the SDK: no peer connection yet"
                );
                assert!(!call.has_sdp, "the SDK would take it for an offer");
                call.has_sdp = true;
                // The peer connection was closed with the hangup.
                if !call.hung_up {
                    let ufrag = ufrag_of(sdp);
                    call.sends_to = Some(ufrag.clone());
                    world.page_up(&ufrag);
                }
            }
        }
    }

    pub fn on_incoming(&mut self, world: &mut World, data: &Value) {
        let call_id = data[0]["callId"].as_str().unwrap().to_owned();
        assert!(
            self.calls.cached.contains_key(&call_id),
            "answer() would find no description"
        );
        let call = SdkCall {
            incoming: true,
            status: Status::New,
            sends_to: None,
            has_sdp: false,
            hung_up: false,
            lost: false,
        };
        assert!(
            self.calls.calls.insert(call_id.clone(), call).is_none(),
            "an id comes twice"
        );
        world.goes_on(self.index, 100..6_000, Intent::React { call_id });
    }

    /// It rings: somebody lifts, declines, waits or is not there.
    pub fn react(&mut self, world: &mut World, call_id: &str) {
        let Some(call) = self.calls.calls.get_mut(call_id) else {
            return;
        };
        match world.rng.random_range(0..100) {
            0..75 if matches!(call.status, Status::New | Status::Progress) => {
                call.status = Status::Pending;
                let call_id = call_id.to_owned();
                world.goes_on(self.index, 10..800, Intent::Answer { call_id });
            }
            75..82 => self.hang_up(world, call_id),
            82..86 => {
                // No permission for the microphone: the SDK fails the call and says nothing.
                self.calls.calls.remove(call_id);
            }
            _ => {}
        }
    }

    pub fn send_answer(&mut self, world: &mut World, call_id: &str) {
        let Some(flow) = self.flow() else { return };
        let Some(call) = self.calls.calls.get_mut(call_id) else {
            return;
        };
        if call.status != Status::Pending {
            return;
        }
        let offer = &self.calls.cached[call_id];
        let sdp = match world.rng.random_range(0..100) {
            0 => "rubbish".to_owned(),
            1 => without_common_codec(offer),
            _ => answer_to(offer),
        };
        // Checks of the page may be at the worker before its answer is here.
        let ufrag = ufrag_of(offer);
        call.sends_to = Some(ufrag.clone());
        let answer = frame("answer", json!({ "callId": call_id, "sdp": sdp }));
        world.page_up(&ufrag);
        world.send(flow, &answer);
        if world.rng.random_bool(0.05) {
            world.goes_on(
                self.index,
                0..300,
                Intent::Again {
                    flow,
                    frame: answer,
                },
            );
        }
    }

    pub fn on_status(&mut self, world: &mut World, notice: &Value) {
        let call_id = notice["callId"].as_str().unwrap();
        let only_one = self.calls.calls.len() == 1;
        let Some(call) = self.calls.calls.get_mut(call_id) else {
            return;
        };
        call.lost = false;
        call.status = match notice["status"].as_str().unwrap() {
            "FINISH" | "FAILED" | "BUSY" => {
                let call = self.calls.calls.remove(call_id).unwrap();
                // With another call about, the SDK leaves the peer connection running.
                if let Some(ufrag) = call.sends_to.filter(|_| only_one && !call.hung_up) {
                    world.page_down(&ufrag);
                }
                return;
            }
            "ESTABLISHED" => Status::Established,
            "HOLD" => Status::Held,
            // RING of an incoming call that is being answered would make answer() throw.
            _ if call.incoming && call.status == Status::Pending => Status::Pending,
            _ => Status::Progress,
        };
    }

    /// What people do with a call they have.
    pub fn use_call(&mut self, world: &mut World, flow: FlowId) {
        let Some(call_id) = self.some_call(world) else {
            return;
        };
        if self.calls.calls[&call_id].status == Status::Established {
            let key = ["1", "#", "42", "D"][world.rng.random_range(0..4)];
            let digits = json!({ "callId": call_id, "type": "RFC2833", "dtmf": key });
            world.send(flow, &frame("sendDtmf", digits));
        }
    }

    pub fn hold_or_not(&mut self, world: &mut World, flow: FlowId) {
        let Some(call_id) = self.some_call(world) else {
            return;
        };
        let name = match self.calls.calls[&call_id].status {
            Status::Established => "hold",
            Status::Held => "unhold",
            Status::New | Status::Pending | Status::Progress => return,
        };
        let wish = frame(name, json!({ "callId": call_id }));
        world.send(flow, &wish);
        if world.rng.random_bool(0.1) {
            world.goes_on(self.index, 0..200, Intent::Again { flow, frame: wish });
        }
    }

    pub fn transfer(&mut self, world: &mut World, flow: FlowId) {
        let Some(call_id) = self.some_call(world) else {
            return;
        };
        if self.calls.calls[&call_id].talks() {
            let target = world.somebody();
            let wish = json!({ "callId": call_id, "target": target });
            world.send(flow, &frame("transfer", wish));
        }
    }

    pub fn hang_up_one(&mut self, world: &mut World) {
        if let Some(call_id) = self.some_call(world) {
            self.hang_up(world, &call_id);
        }
    }

    pub fn hang_up_all(&mut self, world: &mut World) {
        for call_id in self.calls.ids() {
            self.hang_up(world, &call_id);
        }
    }

    /// `hangup()` of the SDK: what it sends depends on what it has heard so far.
    fn hang_up(&mut self, world: &mut World, call_id: &str) {
        let Some(flow) = self.flow() else { return };
        let Some(call) = self.calls.calls.get_mut(call_id) else {
            return;
        };
        let hangup = frame("hangup", json!({ "callId": call_id }));
        let (is_sent, is_forgotten) = match (call.status, call.incoming) {
            (Status::New, _) | (Status::Pending, false) => (false, true),
            (Status::Pending, true) => (true, true),
            (Status::Progress | Status::Established | Status::Held, _) => (true, false),
        };
        let closes = call.sends_to.clone().filter(|_| !call.hung_up);
        call.hung_up = true;
        if is_forgotten {
            self.calls.calls.remove(call_id);
        }
        if let Some(ufrag) = closes {
            world.page_down(&ufrag);
        }
        if is_sent {
            world.send(flow, &hangup);
            if world.rng.random_bool(0.2) {
                world.goes_on(
                    self.index,
                    0..200,
                    Intent::Again {
                        flow,
                        frame: hangup,
                    },
                );
            }
        }
    }

    fn some_call(&self, world: &mut World) -> Option<String> {
        let ids = self.calls.ids();
        (!ids.is_empty()).then(|| ids[world.rng.random_range(0..ids.len())].clone())
    }
}

impl SdkCall {
    fn talks(&self) -> bool {
        matches!(self.status, Status::Established | Status::Held) && !self.hung_up
    }
}

fn ufrag_of(sdp: &str) -> String {
    let line = sdp
        .lines()
        .find_map(|line| line.strip_prefix("a=ice-ufrag:"));
    line.expect("a user name fragment").to_owned()
}

/// What a browser answers.
fn answer_to(offer: &str) -> String {
    let ours = [
        "a=candidate:",
        "a=end-of-candidates",
        "a=ice-lite",
        "a=ssrc",
    ];
    let kept = offer
        .lines()
        .filter(|line| !ours.iter().any(|start| line.starts_with(start)));
    let lines = kept.map(|line| match line.split_once(':') {
        Some(("a=setup", _)) => "a=setup:active".to_owned(),
        Some(("a=ice-ufrag", _)) => "a=ice-ufrag:7rmw".to_owned(),
        Some(("a=ice-pwd", _)) => "a=ice-pwd:qLsf9tZuMnAU4LLMVX/JlVWX".to_owned(),
        _ => line.to_owned(),
    });
    lines.map(|line| line + "\r\n").collect()
}

/// An answer with codecs that nobody offered.
fn without_common_codec(offer: &str) -> String {
    let of_codecs = ["a=rtpmap", "a=fmtp", "a=rtcp-fb"];
    let answer = answer_to(offer);
    let kept = answer
        .lines()
        .filter(|line| !of_codecs.iter().any(|start| line.starts_with(start)));
    let mut text = String::new();
    for line in kept {
        match line.split_once(' ') {
            Some((media, _)) if media.starts_with("m=") => {
                text.push_str(&format!(
                    "{media} 9 UDP/TLS/RTP/SAVPF 77\r\na=rtpmap:77 SILK/24000\r\n"
                ));
            }
            _ => text.push_str(&format!("{line}\r\n")),
        }
    }
    text
}
