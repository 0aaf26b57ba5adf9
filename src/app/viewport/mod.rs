//! The four pictures of a volume: three linked planes and a 3D view, with all that hands can do on them.
//! Draws from a snapshot and answers with commands; knows no panel, no file and no worker.
//!
//! Once: [`install`] when the render state exists. Each frame: [`show`] with a [`Look`], then feed the commands to a
//! [`Viewer`]; keys come from [`Bindings::pressed`] and become commands by [`commands_for`].

pub mod bindings;
pub mod command;
mod compare;
mod compare_overlay;
pub mod compare_view;
pub mod geometry;
pub mod gesture;
mod hands;
pub mod history;
mod overlay;
mod paint;
pub mod plane;
mod rebind;
mod resources;
mod scene;
pub mod state;
pub mod style;
pub mod volume;

pub use bindings::{Action, Binding, Bindings, Gesture, HelpRow, Mods, Place, Scheme, Way};
pub use command::ViewCommand;
pub use compare::{ComparePane, Content, TruthLook, colours as compare_colours, show as show_compared};
pub use compare_view::{CompareLayout, CompareMode, CompareView};
pub use history::Viewer;
pub use overlay::hu_at;
pub use resources::{Pace, Resources, install};
pub use scene::Scene;
pub use state::{Camera, ErrorView, Layout, MaskView, Pane, PlaneView, ViewState, WINDOW_PRESETS, WindowPreset};
pub use style::Style;

use crate::geometry::Frame;
use egui::{Rect, Response, Stroke, StrokeKind, Ui, pos2};
use geometry::{Slices, nudge_mm};

/// Slices a second while playing.
const PLAY_PER_SECOND: f64 = 15.0;

/// Everything a frame of the four panes is drawn from.
#[derive(Clone, Copy)]
pub struct Look<'a> {
    /// The volume; `None` before one is loaded.
    pub scene: Option<&'a Scene>,
    /// How it is looked at.
    pub state: &'a ViewState,
    /// What hands do.
    pub bindings: &'a Bindings,
    /// Colours and sizes.
    pub style: &'a Style,
    /// What an empty pane says: what to do next.
    pub empty: &'a str,
}

/// Draws the layout into all the room there is and tells what the person wishes, in order.
pub fn show(ui: &mut Ui, look: &Look<'_>) -> Vec<ViewCommand> {
    let rect = on_pixels(ui, ui.available_rect_before_wrap());
    ui.advance_cursor_after_rect(rect);
    ui.painter().rect_filled(rect, 0.0, look.style.gap_colour);
    match look.state.layout {
        Layout::Single(pane) => show_pane(ui, rect, pane, look),
        Layout::Quad => {
            let cells = quarters(ui, rect, look.style.gap);
            let mut commands = Vec::new();
            for (pane, cell) in Pane::ALL.into_iter().zip(cells) {
                commands.extend(show_pane(ui, cell, pane, look));
            }
            commands
        }
    }
}

/// Draws one pane into `rect`.
pub fn show_pane(ui: &mut Ui, rect: Rect, pane: Pane, look: &Look<'_>) -> Vec<ViewCommand> {
    let rect = on_pixels(ui, rect);
    if !(rect.width() >= 1.0 && rect.height() >= 1.0) {
        return Vec::new();
    }
    let commands = match pane {
        Pane::Plane(axis) => plane::show(ui, rect, axis, look),
        Pane::Volume => volume::show(ui, rect, look),
    };
    if look.state.active == pane && look.state.layout == Layout::Quad && look.scene.is_some() {
        let stroke = Stroke::new(look.style.line, look.style.active);
        ui.painter().rect_stroke(rect, 0.0, stroke, StrokeKind::Inside);
    }
    commands
}

