//! Learning an [`ErrorModel`] from reconstructions whose truth is known, and measuring it on patients it did not see.
//!
//! The shape (a table of errors by place and band, and the weight of the networks' disagreement) and its factors are
//! learnt from the patients the networks were trained on, each left out once. These patients' errors are too small,
//! since the networks saw them. So patients that were never trained on tell one number a level: by how much the bars
//! must grow until they hold there. Each of those is also judged by the number that the others give.

use super::{BANDS_HU, CELLS, ENTRIES, ErrorCard, ErrorModel, LEVELS, band, disagreement, shape};
use crate::evaluate::EvaluateError;
use crate::geometry::Volume;
use crate::metrics::VALUE_RANGE_HU;
use crate::metrics::body::body;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Voxels that a cell's mean over its band counts for: neighbours err together, so that a few voxels tell little.
const PRIOR_VOXELS: f64 = 1000.0;
/// Weights of the disagreement that are tried.
const WEIGHTS: [f32; 7] = [0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0];

/// A reconstruction with its truth.
pub struct Observation {
    /// The patient.
    pub name: String,
    /// The reconstruction.
    pub recon: Volume,
    /// Further reconstructions of the same films.
    pub members: Vec<Volume>,
    /// The CT.
    pub truth: Volume,
}

/// What a patient was to an error model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Trained on; left out while the bars it is judged by were learnt, which no unseen patient made larger.
    LeftOut,
    /// Never trained on; the bars were made larger by the other such patients.
    HeldOut,
    /// Never trained on, and had no part in anything.
    Check,
}

/// The share of a patient's voxels within the error bars.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Coverage {
    /// The patient.
    pub patient: String,
    /// What it was to the model.
    pub role: Role,
    /// The share wanted.
    pub level: f64,
    /// The share found, of the voxels in slices with scan data.
    pub volume: f64,
    /// The share found inside the truth's body, in such slices.
    pub body: f64,
}

/// Learns from `training`, makes the bars hold on `held_out`, and judges `checks`.
///
/// # Errors
/// [`EvaluateError::Input`] with fewer than two training patients or no held-out one, or grids that differ.
pub fn learn(
    model_sha256: &str,
    training: &[Observation],
    held_out: &[Observation],
    checks: &[Observation],
) -> Result<ErrorModel, EvaluateError> {
    if training.len() < 2 || held_out.is_empty() {
        let cause = "the error model needs two patients trained on, so that one can be left out, and one held out; \
                     name more with --only and --held-out";
        return Err(EvaluateError::Input(cause.to_owned()));
    }
    let (training, held_out, checks) = (Seen::all(training)?, Seen::all(held_out)?, Seen::all(checks)?);
    let sums: Vec<Sums> = training.iter().map(Sums::of).collect();
    let without: Vec<Vec<f32>> = (0..training.len()).map(|i| Sums::table(&sums, Some(i))).collect();
    let weight = best_weight(&training, &without);
    let factors = factors(&training, &without, weight);
    let table = Sums::table(&sums, None);
    let ratios = |seen: &[Seen], tables: &dyn Fn(usize) -> Vec<f32>| -> Vec<[Vec<f32>; LEVELS.len()]> {
        seen.iter()
            .enumerate()
            .map(|(i, s)| [0, 1].map(|level| s.ratios(&tables(i), weight, &factors[level])))
            .collect()
    };
    let on_training = ratios(&training, &|i| without[i].clone());
    let on_held_out = ratios(&held_out, &|_| table.clone());
    let on_checks = ratios(&checks, &|_| table.clone());
    let inflation = inflation(&on_held_out, None);
    let mut coverage = Vec::new();
    for (i, seen) in training.iter().enumerate() {
        coverage.extend(seen.coverage(Role::LeftOut, &on_training[i], [1.0; 2]));
    }
    for (i, seen) in held_out.iter().enumerate().filter(|_| held_out.len() > 1) {
        coverage.extend(seen.coverage(Role::HeldOut, &on_held_out[i], self::inflation(&on_held_out, Some(i))));
    }
    for (seen, ratios) in checks.iter().zip(&on_checks) {
        coverage.extend(seen.coverage(Role::Check, ratios, inflation));
    }
    let names = |all: &[Seen]| all.iter().map(|s| s.name.clone()).collect();
    let card = ErrorCard {
        model_sha256: model_sha256.to_owned(),
        disagreement_weight: weight,
        factors,
        inflation,
        training: names(&training),
        held_out: names(&held_out),
        coverage,
    };
    ErrorModel::new(table, card)
}

