//! What was agreed on about the shape of the code, checked. Each failure says the reason.

#![allow(
    clippy::panic,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The longest source file, in lines. Tests may be longer.
const MAX_LINES: usize = 600;

/// Below the shell: told the time, never asking for it, with no IO of its own.
const SANS_IO: [&str; 5] = [
    "sip/src",
    "registrar/src",
    "media/src",
    "src/call",
    "src/wcs",
];

// --- floors -----------------------------------------------------------------------------------

#[test]
fn crates_depend_only_downwards() {
    let ours = ["sip", "registrar", "media", "callbox"];
    for (name, allowed) in [("sip", &[][..]), ("media", &[]), ("registrar", &["sip"])] {
        for dependency in dependencies(&format!("{name}/Cargo.toml")) {
            assert!(
                !ours.contains(&dependency.as_str()) || allowed.contains(&dependency.as_str()),
                "{name} depends on {dependency}, but may see only {allowed:?} of our crates: \
                 the floors are registrar -> sip; sip and media stand alone",
            );
        }
    }
}

#[test]
fn crates_below_the_shell_bring_no_runtime_and_no_database() {
    let databases = ["diesel", "redb", "rocksdb", "rusqlite", "sled", "sqlx"];
    let runtimes = ["async-std", "futures", "mio", "smol", "tokio"];
    for (name, forbidden) in [("sip", &["serde"][..]), ("media", &[]), ("registrar", &[])] {
        for dependency in dependencies(&format!("{name}/Cargo.toml")) {
            let banned = [&databases[..], &runtimes[..], forbidden].concat();
            assert!(
                !banned.contains(&dependency.as_str()),
                "{name} depends on {dependency}: below the shell nothing does IO, so that calls \
                 can be simulated in virtual time",
            );
        }
    }
}

#[test]
fn the_call_core_sees_only_the_floors_below_it() {
    let may_see = ["call", "wcs"];
    for_each_use("src/call", |file, module| {
        assert!(
            may_see.contains(&module),
            "{file} uses crate::{module}: the call core sees {may_see:?}, registrar, sip and \
             media; the shell executes its outputs, it never calls up",
        );
    });
    for external in [
        "tokio",
        "axum",
        "hyper",
        "nix",
        "rustls",
        "opus",
        "audio_codec",
    ] {
        forbid_crate(
            "src/call",
            external,
            "the call core is sans-IO and leaves codecs to media",
        );
    }
}

#[test]
fn the_web_sdk_protocol_sees_nothing_of_ours() {
    for_each_use("src/wcs", |file, module| {
        assert!(
            module == "wcs",
            "{file} uses crate::{module}: the Web SDK protocol stands alone, so that it can be \
             tested and read without the rest",
        );
    });
    for external in ["sip", "media", "registrar", "tokio", "axum"] {
        forbid_crate(
            "src/wcs",
            external,
            "the Web SDK protocol stands alone and is sans-IO",
        );
    }
}

#[test]
fn the_api_sees_no_sip_message() {
    for_each_use("src/api", |file, module| {
        assert!(
            !["wcs"].contains(&module),
            "{file} uses crate::{module}: the API shows CallView, LegView and BindingView, \
             never a protocol message",
        );
    });
    forbid_crate(
        "src/api",
        "sip",
        "the API shows views, never a SIP message type",
    );
}

#[test]
fn unsafe_code_is_forbidden_where_nothing_needs_it() {
    for root in [
        "sip/src/lib.rs",
        "registrar/src/lib.rs",
        "src/call/mod.rs",
        "src/wcs/mod.rs",
        "src/api/mod.rs",
    ] {
        assert!(
            read(root).contains("#![forbid(unsafe_code)]"),
            "{root} does not forbid unsafe code, though no protocol or decision needs any",
        );
    }
}

// --- time and IO below the shell --------------------------------------------------------------

#[test]
fn below_the_shell_nobody_asks_the_clock_or_waits() {
    let needles = [
        (
            "Instant::now",
            "`now` is an argument: tests jump in virtual time",
        ),
        (
            "SystemTime::now",
            "wall time is an argument: tests jump in virtual time",
        ),
        (
            "std::thread",
            "one owner, no threads: the shell decides who runs where",
        ),
        ("std::net::UdpSocket", "sockets are the shell's"),
        ("std::net::Tcp", "sockets are the shell's"),
        ("std::fs", "disk is the shell's"),
        ("Mutex<", "one owner, no locks"),
        ("RwLock<", "one owner, no locks"),
    ];
    for file in SANS_IO.iter().flat_map(|directory| rust_files(directory)) {
        if is_test(&file) {
            continue;
        }
        let code = without_inline_tests(&code_of(&read_path(&file)));
        for (needle, reason) in needles {
            assert!(
                !code.contains(needle),
                "{} has {needle}: {reason}",
                show(&file)
            );
        }
    }
}

#[test]
fn no_sleep_where_virtual_time_belongs() {
    for directory in SANS_IO
        .iter()
        .chain(&["tests/sim", "sip/tests", "registrar/tests"])
    {
        for file in rust_files(directory) {
            let code = code_of(&read_path(&file));
            for needle in ["thread::sleep(", "time::sleep("] {
                assert!(
                    !code.contains(needle),
                    "{} sleeps: jump virtual time, or wait for a condition with a deadline",
                    show(&file),
                );
            }
        }
    }
}

