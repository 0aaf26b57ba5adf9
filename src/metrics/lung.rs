//! The lungs in a CT, left and right, in millilitres. Knows the body and nothing of displays or networks.
//!
//! Definition (spec 8): at most T inside the body (default -400 HU; the literature uses -320 to -500); filled per
//! axial slice; closed with a ball of 2 voxels; 6-connected components over 50 ml, the two largest, or one if the
//! lungs are joined. Airways stay. Left and right by centroid; joined lungs are split at the sagittal plane through
//! the body's centroid.

use super::body::{Body, axial, axis_order, body};
use super::closing::{close, close_times};
use super::components::{Border, Components, fill_slices};
use super::mask::Mask;
use crate::geometry::{Frame, Vec3, Volume};
use crate::units::Hu;
use rayon::prelude::*;
use std::borrow::Cow;

/// Lung is at most this dense unless told otherwise, HU.
pub const DEFAULT_THRESHOLD: Hu = Hu(-400.0);
/// Smaller pockets of air are bowel or airway, ml (spec 8).
pub const LEAST_COMPONENT_ML: f64 = 50.0;
/// A component of which at least this share lies on either side of the body's middle is both lungs joined: a single
/// lung reaches across the middle by a few percent.
const JOINED_SHARE: f64 = 0.2;

/// The definition in one line, but for the threshold.
pub const DEFINITION: &str = "HU <= T inside the body, filled per axial slice, closed with a ball of 2 voxels, \
    6-connected components over 50 ml, the two largest";

/// Labels of [`LungMask`].
pub const RIGHT: u8 = 1;
/// The patient's left lung.
pub const LEFT: u8 = 2;

/// The lungs of a volume.
#[derive(Clone, Debug, PartialEq)]
pub struct LungMask {
    /// `[z][y][x]` as the volume: 0 none, 1 the patient's right lung, 2 the left.
    pub labels: Vec<u8>,
    /// Volume of the right lung, ml.
    pub right_ml: f64,
    /// Volume of the left lung, ml.
    pub left_ml: f64,
    /// Volume of both, ml.
    pub total_ml: f64,
}

/// Finds the lungs at a threshold. A volume without lungs has an empty mask and 0 ml.
pub fn lung_mask(volume: &Volume, threshold: Hu) -> LungMask {
    lung_mask_in(volume, &body(volume), threshold)
}

/// The lungs with what juts into them: vessels at their roots, nodules on their walls. The lung mask closed with a ball of
/// so many times 2 voxels. 1 for each voxel, `[z][y][x]`.
pub fn lungs_with_contents(volume: &Volume, times: usize) -> Vec<u8> {
    let lungs = Mask::of(volume.frame().dims(), &lung_mask(volume, DEFAULT_THRESHOLD).labels, |label| label != 0);
    close_times(&lungs, times).to_bytes()
}

/// Finds the lungs inside a known body, which does not change with the threshold.
pub fn lung_mask_in(volume: &Volume, body: &Body, threshold: Hu) -> LungMask {
    let axial = axial(volume);
    let parts = match &axial {
        Cow::Borrowed(volume) => lung_parts(volume, body, threshold),
        Cow::Owned(turned) => {
            let bytes = axis_order(volume.frame()).values(body.mask.dims(), body.mask.to_bytes());
            let mask = Mask::of(turned.frame().dims(), &bytes, |b| b != 0);
            lung_parts(turned, &Body { mask, ..*body }, threshold)
        }
    };
    let labels = labels(&axial, &parts, body.centroid_mm);
    let voxels = |label: u8| labels.par_iter().filter(|&&l| l == label).count() as f64;
    let voxel_ml = volume.frame().voxel_ml();
    let (right_ml, left_ml) = (voxels(RIGHT) * voxel_ml, voxels(LEFT) * voxel_ml);
    let labels = match &axial {
        Cow::Borrowed(_) => labels,
        Cow::Owned(turned) => axis_order(volume.frame()).inverse().values(turned.frame().dims(), labels),
    };
    LungMask { labels, right_ml, left_ml, total_ml: right_ml + left_ml }
}

/// The lungs' components, largest first: none, one, or two.
fn lung_parts(volume: &Volume, body: &Body, threshold: Hu) -> Vec<Mask> {
    let frame = volume.frame();
    let mut air = Mask::of(frame.dims(), volume.hu(), |hu| f32::from(hu) <= threshold.0).and(&body.mask);
    fill_slices(&mut air, Border::Open);
    let components = Components::of(&close(&air));
    let large = |&c: &usize| components.sizes[c] as f64 * frame.voxel_ml() > LEAST_COMPONENT_ML;
    let mut parts: Vec<Mask> =
        components.by_size().into_iter().take(2).filter(large).map(|c| components.mask(c)).collect();
    if parts.first().is_some_and(|first| is_joined(first, frame, body.centroid_mm)) {
        parts.truncate(1);
    }
    parts
}

/// Whether a component reaches so far to both sides that it must be both lungs.
fn is_joined(mask: &Mask, frame: &Frame, body_centroid_mm: Vec3) -> bool {
    let all = mask.count() as f64;
    let left = left_of(mask, frame, body_centroid_mm[0]).count() as f64;
    left.min(all - left) >= JOINED_SHARE * all
}

/// The voxels of `mask` on the patient's left of the sagittal plane at `x_mm`.
fn left_of(mask: &Mask, frame: &Frame, x_mm: f64) -> Mask {
    let [nx, ny, nz] = frame.dims();
    let step = frame.axis_direction(0)[0] * frame.spacing_mm()[0];
    let mut half = Mask::empty(frame.dims());
    for (y, z) in (0..nz).flat_map(|z| (0..ny).map(move |y| (y, z))) {
        // Along a row x is linear in the voxel's number: the plane cuts it once.
        let start_mm = frame.world_from_voxel([0.0, y as f64, z as f64])[0];
        let cut = ((x_mm - start_mm) / step).clamp(-1.0, nx as f64);
        let (start, end) = if step > 0.0 { ((cut + 1.0).floor(), nx as f64) } else { (0.0, cut.ceil()) };
        if start < end {
            half.set_run(y, z, super::mask::Run { start: start as u32, end: end as u32 });
        }
    }
    half.and(mask)
}

/// A label for every voxel of the axial volume.
fn labels(volume: &Volume, parts: &[Mask], body_centroid_mm: Vec3) -> Vec<u8> {
    let frame = volume.frame();
    let x_of = |mask: &Mask| mask.centroid_voxel().map_or(f64::MAX, |voxel| frame.world_from_voxel(voxel)[0]);
    let (right, left) = match parts {
        [] => return vec![0; frame.len()],
        [a, b, ..] if x_of(a) < x_of(b) => (a.to_bytes(), b.to_bytes()),
        [a, b, ..] => (b.to_bytes(), a.to_bytes()),
        [one] if is_joined(one, frame, body_centroid_mm) => {
            (one.to_bytes(), left_of(one, frame, body_centroid_mm[0]).to_bytes())
        }
        [one] if x_of(one) < body_centroid_mm[0] => (one.to_bytes(), vec![0; frame.len()]),
        [one] => (vec![0; frame.len()], one.to_bytes()),
    };
    let label = |(&r, &l): (&u8, &u8)| if l != 0 { LEFT } else { r * RIGHT };
    right.par_iter().zip(&left).map(label).collect()
}
