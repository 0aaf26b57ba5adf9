//! Planes of the patient on a rectangle of pixels: pixel <-> mm <-> voxel, slices, letters, the scale bar's length,
//! the camera of the 3D view. Pure arithmetic; knows no widget and no card.
//!
//! Planes stand across the patient's axes (LPS), whatever the volume's own direction is, in the radiological
//! convention: axial seen from the feet, coronal from the front, sagittal with the front on the left.

use super::state::{Camera, PlaneView};
use crate::geometry::{Axis, Frame, Vec3, add, dot, frame::direction_letter, norm, scale, sub};

/// A full turn of zoom in or out of the fitted picture.
pub const ZOOM_RANGE: std::ops::RangeInclusive<f64> = 0.25..=40.0;
/// The fitted picture leaves this share of the pane free, so that letters do not stand on skin.
const FIT_SHARE: f64 = 0.96;
/// A turning volume needs room for its diagonal; this much beyond its sides shows all of a chest.
const CAMERA_ROOM: f64 = 1.1;

/// Directions on screen of the plane across `axis`, not flipped: to the right and down, LPS unit vectors.
pub fn screen_axes(axis: Axis) -> [Vec3; 2] {
    match axis {
        Axis::X => [[0.0, 1.0, 0.0], [0.0, 0.0, -1.0]],
        Axis::Y => [[1.0, 0.0, 0.0], [0.0, 0.0, -1.0]],
        Axis::Z => [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]],
    }
}

/// The way of reading through the slices across `axis`, +1 or -1 along it: axial slices from head to feet, coronal
/// from front to back, sagittal from right to left.
pub fn reading_sign(axis: Axis) -> f64 {
    if axis == Axis::Z { -1.0 } else { 1.0 }
}

/// The least and the largest coordinate of the volume along a direction, whole voxels counted, mm.
pub fn extent_along(frame: &Frame, direction: Vec3) -> [f64; 2] {
    span_along(frame, direction, 0.5)
}

/// As [`extent_along`], `margin` voxels beyond the outermost centres.
fn span_along(frame: &Frame, direction: Vec3, margin: f64) -> [f64; 2] {
    let dims = frame.dims();
    (0..8usize).fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], corner| {
        let far = |k: usize| corner >> k & 1 == 1;
        let voxel = std::array::from_fn(|k| if far(k) { dims[k] as f64 - 1.0 + margin } else { -margin });
        let place = dot(frame.world_from_voxel(voxel), direction);
        [low.min(place), high.max(place)]
    })
}

/// The slices across one patient axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slices {
    /// Which axis.
    pub axis: Axis,
    /// How many.
    pub count: usize,
    /// Distance of neighbours, mm.
    pub step_mm: f64,
    /// Least coordinate of a slice along the axis, mm.
    pub first_mm: f64,
}

impl Slices {
    /// The slices of a volume: its own where its axes are the patient's, else as many at the same distance as fit.
    pub fn of(frame: &Frame, axis: Axis) -> Self {
        let unit = unit(axis);
        let along = |k: usize| dot(frame.axis_direction(k), unit).abs();
        let nearest = (0..3).max_by(|&a, &b| along(a).total_cmp(&along(b))).unwrap_or(axis.index());
        let step_mm = frame.spacing_mm()[nearest];
        let [low, high] = span_along(frame, unit, 0.0);
        let count = ((high - low) / step_mm).round().max(0.0) as usize + 1;
        Self { axis, count, step_mm, first_mm: low }
    }

    /// The number of the slice at `cursor_mm` in the order of reading, from 0.
    pub fn index_of(&self, cursor_mm: Vec3) -> usize {
        let along = ((cursor_mm[self.axis.index()] - self.first_mm) / self.step_mm).round();
        let along = (along.max(0.0) as usize).min(self.count - 1);
        if reading_sign(self.axis) < 0.0 { self.count - 1 - along } else { along }
    }

    /// The coordinate along the axis of slice `index` in the order of reading, mm.
    pub fn position_mm(&self, index: usize) -> f64 {
        let index = index.min(self.count - 1);
        let along = if reading_sign(self.axis) < 0.0 { self.count - 1 - index } else { index };
        self.first_mm + along as f64 * self.step_mm
    }
}

/// The unit vector along a patient axis.
pub fn unit(axis: Axis) -> Vec3 {
    let mut v = [0.0; 3];
    v[axis.index()] = 1.0;
    v
}

