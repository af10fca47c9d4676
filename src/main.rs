//! The `callbox` binary: arguments, configuration, run, exit code.

fn main() {}
