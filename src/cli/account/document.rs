//! Changes to the tables `[[account]]` of a document; all comments stay.

use registrar::Aor;
use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, value};

/// Keys and values of a password's hashes.
pub(super) type Hashes = Vec<(&'static str, String)>;

const KEY: &str = "account";

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
    // What stands after the last table is about accounts: the first one follows it.
    let trailing = document.trailing().as_str().unwrap_or_default().to_owned();
    if !trailing.trim().is_empty() {
        let gap = if trailing.ends_with("\n\n") { "" } else { "\n" };
        table.decor_mut().set_prefix(format!("{trailing}{gap}"));
        document.set_trailing("");
    }
    tables(document)?.push(table);
    Ok(())
}

pub(super) fn set_password(
    document: &mut DocumentMut,
    index: usize,
    hashes: &Hashes,
) -> Result<(), String> {
    let table = tables(document)?.get_mut(index).ok_or_else(moved)?;
    for (key, _) in hashes {
        table.remove(key);
    }
    insert(table, hashes);
    Ok(())
}

pub(super) fn remove(document: &mut DocumentMut, index: usize) -> Result<(), String> {
    let tables = tables(document)?;
    let removed = tables.get(index).ok_or_else(moved)?;
    let prefix = removed
        .decor()
        .prefix()
        .and_then(|prefix| prefix.as_str())
        .unwrap_or_default();
    // The paragraph right above belongs to the account and goes with it; what is further up is
    // about something else.
    let kept = prefix
        .rfind("\n\n")
        .map(|end| prefix[..end + 2].to_owned())
        .unwrap_or_default();
    tables.remove(index);
    if let Some(next) = tables.get_mut(index) {
        let own = next
            .decor()
            .prefix()
            .and_then(|prefix| prefix.as_str())
            .unwrap_or_default();
        let joined = format!("{kept}{}", own.trim_start_matches('\n'));
        next.decor_mut().set_prefix(joined);
    } else {
        if tables.is_empty() {
            document.remove(KEY);
        }
        let trailing = document.trailing().as_str().unwrap_or_default().to_owned();
        document.set_trailing(format!("{kept}{trailing}"));
    }
    Ok(())
}

fn insert(table: &mut Table, hashes: &Hashes) {
    for (key, hash) in hashes {
        table.insert(key, value(hash));
    }
}

fn tables(document: &mut DocumentMut) -> Result<&mut ArrayOfTables, String> {
    let item = document
        .entry(KEY)
        .or_insert(Item::ArrayOfTables(ArrayOfTables::new()));
    item.as_array_of_tables_mut()
        .ok_or_else(|| "accounts have to be written as [[account]] tables".to_owned())
}

/// The file was changed by somebody else since it was read.
fn moved() -> String {
    "the configuration changed in the meantime; try again".to_owned()
}
