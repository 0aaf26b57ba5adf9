//! Bringing one CT onto another by a rigid motion that makes their normalised correlation greatest. Knows no files and
//! no screen.
//!
//! Coarse to fine: on a grid of few large voxels every shift within reach is tried, then six numbers (three shifts,
//! three turns) are stepped along one by one, the steps halved where none helps, on finer and finer grids.

use super::sums::Sums;
use crate::geometry::resample::resample;
use crate::geometry::{Frame, Pose, Vec3, Volume, sub};
use rayon::prelude::*;

/// What is correlated, in one line.
pub const DEFINITION: &str = "Pearson correlation of HU clipped to [-1000, 600] over the voxels that the truth's scan \
    covers";

/// Values are clipped to this range: beyond it is metal or padding, HU.
const RANGE_HU: (f32, f32) = (-1000.0, 600.0);
/// Voxels along the longest side, level by level.
const SIDES: [f64; 3] = [24.0, 64.0, 128.0];
/// Every shift up to this far from the start is tried on the coarsest grid, mm.
const REACH_MM: f64 = 90.0;
/// The first step of a turn on each level, radians.
const TURN_STEPS_RAD: [f64; 3] = [0.06, 0.03, 0.01];
/// Steps are halved this many times on each level.
const HALVINGS: i32 = 4;
/// A pose at which less of what can meet does meet is none.
const LEAST_OVERLAP: f64 = 0.5;
/// Share of the work that each level is, for the progress.
const LEVEL_ENDS: [f32; 3] = [0.2, 0.45, 1.0];

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Alignment {
    /// How the moving volume is to be moved, turned about the fixed one's centre.
    pub pose: Pose,
    /// The correlation at the start and at the end.
    pub correlation: [f64; 2],
}

/// The correlation of two volumes on one grid, where the second one has data; `None` where one of them is constant or
/// their sizes differ.
pub fn correlation(recon: &Volume, truth: &Volume) -> Option<f64> {
    if recon.frame().dims() != truth.frame().dims() {
        return None;
    }
    let padding = crate::units::Hu::PADDING.0 as i16;
    let pairs = recon.hu().par_iter().zip(truth.hu()).with_min_len(1 << 14).filter(|(_, b)| **b > padding);
    let sums = pairs.fold(Sums::default, |s, (a, b)| s.with(clipped(*a), clipped(*b)));
    sums.reduce(Sums::default, Sums::plus).correlation()
}

/// Finds how `moving` must be moved to lie on `fixed`, from `start` on. `go_on` hears how much is done and says whether
/// to go on; `None` where it said no, or where the two never meet.
pub fn align(fixed: &Volume, moving: &Volume, start: Pose, go_on: &dyn Fn(f32) -> bool) -> Option<Alignment> {
    let about_mm = fixed.frame().centre_mm();
    let mut pose = start;
    let mut ends = [f64::NAN; 2];
    for (k, side) in SIDES.into_iter().enumerate() {
        let longest = fixed.frame().extent_mm().into_iter().fold(0.0, f64::max);
        // Voxels smaller than the fixed volume's own tell nothing new.
        let finest = fixed.frame().spacing_mm().into_iter().fold(0.0, f64::max);
        let spacing_mm = (longest / side).max(finest);
        let level = Level::new(fixed, moving, spacing_mm, about_mm)?;
        let from = if k == 0 { 0.0 } else { LEVEL_ENDS[k - 1] };
        let told = |share: f32| go_on(from + (LEVEL_ENDS[k] - from) * share);
        if k == 0 {
            pose = level.try_shifts(pose, &told)?;
        }
        pose = level.climb(pose, TURN_STEPS_RAD[k], &told)?;
        ends = [level.score(start), level.score(pose)];
    }
    (ends[1].is_finite() && ends[1] > -1.0).then_some(Alignment { pose, correlation: ends })
}

fn clipped(hu: i16) -> f32 {
    f32::from(hu).clamp(RANGE_HU.0, RANGE_HU.1)
}

/// Both volumes on coarse grids.
struct Level {
    fixed: Volume,
    moving: Volume,
    about_mm: Vec3,
    spacing_mm: f64,
    least_voxels: f64,
}

impl Level {
    fn new(fixed: &Volume, moving: &Volume, spacing_mm: f64, about_mm: Vec3) -> Option<Self> {
        let [ours, theirs] = [coarse(fixed.frame(), spacing_mm)?, coarse(moving.frame(), spacing_mm)?];
        let least_voxels = LEAST_OVERLAP * ours.len().min(theirs.len()) as f64;
        let (fixed, moving) = (resample(fixed, &ours), resample(moving, &theirs));
        Some(Self { fixed, moving, about_mm, spacing_mm, least_voxels })
    }

