//! The one task that owns the [`Switch`]: takes inputs from bounded queues, reads the clock once
//! for each, and carries out what the Switch puts out.

use std::collections::{HashMap, VecDeque};
use std::future::{pending, poll_fn, ready};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use media::event::Event;
use sip::flow::FlowId;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tracing::{error, warn};

use super::clock;
use super::flows::{FlowHandle, SocketHandle, TooSlow, Turns};
use super::media_worker::Handle;
use super::memory::{self, Tide};
use super::recorder::Recorder;
use super::sip::{Place, SipHandle, Target, Wanted};
use crate::call::config::HotConfig;
use crate::call::io::{ApiRequest, FlowEnd, Input, Output, Peer, RecordingReport, SipEnds};
use crate::call::switch::Switch;
use crate::call::view::{ApiAction, ApiReply, Notice};
use crate::ops::cdr::CallRecords;
use crate::ops::log;
use crate::wcs::message::ClientMessage;

/// Inputs that wait for the Switch; whoever has one more waits with it.
const INBOX: usize = 1024;

/// Flows that wait to be opened; one more cannot be.
const CONNECTS: usize = 256;

/// An API request is answered within this time, or not at all.
const REPLY_PATIENCE: Duration = Duration::from_secs(5);

/// What the driver takes in beside media events.
pub(super) enum DriverInput {
    Opened {
        flow: FlowId,
        peer: Peer,
        socket: SocketHandle,
    },
    Said {
        flow: FlowId,
        message: Box<ClientMessage>,
        /// Given back when the answers are on their way.
        turn: OwnedSemaphorePermit,
    },
    SipOpened {
        flow: FlowId,
        ends: SipEnds,
        handle: SipHandle,
        connect: Option<u64>,
    },
    Sip {
        flow: FlowId,
        message: sip::message::Message,
        /// As with `Said`.
        turn: OwnedSemaphorePermit,
    },
    ConnectFailed {
        connect: u64,
        sentence: String,
    },
    Closed {
        flow: FlowId,
        how: FlowEnd,
    },
    Asked {
        action: ApiAction,
        reply: oneshot::Sender<ApiReply>,
    },
    Configured(Box<HotConfig>),
    Shutdown,
}

/// The way to the driver. Cheap to clone.
#[derive(Clone)]
pub struct DriverHandle {
    inputs: mpsc::Sender<DriverInput>,
    next_flow: Arc<AtomicU64>,
}

impl DriverHandle {
    /// A handle whose driver is played by a test.
    #[cfg(test)]
    pub(super) fn detached() -> (Self, mpsc::Receiver<DriverInput>) {
        let (inputs, inbox) = mpsc::channel(INBOX);
        let next_flow = Arc::new(AtomicU64::new(1));
        (Self { inputs, next_flow }, inbox)
    }

    /// A name that no flow had before.
    pub(super) fn new_flow(&self) -> FlowId {
        FlowId(self.next_flow.fetch_add(1, Ordering::Relaxed))
    }

    /// Tells of a new flow that carries SIP. False if the driver has ended.
    pub(super) async fn sip_opened(
        &self,
        flow: FlowId,
        ends: SipEnds,
        handle: SipHandle,
        connect: Option<u64>,
    ) -> bool {
        let opened = DriverInput::SipOpened {
            flow,
            ends,
            handle,
            connect,
        };
        self.inputs.send(opened).await.is_ok()
    }

    /// Tells of a message that arrived on it. False if the driver has ended.
    pub(super) async fn sip_said(
        &self,
        flow: FlowId,
        message: sip::message::Message,
        turns: &Turns,
    ) -> bool {
        let Some(turn) = turns.take().await else {
            return false;
        };
        let said = DriverInput::Sip {
            flow,
            message,
            turn,
        };
        self.inputs.send(said).await.is_ok()
    }

    /// Tells that a flow which the Switch asked for cannot be had.
    pub(super) async fn connect_failed(&self, connect: u64, sentence: String) {
        let failed = DriverInput::ConnectFailed { connect, sentence };
        let _ = self.inputs.send(failed).await;
    }

