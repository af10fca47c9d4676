//! The `callbox` binary: arguments, configuration, run, exit code.

use std::process::ExitCode;

use callbox::cli::{self, Arguments};
use clap::Parser;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // One crypto provider for TLS of all kinds; a second one in the process would be a bug.
    if rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .is_err()
    {
        return cli::fail("another crypto provider is installed already");
    }
    match cli::run(arguments) {
        Ok(code) => code,
        Err(error) => cli::fail(&format!("{error:#}")),
    }
}
