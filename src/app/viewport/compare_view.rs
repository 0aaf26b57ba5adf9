//! How a volume is compared with its truth: a plain value within the view, saved in sessions and undone with it.
//! Knows no pixel and no volume.

use crate::geometry::{Axis, Pose, Vec3, add};
use serde::{Deserialize, Serialize};

/// Ranges of the difference that can be set, HU.
pub const RANGES_HU: std::ops::RangeInclusive<f64> = 10.0..=2000.0;
/// Sides of a checkerboard's tiles that can be set, mm.
pub const TILES_MM: std::ops::RangeInclusive<f64> = 5.0..=150.0;
/// The truth is shifted by at most this much along an axis: beyond it no cube meets its scan, mm.
pub const MAX_SHIFT_MM: f64 = 2000.0;
/// The truth is turned by at most this much about an axis, radians.
pub const MAX_TURN_RAD: f64 = 0.5;
/// The range of the difference at first: lung against soft tissue is far beyond it, noise far below, HU.
const DEFAULT_RANGE_HU: f64 = 300.0;
/// The tiles at first, mm.
const DEFAULT_TILE_MM: f64 = 40.0;

/// What is put beside or into what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CompareMode {
    /// Reconstruction, truth and difference beside one another.
    #[default]
    SideBySide,
    /// One picture; a divider has the reconstruction on its left and the truth on its right.
    Swipe,
    /// Both in tiles that take turns.
    Checkerboard,
    /// Both through one another.
    Overlay,
}

impl CompareMode {
    /// All, in the order of menus.
    pub const ALL: [Self; 4] = [Self::SideBySide, Self::Swipe, Self::Checkerboard, Self::Overlay];
}

/// What the pictures stand for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CompareLayout {
    /// One plane, large.
    #[default]
    Plane,
    /// All three planes, a row each.
    Planes,
    /// One plane of every result, a column each.
    Results,
}

/// All of it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CompareView {
    /// What is put beside or into what.
    pub mode: CompareMode,
    /// What the pictures stand for.
    pub layout: CompareLayout,
    /// The plane across this axis, where it is one.
    pub axis: Axis,
    /// HU of the strongest colour of the difference.
    pub range_hu: f64,
    /// The truth's share in the overlay, 0 to 1.
    pub share: f64,
    /// The overlay in colours that add up to grey.
    pub fused: bool,
    /// Where the divider stands, in the picture's width, 0 to 1.
    pub divider: f64,
    /// Side of a checkerboard's tile, mm.
    pub tile_mm: f64,
    /// How the truth is moved.
    pub pose: Pose,
    /// The ends of the line profile, LPS mm; `None` before it was drawn.
    pub profile_mm: Option<[Vec3; 2]>,
}

impl Default for CompareView {
    fn default() -> Self {
        Self {
            mode: CompareMode::SideBySide,
            layout: CompareLayout::Plane,
            axis: Axis::Z,
            range_hu: DEFAULT_RANGE_HU,
            share: 0.5,
            fused: false,
            divider: 0.5,
            tile_mm: DEFAULT_TILE_MM,
            pose: Pose::default(),
            profile_mm: None,
        }
    }
}

impl CompareView {
    /// Within limits; `None` for what is no number.
    pub fn sane(self) -> Option<Self> {
        let profile = self.profile_mm.iter().flatten().flatten();
        let numbers = [self.range_hu, self.share, self.divider, self.tile_mm];
        let all = numbers.iter().chain(profile).all(|v| v.is_finite()) && self.pose.is_finite();
        all.then(|| Self {
            range_hu: self.range_hu.clamp(*RANGES_HU.start(), *RANGES_HU.end()),
            share: self.share.clamp(0.0, 1.0),
            divider: self.divider.clamp(0.0, 1.0),
            tile_mm: self.tile_mm.clamp(*TILES_MM.start(), *TILES_MM.end()),
            pose: Pose {
                shift_mm: self.pose.shift_mm.map(|v| v.clamp(-MAX_SHIFT_MM, MAX_SHIFT_MM)),
                turn_rad: self.pose.turn_rad.map(|v| v.clamp(-MAX_TURN_RAD, MAX_TURN_RAD)),
            },
            ..self
        })
    }

    /// The truth shifted further.
    #[must_use]
    pub fn shifted(self, by_mm: Vec3) -> Self {
        let shift_mm = add(self.pose.shift_mm, by_mm);
        Self { pose: Pose { shift_mm, ..self.pose }, ..self }
    }

    /// The next mode, in the order of menus.
    #[must_use]
    pub fn with_next_mode(self) -> Self {
        let place = CompareMode::ALL.iter().position(|m| *m == self.mode).unwrap_or(0);
        Self { mode: CompareMode::ALL[(place + 1) % CompareMode::ALL.len()], ..self }
    }

    /// The next plane: axial, coronal, sagittal, all three.
    #[must_use]
    pub fn with_next_plane(self) -> Self {
        let (layout, axis) = match (self.layout, self.axis) {
            (CompareLayout::Planes, _) => (CompareLayout::Plane, Axis::Z),
            (layout, Axis::Z) => (layout, Axis::Y),
            (layout, Axis::Y) => (layout, Axis::X),
            (CompareLayout::Results, Axis::X) => (CompareLayout::Results, Axis::Z),
            (_, Axis::X) => (CompareLayout::Planes, Axis::Z),
        };
        Self { layout, axis, ..self }
    }
}
