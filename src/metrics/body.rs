//! The body in a CT: what is not air about the patient. Knows nothing of lungs, displays or networks.
//!
//! Definition (printed with every number that uses it): above -500 HU, the largest 6-connected component, holes
//! filled per axial slice, where the volume's faces between the body's outermost voxels count as body, so that a
//! chest wall cut by the scan does not let the lungs out.

use super::closing::close;
use super::components::{Border, Components, fill_slices};
use super::mask::Mask;
use crate::geometry::reorient::AxisOrder;
use crate::geometry::{Frame, Vec3, Volume, VolumeError};
use crate::units::Hu;
use std::borrow::Cow;

/// What is denser belongs to the patient (or the table he lies on), HU (spec 8).
pub const BODY_THRESHOLD: Hu = Hu(-500.0);

/// The definition in one line.
pub const DEFINITION: &str = "> -500 HU, largest 6-connected component, filled per axial slice, \
    the volume's faces between its outermost voxels counted as body";

/// The voxels of the body, on the grid of the volume it was found in.
#[derive(Clone, Debug, PartialEq)]
pub struct Body {
    /// The voxels, in the volume's own order.
    pub mask: Mask,
    /// Centre of gravity of these voxels, LPS mm; the volume's centre where there is no body.
    pub centroid_mm: Vec3,
}

/// Finds the body. A volume of air has an empty one.
pub fn body(volume: &Volume) -> Body {
    let axial = axial(volume);
    let mask = axial_body(&axial);
    let frame = axial.frame();
    let centroid_mm = mask.centroid_voxel().map_or(frame.centre_mm(), |voxel| frame.world_from_voxel(voxel));
    let mask = match axial {
        Cow::Borrowed(_) => mask,
        Cow::Owned(_) => {
            let bytes = axis_order(volume.frame()).inverse().values(mask.dims(), mask.to_bytes());
            Mask::of(volume.frame().dims(), &bytes, |b| b != 0)
        }
    };
    Body { mask, centroid_mm }
}

/// The body of a volume whose z planes are axial.
fn axial_body(volume: &Volume) -> Mask {
    let dims = volume.frame().dims();
    let dense = Mask::of(dims, volume.hu(), |hu| f32::from(hu) > BODY_THRESHOLD.0);
    let parts = Components::of(&dense);
    let mut mask = parts.by_size().first().map_or_else(|| Mask::empty(dims), |&largest| parts.mask(largest));
    fill_slices(&mut mask, Border::WallBetweenOutermost);
    mask
}

/// The patient without the table, in a volume whose axes lie along LPS: the trunk, filled per axial slice.
pub fn patient(volume: &Volume) -> Mask {
    let mut mask = trunk(volume);
    fill_slices(&mut mask, Border::WallBetweenOutermost);
    mask
}

/// The body without what is thinner than 14 mm: a table that touches the back would draw the middle backward by
/// half of its height. Closing the air over thin things opens the body.
pub(crate) fn trunk(volume: &Volume) -> Mask {
    let dims = volume.frame().dims();
    let air = close(&Mask::of(dims, volume.hu(), |hu| f32::from(hu) <= BODY_THRESHOLD.0));
    let thick = Mask::of(dims, &air.to_bytes(), |inside| inside == 0);
    let parts = Components::of(&thick);
    parts.by_size().first().map_or_else(|| Mask::empty(dims), |&largest| parts.mask(largest))
}

/// The volume with its voxel axes running to left, back and head, so that its z planes are axial.
/// Almost every volume is so already and is borrowed.
pub(crate) fn axial(volume: &Volume) -> Cow<'_, Volume> {
    let (frame, order) = (volume.frame(), axis_order(volume.frame()));
    if order.is_identity() {
        return Cow::Borrowed(volume);
    }
    let axial = order
        .frame(frame)
        .map_err(VolumeError::from)
        .and_then(|axial| Volume::new(axial, order.values(frame.dims(), volume.hu().to_vec())));
    // Reordering a valid grid gives a valid grid; the volume as it is would be the best answer otherwise.
    axial.map_or(Cow::Borrowed(volume), Cow::Owned)
}

/// The order of the stored axes that makes z planes axial.
pub(crate) fn axis_order(frame: &Frame) -> AxisOrder {
    AxisOrder::nearest_lps(frame.direction())
}