/// The centre of the voxel nearest to a point, inside of the volume. A crosshair that always stands on a centre
/// cannot drift, and every plane through it is a slice of the scan.
pub fn snapped(frame: &Frame, point_mm: Vec3) -> Vec3 {
    let voxel = frame.voxel_from_world(point_mm);
    let dims = frame.dims();
    frame.world_from_voxel(std::array::from_fn(|k| voxel[k].round().clamp(0.0, (dims[k] - 1) as f64)))
}

/// So many steps of 1 mm to the right and down on a plane's screen, LPS mm.
pub fn nudge_mm(axis: Axis, view: &PlaneView, [right, down]: [i64; 2]) -> Vec3 {
    let [u, v] = screen_axes(axis);
    let sign = |flipped: bool| if flipped { -1.0 } else { 1.0 };
    add(scale(u, right as f64 * sign(view.flip[0])), scale(v, down as f64 * sign(view.flip[1])))
}

/// One plane on a rectangle of pixels. Pixel coordinates are continuous: (0, 0) is the rectangle's corner.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlaneGeometry {
    /// Across which axis.
    pub axis: Axis,
    /// To the right on screen, LPS unit vector, flips applied.
    pub right: Vec3,
    /// Down on screen, LPS unit vector, flips applied.
    pub down: Vec3,
    /// What stands in the rectangle's middle, LPS mm.
    pub middle_mm: Vec3,
    /// The same in both directions: pixels are square in mm.
    pub mm_per_px: f64,
    /// Width and height.
    pub size_px: [f64; 2],
}

impl PlaneGeometry {
    /// The plane across `axis` through `cursor_mm`.
    pub fn new(frame: &Frame, axis: Axis, view: &PlaneView, cursor_mm: Vec3, size_px: [f64; 2]) -> Self {
        let size_px = size_px.map(|s| s.max(1.0));
        let [u, v] = screen_axes(axis);
        let side = |d: Vec3| {
            let [low, high] = extent_along(frame, d);
            high - low
        };
        let fitted = (side(u) / size_px[0]).max(side(v) / size_px[1]) / FIT_SHARE;
        let panned = add(add(frame.centre_mm(), scale(u, view.pan_mm[0])), scale(v, view.pan_mm[1]));
        let n = unit(axis);
        let sign = |flipped: bool| if flipped { -1.0 } else { 1.0 };
        Self {
            axis,
            right: scale(u, sign(view.flip[0])),
            down: scale(v, sign(view.flip[1])),
            middle_mm: add(panned, scale(n, dot(sub(cursor_mm, panned), n))),
            mm_per_px: fitted / view.zoom.clamp(*ZOOM_RANGE.start(), *ZOOM_RANGE.end()),
            size_px,
        }
    }

    /// The same plane on a screen of so many pixels a point.
    #[must_use]
    pub fn at_scale(&self, px_per_point: f64) -> Self {
        let size_px = self.size_px.map(|s| s * px_per_point);
        Self { mm_per_px: self.mm_per_px / px_per_point, size_px, ..*self }
    }

    /// The point under a pixel coordinate, LPS mm.
    pub fn world_from_px(&self, px: [f64; 2]) -> Vec3 {
        let [du, dv] = [0, 1].map(|k| (px[k] - self.size_px[k] / 2.0) * self.mm_per_px);
        add(self.middle_mm, add(scale(self.right, du), scale(self.down, dv)))
    }

    /// Where a point (or its foot on the plane) falls, px.
    pub fn px_from_world(&self, point_mm: Vec3) -> [f64; 2] {
        let d = sub(point_mm, self.middle_mm);
        let along = [dot(d, self.right), dot(d, self.down)];
        std::array::from_fn(|k| along[k] / self.mm_per_px + self.size_px[k] / 2.0)
    }

    /// Voxel coordinates: of the first pixel's centre, for a column, for a row.
    pub fn voxel_from_px(&self, frame: &Frame) -> [Vec3; 3] {
        let at = |px| frame.voxel_from_world(self.world_from_px(px));
        let origin = at([0.5, 0.5]);
        [origin, sub(at([1.5, 0.5]), origin), sub(at([0.5, 1.5]), origin)]
    }

    /// Letters of the patient directions at the left, right, top and bottom edge.
    pub fn edge_letters(&self) -> [char; 4] {
        edge_letters(self.right, self.down)
    }
}

