//! The program: parses, runs, maps to an exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    biplane::cli::main()
}
