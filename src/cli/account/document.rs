//! Changes to the tables `[[account]]` of a document; all comments stay.

use registrar::Aor;
use toml_edit::{DocumentMut, Table, value};

use crate::cli::document::{self, ACCOUNT};

/// Keys and values of a password's hashes.
pub(super) type Hashes = Vec<(&'static str, String)>;

pub(super) fn add(
    document: &mut DocumentMut,
    aor: &Aor,
    display_name: Option<&str>,
    hashes: &Hashes,
) -> Result<(), String> {
    let mut table = Table::new();
    table.insert("name", value(aor.user()));
    table.insert("domain", value(aor.domain().to_string()));
    if let Some(display_name) = display_name {
        table.insert("display_name", value(display_name));
    }
    insert(&mut table, hashes);
    document::push(document, ACCOUNT, table)
}

pub(super) fn set_password(
    document: &mut DocumentMut,
    index: usize,
    hashes: &Hashes,
) -> Result<(), String> {
    let tables = document::tables(document, ACCOUNT)?;
    let table = tables.get_mut(index).ok_or_else(document::moved)?;
    for (key, _) in hashes {
        table.remove(key);
    }
    insert(table, hashes);
    Ok(())
}

pub(super) fn remove(document: &mut DocumentMut, index: usize) -> Result<(), String> {
    document::remove(document, ACCOUNT, index)
}

fn insert(table: &mut Table, hashes: &Hashes) {
    for (key, hash) in hashes {
        table.insert(key, value(hash));
    }
}