    /// The best of all shifts within reach, in steps of a voxel.
    fn try_shifts(&self, start: Pose, told: &dyn Fn(f32) -> bool) -> Option<Pose> {
        let most = (REACH_MM / self.spacing_mm).floor() as i32;
        let mut best = (self.score(start), start);
        for z in -most..=most {
            if !told(0.5 * (z + most) as f32 / (2 * most + 1) as f32) {
                return None;
            }
            for (y, x) in (-most..=most).flat_map(|y| (-most..=most).map(move |x| (y, x))) {
                let by = [x, y, z].map(|n| f64::from(n) * self.spacing_mm);
                let shift_mm = std::array::from_fn(|k| start.shift_mm[k] + by[k]);
                let pose = Pose { shift_mm, ..start };
                let score = self.score(pose);
                if score > best.0 {
                    best = (score, pose);
                }
            }
        }
        Some(best.1)
    }

    /// Steps along one number after another as long as it helps, then in half steps.
    fn climb(&self, start: Pose, turn_step_rad: f64, told: &dyn Fn(f32) -> bool) -> Option<Pose> {
        let mut best = (self.score(start), start);
        for halving in 0..=HALVINGS {
            let part = 0.5f64.powi(halving);
            let steps = [self.spacing_mm / 2.0 * part, turn_step_rad * part];
            let mut moved = true;
            while moved {
                moved = false;
                if !told(0.5 + 0.5 * halving as f32 / (HALVINGS + 1) as f32) {
                    return None;
                }
                for (number, sign) in (0..6).flat_map(|n| [(n, 1.0), (n, -1.0)]) {
                    let pose = stepped(best.1, number, sign * steps[number / 3]);
                    let score = self.score(pose);
                    if score > best.0 {
                        (best, moved) = ((score, pose), true);
                    }
                }
            }
        }
        Some(best.1)
    }

    /// The correlation at a pose; -1 where too little meets.
    fn score(&self, pose: Pose) -> f64 {
        let before = pose.frame_before(&self.fixed.frame().moved_to(self.about_mm));
        let map = |voxel: Vec3| self.moving.frame().voxel_from_world(before.world_from_voxel(voxel));
        let start = map([0.0; 3]);
        let step: [Vec3; 3] = std::array::from_fn(|k| {
            let mut unit = [0.0; 3];
            unit[k] = 1.0;
            sub(map(unit), start)
        });
        let [nx, ny, nz] = self.fixed.frame().dims();
        let sums = (0..nz).into_par_iter().map(|z| {
            let mut sums = Sums::default();
            let slice = self.fixed.axial(z);
            for y in 0..ny {
                let row: Vec3 = std::array::from_fn(|k| start[k] + step[1][k] * y as f64 + step[2][k] * z as f64);
                for (x, a) in slice[y * nx..(y + 1) * nx].iter().enumerate() {
                    let p = std::array::from_fn(|k| row[k] + step[0][k] * x as f64);
                    if let Some(b) = sampled(&self.moving, p) {
                        sums = sums.with(clipped(*a), b);
                    }
                }
            }
            sums
        });
        let sums = sums.reduce(Sums::default, Sums::plus);
        if sums.n < self.least_voxels { -1.0 } else { sums.correlation().unwrap_or(-1.0) }
    }
}

/// The pose with one of its six numbers changed.
fn stepped(pose: Pose, number: usize, by: f64) -> Pose {
    let mut pose = pose;
    match number {
        0..3 => pose.shift_mm[number] += by,
        _ => pose.turn_rad[number - 3] += by,
    }
    pose
}

/// A grid over the same room with voxels of about `spacing_mm`; its own where that is coarser.
fn coarse(frame: &Frame, spacing_mm: f64) -> Option<Frame> {
    let (extent, own) = (frame.extent_mm(), frame.spacing_mm());
    let spacing: Vec3 = own.map(|s| s.max(spacing_mm));
    let dims = std::array::from_fn(|k| ((extent[k] / spacing[k]).round() as usize).max(1));
    let grid = Frame::new(dims, spacing, frame.origin_mm(), frame.direction()).ok()?;
    Some(grid.moved_to(frame.centre_mm()))
}

/// Linear sample at a voxel coordinate, clipped; `None` beyond the outermost centres.
fn sampled(volume: &Volume, p: Vec3) -> Option<f32> {
    let dims = volume.frame().dims();
    let mut low = [0usize; 3];
    let mut part = [0f32; 3];
    for k in 0..3 {
        let last = (dims[k] - 1) as f64;
        if !(p[k] >= 0.0 && p[k] <= last) {
            return None;
        }
        low[k] = (p[k] as usize).min(dims[k].saturating_sub(2));
        part[k] = (p[k] - low[k] as f64) as f32;
    }
    let high: [usize; 3] = std::array::from_fn(|k| (low[k] + 1).min(dims[k] - 1));
    let at = |x: usize, y: usize, z: usize| clipped(volume.hu()[(z * dims[1] + y) * dims[0] + x]);
    let mix = |a: f32, b: f32, t: f32| a + t * (b - a);
    let line = |y: usize, z: usize| mix(at(low[0], y, z), at(high[0], y, z), part[0]);
    let plane = |z: usize| mix(line(low[1], z), line(high[1], z), part[1]);
    Some(mix(plane(low[2]), plane(high[2]), part[2]))
}
