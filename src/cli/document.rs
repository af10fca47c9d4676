//! Changes to tables `[[account]]` and `[[domain]]` of a document; all comments stay.

use toml_edit::{ArrayOfTables, DocumentMut, Item, RawString, Table};

/// The table arrays, in the order in which they are at the end of the file.
pub(super) const DOMAIN: &str = "domain";
/// See [`DOMAIN`].
pub(super) const ACCOUNT: &str = "account";

/// Where what is said about accounts begins in the shipped file.
const ABOUT_ACCOUNTS: &str = "# --- People with a password";

/// Adds a table to those of a key, at the place where the file says that they go.
pub(super) fn push(
    document: &mut DocumentMut,
    key: &'static str,
    mut table: Table,
) -> Result<(), String> {
    if tables(document, key)?.is_empty() {
        place_first(document, key, &mut table);
    }
    tables(document, key)?.push(table);
    Ok(())
}

/// Domains come before accounts, each below what is said about them.
fn place_first(document: &mut DocumentMut, key: &'static str, table: &mut Table) {
    let accounts = document
        .get_mut(ACCOUNT)
        .and_then(Item::as_array_of_tables_mut)
        .filter(|accounts| key == DOMAIN && !accounts.is_empty());
    let Some(accounts) = accounts else {
        let trailing = document.trailing().as_str().unwrap_or_default().to_owned();
        let (above, below) = match key {
            DOMAIN => split(&trailing),
            _ => (trailing.as_str(), ""),
        };
        if !above.trim().is_empty() {
            table.decor_mut().set_prefix(with_gap(above));
            document.set_trailing(below);
        }
        return;
    };
    let Some(first) = accounts.get_mut(0) else {
        return;
    };
    let prefix = prefix_of(first).to_owned();
    let (above, below) = split(&prefix);
    // Every table of a file that was read has a position.
    let Some(position) = first.position() else {
        return;
    };
    if !above.trim().is_empty() {
        table.decor_mut().set_prefix(with_gap(above));
    }
    let below = below.trim_start_matches('\n');
    first.decor_mut().set_prefix(format!("\n{below}"));
    table.set_position(Some(position));
    for account in accounts.iter_mut() {
        let moved = account.position().map(|position| position + 1);
        account.set_position(moved);
    }
}

/// What is above that which is said about accounts, and the rest.
fn split(text: &str) -> (&str, &str) {
    match text.find(ABOUT_ACCOUNTS) {
        // The empty line before belongs to what follows.
        Some(at) => {
            let end = text[..at].trim_end_matches('\n').len();
            text.split_at((end + 1).min(at))
        }
        None => (text, ""),
    }
}

fn with_gap(text: &str) -> String {
    let gap = if text.ends_with("\n\n") { "" } else { "\n" };
    format!("{text}{gap}")
}

/// Removes a table. The paragraph right above belongs to it and goes with it; what is further up is
/// about something else and stays.
pub(super) fn remove(
    document: &mut DocumentMut,
    key: &'static str,
    index: usize,
) -> Result<(), String> {
    let own = tables(document, key)?;
    let prefix = prefix_of(own.get(index).ok_or_else(moved)?);
    let kept = prefix
        .rfind("\n\n")
        .map(|end| prefix[..end + 2].to_owned())
        .unwrap_or_default();
    own.remove(index);
    if let Some(next) = own.get_mut(index) {
        put_above(next, &kept);
        return Ok(());
    }
    if own.is_empty() {
        document.remove(key);
    }
    let accounts = document
        .get_mut(ACCOUNT)
        .and_then(Item::as_array_of_tables_mut);
    match accounts.and_then(|accounts| accounts.get_mut(0)) {
        Some(first) if key == DOMAIN => put_above(first, &kept),
        _ => {
            let trailing = document.trailing().as_str().unwrap_or_default();
            let trailing = match kept.is_empty() {
                true => trailing.to_owned(),
                false => format!("{kept}{}", trailing.trim_start_matches('\n')),
            };
            document.set_trailing(trailing);
        }
    }
    Ok(())
}

fn put_above(table: &mut Table, kept: &str) {
    let joined = format!("{kept}{}", prefix_of(table).trim_start_matches('\n'));
    table.decor_mut().set_prefix(joined);
}

fn prefix_of(table: &Table) -> &str {
    let prefix = table.decor().prefix();
    prefix.and_then(RawString::as_str).unwrap_or_default()
}

/// The tables of a key.
pub(super) fn tables<'d>(
    document: &'d mut DocumentMut,
    key: &'static str,
) -> Result<&'d mut ArrayOfTables, String> {
    let item = document
        .entry(key)
        .or_insert(Item::ArrayOfTables(ArrayOfTables::new()));
    item.as_array_of_tables_mut()
        .ok_or_else(|| format!("{key}s have to be written as [[{key}]] tables"))
}

/// The file was changed by somebody else since it was read.
pub(super) fn moved() -> String {
    "the configuration changed in the meantime; try again".to_owned()
}
