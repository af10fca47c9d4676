//! The one way the file is changed: under a lock, comments kept, all or nothing.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use toml_edit::DocumentMut;

use super::{Config, Fault};

/// Why a change was not made. The file is as it was.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// The file system refused.
    #[error("cannot {doing} {}: {source}", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is not TOML.
    #[error("{} is not TOML: {message}", path.display())]
    NotToml {
        /// Which file.
        path: PathBuf,
        /// Where and why.
        message: String,
    },
    /// The change itself was refused by whoever asked for it.
    #[error("{0}")]
    Refused(String),
    /// The file would have faults afterwards.
    #[error("{} would not be valid: {}", path.display(), sentences(faults))]
    Faults {
        /// Which file.
        path: PathBuf,
        /// All of them.
        faults: Vec<Fault>,
    },
}

/// Changes the configuration file at `path`; one that is not there begins as the shipped one.
///
/// # Errors
/// See [`EditError`]; the file is untouched then.
pub fn edit_file(
    path: &Path,
    change: impl FnOnce(&mut DocumentMut) -> Result<(), String>,
) -> Result<(), EditError> {
    // A link is followed, so that the rename replaces the file and not the link.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    let failed = |doing, path: &Path| {
        let path = path.to_owned();
        move |source| EditError::Io {
            doing,
            path,
            source,
        }
    };
    // Locked until it is dropped at the end of this function.
    let lock = File::open(&directory).map_err(failed("open", &directory))?;
    lock.lock().map_err(failed("lock", &directory))?;

    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => super::SHIPPED.to_owned(),
        Err(error) => return Err(failed("read", &path)(error)),
    };
    let mut document: DocumentMut =
        text.parse()
            .map_err(|error: toml_edit::TomlError| EditError::NotToml {
                path: path.clone(),
                message: error.to_string(),
            })?;
    change(&mut document).map_err(EditError::Refused)?;
    let changed = document.to_string();
    Config::parse(&changed, &directory).map_err(|faults| EditError::Faults {
        path: path.clone(),
        faults,
    })?;
    replace(&path, &directory, changed.as_bytes())
}

/// Writes beside the file and renames over it: a reader sees the old or the new one.
fn replace(path: &Path, directory: &Path, content: &[u8]) -> Result<(), EditError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = directory.join(format!(".{name}.{}.new", std::process::id()));
    let failed = |doing| {
        let path = temporary.clone();
        move |source| EditError::Io {
            doing,
            path,
            source,
        }
    };
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&temporary)
        .map_err(failed("create"))
        .and_then(|mut file| {
            file.write_all(content).map_err(failed("write"))?;
            file.sync_all().map_err(failed("write"))
        })
        .and_then(|()| fs::rename(&temporary, path).map_err(failed("rename")));
    if written.is_err() {
        // Best effort: the fault that matters is the one above.
        let _ = fs::remove_file(&temporary);
    }
    written
}

fn sentences(faults: &[Fault]) -> String {
    faults
        .iter()
        .map(Fault::to_string)
        .collect::<Vec<_>>()
        .join("; ")
}
