//! Methods that learn nothing, run on a case as the learnt ones are. Knows no table.

use super::{EvaluateError, films};
use crate::geometry::{Frame, Volume};
use crate::projection::{SirtOptions, sirt};
use crate::train::dataset::Case;

/// The method's name in tables.
pub const SIRT_TV: &str = "SIRT with total variation";

/// SIRT with total variation from the case's simulated films. It begins with air; `start`, relative attenuation
/// `[z][y][x]` of the cube as the training volumes' mean, makes another method of it, since then it knows a prior.
/// `stop` is asked before every update.
///
/// # Errors
/// [`EvaluateError::Cancelled`] as asked; a case that cannot be projected.
pub fn sirt_tv(
    case: &Case,
    options: &SirtOptions,
    start: Option<&[f32]>,
    stop: &dyn Fn() -> bool,
) -> Result<Volume, EvaluateError> {
    let (films, pair) = films::simulated(case.volume())?;
    let frame = case.volume().frame();
    let about_isocentre = frame.moved_to([0.0; 3]);
    let values = sirt(&films, &pair.views, &about_isocentre, options, start, &mut |_| !stop())?;
    volume(frame, &values)
}

fn volume(frame: &Frame, r: &[f32]) -> Result<Volume, EvaluateError> {
    Volume::from_relative_attenuation(frame.clone(), r).map_err(|e| EvaluateError::Input(e.to_string()))
}
