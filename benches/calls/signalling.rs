//! Guests over WebSockets, as the Web SDK would sign them in.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use futures_util::{SinkExt, StreamExt};
use media::ids::IceCredentials;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::generator::{Generator, Peer};
use super::sdp::{self, Side};

const PATIENCE: Duration = Duration::from_secs(15);

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// People signed in.
pub(crate) struct Calls {
    people: Vec<Socket>,
}

impl Calls {
    pub(crate) async fn sign_in(url: &str, count: usize) -> Result<Self> {
        let mut people = Vec::with_capacity(count);
        for index in 0..count {
            let (mut socket, _) = connect_async(url).await.context("no WebSocket")?;
            let connection = json!({"message": "connection", "data": [{
                "appKey": "defaultApp", "mediaProviders": ["WebRTC"], "clientVersion": "2.0",
                "sipLogin": name(index), "sipRegisterRequired": true,
            }]});
            say(&mut socket, &connection).await?;
            hear(&mut socket, "registered").await?;
            people.push(socket);
        }
        Ok(Self { people })
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
        let call_id = format!("load-{index}");
        let caller_ice = credentials(caller_at);
        let mut caller = Peer::new(&caller_ice, caller_at, video)?;
        let offer = Side {
            setup: "actpass",
            ..caller.side(&caller_ice)
        }
        .to_text();
        let call = json!({"message": "call", "data": [{
            "callId": call_id, "callee": name(callee_at), "caller": name(caller_at),
            "hasAudio": true, "hasVideo": video, "status": "PENDING", "mediaProvider": "WebRTC",
            "sdp": offer, "incoming": false,
        }]});
        say(self.person(caller_at)?, &call).await?;

        let (their_call_id, their_offer) = description(self.person(callee_at)?).await?;
        let callee_ice = credentials(callee_at);
        let mut callee = Peer::new(&callee_ice, callee_at, video)?;
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
        say(self.person(callee_at)?, &message).await?;

        let (_, our_answer) = description(self.person(caller_at)?).await?;
        let (ice, address) = sdp::remote(&our_answer)?;
        caller.start(&ice, address)?;
        generator.bring_up(caller, callee, PATIENCE)
    }

    fn person(&mut self, at: usize) -> Result<&mut Socket> {
        self.people
            .get_mut(at)
            .context("too few people are signed in")
    }
}

fn name(index: usize) -> String {
    format!("person{index}")
}

fn credentials(index: usize) -> IceCredentials {
    IceCredentials {
        ufrag: format!("load{index}").as_str().into(),
        pwd: format!("passwordOfPerson{index:08}").as_str().into(),
    }
}

async fn say(socket: &mut Socket, message: &Value) -> Result<()> {
    Ok(socket.send(Message::text(message.to_string())).await?)
}

/// The next message of a name; pings on the way are answered.
async fn hear(socket: &mut Socket, wanted: &str) -> Result<Value> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let frame = tokio::time::timeout(left, socket.next())
            .await
            .with_context(|| format!("the server did not say {wanted} in time"))?
            .context("the server closed the WebSocket")??;
        let Message::Text(text) = frame else { continue };
        let mut message: Value = serde_json::from_str(&text)?;
        match message["message"].as_str() {
            Some(name) if name == wanted => return Ok(message["data"].take()),
            Some("ping") => say(socket, &json!({"message": "pong", "data": [null]})).await?,
            Some("finish" | "fail") => bail!("instead of {wanted} the server said {message}"),
            _ => {}
        }
    }
}

/// Call id and description of the next `setRemoteSDP`.
async fn description(socket: &mut Socket) -> Result<(String, String)> {
    let data = hear(socket, "setRemoteSDP").await?;
    let text = |at: usize| {
        data[at]
            .as_str()
            .map(str::to_owned)
            .context("setRemoteSDP is odd")
    };
    Ok((text(0)?, text(1)?))
}
