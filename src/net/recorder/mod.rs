//! Writes recordings: threads beside the media workers, which copy packets for them and wait for
//! nothing (ADR 20). A recorder's thread decodes, encodes and writes; another one sees to it that what
//! is complete is on disk and appears under its name.

mod file;
mod thread;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use media::recording::{FileFormat, RecordingId, Tapped};
use tokio::sync::mpsc as tokio_mpsc;
use tracing::{error, warn};

use self::file::Complete;
use self::thread::Thread;
use crate::call::io::{RecordingOrder, RecordingReport};

/// Packets and orders that wait for one thread. With all places taken packets wait in their worker,
/// where there is room for a second of forty calls, and then recordings end.
const QUEUE: usize = 4096;

/// Files that wait to be brought to disk; beyond, whoever writes waits.
const COMPLETE: usize = 256;

/// Reports that wait for the driver.
const REPORTS: usize = 1024;

/// More of them would take the processor away from calls.
const MOST_THREADS: usize = 4;

/// How recordings are written.
#[derive(Debug, Clone)]
pub(super) struct RecorderSettings {
    /// Where to.
    pub(super) directory: PathBuf,
    /// What files are.
    pub(super) format: FileFormat,
    /// How long they are at most.
    pub(super) max_length: Duration,
}

/// Something for a thread to do.
#[derive(Debug)]
enum Task {
    Order(RecordingOrder),
    Tapped(Tapped),
}

/// All recordings.
#[derive(Debug)]
pub(super) struct Recorder {
    ways: Ways,
    /// Orders that there was no room for; as many as calls begin and end meanwhile.
    waiting: VecDeque<RecordingOrder>,
    /// What came of recordings.
    pub(super) reports: tokio_mpsc::Receiver<RecordingReport>,
    threads: Vec<JoinHandle<()>>,
}

/// The ways to the threads: each recording has one of them.
#[derive(Debug, Clone)]
struct Ways(Vec<SyncSender<Task>>);

/// How a media worker hands over what it copies.
#[derive(Debug)]
pub(super) struct TapWay {
    ways: Ways,
    /// What there was no room for: what comes after it waits in the worker.
    held: Option<Tapped>,
}

impl Recorder {
    /// Makes the directory, removes what a crash left there, and starts the threads. A directory that
    /// is of no use is told of; each recording tries it again.
    ///
    /// # Errors
    /// If the system has no threads left.
    pub(super) fn start(settings: RecorderSettings) -> io::Result<Self> {
        if let Err(problem) = file::prepare(&settings.directory) {
            warn!("calls will not be recorded: {problem}");
        }
        let count = std::thread::available_parallelism().map_or(1, usize::from);
        let (reports, received) = tokio_mpsc::channel(REPORTS);
        let (complete, completed) = sync_channel(COMPLETE);
        let mut ways = Vec::new();
        let mut threads = Vec::new();
        for index in 0..count.min(MOST_THREADS) {
            let (way, tasks) = sync_channel(QUEUE);
            let body = Thread::new(settings.clone(), tasks, complete.clone(), reports.clone());
            let name = format!("recorder-{index}");
            threads.push(spawn(name, move || body.run())?);
            ways.push(way);
        }
        // It ends when the others have.
        let bring = move || bring_to_disk(&completed, &reports);
        threads.push(spawn("recorder-disk".to_owned(), bring)?);
        Ok(Self {
            ways: Ways(ways),
            waiting: VecDeque::new(),
            reports: received,
            threads,
        })
    }

    /// For one media worker.
    pub(super) fn tap_way(&self) -> TapWay {
        TapWay {
            ways: self.ways.clone(),
            held: None,
        }
    }

    /// Never waits.
    pub(super) fn order(&mut self, order: RecordingOrder) {
        self.waiting.push_back(order);
        self.retry();
    }

    /// Tries again what there was no room for.
    pub(super) fn retry(&mut self) {
        while let Some(order) = self.waiting.pop_front() {
            if let Err(Task::Order(order)) = self.ways.send(order.id(), Task::Order(order)) {
                self.waiting.push_front(order);
                return;
            }
        }
    }

    /// Brings all recordings to their end. The media workers have ended before.
    pub(super) fn shut_down(mut self) {
        self.retry();
        drop(self.ways);
        drop(self.reports);
        for thread in self.threads {
            if thread.join().is_err() {
                error!("a thread that writes recordings ended by a panic");
            }
        }
    }
}

impl Ways {
    /// The task comes back if there is no room for it. Threads that have ended take none.
    fn send(&self, recording: RecordingId, task: Task) -> Result<(), Task> {
        let count = u64::try_from(self.0.len()).unwrap_or(1).max(1);
        let index = usize::try_from(recording.0 % count).unwrap_or_default();
        let Some(way) = self.0.get(index) else {
            return Ok(());
        };
        match way.try_send(task) {
            Ok(()) | Err(TrySendError::Disconnected(_)) => Ok(()),
            Err(TrySendError::Full(task)) => Err(task),
        }
    }
}

impl TapWay {
    /// Hands over as much as there is room for; never waits.
    pub(super) fn pass(&mut self, mut next: impl FnMut() -> Option<Tapped>) {
        while let Some(tapped) = self.held.take().or_else(&mut next) {
            let recording = tapped.recording();
            if let Err(Task::Tapped(tapped)) = self.ways.send(recording, Task::Tapped(tapped)) {
                self.held = Some(tapped);
                return;
            }
        }
    }
}

fn spawn(name: String, body: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name(name).spawn(body)
}

/// Waits for the disk, so that whoever writes need not.
fn bring_to_disk(files: &Receiver<Complete>, reports: &tokio_mpsc::Sender<RecordingReport>) {
    for file in files {
        let report = file.bring_to_disk();
        // A driver that has ended hears nothing; the log has it.
        let _ = reports.blocking_send(report);
    }
}
