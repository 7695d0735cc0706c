//! The `hekate` command; everything it does is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    hekate::cli::main().into()
}
