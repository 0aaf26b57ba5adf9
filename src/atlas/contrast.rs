//! Contrast agent in the heart and the great vessels of an atlas: where it is, so that as much of it can be shown as the
//! patient's own films tell, and none in a patient who had none.
//!
//! Blood with contrast agent is as dense as spongy bone, so it is told by place and shape: between the lungs, in front of
//! the spine, and thick. Ribs, sternum and small vessels are thinner than the opening and stay.

use crate::geometry::Volume;
use crate::metrics::closing::close;
use crate::metrics::components::Components;
use crate::metrics::mask::Mask;

/// Blood without contrast agent is at most so dense, HU.
const BLOOD_HU: i16 = 60;
/// What is denser between the lungs, and thick, is taken for blood with contrast agent, HU.
const CONTRAST_HU: i16 = 100;
/// Of what blood has above [`BLOOD_HU`] so much is left without contrast agent: chambers stay visible.
const LEFT_OVER: f32 = 0.15;
/// Parts that are denser on average are bone, HU.
const BONE_HU: f64 = 400.0;
/// Smaller parts are none, ml.
const LEAST_ML: f64 = 5.0;
/// The spine lies behind the lungs' middle by more than this and within so much of it sideways, mm.
const SPINE_BEHIND_MM: f64 = 12.0;
const SPINE_ASIDE_MM: f64 = 32.0;

/// How much denser than blood alone a voxel with contrast agent is, in relative attenuation.
pub(super) fn excess(r: f32) -> f32 {
    let blood = 1.0 + f32::from(BLOOD_HU) / 1000.0;
    (1.0 - LEFT_OVER) * (r - blood).max(0.0)
}

/// The voxels of a cube along LPS that hold blood with contrast agent; `lungs` is not 0 for each voxel of the lungs.
pub(super) fn find(volume: &Volume, lungs: &[u8]) -> Vec<u8> {
    let frame = volume.frame();
    let dims = frame.dims();
    let mut found = vec![0u8; frame.len()];
    let Some(between) = Between::of(lungs, dims) else { return found };
    let spacing = frame.spacing_mm();
    let is_spine = |x: usize, y: usize| {
        (y as f64 - between.middle[1]) * spacing[1] > SPINE_BEHIND_MM
            && ((x as f64 - between.middle[0]) * spacing[0]).abs() < SPINE_ASIDE_MM
    };
    let is_candidate = |(i, hu): (usize, &i16)| {
        let [x, y, z] = [i % dims[0], i / dims[0] % dims[1], i / (dims[0] * dims[1])];
        u8::from(*hu >= CONTRAST_HU && between.holds([x, y, z]) && !is_spine(x, y))
    };
    let candidates: Vec<u8> = volume.hu().iter().enumerate().map(is_candidate).collect();
    // Opening by the ball: what is not set, closed, is what is left out.
    let others = close(&Mask::of(dims, &candidates, |set| set == 0));
    let parts = Components::of(&Mask::of(dims, &others.to_bytes(), |set| set == 0));
    let is_large = |part: &usize| parts.sizes[*part] as f64 * frame.voxel_ml() >= LEAST_ML;
    for part in parts.by_size().into_iter().take_while(is_large) {
        let inside = parts.mask(part).to_bytes();
        let sum: f64 = volume.hu().iter().zip(&inside).filter(|(_, i)| **i != 0).map(|(hu, _)| f64::from(*hu)).sum();
        if sum / parts.sizes[part] as f64 <= BONE_HU {
            found.iter_mut().zip(inside).for_each(|(found, inside)| *found |= inside);
        }
    }
    found
}

/// The box about both lungs, and its middle in x and y, voxels.
struct Between {
    low: [usize; 3],
    high: [usize; 3],
    middle: [f64; 2],
}

impl Between {
    fn of(lungs: &[u8], [nx, ny, nz]: [usize; 3]) -> Option<Self> {
        let (mut low, mut high) = ([nx, ny, nz], [0; 3]);
        for (i, _) in lungs.iter().enumerate().filter(|(_, label)| **label != 0) {
            let at = [i % nx, i / nx % ny, i / (nx * ny)];
            for k in 0..3 {
                (low[k], high[k]) = (low[k].min(at[k]), high[k].max(at[k]));
            }
        }
        let middle = [0, 1].map(|k: usize| (low[k] + high[k]) as f64 / 2.0);
        (low[2] <= high[2] && low[0] < nx).then_some(Self { low, high, middle })
    }

    fn holds(&self, at: [usize; 3]) -> bool {
        (0..3).all(|k| (self.low[k]..=self.high[k]).contains(&at[k]))
    }
}
