//! Finds libspeex of the system. It is linked into the binary where it comes as an archive, as
//! Debian's libspeex-dev does, so that the binary runs where it is not installed.

use std::env;
use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=PKG_CONFIG");
    let pkg_config = env::var("PKG_CONFIG").unwrap_or_else(|_| "pkg-config".to_owned());
    let found = Command::new(pkg_config)
        .args(["--variable=libdir", "--print-errors", "speex"])
        .output();
    let directory = match found {
        Ok(said) if said.status.success() => {
            String::from_utf8_lossy(&said.stdout).trim().to_owned()
        }
        _ => {
            println!("cargo:error=libspeex is missing: install libspeex-dev (./run does)");
            return;
        }
    };
    println!("cargo:rustc-link-search=native={directory}");
    let kind = match Path::new(&directory).join("libspeex.a").exists() {
        true => "static",
        false => "dylib",
    };
    println!("cargo:rustc-link-lib={kind}=speex");
}
