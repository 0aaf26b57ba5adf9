//! Expected errors over the pictures: the way to them, a switch, and the HU at which their colour is full. Shown where
//! they are known, or can be.

use crate::app::command::{Command, Outbox};
use crate::app::state::State;
use crate::app::theme::theme;
use crate::app::viewport::{ErrorView, Scene, ViewCommand};
use crate::app::widgets::{self, NumberForm};
use crate::evaluate::uncertainty::DEFINITION;
use egui::{Align, Layout, Ui, vec2};

/// HU of full colour that can be set.
const FULL_HU: std::ops::RangeInclusive<f64> = 20.0..=1000.0;

/// Whether the errors of the volume on screen are known, or can be.
pub fn is_offered(state: &State) -> bool {
    state.estimate.job.is_some() || state.scene.as_ref().is_some_and(Scene::has_errors)
}

/// The way to errors that are not known yet.
fn ask(ui: &mut Ui, state: &State, out: &mut Outbox) {
    let t = theme();
    let size = vec2(ui.available_width(), t.size.control);
    ui.allocate_ui_with_layout(size, Layout::right_to_left(Align::Center), |ui| {
        let (label, command) = match state.estimate.busy {
            true => ("Stop", Command::StopEstimate),
            false => ("Estimate", Command::EstimateErrors),
        };
        if widgets::quiet_button(ui, None, label, None).on_hover_text(DEFINITION).clicked() {
            out.send(command);
        }
        if state.estimate.busy {
            ui.add(egui::Spinner::new().size(t.text.body).color(t.color.accent));
        }
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| widgets::caption(ui, "EXPECTED ERROR"));
    });
}

/// The section.
pub fn show(ui: &mut Ui, state: &State, out: &mut Outbox) {
    if !state.scene.as_ref().is_some_and(Scene::has_errors) {
        return ask(ui, state, out);
    }
    let t = theme();
    let view = state.viewer.state.errors;
    let set = |out: &mut Outbox, view: ErrorView| out.send(Command::View(ViewCommand::SetErrors(view)));
    let size = vec2(ui.available_width(), t.size.control);
    ui.allocate_ui_with_layout(size, Layout::right_to_left(Align::Center), |ui| {
        let switch = widgets::toggle(ui, view.on, "Expected error over the pictures");
        if switch.on_hover_text(DEFINITION).clicked() {
            set(out, ErrorView { on: !view.on, ..view });
        }
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| widgets::caption(ui, "EXPECTED ERROR"));
    });
    ui.add_enabled_ui(view.on, |ui| {
        widgets::row(ui, "Full at", |ui| {
            let name = "Expected error of full colour, HU";
            let form = NumberForm { name, width: t.size.value, speed: 10.0, decimals: 0, suffix: "" };
            if let Some(full_hu) = widgets::slider(ui, view.full_hu, FULL_HU, form) {
                set(out, ErrorView { full_hu, ..view });
            }
        });
    });
}
