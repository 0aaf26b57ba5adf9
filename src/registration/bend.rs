//! 2D/3D registration: a CT bent to two films, to a coarse volume, or to both.

use super::RegistrationError;
use super::descend::{Level, Progress, descend};
use super::films::FilmTargets;
use super::map::Map;
use super::objective::{Channel, Evaluation, Objective, State, read_through};
use super::sampled::{Sampled, pooled};
use super::term::Term;
use super::tissue::Tissue;
use crate::geometry::{CUBE_SIDE_VOXELS, CUBE_SPACING_MM};

/// Coarse volume and bent CT are compared below this relative attenuation: a coarse volume has no bone to hold it against.
const COARSE_CEILING: f32 = 1.3;
/// Weight of the squared error to the coarse volume against that of films' line integrals: 1 and 5 are no better on the
/// validation patients.
const COARSE_WEIGHT: f32 = 2.5;
/// Pixels of the films at the isocentre per voxel of the volumes they are compared at.
const PIXELS_PER_VOXEL: f64 = 0.62;

/// How a CT is bent.
#[derive(Clone, Debug, PartialEq)]
pub struct Bending {
    /// Coarse to fine.
    pub levels: Vec<Level>,
    /// Length of a step of the tissue curve; 0 leaves tissues as they are.
    pub tissue_rate: f64,
    /// Weight of the tissue curve's distance from the CT as it is.
    pub tissue_weight: f64,
}

impl Bending {
    /// A quick affine fit at 32^3, to rank many CTs.
    pub fn ranking() -> Self {
        let level = Level { side: 32, nodes: 2, steps: 40, stiffness: 10.0, rate: 0.0, affine_rate: 0.01 };
        Self { levels: vec![level], tissue_rate: 0.0, tissue_weight: 1.0 }
    }

    /// An atlas: another patient's CT. Chosen on two validation patients (lidc-0005, lungdx-a0001; body MAE of the mean of
    /// three atlases): twice the steps 140.3 instead of 141.6 HU at twice the time, a sixteenth of the stiffness 143.5 and
    /// maps that fold, the first level at 64^3 140.6 HU at 1.25 times the time.
    pub fn atlas() -> Self {
        let level =
            |side, nodes, steps, stiffness, rate| Level { side, nodes, steps, stiffness, rate, affine_rate: 0.004 };
        Self {
            levels: vec![level(32, 4, 40, 4.8, 0.015), level(64, 8, 25, 3.2, 0.008), level(64, 16, 25, 2.4, 0.006)],
            tissue_rate: 0.01,
            tissue_weight: 1.0,
        }
    }
}

/// A fitted map.
#[derive(Clone, Debug)]
pub struct Bent {
    /// From today's space into the CT's.
    pub map: Map,
    /// How dense its tissues are today.
    pub tissue: Tissue,
    /// The cost at the end of the last level.
    pub cost: f64,
}

impl Bent {
    /// The CT on today's cube at full resolution, `[z][y][x]` relative attenuation.
    pub fn volume(&self, ct: &Sampled) -> Vec<f32> {
        read_through(ct, &self.map, &self.tissue, CUBE_SIDE_VOXELS)
    }
}

