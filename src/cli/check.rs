//! `callbox check`

use std::process::ExitCode;

use super::configuration::Place;

pub(super) fn run(place: &Place) -> anyhow::Result<ExitCode> {
    match place.load_or_say()? {
        Ok(_) => {
            println!("config ok");
            Ok(ExitCode::SUCCESS)
        }
        Err(code) => Ok(code),
    }
}
