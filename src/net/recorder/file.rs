//! Files that are there as a whole or not at all: written under another name, brought to disk, and
//! renamed.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use media::recording::{Ending, RecordingId};
use tracing::{info, warn};

use crate::call::io::{RecordingOutcome, RecordingReport};

/// What the names of files end with that are not complete.
const UNFINISHED: &str = ".callbox-part";

/// A file that is being written. Dropped, it is gone.
#[derive(Debug)]
pub(super) struct PartFile {
    directory: PathBuf,
    name: String,
    file: File,
    /// It has its name.
    complete: bool,
}

/// A file with all that is to be in it, perhaps not on disk.
#[derive(Debug)]
pub(super) struct Complete {
    pub(super) recording: RecordingId,
    pub(super) part: PartFile,
    pub(super) length: Duration,
    /// Why it ends before the call, if it does.
    pub(super) cut: Option<String>,
}

/// Makes the directory if it is not there, sees whether files can be written there, and removes what
/// a crash has left.
///
/// # Errors
/// A sentence.
pub(super) fn prepare(directory: &Path) -> Result<(), String> {
    let prepared = || {
        make(directory)?;
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let unfinished = name.starts_with('.') && name.ends_with(UNFINISHED);
            // Another server may be writing it.
            if unfinished && !is_locked(&entry.path()) {
                fs::remove_file(entry.path())?;
                info!("removed {name}, a recording that a crash left unfinished");
            }
        }
        PartFile::new(directory, "trial").map(drop)
    };
    prepared().map_err(|error| sentence(directory, &error))
}

fn is_locked(path: &Path) -> bool {
    let tried = File::open(path).map(|file| file.try_lock());
    matches!(tried, Ok(Err(TryLockError::WouldBlock)))
}

/// Only the user of this process may look into it.
fn make(directory: &Path) -> io::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
}

impl PartFile {
    /// An empty file, readable for the user of this process alone.
    pub(super) fn new(directory: &Path, name: &str) -> io::Result<Self> {
        let known = |it: u8| it.is_ascii_alphanumeric() || it == b'-' || it == b'.';
        let is_name = !name.is_empty() && !name.starts_with('.') && name.bytes().all(known);
        if !is_name || directory.join(name).try_exists()? {
            return Err(ErrorKind::AlreadyExists.into());
        }
        make(directory)?;
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(directory.join(unfinished(name)))?;
        // Where the file system knows no locks, no other server may start on the directory.
        let _ = file.try_lock();
        Ok(Self {
            directory: directory.to_owned(),
            name: name.to_owned(),
            file,
            complete: false,
        })
    }

    /// What is written from now on finds no room.
    #[cfg(test)]
    pub(super) fn write_to_full_disk(&mut self) {
        if let Ok(full) = OpenOptions::new().write(true).open("/dev/full") {
            self.file = full;
        }
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)
    }

    /// Writes what belongs at the beginning.
    pub(super) fn end(&mut self, ending: &Ending) -> io::Result<()> {
        if ending.beginning.is_empty() {
            return Ok(());
        }
        self.file.rewind()?;
        self.file.write_all(&ending.beginning)
    }

    /// Has all of it on disk, and then under its name.
    fn complete(&mut self) -> io::Result<()> {
        self.file.sync_all()?;
        let (directory, name) = (&self.directory, &self.name);
        fs::rename(directory.join(unfinished(name)), directory.join(name))?;
        self.complete = true;
        // The name is on disk when the directory is.
        File::open(directory)?.sync_all()
    }
}

impl Drop for PartFile {
    fn drop(&mut self) {
        if !self.complete {
            // If it cannot be removed now, it is at the next start.
            let _ = fs::remove_file(self.directory.join(unfinished(&self.name)));
        }
    }
}

impl Complete {
    /// Brings it to disk and says what came of it.
    pub(super) fn bring_to_disk(mut self) -> RecordingReport {
        let outcome = match self.part.complete() {
            Ok(()) => {
                let seconds = self.length.as_secs();
                info!("recorded {} s in {}", seconds, self.part.name());
                self.cut
                    .map_or(RecordingOutcome::Kept, RecordingOutcome::Cut)
            }
            Err(error) => failed(self.part.name(), self.part.directory(), &error),
        };
        RecordingReport {
            id: self.recording,
            outcome,
        }
    }
}

/// A recording that there is no file of: told in the log, too.
pub(super) fn failed(name: &str, directory: &Path, error: &io::Error) -> RecordingOutcome {
    let problem = sentence(directory, error);
    warn!("the recording {name} is given up, its call goes on: {problem}");
    RecordingOutcome::Failed(problem)
}

/// What is wrong, and what to do about it.
fn sentence(directory: &Path, error: &io::Error) -> String {
    let directory = directory.display();
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => format!(
            "there is no room in {directory} ({error}): make room there, or set another \
             recording.directory"
        ),
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => format!(
            "{directory} cannot be written to ({error}): make it writable for this user, or set \
             another recording.directory"
        ),
        _ => format!(
            "files cannot be written in {directory} ({error}): see to it, or set another \
             recording.directory"
        ),
    }
}

fn unfinished(name: &str) -> String {
    format!(".{name}{UNFINISHED}")
}
