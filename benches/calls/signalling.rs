//! Guests over WebSockets, as the Web SDK would sign them in.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use futures_util::{SinkExt, StreamExt};
use media::ids::IceCredentials;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::generator::Generator;
use super::peer::Peer;
use super::sdp::{self, Audio, Side};

pub(crate) const PATIENCE: Duration = Duration::from_secs(15);

/// Messages kept for somebody who does not look at them: the newest are of no use to us.
const INBOX: usize = 1024;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// People signed in. Their sockets are served in the background: pings are answered at any time.
pub(crate) struct Calls {
    people: Vec<Person>,
}

struct Person {
    said: mpsc::Sender<Value>,
    heard: mpsc::Receiver<Value>,
    socket: JoinHandle<()>,
}

impl Drop for Person {
    fn drop(&mut self) {
        self.socket.abort();
    }
}

impl Calls {
    pub(crate) async fn sign_in(url: &str, count: usize) -> Result<Self> {
        let mut people = Vec::with_capacity(count);
        for index in 0..count {
            let (socket, _) = connect_async(url).await.context("no WebSocket")?;
            let (said, to_say) = mpsc::channel(16);
            let (to_hear, heard) = mpsc::channel(INBOX);
            let mut person = Person {
                said,
                heard,
                socket: tokio::spawn(serve(socket, to_say, to_hear)),
            };
            let connection = json!({"message": "connection", "data": [{
                "appKey": "defaultApp", "mediaProviders": ["WebRTC"], "clientVersion": "2.0",
                "sipLogin": name(index), "sipRegisterRequired": true,
            }]});
            person.say(connection).await?;
            person.hear("registered").await?;
            people.push(person);
        }
        Ok(Self { people })
    }

    /// All of them close their pages, and with that end their calls.
    pub(crate) async fn sign_out(&mut self) {
        for person in &mut self.people {
            person.said = mpsc::channel(1).0;
            let _ = (&mut person.socket).await;
        }
    }

    /// Person 2 × `index` calls the next one, who answers. Their media goes to `generator`,
    /// which brings it up.
    pub(crate) async fn connect(
        &mut self,
        index: usize,
        video: bool,
        generator: &mut Generator,
    ) -> Result<()> {
        let (caller_at, callee_at) = (2 * index, 2 * index + 1);
        let caller_ice = credentials(caller_at);
        let mut caller = Peer::new(&caller_ice, caller_at, Audio::Opus, video)?;
        let offer = offer(&caller, &caller_ice);
        self.call(caller_at, &name(callee_at), &offer, video)
            .await?;

        let (their_call_id, their_offer) = self.person(callee_at)?.description().await?;
        let callee_ice = credentials(callee_at);
        let mut callee = Peer::new(&callee_ice, callee_at, Audio::Opus, video)?;
        let (ice, address) = sdp::remote(&their_offer)?;
        callee.start(&ice, address)?;
        let answer = Side {
            setup: "active",
            ..callee.side(&callee_ice)
        }
        .to_text();
        let message = json!({"message": "answer", "data": [{
            "callId": their_call_id, "hasAudio": true, "hasVideo": video, "status": "PENDING",
            "mediaProvider": "WebRTC", "sdp": answer, "incoming": true,
        }]});
        self.person(callee_at)?.say(message).await?;

        self.start(caller_at, &mut caller).await?;
        generator.bring_up(caller, callee, PATIENCE)
    }

    /// Somebody calls.
    pub(crate) async fn call(
        &mut self,
        from: usize,
        callee: &str,
        offer: &str,
        video: bool,
    ) -> Result<()> {
        let call = json!({"message": "call", "data": [{
            "callId": format!("load-{from}"), "callee": callee, "caller": name(from),
            "hasAudio": true, "hasVideo": video, "status": "PENDING", "mediaProvider": "WebRTC",
            "sdp": offer, "incoming": false,
        }]});
        self.person(from)?.say(call).await
    }

    /// The caller has its answer: its media begins.
    pub(crate) async fn start(&mut self, at: usize, caller: &mut Peer) -> Result<()> {
        let (_, answer) = self.person(at)?.description().await?;
        let (ice, address) = sdp::remote(&answer)?;
        caller.start(&ice, address)
    }

    fn person(&mut self, at: usize) -> Result<&mut Person> {
        self.people
            .get_mut(at)
            .context("too few people are signed in")
    }
}

impl Person {
    async fn say(&mut self, message: Value) -> Result<()> {
        let said = self.said.send(message).await;
        said.map_err(|_| anyhow!("the server closed the WebSocket"))
    }

    /// The next message of a name.
    async fn hear(&mut self, wanted: &str) -> Result<Value> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let mut message = tokio::time::timeout(left, self.heard.recv())
                .await
                .with_context(|| format!("the server did not say {wanted} in time"))?
                .context("the server closed the WebSocket")?;
            match message["message"].as_str() {
                Some(name) if name == wanted => return Ok(message["data"].take()),
                Some("finish" | "fail") => bail!("instead of {wanted} the server said {message}"),
                _ => {}
            }
        }
    }

    /// Call id and description of the next `setRemoteSDP`.
    async fn description(&mut self) -> Result<(String, String)> {
        let data = self.hear("setRemoteSDP").await?;
        let text = |at: usize| {
            data[at]
                .as_str()
                .map(str::to_owned)
                .context("setRemoteSDP is odd")
        };
        Ok((text(0)?, text(1)?))
    }
}

/// Serves a socket until either side is gone.
async fn serve(
    mut socket: Socket,
    mut to_say: mpsc::Receiver<Value>,
    to_hear: mpsc::Sender<Value>,
) {
    loop {
        let message = tokio::select! {
            message = to_say.recv() => message,
            frame = socket.next() => match frame {
                Some(Ok(Message::Text(text))) => {
                    let Ok(message) = serde_json::from_str::<Value>(&text) else { return };
                    if message["message"] == "ping" {
                        Some(json!({"message": "pong", "data": [null]}))
                    } else {
                        // Nobody waits for what finds no room.
                        let _ = to_hear.try_send(message);
                        continue;
                    }
                }
                Some(Ok(_)) => continue,
                Some(Err(_)) | None => None,
            },
        };
        let Some(message) = message else {
            let _ = socket.close(None).await;
            return;
        };
        if socket
            .send(Message::text(message.to_string()))
            .await
            .is_err()
        {
            return;
        }
    }
}

/// What a caller offers.
pub(crate) fn offer(caller: &Peer, ice: &IceCredentials) -> String {
    let side = caller.side(ice);
    Side {
        setup: "actpass",
        ..side
    }
    .to_text()
}

fn name(index: usize) -> String {
    format!("person{index}")
}

pub(crate) fn credentials(index: usize) -> IceCredentials {
    IceCredentials {
        ufrag: format!("load{index}").as_str().into(),
        pwd: format!("passwordOfPerson{index:08}").as_str().into(),
    }
}