    /// Tells of a new WebSocket. `None` if the driver has ended.
    pub async fn opened(&self, peer: Peer, socket: SocketHandle) -> Option<FlowId> {
        let flow = self.new_flow();
        let sent = self
            .inputs
            .send(DriverInput::Opened { flow, peer, socket })
            .await;
        sent.is_ok().then_some(flow)
    }

    /// Tells what was said on it. False if the driver has ended.
    pub async fn said(&self, flow: FlowId, message: ClientMessage, turns: &Turns) -> bool {
        let Some(turn) = turns.take().await else {
            return false;
        };
        let message = Box::new(message);
        let said = DriverInput::Said {
            flow,
            message,
            turn,
        };
        self.inputs.send(said).await.is_ok()
    }

    /// Tells that it is gone: exactly once for each that was opened.
    pub async fn closed(&self, flow: FlowId, how: FlowEnd) {
        // A driver that has ended knows of no flows any more.
        let _ = self.inputs.send(DriverInput::Closed { flow, how }).await;
    }

    /// Asks the Switch. `None` if it does not answer.
    pub async fn ask(&self, action: ApiAction) -> Option<ApiReply> {
        let (reply, answer) = oneshot::channel();
        self.inputs
            .send(DriverInput::Asked { action, reply })
            .await
            .ok()?;
        tokio::time::timeout(REPLY_PATIENCE, answer)
            .await
            .ok()?
            .ok()
    }

    /// Puts what may change in place.
    pub async fn configure(&self, hot: HotConfig) {
        // A driver that has ended needs none.
        let _ = self
            .inputs
            .send(DriverInput::Configured(Box::new(hot)))
            .await;
    }

    /// Asks for a polite end of all calls; [`Driver::run`] returns when it is done.
    pub async fn shut_down(&self) {
        let _ = self.inputs.send(DriverInput::Shutdown).await;
    }
}

/// See the module.
pub struct Driver {
    switch: Switch,
    inbox: mpsc::Receiver<DriverInput>,
    /// `None` for one that was cut off and has not yet said that it is gone.
    flows: HashMap<FlowId, Option<FlowHandle>>,
    workers: Vec<Handle>,
    /// Writes recordings, if there may be any.
    recorder: Option<Recorder>,
    /// Which worker's events are looked at first: each in turn.
    turn: usize,
    /// Of the message that is being handled.
    answering: Option<OwnedSemaphorePermit>,
    connects: mpsc::Sender<Wanted>,
    /// Takes snapshots of the registrations.
    kept: watch::Sender<Vec<u8>>,
    /// Takes the records of calls.
    records: Option<CallRecords>,
    /// Those there was no room for.
    refused: VecDeque<u64>,
    replies: HashMap<u64, oneshot::Sender<ApiReply>>,
    next_token: u64,
    tide: Tide,
    finished: bool,
}

impl Driver {
    /// Takes over the Switch, its media workers and whoever writes recordings. Snapshots of the
    /// registrations go to `kept`, records of calls to `records`. The last value gives the flows that the
    /// Switch wants opened.
    pub(super) fn new(
        switch: Switch,
        workers: Vec<Handle>,
        recorder: Option<Recorder>,
        kept: watch::Sender<Vec<u8>>,
        records: Option<CallRecords>,
    ) -> (Self, DriverHandle, mpsc::Receiver<Wanted>) {
        let (inputs, inbox) = mpsc::channel(INBOX);
        let (connects, wanted) = mpsc::channel(CONNECTS);
        let driver = Self {
            switch,
            inbox,
            flows: HashMap::new(),
            workers,
            recorder,
            turn: 0,
            answering: None,
            connects,
            kept,
            records,
            refused: VecDeque::new(),
            replies: HashMap::new(),
            next_token: 0,
            tide: Tide::default(),
            finished: false,
        };
        (
            driver,
            DriverHandle {
                inputs,
                next_flow: Arc::new(AtomicU64::new(1)),
            },
            wanted,
        )
    }

