//! SIP over WebSocket (RFC 7118): one message a frame, text or binary.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::extract::WebSocketUpgrade;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, close_code};
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use sip::flow::Transport;
use sip::framer::{Framed, whole};
use tokio::time::{Instant, Sleep, sleep, timeout, timeout_at};
use tracing::debug;

use super::Shared;
use super::handle::{Answers, Mailbox, Order, Standing, connection};
use super::intake::{Intake, Verdict};
use crate::call::io::{FlowEnd, Peer, SipEnds};
use crate::net::admission::Permit;
use crate::net::flows::Turns;
use crate::net::meter::Meter;
use crate::net::serve::Connection;
use crate::net::ws::Control;

/// Small: most messages are a few hundred bytes, and thousands of sockets wait idle.
const READ_BUFFER: usize = 2 * 1024;

/// Room for what one write may hold beyond the largest message.
const WRITE_SLACK: usize = 64 * 1024;

/// A message over the limits by no more than this is answered before the end (413, 513).
const READ_SLACK: usize = 32 * 1024;

/// After our close frame, for the peer's.
const CLOSE_PATIENCE: Duration = Duration::from_secs(2);

/// Answers an upgrade that asks for the subprotocol `sip`, and serves what comes of it. `permits`
/// are what the connection counts by.
pub(in crate::net) fn upgrade(
    upgrade: WebSocketUpgrade,
    connection: &Connection,
    peer: Peer,
    permits: Vec<Arc<Permit>>,
    shared: Arc<Shared>,
) -> Response {
    let most = shared.message.message_bytes() + READ_SLACK;
    let ends = SipEnds {
        transport: if connection.secure {
            Transport::Wss
        } else {
            Transport::Ws
        },
        local: shared.reached_at(connection.local, peer.address.ip()),
        peer,
    };
    let meter = connection.meter.clone();
    upgrade
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_write_buffer_size(most + WRITE_SLACK)
        .max_message_size(most)
        .max_frame_size(most)
        .accept_unmasked_frames(false)
        // "MUST include the value 'sip'" (RFC 7118 4.1)
        .protocols(["sip"])
        .on_upgrade(move |socket| run(socket, meter, ends, permits, shared))
}

async fn run(
    socket: WebSocket,
    meter: Meter,
    ends: SipEnds,
    permits: Vec<Arc<Permit>>,
    shared: Arc<Shared>,
) {
    let standing = Standing::new(permits);
    let (handle, mut mailbox) = connection(shared.limits.outgoing_messages, Arc::clone(&standing));
    let source = ends.peer.address;
    let flow = shared.driver.new_flow();
    if !shared.driver.sip_opened(flow, ends, handle, None).await {
        return;
    }
    let cut = mailbox.take_cut();
    let (sink, stream) = socket.split();
    let mut reader = Reader {
        answers: mailbox.answers(),
        control: Control::new(),
        seen: meter.read(),
        meter,
        last_message: Instant::now(),
        intake: Intake {
            flow,
            source,
            standing: Arc::clone(&standing),
            turns: Turns::default(),
            shared: Arc::clone(&shared),
        },
        stream,
    };
    let mut writer = Writer {
        sink,
        mailbox,
        ping_interval: shared.settings.ping_interval,
    };
    // Who does not read is not read either once his answers have no room; others are not
    // touched by it.
    let end = tokio::select! {
        biased;
        // The driver gave up on a consumer too slow.
        () = cut => FlowEnd::Abnormal,
        () = standing.evicted() => FlowEnd::Abnormal,
        end = reader.run() => end,
        closing = writer.run() => match closing {
            Closing::Broken => FlowEnd::Abnormal,
            Closing::Asked => {
                let deadline = Instant::now() + CLOSE_PATIENCE;
                while let Ok(Some(Ok(_))) = timeout_at(deadline, reader.stream.next()).await {}
                FlowEnd::Clean
            }
        },
    };
    debug!(%flow, ?end, "a SIP WebSocket ended");
    shared.driver.closed(flow, end).await;
}

/// What the reader waits for.
enum Came {
    /// A frame, or the end.
    Frame(Option<Result<Message, axum::Error>>),
    /// Only some of one, for too long.
    TooSlow,
}

/// Takes frames in.
struct Reader {
    stream: SplitStream<WebSocket>,
    intake: Intake,
    answers: Answers,
    control: Control,
    last_message: Instant,
    /// What came from the peer, frames unfinished or not.
    meter: Meter,
    /// Of that, when the last whole frame was there.
    seen: u64,
}

impl Reader {
    async fn run(&mut self) -> FlowEnd {
        loop {
            let settings = &self.intake.shared.settings;
            // Two pings without an answer.
            let silent = Instant::now() + 2 * settings.ping_interval;
            let idle = self.last_message + settings.idle_timeout;
            let trusted = self.intake.standing.is_trusted();
            let until = if trusted { silent } else { silent.min(idle) };
            match timeout_at(until, self.next()).await {
                Ok(Came::TooSlow) => {
                    let reason = "a message took too long";
                    return self.close(close_code::POLICY, reason).await;
                }
                Ok(Came::Frame(frame)) => {
                    if let Some(end) = self.take(frame).await {
                        return end;
                    }
                }
                Err(_) if Instant::now() >= silent => {
                    debug!(flow = %self.intake.flow, "a SIP WebSocket fell silent");
                    return FlowEnd::Abnormal;
                }
                Err(_) if self.intake.standing.is_trusted() => {}
                Err(_) => {
                    let reason = "nobody signed in here in time";
                    return self.close(close_code::POLICY, reason).await;
                }
            }
        }
    }

