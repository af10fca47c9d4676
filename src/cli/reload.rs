//! `callbox reload`

use std::process::ExitCode;

use anyhow::bail;

use super::configuration::Place;
use super::running::{self, Reloaded};

pub(super) fn run(place: &Place) -> anyhow::Result<ExitCode> {
    // What is wrong is said here as well as by the server.
    let config = match place.load_or_say()? {
        Ok(config) => config,
        Err(code) => return Ok(code),
    };
    match running::reload(&config.data_dir)? {
        Reloaded::Done(needs_restart) => {
            running::say_taken_over(&needs_restart);
            Ok(ExitCode::SUCCESS)
        }
        Reloaded::Refused(sentence) => {
            bail!("the running server keeps the old configuration: {sentence}")
        }
    }
}