    /// Drives until the Switch has shut down; then the media workers say goodbye and end.
    pub async fn run(mut self) {
        self.hear_workers();
        let mut alarm = pin!(sleep_until(Instant::now()));
        let mut armed = None;
        let mut looks = interval(memory::LOOKS);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !self.finished {
            let deadline = self.switch.poll_timeout().map(Instant::from_std);
            if let Some(at) = deadline.filter(|at| armed != Some(*at)) {
                alarm.as_mut().reset(at);
            }
            armed = deadline;
            let input = tokio::select! {
                Some(input) = self.inbox.recv() => self.admit(input),
                event = next_event(&mut self.workers, self.turn) => {
                    self.turn = self.turn.wrapping_add(1);
                    Some(Input::Media(event))
                }
                report = next_report(&mut self.recorder) => Some(Input::Recorded(report)),
                () = alarm.as_mut(), if armed.is_some() => {
                    armed = None;
                    Some(Input::Timeout)
                }
                _ = looks.tick() => {
                    self.look_at_memory();
                    if let Some(recorder) = &mut self.recorder {
                        recorder.retry();
                    }
                    None
                }
                () = ready(()), if !self.refused.is_empty() => {
                    let sentence = "too many connections are being opened".to_owned();
                    let refused = self.refused.pop_front();
                    refused.map(|connect| Input::ConnectFailed { connect, sentence })
                }
                else => break,
            };
            if let Some(input) = input {
                self.switch.handle(clock::now(), input);
                self.carry_out();
                self.tide.is_at(self.switch.size());
            }
            self.answering = None;
        }
        let workers = std::mem::take(&mut self.workers);
        let recorder = self.recorder.take();
        // Their threads are waited for: not on this one.
        let stopped = tokio::task::spawn_blocking(move || {
            workers.into_iter().for_each(Handle::shut_down);
            if let Some(recorder) = recorder {
                recorder.shut_down();
            }
        });
        if stopped.await.is_err() {
            error!("the media workers did not end well");
        }
    }

    /// Takes in what the workers have told before anybody could call: their ports are open, and a
    /// call that comes first has to find some.
    fn hear_workers(&mut self) {
        for worker in &mut self.workers {
            while let Ok(event) = worker.events.try_recv() {
                self.switch.handle(clock::now(), Input::Media(event));
            }
        }
        self.carry_out();
    }

    /// Gives memory back after load.
    fn look_at_memory(&mut self) {
        if self.tide.falls_to(self.switch.size()) {
            self.flows.shrink_to_fit();
            // It takes longer than anything here may.
            tokio::task::spawn_blocking(memory::give_back);
        }
    }

    /// Keeps what the shell has to know of an input and gives what the Switch has to.
    fn admit(&mut self, input: DriverInput) -> Option<Input> {
        match input {
            DriverInput::Opened { flow, peer, socket } => {
                self.flows.insert(flow, Some(FlowHandle::Wcs(socket)));
                Some(Input::WcsOpened { flow, peer })
            }
            DriverInput::SipOpened {
                flow,
                ends,
                handle,
                connect,
            } => {
                self.flows.insert(flow, Some(FlowHandle::Sip(handle)));
                Some(Input::SipOpened {
                    flow,
                    ends,
                    connect,
                })
            }
            DriverInput::Sip {
                flow,
                message,
                turn,
            } => {
                self.answering = Some(turn);
                self.is_open(flow).then_some(Input::Sip { flow, message })
            }
            DriverInput::ConnectFailed { connect, sentence } => {
                Some(Input::ConnectFailed { connect, sentence })
            }
            DriverInput::Said {
                flow,
                message,
                turn,
            } => {
                self.answering = Some(turn);
                self.is_open(flow).then_some(Input::Wcs { flow, message })
            }
            DriverInput::Closed { flow, how } => {
                let known = self.flows.remove(&flow).is_some();
                known.then_some(Input::FlowClosed { flow, how })
            }
            DriverInput::Asked { action, reply } => {
                let token = self.next_token;
                self.next_token += 1;
                self.replies.insert(token, reply);
                Some(Input::Api(ApiRequest { token, action }))
            }
            DriverInput::Configured(hot) => Some(Input::Configured(hot)),
            DriverInput::Shutdown => Some(Input::Shutdown),
        }
    }

