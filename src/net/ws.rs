//! One WebSocket of the Web SDK protocol: frames in, messages to the driver; messages of the
//! driver out, as frames.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::WebSocketUpgrade;
use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use futures_util::StreamExt;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout, timeout_at};
use tracing::debug;

use super::driver::DriverHandle;
use super::flows::{SocketHandle, SocketOrder, Turns};
use super::sip::Standing;
use crate::call::io::{FlowEnd, Peer};
use crate::config::Limits;
use crate::wcs::message::ClientMessage;

/// Small, since most frames are, and thousands of sockets wait idle. It grows for a longer frame,
/// a call's of 6 to 8 kB, which is read in so many pieces.
const READ_BUFFER: usize = 1024;

/// Room for what one write may hold beyond the largest message.
const WRITE_SLACK: usize = 64 * 1024;

/// Ping, pong and binary frames taken a second.
const CONTROL_FRAMES_PER_SECOND: u32 = 50;

/// After our close frame, for the peer's.
const CLOSE_PATIENCE: Duration = Duration::from_secs(2);

/// Sets the bounds of an upgrade.
pub(super) fn configure(upgrade: WebSocketUpgrade, limits: &Limits) -> WebSocketUpgrade {
    upgrade
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_write_buffer_size(limits.message_bytes + WRITE_SLACK)
        .max_message_size(limits.message_bytes)
        .max_frame_size(limits.message_bytes)
        .accept_unmasked_frames(false)
}

/// Serves the socket until either side ends it, and tells the driver how.
pub(super) async fn run(
    socket: WebSocket,
    peer: Peer,
    driver: DriverHandle,
    limits: &Limits,
    standing: Arc<Standing>,
) {
    let (orders, inbox) = mpsc::channel(limits.outgoing_messages);
    let (handle, cut) = SocketHandle::new(orders, Arc::clone(&standing));
    let Some(flow) = driver.opened(peer, handle).await else {
        return;
    };
    let mut session = Session {
        socket,
        inbox,
        driver: &driver,
        limits,
        flow,
        standing: &standing,
        turns: Turns::default(),
        control: Control::new(),
    };
    let end = tokio::select! {
        end = session.serve() => end,
        // The driver gave up on a consumer too slow, without waiting for room to say so.
        _ = cut => FlowEnd::Abnormal,
        () = standing.evicted() => FlowEnd::Abnormal,
    };
    debug!(%flow, ?end, "a WebSocket ended");
    driver.closed(flow, end).await;
}

struct Session<'a> {
    socket: WebSocket,
    inbox: mpsc::Receiver<SocketOrder>,
    driver: &'a DriverHandle,
    limits: &'a Limits,
    flow: sip::flow::FlowId,
    standing: &'a Standing,
    turns: Turns,
    control: Control,
}

/// What to do after a frame.
enum Next {
    GoOn,
    End(FlowEnd),
    Close(u16, Cow<'static, str>),
}

impl Session<'_> {
    async fn serve(&mut self) -> FlowEnd {
        // Who says nothing after connecting is not waited for; later on, the session's pings
        // find out who is gone.
        let first = Instant::now() + self.limits.handshake_timeout;
        let mut spoken = false;
        loop {
            // What waits to be sent goes first: whoever asks much is not cut off for the answers.
            let next = tokio::select! {
                biased;
                order = self.inbox.recv() => self.obey(order).await,
                frame = self.socket.next() => {
                    spoken |= matches!(frame, Some(Ok(Message::Text(_))));
                    self.take(frame).await
                }
                () = tokio::time::sleep_until(first), if !spoken => {
                    Next::Close(close_code::POLICY, "nothing was said in time".into())
                }
            };
            match next {
                Next::GoOn => {}
                Next::End(end) => return end,
                Next::Close(code, reason) => return self.close(code, reason).await,
            }
        }
    }

    async fn take(&mut self, frame: Option<Result<Message, axum::Error>>) -> Next {
        match frame {
            None => Next::End(FlowEnd::Abnormal),
            Some(Err(error)) => {
                debug!(flow = %self.flow, "a WebSocket broke: {error}");
                Next::End(FlowEnd::Abnormal)
            }
            Some(Ok(Message::Close(_))) => Next::End(FlowEnd::Clean),
            Some(Ok(Message::Text(text))) => match ClientMessage::parse(&text) {
                Ok(message) => {
                    self.standing.touch();
                    if self.driver.said(self.flow, message, &self.turns).await {
                        Next::GoOn
                    } else {
                        Next::Close(close_code::AWAY, "the server is going down".into())
                    }
                }
                Err(error) => Next::Close(error.close_code(), error.to_string().into()),
            },
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Binary(_))) => {
                if self.control.admit(Instant::now()) {
                    Next::GoOn
                } else {
                    Next::Close(close_code::POLICY, "too many control frames".into())
                }
            }
        }
    }

    async fn obey(&mut self, order: Option<SocketOrder>) -> Next {
        match order {
            Some(SocketOrder::Say(message)) => {
                match self
                    .socket
                    .send(Message::Text(message.to_text().into()))
                    .await
                {
                    Ok(()) => Next::GoOn,
                    Err(_) => Next::End(FlowEnd::Abnormal),
                }
            }
            Some(SocketOrder::Close { code, reason }) => Next::Close(code, reason.into()),
            // The driver has forgotten us.
            None => Next::End(FlowEnd::Abnormal),
        }
    }

    /// Says goodbye and waits a moment for the peer to do so too (RFC 6455 7.1.1).
    async fn close(&mut self, code: u16, reason: Cow<'static, str>) -> FlowEnd {
        let frame = CloseFrame {
            code,
            reason: reason.as_ref().into(),
        };
        let deadline = Instant::now() + CLOSE_PATIENCE;
        let sent = timeout(
            CLOSE_PATIENCE,
            self.socket.send(Message::Close(Some(frame))),
        )
        .await;
        if matches!(sent, Ok(Ok(()))) {
            while let Ok(Some(Ok(_))) = timeout_at(deadline, self.socket.next()).await {}
        }
        FlowEnd::Clean
    }
}

/// Bounds frames that cost us work and say nothing.
pub(super) struct Control {
    second: Instant,
    seen: u32,
}

impl Control {
    pub(super) fn new() -> Self {
        Self {
            second: Instant::now(),
            seen: 0,
        }
    }

    /// True if one more is not too many.
    pub(super) fn admit(&mut self, now: Instant) -> bool {
        if now.duration_since(self.second) >= Duration::from_secs(1) {
            *self = Self {
                second: now,
                seen: 0,
            };
        }
        self.seen += 1;
        self.seen <= CONTROL_FRAMES_PER_SECOND
    }
}
