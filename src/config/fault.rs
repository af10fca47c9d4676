//! What is wrong with a configuration, for people: all of it at once.

use std::fmt;
use std::ops::Range;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Line in the file, from 1; `None` if it is not about a place.
    pub line: Option<usize>,
    /// Path of the key, e.g. `http.listen`; empty for faults of the file as a whole.
    pub key: String,
    /// What is wrong and what is allowed.
    pub problem: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.problem)
    }
}

/// Collects faults while a text is read.
#[derive(Debug)]
pub(super) struct Faults<'t> {
    text: &'t str,
    list: Vec<Fault>,
}

impl<'t> Faults<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self {
            text,
            list: Vec::new(),
        }
    }

    /// Notes a fault at a byte range of the text.
    pub(super) fn add(
        &mut self,
        span: Option<Range<usize>>,
        key: impl Into<String>,
        problem: impl Into<String>,
    ) {
        let line = span.map(|span| self.line_of(span.start));
        self.list.push(Fault {
            line,
            key: key.into(),
            problem: problem.into(),
        });
    }

    /// The faults in the order of the file.
    pub(super) fn into_sorted(mut self) -> Vec<Fault> {
        self.list
            .sort_by_key(|fault| fault.line.unwrap_or(usize::MAX));
        self.list
    }

    fn line_of(&self, offset: usize) -> usize {
        let before = self.text.as_bytes().iter().take(offset);
        1 + before.filter(|byte| **byte == b'\n').count()
    }
}
