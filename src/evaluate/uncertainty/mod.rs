//! How far off a reconstruction may be, voxel by voxel, in HU: an error bar that is never zero, because most of a
//! volume from two films is measured by nobody. Knows no screen.
//!
//! Two things go into it: what the networks disagree on when the films are shifted and toned a little ([`members`]),
//! and the error that other patients showed at the same place and in the same HU band ([`learn`]). Their sum in squares
//! is a shape; how large it must be so that a stated share of voxels lies within is measured on patients that the
//! networks never saw.

pub mod file;
pub mod learn;
pub mod members;

use super::EvaluateError;
use crate::geometry::Volume;
use learn::Coverage;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// The shares of voxels that the error bars are made for.
pub const LEVELS: [f64; 2] = [0.68, 0.95];
/// Bands of the reconstruction's HU: air, lung, what lies between, soft tissue, bone. Between two of these values both
/// bands count by their distance, so that the bands do not show as edges.
pub const BANDS_HU: [f32; 5] = [-1000.0, -800.0, -400.0, 0.0, 300.0];
/// Cells of the coarse grid along each side: 22.4 mm on the cube.
pub const CELLS: usize = 16;
/// No error bar is smaller, HU: half of what scanners are allowed to differ by in water.
const LEAST_HU: f32 = 2.0;

/// Entries of the table of errors.
const ENTRIES: usize = BANDS_HU.len() * CELLS * CELLS * CELLS;

/// What the numbers are, to be printed beside them.
pub const DEFINITION: &str = "expected absolute error in HU, so that 68 % (95 %) of the voxels of patients never trained \
    on lie within: disagreement of the networks under small shifts and tones of the films, and the mean absolute error \
    of other patients at the same place (22.4 mm cells) and HU band, added in squares; errors are those of HU clipped \
    to [-1000, 1500]";

/// The error seen on other patients, and the factors that make error bars of it.
#[derive(Clone, Debug, PartialEq)]
pub struct ErrorModel {
    /// Mean absolute error of other patients, HU, `[band][z][y][x]` over the coarse grid.
    table: Vec<f32>,
    /// What belongs to it.
    card: ErrorCard,
}

/// What an error model was learnt from, and its few numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorCard {
    /// SHA-256 of the weights it belongs to.
    pub model_sha256: String,
    /// Weight of the networks' disagreement beside the table.
    pub disagreement_weight: f32,
    /// For each level the factor of each band, learnt by leaving one training patient out.
    pub factors: [[f32; BANDS_HU.len()]; LEVELS.len()],
    /// For each level how much larger errors are on patients that the networks never saw.
    pub inflation: [f32; LEVELS.len()],
    /// Patients whose errors fill the table; the networks learnt from them.
    pub training: Vec<String>,
    /// Patients never trained on, from whom the inflation comes.
    pub held_out: Vec<String>,
    /// The share of voxels within the error bars, patient by patient.
    pub coverage: Vec<Coverage>,
}

impl ErrorModel {
    /// From its parts.
    ///
    /// # Errors
    /// [`EvaluateError::Input`] where the table has another size or holds what is no error.
    pub fn new(table: Vec<f32>, card: ErrorCard) -> Result<Self, EvaluateError> {
        let numbers = card.factors.as_flattened().iter().chain(&card.inflation).chain([&card.disagreement_weight]);
        let sound = |v: &f32| v.is_finite() && *v >= 0.0;
        if table.len() != ENTRIES || !table.iter().chain(numbers).all(sound) {
            let cause = "the error model holds no errors for every place; calibrate again";
            return Err(EvaluateError::Input(cause.to_owned()));
        }
        Ok(Self { table, card })
    }

    /// What it was learnt from.
    pub fn card(&self) -> &ErrorCard {
        &self.card
    }

    /// Error bars of a level, an index into [`LEVELS`], in HU on the reconstruction's grid. `members` are further
    /// reconstructions of the same films ([`members::members`]); without any only the table speaks.
    ///
    /// # Errors
    /// [`EvaluateError::Input`] where a member is on another grid.
    pub fn at_level(&self, recon: &Volume, members: &[Volume], level: usize) -> Result<Volume, EvaluateError> {
        let level = level.min(LEVELS.len() - 1);
        let disagreement = disagreement(recon, members)?;
        let factors = self.card.factors[level].map(|f| f * self.card.inflation[level]);
        let shape = shape(recon, &disagreement, &self.table, self.card.disagreement_weight);
        let bar = |(&s, &hu): (&f32, &i16)| {
            let (below, part) = band(hu);
            let factor = factors[below] + part * (factors[(below + 1).min(factors.len() - 1)] - factors[below]);
            (s * factor).max(LEAST_HU).round() as i16
        };
        let hu = shape.par_iter().zip(recon.hu()).map(bar).collect();
        Volume::new(recon.frame().clone(), hu).map_err(|e| EvaluateError::Input(e.to_string()))
    }
}

