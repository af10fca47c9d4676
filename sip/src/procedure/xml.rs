//! As much XML as bodies of SIP need: writing text so that it stays text, and finding elements.

#[cfg(test)]
mod tests;

/// Appends text, or the value of an attribute: what could end it is escaped, what no document may
/// hold is left out (XML 1.0 2.2, 2.4).
pub(super) fn text(plain: &str, out: &mut String) {
    for character in plain.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\u{FFFE}' | '\u{FFFF}' => {}
            control if control < ' ' => {}
            other => out.push(other),
        }
    }
}

/// Appends ` name="value"`.
pub(super) fn attribute(name: &str, value: &str, out: &mut String) {
    out.push(' ');
    out.push_str(name);
    out.push_str("=\"");
    text(value, out);
    out.push('"');
}

/// Appends `<name>plain</name>`.
pub(super) fn element(name: &str, plain: &str, out: &mut String) {
    out.push('<');
    out.push_str(name);
    out.push('>');
    text(plain, out);
    out.push_str("</");
    out.push_str(name);
    out.push('>');
}

/// The names of all elements in their order, without the prefixes of their namespaces. Comments,
/// CDATA sections and declarations hold none; a document type ends the search, for it could
/// declare anything.
pub(super) fn elements(document: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = document;
    std::iter::from_fn(move || {
        loop {
            let start = memchr::memchr(b'<', rest)?;
            let tag = rest.get(start + 1..)?;
            let (skipped, end) = match tag {
                [b'!', b'-', b'-', ..] => (true, &b"-->"[..]),
                [b'!', b'[', ..] => (true, &b"]]>"[..]),
                [b'!', ..] => return None,
                [b'?', ..] => (true, &b"?>"[..]),
                [b'/', ..] => (true, &b">"[..]),
                _ => (false, &b">"[..]),
            };
            let length = memchr::memmem::find(tag, end)?;
            rest = tag.get(length + end.len()..)?;
            if !skipped {
                return tag.get(..length).map(local_name);
            }
        }
    })
}

/// The name in `prefix:name attributes /`.
fn local_name(tag: &[u8]) -> &[u8] {
    let end = tag
        .iter()
        .position(|byte| byte.is_ascii_whitespace() || *byte == b'/')
        .unwrap_or(tag.len());
    let name = tag.get(..end).unwrap_or_default();
    let start = memchr::memchr(b':', name).map_or(0, |colon| colon + 1);
    name.get(start..).unwrap_or_default()
}
