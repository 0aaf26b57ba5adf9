//! What a reconstruction runs with, the one main button, and its progress.

use crate::app::command::{Command, Outbox};
use crate::app::pair;
use crate::app::setup::ModelEntry;
use crate::app::state::{Run, State};
use crate::app::theme::theme;
use crate::app::widgets;
use crate::geometry::Preset;
use crate::nn::{BuiltIn, DeviceChoice, ModelSource};
use egui::{Align, Label, Layout, RichText, Ui, vec2};

/// Geometry, model, device, Reconstruct or progress and Cancel.
pub fn show(ui: &mut Ui, state: &State, out: &mut Outbox) {
    let setup = &state.setup;
    let presets: Vec<String> = Preset::ALL.iter().map(|p| p.label().to_owned()).collect();
    let other = std::iter::once("Open a model folder".to_owned());
    let models: Vec<String> = setup.models.iter().map(|m| label(state, m)).chain(other).collect();
    let devices: Vec<String> = setup.devices.iter().map(|d| device_label(*d)).collect();
    ui.add_enabled_ui(state.run.is_none(), |ui| {
        widgets::row(ui, "Geometry", |ui| {
            let chosen = Preset::ALL.iter().position(|p| *p == setup.preset);
            if let Some(k) = widgets::choice(ui, "Geometry", &presets, chosen, ui.available_width()) {
                out.send(Command::SetPreset(Preset::ALL[k]));
            }
        });
        widgets::row(ui, "Model", |ui| {
            if let Some(k) = widgets::choice(ui, "Model", &models, Some(setup.model), ui.available_width()) {
                out.send(Command::SetModel(k));
            }
        });
        widgets::row(ui, "Device", |ui| {
            if let Some(k) = widgets::choice(ui, "Device", &devices, Some(setup.device), ui.available_width()) {
                out.send(Command::SetDevice(k));
            }
        });
    });
    ui.add_space(theme().space.tiny);
    match &state.run {
        Some(run) => progress(ui, run, out),
        None => start(ui, state, out),
    }
}

/// A model's name; beside the automatic choice what it comes to for the films that are there.
fn label(state: &State, model: &ModelEntry) -> String {
    if model.source != ModelSource::Automatic || state.pair().is_none() {
        return model.label.clone();
    }
    let chosen = if uncalibrated(state).is_some() { BuiltIn::Uncalibrated } else { BuiltIn::Calibrated };
    format!("{}: {}", model.label, chosen.name())
}

/// Why distances or tone of the films are unknown; `None` where they are known.
fn uncalibrated(state: &State) -> Option<String> {
    state.pair().and_then(|films| pair::uncalibrated(films.map(AsRef::as_ref), false))
}

/// What atlases do.
const ATLASES: &str = "CTs of other patients, bent to the films, lend bones and organs outside of the lungs. Only for films \
    of known distance and tone; what is borrowed is marked, and key G shows the networks alone.";

/// A device choice in words.
pub fn device_label(device: DeviceChoice) -> String {
    match device {
        DeviceChoice::Auto => "Automatic".into(),
        DeviceChoice::Cpu => "Processor (CPU)".into(),
        DeviceChoice::Cuda(n) => format!("GPU {n} (CUDA)"),
    }
}

/// The button, or why it cannot be pressed.
fn start(ui: &mut Ui, state: &State, out: &mut Outbox) {
    let t = theme();
    let obstacle = state.obstacle();
    let label = obstacle.clone().unwrap_or_else(|| "Reconstruct".into());
    if widgets::primary_button(ui, &label, obstacle.is_none()).clicked() {
        out.send(Command::Reconstruct);
    }
    let automatic = state.setup.models.get(state.setup.model).is_some_and(|m| m.source == ModelSource::Automatic);
    let unguided = uncalibrated(state).and_then(|why| match (automatic, state.setup.guide) {
        (true, true) => Some(format!("{}, no atlases: {why}", BuiltIn::Uncalibrated.name())),
        (true, false) => Some(format!("{}: {why}", BuiltIn::Uncalibrated.name())),
        (false, true) => Some(format!("No atlases: {why}")),
        (false, false) => None,
    });
    let hint = match (&obstacle, state.films_simulated(), unguided) {
        (Some(_), ..) => "Two films at about a right angle".to_owned(),
        (None, _, Some(why)) => why,
        (None, true, None) => "The films shown are simulated".to_owned(),
        (None, false, None) => "Check the letters first".to_owned(),
    };
    let size = vec2(ui.available_width(), t.size.control);
    ui.allocate_ui_with_layout(size, Layout::right_to_left(Align::Center), |ui| {
        let on = state.setup.guide;
        let switch = widgets::toggle(ui, on, "Atlases lend anatomy");
        if switch.on_hover_text(ATLASES).clicked() {
            out.send(Command::SetGuide(!on));
        }
        ui.label(RichText::new("Atlases").font(t.caption()).color(t.color.text_secondary)).on_hover_text(ATLASES);
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
            let text = RichText::new(&hint).font(t.caption()).color(t.color.text_faint);
            ui.add(Label::new(text).truncate()).on_hover_text(&hint);
        });
    });
}

/// The stage, the bar, and Cancel.
fn progress(ui: &mut Ui, run: &Run, out: &mut Outbox) {
    let t = theme();
    let size = vec2(ui.available_width(), t.size.control);
    ui.allocate_ui_with_layout(size, Layout::right_to_left(Align::Center), |ui| {
        ui.add_enabled_ui(!run.cancelling, |ui| {
            if widgets::quiet_button(ui, None, "Cancel", None).clicked() {
                out.send(Command::Cancel);
            }
        });
        let seconds = run.started.elapsed().as_secs_f32();
        ui.label(RichText::new(format!("{seconds:.1} s")).font(t.body()).color(t.color.text_secondary));
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
            let stage = if run.cancelling { "Cancelling" } else { run.stage.as_str() };
            ui.add(Label::new(RichText::new(stage).font(t.body()).color(t.color.text)).truncate());
        });
    });
    widgets::progress(ui, run.fraction);
    ui.ctx().request_repaint_after(std::time::Duration::from_millis(100));
}
