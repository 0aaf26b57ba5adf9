//! A voxel grid in the patient's space: dimensions, spacing, origin, direction. Knows no voxel values.

use super::{Vec3, add, dot, norm, scale, sub};
use thiserror::Error;

/// Side of the cube the networks work on, in voxels.
pub const CUBE_SIDE_VOXELS: usize = 128;
/// Spacing of the cube the networks work on, in mm.
pub const CUBE_SPACING_MM: f64 = 2.8;
/// Direction cosines may be this far from orthonormal; headers carry six digits.
const DIRECTION_TOLERANCE: f64 = 1e-3;
/// Spacings outside this range are typing errors or other units, not CT (mm).
const PLAUSIBLE_SPACING_MM: std::ops::RangeInclusive<f64> = 1e-3..=100.0;
/// Longest side of a grid that is accepted; guards against absurd headers.
const MAX_SIDE_VOXELS: usize = 8192;

/// Why a grid cannot be used.
#[derive(Debug, Error, Clone, PartialEq)]
pub enum FrameError {
    /// A side of 0 or absurdly many voxels.
    #[error("the grid has {0} x {1} x {2} voxels; each side must be 1 to {MAX_SIDE_VOXELS}")]
    Dims(usize, usize, usize),
    /// A spacing that is zero, not a number, or not a length of the human scale.
    #[error("voxel spacing {0} x {1} x {2} mm is not plausible (0.001 to 100 mm)")]
    Spacing(f64, f64, f64),
    /// An origin that is not a number.
    #[error("the grid's origin is not a finite position")]
    Origin,
    /// Axes that are zero, not a number, or not at right angles.
    #[error("the grid's axes are not at right angles (singular, sheared or damaged direction)")]
    Direction,
}

/// An anatomical axis of the patient frame, and the plane across it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum Axis {
    /// x, right to left; its planes are sagittal.
    X,
    /// y, front to back; its planes are coronal.
    Y,
    /// z, foot to head; its planes are axial.
    Z,
}

impl Axis {
    /// All three, in index order.
    pub const ALL: [Self; 3] = [Self::X, Self::Y, Self::Z];

    /// 0, 1, 2.
    pub fn index(self) -> usize {
        self as usize
    }

    /// The name of the planes across this axis.
    pub fn plane_name(self) -> &'static str {
        match self {
            Self::X => "Sagittal",
            Self::Y => "Coronal",
            Self::Z => "Axial",
        }
    }
}

/// Dimensions, spacing, origin and direction of a voxel grid in LPS mm.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Frame {
    dims: [usize; 3],
    spacing_mm: Vec3,
    origin_mm: Vec3,
    direction: [Vec3; 3],
}

impl Frame {
    /// A grid of `dims` (x, y, z) voxels; `origin_mm` is the centre of voxel (0, 0, 0);
    /// `direction[row][column]` as ITK has it: column k is the unit vector of voxel axis k in LPS.
    ///
    /// # Errors
    /// [`FrameError`] where any part is not finite, not plausible, or the axes are not at right angles.
    pub fn new(dims: [usize; 3], spacing_mm: Vec3, origin_mm: Vec3, direction: [Vec3; 3]) -> Result<Self, FrameError> {
        if dims.iter().any(|&n| n == 0 || n > MAX_SIDE_VOXELS) {
            return Err(FrameError::Dims(dims[0], dims[1], dims[2]));
        }
        if !spacing_mm.iter().all(|s| PLAUSIBLE_SPACING_MM.contains(s)) {
            return Err(FrameError::Spacing(spacing_mm[0], spacing_mm[1], spacing_mm[2]));
        }
        if !origin_mm.iter().all(|o| o.is_finite()) {
            return Err(FrameError::Origin);
        }
        let frame = Self { dims, spacing_mm, origin_mm, direction };
        for a in 0..3 {
            for b in 0..3 {
                let wanted = f64::from(u8::from(a == b));
                let product = dot(frame.axis_direction(a), frame.axis_direction(b));
                if !((product - wanted).abs() <= DIRECTION_TOLERANCE) {
                    return Err(FrameError::Direction);
                }
            }
        }
        Ok(frame)
    }

    /// A grid along LPS with its centre at `centre_mm`.
    ///
    /// # Errors
    /// As [`Frame::new`].
    pub fn centred(dims: [usize; 3], spacing_mm: Vec3, centre_mm: Vec3) -> Result<Self, FrameError> {
        let half = |k: usize| (dims[k] as f64 - 1.0) / 2.0 * spacing_mm[k];
        let origin = sub(centre_mm, [half(0), half(1), half(2)]);
        Self::new(dims, spacing_mm, origin, IDENTITY)
    }

