//! `callbox domain …`: domains are tables `[[domain]]` of the configuration, beside
//! `local_videochat.domain` and those that accounts belong to.

use std::collections::BTreeSet;
use std::process::ExitCode;

use anyhow::{Context, anyhow, bail};
use clap::{Subcommand, ValueEnum};
use sip::uri::Host;
use toml_edit::{Array, DocumentMut, Table, value};

use super::configuration::Place;
use super::document::{self, ACCOUNT, DOMAIN};
use super::running;
use crate::config::{self, Config, Guests};

#[cfg(test)]
mod tests;

/// Names of accounts in a sentence.
const NAMED: usize = 5;

#[derive(Debug, Subcommand)]
pub(super) enum DomainCommand {
    /// Add a domain
    Add {
        /// Its name, such as example.com
        name: String,
        /// Another name of it; may be given more than once
        #[arg(long = "alias", value_name = "NAME")]
        aliases: Vec<String>,
        /// Who may come to it without an account [default: none]
        #[arg(long, value_enum)]
        guests: Option<GuestsArgument>,
    },
    /// List the domains
    List,
    /// Remove a domain
    Remove {
        /// Its name
        name: String,
        /// Remove its accounts as well
        #[arg(long)]
        with_accounts: bool,
    },
}

/// As in the configuration.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum GuestsArgument {
    /// Nobody
    None,
    /// People on this machine
    Loopback,
    /// People on this machine and in private networks
    Private,
}

pub(super) fn run(place: &Place, command: DomainCommand) -> anyhow::Result<ExitCode> {
    let config = match place.load_or_say()? {
        Ok(config) => config,
        Err(code) => return Ok(code),
    };
    match command {
        DomainCommand::Add {
            name,
            aliases,
            guests,
        } => {
            let name = parse(&name)?;
            if config.domains.iter().any(|domain| domain.name == name) {
                bail!("{name} is there already");
            }
            if name == config.local_videochat.domain && aliases.is_empty() && guests.is_none() {
                bail!("{name} is served already: it is local_videochat.domain");
            }
            let aliases = aliases.iter().map(|alias| parse(alias));
            let aliases = aliases.collect::<anyhow::Result<Vec<Host>>>()?;
            change(place, |file| add(file, &name, &aliases, guests))?;
            println!("{name} added.");
        }
        DomainCommand::List => {
            for domain in served(&config) {
                println!("{}", line(&config, &domain));
            }
            return Ok(ExitCode::SUCCESS);
        }
        DomainCommand::Remove {
            name,
            with_accounts,
        } => {
            let name = parse(&name)?;
            let accounts = may_remove(&config, &name, with_accounts)?;
            change(place, |file| remove(file, &config, &name))?;
            match accounts {
                0 => println!("{name} removed."),
                count => println!("{name} removed, with {}.", counted(count)),
            }
        }
    }
    running::tell(&config.data_dir);
    Ok(ExitCode::SUCCESS)
}

fn parse(name: &str) -> anyhow::Result<Host> {
    Host::parse(name).map_err(|_| anyhow!("{name:?} is no domain"))
}

fn change(
    place: &Place,
    change: impl FnOnce(&mut DocumentMut) -> Result<(), String>,
) -> anyhow::Result<()> {
    config::edit_file(place.path(), change).context("nothing was changed")
}

fn add(
    file: &mut DocumentMut,
    name: &Host,
    aliases: &[Host],
    guests: Option<GuestsArgument>,
) -> Result<(), String> {
    let mut table = Table::new();
    table.insert("name", value(name.to_string()));
    if !aliases.is_empty() {
        let aliases: Array = aliases.iter().map(Host::to_string).collect();
        table.insert("aliases", value(aliases));
    }
    if let Some(guests) = guests {
        let guests = match guests {
            GuestsArgument::None => Guests::None,
            GuestsArgument::Loopback => Guests::Loopback,
            GuestsArgument::Private => Guests::Private,
        };
        table.insert("guests", value(word(guests)));
    }
    document::push(file, DOMAIN, table)
}

/// How many accounts go with a domain, if it may be removed.
fn may_remove(config: &Config, name: &Host, with_accounts: bool) -> anyhow::Result<usize> {
    if *name == config.local_videochat.domain {
        bail!("{name} is local_videochat.domain: it goes when another one is set there");
    }
    let accounts = accounts_of(config, name);
    let named = config.domains.iter().any(|domain| domain.name == *name);
    if !named && accounts.is_empty() {
        bail!("there is no domain {name}; `callbox domain list` lists them");
    }
    if !accounts.is_empty() && !with_accounts {
        let mut names: Vec<&str> = accounts.iter().copied().take(NAMED).collect();
        if accounts.len() > NAMED {
            names.push("...");
        }
        bail!(
            "{name} has {} ({}): remove them first, or give --with-accounts to remove them with it",
            counted(accounts.len()),
            names.join(", ")
        );
    }
    Ok(accounts.len())
}

/// Domains and accounts are in the order of the file.
fn remove(file: &mut DocumentMut, config: &Config, name: &Host) -> Result<(), String> {
    for (index, account) in config.accounts.iter().enumerate().rev() {
        if account.aor.domain() == name {
            document::remove(file, ACCOUNT, index)?;
        }
    }
    match config
        .domains
        .iter()
        .position(|domain| domain.name == *name)
    {
        Some(index) => document::remove(file, DOMAIN, index),
        None => Ok(()),
    }
}

/// The first domain, then the others by name.
fn served(config: &Config) -> Vec<Host> {
    let first = &config.local_videochat.domain;
    let named = config.domains.iter().map(|domain| &domain.name);
    let of_accounts = config.accounts.iter().map(|account| account.aor.domain());
    let others: BTreeSet<&Host> = named.chain(of_accounts).filter(|it| *it != first).collect();
    let all = [first].into_iter().chain(others);
    all.cloned().collect()
}

fn line(config: &Config, name: &Host) -> String {
    let domain = config.domains.iter().find(|domain| domain.name == *name);
    let guests = match domain {
        _ if *name == config.local_videochat.domain => config.local_videochat.guests,
        Some(domain) => domain.guests,
        None => Guests::None,
    };
    let mut line = format!(
        "{:32} {}, guests: {}",
        name.to_string(),
        counted(accounts_of(config, name).len()),
        word(guests)
    );
    for alias in domain.iter().flat_map(|domain| &domain.aliases) {
        line.push_str(&format!(", also {alias}"));
    }
    line
}

fn accounts_of<'c>(config: &'c Config, name: &Host) -> Vec<&'c str> {
    let accounts = config.accounts.iter();
    let own = accounts.filter(|account| account.aor.domain() == name);
    own.map(|account| account.aor.user()).collect()
}

fn counted(accounts: usize) -> String {
    match accounts {
        0 => "no accounts".to_owned(),
        1 => "1 account".to_owned(),
        count => format!("{count} accounts"),
    }
}

/// As the configuration says it.
fn word(guests: Guests) -> &'static str {
    match guests {
        Guests::None => "none",
        Guests::Loopback => "loopback",
        Guests::Private => "private",
    }
}
