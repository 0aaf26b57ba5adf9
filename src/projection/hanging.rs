//! How a lateral film hangs: whether the patient's front is on the left, as it should be, or on the right.
//! Knows no file and flips nothing.

use super::film::area_average;
use crate::geometry::Raster;

/// Films are compared at this many pixels a side: organs, not edges.
const SIDE: usize = 8;
/// Likenesses below this are a guess and not told. The twelve real laterals it was tried on reach 0.14 to 0.90.
const LEAST_LIKENESS: f32 = 0.1;
/// Half the difference between a lateral (front on the left, white = dense, grey values by rank in [0, 1]) and its
/// mirror image, left half, row by row: retrosternal air and shoulders above, heart and lung bases below.
/// The mean over right-angle projections of the ten shared CTs without the demo patient's; no real film went in.
const LATERAL: [[f32; SIDE / 2]; SIDE] = [
    [-0.072, -0.078, -0.176, -0.067],
    [-0.084, -0.175, -0.211, 0.016],
    [-0.100, -0.183, -0.105, -0.016],
    [-0.100, -0.130, -0.054, -0.002],
    [-0.086, -0.075, 0.002, 0.072],
    [-0.073, -0.038, 0.038, 0.055],
    [-0.070, 0.002, -0.012, 0.002],
    [-0.040, -0.002, -0.020, -0.018],
];

/// Whether the front is on the right of an upright lateral chest film (white = dense) as it is stored;
/// `None` where the film does not tell (blank, symmetric, not a lateral).
pub fn front_is_right(lateral: &Raster) -> Option<bool> {
    let likeness = lateral_likeness(lateral)?;
    (likeness.abs() >= LEAST_LIKENESS).then_some(likeness < 0.0)
}

/// Cosine between the film's left-right difference and a usual lateral's, in [-1, 1]; positive with the front left.
pub fn lateral_likeness(lateral: &Raster) -> Option<f32> {
    if lateral.cols() < SIDE || lateral.rows() < SIDE {
        return None;
    }
    let small = area_average(&lateral.clone().map(|v| if v.is_finite() { v } else { 0.0 }), SIDE, SIDE);
    let ranks = ranks(small.values());
    let (mut product, mut own, mut usual) = (0.0, 0.0, 0.0);
    for (row, expected) in ranks.chunks_exact(SIDE).zip(&LATERAL) {
        for (k, expected) in expected.iter().enumerate() {
            let difference = (row[k] - row[SIDE - 1 - k]) / 2.0;
            product += difference * expected;
            own += difference * difference;
            usual += expected * expected;
        }
    }
    (own > 0.0).then(|| product / (own * usual).sqrt())
}

/// Each value's rank in [0, 1], equal values sharing one: no tone curve changes it.
pub(super) fn ranks(values: &[f32]) -> Vec<f32> {
    let below = |v: f32| values.iter().filter(|w| **w < v).count();
    let same = |v: f32| values.iter().filter(|w| **w == v).count();
    values.iter().map(|&v| (below(v) as f32 + (same(v) as f32 - 1.0) / 2.0) / values.len() as f32).collect()
}
