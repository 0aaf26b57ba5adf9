//! How the bent atlases and the networks' volume become one: outside of the atlases' lungs what they agree on, inside the
//! networks alone.

use rayon::prelude::*;

/// Where networks and atlases both are less dense than this, outside of the lungs, is air, which nobody borrows.
const AIR_R: f32 = 0.2;
/// A voxel on which fewer atlases than this share have no lung is the networks' own.
const LEAST_SHARE: f32 = 0.01;

/// An atlas as it was bent, on the fixed cube.
pub(super) struct BentAtlas {
    /// Relative attenuation, `[z][y][x]`.
    pub r: Vec<f32>,
    /// Share of each voxel that is lung, 0 to 1.
    pub lungs: Vec<f32>,
}

/// The volume shown, and what it is made of.
pub(super) struct Combined {
    /// Relative attenuation.
    pub r: Vec<f32>,
    /// Share that is borrowed, 0 to 255.
    pub borrowed: Vec<u8>,
    /// Standard deviation over the atlases times the share that is borrowed, in r.
    pub spread: Vec<f32>,
}

/// Each atlas counts where it has no lung; where none counts the network stays. So a vessel, a fissure or a nodule in an
/// atlas's lung never enters the result. Chosen on the validation patients (lidc-0005, lungdx-a0001) among mean and median
/// of all, weights by a lung mask of the network, mixtures with the network, and the best atlas's detail on the mean.
pub(super) fn combine(network: &[f32], atlases: &[BentAtlas]) -> Combined {
    let count = atlases.len().max(1) as f32;
    let voxel = |i: usize| {
        let (mut weight, mut sum, mut squares) = (0f32, 0f32, 0f32);
        for atlas in atlases {
            let (r, counts) = (atlas.r[i], 1.0 - atlas.lungs[i].clamp(0.0, 1.0));
            weight += counts;
            sum += counts * r;
            squares += counts * r * r;
        }
        let share = weight / count;
        if share < LEAST_SHARE {
            return (network[i], 0, 0.0);
        }
        let mean = sum / weight;
        let spread = share * (squares / weight - mean * mean).max(0.0).sqrt();
        let value = share * mean + (1.0 - share) * network[i];
        let is_outside = network[i].max(value) < AIR_R && share > 1.0 - LEAST_SHARE;
        (value, if is_outside { 0 } else { (share * 255.0).round() as u8 }, spread)
    };
    let mut combined =
        Combined { r: vec![0.0; network.len()], borrowed: vec![0; network.len()], spread: vec![0.0; network.len()] };
    let parts = combined.r.par_iter_mut().zip(&mut combined.borrowed).zip(&mut combined.spread).enumerate();
    parts.with_min_len(1 << 14).for_each(|(i, ((r, borrowed), spread))| (*r, *borrowed, *spread) = voxel(i));
    combined
}
