//! What may follow the networks: anatomy that other CTs lend to their volume. The reconstructor knows only that such a
//! step exists; how it is done stands in `atlas`.

use crate::geometry::{Raster, ViewPair, Volume};
use std::sync::Arc;

/// Voxels below are air, of which nobody asks whose it is, HU.
const LEAST_BODY_HU: i16 = -500;

/// What a guide is given.
pub struct GuideTask<'a> {
    /// Both films in their views' own orientation, white = dense, affine in the line integral, NaN outside of the field.
    pub films: &'a [Raster; 2],
    /// How they were taken.
    pub views: &'a ViewPair,
    /// What the networks made of them, on the cube.
    pub network: &'a Volume,
}

/// Lends anatomy to a network's volume.
pub trait Guide: Send + Sync + std::fmt::Debug {
    /// Guides one volume. `told` hears how much is done of how much, and stops the work where it returns false.
    ///
    /// # Errors
    /// [`Unguided`].
    fn guide(&self, task: &GuideTask, told: &mut dyn FnMut(usize, usize) -> bool) -> Result<Guided, Unguided>;
}

/// A network's volume with borrowed anatomy.
#[derive(Clone, Debug)]
pub struct Guided {
    /// The CT, on the network's frame.
    pub volume: Arc<Volume>,
    /// Share of each voxel that is borrowed from other patients, 0 to 255, `[z][y][x]`.
    pub borrowed: Vec<u8>,
    /// How much the bent CTs differ at each voxel: their standard deviation, HU, `[z][y][x]`.
    pub spread_hu: Vec<f32>,
    /// Whose CTs were bent, best first.
    pub atlases: Vec<String>,
    /// In a sentence, for titles, exports and reports.
    pub note: String,
    /// Seconds it took.
    pub seconds: f64,
}

impl Guided {
    /// How much of the voxels that are no air is borrowed, 0 to 1.
    pub fn borrowed_share(&self) -> f64 {
        let body = self.volume.hu().iter().zip(&self.borrowed).filter(|(hu, _)| **hu > LEAST_BODY_HU);
        let (all, lent) = body.fold((0usize, 0f64), |(all, lent), (_, b)| (all + 1, lent + f64::from(*b) / 255.0));
        lent / all.max(1) as f64
    }
}

/// Why a volume stays as the networks made it.
#[derive(Clone, Debug, PartialEq)]
pub enum Unguided {
    /// Stopped as asked.
    Cancelled,
    /// The films are odd, or the CTs do not fit them: why, and what to do.
    Notice(String),
}
