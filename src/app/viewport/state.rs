//! How the person looks at a volume: cursor, window, zoom, mask, layout, camera. A plain value that is saved in
//! sessions and undone as a whole. Knows no pixel and no volume.

use super::compare_view::CompareView;
use crate::geometry::{Axis, Vec3};
use crate::gpu::{Interpolation, Window};
use serde::{Deserialize, Serialize};

/// The default window, [-500, 800] HU: the paper's for its figures.
pub const DEFAULT_WINDOW: Window = Window { centre_hu: 150.0, width_hu: 1300.0 };
/// Threshold of the lung mask (spec: literature uses -320 to -500).
pub const DEFAULT_THRESHOLD_HU: f64 = -400.0;
/// Errors of this size have their full colour at first, HU: soft tissue taken for lung is far beyond it.
const DEFAULT_FULL_HU: f64 = 300.0;
/// Fill of the mask at first.
const DEFAULT_OPACITY: f32 = 0.25;

/// A window by name, with its key.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WindowPreset {
    /// As shown.
    pub name: &'static str,
    /// The window.
    pub window: Window,
}

/// The windows of the keys 1 to 5.
pub const WINDOW_PRESETS: [WindowPreset; 5] = [
    WindowPreset { name: "Default", window: DEFAULT_WINDOW },
    WindowPreset { name: "Lung", window: Window { centre_hu: -600.0, width_hu: 1500.0 } },
    WindowPreset { name: "Mediastinum", window: Window { centre_hu: 50.0, width_hu: 350.0 } },
    WindowPreset { name: "Bone", window: Window { centre_hu: 400.0, width_hu: 1800.0 } },
    WindowPreset { name: "Soft tissue", window: Window { centre_hu: 40.0, width_hu: 400.0 } },
];

/// One of the four pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Pane {
    /// The plane across an axis.
    Plane(Axis),
    /// The 3D view.
    Volume,
}

impl Pane {
    /// In the order of the quad: axial, coronal, sagittal, 3D.
    pub const ALL: [Self; 4] = [Self::Plane(Axis::Z), Self::Plane(Axis::Y), Self::Plane(Axis::X), Self::Volume];

    /// The name on screen and for screen readers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plane(axis) => axis.plane_name(),
            Self::Volume => "3D",
        }
    }
}

/// Which panes are seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Layout {
    /// All four, 2 x 2.
    #[default]
    Quad,
    /// One alone.
    Single(Pane),
}

/// Zoom, pan and flips of one plane.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PlaneView {
    /// 1 shows all of the volume.
    pub zoom: f64,
    /// The picture's middle from the volume's, along the unflipped screen's right and down, mm.
    pub pan_mm: [f64; 2],
    /// Mirrored left to right, top to bottom.
    pub flip: [bool; 2],
}

impl Default for PlaneView {
    fn default() -> Self {
        Self { zoom: 1.0, pan_mm: [0.0; 2], flip: [false; 2] }
    }
}

/// Where the 3D view is seen from.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Camera {
    /// Turn about the body's axis; 0 is from the front, growing towards the patient's left side.
    pub azimuth_rad: f64,
    /// Above (positive) or below the horizon.
    pub elevation_rad: f64,
    /// 1 shows all of the volume.
    pub zoom: f64,
    /// The picture's middle from the volume's, along the screen's right and down, mm.
    pub pan_mm: [f64; 2],
}

impl Default for Camera {
    fn default() -> Self {
        Self { azimuth_rad: 0.0, elevation_rad: 0.0, zoom: 1.0, pan_mm: [0.0; 2] }
    }
}

/// The lung mask.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct MaskView {
    /// Whether it is seen.
    pub on: bool,
    /// Lung is at or below this inside the body.
    pub threshold_hu: f64,
    /// Of the fill; the outline is always solid.
    pub opacity: f32,
}

impl Default for MaskView {
    fn default() -> Self {
        Self { on: false, threshold_hu: DEFAULT_THRESHOLD_HU, opacity: DEFAULT_OPACITY }
    }
}

/// The expected errors over the planes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ErrorView {
    /// Whether they are seen.
    pub on: bool,
    /// HU at which their colour is full.
    pub full_hu: f64,
}

impl Default for ErrorView {
    fn default() -> Self {
        Self { on: false, full_hu: DEFAULT_FULL_HU }
    }
}

/// All of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ViewState {
    /// Where the crosshair stands, LPS mm; the three planes pass through it.
    pub cursor_mm: Vec3,
    /// Grey values of all four panes.
    pub window: Window,
    /// Dense is black.
    pub invert: bool,
    /// Between voxels.
    pub interpolation: Interpolation,
    /// Zoom and pan across x, y, z.
    pub planes: [PlaneView; 3],
    /// Whether the crosshair is drawn.
    pub crosshair_on: bool,
    /// The lung mask.
    pub mask: MaskView,
    /// Which panes are seen.
    pub layout: Layout,
    /// The 3D view.
    pub camera: Camera,
    /// The expected errors.
    pub errors: ErrorView,
    /// Whether what is borrowed from other patients is seen; it goes before the expected errors.
    pub borrowed_on: bool,
    /// How the volume is compared with its truth.
    pub compare: CompareView,
    /// The pane that keys act on.
    pub active: Pane,
    /// Whether slices play by themselves.
    #[serde(skip)]
    pub playing: bool,
}

impl Default for ViewState {
    fn default() -> Self {
        Self {
            cursor_mm: [0.0; 3],
            window: DEFAULT_WINDOW,
            invert: false,
            interpolation: Interpolation::Linear,
            planes: [PlaneView::default(); 3],
            crosshair_on: true,
            mask: MaskView::default(),
            layout: Layout::Quad,
            camera: Camera::default(),
            errors: ErrorView::default(),
            borrowed_on: false,
            compare: CompareView::default(),
            active: Pane::Plane(Axis::Z),
            playing: false,
        }
    }
}

impl ViewState {
    /// Zoom, pan and flips of the plane across `axis`.
    pub fn plane(&self, axis: Axis) -> &PlaneView {
        &self.planes[axis.index()]
    }

    /// The plane that keys act on; the axial one while the 3D view is active.
    pub fn active_axis(&self) -> Axis {
        match self.active {
            Pane::Plane(axis) => axis,
            Pane::Volume => Axis::Z,
        }
    }

    /// The name of the preset whose window is set, if one is.
    pub fn preset_name(&self) -> Option<&'static str> {
        WINDOW_PRESETS.iter().find(|p| p.window == self.window).map(|p| p.name)
    }
}
