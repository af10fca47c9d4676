//! Embeds the files of `web/` into the binary.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// What a page is made of; anything else in the directory stays out.
const EMBEDDED: [&str; 13] = [
    "css",
    "html",
    "ico",
    "jpg",
    "js",
    "json",
    "mjs",
    "mp3",
    "png",
    "svg",
    "wav",
    "webmanifest",
    "woff2",
];

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let web = root.join("web");
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=web");
    let mut files = Vec::new();
    if web.is_dir() {
        collect(&web, &mut files)?;
    }
    files.sort();
    let mut table = String::from("pub(super) static FILES: &[(&str, &[u8])] = &[\n");
    for file in &files {
        let name = file
            .strip_prefix(&web)
            .unwrap_or(file)
            .to_string_lossy()
            .replace('\\', "/");
        let path = file.to_string_lossy();
        writeln!(
            table,
            "    ({:?}, include_bytes!({path:?})),",
            format!("/{name}")
        )
        .map_err(io::Error::other)?;
    }
    table.push_str("];\n");
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    fs::write(out.join("web_files.rs"), table)
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    println!("cargo:rerun-if-changed={}", directory.display());
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let extension = path
            .extension()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if name.starts_with('.') || name.contains(".test.") || name == "tests" {
            continue;
        }
        if path.is_dir() {
            collect(&path, files)?;
        } else if EMBEDDED.contains(&extension.as_str()) {
            println!("cargo:rerun-if-changed={}", path.display());
            files.push(path);
        }
    }
    Ok(())
}
