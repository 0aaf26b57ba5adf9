//! Every change of the view as a value, and the one function that obeys it. Knows no widget.

use super::compare_view::CompareView;
use super::geometry::{Slices, ZOOM_RANGE, extent_along, screen_axes, snapped};
use super::state::{Camera, DEFAULT_WINDOW, ErrorView, Layout, MaskView, Pane, PlaneView, ViewState};
use crate::geometry::{Axis, Frame, Vec3, dot, sub};
use crate::gpu::{Interpolation, Window};
use std::f64::consts::{FRAC_PI_2, PI, TAU};

/// Narrowest and widest window, HU.
const WINDOW_WIDTHS_HU: std::ops::RangeInclusive<f64> = 1.0..=8000.0;
/// Lowest and highest centre, HU.
const WINDOW_CENTRES_HU: std::ops::RangeInclusive<f64> = -2000.0..=4000.0;

/// A wish about the view.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ViewCommand {
    /// Puts the crosshair on the voxel nearest to this point, LPS mm.
    MoveCursor(Vec3),
    /// Goes through slices in the order of reading; stops at the ends.
    Step {
        /// Across which axis.
        axis: Axis,
        /// How many; negative goes back.
        slices: i64,
    },
    /// Goes to a slice by its number in the order of reading, from 0; beyond the end means the last.
    GoToSlice {
        /// Across which axis.
        axis: Axis,
        /// Its number.
        index: usize,
    },
    /// Sets the window.
    SetWindow(Window),
    /// Zooms a plane so that a point stays where it is on screen.
    Zoom {
        /// Which plane.
        axis: Axis,
        /// Above 1 enlarges.
        factor: f64,
        /// The point, LPS mm.
        about_mm: Vec3,
    },
    /// Moves a plane's picture: its middle by this much along the unflipped screen's right and down, mm.
    Pan {
        /// Which plane.
        axis: Axis,
        /// How far.
        by_mm: [f64; 2],
    },
    /// Mirrors a plane left to right (`true`) or top to bottom.
    Flip {
        /// Which plane.
        axis: Axis,
        /// Left to right.
        horizontal: bool,
    },
    /// Shows all of the volume in every pane.
    Fit,
    /// Window, zoom, pan, flips, camera and cursor as at first.
    Reset,
    /// Exchanges black and white.
    Invert,
    /// What stands between voxels.
    SetInterpolation(Interpolation),
    /// Shows or hides the crosshair.
    ToggleCrosshair,
    /// Shows or hides the mask.
    ToggleMask,
    /// Sets all of the mask.
    SetMask(MaskView),
    /// Shows one pane alone, or all four again.
    Maximise(Pane),
    /// Sets the layout.
    SetLayout(Layout),
    /// Turns the camera: azimuth, elevation, radians.
    Orbit([f64; 2]),
    /// Zooms the 3D view.
    ZoomCamera(f64),
    /// Moves the 3D view's middle along the screen's right and down, mm.
    PanCamera([f64; 2]),
    /// Sets how expected errors are seen.
    SetErrors(ErrorView),
    /// Shows or hides what is borrowed from other patients.
    ToggleBorrowed,
    /// Sets all of the comparison.
    SetCompare(CompareView),
    /// Shifts the ground truth by this much, LPS mm.
    MoveTruth(Vec3),
    /// Makes a pane the one that keys act on.
    Activate(Pane),
    /// Starts or stops playing through the slices.
    TogglePlay,
    /// Takes back the last change.
    Undo,
    /// Does it again.
    Redo,
    /// A drag ended: what follows is another step for undo.
    EndGesture,
}

impl ViewState {
    /// Obeys a command. `frame` is the grid of the volume on screen; without one, what needs it is left alone.
    /// Undo and redo are [`super::history::Viewer`]'s.
    pub fn apply(&mut self, command: &ViewCommand, frame: Option<&Frame>) {
        match *command {
            ViewCommand::SetWindow(window) => self.window = sane_window(window).unwrap_or(self.window),
            ViewCommand::Invert => self.invert = !self.invert,
            ViewCommand::SetInterpolation(interpolation) => self.interpolation = interpolation,
            ViewCommand::ToggleCrosshair => self.crosshair_on = !self.crosshair_on,
            ViewCommand::ToggleMask => self.mask.on = !self.mask.on,
            ViewCommand::SetMask(mask) => self.mask = mask,
            ViewCommand::Flip { axis, horizontal } => {
                let flip = &mut self.planes[axis.index()].flip[usize::from(!horizontal)];
                *flip = !*flip;
            }
            ViewCommand::Maximise(pane) => {
                self.layout = if self.layout == Layout::Quad { Layout::Single(pane) } else { Layout::Quad };
                self.active = pane;
            }
            ViewCommand::SetLayout(layout) => self.layout = layout,
            ViewCommand::SetErrors(errors) if errors.full_hu.is_finite() => self.errors = errors,
            ViewCommand::SetErrors(_) => {}
            ViewCommand::ToggleBorrowed => self.borrowed_on = !self.borrowed_on,
            ViewCommand::SetCompare(compare) => self.compare = compare.sane().unwrap_or(self.compare),
            ViewCommand::MoveTruth(by_mm) => self.compare = self.compare.shifted(by_mm).sane().unwrap_or(self.compare),
            ViewCommand::Activate(pane) => self.active = pane,
            ViewCommand::TogglePlay => self.playing = !self.playing,
            ViewCommand::Orbit(by_rad) => self.camera = turned(self.camera, by_rad),
            ViewCommand::ZoomCamera(factor) => self.camera.zoom = zoomed(self.camera.zoom, factor),
            ViewCommand::Fit => self.fit(),
            ViewCommand::Reset => self.reset(frame),
            ViewCommand::Undo | ViewCommand::Redo | ViewCommand::EndGesture => {}
            ViewCommand::MoveCursor(_)
            | ViewCommand::Step { .. }
            | ViewCommand::GoToSlice { .. }
            | ViewCommand::Zoom { .. }
            | ViewCommand::Pan { .. }
            | ViewCommand::PanCamera(_) => {
                if let Some(frame) = frame {
                    self.apply_on(command, frame);
                }
            }
        }
    }