/// The expected error of each voxel in HU: 68 % of voxels of unseen patients lie within it. See [`DEFINITION`].
///
/// # Errors
/// As [`ErrorModel::at_level`].
pub fn expected_error(recon: &Volume, members: &[Volume], model: &ErrorModel) -> Result<Volume, EvaluateError> {
    model.at_level(recon, members, 0)
}

/// Root mean square difference of the members from the reconstruction, HU, `[z][y][x]`; 0 without members.
fn disagreement(recon: &Volume, members: &[Volume]) -> Result<Vec<f32>, EvaluateError> {
    if let Some(other) = members.iter().find(|m| m.frame().dims() != recon.frame().dims()) {
        let (a, b) = (other.frame().dims(), recon.frame().dims());
        return Err(EvaluateError::Input(format!("a member has {a:?} voxels, the reconstruction {b:?}")));
    }
    let share = 1.0 / members.len().max(1) as f32;
    let of = |i: usize| {
        let hu = f32::from(recon.hu()[i]);
        let squares: f32 = members.iter().map(|m| (f32::from(m.hu()[i]) - hu).powi(2)).sum();
        (squares * share).sqrt()
    };
    Ok((0..recon.hu().len()).into_par_iter().map(of).collect())
}

/// sqrt((weight * disagreement)^2 + table^2) of each voxel, `[z][y][x]`: proportional to the error to be expected.
fn shape(recon: &Volume, disagreement: &[f32], table: &[f32], weight: f32) -> Vec<f32> {
    let dims = recon.frame().dims();
    let [nx, ny, _] = dims;
    let places: [Vec<(usize, f32)>; 3] = dims.map(|n| (0..n).map(|i| cell(i, n)).collect());
    let mut out = vec![0f32; recon.hu().len()];
    out.par_chunks_mut(nx).enumerate().for_each(|(line, out)| {
        let (y, z) = (places[1][line % ny], places[2][line / ny]);
        for (x, out) in out.iter_mut().enumerate() {
            let i = line * nx + x;
            let known = looked_up(table, band(recon.hu()[i]), [places[0][x], y, z]);
            *out = (weight * disagreement[i]).hypot(known).max(LEAST_HU);
        }
    });
    out
}

/// The coarse cell before a voxel, and the share of the way to the next.
fn cell(voxel: usize, side: usize) -> (usize, f32) {
    let place = (voxel as f32 + 0.5) * CELLS as f32 / side as f32 - 0.5;
    let place = place.clamp(0.0, (CELLS - 1) as f32);
    let below = (place as usize).min(CELLS - 2);
    (below, place - below as f32)
}

/// The band below a CT number, and the share of the way to the next.
fn band(hu: i16) -> (usize, f32) {
    let hu = f32::from(hu).clamp(BANDS_HU[0], BANDS_HU[BANDS_HU.len() - 1]);
    let below = BANDS_HU.iter().rposition(|edge| *edge <= hu).unwrap_or(0).min(BANDS_HU.len() - 2);
    (below, (hu - BANDS_HU[below]) / (BANDS_HU[below + 1] - BANDS_HU[below]))
}

/// The table between two bands and eight cells, linearly.
fn looked_up(table: &[f32], (below, part): (usize, f32), [x, y, z]: [(usize, f32); 3]) -> f32 {
    let between = |a: f32, b: f32, part: f32| a + part * (b - a);
    let in_band = |band: usize| {
        let at =
            |dz: usize, dy: usize, dx: usize| table[((band * CELLS + z.0 + dz) * CELLS + y.0 + dy) * CELLS + x.0 + dx];
        let row = |dz, dy| between(at(dz, dy, 0), at(dz, dy, 1), x.1);
        between(between(row(0, 0), row(0, 1), y.1), between(row(1, 0), row(1, 1), y.1), z.1)
    };
    between(in_band(below), in_band(below + 1), part)
}
