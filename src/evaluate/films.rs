//! The films that cases are judged by: simulated, noiseless, of the whole cube, as `train::figures` makes them.
//! Knows no network.

use super::EvaluateError;
use crate::geometry::{Preset, Raster, ViewPair, Volume};
use crate::projection::{Attenuation, project};

/// Two simulated films of a volume that holds the cube, and their views; the isocentre is the cube's centre.
///
/// # Errors
/// [`EvaluateError::Projection`] for a volume whose axes are oblique.
pub fn simulated(volume: &Volume) -> Result<([Raster; 2], ViewPair), EvaluateError> {
    let attenuation = Attenuation::from_volume(volume)?;
    let pair = Preset::Simulated.pair();
    let isocentre_mm = volume.frame().centre_mm();
    Ok((pair.views.map(|view| project(&attenuation, &view, isocentre_mm)), pair))
}
