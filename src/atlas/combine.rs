//! How the bent atlases and the networks' volume become one: outside of the lungs a mean of both, inside the networks
//! alone.

use crate::metrics::smooth::smooth;
use rayon::prelude::*;

/// Where networks and atlases both are less dense than this, outside of the lungs, is air, which nobody borrows.
const AIR_R: f32 = 0.2;
/// A voxel on which fewer atlases than this share have no lung is the networks' own.
const LEAST_SHARE: f32 = 0.01;
/// What atlases lend at most. Half and half is the mean of two witnesses that err apart.
const LENT: f32 = 0.5;
/// Where atlases and network differ by so much, relative attenuation, half as much is lent: one of them has misplaced
/// something dense, and the network is the one that saw the films.
const DISAGREEMENT_R: f32 = 0.4;
/// Share that is added of the detail in which both agree, and the standard deviation of the mean that detail is taken from,
/// voxels: the networks blur what they are not sure of, and so does the mean of several atlases; what both see at one place
/// is there more sharply than either shows.
const AGREED: f32 = 0.15;
const DETAIL_VOXELS: f64 = 3.0;
/// Between these shares of lung about a voxel, by the networks, it turns from edge to inside.
const DEEP: [f32; 2] = [0.75, 0.95];

/// Changes whenever the combination does: kept results of another one are no results of this one.
pub fn combination_state() -> String {
    format!("{LENT} {DISAGREEMENT_R} {AGREED} {DETAIL_VOXELS} {DEEP:?}")
}

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

/// Each atlas counts where it has no lung, and none inside of the networks' (`lungs`: the share of lung about each voxel);
/// where none counts the network stays. So a vessel, a fissure or a nodule in an atlas's lung never enters the result, nor
/// does an atlas's chest wall the patient's lung. The mean of the atlases was chosen on the validation patients (lidc-0005,
/// lungdx-a0001) before their median and before the best one's detail on the mean; so were the constants above, beside
/// biplane-p16. Against a plain half they cost 3 HU in the body and give 0.05 of bone contrast, 0.03 of bone Dice and 0.02 of
/// the lungs' detail. The networks' lungs cost 0.2 HU in the body, and stand above numbers.
pub(super) fn combine(network: &[f32], lungs: &[f32], atlases: &[BentAtlas], dims: [usize; 3]) -> Combined {
    let lent: Vec<Lent> = (0..network.len()).into_par_iter().map(|i| lend(network[i], lungs[i], atlases, i)).collect();
    let detail = |values: &[f32]| {
        let mean = smooth(values, dims, [DETAIL_VOXELS; 3]);
        values.iter().zip(mean).map(|(value, mean)| value - mean).collect::<Vec<f32>>()
    };
    let own = detail(network);
    let theirs = detail(&lent.iter().map(|lent| lent.r).collect::<Vec<_>>());
    let voxel = |i: usize| {
        let Lent { r, open, spread } = lent[i];
        let apart = (r - network[i]) / DISAGREEMENT_R;
        if open < LEAST_SHARE {
            return (network[i], 0, 0.0);
        }
        let share = LENT / (1.0 + apart * apart);
        let agreed = if own[i] * theirs[i] > 0.0 { own[i].signum() * own[i].abs().min(theirs[i].abs()) } else { 0.0 };
        let value = network[i] + share * (r - network[i]) + open * AGREED * agreed;
        let is_outside = network[i].max(value) < AIR_R && open > 1.0 - LEAST_SHARE;
        let borrowed = if is_outside { 0 } else { (share * open * 255.0).round() as u8 };
        (value.max(0.0), borrowed, share * open * spread)
    };
    let mut combined =
        Combined { r: vec![0.0; network.len()], borrowed: vec![0; network.len()], spread: vec![0.0; network.len()] };
    let parts = combined.r.par_iter_mut().zip(&mut combined.borrowed).zip(&mut combined.spread).enumerate();
    parts.with_min_len(1 << 14).for_each(|(i, ((r, borrowed), spread))| (*r, *borrowed, *spread) = voxel(i));
    combined
}

/// What atlases have for a voxel.
struct Lent {
    /// Their mean as far as they are open to lending, the network for the rest, relative attenuation: at the lungs' edge a
    /// blend of both, which is also what disagreement and agreed detail are read from.
    r: f32,
    /// How far they are, 0 to 1: shut where they have lung, and inside of the networks' lungs.
    open: f32,
    /// Their standard deviation.
    spread: f32,
}

fn lend(network: f32, lungs: f32, atlases: &[BentAtlas], i: usize) -> Lent {
    let (mut weight, mut sum, mut squares) = (0f32, 0f32, 0f32);
    for atlas in atlases {
        let (r, counts) = (atlas.r[i], 1.0 - atlas.lungs[i].clamp(0.0, 1.0));
        weight += counts;
        sum += counts * r;
        squares += counts * r * r;
    }
    let deep = ((lungs - DEEP[0]) / (DEEP[1] - DEEP[0])).clamp(0.0, 1.0);
    let open = (1.0 - deep) * weight / atlases.len().max(1) as f32;
    if open < LEAST_SHARE {
        return Lent { r: network, open: 0.0, spread: 0.0 };
    }
    let mean = sum / weight;
    let spread = (squares / weight - mean * mean).max(0.0).sqrt();
    Lent { r: open * mean + (1.0 - open) * network, open, spread }
}
