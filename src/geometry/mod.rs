//! Where things are: the patient frame (DICOM LPS, mm), voxel grids, the two views, analytic phantoms.
//! Knows no file format, no tensor and no pixel on a screen.
//!
//! +x to the patient's left, +y to the back, +z to the head.

pub mod frame;
pub mod phantom;
pub mod pose;
pub mod raster;
pub mod reorient;
pub mod resample;
mod taps;
pub mod view;
pub mod volume;

pub use frame::{Axis, CUBE_SIDE_VOXELS, CUBE_SPACING_MM, Frame, FrameError};
pub use pose::Pose;
pub use raster::Raster;
pub use view::{Beam, Detector, Preset, View, ViewError, ViewPair};
pub use volume::{Volume, VolumeError};

/// A point or vector in millimetres, (x, y, z) in LPS unless its name says another space.
pub type Vec3 = [f64; 3];

/// a + b.
pub(crate) fn add(a: Vec3, b: Vec3) -> Vec3 {
    [a[0] + b[0], a[1] + b[1], a[2] + b[2]]
}

/// a - b.
pub(crate) fn sub(a: Vec3, b: Vec3) -> Vec3 {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

/// k * a.
pub(crate) fn scale(a: Vec3, k: f64) -> Vec3 {
    [a[0] * k, a[1] * k, a[2] * k]
}

/// The scalar product.
pub(crate) fn dot(a: Vec3, b: Vec3) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

/// The Euclidean length.
pub(crate) fn norm(a: Vec3) -> f64 {
    dot(a, a).sqrt()
}
