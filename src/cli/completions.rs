//! `biplane completions SHELL`.

use super::error::CliError;
use super::terminal::print;
use clap_complete::Shell;

/// Prints a completion script for a shell on standard output.
///
/// Example: biplane completions bash > ~/.local/share/bash-completion/completions/biplane
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The shell.
    shell: Shell,
}

pub fn run(args: &Args, command: &mut clap::Command) -> Result<(), CliError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, command, "biplane", &mut script);
    print(&String::from_utf8_lossy(&script))
}
