//! A figure like the paper's Figure 2: the truth and each method side by side, case by case, in one window. Made of the
//! records' pictures, one case at a time. Knows no volume.

use super::EvaluateError;
use super::lettering::{Anchor, Canvas, width, write};
use super::pictures::{self, PLANES, SIDE};
use super::record::{picture_path, write_error};
use super::results::Results;
use crate::io::picture::write_grey;
use std::path::Path;

/// Most cases in a figure.
pub const MOST_CASES: usize = 4;
/// Pixels of the figure a voxel, as long as the figure stays narrower than [`MOST_COLS`].
const ENLARGED: usize = 2;
/// Widest figure with enlarged voxels, pixels.
const MOST_COLS: usize = 4000;
/// Between two slices, and between two cases, pixels.
const GAPS: [usize; 2] = [6, 26];
/// Left of the slices for the names of cases and planes; above them for those of methods; below for the note, pixels.
const MARGINS: [usize; 3] = [150, 58, 74];
/// Sizes of the letters: names of methods and cases, the rest (pixels).
const LETTERS: [f32; 2] = [24.0, 19.0];
/// Paper and ink.
const GREYS: [u8; 3] = [255, 20, 95];
/// What the truth's column is called.
pub const TRUTH: &str = "CT (truth)";

/// The cases that are pictured, in the study's order: all complete ones where they are few, else those at even steps from
/// the least to the greatest error (MAE) of the reference method, so that the choice is nobody's.
pub fn pictured(results: &Results) -> Vec<String> {
    let complete = &results.complete;
    let errors = results.reference().and_then(|reference| results.column(&reference.name, "mae_hu"));
    let Some(errors) = errors.filter(|_| complete.len() > MOST_CASES) else {
        return complete.iter().take(MOST_CASES).cloned().collect();
    };
    let mut order: Vec<usize> = (0..errors.len()).collect();
    order.sort_by(|a, b| errors[*a].total_cmp(&errors[*b]));
    let last = order.len() - 1;
    let mut chosen: Vec<usize> = (0..MOST_CASES).map(|k| order[k * last / (MOST_CASES - 1)]).collect();
    chosen.sort_unstable();
    chosen.into_iter().map(|place| complete[place].clone()).collect()
}

/// How [`pictured`] chose, in words.
pub fn choice(results: &Results) -> String {
    let all = results.complete.len();
    match results.reference().filter(|_| all > MOST_CASES) {
        None => "every case".to_owned(),
        Some(reference) => format!(
            "{MOST_CASES} of {all} cases, at even steps from the least to the greatest MAE of {}",
            reference.name
        ),
    }
}

/// Writes the figure; nothing where no case is complete.
///
/// # Errors
/// [`EvaluateError::Data`] for a picture that is missing or damaged, [`EvaluateError::Write`].
pub fn draw(folder: &Path, results: &Results, path: &Path) -> Result<(), EvaluateError> {
    let cases = pictured(results);
    if cases.is_empty() {
        return Ok(());
    }
    let methods: Vec<Option<&str>> =
        std::iter::once(None).chain(results.study.methods.iter().map(|m| Some(m.name.as_str()))).collect();
    let [gap, case_gap] = GAPS;
    let [left, top, bottom] = MARGINS;
    let wide = left + methods.len() * (ENLARGED * SIDE + gap);
    let scale = if wide <= MOST_COLS { ENLARGED } else { 1 };
    let step = scale * SIDE + gap;
    let case_rows = PLANES.len() * step + case_gap;
    let mut canvas =
        Canvas::filled(left + methods.len() * step + gap, top + cases.len() * case_rows + bottom, GREYS[0]);
    for (column, method) in methods.iter().enumerate() {
        let middle = (left + column * step + scale * SIDE / 2) as f32;
        let name = method.unwrap_or(TRUTH);
        let fitting = LETTERS[0] * ((scale * SIDE) as f32 / width(name, LETTERS[0]).max(1.0)).min(1.0);
        write(&mut canvas, name, fitting, [middle, top as f32 - 20.0], Anchor::Middle, GREYS[1]);
    }
    for (k, case) in cases.iter().enumerate() {
        let first_row = top + k * case_rows;
        name_rows(&mut canvas, case, first_row, step);
        for (column, method) in methods.iter().enumerate() {
            let slices = pictures::read(&picture_path(folder, case, *method))?;
            for (plane, slice) in slices.chunks_exact(SIDE * SIDE).enumerate() {
                canvas.put(&enlarged(slice, scale), scale * SIDE, left + column * step, first_row + plane * step);
            }
        }
    }
    foot(&mut canvas, results);
    write_grey(path, [canvas.cols, canvas.rows], &canvas.pixels).map_err(|e| write_error(path, e))
}

/// The names of a case and its planes left of its rows.
fn name_rows(canvas: &mut Canvas, case: &str, first_row: usize, step: usize) {
    let right = MARGINS[0] as f32 - 14.0;
    write(canvas, case, LETTERS[1], [right, first_row as f32 + LETTERS[1]], Anchor::End, GREYS[1]);
    for (k, plane) in PLANES.iter().enumerate() {
        let row = (first_row + k * step + step / 2) as f32;
        write(canvas, &plane.plane_name().to_lowercase(), LETTERS[1], [right, row], Anchor::End, GREYS[2]);
    }
}

/// What is shown, and that it is for research alone.
fn foot(canvas: &mut Canvas, results: &Results) {
    let lines = [
        format!("-500 to 800 HU; middle slices; {}", choice(results)),
        "Research use only, not for diagnosis. A volume from two films is mostly prior knowledge.".to_owned(),
    ];
    for (k, line) in lines.iter().enumerate() {
        let row = canvas.rows as f32 - 42.0 + k as f32 * 27.0;
        write(canvas, line, LETTERS[1], [MARGINS[0] as f32, row], Anchor::Start, GREYS[2]);
    }
}

/// A slice with more pixels a voxel, linear between voxels.
fn enlarged(slice: &[u8], scale: usize) -> Vec<u8> {
    if scale == 1 {
        return slice.to_vec();
    }
    let place = |k: usize| ((k as f32 + 0.5) / scale as f32 - 0.5).clamp(0.0, (SIDE - 1) as f32);
    let at = |col: usize, row: usize| f32::from(slice[row.min(SIDE - 1) * SIDE + col.min(SIDE - 1)]);
    let pixel = |col: usize, row: usize| {
        let (x, y) = (place(col), place(row));
        let (c, r, u, v) = (x as usize, y as usize, x.fract(), y.fract());
        let upper = at(c, r) + u * (at(c + 1, r) - at(c, r));
        let lower = at(c, r + 1) + u * (at(c + 1, r + 1) - at(c, r + 1));
        (upper + v * (lower - upper)).round() as u8
    };
    let side = scale * SIDE;
    (0..side).flat_map(|row| (0..side).map(move |col| (col, row))).map(|(col, row)| pixel(col, row)).collect()
}
