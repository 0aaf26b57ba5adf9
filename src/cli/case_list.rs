//! Cases of a data set that a command names, and how the evaluation's errors are said. Knows no method.

use super::error::{CliError, Exit};
use super::interrupt;
use crate::evaluate::EvaluateError;
use crate::train::TrainError;
use crate::train::dataset::{Case, CaseFile, Dataset};
use crate::train::plan::DataPlan;
use std::path::Path;

/// The named cases of a data set or of a folder of cubes, in the order of the names, read.
///
/// # Errors
/// A folder or case that cannot be used, or is not there.
pub fn load(folder: &Path, names: &[String]) -> Result<Vec<Case>, CliError> {
    let files = files(folder)?;
    let one = |name: &String| {
        let file = files.iter().find(|f| f.name == *name).ok_or_else(|| {
            let cause = format!("{}: has no case `{name}`", folder.display());
            CliError::input(cause, "name cases by their files' names without endings")
        })?;
        if interrupt::asked() { Err(CliError::cancelled()) } else { file.load().map_err(|e| explain(e.into())) }
    };
    names.iter().map(one).collect()
}

/// Every case of a data set, of both sides.
///
/// # Errors
/// A folder that cannot be used.
pub fn files(folder: &Path) -> Result<Vec<CaseFile>, CliError> {
    let plan = DataPlan { folder: Some(folder.to_owned()), ..DataPlan::default() };
    let data = Dataset::open(&plan).map_err(|e| explain(e.into()))?;
    Ok(data.training.into_iter().chain(data.validation).collect())
}

/// An error of the evaluation as the person reads it.
pub fn explain(error: EvaluateError) -> CliError {
    match error {
        EvaluateError::Cancelled => CliError::cancelled(),
        EvaluateError::Network(error) => error.into(),
        EvaluateError::Train(TrainError::Network(error)) => error.into(),
        EvaluateError::Train(TrainError::Data { .. }) => {
            CliError::input(error.to_string(), "name a data set or a folder of cubes, as `biplane prepare` makes them")
        }
        EvaluateError::Write { .. } => CliError::from_message(Exit::Failure, &error.to_string()),
        other => CliError::from_message(Exit::BadInput, &other.to_string()),
    }
}
