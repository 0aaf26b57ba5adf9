//! 3D/3D registration: a CT brought onto another patient's by intensity and lungs, to build sets of atlases and to carry
//! what is known of one patient to another.

use super::RegistrationError;
use super::descend::{Level, Progress, descend};
use super::map::{Affine, HALF_MM, Map};
use super::objective::{Channel, Objective, State};
use super::sampled::{Sampled, pooled};
use super::term::Term;
use super::tissue::Tissue;
use crate::geometry::{CUBE_SIDE_VOXELS, CUBE_SPACING_MM};

/// Intensities are compared below this relative attenuation: bones must not pull alone.
const CEILING: f32 = 1.4;
/// Weight of the lungs' overlap against intensity.
const LUNG_WEIGHT: f32 = 0.5;
/// The lungs' boxes may differ by this factor; more is no chest, or cut off.
const BOX_SCALE: std::ops::RangeInclusive<f64> = 0.6..=1.6;
/// A slice belongs to a lung's box where it holds more voxels of it.
const LEAST_VOXELS: usize = 25;
/// Coarse to fine.
const LEVELS: [Level; 3] =
    [level(32, 8, 60, 0.75, 0.012), level(64, 16, 40, 0.5, 0.008), level(64, 32, 30, 0.3, 0.005)];

const fn level(side: usize, nodes: usize, steps: usize, stiffness: f64, rate: f64) -> Level {
    Level { side, nodes, steps, stiffness, rate, affine_rate: 0.0 }
}

/// A chest CT on the networks' cube, with what registration looks at.
#[derive(Clone, Copy, Debug)]
pub struct Chest<'a> {
    /// Relative attenuation, `[z][y][x]`, 128^3.
    pub r: &'a [f32],
    /// Not 0 for each voxel of the lungs.
    pub lungs: &'a [u8],
    /// First and last axial slice that hold scan data.
    pub slices: (usize, usize),
}

/// The map from `fixed` to `moving`: `moving` read through it looks like `fixed`. `told` hears how far it is and stops
/// the work where it returns false.
///
/// # Errors
/// [`RegistrationError::NoLungs`] where the lungs do not tell how the chests lie; [`RegistrationError::Folds`];
/// [`RegistrationError::Cancelled`].
pub fn register(
    fixed: &Chest,
    moving: &Chest,
    told: &mut dyn FnMut(Progress) -> bool,
) -> Result<Map, RegistrationError> {
    let mut map = Map::identity(LEVELS[0].nodes);
    map.affine = lungs_onto(fixed.lungs, moving.lungs)?;
    let mut state = State { map, tissue: Tissue::default() };
    let of = LEVELS.iter().map(|level| level.steps).sum();
    let mut before = 0;
    for level in &LEVELS {
        state.map = state.map.with_nodes(level.nodes);
        let objective = objective(fixed, moving, level);
        let mut observe = |step, cost| told(Progress { done: before + step, of, cost });
        descend(&objective, level, 0.0, &mut state, &mut observe)?;
        before += level.steps;
    }
    let [least, _] = state.map.jacobian_range();
    if least > 0.0 { Ok(state.map) } else { Err(RegistrationError::Folds { least }) }
}

fn objective(fixed: &Chest, moving: &Chest, level: &Level) -> Objective {
    let small = |values: &[f32]| pooled(values, CUBE_SIDE_VOXELS, CUBE_SIDE_VOXELS / level.side);
    let clipped = |chest: &Chest| small(&chest.r.iter().map(|r| r.min(CEILING)).collect::<Vec<_>>());
    let lungs = |chest: &Chest| small(&chest.lungs.iter().map(|l| f32::from(u8::from(*l != 0))).collect::<Vec<_>>());
    // Slices without scan data say nothing of where the patient ends.
    let factor = CUBE_SIDE_VOXELS / level.side;
    let scanned = |i: usize| {
        let z = i / (level.side * level.side) * factor;
        f32::from(u8::from(z >= fixed.slices.0 && z + factor <= fixed.slices.1 + 1))
    };
    let voxel_weights: Vec<f32> = (0..level.side.pow(3)).map(scanned).collect();
    let channel = |target: Vec<f32>, moving: Vec<f32>, weight: f32| Channel {
        moving: Sampled::new(level.side, &moving),
        terms: vec![Term::Volume { target, ceiling: f32::INFINITY, weight, voxel_weights: voxel_weights.clone() }],
        tissue: false,
    };
    let channels =
        vec![channel(clipped(fixed), clipped(moving), 1.0), channel(lungs(fixed), lungs(moving), LUNG_WEIGHT)];
    Objective::new(level.side, level.nodes, channels, level.stiffness, 0.0)
}

/// The scaling and shift that bring the box of one chest's lungs onto the other's.
fn lungs_onto(fixed: &[u8], moving: &[u8]) -> Result<Affine, RegistrationError> {
    let (fixed, moving) = (lung_box_mm(fixed)?, lung_box_mm(moving)?);
    let mut affine = Affine::IDENTITY;
    for axis in 0..3 {
        let ([f0, f1], [m0, m1]) = (fixed[axis], moving[axis]);
        let scale = ((m1 - m0) / (f1 - f0)).clamp(*BOX_SCALE.start(), *BOX_SCALE.end());
        affine.matrix[axis][axis] = scale;
        affine.shift_mm[axis] = (m0 + m1) / 2.0 - scale * (f0 + f1) / 2.0;
    }
    Ok(affine)
}

/// The box about the lungs along x, y, z, mm about the centre.
fn lung_box_mm(lungs: &[u8]) -> Result<[[f64; 2]; 3], RegistrationError> {
    let n = CUBE_SIDE_VOXELS;
    let mut counts = [vec![0usize; n], vec![0; n], vec![0; n]];
    for (i, _) in lungs.iter().enumerate().filter(|(_, label)| **label != 0) {
        for (axis, place) in [i % n, i / n % n, i / (n * n)].into_iter().enumerate() {
            counts[axis][place] += 1;
        }
    }
    let ends = counts.each_ref().map(|counts| {
        let holds = |k: &usize| counts[*k] > LEAST_VOXELS;
        Some([(0..n).find(holds)?, (0..n).rev().find(holds)?].map(|k| k as f64 * CUBE_SPACING_MM - HALF_MM))
    });
    let whole = |ends: &Option<[f64; 2]>| ends.is_some_and(|[a, b]| b > a);
    if !ends.iter().all(whole) {
        return Err(RegistrationError::NoLungs);
    }
    Ok(ends.map(Option::unwrap_or_default))
}
