//! The records of calls (CDR): a line of JSON each, in a file for whoever bills or analyses.

use std::fs::OpenOptions;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::mpsc;
use tracing::{error, info, warn};

use super::Throttle;
use crate::call::view::CallRecord;

/// Records that wait to be written. Beyond it they are only said in the log.
const MAX_WAITING: usize = 4096;

/// Records written at once.
const BATCH: usize = 256;

/// After so long a file that could not be written is tried again.
const RETRY: Duration = Duration::from_secs(5);

/// Takes records of calls.
pub struct CallRecords {
    lines: mpsc::Sender<String>,
    complaints: Throttle,
}

/// Writes what [`CallRecords`] takes.
pub struct Writer {
    file: PathBuf,
    lines: mpsc::Receiver<String>,
}

/// Records that go to a file, which is made if there is none.
///
/// # Errors
/// If it cannot be written.
pub fn open(file: &Path) -> io::Result<(CallRecords, Writer)> {
    append(file, "")?;
    let (sender, lines) = mpsc::channel(MAX_WAITING);
    let records = CallRecords {
        lines: sender,
        complaints: Throttle::new(1, Duration::from_mins(1)),
    };
    let file = file.to_owned();
    Ok((records, Writer { file, lines }))
}

impl CallRecords {
    /// Takes the record of a call that is over. Does not wait.
    pub fn take(&self, record: &CallRecord) {
        let problem = match serde_json::to_string(record) {
            Ok(line) => self
                .lines
                .try_send(line + "\n")
                .err()
                .map(|it| it.to_string()),
            Err(error) => Some(error.to_string()),
        };
        if let Some(problem) = problem
            && self.complaints.admit()
        {
            let call = &record.call.id;
            error!(%call, "the record of this call, and perhaps of more, is not in cdr.file: {problem}");
        }
    }
}

impl Writer {
    /// Writes until nobody hands over records any more. While the file cannot be written they wait.
    pub async fn run(mut self) {
        let mut batch = Vec::new();
        while self.lines.recv_many(&mut batch, BATCH).await > 0 {
            let count = batch.len();
            let text = batch.drain(..).collect::<String>();
            self.write(text, count).await;
        }
    }

    async fn write(&self, text: String, count: usize) {
        let mut failing = false;
        loop {
            let (file, text) = (self.file.clone(), text.clone());
            let written = tokio::task::spawn_blocking(move || append(&file, &text)).await;
            let file = self.file.display();
            let problem = match written {
                Ok(Ok(())) if failing => {
                    info!("records of calls are written to {file} again");
                    return;
                }
                Ok(Ok(())) => return,
                Ok(Err(error)) => error.to_string(),
                Err(error) => error.to_string(),
            };
            if self.lines.is_closed() {
                error!("{count} records of calls are lost, {file} cannot be written: {problem}");
                return;
            }
            if !std::mem::replace(&mut failing, true) {
                warn!(
                    "{file} cannot be written ({problem}); up to {MAX_WAITING} records of calls \
                     wait until it can: see to its directory and the room on the disk"
                );
            }
            tokio::time::sleep(RETRY).await;
        }
    }
}

/// Adds whole lines, all or none. The file may have been moved away meanwhile: then it is made
/// anew.
fn append(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)?;
    let before = file.seek(SeekFrom::End(0))?;
    let write = |file: &mut std::fs::File| {
        if before > 0 && !text.is_empty() {
            let mut last = [0];
            file.seek(SeekFrom::Start(before - 1))?;
            file.read_exact(&mut last)?;
            if last != *b"\n" {
                // Somebody died in the middle of a line.
                file.write_all(b"\n")?;
            }
        }
        file.write_all(text.as_bytes())?;
        file.sync_data()
    };
    write(&mut file).inspect_err(|_| {
        // What was written of it is no line. If this fails, too, the next one begins a new line.
        let _ = file.set_len(before);
    })
}

#[cfg(test)]
mod tests;
