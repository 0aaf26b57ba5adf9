//! What the workspace Compare has done on worker threads: reading the truth, bringing it onto a result's grid, metrics,
//! lungs. Each function takes values and gives values; none knows the window.

use super::reproject::FilmPictures;
use super::state::{FilmsKey, Lungs, Pair, PairKey, SliceKey, VolumeNumbers};
use crate::app::jobs::BUNDLED;
use crate::app::state::LungVolumes;
use crate::geometry::resample::resample;
use crate::geometry::{Axis, Frame, Pose, Vec3, Volume, sub};
use crate::io::{self, IoError, LoadedVolume, Progress, Subject};
use crate::metrics::align::{Alignment, align, correlation};
use crate::metrics::bands::Band;
use crate::metrics::body::body;
use crate::metrics::by_slice::{Numbers, body_numbers};
use crate::metrics::centre::{Centre, centre_mm};
use crate::metrics::joint::JointHistogram;
use crate::metrics::lung::{LungMask, lung_mask};
use crate::metrics::{Comparison, LpipsSet, compare, dice};
use crate::nn::DeviceChoice;
use crate::units::Hu;
use egui::{Color32, ColorImage};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Where a job's result belongs; the number is the result's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CompareLane {
    /// Reading the truth.
    Truth,
    /// The truth on a result's grid.
    Pair(u64),
    /// Metrics of a result.
    Numbers(u64),
    /// Bands and joint histogram of a result.
    Details(u64),
    /// Metrics of the slice on screen.
    Slice,
    /// Lungs of a result and of the truth.
    Lungs(u64),
    /// The films beside re-projections.
    Films,
    /// The automatic alignment.
    Align,
    /// Writing everything.
    Export,
}

impl CompareLane {
    /// What the lane does, for messages.
    pub fn label(self) -> &'static str {
        match self {
            Self::Truth => "Reading the ground truth",
            Self::Pair(_) => "Bringing the ground truth onto the grid",
            Self::Numbers(_) | Self::Details(_) | Self::Slice => "The metrics",
            Self::Lungs(_) => "Finding the lungs",
            Self::Films => "Projecting the reconstruction",
            Self::Align => "The alignment",
            Self::Export => "Exporting the comparison",
        }
    }
}

/// What a job of this workspace gives.
pub enum CompareDone {
    /// The truth was read, or not, and where it is put at first.
    Truth(PathBuf, Result<Box<LoadedVolume>, IoError>, Option<Pose>),
    /// The truth on a result's grid.
    Pair(u64, Pair),
    /// Metrics of a result.
    Numbers(u64, PairKey, Box<VolumeNumbers>),
    /// Bands and joint histogram of a result.
    Details(u64, PairKey, Option<Vec<Band>>, Option<JointHistogram>),
    /// Metrics of a slice.
    Slice(SliceKey, Option<Numbers>),
    /// Lungs of a result and of the truth at a threshold, HU.
    Lungs(u64, (PairKey, i32), Lungs),
    /// What an alignment found; `None` where it was cancelled or found nothing.
    Aligned(PairKey, Option<Alignment>),
    /// The films beside re-projections, or why not.
    Films(FilmsKey, Result<Box<[FilmPictures; 2]>, String>),
    /// Everything was written into a folder, or not.
    Exported(PathBuf, Result<(), IoError>),
}

/// A truth that covers less of a result than this stands somewhere else.
const LEAST_COVERED: f64 = 0.3;

/// Reads a CT as truth.
///
/// # Errors
/// As the reader in charge; a film is refused by name.
pub fn read_truth(path: &Path, progress: &Progress) -> Result<Box<LoadedVolume>, IoError> {
    if path.starts_with(BUNDLED) {
        return Ok(Box::new(io::bundled::case()?.truth));
    }
    // Whatever part of the body it shows: that it is another one is seen at once, and said.
    io::open_volume_as(path, Subject::Any, progress).map(Box::new)
}

/// The truth on the result's grid, moved as it is.
pub fn pair(key: PairKey) -> Pair {
    let (target, scan) = (key.recon.frame(), &key.truth.volume);
    let before = key.pose.frame_before(target);
    // The values stand in the target's order, and a grid of the same size takes them.
    let moved = resample(scan, &before).with_frame(target.clone());
    let truth = moved.unwrap_or_else(|_| Volume::filled(target.clone(), Hu::PADDING));
    Pair {
        covered: covered(scan.frame(), &before),
        correlation: correlation(&key.recon, &truth),
        truth: Arc::new(truth),
        key,
    }
}

/// Where the truth is put at first: where it stands. Where it hardly meets the result there, or where the result's films
/// did not say where they stand, its middle is put onto the result's: a cube's own, else its anatomy's.
pub fn first_pose(truth: &Volume, place: &Frame) -> Pose {
    if !is_nowhere(place) && covered(truth.frame(), place) >= LEAST_COVERED {
        return Pose::default();
    }
    let middle_mm = if truth.frame().is_cube() { truth.frame().centre_mm() } else { centre_mm(truth, Centre::Anatomy) };
    Pose::shift(sub(place.centre_mm(), middle_mm))
}

