//! Two people on two pages of the Web SDK, each with an agent for media.

use serde_json::{Value, json};

use super::agent::Agent;
use super::common::Server;
use super::common::page::{Came, Page};
use super::make::Make;

pub struct Person {
    pub name: &'static str,
    pub page: Page,
    pub agent: Agent,
    /// How the server calls the call towards this person.
    pub call_id: String,
}

pub struct Call {
    pub alice: Person,
    pub bob: Person,
    /// Lives as long as the call, and is heard where a test fails.
    server: Watched,
}

/// A server whose log is shown where a test fails.
pub struct Watched(pub Server);

impl Drop for Watched {
    fn drop(&mut self) {
        let log = self.0.log();
        if std::thread::panicking() {
            eprintln!("the server wrote:\n{log}");
        } else {
            assert!(!log.contains("panicked at"), "the server panicked:\n{log}");
        }
    }
}

/// What becomes of a description on its way to the server.
pub type Change = fn(String) -> String;

pub const UNCHANGED: Change = |sdp| sdp;

impl Call {
    /// Alice calls Bob, Bob answers, and both hear that they talk. `settings` are lines of
    /// `[media]`.
    pub async fn between(settings: &str, alice: Make, bob: Make) -> Self {
        let mut call = Self::answered(settings, (alice, UNCHANGED), (bob, UNCHANGED)).await;
        call.talk().await;
        call
    }

    /// Alice takes the answer, and media can flow. Gives the answer.
    pub async fn talk(&mut self) -> String {
        let answer = self.alice.description().await;
        self.alice.agent.accept(answer.clone()).await;
        for person in [&mut self.alice, &mut self.bob] {
            let talk = person.hear("talk").await;
            assert_eq!(talk[0]["status"], "ESTABLISHED", "{}", person.name);
        }
        self.alice.agent.connected().await;
        self.bob.agent.connected().await;
        answer
    }

    /// The same up to Bob's answer: what Alice is told waits on her page.
    pub async fn answered(
        settings: &str,
        (alice, alice_says): (Make, Change),
        (bob, bob_says): (Make, Change),
    ) -> Self {
        let server = Watched(Server::start_with(|ports| {
            format!(
                "{ports}addresses = [\"127.0.0.1\"]\n{settings}\n[wcs]\nping_interval_ms = 60000\n\
                 [log]\nlevel = \"debug,dimpl=info\"\n"
            )
        }));
        let mut alice = Person::sign_in(&server.0, "alice", alice).await;
        let mut bob = Person::sign_in(&server.0, "bob", bob).await;

        let offer = alice_says(alice.agent.offer().await);
        let has_video = offer.contains("m=video");
        alice.call_id = "call-of-alice".to_owned();
        let request = json!({
            "callId": alice.call_id, "callee": "bob", "caller": "alice", "incoming": false,
            "hasAudio": true, "hasVideo": has_video, "status": "PENDING",
            "mediaProvider": "WebRTC", "sdp": offer,
        });
        alice.page.say("call", request).await;
        alice.hear("notifyTryingResponse").await;

        let described = bob.hear("setRemoteSDP").await;
        bob.call_id = text(&described[0]);
        let announced = bob.hear("notifyIncomingCall").await;
        assert_eq!(announced[0]["caller"], "alice");
        assert_eq!(announced[0]["hasVideo"], has_video);
        bob.hear("ring").await;
        let answer = bob_says(bob.agent.answer(text(&described[1])).await);
        let request = json!({
            "callId": bob.call_id, "callee": "bob", "incoming": true, "hasAudio": true,
            "hasVideo": true, "status": "PENDING", "mediaProvider": "WebRTC", "sdp": answer,
        });
        bob.page.say("answer", request).await;
        alice.hear("ring").await;
        Self { alice, bob, server }
    }

    pub fn server(&mut self) -> &mut Server {
        &mut self.server.0
    }

    /// Alice hangs up; both are told that it was meant.
    pub async fn hang_up(&mut self) {
        self.alice.order("hangup").await;
        for person in [&mut self.alice, &mut self.bob] {
            let end = person.ended().await;
            assert_eq!(end["status"], "FINISH", "{}: {end}", person.name);
            assert_eq!(
                end["info"], "Normal call clearing",
                "{}: {end}",
                person.name
            );
        }
    }
}

impl Person {
    async fn sign_in(server: &Server, name: &'static str, make: Make) -> Self {
        let mut page = Page::open(server).await;
        let first = page.sign_in(name, None).await;
        assert!(
            matches!(&first, Came::Said(said, _) if said == "getUserData"),
            "{first:?}"
        );
        Self {
            name,
            page,
            agent: Agent::new(make).await,
            call_id: String::new(),
        }
    }

    /// Says something about the call.
    pub async fn order(&mut self, message: &str) {
        let data = json!({ "callId": self.call_id });
        self.page.say(message, data).await;
    }

    /// The server's description for the caller.
    pub async fn description(&mut self) -> String {
        text(&self.hear("setRemoteSDP").await[1])
    }

    /// The data of the next message of a name. The call must not end before.
    pub async fn hear(&mut self, wanted: &str) -> Vec<Value> {
        loop {
            match self.page.next().await {
                Came::Said(said, data) if said == wanted => return data,
                Came::Said(said, data) => assert!(
                    said != "finish" && said != "fail",
                    "{} waited for {wanted}, but heard {said} {data:?}",
                    self.name
                ),
                end @ Came::Ended(_) => panic!("{} waited for {wanted}, but {end:?}", self.name),
            }
        }
    }

    /// Waits for the end of the call and gives what is said of it.
    pub async fn ended(&mut self) -> Value {
        self.page.expect("finish").await
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}