    /// Takes up a new volume: the crosshair into its middle. Window, zoom and mask stay.
    pub fn meet(&mut self, frame: &Frame) {
        self.cursor_mm = snapped(frame, frame.centre_mm());
    }

    /// Takes up a volume that stands where the last one stood, or a restored session: the crosshair stays, on the
    /// nearest voxel.
    pub fn settle(&mut self, frame: &Frame) {
        let point = if self.cursor_mm.iter().all(|v| v.is_finite()) { self.cursor_mm } else { frame.centre_mm() };
        self.cursor_mm = snapped(frame, point);
    }

    /// What needs a volume.
    fn apply_on(&mut self, command: &ViewCommand, frame: &Frame) {
        match *command {
            ViewCommand::MoveCursor(point) if point.iter().all(|v| v.is_finite()) => {
                self.cursor_mm = snapped(frame, point);
            }
            ViewCommand::Step { axis, slices } => {
                let here = Slices::of(frame, axis).index_of(self.cursor_mm) as i64;
                self.go_to_slice(frame, axis, here.saturating_add(slices).max(0) as usize);
            }
            ViewCommand::GoToSlice { axis, index } => self.go_to_slice(frame, axis, index),
            ViewCommand::Zoom { axis, factor, about_mm } => {
                let view = &mut self.planes[axis.index()];
                let zoom = zoomed(view.zoom, factor);
                let about = sub(about_mm, frame.centre_mm());
                let shrunk = view.zoom / zoom;
                let moved = |k: usize| {
                    let place = dot(about, screen_axes(axis)[k]);
                    place - (place - view.pan_mm[k]) * shrunk
                };
                view.pan_mm = within(frame, axis, [moved(0), moved(1)]);
                view.zoom = zoom;
            }
            ViewCommand::Pan { axis, by_mm } => {
                let view = &mut self.planes[axis.index()];
                view.pan_mm = within(frame, axis, [view.pan_mm[0] + by_mm[0], view.pan_mm[1] + by_mm[1]]);
            }
            ViewCommand::PanCamera(by_mm) => {
                let most = frame.extent_mm().iter().fold(0.0, |m: f64, v| m.max(*v)) / 2.0;
                let pan = &mut self.camera.pan_mm;
                *pan = std::array::from_fn(|k| finite(pan[k] + by_mm[k]).clamp(-most, most));
            }
            _ => {}
        }
    }

    /// Moves the cursor along the axis alone, so that the other two planes stay where they are.
    fn go_to_slice(&mut self, frame: &Frame, axis: Axis, index: usize) {
        let mut point = self.cursor_mm;
        point[axis.index()] = Slices::of(frame, axis).position_mm(index);
        // On a tilted grid the nearest centre may lie in the old slice: there the point itself is kept.
        self.cursor_mm = if frame.is_along_lps() { snapped(frame, point) } else { point };
    }

    fn fit(&mut self) {
        for view in &mut self.planes {
            *view = PlaneView { flip: view.flip, ..PlaneView::default() };
        }
        (self.camera.zoom, self.camera.pan_mm) = (1.0, [0.0; 2]);
    }

    fn reset(&mut self, frame: Option<&Frame>) {
        self.planes = [PlaneView::default(); 3];
        self.camera = Camera::default();
        (self.window, self.invert, self.interpolation) = (DEFAULT_WINDOW, false, Interpolation::Linear);
        if let Some(frame) = frame {
            self.cursor_mm = snapped(frame, frame.centre_mm());
        }
    }
}

/// 0 for what is no number.
fn finite(value: f64) -> f64 {
    if value.is_finite() { value } else { 0.0 }
}

fn zoomed(zoom: f64, factor: f64) -> f64 {
    let factor = if factor.is_finite() && factor > 0.0 { factor } else { 1.0 };
    (zoom * factor).clamp(*ZOOM_RANGE.start(), *ZOOM_RANGE.end())
}

/// A window within limits; `None` for what is no number.
fn sane_window(window: Window) -> Option<Window> {
    (window.centre_hu.is_finite() && window.width_hu.is_finite()).then(|| Window {
        centre_hu: window.centre_hu.clamp(*WINDOW_CENTRES_HU.start(), *WINDOW_CENTRES_HU.end()),
        width_hu: window.width_hu.clamp(*WINDOW_WIDTHS_HU.start(), *WINDOW_WIDTHS_HU.end()),
    })
}

/// Keeps the picture's middle inside of the volume, so that it cannot be lost.
fn within(frame: &Frame, axis: Axis, pan_mm: [f64; 2]) -> [f64; 2] {
    std::array::from_fn(|k| {
        let [low, high] = extent_along(frame, screen_axes(axis)[k]);
        let most = (high - low) / 2.0;
        finite(pan_mm[k]).clamp(-most, most)
    })
}

/// Azimuth wraps, elevation ends at the poles.
fn turned(camera: Camera, by_rad: [f64; 2]) -> Camera {
    let azimuth_rad = (camera.azimuth_rad + finite(by_rad[0]) + PI).rem_euclid(TAU) - PI;
    let elevation_rad = (camera.elevation_rad + finite(by_rad[1])).clamp(-FRAC_PI_2, FRAC_PI_2);
    Camera { azimuth_rad, elevation_rad, ..camera }
}
