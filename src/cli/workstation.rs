//! `biplane [FILES]`: the workstation.

use super::error::CliError;
use crate::app::{self, AppError, LaunchOptions};
use std::path::PathBuf;

pub fn run(files: Vec<PathBuf>, bundled: bool) -> Result<(), CliError> {
    check_there(&files)?;
    launch(LaunchOptions { files, bundled, ..LaunchOptions::default() })
}

/// Refuses what is not there before a window opens.
///
/// # Errors
/// The first file that is missing.
pub fn check_there(files: &[PathBuf]) -> Result<(), CliError> {
    let Some(missing) = files.iter().find(|file| !file.exists()) else { return Ok(()) };
    let advice = "check the path; `biplane --help` lists the commands";
    Err(CliError::input(format!("{}: no such file, folder or command", missing.display()), advice))
}

/// Opens the window until it is closed.
pub fn launch(options: LaunchOptions) -> Result<(), CliError> {
    app::run(options).map_err(|error| match error {
        AppError::NoWindow(cause) => CliError::failure(
            format!("no window could be opened ({cause})"),
            "without a display use `biplane demo --headless`, `biplane reconstruct` or `biplane screenshot`",
        ),
    })
}