/// The commands of an action that a key asked for; `None` for what only the application can do (open, export,
/// save, help, full screen, cancel).
pub fn commands_for(action: Action, state: &ViewState, frame: Option<&Frame>) -> Option<Vec<ViewCommand>> {
    let axis = state.active_axis();
    let last = frame.map_or(0, |f| Slices::of(f, axis).count - 1);
    let command = match action {
        Action::Preset(n) => ViewCommand::SetWindow(WINDOW_PRESETS.get(n)?.window),
        Action::Reset => ViewCommand::Reset,
        Action::Invert => ViewCommand::Invert,
        Action::Mask => ViewCommand::ToggleMask,
        Action::ShowCrosshair => ViewCommand::ToggleCrosshair,
        Action::Fit => ViewCommand::Fit,
        Action::Play => ViewCommand::TogglePlay,
        Action::Step(slices) => ViewCommand::Step { axis, slices },
        Action::First => ViewCommand::GoToSlice { axis, index: 0 },
        Action::Last => ViewCommand::GoToSlice { axis, index: last },
        Action::Maximise => ViewCommand::Maximise(state.active),
        Action::Undo => ViewCommand::Undo,
        Action::Redo => ViewCommand::Redo,
        Action::NextMode => ViewCommand::SetCompare(state.compare.with_next_mode()),
        Action::NextPlane => ViewCommand::SetCompare(state.compare.with_next_plane()),
        Action::Nudge(steps) => ViewCommand::MoveTruth(nudge_mm(axis, state.plane(axis), steps)),
        _ => return None,
    };
    // Keys are steps of their own for undo.
    Some(vec![command, ViewCommand::EndGesture])
}

/// The command that plays on, if it is time; call it each frame with any clock that only grows. Begins anew at the end.
pub fn play(state: &ViewState, frame: &Frame, started: &mut Option<f64>, now_secs: f64) -> Option<ViewCommand> {
    if !state.playing {
        *started = None;
        return None;
    }
    let due = ((now_secs - *started.get_or_insert(now_secs)) * PLAY_PER_SECOND).floor();
    if due < 1.0 {
        return None;
    }
    *started = Some(now_secs);
    let axis = state.active_axis();
    let slices = Slices::of(frame, axis);
    // A frame that took long skips no more than a second's worth.
    let by = due.min(PLAY_PER_SECOND) as usize;
    Some(ViewCommand::GoToSlice { axis, index: (slices.index_of(state.cursor_mm) + by) % slices.count })
}

/// Four cells with a gap between them: the order of [`Pane::ALL`].
fn quarters(ui: &Ui, rect: Rect, gap: f32) -> [Rect; 4] {
    let middle = on_pixels(ui, Rect::from_min_max(rect.center(), rect.max)).min;
    let half = gap / 2.0;
    let cell = |x: [f32; 2], y: [f32; 2]| Rect::from_min_max(pos2(x[0], y[0]), pos2(x[1], y[1]));
    let (left, right) = ([rect.min.x, middle.x - half], [middle.x + half, rect.max.x]);
    let (upper, lower) = ([rect.min.y, middle.y - half], [middle.y + half, rect.max.y]);
    [cell(left, upper), cell(right, upper), cell(left, lower), cell(right, lower)]
}

/// Edges on whole pixels, so that pictures are not blurred and the shader's rectangle is egui's.
fn on_pixels(ui: &Ui, rect: Rect) -> Rect {
    let scale = ui.pixels_per_point();
    let snap = |v: f32| (v * scale).round() / scale;
    Rect::from_min_max(pos2(snap(rect.min.x), snap(rect.min.y)), pos2(snap(rect.max.x), snap(rect.max.y)))
}

/// Keys act on the pane under the pointer.
fn activation(response: &Response, pane: Pane, look: &Look<'_>) -> Vec<ViewCommand> {
    let wanted = response.hovered() && look.state.active != pane && look.scene.is_some();
    if wanted { vec![ViewCommand::Activate(pane)] } else { Vec::new() }
}

/// Says how far the card has got, asks for the next frame, and says what is odd about the picture.
fn progress(ui: &Ui, rect: Rect, look: &Look<'_>, scene: &Scene) {
    let painter = ui.painter_at(rect);
    if let Some(failure) = scene.failure() {
        overlay::notice(&painter, rect, look.style, failure);
    } else if let Some(notice) = scene.notice() {
        overlay::notice(&painter, rect, look.style, notice);
    }
    if scene.is_underway() {
        ui.ctx().request_repaint();
    }
    if scene.is_underway() && scene.progress() < 1.0 {
        let share = format!("Preparing {:.0} %", scene.progress() * 100.0);
        overlay::empty(&painter, rect, look.style, ("", look.style.text), &share);
    }
}
