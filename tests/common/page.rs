//! A page of the Web SDK, as far as signalling goes.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::{PATIENCE, Server};

/// One WebSocket.
pub struct Page {
    pub socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

/// What came on it.
#[derive(Debug, PartialEq)]
pub enum Came {
    /// A message: its name and its data.
    Said(String, Vec<Value>),
    /// It was closed with this code, or broke off.
    Ended(Option<u16>),
}

impl Page {
    pub async fn open(server: &Server) -> Self {
        Self::open_with(server, &[]).await.unwrap()
    }

    /// Opens with further headers. The error is the HTTP status of a refusal.
    pub async fn open_with(server: &Server, headers: &[(&str, &str)]) -> Result<Self, u16> {
        let url = format!("ws://{}/any/path?at=all", server.http);
        let mut request = url.into_client_request().unwrap();
        for (name, value) in headers {
            let name: HeaderName = name.parse().unwrap();
            request
                .headers_mut()
                .insert(name, HeaderValue::from_str(value).unwrap());
        }
        match timeout(PATIENCE, connect_async(request)).await.unwrap() {
            Ok((socket, _)) => Ok(Self { socket }),
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("the WebSocket cannot be opened: {error}"),
        }
    }

    pub async fn say(&mut self, message: &str, data: Value) {
        let text = json!({ "message": message, "data": [data] }).to_string();
        self.socket.send(Message::text(text)).await.unwrap();
    }

    /// Signs in and gives what is answered first.
    pub async fn sign_in(&mut self, login: &str, password: Option<&str>) -> Came {
        let mut data = json!({
            "appKey": "defaultApp",
            "mediaProviders": ["WebRTC"],
            "clientVersion": "2.0",
            "sipLogin": login,
            "sipRegisterRequired": true,
        });
        if let Some(password) = password {
            data["sipPassword"] = password.into();
        }
        self.say("connection", data).await;
        self.next().await
    }

    /// The next message that is no ping, or the end.
    pub async fn next(&mut self) -> Came {
        loop {
            match timeout(PATIENCE, self.socket.next())
                .await
                .expect("nothing came")
            {
                Some(Ok(Message::Text(text))) => {
                    let value: Value = serde_json::from_str(&text).unwrap();
                    let name = value["message"].as_str().unwrap().to_owned();
                    if name != "ping" {
                        return Came::Said(name, value["data"].as_array().unwrap().clone());
                    }
                }
                Some(Ok(Message::Close(frame))) => {
                    return Came::Ended(frame.map(|frame| frame.code.into()));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Came::Ended(None),
            }
        }
    }

    /// The data of the next message of this name; others are passed over.
    pub async fn expect(&mut self, name: &str) -> Value {
        loop {
            match self.next().await {
                Came::Said(said, mut data) if said == name => return data.swap_remove(0),
                Came::Said(..) => {}
                ended @ Came::Ended(_) => panic!("waited for {name}, but {ended:?}"),
            }
        }
    }

    /// Waits for the end, whatever is said before; the close code, if there is one.
    pub async fn ended(&mut self) -> Option<u16> {
        let wait = async {
            loop {
                if let Came::Ended(code) = self.next().await {
                    return code;
                }
            }
        };
        timeout(PATIENCE + Duration::from_secs(5), wait)
            .await
            .expect("it stayed open")
    }
}