    /// The cube of the networks, 128^3 voxels of 2.8 mm along LPS, centred on `centre_mm`.
    pub fn cube(centre_mm: Vec3) -> Self {
        Self::cube_of(CUBE_SIDE_VOXELS, centre_mm)
    }

    /// The same 358.4 mm cube with `side` voxels a side (64 while training coarsely).
    pub fn cube_of(side: usize, centre_mm: Vec3) -> Self {
        let spacing = CUBE_SPACING_MM * CUBE_SIDE_VOXELS as f64 / side as f64;
        let half = (side as f64 - 1.0) / 2.0 * spacing;
        Self { dims: [side; 3], spacing_mm: [spacing; 3], origin_mm: sub(centre_mm, [half; 3]), direction: IDENTITY }
    }

    /// Whether this is the networks' cube, wherever it stands.
    pub fn is_cube(&self) -> bool {
        self.dims == [CUBE_SIDE_VOXELS; 3]
            && self.direction == IDENTITY
            && self.spacing_mm.iter().all(|s| (s - CUBE_SPACING_MM).abs() < 1e-4)
    }

    /// Voxels along (x, y, z).
    pub fn dims(&self) -> [usize; 3] {
        self.dims
    }

    /// Spacing along (x, y, z) of the grid, mm.
    pub fn spacing_mm(&self) -> Vec3 {
        self.spacing_mm
    }

    /// Centre of voxel (0, 0, 0) in LPS, mm.
    pub fn origin_mm(&self) -> Vec3 {
        self.origin_mm
    }

    /// `[row][column]`, column k is the direction of voxel axis k.
    pub fn direction(&self) -> [Vec3; 3] {
        self.direction
    }

    /// The unit vector of voxel axis `k` in LPS.
    pub fn axis_direction(&self, k: usize) -> Vec3 {
        [self.direction[0][k], self.direction[1][k], self.direction[2][k]]
    }

    /// Whether voxel axes are LPS axes, up to rounding in a header.
    pub fn is_along_lps(&self) -> bool {
        (0..3).all(|k| self.direction[k][k] > 1.0 - 1e-6)
    }

    /// The number of voxels.
    pub fn len(&self) -> usize {
        self.dims.iter().product()
    }

    /// Never true: every side has at least one voxel.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// LPS mm of a voxel coordinate (fractional allowed).
    pub fn world_from_voxel(&self, voxel: Vec3) -> Vec3 {
        (0..3).fold(self.origin_mm, |p, k| add(p, scale(self.axis_direction(k), voxel[k] * self.spacing_mm[k])))
    }

    /// Voxel coordinate of a point in LPS mm. The direction is orthonormal, so its transpose inverts it.
    pub fn voxel_from_world(&self, world_mm: Vec3) -> Vec3 {
        let d = sub(world_mm, self.origin_mm);
        std::array::from_fn(|k| {
            let axis = self.axis_direction(k);
            dot(d, axis) / (self.spacing_mm[k] * norm(axis).powi(2))
        })
    }

    /// LPS mm of the grid's centre.
    pub fn centre_mm(&self) -> Vec3 {
        self.world_from_voxel(std::array::from_fn(|k| (self.dims[k] as f64 - 1.0) / 2.0))
    }

    /// Full side lengths in mm, voxels counted with their whole extent.
    pub fn extent_mm(&self) -> Vec3 {
        std::array::from_fn(|k| self.dims[k] as f64 * self.spacing_mm[k])
    }

    /// The same grid moved so that its centre stands at `centre_mm`.
    pub fn moved_to(&self, centre_mm: Vec3) -> Self {
        let shift = sub(centre_mm, self.centre_mm());
        Self { origin_mm: add(self.origin_mm, shift), ..self.clone() }
    }

    /// Volume of one voxel in millilitres.
    pub fn voxel_ml(&self) -> f64 {
        self.spacing_mm.iter().product::<f64>() / 1000.0
    }

    /// The letter of the patient direction that voxel axis `k` points to: L, R, P, A, H or F.
    pub fn axis_letter(&self, k: usize) -> char {
        direction_letter(self.axis_direction(k))
    }
}

/// Axes along LPS.
pub const IDENTITY: [Vec3; 3] = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];

/// The letter of the patient direction nearest to `direction` (DICOM PS3.3 C.7.6.1.1.1): L, R, P, A, H or F.
pub fn direction_letter(direction: Vec3) -> char {
    let k = (0..3).max_by(|&a, &b| direction[a].abs().total_cmp(&direction[b].abs())).unwrap_or(0);
    match (k, direction[k] >= 0.0) {
        (0, true) => 'L',
        (0, false) => 'R',
        (1, true) => 'P',
        (1, false) => 'A',
        (_, true) => 'H',
        (_, false) => 'F',
    }
}