    /// The next frame, unless it takes too long after some of it has come.
    async fn next(&mut self) -> Came {
        let patience = self.intake.shared.settings.message_timeout;
        let (stream, meter, seen) = (&mut self.stream, &self.meter, &mut self.seen);
        let mut begun: Option<Pin<Box<Sleep>>> = None;
        poll_fn(|cx| {
            if let Poll::Ready(frame) = stream.poll_next_unpin(cx) {
                *seen = meter.read();
                return Poll::Ready(Came::Frame(frame));
            }
            if meter.read() == *seen {
                return Poll::Pending;
            }
            let late = begun.get_or_insert_with(|| Box::pin(sleep(patience)));
            late.as_mut().poll(cx).map(|()| Came::TooSlow)
        })
        .await
    }

    async fn take(&mut self, frame: Option<Result<Message, axum::Error>>) -> Option<FlowEnd> {
        match frame {
            None => Some(FlowEnd::Abnormal),
            Some(Err(error)) => {
                debug!(flow = %self.intake.flow, "a SIP WebSocket broke: {error}");
                Some(FlowEnd::Abnormal)
            }
            Some(Ok(Message::Close(_))) => Some(FlowEnd::Clean),
            Some(Ok(Message::Text(text))) => self.read(&Bytes::from(text)).await,
            Some(Ok(Message::Binary(bytes))) => self.read(&bytes).await,
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {
                if self.control.admit(Instant::now()) {
                    None
                } else {
                    let reason = "too many control frames";
                    Some(self.close(close_code::POLICY, reason).await)
                }
            }
        }
    }

    async fn read(&mut self, bytes: &[u8]) -> Option<FlowEnd> {
        let framed = whole(bytes, &self.intake.shared.message);
        if !matches!(framed, Framed::Ping | Framed::Pong) {
            self.last_message = Instant::now();
            self.intake.standing.touch();
        }
        match self.intake.take(framed).await {
            Verdict::GoOn => None,
            Verdict::Answer(answer) => {
                let sent = self.answers.send(answer);
                sent.is_err().then_some(FlowEnd::Abnormal)
            }
            Verdict::Close(..) => Some(self.close(close_code::PROTOCOL, "not SIP").await),
            Verdict::Down => {
                let reason = "the server is going down";
                Some(self.close(close_code::AWAY, reason).await)
            }
        }
    }

    /// Lets the writer end it, which is waited for.
    async fn close(&mut self, code: u16, reason: &'static str) -> FlowEnd {
        if self.answers.close(code, reason).is_ok() {
            std::future::pending::<()>().await;
        }
        FlowEnd::Abnormal
    }
}

/// Gives out what the driver and the reader order, and pings.
struct Writer {
    sink: SplitSink<WebSocket, Message>,
    mailbox: Mailbox,
    ping_interval: Duration,
}

/// How the writer ended.
enum Closing {
    /// The network failed.
    Broken,
    /// A close frame was sent.
    Asked,
}

impl Writer {
    async fn run(&mut self) -> Closing {
        let mut ping_at = Instant::now() + self.ping_interval;
        loop {
            let sent = match timeout_at(ping_at, self.mailbox.next()).await {
                Ok(Some(Order::Send(bytes))) => {
                    let len = bytes.len();
                    let sent = self.sink.send(as_frame(bytes)).await;
                    self.mailbox.sent(len);
                    sent
                }
                Ok(Some(Order::Close { code, reason })) => return self.close(code, reason).await,
                Ok(None) => {
                    return self
                        .close(close_code::AWAY, "the server is going down")
                        .await;
                }
                Err(_) => {
                    ping_at = Instant::now() + self.ping_interval;
                    self.sink.send(Message::Ping(Bytes::new())).await
                }
            };
            if sent.is_err() {
                return Closing::Broken;
            }
        }
    }

    async fn close(&mut self, code: u16, reason: &'static str) -> Closing {
        let frame = CloseFrame {
            code,
            reason: Utf8Bytes::from_static(reason),
        };
        let frame = Message::Close(Some(frame));
        match timeout(CLOSE_PATIENCE, self.sink.send(frame)).await {
            Ok(Ok(())) => Closing::Asked,
            _ => Closing::Broken,
        }
    }
}

/// "the UTF-8 charset \[in\] text frames" (RFC 7118 4.2): what is not UTF-8 goes as binary.
fn as_frame(bytes: Bytes) -> Message {
    match Utf8Bytes::try_from(bytes.clone()) {
        Ok(text) => Message::Text(text),
        Err(_) => Message::Binary(bytes),
    }
}
