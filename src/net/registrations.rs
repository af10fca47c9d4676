//! Registrations on disk: read at the start, written behind the driver.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use tokio::sync::watch;
use tracing::{error, info, warn};

use super::clock;
use crate::call::switch::Switch;

const FILE: &str = "registrations";

/// Of temporary GRUUs.
const SECRET: &str = "gruu-secret";

/// Has the Switch take up what was kept in a data directory. What cannot be read is put aside, and
/// the server starts without.
pub(super) fn restore(data_dir: &Path, switch: &mut Switch) {
    let path = data_dir.join(FILE);
    let snapshot = match fs::read(&path) {
        Ok(snapshot) => snapshot,
        Err(error) if error.kind() == ErrorKind::NotFound => return,
        Err(error) => {
            let path = path.display();
            warn!(
                "the registrations in {path} cannot be read, so that phones register anew: {error}"
            );
            return;
        }
    };
    match switch.restore(clock::now(), &snapshot) {
        Ok(restored) => {
            let left_out =
                restored.expired + restored.over_limit + restored.outdated + restored.unwanted;
            info!(
                left_out,
                "{} registrations of before the restart go on", restored.bindings
            );
        }
        Err(fault) => {
            let aside = data_dir.join(format!("{FILE}.damaged"));
            // If it cannot be put aside, the next snapshot replaces it.
            let _ = fs::rename(&path, &aside);
            warn!(
                "the registrations in {} are damaged, so that phones register anew: {fault}; the \
                 file is {} now",
                path.display(),
                aside.display()
            );
        }
    }
}

/// The secret of temporary GRUUs in a data directory; `fresh` becomes it where there is none, or one
/// that was damaged.
pub(super) fn secret(data_dir: &Path, fresh: [u8; 32]) -> [u8; 32] {
    let path = data_dir.join(SECRET);
    if let Some(secret) = fs::read(&path).ok().and_then(|kept| kept.try_into().ok()) {
        return secret;
    }
    if let Err(error) = write(data_dir, SECRET, &fresh) {
        let path = path.display();
        warn!(
            "temporary GRUUs of phones will not outlive a restart: {path} cannot be written: {error}"
        );
    }
    fresh
}

/// Writes each snapshot that is handed over; of several that wait, the newest. Ends after the last
/// one when its sender is gone.
pub(super) async fn keep(data_dir: PathBuf, mut newest: watch::Receiver<Vec<u8>>) {
    let mut failing = false;
    while newest.changed().await.is_ok() {
        let snapshot = newest.borrow_and_update().clone();
        let directory = data_dir.clone();
        let written = tokio::task::spawn_blocking(move || write(&directory, FILE, &snapshot)).await;
        match written {
            Ok(Ok(())) => failing = false,
            // A full disk stays full: it is said once.
            Ok(Err(error)) if !failing => {
                failing = true;
                let path = data_dir.join(FILE);
                warn!(
                    "the registrations cannot be kept in {}: {error}",
                    path.display()
                );
            }
            Ok(Err(_)) => {}
            Err(_) => error!("the registrations were not kept"),
        }
    }
}

/// All or nothing: whoever reads finds the old or the new ones.
fn write(data_dir: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let beside = data_dir.join(format!("{name}.new"));
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&beside, data_dir.join(name))
}
