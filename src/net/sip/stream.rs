//! SIP on a stream, TCP or TLS: messages are cut by their Content-Length (RFC 3261 18.3).

use std::pin::Pin;
use std::sync::Arc;
use std::task::ready;
use std::time::Duration;

use sip::flow::Transport;
use sip::framer::{Framed, Opened, StreamFramer};
use tokio::io::{
    AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf, ReadHalf, WriteHalf, split,
};
use tokio::time::{Instant, timeout, timeout_at};
use tracing::debug;

use super::Shared;
use super::handle::{Answers, Mailbox, Order, Standing, connection};
use super::intake::{Intake, Verdict};
use crate::call::io::{FlowEnd, SipEnds};
use crate::net::admission::Permit;
use crate::net::flows::Turns;

/// Read at once. It is on the stack: an idle connection holds no buffer.
const READ: usize = 4 * 1024;

/// After our end is closed, for the peer's.
const CLOSE_PATIENCE: Duration = Duration::from_secs(2);

/// What is known of a stream when it begins.
pub(super) struct Beginning {
    /// Both ends.
    pub ends: SipEnds,
    /// What counts it.
    pub permit: Option<Permit>,
    /// The order of the driver that it fulfils.
    pub connect: Option<u64>,
}

/// Serves a stream until either side ends it, and tells the driver how.
pub(super) async fn run<S>(stream: S, beginning: Beginning, shared: Arc<Shared>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let Beginning {
        ends,
        permit,
        connect,
    } = beginning;
    let standing = Standing::new(permit.into_iter().map(Arc::new).collect());
    let (handle, mut mailbox) = connection(shared.limits.outgoing_messages, Arc::clone(&standing));
    let (source, transport) = (ends.peer.address, ends.transport);
    let flow = shared.driver.new_flow();
    if !shared.driver.sip_opened(flow, ends, handle, connect).await {
        return;
    }
    let cut = mailbox.take_cut();
    let (read_half, write_half) = split(stream);
    let opened = match connect {
        None => Opened::ByPeer,
        Some(_) => Opened::ByUs,
    };
    let now = Instant::now();
    let mut reader = Reader {
        stream: read_half,
        framer: StreamFramer::new(opened, shared.message),
        answers: mailbox.answers(),
        last_message: now,
        first_until: (opened == Opened::ByPeer).then(|| now + shared.limits.handshake_timeout),
        intake: Intake {
            flow,
            source,
            standing: Arc::clone(&standing),
            turns: Turns::default(),
            shared: Arc::clone(&shared),
        },
    };
    let mut writer = Writer {
        stream: write_half,
        mailbox,
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
                reader.drain().await;
                FlowEnd::Clean
            }
        },
    };
    debug!(%flow, transport = transport.via_name(), ?end, "a SIP connection ended");
    shared.driver.closed(flow, end).await;
}

struct Reader<S> {
    stream: ReadHalf<S>,
    framer: StreamFramer,
    intake: Intake,
    answers: Answers,
    last_message: Instant,
    /// Who opened a stream to us has to say something by then.
    first_until: Option<Instant>,
}

/// Why a stream is closed by us.
const SLOW: &str = "a message took too long";
const SILENT: &str = "nothing was said in time";
const STRANGER: &str = "nobody signed in in time";

impl<S: AsyncRead> Reader<S> {
    async fn run(&mut self) -> FlowEnd {
        loop {
            while let Some(framed) = self.framer.poll() {
                if let Some(end) = self.take(framed).await {
                    return end;
                }
            }
            let read = match self.deadline() {
                None => self.read().await,
                Some((until, reason)) => match timeout_at(until, self.read()).await {
                    Ok(read) => read,
                    Err(_) if reason == STRANGER && self.intake.standing.is_trusted() => continue,
                    Err(_) => return self.close(reason).await,
                },
            };
            match read {
                // A phone that closes a connection still wants its calls: it registered for a
                // time, not for a connection.
                Ok(0) => return FlowEnd::Abnormal,
                Ok(_) => {}
                Err(error) => {
                    debug!(flow = %self.intake.flow, "a SIP connection broke: {error}");
                    return FlowEnd::Abnormal;
                }
            }
        }
    }