// --- files ------------------------------------------------------------------------------------

#[test]
fn source_files_stay_short() {
    let scripts = files("web", &["js", "css", "html"]);
    let sources = ["src", "sip/src", "registrar/src", "media/src"];
    for file in sources.iter().flat_map(|d| rust_files(d)).chain(scripts) {
        if is_test(&file) {
            continue;
        }
        let lines = read_path(&file).lines().count();
        assert!(
            lines <= MAX_LINES,
            "{} has {lines} lines, more than {MAX_LINES}: split it by concept",
            show(&file),
        );
    }
}

#[test]
fn nothing_is_left_undone_or_switched_off() {
    // Put together here so that this file does not find itself.
    let needles = [
        ["TO", "DO"].concat(),
        ["FIX", "ME"].concat(),
        ["X", "XX"].concat(),
        ["todo", "!("].concat(),
        ["unimplemented", "!("].concat(),
        ["#[ig", "nore"].concat(),
        [".on", "ly("].concat(),
    ];
    let kinds = ["rs", "js", "mjs", "html", "css", "toml", "md", "sh"];
    let scripts = [
        root().join("run"),
        root().join("test"),
        root().join(".ci/run"),
    ];
    for file in files("", &kinds).into_iter().chain(scripts) {
        let text = read_path(&file);
        for needle in &needles {
            assert!(
                !text.contains(needle.as_str()),
                "{} has {needle}: do it now, or write an issue",
                show(&file),
            );
        }
    }
}

#[test]
fn the_page_loads_nothing_from_elsewhere() {
    for file in files("web", &["html", "js", "css", "svg", "webmanifest"]) {
        let text = read_path(&file).replace("http://www.w3.org/", "");
        for needle in ["http://", "https://", "src=\"//", "href=\"//", "url(//"] {
            assert!(
                !text.contains(needle),
                "{} names a foreign host ({needle}): the page works with the network off",
                show(&file),
            );
        }
    }
}

#[test]
fn browser_test_packages_are_locked_by_hash_not_by_place() {
    let lock = read("tests/e2e/package-lock.json");
    assert!(
        !lock.contains("\"resolved\""),
        "tests/e2e/package-lock.json names where packages were fetched from; \
         tests/e2e/.npmrc keeps that out: run npm install in tests/e2e",
    );
    assert!(
        lock.contains("\"integrity\""),
        "the lock file has lost its hashes"
    );
}

// --- documents --------------------------------------------------------------------------------

#[test]
fn every_configuration_key_is_documented_with_what_applies_it() {
    let shipped = read("config.toml");
    let keys = configuration_keys();
    assert!(
        keys.len() > 10,
        "the reader of configuration keys finds only {keys:?}"
    );
    for key in keys {
        let line = shipped.lines().position(|line| {
            let line = line.trim_start_matches("# ");
            line.starts_with(&format!("{key} ="))
                || line == format!("[{key}]")
                || line == format!("[[{key}]]")
        });
        assert!(
            line.is_some(),
            "src/config reads the key {key}, but config.toml does not show it: a key nobody can \
             find does not exist",
        );
    }
    for mark in ["(hot)", "(restart)"] {
        assert!(shipped.contains(mark), "config.toml marks no key as {mark}");
    }
}

#[test]
fn every_fuzz_target_is_built() {
    let targets = rust_files("fuzz/fuzz_targets");
    if targets.is_empty() {
        return;
    }
    let manifest = read("fuzz/Cargo.toml");
    for target in targets {
        let name = target
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        assert!(
            manifest.contains(&format!("name = \"{name}\"")),
            "fuzz/Cargo.toml does not build the fuzz target {name}: it would rot unseen",
        );
    }
}

#[test]
fn every_decision_record_is_numbered_once() {
    let mut numbers = BTreeSet::new();
    for file in files("docs/adr", &["md"]) {
        if file.ends_with("README.md") {
            continue;
        }
        let name = file
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let number: String = name.chars().take_while(char::is_ascii_digit).collect();
        assert!(
            number.len() == 4,
            "docs/adr/{name} does not begin with four digits"
        );
        assert!(
            numbers.insert(number),
            "docs/adr/{name}: the number is taken"
        );
    }
}

// --- reading the tree -------------------------------------------------------------------------

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn show(file: &Path) -> String {
    file.strip_prefix(root())
        .unwrap_or(file)
        .display()
        .to_string()
}

fn read(path: &str) -> String {
    read_path(&root().join(path))
}

fn read_path(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", show(path)))
}

fn rust_files(directory: &str) -> Vec<PathBuf> {
    files(directory, &["rs"])
}