/// Letters at the left, right, top and bottom edge of a picture with these directions on screen.
pub fn edge_letters(right: Vec3, down: Vec3) -> [char; 4] {
    [scale(right, -1.0), right, scale(down, -1.0), down].map(direction_letter)
}

/// A coordinate along an axis as people say it: "H 12.6 mm".
pub fn position_text(axis: Axis, coordinate_mm: f64) -> String {
    // Rounded first, so that -0.04 does not read as "F 0.0".
    let tenths = (coordinate_mm * 10.0).round() / 10.0;
    let letter = direction_letter(scale(unit(axis), if tenths < 0.0 { -1.0 } else { 1.0 }));
    format!("{letter} {:.1} mm", tenths.abs())
}

/// The longest of 1, 2, 5 x 10^n mm that is at most `most_px` long.
pub fn scale_bar_mm(mm_per_px: f64, most_px: f64) -> f64 {
    let most_mm = (mm_per_px * most_px).max(f64::MIN_POSITIVE);
    let decade = 10f64.powf(most_mm.log10().floor());
    [5.0, 2.0].into_iter().map(|m| m * decade).find(|mm| *mm <= most_mm).unwrap_or(decade)
}

/// The 3D view's rays: parallel, as the camera stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CameraGeometry {
    /// To the right on screen, LPS unit vector.
    pub right: Vec3,
    /// Down on screen, LPS unit vector.
    pub down: Vec3,
    /// Into the screen, LPS unit vector.
    pub forward: Vec3,
    /// What stands in the middle, LPS mm.
    pub middle_mm: Vec3,
    /// Size of a pixel.
    pub mm_per_px: f64,
    /// Width and height.
    pub size_px: [f64; 2],
}

impl CameraGeometry {
    /// The rays of `camera` on a pane.
    pub fn new(frame: &Frame, camera: &Camera, size_px: [f64; 2]) -> Self {
        let size_px = size_px.map(|s| s.max(1.0));
        let (sin_a, cos_a) = camera.azimuth_rad.sin_cos();
        let (sin_e, cos_e) = camera.elevation_rad.sin_cos();
        let right = [cos_a, sin_a, 0.0];
        let level = [-sin_a, cos_a, 0.0];
        let forward = add(scale(level, cos_e), [0.0, 0.0, -sin_e]);
        let down = add(scale(level, -sin_e), [0.0, 0.0, -cos_e]);
        let [x, y, z] = [Axis::X, Axis::Y, Axis::Z].map(|a| {
            let [low, high] = extent_along(frame, unit(a));
            high - low
        });
        let fitted = (x.max(y) * CAMERA_ROOM / size_px[0]).max(z * CAMERA_ROOM / size_px[1]);
        let panned = add(scale(right, camera.pan_mm[0]), scale(down, camera.pan_mm[1]));
        Self {
            right,
            down,
            forward,
            middle_mm: add(frame.centre_mm(), panned),
            mm_per_px: fitted / camera.zoom.clamp(*ZOOM_RANGE.start(), *ZOOM_RANGE.end()),
            size_px,
        }
    }

    /// Voxel coordinates for a picture of `size` pixels over the same area: of the first pixel's ray at t = 0, for a
    /// column, for a row, and for 1 mm along the ray.
    pub fn voxel_rays(&self, frame: &Frame, size: [u32; 2]) -> [Vec3; 4] {
        let px: [f64; 2] = std::array::from_fn(|k| self.size_px[k] / f64::from(size[k].max(1)));
        let at = |col: f64, row: f64, t_mm: f64| {
            let du = ((col + 0.5) * px[0] - self.size_px[0] / 2.0) * self.mm_per_px;
            let dv = ((row + 0.5) * px[1] - self.size_px[1] / 2.0) * self.mm_per_px;
            let on_screen = add(scale(self.right, du), scale(self.down, dv));
            frame.voxel_from_world(add(add(self.middle_mm, on_screen), scale(self.forward, t_mm)))
        };
        let origin = at(0.0, 0.0, 0.0);
        [origin, sub(at(1.0, 0.0, 0.0), origin), sub(at(0.0, 1.0, 0.0), origin), sub(at(0.0, 0.0, 1.0), origin)]
    }

    /// The longest way through the volume, mm.
    pub fn depth_mm(frame: &Frame) -> f64 {
        norm(frame.extent_mm())
    }
}