/// Whether a result stands about the isocentre, since nobody told where that is in the patient.
fn is_nowhere(place: &Frame) -> bool {
    place.is_cube() && place.centre_mm() == [0.0; 3]
}

/// The pose at which both agree best, from where the truth is on; from its first place where it is nowhere near.
pub fn align_pair(key: &PairKey, go_on: &dyn Fn(f32) -> bool) -> Option<Alignment> {
    let (recon, truth) = (&key.recon, &key.truth.volume);
    let near = covered(truth.frame(), &key.pose.frame_before(recon.frame())) >= LEAST_COVERED;
    let start = if near { key.pose } else { first_pose(truth, recon.frame()) };
    align(recon, truth, start, go_on)
}

/// Share of `target`'s voxels whose centres lie within `scan`.
pub fn covered(scan: &Frame, target: &Frame) -> f64 {
    let [nx, ny, nz] = target.dims();
    let dims = scan.dims();
    let within = |x: usize, y: usize, z: usize| {
        let voxel = scan.voxel_from_world(target.world_from_voxel([x as f64, y as f64, z as f64]));
        (0..3).all(|k| voxel[k] >= -0.5 && voxel[k] <= dims[k] as f64 - 0.5)
    };
    let rows = (0..nz).flat_map(|z| (0..ny).map(move |y| (y, z)));
    let count: usize = rows.map(|(y, z)| (0..nx).filter(|x| within(*x, y, z)).count()).sum();
    count as f64 / target.len() as f64
}

/// All metrics of a pair, LPIPS among them where its weights are installed.
pub fn numbers(recon: &Volume, truth: &Volume) -> VolumeNumbers {
    VolumeNumbers {
        comparison: compare(recon, truth)
            .map(|found| perceived(found, recon, truth))
            .map_err(|cause| cause.to_string()),
        body: body_numbers(recon, truth, &body(truth).mask),
    }
}

/// With LPIPS, whose networks are loaded once however often the truth is moved.
fn perceived(found: Comparison, recon: &Volume, truth: &Volume) -> Comparison {
    static NETWORKS: Mutex<Option<LpipsSet>> = Mutex::new(None);
    let Ok(device) = DeviceChoice::Cpu.device() else { return found };
    let mut networks = NETWORKS.lock().unwrap_or_else(PoisonError::into_inner);
    let set = networks.get_or_insert_with(|| LpipsSet::of_user(device));
    found.clone().with_lpips(recon, truth, set).unwrap_or(found)
}

/// Lungs of both at a threshold.
pub fn lungs(recon: &Volume, truth: &Volume, threshold_hu: i32) -> Lungs {
    let [ours, theirs] = [recon, truth].map(|volume| lung_mask(volume, Hu(threshold_hu as f32)));
    let volumes = |mask: &LungMask| LungVolumes { right_ml: mask.right_ml, left_ml: mask.left_ml };
    Lungs {
        recon_ml: volumes(&ours),
        truth_ml: volumes(&theirs),
        dice: dice::dice(&ours.labels, &theirs.labels),
        recon: ours.labels.into(),
        truth: theirs.labels.into(),
    }
}

/// The number of the voxel along an axis at which a plane stands; `None` on an oblique grid, whose voxels lie in no
/// plane of the patient.
pub fn voxel_along(frame: &Frame, axis: Axis, cursor_mm: Vec3) -> Option<usize> {
    let voxel = frame.voxel_from_world(cursor_mm)[axis.index()].round();
    let last = (frame.dims()[axis.index()] - 1) as f64;
    (frame.is_along_lps() && voxel.is_finite()).then(|| voxel.clamp(0.0, last) as usize)
}

/// The joint histogram as a picture: the truth across, the reconstruction up, counts on a logarithmic scale from
/// `colours[0]` (none) over `colours[1]` to `colours[2]` (most).
pub fn histogram_picture(joint: &JointHistogram, colours: [Color32; 3]) -> ColorImage {
    let bins = joint.bins;
    let most = (joint.counts.iter().copied().max().unwrap_or(0) as f32).ln_1p().max(f32::MIN_POSITIVE);
    let pixel = |k: usize| {
        let (recon, truth) = (bins - 1 - k / bins, k % bins);
        let share = (joint.counts.get(truth * bins + recon).copied().unwrap_or(0) as f32).ln_1p() / most;
        let [none, middle, full] = colours;
        if share < 0.5 {
            none.lerp_to_gamma(middle, share * 2.0)
        } else {
            middle.lerp_to_gamma(full, share * 2.0 - 1.0)
        }
    };
    ColorImage::new([bins, bins], (0..bins * bins).map(pixel).collect())
}
