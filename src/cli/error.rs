//! What ends a command early, as the person reads it: a line of cause, a line of what to do, an exit code.

use crate::geometry::{FrameError, ViewError, VolumeError};
use crate::io::IoError;
use crate::metrics::MetricsError;
use crate::nn::NnError;
use crate::nn::perceptual::WeightsError;
use crate::projection::AttenuationError;
use std::fmt;
use std::process::ExitCode;

/// Exit codes, printed by `biplane --help`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// The work could not be done or its result not be written.
    Failure = 1,
    /// The arguments do not make sense.
    Usage = 2,
    /// An input file cannot be used.
    BadInput = 3,
    /// Stopped by the person (128 + SIGINT, as shells have it).
    Cancelled = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command ended early.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CliError {
    /// The exit code.
    pub exit: Exit,
    /// What is wrong, in one line.
    pub cause: String,
    /// What the person can do, in one line; empty where there is nothing to say.
    pub advice: String,
}

impl CliError {
    /// Arguments that do not make sense.
    pub fn usage(cause: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, cause: cause.into(), advice: advice.into() }
    }

    /// An input that cannot be used.
    pub fn input(cause: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { exit: Exit::BadInput, cause: cause.into(), advice: advice.into() }
    }

    /// Work that failed.
    pub fn failure(cause: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { exit: Exit::Failure, cause: cause.into(), advice: advice.into() }
    }

    /// Stopped as asked.
    pub fn cancelled() -> Self {
        Self { exit: Exit::Cancelled, cause: "cancelled".into(), advice: String::new() }
    }

    /// A message "cause; advice" as the lower rooms write them.
    pub fn from_message(exit: Exit, message: &str) -> Self {
        let (cause, advice) = message.rsplit_once("; ").unwrap_or((message, ""));
        Self { exit, cause: one_line(cause), advice: one_line(advice) }
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "biplane: {}", self.cause)?;
        if self.advice.is_empty() { Ok(()) } else { write!(out, "\n  what to do: {}", self.advice) }
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl From<IoError> for CliError {
    fn from(error: IoError) -> Self {
        let exit = match &error {
            IoError::Cancelled { .. } => return Self::cancelled(),
            IoError::Write { .. } => Exit::Failure,
            _ => Exit::BadInput,
        };
        Self::from_message(exit, &error.to_string())
    }
}

impl From<NnError> for CliError {
    fn from(error: NnError) -> Self {
        match &error {
            NnError::Weights(error) => Self::from(error),
            NnError::Cancelled => Self::cancelled(),
            NnError::NoDevice(_) => Self::from_message(Exit::Usage, &error.to_string()),
            NnError::File { .. } | NnError::Weight { .. } => Self::input(
                one_line(&error.to_string()),
                "name a model folder, which holds model.toml and weights.safetensors, or leave --model out",
            ),
            NnError::Input(_) => Self::from_message(Exit::BadInput, &error.to_string()),
            _ => Self::from_message(Exit::Failure, &error.to_string()),
        }
    }
}

impl From<&WeightsError> for CliError {
    fn from(error: &WeightsError) -> Self {
        let exit = match error {
            WeightsError::Cancelled => return Self::cancelled(),
            WeightsError::NotFetchable(_) => Exit::Usage,
            WeightsError::WouldExecute { .. }
            | WeightsError::Damaged { .. }
            | WeightsError::Unsuitable { .. }
            | WeightsError::Read { .. } => Exit::BadInput,
            _ => Exit::Failure,
        };
        Self::from_message(exit, &error.to_string())
    }
}

impl From<WeightsError> for CliError {
    fn from(error: WeightsError) -> Self {
        Self::from(&error)
    }
}

impl From<MetricsError> for CliError {
    fn from(error: MetricsError) -> Self {
        Self::from_message(Exit::BadInput, &error.to_string())
    }
}

impl From<AttenuationError> for CliError {
    fn from(error: AttenuationError) -> Self {
        Self::from_message(Exit::BadInput, &error.to_string())
    }
}

impl From<ViewError> for CliError {
    fn from(error: ViewError) -> Self {
        Self::usage(
            error.to_string(),
            "give distances, angles and pixels of a real machine; see --help for the presets",
        )
    }
}

impl From<VolumeError> for CliError {
    fn from(error: VolumeError) -> Self {
        Self::failure(error.to_string(), "")
    }
}

impl From<FrameError> for CliError {
    fn from(error: FrameError) -> Self {
        Self::failure(error.to_string(), "")
    }
}

impl From<std::io::Error> for CliError {
    fn from(error: std::io::Error) -> Self {
        Self::failure(format!("the output cannot be written ({error})"), "check the disk and the folder's rights")
    }
}
