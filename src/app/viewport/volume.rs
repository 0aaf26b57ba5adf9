//! The pane of the 3D view: maximum intensity along parallel rays, turned by dragging. It changes nothing itself.

use super::bindings::{Action, Place};
use super::command::ViewCommand;
use super::geometry::{CameraGeometry, edge_letters};
use super::hands::{self, Motion, ZOOM_PER_NOTCH};
use super::paint::{Ticket, VolumePaint};
use super::scene::Scene;
use super::state::{Camera, Pane, ViewState};
use super::{Look, overlay};
use crate::gpu::raymarch::ShowParams;
use crate::gpu::slice::{Place as Corner, Window};
use egui::{Rect, Response, Sense, Ui, WidgetInfo};

/// The window of the 3D view, [-100, 900] HU: soft tissue faint, bone bright. In the windows of the planes, lung above
/// all, every ray through a body meets something white.
pub const WINDOW: Window = Window { centre_hu: 400.0, width_hu: 1000.0 };
/// Dragging over this many points turns by a radian.
const TURN_POINTS: f64 = 120.0;
/// Dragging up over this many points enlarges e-fold.
const ZOOM_POINTS: f64 = 150.0;

/// Draws the 3D view in `rect` and tells what the person wishes.
pub fn show(ui: &mut Ui, rect: Rect, look: &Look<'_>) -> Vec<ViewCommand> {
    let response = ui.interact(rect, ui.scope_id().with("volume"), Sense::click_and_drag());
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Image, true, Pane::Volume.name()));
    let painter = ui.painter_at(rect);
    painter.rect_filled(rect, 0.0, look.style.background);
    let mut commands = super::activation(&response, Pane::Volume, look);
    let gestures = hands::read(ui, &response, Place::Volume, look.bindings);
    let Some(scene) = look.scene else {
        overlay::empty(&painter, rect, look.style, (Pane::Volume.name(), look.style.text), look.empty);
        let maximised = gestures.iter().filter(|(a, _)| *a == Action::Maximise);
        commands.extend(maximised.map(|_| ViewCommand::Maximise(Pane::Volume)));
        return commands;
    };
    let size = [rect.width(), rect.height()].map(f64::from);
    let geometry = CameraGeometry::new(scene.frame(), &look.state.camera, size);
    paint(ui, &response, look, scene, &geometry);
    super::progress(ui, rect, look, scene);
    overlay::volume(&painter, rect, look, edge_letters(geometry.right, geometry.down), &WINDOW);
    for (action, motion) in gestures {
        commands.extend(obey(action, motion, &geometry));
    }
    if response.drag_stopped() {
        commands.push(ViewCommand::EndGesture);
    }
    commands
}

fn paint(ui: &Ui, pane: &Response, look: &Look<'_>, scene: &Scene, geometry: &CameraGeometry) {
    let rect = pane.rect;
    let px_per_point = ui.pixels_per_point();
    let camera = CameraGeometry {
        mm_per_px: geometry.mm_per_px / f64::from(px_per_point),
        size_px: geometry.size_px.map(|s| s * f64::from(px_per_point)),
        ..*geometry
    };
    let show = ShowParams {
        window: WINDOW,
        invert: look.state.invert,
        size_px: camera.size_px.map(|s| s as f32),
        place: Corner { corner_px: [rect.min.x, rect.min.y].map(|v| (v * px_per_point).round()), ..Corner::default() },
    };
    let ticket = Ticket { slot: pane.id.value(), frame: ui.ctx().cumulative_pass_nr() };
    let paint = VolumePaint { scene: scene.clone(), ticket, camera, show, draft: is_moving(ui, pane, look.state) };
    ui.painter_at(rect).add(egui_wgpu::Callback::new_paint_callback(rect, paint));
}

/// Whether the camera moves, by a drag or since the last frame; then a coarse picture must do, and a fine one follows.
fn is_moving(ui: &Ui, pane: &Response, state: &ViewState) -> bool {
    let before = ui.data_mut(|d| {
        let before = d.get_temp::<Camera>(pane.id);
        d.insert_temp(pane.id, state.camera);
        before
    });
    let moved = before.is_some_and(|b| b != state.camera);
    if moved {
        ui.ctx().request_repaint();
    }
    moved || pane.dragged()
}

/// What a gesture means on the 3D view.
fn obey(action: Action, motion: Motion, geometry: &CameraGeometry) -> Option<ViewCommand> {
    match (action, motion) {
        // The near side follows the hand.
        (Action::Orbit, Motion::Drag { by, .. }) => {
            Some(ViewCommand::Orbit([-f64::from(by.x) / TURN_POINTS, f64::from(by.y) / TURN_POINTS]))
        }
        (Action::Zoom, Motion::Drag { by, .. }) => {
            Some(ViewCommand::ZoomCamera((-f64::from(by.y) / ZOOM_POINTS).exp()))
        }
        (Action::Zoom, Motion::Wheel { exact, .. }) => Some(ViewCommand::ZoomCamera(ZOOM_PER_NOTCH.powf(exact))),
        (Action::Pan, Motion::Drag { by, .. }) => {
            Some(ViewCommand::PanCamera([by.x, by.y].map(|v| -f64::from(v) * geometry.mm_per_px)))
        }
        (Action::Maximise, _) => Some(ViewCommand::Maximise(Pane::Volume)),
        _ => None,
    }
}
