//! From the step vectors of a header to a [`Volume`] along LPS. Knows no format; says in words why a matrix
//! names no grid.

use super::{Bytes, GeometryCause, IoError, LoadedVolume, SourceInfo, Warning};
use crate::geometry::reorient::AxisOrder;
use crate::geometry::{Frame, Vec3, Volume, VolumeError, dot, norm, scale};
use std::path::Path;

/// Axes may be this far from a right angle (degrees); [`Frame`] holds the same in cosines.
const SHEAR_DEG: f64 = 0.05;
/// An axis further from the patient's than this is worth a word (degrees).
const OBLIQUE_DEG: f64 = 1.0;

/// The grid whose voxel axis k steps by `steps_mm[k]` (LPS), voxel (0, 0, 0) at `origin_mm`.
///
/// # Errors
/// In words, where a step is zero or not a number or the axes are not at right angles.
pub(crate) fn frame_from_steps(dims: [usize; 3], steps_mm: [Vec3; 3], origin_mm: Vec3) -> Result<Frame, GeometryCause> {
    let spacing_mm = steps_mm.map(norm);
    for (k, (step, length)) in steps_mm.iter().zip(spacing_mm).enumerate() {
        if !step.iter().all(|v| v.is_finite()) {
            return Err(GeometryCause::Matrix(format!("axis {k} has a step that is not a finite number")));
        }
        if !(length > 0.0) {
            return Err(GeometryCause::Matrix(format!("axis {k} has a step of length zero (singular matrix)")));
        }
    }
    let [a, b, c] = steps_mm;
    let [la, lb, lc] = spacing_mm;
    for (cosine, pair) in
        [(dot(a, b) / (la * lb), "0 and 1"), (dot(b, c) / (lb * lc), "1 and 2"), (dot(a, c) / (la * lc), "0 and 2")]
    {
        let off_deg = cosine.clamp(-1.0, 1.0).asin().abs().to_degrees();
        if !(off_deg <= SHEAR_DEG) {
            let words = format!("axes {pair} are {off_deg:.2} degrees off a right angle (sheared or singular matrix)");
            return Err(GeometryCause::Matrix(words));
        }
    }
    // Divided, not multiplied by the inverse: v / v is exactly 1, so axes along LPS stay exactly so.
    let [ua, ub, uc] = [a.map(|v| v / la), b.map(|v| v / lb), c.map(|v| v / lc)];
    let rows = |k: usize| -> Option<Vec3> { Some([*ua.get(k)?, *ub.get(k)?, *uc.get(k)?]) };
    let zero = [0.0; 3];
    let direction = [0, 1, 2].map(|k| rows(k).unwrap_or(zero));
    Ok(Frame::new(dims, spacing_mm, origin_mm, direction)?)
}

/// Puts stored voxels in the order left, back, head and completes the information and the warnings.
///
/// # Errors
/// [`IoError::Geometry`] where values and grid do not fit.
pub(crate) fn finish(
    path: &Path,
    stored: &Frame,
    values: Vec<i16>,
    mut warnings: Vec<Warning>,
    mut info: SourceInfo,
) -> Result<LoadedVolume, IoError> {
    let refuse = |e: VolumeError| IoError::geometry(path, e);
    let order = AxisOrder::nearest_lps(stored.direction());
    let frame = order.frame(stored).map_err(|e| refuse(e.into()))?;
    let values = order.values(stored.dims(), values);
    let degrees = obliqueness_deg(&frame);
    if degrees > OBLIQUE_DEG {
        warnings.push(Warning::Oblique { degrees });
    }
    let letters: String = (0..3).map(|k| stored.axis_letter(k)).collect();
    info.path = path.to_path_buf();
    let [x, y, z] = stored.dims();
    let [dx, dy, dz] = stored.spacing_mm();
    let mut fields = vec![
        ("Matrix".to_string(), format!("{x} x {y} x {z}")),
        ("Spacing".to_string(), format!("{dx:.4} x {dy:.4} x {dz:.4} mm")),
        ("Stored along".to_string(), letters),
    ];
    fields.append(&mut info.fields);
    if info.bytes > 0 {
        fields.push(("Size on disk".to_string(), Bytes(info.bytes).to_string()));
    }
    info.fields = fields;
    let volume = Volume::new(frame, values).map_err(refuse)?;
    Ok(LoadedVolume { volume, warnings, info })
}

/// The angle between the worst voxel axis and its LPS axis, degrees.
fn obliqueness_deg(frame: &Frame) -> f64 {
    let axes = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
    let off = |(k, axis): (usize, Vec3)| {
        // By the sine: near zero a cosine loses half of its digits.
        let along = dot(frame.axis_direction(k), axis);
        let across = crate::geometry::sub(frame.axis_direction(k), scale(axis, along));
        norm(across).atan2(along).to_degrees()
    };
    axes.into_iter().enumerate().map(off).fold(0.0, f64::max)
}
