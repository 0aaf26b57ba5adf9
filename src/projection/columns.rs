//! The geometry that the projector and its adjoint share, so that one is exactly the other's transpose.
//!
//! The gantry turns about z, so all rays of one detector column lie in one plane that holds the z direction.
//! Where such a column crosses the volume's k-th plane across its main axis, the transverse position and the
//! share of the way from source to detector are the same for every row, and z is linear in the row.

use crate::geometry::{Beam, Frame, View};

/// One detector column of a view over a grid, in voxel units.
pub(super) struct Column {
    /// The rays' main axis: 0 for x, 1 for y.
    pub main: usize,
    /// Transverse voxel coordinate at plane 0, and its step a plane.
    transverse: [f64; 2],
    /// Way from source to detector at plane 0, and its step a plane (1 and 0 for a parallel beam).
    way: [f64; 2],
    /// z in voxels is `z_at_centre + way * (row * z_row[1] + z_row[0])`.
    z_row: [f64; 2],
    z_at_centre: f64,
    /// Spacing across planes over the part of the ray's direction along the main axis, mm per mm.
    spacing_over_main: f64,
    /// Squared length of the ray's direction in the plane z = 0, mm^2.
    flat_length_sq: f64,
    /// Height of row 0 and step per row along the detector, mm (0 for parallel: rays do not climb).
    climb_mm: [f64; 2],
}

/// How one column crosses one plane.
#[derive(Clone, Copy)]
pub(super) struct Crossing {
    /// Index of the first of two neighbouring lines; -1 where only the second exists.
    pub line: isize,
    /// Weight of the second line.
    pub weight: f32,
    /// z in voxels of row 0, and its step a row.
    pub z: [f32; 2],
}

impl Column {
    pub fn new(view: &View, frame: &Frame, col: usize) -> Self {
        let [spacing_x, spacing_y, spacing_z] = frame.spacing_mm();
        let origin = frame.origin_mm();
        let row_at_axis = view.piercing_px()[1];
        let ray = view.ray(col as f64, row_at_axis);
        let (o, d) = (ray.origin_mm, ray.direction_mm);
        let main = usize::from(d[1].abs() >= d[0].abs());
        let across = 1 - main;
        let spacing = [spacing_x, spacing_y];
        // t is the way along the ray at plane 0 of the main axis, and its step a plane.
        let t = [(origin[main] - o[main]) / d[main], spacing[main] / d[main]];
        let to_voxel = |mm: f64| (mm - origin[across]) / spacing[across];
        let pitch_mm = view.detector.pitch_mm[1];
        let cone = matches!(view.beam, Beam::Cone { .. });
        let heights_mm = [row_at_axis * pitch_mm, -pitch_mm];
        Self {
            main,
            transverse: [to_voxel(o[across] + t[0] * d[across]), t[1] * d[across] / spacing[across]],
            way: if cone { t } else { [1.0, 0.0] },
            z_row: heights_mm.map(|mm| mm / spacing_z),
            z_at_centre: -origin[2] / spacing_z,
            spacing_over_main: spacing[main] / d[main].abs(),
            flat_length_sq: d[0] * d[0] + d[1] * d[1],
            climb_mm: if cone { heights_mm } else { [0.0; 2] },
        }
    }

    /// Where this column crosses plane `k` across its main axis.
    pub fn crossing(&self, k: usize) -> Crossing {
        let k = k as f64;
        let place = self.transverse[0] + self.transverse[1] * k;
        let below = place.floor();
        let way = self.way[0] + self.way[1] * k;
        Crossing {
            line: below as isize,
            weight: (place - below) as f32,
            z: [(self.z_at_centre + way * self.z_row[0]) as f32, (way * self.z_row[1]) as f32],
        }
    }

    /// Length of the ray to `row` between two planes, mm.
    pub fn step_length_mm(&self, row: usize) -> f32 {
        let climb = self.climb_mm[0] + self.climb_mm[1] * row as f64;
        (self.spacing_over_main * (self.flat_length_sq + climb * climb).sqrt()) as f32
    }
}

impl Crossing {
    /// The rows whose ray meets the volume in this plane: those with z in (-1, nz).
    pub fn rows(&self, nz: usize, rows: usize) -> std::ops::Range<usize> {
        let [z0, step] = self.z.map(f64::from);
        let at = |z: f64| (z - z0) / step;
        let (a, b) = (at(-1.0), at(nz as f64));
        let (low, high) = (a.min(b), a.max(b));
        // One row of margin on each side is left out: rounding must never reach beyond the padding.
        let first = (low + 1e-3).ceil().clamp(0.0, rows as f64) as usize;
        let last = ((high - 1e-3).floor() + 1.0).clamp(0.0, rows as f64) as usize;
        if first < last { first..last } else { 0..0 }
    }
}

/// Where a plane's lines lie in `[y][x][z]` data: the offset of line `i` of plane `k`, in lines.
pub(super) fn line_index(main: usize, dims: [usize; 3], k: usize, i: usize) -> usize {
    if main == 1 { k * dims[0] + i } else { i * dims[0] + k }
}
