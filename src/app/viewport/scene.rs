//! What is looked at: a volume and its mask, with an identity under which the card keeps them. A cheap snapshot that
//! is cloned into paint callbacks. Knows no view and no device.

use crate::geometry::{Frame, Volume};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

/// Where the upload stands.
const DONE: u32 = 1000;

/// How far the card has got with a volume.
#[derive(Debug, Default)]
pub(super) struct Status {
    permille: AtomicU32,
    settled: AtomicBool,
    notice: OnceLock<String>,
    failure: OnceLock<String>,
}

impl Status {
    pub(super) fn set_progress(&self, share: f32) {
        self.permille.store((share.clamp(0.0, 1.0) * DONE as f32) as u32, Ordering::Relaxed);
    }

    pub(super) fn set_underway(&self, underway: bool) {
        self.settled.store(!underway, Ordering::Relaxed);
    }

    pub(super) fn set_notice(&self, notice: String) {
        // The first word stands: the same volume always ends in the same notice.
        let _kept = self.notice.set(notice);
    }

    pub(super) fn set_failure(&self, failure: String) {
        let _kept = self.failure.set(failure);
    }
}

/// A mask: labels 0 none, 1 right lung, 2 left lung.
#[derive(Clone, Debug)]
pub(super) struct Mask {
    pub(super) id: u64,
    pub(super) labels: Arc<[u8]>,
}

/// A volume that is laid over the pictures as a colour: how far off each voxel may be, HU, or how much is borrowed.
#[derive(Clone, Debug)]
pub(super) struct Overlay {
    pub(super) id: u64,
    pub(super) volume: Arc<Volume>,
}

/// A volume to look at, perhaps with a mask.
#[derive(Clone, Debug)]
pub struct Scene {
    pub(super) id: u64,
    pub(super) volume: Arc<Volume>,
    pub(super) mask: Option<Mask>,
    pub(super) errors: Option<Overlay>,
    /// Share of each voxel that is borrowed from other patients, 0 to 255.
    pub(super) borrowed: Option<Overlay>,
    pub(super) status: Arc<Status>,
}

/// Numbers never used before in this process.
fn fresh_id() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl Scene {
    /// A volume without a mask. Make it once a volume, not once a frame: each is carried to the card anew.
    pub fn new(volume: Arc<Volume>) -> Self {
        Self { id: fresh_id(), volume, mask: None, errors: None, borrowed: None, status: Arc::default() }
    }

    /// The same volume with this mask: labels `[z][y][x]` on its grid, 0 none, 1 right lung, 2 left lung.
    /// A mask of another size is not shown.
    #[must_use]
    pub fn with_mask(mut self, labels: Option<Arc<[u8]>>) -> Self {
        let fits = labels.filter(|l| l.len() == self.volume.frame().len());
        let same = |m: &Mask| fits.as_ref().is_some_and(|l| Arc::ptr_eq(l, &m.labels));
        if !self.mask.as_ref().is_some_and(same) {
            self.mask = fits.map(|labels| Mask { id: fresh_id(), labels });
            self.status.set_underway(true);
        }
        self
    }

    /// The same volume with the error to be expected of each voxel, HU, on any grid of the same space.
    #[must_use]
    pub fn with_errors(mut self, errors: Option<Arc<Volume>>) -> Self {
        self.errors = errors.map(|volume| Overlay { id: fresh_id(), volume });
        self.status.set_underway(true);
        self
    }

    /// The same volume with the share of each voxel that is borrowed from other patients, 0 to 255.
    #[must_use]
    pub fn with_borrowed(mut self, shares: Option<Arc<Volume>>) -> Self {
        self.borrowed = shares.map(|volume| Overlay { id: fresh_id(), volume });
        self.status.set_underway(true);
        self
    }

    /// What can be laid over its pictures.
    pub(super) fn overlays(&self) -> impl Iterator<Item = &Overlay> {
        self.errors.iter().chain(&self.borrowed)
    }

    /// Whether anything of it is borrowed.
    pub fn has_borrowed(&self) -> bool {
        self.borrowed.is_some()
    }

    /// Whether it is known how far off its voxels may be.
    pub fn has_errors(&self) -> bool {
        self.errors.is_some()
    }

    /// The volume.
    pub fn volume(&self) -> &Arc<Volume> {
        &self.volume
    }

    /// Its grid.
    pub fn frame(&self) -> &Frame {
        self.volume.frame()
    }

    /// How much of it the card has, 0 to 1.
    pub fn progress(&self) -> f32 {
        self.status.permille.load(Ordering::Relaxed) as f32 / DONE as f32
    }

    /// Whether voxels or labels are still on their way, so that another frame is needed.
    pub fn is_underway(&self) -> bool {
        !self.status.settled.load(Ordering::Relaxed) && self.failure().is_none()
    }

    /// What to say where the card shows it coarser than it is.
    pub fn notice(&self) -> Option<&str> {
        self.status.notice.get().map(String::as_str)
    }

    /// Why it cannot be shown, where it cannot.
    pub fn failure(&self) -> Option<&str> {
        self.status.failure.get().map(String::as_str)
    }
}