/// All files below a directory with one of these extensions, sorted. No such directory: none.
fn files(directory: &str, extensions: &[&str]) -> Vec<PathBuf> {
    let not_ours = [
        "target",
        "node_modules",
        ".git",
        "data",
        "test-results",
        "corpus",
    ];
    let mut found = Vec::new();
    let mut left = vec![root().join(directory)];
    while let Some(directory) = left.pop() {
        let Ok(entries) = fs::read_dir(&directory) else {
            continue;
        };
        for entry in entries.map_while(Result::ok) {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            if path.is_dir() {
                if !not_ours.contains(&name.as_str()) {
                    left.push(path);
                }
            } else if path
                .extension()
                .is_some_and(|e| extensions.iter().any(|wanted| e == *wanted))
            {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Test code: a `tests.rs`, or anything below a `tests` directory.
fn is_test(file: &Path) -> bool {
    let shown = show(file);
    shown.ends_with("tests.rs") || shown.split('/').any(|part| part == "tests")
}

/// The names in `[dependencies]` and in every `[target.*.dependencies]` of a manifest.
fn dependencies(manifest: &str) -> Vec<String> {
    let manifest: toml::Table = read(manifest).parse().expect("a manifest is TOML");
    let names = |table: &toml::Value| -> Vec<String> {
        let dependencies = table.get("dependencies").and_then(toml::Value::as_table);
        dependencies
            .map(|t| t.keys().cloned().collect())
            .unwrap_or_default()
    };
    let mut all = names(&toml::Value::Table(manifest.clone()));
    if let Some(targets) = manifest.get("target").and_then(toml::Value::as_table) {
        all.extend(targets.values().flat_map(names));
    }
    all
}

/// Calls `check` with every module of our own that the code below `directory` names after
/// `crate::`, tests aside.
fn for_each_use(directory: &str, check: impl Fn(&str, &str)) {
    for file in rust_files(directory).iter().filter(|file| !is_test(file)) {
        let code = code_of(&read_path(file));
        for (at, prefix) in code.match_indices("crate::") {
            let rest = &code[at + prefix.len()..];
            for module in first_names(rest) {
                check(&show(file), &module);
            }
        }
    }
}

/// `a::b` gives a; `{a::b, c}` gives a and c.
fn first_names(path: &str) -> Vec<String> {
    let name = |text: &str| -> String {
        let text = text.trim_start();
        text.chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect()
    };
    let Some(group) = path.strip_prefix('{') else {
        return vec![name(path)];
    };
    let mut depth = 0;
    let mut start = 0;
    let mut names = Vec::new();
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                names.push(name(&group[start..at]));
                start = at + 1;
                if c == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

/// Fails if the code below `directory` names a path into the crate `external`, tests aside.
fn forbid_crate(directory: &str, external: &str, reason: &str) {
    for file in rust_files(directory).iter().filter(|file| !is_test(file)) {
        let code = code_of(&read_path(file));
        let path = format!("{external}::");
        let named = code.match_indices(&path).any(|(at, _)| {
            let before = code[..at].chars().next_back();
            !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
        });
        assert!(!named, "{} uses {external}: {reason}", show(file));
    }
}

/// The names given to the section reader in `src/config`.
fn configuration_keys() -> BTreeSet<String> {
    let code = read("src/config/sections.rs") + &read("src/config/people.rs");
    let mut keys = BTreeSet::new();
    for call in [
        ".text(",
        ".required_text(",
        ".list(",
        ".boolean(",
        ".integer(",
        ".count(",
        ".seconds(",
        ".milliseconds(",
        ".section(",
        ".sections(",
    ] {
        for (at, _) in code.match_indices(call) {
            let argument = code[at + call.len()..].trim_start();
            if let Some(key) = argument
                .strip_prefix('"')
                .and_then(|rest| rest.split('"').next())
            {
                keys.insert(key.to_owned());
            }
        }
    }
    keys
}

/// Code up to a test module at its end.
fn without_inline_tests(code: &str) -> String {
    let end = code.find("#[cfg(test)]\nmod tests {");
    code[..end.unwrap_or(code.len())].to_owned()
}

/// Rust code without comments, and with the insides of string literals blanked.
fn code_of(source: &str) -> String {
    let mut code = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(c) = rest.chars().next() {
        if rest.starts_with("//") {
            rest = rest.find('\n').map_or("", |end| &rest[end..]);
        } else if rest.starts_with("/*") {
            rest = rest.find("*/").map_or("", |end| &rest[end + 2..]);
        } else if rest.starts_with("'\"'") {
            code.push_str("' '");
            rest = &rest[3..];
        } else if c == '"' {
            code.push_str("\"\"");
            rest = after_string(&rest[1..]);
        } else {
            code.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    code
}

/// What follows the closing quote of a string literal that has just been opened.
fn after_string(text: &str) -> &str {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return &text[at + 1..],
            _ => {}
        }
    }
    ""
}

#[test]
fn the_reader_of_code_sees_no_comment_and_no_string() {
    let code = code_of("use crate::a; // crate::b\nlet s = \"crate::\\\"c\"; '\"'; crate::d");
    assert_eq!(code, "use crate::a; \nlet s = \"\"; ' '; crate::d");
    assert_eq!(first_names("{a::{b, c}, d, }"), ["a", "d"]);
    assert_eq!(first_names("call::Now;"), ["call"]);
}
