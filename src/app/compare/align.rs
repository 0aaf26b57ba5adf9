//! Where the truth stands: shift and turn by hand, and the search for where both agree best.

use super::command::CompareCommand;
use crate::app::command::{Command, Outbox};
use crate::app::state::State;
use crate::app::theme::theme;
use crate::app::viewport::compare_view::{MAX_SHIFT_MM, MAX_TURN_RAD};
use crate::app::viewport::{CompareView, ViewCommand};
use crate::app::widgets::{self, NumberForm};
use crate::geometry::Pose;
use egui::{Align, Layout, Ui, vec2};
use egui_material_icons::icons::{ICON_ADD, ICON_FILTER_CENTER_FOCUS, ICON_REMOVE, ICON_RESTART_ALT};

/// A press of a nudge button, mm.
const NUDGE_MM: f64 = 1.0;
/// Directions of the patient: label, and the words for assistive tools.
const SHIFTS: [(&str, &str); 3] = [("To left", "to the left"), ("To back", "to the back"), ("To head", "to the head")];
/// Turns: what they are about.
const TURNS: [&str; 3] = ["Turn about x, degrees", "Turn about y, degrees", "Turn about z, degrees"];

/// The section.
pub fn show(ui: &mut Ui, state: &State, out: &mut Outbox) {
    let t = theme();
    let view = state.viewer.state.compare;
    let set = |out: &mut Outbox, pose: Pose| {
        out.send(Command::View(ViewCommand::SetCompare(CompareView { pose, ..view })));
    };
    widgets::section(ui, "ALIGNMENT OF THE TRUTH", |ui| {
        for k in 0..3 {
            shift_row(ui, k, view.pose, out);
        }
        widgets::row(ui, "Turn x y z", |ui| {
            ui.spacing_mut().item_spacing.x = t.space.small;
            let width = (ui.available_width() - 2.0 * t.space.small) / 3.0;
            for (k, name) in TURNS.into_iter().enumerate() {
                let most = MAX_TURN_RAD.to_degrees();
                let form = NumberForm { name, width, speed: 0.1, decimals: 1, suffix: "°" };
                if let Some(deg) = widgets::number(ui, view.pose.turn_rad[k].to_degrees(), -most..=most, form) {
                    let mut pose = view.pose;
                    pose.turn_rad[k] = deg.to_radians();
                    set(out, pose);
                }
            }
        });
        search(ui, state, out);
    });
}

/// One direction: less, the number, more.
fn shift_row(ui: &mut Ui, k: usize, pose: Pose, out: &mut Outbox) {
    let t = theme();
    let (label, words) = SHIFTS[k];
    let by = |out: &mut Outbox, mm: f64| {
        let mut by_mm = [0.0; 3];
        by_mm[k] = mm;
        out.send(Command::View(ViewCommand::MoveTruth(by_mm)));
    };
    widgets::row(ui, label, |ui| {
        ui.spacing_mut().item_spacing.x = t.space.small;
        if widgets::icon_button(ui, ICON_REMOVE, &format!("Shift the truth {words} by −1 mm"), false).clicked() {
            by(out, -NUDGE_MM);
        }
        let width = ui.available_width() - t.size.icon_button - t.space.small;
        let name = format!("Shift of the truth {words}, mm");
        let form = NumberForm { name: &name, width, speed: 0.2, decimals: 1, suffix: " mm" };
        if let Some(mm) = widgets::number(ui, pose.shift_mm[k], -MAX_SHIFT_MM..=MAX_SHIFT_MM, form) {
            by(out, mm - pose.shift_mm[k]);
        }
        if widgets::icon_button(ui, ICON_ADD, &format!("Shift the truth {words} by 1 mm"), false).clicked() {
            by(out, NUDGE_MM);
        }
    });
}

/// The search, what it found, and the way back.
fn search(ui: &mut Ui, state: &State, out: &mut Outbox) {
    let t = theme();
    if let Some(progress) = &state.compare.aligning {
        widgets::progress(ui, progress.fraction());
        if widgets::quiet_button(ui, None, "Cancel the alignment", Some(ui.available_width())).clicked() {
            out.send(Command::Compare(CompareCommand::CancelAlign));
        }
        ui.ctx().request_repaint_after(std::time::Duration::from_millis(100));
        return;
    }
    let size = vec2(ui.available_width(), t.size.control);
    ui.allocate_ui_with_layout(size, Layout::right_to_left(Align::Center), |ui| {
        ui.spacing_mut().item_spacing.x = t.space.small;
        ui.add_enabled_ui(!state.viewer.state.compare.pose.is_none(), |ui| {
            if widgets::icon_button(ui, ICON_RESTART_ALT, "Truth where its file puts it", false).clicked() {
                out.send(Command::Compare(CompareCommand::ResetPose));
            }
        });
        let width = ui.available_width();
        let button = widgets::quiet_button(ui, Some(ICON_FILTER_CENTER_FOCUS), "Align automatically", Some(width));
        let tip = "Finds shift and turn of greatest correlation, coarse to fine, in the background";
        if button.on_hover_text(tip).clicked() {
            out.send(Command::Compare(CompareCommand::Align));
        }
    });
    let pose = state.viewer.state.compare.pose;
    let found = state.compare.alignment.filter(|found| found.pose == pose);
    let text = found.map_or_else(
        || "Ctrl+Shift+drag on a picture, or Shift+arrows, shifts the truth.".to_owned(),
        |found| format!("Correlation {:.3} before, {:.3} now", found.correlation[0], found.correlation[1]),
    );
    super::hint(ui, &text.replace('-', "−"));
}
