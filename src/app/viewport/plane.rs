//! The pane of one plane: picture, overlay, and the gestures on it turned into commands. It changes nothing itself.

use super::bindings::{Action, Place};
use super::command::ViewCommand;
use super::geometry::PlaneGeometry;
use super::hands::{self, Motion, ZOOM_PER_NOTCH};
use super::paint::{PlanePaint, Ticket};
use super::scene::Scene;
use super::state::Pane;
use super::{Look, overlay};
use crate::geometry::{Axis, dot, sub};
use crate::gpu::compare::PlaneVoxels;
use crate::gpu::{MaskPaint, OverlayParams, SliceParams, Window};
use egui::{Color32, Rect, Response, Sense, Ui, WidgetInfo};

/// Dragging over this many points changes the window's width by its own width.
const WINDOW_POINTS: f64 = 250.0;
/// Windows narrower than this (HU) are still dragged at this pace, or they would never widen.
const LEAST_PACE_HU: f64 = 100.0;
/// How much of the picture a full error hides: what is below stays to be seen.
pub(super) const ERROR_OPACITY: f64 = 0.75;
/// How much of the picture the colour of what is borrowed by half hides: bones must show through.
pub(super) const BORROWED_OPACITY: f64 = 0.4;
/// The share that stands for borrowed by half, which is the most there is.
const BORROWED_FULL: f64 = 127.5;
/// Dragging up over this many points enlarges e-fold.
const ZOOM_POINTS: f64 = 150.0;

/// Draws the plane across `axis` in `rect` and tells what the person wishes.
pub fn show(ui: &mut Ui, rect: Rect, axis: Axis, look: &Look<'_>) -> Vec<ViewCommand> {
    let response = ui.interact(rect, ui.scope_id().with(("plane", axis)), Sense::click_and_drag());
    let name = axis.plane_name();
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Image, true, name));
    let painter = ui.painter_at(rect);
    painter.rect_filled(rect, 0.0, look.style.background);
    let mut commands = super::activation(&response, Pane::Plane(axis), look);
    let gestures = hands::read(ui, &response, Place::Plane, look.bindings);
    let Some(scene) = look.scene else {
        overlay::empty(&painter, rect, look.style, (name, look.style.plane(axis)), look.empty);
        commands.extend(gestures.iter().filter(|(a, _)| *a == Action::Maximise).map(|_| maximise(axis)));
        return commands;
    };
    let size = [rect.width(), rect.height()].map(f64::from);
    let geometry = PlaneGeometry::new(scene.frame(), axis, look.state.plane(axis), look.state.cursor_mm, size);
    paint(ui, &response, look, scene, &geometry);
    super::progress(ui, rect, look, scene);
    overlay::plane(&painter, rect, look, scene, &geometry, response.hover_pos());
    for (action, motion) in gestures {
        commands.extend(obey(action, motion, rect, look, &geometry));
    }
    if response.drag_stopped() {
        commands.push(ViewCommand::EndGesture);
    }
    commands
}

fn maximise(axis: Axis) -> ViewCommand {
    ViewCommand::Maximise(Pane::Plane(axis))
}

/// Hands the picture to the card.
fn paint(ui: &Ui, pane: &Response, look: &Look<'_>, scene: &Scene, geometry: &PlaneGeometry) {
    let rect = pane.rect;
    let px_per_point = f64::from(ui.pixels_per_point());
    let in_px = geometry.at_scale(px_per_point);
    let paint = PlanePaint {
        scene: scene.clone(),
        ticket: Ticket { slot: pane.id.value(), frame: ui.ctx().cumulative_pass_nr() },
        params: slice_params(scene, look, &in_px, px_per_point as f32),
        over: overlay_over(scene, look, &in_px),
        corner_px: [rect.min.x, rect.min.y].map(|v| (v * px_per_point as f32).round()),
        size_px: in_px.size_px.map(|side| side.round() as u32),
    };
    ui.painter_at(rect).add(egui_wgpu::Callback::new_paint_callback(rect, paint));
}

/// A volume laid over a plane, and how.
pub(super) struct Over {
    /// The volume's number on the card.
    pub(super) id: u64,
    pub(super) params: OverlayParams,
}

