//! Putting slices in order: one grid out of many positions, or a clear refusal. Reads no pixel.

use super::fault::Fault;
use super::slice::{Slice, cross};
use crate::geometry::{Frame, Vec3, dot, norm, scale, sub};
use crate::io::{IoError, Warning};
use std::path::Path;

/// A step this much larger than the median is a missing slice (spec section 2).
const GAP_RATIO: f64 = 1.5;
/// The stack may lean by this much against its normal (spec section 2).
const MAX_TILT_DEG: f64 = 0.5;
/// Slices nearer than this are at one position (mm).
const SAME_POSITION_MM: f64 = 0.01;
/// Steps may differ by this part of the median before it is worth a word: headers round to 0.01 mm.
const EVEN_PART: f64 = 0.02;
/// A slice this far off the straight line of the others was taken of a patient who had moved (mm).
const MAX_SIDEWAYS_MM: f64 = 1.0;
/// Directions and spacings that differ by less are the same; headers carry six digits.
const SAME_DIRECTION: f64 = 1e-3;
/// So many slices are tried as the pattern that the others must match.
const PATTERNS_TRIED: usize = 16;

/// Slices in order, and their grid.
pub(super) struct Stack {
    pub slices: Vec<Slice>,
    pub frame: Frame,
    pub warnings: Vec<Warning>,
}

impl Stack {
    /// Orders the slices of one series. `about` is the file or folder to name.
    ///
    /// # Errors
    /// Two frames of reference, a missing slice, a tilted gantry, one slice only.
    pub(super) fn of(slices: Vec<Slice>, about: &Path) -> Result<Self, IoError> {
        check_one_frame_of_reference(&slices).map_err(|fault| fault.at(about))?;
        let mut warnings = Vec::new();
        let slices = alike(slices, &mut warnings);
        let normal = slices.first().map(Slice::normal).unwrap_or_default();
        let (slices, along) = ordered(slices, normal, &mut warnings);
        let steps = check_line(&slices, &along, normal).map_err(|fault| fault.at(about))?;
        let used_mm = check_steps(&along, &steps, &mut warnings).map_err(|fault| fault.at(about))?;
        let frame = frame(&slices, used_mm).map_err(|e| IoError::geometry(about, e))?;
        Ok(Self { slices, frame, warnings })
    }
}

fn check_one_frame_of_reference(slices: &[Slice]) -> Result<(), Fault> {
    let first = slices.first().and_then(|s| s.frame_of_reference.as_deref());
    if slices.iter().all(|s| s.frame_of_reference.as_deref() == first) {
        return Ok(());
    }
    let cause = "the series mixes several frames of reference (the patient was positioned anew in between)";
    Err(Fault::wrong(cause, "keep the slices of one acquisition in a folder of their own"))
}

/// The largest set of slices with one matrix, orientation and spacing.
fn alike(slices: Vec<Slice>, warnings: &mut Vec<Warning>) -> Vec<Slice> {
    let stride = slices.len().div_ceil(PATTERNS_TRIED).max(1);
    let count = |pattern: &Slice| slices.iter().filter(|s| matches(pattern, s)).count();
    let kept: Vec<bool> = match slices.iter().step_by(stride).max_by_key(|pattern| count(pattern)) {
        Some(pattern) => slices.iter().map(|s| matches(pattern, s)).collect(),
        None => Vec::new(),
    };
    let total = slices.len();
    let slices: Vec<Slice> = slices.into_iter().zip(kept).filter_map(|(s, keep)| keep.then_some(s)).collect();
    if slices.len() < total {
        let why = "another matrix, orientation or pixel spacing than the rest of the series".to_string();
        warnings.push(Warning::SkippedFiles { count: total - slices.len(), why });
    }
    slices
}

fn matches(a: &Slice, b: &Slice) -> bool {
    let same = |x: f64, y: f64| (x - y).abs() <= SAME_DIRECTION;
    let all = |x: &[f64], y: &[f64]| x.iter().zip(y).all(|(&x, &y)| same(x, y));
    a.format.rows == b.format.rows
        && a.format.cols == b.format.cols
        && all(&a.spacing_mm, &b.spacing_mm)
        && all(&a.row_mm, &b.row_mm)
        && all(&a.column_mm, &b.column_mm)
}

