//! Where the configuration is, and reading it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};

use crate::config::{Config, Fault, SHIPPED};

const DEFAULT_FILE: &str = "config.toml";

/// Where the configuration is.
pub(super) struct Place {
    path: PathBuf,
    /// It was named: it has to be there.
    named: bool,
}

/// A configuration that was read.
pub(super) enum Loaded {
    /// Without faults.
    Good(Box<Config>),
    /// All of its faults.
    Faulty(Vec<Fault>),
}

impl Place {
    pub(super) fn of(named: Option<PathBuf>) -> Self {
        match named {
            Some(path) => Self { path, named: true },
            None => Self {
                path: PathBuf::from(DEFAULT_FILE),
                named: false,
            },
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// For people: the file in full, or that there is none.
    pub(super) fn describe(&self) -> String {
        match fs::canonicalize(&self.path) {
            Ok(path) => path.display().to_string(),
            Err(_) => format!("defaults (no {DEFAULT_FILE} here)"),
        }
    }

    /// Reads it; without a file, and none named, it is as shipped.
    pub(super) fn load(&self) -> anyhow::Result<Loaded> {
        let text = match fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound && !self.named => {
                SHIPPED.to_owned()
            }
            Err(error) => {
                let path = self.path.display();
                bail!("the configuration {path} cannot be read: {error}");
            }
        };
        let directory = match self.path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => std::env::current_dir().context("the working directory is gone")?,
        };
        Ok(match Config::parse(&text, &directory) {
            Ok(config) => Loaded::Good(Box::new(config)),
            Err(faults) => Loaded::Faulty(faults),
        })
    }

    /// Reads it and says what is wrong with it; `Err` is the exit code then.
    pub(super) fn load_or_say(&self) -> anyhow::Result<Result<Box<Config>, ExitCode>> {
        match self.load()? {
            Loaded::Good(config) => Ok(Ok(config)),
            Loaded::Faulty(faults) => {
                eprintln!("callbox: {}", self.faults(&faults));
                Ok(Err(ExitCode::from(super::FAULTY)))
            }
        }
    }

    /// All faults, one a line.
    pub(super) fn faults(&self, faults: &[Fault]) -> String {
        let path = self.path.display();
        let count = match faults.len() {
            1 => "a fault".to_owned(),
            count => format!("{count} faults"),
        };
        let lines: String = faults.iter().map(|fault| format!("\n  {fault}")).collect();
        format!("{path} has {count}:{lines}")
    }
}
