//! The loop of a thread that writes recordings.

use std::collections::HashMap;
use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant};

use media::recording::{Recorder, RecorderConfig, RecordingId, Tapped};
use tokio::sync::mpsc::Sender;
use tracing::warn;

use super::file::{Complete, PartFile, failed};
use super::{RecorderSettings, Task};
use crate::call::io::{RecordingOrder, RecordingReport};

/// How often all recordings are written on.
const ROUND: Duration = Duration::from_millis(500);

/// Packets may be on their way here for so long.
const ON_THE_WAY: Duration = Duration::from_millis(100);

/// What is written at once at the latest, bytes.
const WRITE: usize = 64 * 1024;

/// What a thread has to do, and to whom it tells what came of it.
pub(super) struct Thread {
    settings: RecorderSettings,
    tasks: Receiver<Task>,
    complete: SyncSender<Complete>,
    reports: Sender<RecordingReport>,
    running: HashMap<RecordingId, Running>,
    next_round: Instant,
    /// All that happened before was heard of.
    heard: Instant,
}

/// A recording that is being written.
struct Running {
    recorder: Recorder,
    part: PartFile,
    /// Not written yet.
    bytes: Vec<u8>,
}

impl Thread {
    pub(super) fn new(
        settings: RecorderSettings,
        tasks: Receiver<Task>,
        complete: SyncSender<Complete>,
        reports: Sender<RecordingReport>,
    ) -> Self {
        let now = Instant::now();
        Self {
            settings,
            tasks,
            complete,
            reports,
            running: HashMap::new(),
            next_round: now + ROUND,
            heard: now,
        }
    }

    pub(super) fn run(mut self) {
        loop {
            let wait = self.next_round.saturating_duration_since(Instant::now());
            match self.tasks.recv_timeout(wait) {
                Ok(Task::Order(order)) => self.obey(order),
                Ok(Task::Tapped(Tapped::Packet(packet))) => {
                    self.heard = self.heard.max(packet.at);
                    if let Some(running) = self.running.get_mut(&packet.recording) {
                        running.recorder.hear(&packet, &mut running.bytes);
                        let is_much = running.bytes.len() >= WRITE;
                        if is_much && let Err(error) = running.write() {
                            self.give_up(packet.recording, &error);
                        }
                    }
                }
                Ok(Task::Tapped(Tapped::Lost(id))) => {
                    let sentence = "packets came faster than they were written: the disk or the \
                                    machine is too slow for so many recordings";
                    self.cut(id, self.heard, sentence);
                }
                Err(RecvTimeoutError::Timeout) => self.heard = Instant::now(),
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if Instant::now() >= self.next_round {
                self.next_round = Instant::now() + ROUND;
                self.write_on();
            }
        }
        // The server ends.
        let now = Instant::now();
        let ids: Vec<RecordingId> = self.running.keys().copied().collect();
        for id in ids {
            self.end(id, now, None);
        }
    }

    fn obey(&mut self, order: RecordingOrder) {
        match order {
            RecordingOrder::Begin { id, file, at } => self.begin(id, &file, at),
            RecordingOrder::End { id, at } => self.end(id, at, None),
        }
    }

    fn begin(&mut self, id: RecordingId, name: &str, at: Instant) {
        let config = RecorderConfig {
            format: self.settings.format,
            max_length: self.settings.max_length,
            serial: rand::random(),
        };
        let mut bytes = Vec::new();
        let begun = PartFile::new(&self.settings.directory, name).and_then(|part| {
            let recorder = Recorder::new(config, at, &mut bytes).map_err(io::Error::other)?;
            Ok(Running {
                recorder,
                part,
                bytes,
            })
        });
        match begun {
            Ok(running) => drop(self.running.insert(id, running)),
            Err(error) => self.report_failure(id, name, &error),
        }
    }

    /// All that is over is written, also where nobody says anything.
    fn write_on(&mut self) {
        let until = self.heard.checked_sub(ON_THE_WAY).unwrap_or(self.heard);
        let mut over = Vec::new();
        let mut broken = Vec::new();
        for (id, running) in &mut self.running {
            running.recorder.advance(until, &mut running.bytes);
            match running.write() {
                Ok(()) if running.recorder.is_full() => over.push(*id),
                Ok(()) => {}
                Err(error) => broken.push((*id, error)),
            }
        }
        for (id, error) in broken {
            self.give_up(id, &error);
        }
        let most = self.settings.max_length.as_secs();
        for id in over {
            let sentence = format!("it is {most} s long, as long as recording.max_length_s allows");
            self.cut(id, until, &sentence);
        }
    }

    /// A recording ends, and its call does not.
    fn cut(&mut self, id: RecordingId, at: Instant, why: &str) {
        if let Some(running) = self.running.get(&id) {
            let name = running.part.name();
            warn!("the recording {name} ends before its call: {why}");
        }
        self.end(id, at, Some(why.to_owned()));
    }

    /// Nothing more comes.
    fn end(&mut self, id: RecordingId, at: Instant, cut: Option<String>) {
        let Some(running) = self.running.remove(&id) else {
            return;
        };
        let Running {
            recorder,
            mut part,
            mut bytes,
        } = running;
        let ending = recorder.finish(at, &mut bytes);
        let written = part.write(&bytes).and_then(|()| part.end(&ending));
        if let Err(error) = written {
            return self.report_failure(id, part.name(), &error);
        }
        let complete = Complete {
            recording: id,
            part,
            length: ending.length,
            cut,
        };
        // The other end is there until this one is gone.
        let _ = self.complete.send(complete);
    }

    fn give_up(&mut self, id: RecordingId, error: &io::Error) {
        if let Some(running) = self.running.remove(&id) {
            self.report_failure(id, running.part.name(), error);
        }
    }

    fn report_failure(&self, id: RecordingId, name: &str, error: &io::Error) {
        let outcome = failed(name, &self.settings.directory, error);
        // A driver that has ended hears nothing; the log has it.
        let _ = self.reports.blocking_send(RecordingReport { id, outcome });
    }
}

impl Running {
    fn write(&mut self) -> io::Result<()> {
        self.part.write(&self.bytes)?;
        self.bytes.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests;