/// Sorted along the normal, one slice a position; the first of several by instance number is kept.
fn ordered(slices: Vec<Slice>, normal: Vec3, warnings: &mut Vec<Warning>) -> (Vec<Slice>, Vec<f64>) {
    let mut placed: Vec<(f64, Slice)> = slices.into_iter().map(|s| (dot(s.position_mm, normal), s)).collect();
    let number = |s: &Slice| s.instance.unwrap_or(f64::MAX);
    placed.sort_by(|(a, s), (b, t)| a.total_cmp(b).then(number(s).total_cmp(&number(t))));
    let before = placed.len();
    placed.dedup_by(|(later, _), (kept, _)| (*later - *kept).abs() < SAME_POSITION_MM);
    if placed.len() < before {
        warnings.push(Warning::DuplicateSlices { count: before - placed.len() });
    }
    let along = placed.iter().map(|(d, _)| *d).collect();
    (placed.into_iter().map(|(_, s)| s).collect(), along)
}

/// The steps between slices, after checking that the stack stands upright and straight.
fn check_line(slices: &[Slice], along: &[f64], normal: Vec3) -> Result<Vec<f64>, Fault> {
    let (Some(first), Some(last), true) = (slices.first(), slices.last(), slices.len() > 1) else {
        let cause = "a single slice is no volume";
        return Err(Fault::wrong(cause, "choose a folder that holds the whole series"));
    };
    let across = |v: Vec3| norm(sub(v, scale(normal, dot(v, normal))));
    let run = sub(last.position_mm, first.position_mm);
    let tilt_deg = across(run).atan2(dot(run, normal)).to_degrees();
    if !(tilt_deg <= MAX_TILT_DEG) {
        let cause = format!("the gantry was tilted by {tilt_deg:.1} degrees");
        let advice = "resample it upright first (gantry tilt correction of dcm2niix, or 3D Slicer)";
        return Err(Fault::unsupported(cause, advice));
    }
    let length = dot(run, normal);
    for (slice, at) in slices.iter().zip(along) {
        let part = (at - dot(first.position_mm, normal)) / length;
        let off = across(sub(sub(slice.position_mm, first.position_mm), scale(run, part)));
        if !(off <= MAX_SIDEWAYS_MM) {
            let cause = format!("a slice lies {off:.1} mm to the side of the others");
            return Err(Fault::wrong(cause, "choose a series taken in one go"));
        }
    }
    Ok(along.iter().zip(along.iter().skip(1)).map(|(a, b)| b - a).collect())
}

/// The step of the grid, after checking that no slice is missing.
fn check_steps(along: &[f64], steps: &[f64], warnings: &mut Vec<Warning>) -> Result<f64, Fault> {
    let mut sorted = steps.to_vec();
    sorted.sort_by(f64::total_cmp);
    let median = sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN);
    let gaps: Vec<(f64, f64)> =
        along.iter().zip(steps).filter(|(_, step)| **step > GAP_RATIO * median).map(|(a, s)| (*a, *s)).collect();
    if let Some((at, step)) = gaps.first() {
        let missing: f64 = gaps.iter().map(|(_, s)| (s / median).round() - 1.0).sum();
        let cause = format!(
            "about {missing:.0} slices are missing: between {at:.1} and {:.1} mm the step is {step:.2} mm, elsewhere {median:.2} mm",
            at + step
        );
        return Err(Fault::wrong(cause, "copy the series again with all of its slices"));
    }
    let (least, largest) = (sorted.first().copied().unwrap_or(median), sorted.last().copied().unwrap_or(median));
    let used_mm = steps.iter().sum::<f64>() / steps.len() as f64;
    if largest - least > EVEN_PART * median {
        warnings.push(Warning::UnevenSteps { least_mm: least, largest_mm: largest, used_mm });
    }
    Ok(used_mm)
}

/// The grid of ordered slices: columns, rows, then along the normal.
fn frame(slices: &[Slice], step_mm: f64) -> Result<Frame, crate::geometry::FrameError> {
    let Some(first) = slices.first() else { return Err(crate::geometry::FrameError::Dims(0, 0, 0)) };
    let x = scale(first.row_mm, 1.0 / norm(first.row_mm));
    let normal = first.normal();
    let z = scale(normal, 1.0 / norm(normal));
    // Exactly upright on both, whatever the header's rounding.
    let y = cross(z, x);
    let ([xx, xy, xz], [yx, yy, yz], [zx, zy, zz]) = (x, y, z);
    let direction = [[xx, yx, zx], [xy, yy, zy], [xz, yz, zz]];
    let [across, down] = first.spacing_mm;
    let dims = [first.format.cols, first.format.rows, slices.len()];
    Frame::new(dims, [across, down, step_mm], first.position_mm, direction)
}
