//! The middle slices of a volume in the default window, one picture a record: what the figure and the report are made
//! of, so that no volume need be kept. Knows no method.

use super::EvaluateError;
use super::record::write_error;
use crate::geometry::{Axis, CUBE_SIDE_VOXELS, Volume};
use crate::io::{self, Progress, picture};
use crate::units::{DEFAULT_WINDOW, Hu};
use std::path::Path;

/// The planes of a picture, from top to bottom.
pub const PLANES: [Axis; 3] = [Axis::Z, Axis::Y, Axis::X];
/// Side of one slice, pixels.
pub const SIDE: usize = CUBE_SIDE_VOXELS;
/// Columns and rows of a picture: three slices, one below another.
pub const SIZE: [usize; 2] = [SIDE, 3 * SIDE];
/// What the pictures show, as it is printed.
pub const DEFINITION: &str = "[-500, 800] HU from black to white, one voxel a pixel; axial: the middle of the slices that \
    hold scan data; coronal and sagittal: the middle of the cube; the patient's right, or front, on the left";

/// The slices that are pictured, voxels along (x, y, z), of a truth whose data lie in these axial slices.
pub fn middle((first, last): (usize, usize)) -> [usize; 3] {
    [SIDE / 2, SIDE / 2, (first + last) / 2]
}

/// Grey values of the slices through `at`, row by row, [`SIZE`] of them; voxels outside of the volume are black.
pub fn slices(volume: &Volume, [x, y, z]: [usize; 3]) -> Vec<u8> {
    let [Hu(low), Hu(high)] = DEFAULT_WINDOW;
    // `as` saturates: darker and brighter values stay black and white.
    let level = |hu: i16| ((f32::from(hu) - low) / (high - low) * f32::from(u8::MAX)).round() as u8;
    let voxel = |plane: Axis, col: usize, row: usize| match plane {
        Axis::Z => volume.at(col, row, z),
        Axis::Y => volume.at(col, y, SIDE - 1 - row),
        Axis::X => volume.at(x, col, SIDE - 1 - row),
    };
    let rows = PLANES.into_iter().flat_map(|plane| (0..SIDE).map(move |row| (plane, row)));
    rows.flat_map(|(plane, row)| (0..SIDE).map(move |col| (plane, col, row)))
        .map(|(plane, col, row)| voxel(plane, col, row).map_or(0, level))
        .collect()
}

/// Writes the slices of a volume.
///
/// # Errors
/// [`EvaluateError::Write`].
pub fn write(path: &Path, volume: &Volume, at: [usize; 3]) -> Result<(), EvaluateError> {
    picture::write_grey(path, SIZE, &slices(volume, at)).map_err(|e| write_error(path, e))
}

/// Reads what [`write()`] wrote.
///
/// # Errors
/// [`EvaluateError::Data`] where it is missing, damaged or another picture.
pub fn read(path: &Path) -> Result<Vec<u8>, EvaluateError> {
    let fault = |cause: String| EvaluateError::Data { path: path.to_owned(), cause };
    let film = io::picture::read(path, &Progress::default()).map_err(|e| fault(e.to_string()))?;
    if [film.image.cols(), film.image.rows()] != SIZE {
        return Err(fault("is no picture of three slices; remove it and evaluate again".to_owned()));
    }
    Ok(film.image.values().iter().map(|v| *v as u8).collect())
}