    fn carry_out(&mut self) {
        while let Some(output) = self.switch.poll_output() {
            match output {
                Output::Wcs { flow, message } => {
                    self.order(flow, |handle| handle.say(message));
                }
                Output::Sip { flow, bytes } => self.order(flow, |handle| handle.send(bytes)),
                Output::Trust { flow, trusted } => self.order(flow, |handle| {
                    handle.trust(trusted);
                    Ok(())
                }),
                Output::CloseFlow { flow, code, reason } => {
                    self.order(flow, |handle| handle.close(code, reason));
                }
                Output::Media { worker, command } => {
                    let to = self.workers.get(worker);
                    let queued = to.map(|it| it.commands.queue(command));
                    if let Some(Err(problem)) = queued {
                        error!(worker, "an order for media is lost: {problem}");
                    }
                }
                Output::Record(order) => {
                    if let Some(recorder) = &mut self.recorder {
                        recorder.order(order);
                    }
                }
                Output::Notify(notice) => {
                    log::notice(&notice);
                    if let (Some(records), Notice::CallEnded(record)) =
                        (&self.records, notice.as_ref())
                    {
                        records.take(record);
                    }
                }
                Output::ApiReply { token, reply } => {
                    if let Some(asked) = self.replies.remove(&token) {
                        // Who asked may have gone.
                        let _ = asked.send(reply);
                    }
                }
                Output::Connect {
                    connect,
                    transport,
                    address,
                    name,
                } => {
                    let target = Target {
                        transport,
                        address,
                        name,
                    };
                    self.want(connect, Place::At(target));
                }
                Output::Reach {
                    connect,
                    destination,
                    only,
                } => self.want(connect, Place::Of { destination, only }),
                Output::Keep(snapshot) => drop(self.kept.send_replace(snapshot)),
                Output::ShutdownComplete => self.finished = true,
            }
        }
        // One bell for all orders that came of one input.
        for worker in &self.workers {
            worker.commands.ring_if_queued();
        }
    }

    fn want(&mut self, connect: u64, place: Place) {
        if self.connects.try_send(Wanted { connect, place }).is_err() {
            self.refused.push_back(connect);
        }
    }

    fn is_open(&self, flow: FlowId) -> bool {
        matches!(self.flows.get(&flow), Some(Some(_)))
    }

    fn order(&mut self, flow: FlowId, order: impl FnOnce(&mut FlowHandle) -> Result<(), TooSlow>) {
        let Some(slot) = self.flows.get_mut(&flow) else {
            return;
        };
        let Some(handle) = slot else { return };
        if order(handle).is_err() {
            warn!(%flow, "a peer takes its messages too slowly and is cut off");
            if let Some(FlowHandle::Sip(handle)) = slot.take() {
                handle.cut();
            }
        }
    }
}

/// What came of the next recording that ends; never, where there are none.
async fn next_report(recorder: &mut Option<Recorder>) -> RecordingReport {
    let next = match recorder {
        Some(recorder) => recorder.reports.recv().await,
        None => None,
    };
    match next {
        Some(report) => report,
        None => pending().await,
    }
}

/// The next event of any worker.
async fn next_event(workers: &mut [Handle], turn: usize) -> Event {
    poll_fn(|cx| {
        for offset in 0..workers.len() {
            let index = turn.wrapping_add(offset) % workers.len();
            if let Some(worker) = workers.get_mut(index)
                && let Poll::Ready(Some(event)) = worker.events.poll_recv(cx)
            {
                return Poll::Ready(event);
            }
        }
        Poll::Pending
    })
    .await
}

#[cfg(test)]
mod tests;