/// Bends `ct` (128^3 relative attenuation, `[z][y][x]`) to films, to a coarse volume (likewise), or to both, from the map
/// and tissues of `start`. `told` hears how far it is and stops the work where it returns false.
///
/// # Errors
/// [`RegistrationError`].
pub fn bend(
    ct: &[f32],
    films: Option<&FilmTargets>,
    coarse: Option<&[f32]>,
    start: Option<&Bent>,
    bending: &Bending,
    told: &mut dyn FnMut(Progress) -> bool,
) -> Result<Bent, RegistrationError> {
    if films.is_none() && coarse.is_none() {
        return Err(RegistrationError::NoTarget);
    }
    for cube in std::iter::once(ct).chain(coarse) {
        if cube.len() != CUBE_SIDE_VOXELS.pow(3) {
            return Err(RegistrationError::NotTheCube([cube.len(), 1, 1]));
        }
    }
    if bending.levels.iter().any(|level| level.nodes < 2 || !CUBE_SIDE_VOXELS.is_multiple_of(level.side)) {
        return Err(RegistrationError::Levels);
    }
    let of = bending.levels.iter().map(|level| level.steps).sum();
    let first_nodes = bending.levels.first().map_or(2, |level| level.nodes);
    let mut state = State {
        map: start.map_or_else(|| Map::identity(first_nodes), |start| start.map.clone()),
        tissue: start.map_or_else(Tissue::default, |start| start.tissue),
    };
    let (mut before, mut cost) = (0, 0.0);
    for level in &bending.levels {
        let objective = objective(ct, films, coarse, level, bending.tissue_weight);
        state.map = state.map.with_nodes(level.nodes);
        let mut observe = |step, cost| told(Progress { done: before + step, of, cost });
        cost = descend(&objective, level, bending.tissue_rate, &mut state, &mut observe)?;
        before += level.steps;
    }
    let [least, _] = state.map.jacobian_range();
    if !(least > 0.0) {
        return Err(RegistrationError::Folds { least });
    }
    Ok(Bent { map: state.map, tissue: state.tissue, cost })
}

/// How much of `extra`, 0 to 1, added to `base` fits films and coarse volume best (all 128^3 relative attenuation,
/// `[z][y][x]`): the least point of the parabola through the costs of none, half and all of it.
pub fn fitted_share(base: &[f32], extra: &[f32], films: &FilmTargets, coarse: &[f32]) -> f32 {
    let level = Level { side: 64, nodes: 2, steps: 0, stiffness: 0.0, rate: 0.0, affine_rate: 0.0 };
    let state = State { map: Map::identity(level.nodes), tissue: Tissue::default() };
    let cost = |share: f32| {
        let mixed: Vec<f32> = base.iter().zip(extra).map(|(base, extra)| base + share * extra).collect();
        objective(&mixed, Some(films), Some(coarse), &level, 0.0).evaluate(&state).cost
    };
    let [none, half, all] = [0.0, 0.5, 1.0].map(cost);
    let bend = none - 2.0 * half + all;
    if !(bend > 0.0) {
        return if all < none { 1.0 } else { 0.0 };
    }
    (0.5 + 0.25 * (none - all) / bend).clamp(0.0, 1.0) as f32
}

/// The cost of a map and tissue curve at one level, with its gradient, as the descent sees them.
pub fn evaluate(
    ct: &[f32],
    films: Option<&FilmTargets>,
    coarse: Option<&[f32]>,
    level: &Level,
    at: &Bent,
) -> Evaluation {
    let state = State { map: at.map.with_nodes(level.nodes), tissue: at.tissue };
    objective(ct, films, coarse, level, Bending::atlas().tissue_weight).evaluate(&state)
}

fn objective(
    ct: &[f32],
    films: Option<&FilmTargets>,
    coarse: Option<&[f32]>,
    level: &Level,
    tissue_weight: f64,
) -> Objective {
    let factor = CUBE_SIDE_VOXELS / level.side;
    let small = |values: &[f32]| if factor > 1 { pooled(values, CUBE_SIDE_VOXELS, factor) } else { values.to_vec() };
    let pitch_mm = CUBE_SPACING_MM * factor as f64 * PIXELS_PER_VOXEL;
    let films = films.map(|films| Term::Films { films: films.at_pitch(pitch_mm), scale: films.scale });
    let coarse = coarse.map(|coarse| Term::Volume {
        target: small(coarse).iter().map(|r| r.min(COARSE_CEILING)).collect(),
        ceiling: COARSE_CEILING,
        weight: COARSE_WEIGHT,
        voxel_weights: Vec::new(),
    });
    let channel = Channel {
        moving: Sampled::new(level.side, &small(ct)),
        terms: films.into_iter().chain(coarse).collect(),
        tissue: true,
    };
    Objective::new(level.side, level.nodes, vec![channel], level.stiffness, tissue_weight)
}