/// What is needed of an observation: voxels of slices with scan data.
struct Seen<'a> {
    name: String,
    recon: &'a Volume,
    disagreement: Vec<f32>,
    error: Vec<f32>,
    body: Vec<u8>,
    voxels: std::ops::Range<usize>,
}

impl<'a> Seen<'a> {
    fn all(from: &'a [Observation]) -> Result<Vec<Self>, EvaluateError> {
        from.iter().map(Self::of).collect()
    }

    fn of(from: &'a Observation) -> Result<Self, EvaluateError> {
        let (recon, truth) = (&from.recon, &from.truth);
        let dims = truth.frame().dims();
        if recon.frame().dims() != dims {
            let other = recon.frame().dims();
            return Err(EvaluateError::Input(format!("{}: {other:?} voxels against {dims:?}", from.name)));
        }
        let clip = |hu: i16| f32::from(hu.clamp(VALUE_RANGE_HU.0, VALUE_RANGE_HU.1));
        let error = recon.hu().iter().zip(truth.hu()).map(|(a, b)| (clip(*a) - clip(*b)).abs()).collect();
        let (first, last) = truth.data_slices().unwrap_or((0, dims[2] - 1));
        let slice = dims[0] * dims[1];
        Ok(Self {
            name: from.name.clone(),
            recon,
            disagreement: disagreement(recon, &from.members)?,
            error,
            body: body(truth).mask.to_bytes(),
            voxels: first * slice..(last + 1) * slice,
        })
    }

    /// The bars' shape.
    fn shape(&self, table: &[f32], weight: f32) -> Vec<f32> {
        shape(self.recon, &self.disagreement, table, weight)
    }

    /// Error over bar of each counted voxel.
    fn ratios(&self, table: &[f32], weight: f32, factors: &[f32; BANDS_HU.len()]) -> Vec<f32> {
        let shape = self.shape(table, weight);
        let ratio = |i: usize| {
            let (below, part) = band(self.recon.hu()[i]);
            let factor = factors[below] + part * (factors[below + 1] - factors[below]);
            self.error[i] / (shape[i] * factor)
        };
        self.voxels.clone().into_par_iter().map(ratio).collect()
    }

    /// Shares within the bars made larger by `inflation`.
    fn coverage(&self, role: Role, ratios: &[Vec<f32>; 2], inflation: [f32; 2]) -> Vec<Coverage> {
        let inside = &self.body[self.voxels.clone()];
        let share = |level: usize, counts: &(dyn Fn(usize) -> bool + Sync)| {
            let of = |held: bool| {
                (0..inside.len()).filter(|i| counts(*i) && (!held || ratios[level][*i] <= inflation[level])).count()
            };
            of(true) as f64 / of(false).max(1) as f64
        };
        let at = |level: usize| Coverage {
            patient: self.name.clone(),
            role,
            level: LEVELS[level],
            volume: share(level, &|_| true),
            body: share(level, &|i| inside[i] != 0),
        };
        (0..LEVELS.len()).map(at).collect()
    }
}

/// A patient's errors, summed by band and cell.
struct Sums(Vec<(f64, f64)>);

impl Sums {
    fn of(seen: &Seen) -> Self {
        let mut sums = vec![(0f64, 0f64); ENTRIES];
        let [nx, ny, nz] = seen.recon.frame().dims();
        for i in seen.voxels.clone() {
            let place = [(i % nx, nx), (i / nx % ny, ny), (i / (nx * ny), nz)];
            let [x, y, z] = place.map(|(voxel, side)| voxel * CELLS / side);
            let (below, part) = band(seen.recon.hu()[i]);
            let nearest = below + usize::from(part > 0.5);
            let entry = &mut sums[((nearest * CELLS + z) * CELLS + y) * CELLS + x];
            entry.0 += f64::from(seen.error[i]);
            entry.1 += 1.0;
        }
        Self(sums)
    }

