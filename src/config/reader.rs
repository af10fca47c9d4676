//! Reads typed values out of a TOML table, notes every fault and goes on with the default.

use std::cell::RefCell;
use std::ops::{Range, RangeInclusive};
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::fault::Faults;

/// One table of the file, or the place where it is missing. Every key that is asked for is a
/// known key; what is left at [`Section::finish`] is a fault.
pub(super) struct Section<'a, 't> {
    faults: &'a RefCell<Faults<'t>>,
    path: String,
    table: Option<&'a DeTable<'t>>,
    span: Option<Range<usize>>,
    known: Vec<&'static str>,
}

impl<'a, 't> Section<'a, 't> {
    pub(super) fn root(faults: &'a RefCell<Faults<'t>>, table: &'a DeTable<'t>) -> Self {
        Self {
            faults,
            path: String::new(),
            table: Some(table),
            span: None,
            known: Vec::new(),
        }
    }

    /// The sub-table `key`; an absent one reads as all defaults.
    pub(super) fn section(&mut self, key: &'static str) -> Section<'a, 't> {
        let mut section = Section {
            faults: self.faults,
            path: self.path_of(key),
            table: None,
            span: None,
            known: Vec::new(),
        };
        if let Some(value) = self.take(key) {
            section.span = Some(value.span());
            match value.get_ref() {
                DeValue::Table(table) => section.table = Some(table),
                other => self.fault(
                    value,
                    key,
                    &format!("is {}, not a table: write [{}]", kind(other), section.path),
                ),
            }
        }
        section
    }

    /// The tables of `[[key]]`.
    pub(super) fn sections(&mut self, key: &'static str) -> Vec<Section<'a, 't>> {
        let Some(value) = self.take(key) else {
            return Vec::new();
        };
        let DeValue::Array(items) = value.get_ref() else {
            self.fault(value, key, &format!("write it as [[{key}]], once for each"));
            return Vec::new();
        };
        let mut sections = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let DeValue::Table(table) = item.get_ref() else {
                self.fault(item, key, &format!("write it as [[{key}]], once for each"));
                continue;
            };
            sections.push(Section {
                faults: self.faults,
                path: format!("{}[{}]", self.path_of(key), index + 1),
                table: Some(table),
                span: Some(item.span()),
                known: Vec::new(),
            });
        }
        sections
    }

    pub(super) fn boolean(&mut self, key: &'static str, default: bool) -> bool {
        self.read(key, default, |value| match value {
            DeValue::Boolean(boolean) => Ok(*boolean),
            other => Err(format!("is {}; allowed: true, false", kind(other))),
        })
    }

    pub(super) fn integer(
        &mut self,
        key: &'static str,
        default: u64,
        allowed: RangeInclusive<u64>,
    ) -> u64 {
        self.read(key, default, |value| {
            let wanted = || {
                format!(
                    "allowed: a whole number from {} to {}",
                    allowed.start(),
                    allowed.end()
                )
            };
            let DeValue::Integer(number) = value else {
                return Err(format!("is {}; {}", kind(value), wanted()));
            };
            let digits: String = number.as_str().chars().filter(|c| *c != '_').collect();
            match u64::from_str_radix(&digits, number.radix()) {
                Ok(number) if allowed.contains(&number) => Ok(number),
                _ => Err(format!("is {number}; {}", wanted())),
            }
        })
    }

    /// A `usize` in a range.
    pub(super) fn count(
        &mut self,
        key: &'static str,
        default: u32,
        allowed: RangeInclusive<u32>,
    ) -> usize {
        let range = u64::from(*allowed.start())..=u64::from(*allowed.end());
        usize::try_from(self.integer(key, u64::from(default), range)).unwrap_or(usize::MAX)
    }

    /// A whole number of seconds.
    pub(super) fn seconds(
        &mut self,
        key: &'static str,
        default: u64,
        allowed: RangeInclusive<u64>,
    ) -> Duration {
        Duration::from_secs(self.integer(key, default, allowed))
    }

    /// A whole number of milliseconds.
    pub(super) fn milliseconds(
        &mut self,
        key: &'static str,
        default: u64,
        allowed: RangeInclusive<u64>,
    ) -> Duration {
        Duration::from_millis(self.integer(key, default, allowed))
    }

    /// A text that `parse` understands.
    pub(super) fn text<T>(
        &mut self,
        key: &'static str,
        default: T,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> T {
        self.read(key, default, |value| match value {
            DeValue::String(text) => parse(text),
            other => Err(format!("is {}; allowed: a text in quotes", kind(other))),
        })
    }

    /// A text that has to be there and that `parse` understands.
    pub(super) fn required_text<T>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        if self.table.is_some_and(|table| !table.contains_key(key)) {
            self.faults
                .borrow_mut()
                .add(self.span.clone(), self.path_of(key), "is missing");
        }
        self.text(key, None, |text| parse(text).map(Some))
    }

    /// A text or a list of texts, each of which `parse` understands.
    pub(super) fn list<T>(
        &mut self,
        key: &'static str,
        default: Vec<T>,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Vec<T> {
        let Some(value) = self.take(key) else {
            return default;
        };
        let items = match value.get_ref() {
            DeValue::String(_) => std::slice::from_ref(value),
            DeValue::Array(items) => items,
            other => {
                let problem = format!(
                    "is {}; allowed: a text in quotes, or a list of them in [ ]",
                    kind(other)
                );
                self.fault(value, key, &problem);
                return default;
            }
        };
        let mut list = Vec::new();
        for item in items {
            let parsed = match item.get_ref() {
                DeValue::String(text) => parse(text),
                other => Err(format!(
                    "has {} in its list; allowed: texts in quotes",
                    kind(other)
                )),
            };
            match parsed {
                Ok(parsed) => list.push(parsed),
                Err(problem) => self.fault(item, key, &problem),
            }
        }
        list
    }

    /// Whether a key is there.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.is_some_and(|table| table.contains_key(key))
    }

    /// Notes a fault that shows only when several keys are seen together.
    pub(super) fn contradiction(&self, key: &'static str, problem: &str) {
        let place = self
            .table
            .and_then(|table| table.get(key))
            .map(Spanned::span);
        self.faults
            .borrow_mut()
            .add(place.or(self.span.clone()), self.path_of(key), problem);
    }

    /// Every key that was not asked for is unknown.
    pub(super) fn finish(self) {
        let Some(table) = self.table else { return };
        for key in table.keys() {
            let name: &str = key.get_ref();
            if !self.known.contains(&name) {
                let problem = format!("unknown key; allowed here: {}", self.known.join(", "));
                self.faults
                    .borrow_mut()
                    .add(Some(key.span()), self.path_of(name), problem);
            }
        }
    }

    fn read<T>(
        &mut self,
        key: &'static str,
        default: T,
        read: impl FnOnce(&DeValue<'t>) -> Result<T, String>,
    ) -> T {
        let Some(value) = self.take(key) else {
            return default;
        };
        read(value.get_ref()).unwrap_or_else(|problem| {
            self.fault(value, key, &problem);
            default
        })
    }

    fn take(&mut self, key: &'static str) -> Option<&'a Spanned<DeValue<'t>>> {
        self.known.push(key);
        self.table?.get(key)
    }

    fn fault(&self, value: &Spanned<DeValue<'_>>, key: &str, problem: &str) {
        self.faults
            .borrow_mut()
            .add(Some(value.span()), self.path_of(key), problem);
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }
}

/// What a value is, in words.
fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