    /// Until when something has to come, and what is wrong if not.
    fn deadline(&self) -> Option<(Instant, &'static str)> {
        let settings = &self.intake.shared.settings;
        let begun = self.framer.waiting_since().map(Instant::from_std);
        let slow = begun.map(|begun| (begun + settings.message_timeout, SLOW));
        let silent = self.first_until.map(|until| (until, SILENT));
        let stranger = (!self.intake.standing.is_trusted())
            .then(|| (self.last_message + settings.idle_timeout, STRANGER));
        slow.into_iter().chain(silent).chain(stranger).min()
    }

    /// Reads what is there and gives it to the framer: how many bytes.
    async fn read(&mut self) -> std::io::Result<usize> {
        let (stream, framer) = (&mut self.stream, &mut self.framer);
        std::future::poll_fn(|cx| {
            let mut room = [0; READ];
            let mut buffer = ReadBuf::new(&mut room);
            ready!(Pin::new(&mut *stream).poll_read(cx, &mut buffer))?;
            framer.push(std::time::Instant::now(), buffer.filled());
            Ok(buffer.filled().len()).into()
        })
        .await
    }

    async fn take(&mut self, framed: Framed) -> Option<FlowEnd> {
        if !matches!(framed, Framed::Ping | Framed::Pong) {
            self.last_message = Instant::now();
            self.first_until = None;
            self.intake.standing.touch();
        }
        match self.intake.take(framed).await {
            Verdict::GoOn => None,
            Verdict::Answer(answer) => {
                let sent = self.answers.send(answer);
                sent.is_err().then_some(FlowEnd::Abnormal)
            }
            Verdict::Close(answer, fault) => {
                if let Some(answer) = answer
                    && self.answers.send(answer).is_err()
                {
                    return Some(FlowEnd::Abnormal);
                }
                debug!(flow = %self.intake.flow, "a SIP connection is closed: {fault}");
                Some(self.close("it cannot be read any further").await)
            }
            Verdict::Down => Some(self.close("the server is going down").await),
        }
    }

    /// Lets the writer end it, which is waited for.
    async fn close(&mut self, reason: &'static str) -> FlowEnd {
        debug!(flow = %self.intake.flow, "a SIP connection is closed: {reason}");
        if self.answers.close(0, reason).is_ok() {
            std::future::pending::<()>().await;
        }
        FlowEnd::Abnormal
    }

    /// Takes what still comes, so that what was sent is not lost to a reset.
    async fn drain(&mut self) {
        let mut sink = [0; 512];
        let end = async { while matches!(self.stream.read(&mut sink).await, Ok(1..)) {} };
        // Who goes on sending is not waited for.
        let _ = timeout(CLOSE_PATIENCE, end).await;
    }
}

struct Writer<S> {
    stream: WriteHalf<S>,
    mailbox: Mailbox,
}

/// How the writer ended.
enum Closing {
    /// The network failed.
    Broken,
    /// All is sent, and our end is closed.
    Asked,
}

impl<S: AsyncWrite> Writer<S> {
    async fn run(&mut self) -> Closing {
        while let Some(Order::Send(bytes)) = self.mailbox.next().await {
            let sent = self.stream.write_all(&bytes).await;
            self.mailbox.sent(bytes.len());
            if sent.is_err() || self.stream.flush().await.is_err() {
                return Closing::Broken;
            }
        }
        match timeout(CLOSE_PATIENCE, self.stream.shutdown()).await {
            Ok(Ok(())) => Closing::Asked,
            _ => Closing::Broken,
        }
    }
}

/// What carries a stream.
pub(super) fn transport(secure: bool) -> Transport {
    if secure {
        Transport::Tls
    } else {
        Transport::Tcp
    }
}
