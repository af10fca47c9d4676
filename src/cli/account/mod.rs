//! `callbox account …`: accounts are tables `[[account]]` of the configuration.

use std::process::ExitCode;

use anyhow::{Context, anyhow, bail};
use clap::{Args, Subcommand};
use registrar::{Aor, Credentials};
use sip::digest::Hash;

use super::configuration::Place;
use super::running;
use crate::config::{self, Config};

mod document;
mod password;
#[cfg(test)]
mod tests;

#[derive(Debug, Subcommand)]
pub(super) enum AccountCommand {
    /// Add an account; its password is asked for
    Add {
        /// Name, or name@domain
        name: String,
        /// The name shown to people
        #[arg(long, value_name = "TEXT")]
        display_name: Option<String>,
        #[command(flatten)]
        password: PasswordSource,
    },
    /// List the accounts
    List,
    /// Remove an account
    Remove {
        /// Name, or name@domain
        name: String,
    },
    /// Set another password
    Passwd {
        /// Name, or name@domain
        name: String,
        #[command(flatten)]
        password: PasswordSource,
    },
}

#[derive(Debug, Args)]
pub(super) struct PasswordSource {
    /// Read the password as one line from standard input, without asking
    #[arg(long)]
    password_stdin: bool,
}

pub(super) fn run(place: &Place, command: AccountCommand) -> anyhow::Result<ExitCode> {
    let config = match place.load_or_say()? {
        Ok(config) => config,
        Err(code) => return Ok(code),
    };
    match command {
        AccountCommand::Add {
            name,
            display_name,
            password,
        } => {
            let aor = parse(&config, &name)?;
            if find(&config, &aor).is_some() {
                bail!("{aor} is there already; `callbox account passwd` sets its password");
            }
            let hashes = ask(&aor, &password)?;
            let shown = display_name.as_deref();
            change(place, |file| document::add(file, &aor, shown, &hashes))?;
            println!("{aor} added.");
        }
        AccountCommand::List => {
            for account in &config.accounts {
                let shown = account
                    .display_name
                    .as_ref()
                    .map_or("", |name| name.as_str());
                println!(
                    "{}",
                    format!("{:32} {shown}", account.aor.to_string()).trim_end()
                );
            }
            return Ok(ExitCode::SUCCESS);
        }
        AccountCommand::Remove { name } => {
            let aor = parse(&config, &name)?;
            let index = find(&config, &aor).ok_or_else(|| anyhow!("there is no account {aor}"))?;
            change(place, |file| document::remove(file, index))?;
            println!("{aor} removed.");
        }
        AccountCommand::Passwd { name, password } => {
            let aor = parse(&config, &name)?;
            let index = find(&config, &aor).ok_or_else(|| anyhow!("there is no account {aor}"))?;
            // The spelling of the file is the one that is hashed.
            let aor = config
                .accounts
                .get(index)
                .map_or(aor, |account| account.aor.clone());
            let hashes = ask(&aor, &password)?;
            change(place, |file| document::set_password(file, index, &hashes))?;
            println!("The password of {aor} is set.");
        }
    }
    running::tell(&config.data_dir);
    Ok(ExitCode::SUCCESS)
}

fn parse(config: &Config, name: &str) -> anyhow::Result<Aor> {
    Aor::parse(name, &config.local_videochat.domain)
        .with_context(|| format!("{name:?} cannot be an account"))
}

/// Accounts are in the order of the file.
fn find(config: &Config, aor: &Aor) -> Option<usize> {
    config
        .accounts
        .iter()
        .position(|account| account.aor == *aor)
}

/// The hashes of a password, by the keys they are kept under: the password itself is not kept.
fn ask(aor: &Aor, source: &PasswordSource) -> anyhow::Result<document::Hashes> {
    let password = password::read(source.password_stdin)?;
    Ok(hashes(&Credentials::from_password(aor, &password)))
}

fn hashes(credentials: &Credentials) -> document::Hashes {
    let keys = [
        ("ha1_md5", Hash::Md5),
        ("ha1_sha256", Hash::Sha256),
        ("ha1_sha512_256", Hash::Sha512_256),
    ];
    let hexadecimal = |hash: &[u8]| {
        hash.iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    let hash = |(key, hash)| Some((key, hexadecimal(credentials.ha1(hash)?.as_bytes())));
    keys.into_iter().filter_map(hash).collect()
}

fn change(
    place: &Place,
    change: impl FnOnce(&mut toml_edit::DocumentMut) -> Result<(), String>,
) -> anyhow::Result<()> {
    config::edit_file(place.path(), change).context("nothing was changed")
}