    /// Mean error by band and cell over all patients but one; cells with few voxels lean on their band's mean.
    fn table(all: &[Self], but: Option<usize>) -> Vec<f32> {
        let mut total = vec![(0f64, 0f64); ENTRIES];
        for (_, sums) in all.iter().enumerate().filter(|(i, _)| Some(*i) != but) {
            total.iter_mut().zip(&sums.0).for_each(|(t, s)| (t.0, t.1) = (t.0 + s.0, t.1 + s.1));
        }
        let cells = CELLS * CELLS * CELLS;
        let mean = |(sum, n): (f64, f64), prior: f64| (sum + PRIOR_VOXELS * prior) / (n + PRIOR_VOXELS);
        let whole = total.iter().fold((0.0, 0.0), |a, b| (a.0 + b.0, a.1 + b.1));
        let whole = whole.0 / whole.1.max(1.0);
        let by_band = total.chunks_exact(cells).flat_map(|band| {
            let all = band.iter().fold((0.0, 0.0), |a, b| (a.0 + b.0, a.1 + b.1));
            let prior = mean(all, whole);
            band.iter().map(move |cell| mean(*cell, prior) as f32)
        });
        by_band.collect()
    }
}

/// The weight under which the left-out errors are likeliest, taken as double-exponential about the bars' shape.
fn best_weight(seen: &[Seen], tables: &[Vec<f32>]) -> f32 {
    let cost = |weight: f32| {
        let (mut logs, mut ratios, mut n) = (0f64, 0f64, 0f64);
        for (seen, table) in seen.iter().zip(tables) {
            let shape = seen.shape(table, weight);
            for i in seen.voxels.clone() {
                logs += f64::from(shape[i].ln());
                ratios += f64::from(seen.error[i] / shape[i]);
            }
            n += seen.voxels.len() as f64;
        }
        logs / n + (ratios / n).ln()
    };
    let costs = WEIGHTS.map(|weight| (cost(weight), weight));
    costs.into_iter().min_by(|a, b| a.0.total_cmp(&b.0)).map_or(1.0, |(_, weight)| weight)
}

/// For each level and band the quantile of error over shape, each patient judged by the others' table.
fn factors(seen: &[Seen], tables: &[Vec<f32>], weight: f32) -> [[f32; BANDS_HU.len()]; LEVELS.len()] {
    let mut by_band: [Vec<f32>; BANDS_HU.len()] = std::array::from_fn(|_| Vec::new());
    for (seen, table) in seen.iter().zip(tables) {
        let shape = seen.shape(table, weight);
        for i in seen.voxels.clone() {
            let (below, part) = band(seen.recon.hu()[i]);
            by_band[below + usize::from(part > 0.5)].push(seen.error[i] / shape[i]);
        }
    }
    // A band that no reconstruction holds keeps a factor of 1.
    LEVELS.map(|level| std::array::from_fn(|b| quantile(&mut by_band[b], level).unwrap_or(1.0).max(f32::MIN_POSITIVE)))
}

/// For each level the quantile of error over bar on the held-out patients, one left out where asked; never below 1, so
/// that a patient who happens to be easy does not make the bars smaller than the training patients' were.
fn inflation(ratios: &[[Vec<f32>; LEVELS.len()]], but: Option<usize>) -> [f32; LEVELS.len()] {
    std::array::from_fn(|level| {
        let others = ratios.iter().enumerate().filter(|(i, _)| Some(*i) != but);
        let mut pooled: Vec<f32> = others.flat_map(|(_, r)| r[level].iter().copied()).collect();
        quantile(&mut pooled, LEVELS[level]).unwrap_or(1.0).max(1.0)
    })
}

fn quantile(values: &mut [f32], q: f64) -> Option<f32> {
    let last = values.len().checked_sub(1)?;
    let k = (last as f64 * q).round() as usize;
    Some(*values.select_nth_unstable_by(k, f32::total_cmp).1)
}
