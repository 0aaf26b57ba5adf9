//! The program: parses, runs, maps to an exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    let files = std::env::args_os().skip(1).map(Into::into).collect();
    let options = biplane::app::LaunchOptions { files, ..Default::default() };
    match biplane::app::run(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(cause) => {
            eprintln!("biplane: {cause}");
            ExitCode::FAILURE
        }
    }
}
