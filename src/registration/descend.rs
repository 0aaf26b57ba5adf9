//! Gradient descent over a cascade of resolutions: Adam (Kingma and Ba, 2015) on nodes, affine part and tissue curve.

use super::RegistrationError;
use super::map::HALF_MM;
use super::objective::{Evaluation, Objective, State};
use super::tissue::KNOTS;

/// Adam's means, and what keeps its division sound.
const BETAS: (f64, f64) = (0.9, 0.999);
const EPSILON: f64 = 1e-8;
/// A level ends early when its cost has fallen by less than this share over [`PATIENCE`] steps.
const LEAST_GAIN: f64 = 2e-3;
const PATIENCE: usize = 10;

/// One level of the cascade.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    /// Voxels along the side at which volumes are compared.
    pub side: usize,
    /// Nodes of the map along a side.
    pub nodes: usize,
    /// Most steps.
    pub steps: usize,
    /// Weight of the penalty on bending.
    pub stiffness: f64,
    /// Length of a step of the nodes, as a share of half the cube.
    pub rate: f64,
    /// Length of a step of the affine part.
    pub affine_rate: f64,
}

/// How far a descent is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// Steps done, those that a level ended early without counted.
    pub done: usize,
    /// Most steps of all levels.
    pub of: usize,
    /// The cost.
    pub cost: f64,
}

/// Adam's state of one level.
struct Adam {
    mean: Vec<f64>,
    square: Vec<f64>,
    step: i32,
}

impl Adam {
    fn new(parameters: usize) -> Self {
        Self { mean: vec![0.0; parameters], square: vec![0.0; parameters], step: 0 }
    }

    /// The steps, as shares of their rates.
    fn next(&mut self, gradient: &[f64]) -> Vec<f64> {
        self.step += 1;
        let (a, b) = BETAS;
        let (fix_a, fix_b) = (1.0 - a.powi(self.step), 1.0 - b.powi(self.step));
        let state = self.mean.iter_mut().zip(&mut self.square).zip(gradient);
        state
            .map(|((mean, square), g)| {
                *mean = a * *mean + (1.0 - a) * g;
                *square = b * *square + (1.0 - b) * g * g;
                -(*mean / fix_a) / ((*square / fix_b).sqrt() + EPSILON)
            })
            .collect()
    }
}

/// Descends one level; `told` is asked before every step and stops the descent where it returns false.
///
/// # Errors
/// [`RegistrationError::Cancelled`], [`RegistrationError::Diverged`].
pub(super) fn descend(
    objective: &Objective,
    level: &Level,
    tissue_rate: f64,
    state: &mut State,
    told: &mut dyn FnMut(usize, f64) -> bool,
) -> Result<f64, RegistrationError> {
    let nodes = level.nodes.pow(3);
    let mut adam = Adam::new(3 * nodes + 12 + KNOTS.len());
    let mut costs = Vec::new();
    for step in 0..level.steps {
        let found = objective.evaluate(state);
        if !found.cost.is_finite() {
            return Err(RegistrationError::Diverged);
        }
        if !told(step, found.cost) {
            return Err(RegistrationError::Cancelled);
        }
        costs.push(found.cost);
        if has_settled(&costs) {
            break;
        }
        apply(&adam.next(&flat(&found)), level, tissue_rate, state);
    }
    Ok(costs.last().copied().unwrap_or_default())
}

fn has_settled(costs: &[f64]) -> bool {
    let Some(before) = costs.len().checked_sub(PATIENCE + 1) else { return false };
    let best = costs[before + 1..].iter().copied().fold(f64::INFINITY, f64::min);
    best > costs[before] * (1.0 - LEAST_GAIN)
}

/// The gradient as Adam sees it: by shares of half the cube, so that nodes and shift have one scale.
fn flat(found: &Evaluation) -> Vec<f64> {
    let nodes = found.nodes.iter().flatten().map(|g| f64::from(*g) * HALF_MM);
    // A matrix entry moves the cube's face as a shift by half the cube does.
    let affine = found.affine.iter().flat_map(|row| [row[0], row[1], row[2], row[3] * HALF_MM]);
    nodes.chain(affine).chain(found.tissue).collect()
}

fn apply(steps: &[f64], level: &Level, tissue_rate: f64, state: &mut State) {
    let nodes = level.nodes.pow(3);
    for (axis, steps) in state.map.shifts_mut().iter_mut().zip(steps.chunks_exact(nodes)) {
        axis.iter_mut().zip(steps).for_each(|(shift, step)| *shift += (step * level.rate * HALF_MM) as f32);
    }
    let affine = &steps[3 * nodes..3 * nodes + 12];
    for (row, steps) in affine.chunks_exact(4).enumerate() {
        for (entry, step) in state.map.affine.matrix[row].iter_mut().zip(steps) {
            *entry += step * level.affine_rate;
        }
        state.map.affine.shift_mm[row] += steps[3] * level.affine_rate * HALF_MM;
    }
    if tissue_rate > 0.0 {
        let steps = &steps[3 * nodes + 12..];
        state.tissue = state.tissue.stepped(&std::array::from_fn(|k| (steps[k] * tissue_rate) as f32));
    }
}
