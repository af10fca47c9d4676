//! Who is at home here: the keys of `[registrar]`, `[[domain]]` and `[[account]]`.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use media::plan::Format;
use registrar::{Account, Aor, Credentials, ExpiryLimits};
use sip::uri::Host;

use super::reader::Section;
use super::value::{codec, display_name, domain, guests, ha1};
use super::{Domain, Guests, Registrar, Registration};

/// The longest that a registration may last, s: 31 days.
const LONGEST_EXPIRY_S: u64 = 2_678_400;

pub(super) fn registrar(mut section: Section<'_, '_>) -> Registrar {
    let defaults = Registration {
        expiry: ExpiryLimits::default(),
        max_contacts: 8,
    };
    let read = Registrar {
        registration: registration(&mut section, &defaults),
        snapshot_interval: section.seconds("snapshot_interval_s", 30, 1..=86_400),
    };
    section.finish();
    read
}

/// What telephones are granted; `defaults` where nothing is said.
fn registration(section: &mut Section<'_, '_>, defaults: &Registration) -> Registration {
    let expiry = &defaults.expiry;
    let longest = 1..=LONGEST_EXPIRY_S;
    let min_s = section.integer("min_expires_s", expiry.min_s().into(), 1..=3_600);
    let default_s = section.integer(
        "default_expires_s",
        expiry.default_s().into(),
        longest.clone(),
    );
    let max_s = section.integer("max_expires_s", expiry.max_s().into(), longest);
    let limits = ExpiryLimits::new(min_s as u32, default_s as u32, max_s as u32);
    if limits.is_none() {
        let problem = format!(
            "min_expires_s ({min_s}) may not be above default_expires_s ({default_s}), nor that \
             above max_expires_s ({max_s})"
        );
        let keys = ["min_expires_s", "default_expires_s", "max_expires_s"];
        let said = keys.into_iter().find(|key| section.has(key));
        section.contradiction(said.unwrap_or("max_expires_s"), &problem);
    }
    let most = u32::try_from(defaults.max_contacts).unwrap_or(u32::MAX);
    Registration {
        expiry: limits.unwrap_or_default(),
        max_contacts: section.count("max_contacts", most, 1..=64),
    }
}

/// Each domain once; no other name of one is a domain, or another name of two.
pub(super) fn domains(
    sections: Vec<Section<'_, '_>>,
    registrar: &Registrar,
    first: &Host,
    accounts: &[Account],
) -> Vec<Domain> {
    let mut read: Vec<(Domain, Section<'_, '_>)> = Vec::new();
    for mut section in sections {
        let name = section.required_text("name", |text| domain(text).map(Some));
        let aliases = section.list("aliases", Vec::new(), domain);
        let guests = section.text("guests", None, |text| guests(text).map(Some));
        let registration = registration(&mut section, &registrar.registration);
        let Some(name) = name.flatten() else {
            section.finish();
            continue;
        };
        if guests.is_some() && name == *first {
            section.contradiction(
                "guests",
                "for this domain local_videochat.guests says it; leave the key out",
            );
        }
        if read.iter().any(|(other, _)| other.name == name) {
            section.contradiction("name", &format!("{name} is there twice"));
            section.finish();
            continue;
        }
        let domain = Domain {
            name,
            aliases,
            guests: guests.unwrap_or(Guests::None),
            registration,
        };
        read.push((domain, section));
    }
    let names = read.iter().map(|(domain, _)| &domain.name);
    let mut taken: HashSet<Host> = names.chain([first]).cloned().collect();
    taken.extend(accounts.iter().map(|account| account.aor.domain().clone()));
    for (domain, section) in &read {
        let mut own = HashSet::new();
        for alias in &domain.aliases {
            // The same name twice for one domain does no harm.
            if own.insert(alias) && !taken.insert(alias.clone()) {
                let problem = format!(
                    "{alias} is a domain itself, or another name of a domain above: one name \
                     leads to one domain"
                );
                section.contradiction("aliases", &problem);
            }
        }
    }
    let finish = |(domain, section): (Domain, Section<'_, '_>)| {
        section.finish();
        domain
    };
    read.into_iter().map(finish).collect()
}

/// The accounts, and what is said of some of them.
#[derive(Debug, Default)]
pub(super) struct People {
    /// Each once, in the order of the file.
    pub(super) accounts: Vec<Account>,
    /// Whose calls are recorded.
    pub(super) recorded: BTreeSet<Aor>,
    /// Who uses certain codecs alone.
    pub(super) codecs: BTreeMap<Aor, Vec<Format>>,
}

pub(super) fn accounts(sections: Vec<Section<'_, '_>>, default_domain: &Host) -> People {
    let mut seen = HashSet::new();
    let mut people = People::default();
    for mut section in sections {
        let name = section.required_text("name", |text| Ok(text.to_owned()));
        let domain = section.text("domain", default_domain.clone(), domain);
        let display_name = section.text("display_name", None, |text| display_name(text).map(Some));
        let record = section.boolean("record", false);
        let whose = name.as_deref().unwrap_or("this account");
        let codecs = section.list("codecs", Vec::new(), |text| {
            codec(text).map_err(|problem| format!("of {whose}: {problem}"))
        });
        let md5 = section.text("ha1_md5", None, |text| ha1(text).map(Some));
        let sha256 = section.text("ha1_sha256", None, |text| ha1(text).map(Some));
        let sha512_256 = section.text("ha1_sha512_256", None, |text| ha1(text).map(Some));
        if let Some(aor) = name.and_then(|name| account_aor(&section, &name, &domain)) {
            let realm = domain.to_string();
            match Credentials::from_ha1(&aor, &realm, md5, sha256, sha512_256) {
                Some(credentials) if seen.insert(aor.clone()) => {
                    people.recorded.extend(record.then(|| aor.clone()));
                    if !codecs.is_empty() {
                        people.codecs.insert(aor.clone(), codecs);
                    }
                    people.accounts.push(Account {
                        aor,
                        display_name,
                        credentials,
                    });
                }
                Some(_) => section.contradiction("name", &format!("{aor} is there twice")),
                None => section.contradiction(
                    "name",
                    "has no usable password: set one with `callbox account passwd`, it writes \
                     ha1_md5, ha1_sha256 and ha1_sha512_256",
                ),
            }
        }
        section.finish();
    }
    people
}

fn account_aor(section: &Section<'_, '_>, name: &str, domain: &Host) -> Option<Aor> {
    match Aor::new(name, domain) {
        Ok(aor) => Some(aor),
        Err(error) => {
            section.contradiction("name", &format!("{name:?} cannot be used: {error}"));
            None
        }
    }
}
