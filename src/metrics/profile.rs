//! HU along a straight line through a volume. Knows no screen.

use crate::geometry::resample::sample;
use crate::geometry::{Vec3, Volume};

/// The definition in one line.
pub const DEFINITION: &str = "HU along the line, trilinear between voxels' centres, not clipped";

/// HU at `samples` places from `from_mm` to `to_mm` (LPS mm, both ends included), trilinear; `None` where a place lies
/// outside of the volume, and everywhere where an end is no number. A single sample stands at `from_mm`; 0 samples give
/// nothing.
pub fn profile(volume: &Volume, from_mm: Vec3, to_mm: Vec3, samples: usize) -> Vec<Option<f32>> {
    let steps = samples.saturating_sub(1).max(1) as f64;
    let place = |i: usize| {
        let part = i as f64 / steps;
        // Both ends exactly: a + (b - a) t may miss b by a rounding.
        std::array::from_fn(|k| from_mm[k] * (1.0 - part) + to_mm[k] * part)
    };
    (0..samples).map(|i| sample(volume, place(i))).collect()
}
