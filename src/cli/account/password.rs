//! Reading a password without showing it.

use std::io::{self, BufRead, IsTerminal, Write};
use std::os::fd::AsFd;

use anyhow::{Context, bail};
use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};

/// The longest password, in bytes.
const MAX_BYTES: usize = 256;

/// Asks twice on a terminal; else reads one line.
pub(super) fn read(from_stdin: bool) -> anyhow::Result<String> {
    let stdin = io::stdin();
    if from_stdin || !stdin.is_terminal() {
        return check(read_line(&mut stdin.lock())?);
    }
    let first = ask("Password: ")?;
    let second = ask("Again: ")?;
    if first != second {
        bail!("the two passwords differ");
    }
    check(first)
}

fn ask(prompt: &str) -> anyhow::Result<String> {
    print!("{prompt}");
    io::stdout().flush()?;
    let stdin = io::stdin();
    let quiet = Quiet::new(&stdin)?;
    let line = read_line(&mut stdin.lock());
    drop(quiet);
    println!();
    line
}

fn read_line(input: &mut impl BufRead) -> anyhow::Result<String> {
    let mut line = String::new();
    let limit = u64::try_from(MAX_BYTES + 2).unwrap_or(u64::MAX);
    io::Read::take(input, limit)
        .read_line(&mut line)
        .context("no password could be read")?;
    Ok(line.trim_end_matches(['\n', '\r']).to_owned())
}

fn check(password: String) -> anyhow::Result<String> {
    if password.is_empty() {
        bail!("the password is empty");
    }
    if password.len() > MAX_BYTES {
        bail!("the password is longer than {MAX_BYTES} bytes");
    }
    Ok(password)
}

/// A terminal that does not show what is typed, until this is dropped.
struct Quiet<'a> {
    stdin: &'a io::Stdin,
    before: Termios,
}

impl<'a> Quiet<'a> {
    fn new(stdin: &'a io::Stdin) -> anyhow::Result<Self> {
        let before = tcgetattr(stdin.as_fd()).context("the terminal cannot be silenced")?;
        let mut silent = before.clone();
        silent.local_flags.remove(LocalFlags::ECHO);
        tcsetattr(stdin.as_fd(), SetArg::TCSAFLUSH, &silent)
            .context("the terminal cannot be silenced")?;
        Ok(Self { stdin, before })
    }
}

impl Drop for Quiet<'_> {
    fn drop(&mut self) {
        // Nothing better can be done than to try.
        let _ = tcsetattr(self.stdin.as_fd(), SetArg::TCSAFLUSH, &self.before);
    }
}