/// What is laid over a plane of a scene, where it is known and to be seen: what is borrowed, else the expected errors.
pub(super) fn overlay_over(scene: &Scene, look: &Look<'_>, in_px: &PlaneGeometry) -> Option<Over> {
    let borrowed = scene.borrowed.as_ref().filter(|_| look.state.borrowed_on);
    let (overlay, full_hu, opacity, c) = match borrowed {
        Some(borrowed) => (borrowed, BORROWED_FULL, BORROWED_OPACITY, look.style.borrowed),
        None => {
            let errors = scene.errors.as_ref().filter(|_| look.state.errors.on)?;
            (errors, look.state.errors.full_hu, ERROR_OPACITY, look.style.errors)
        }
    };
    let [origin, per_column, per_row] = in_px.voxel_from_px(overlay.volume.frame());
    let colour = [c.r(), c.g(), c.b()].map(|v| f32::from(v) / 255.0);
    let params = OverlayParams { plane: PlaneVoxels { origin, per_column, per_row }, full_hu, opacity, colour };
    Some(Over { id: overlay.id, params })
}

fn slice_params(scene: &Scene, look: &Look<'_>, in_px: &PlaneGeometry, px_per_point: f32) -> SliceParams {
    let [origin_voxel, per_column, per_row] = in_px.voxel_from_px(scene.frame());
    let rgb = |c: Color32| [c.r(), c.g(), c.b()].map(|v| f32::from(v) / 255.0);
    let mask = MaskPaint {
        opacity: look.state.mask.opacity,
        outline_px: look.style.outline * px_per_point,
        right: rgb(look.style.right_lung),
        left: rgb(look.style.left_lung),
    };
    SliceParams {
        origin_voxel,
        per_column,
        per_row,
        window: look.state.window,
        invert: look.state.invert,
        interpolation: look.state.interpolation,
        mask: (look.state.mask.on && scene.mask.is_some()).then_some(mask),
    }
}

/// What a gesture means on this plane.
pub(super) fn obey(
    action: Action,
    motion: Motion,
    rect: Rect,
    look: &Look<'_>,
    geometry: &PlaneGeometry,
) -> Option<ViewCommand> {
    let axis = geometry.axis;
    let world = |at: egui::Pos2| {
        let d = at - rect.min;
        geometry.world_from_px([f64::from(d.x), f64::from(d.y)])
    };
    match (action, motion) {
        (Action::Crosshair, Motion::Drag { at, .. } | Motion::At(at)) => Some(ViewCommand::MoveCursor(world(at))),
        (Action::WindowLevel, Motion::Drag { by, .. }) => Some(window_by(look.state.window, by)),
        (Action::Zoom, Motion::Drag { by, from, .. }) => {
            let factor = (-f64::from(by.y) / ZOOM_POINTS).exp();
            Some(ViewCommand::Zoom { axis, factor, about_mm: world(from) })
        }
        (Action::Zoom, Motion::Wheel { exact, at, .. }) => {
            Some(ViewCommand::Zoom { axis, factor: ZOOM_PER_NOTCH.powf(exact), about_mm: world(at) })
        }
        (Action::Pan, Motion::Drag { by, at, .. }) => {
            let moved = sub(world(at - by), world(at));
            let by_mm = super::geometry::screen_axes(axis).map(|d| dot(moved, d));
            Some(ViewCommand::Pan { axis, by_mm })
        }
        // Towards the person is onwards, as on a page.
        (Action::ScrollSlices, Motion::Wheel { whole, .. }) if whole != 0 => {
            Some(ViewCommand::Step { axis, slices: -whole })
        }
        (Action::Maximise, _) => Some(maximise(axis)),
        _ => None,
    }
}

/// Across changes the width, down the centre, both by the window's own measure.
fn window_by(window: Window, by: egui::Vec2) -> ViewCommand {
    let pace = window.width_hu.max(LEAST_PACE_HU) / WINDOW_POINTS;
    ViewCommand::SetWindow(Window {
        centre_hu: window.centre_hu + f64::from(by.y) * pace,
        width_hu: window.width_hu + f64::from(by.x) * pace,
    })
}
