//! The command line: one file a command.
#![forbid(unsafe_code)]
// Here is where the program talks to people.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod account;
mod check;
mod configuration;
mod document;
mod domain;
mod reload;
mod running;
mod serve;
mod status;

/// Exit code for a configuration that has faults, as for wrong arguments.
const FAULTY: u8 = 2;

/// Two browsers call each other through one binary.
#[derive(Debug, Parser)]
#[command(name = "callbox", version, about)]
pub struct Arguments {
    /// The configuration file [default: config.toml in this directory, if there is one]
    #[arg(long, short, global = true, value_name = "FILE")]
    config: Option<PathBuf>,

    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server (what happens without a command, too)
    Serve,
    /// Say what is wrong with the configuration, if anything, without starting
    Check,
    /// Keep accounts
    #[command(subcommand)]
    Account(account::AccountCommand),
    /// Keep domains
    #[command(subcommand)]
    Domain(domain::DomainCommand),
    /// Have the running server read its configuration again
    Reload,
    /// Ask the running server how it is
    Status(status::StatusArguments),
}

/// Does what was asked.
///
/// # Errors
/// A sentence for people.
pub fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let place = configuration::Place::of(arguments.config);
    match arguments.command.unwrap_or(Command::Serve) {
        Command::Serve => serve::run(&place),
        Command::Check => check::run(&place),
        Command::Account(command) => account::run(&place, command),
        Command::Domain(command) => domain::run(&place, command),
        Command::Reload => reload::run(&place),
        Command::Status(arguments) => status::run(&place, &arguments),
    }
}

/// Says why nothing came of it.
pub fn fail(sentence: &str) -> ExitCode {
    eprintln!("callbox: {sentence}");
    ExitCode::FAILURE
}
