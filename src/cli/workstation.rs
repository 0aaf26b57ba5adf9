//! `biplane [FILES]`: the workstation.

use super::error::CliError;
use crate::app::{self, AppError, LaunchOptions};
use std::path::PathBuf;

pub fn run(files: Vec<PathBuf>) -> Result<(), CliError> {
    if let Some(missing) = files.iter().find(|file| !file.exists()) {
        let advice = "check the path; `biplane --help` lists the commands";
        return Err(CliError::input(format!("{}: no such file, folder or command", missing.display()), advice));
    }
    launch(LaunchOptions { files, ..LaunchOptions::default() })
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
