//! The ground truth in the column: how to open it, what it is, and what was done with it.

use super::command::{CompareCommand, ComparePurpose};
use super::truth;
use crate::app::command::{Command, Outbox};
use crate::app::state::{Dialog, Purpose, State};
use crate::app::theme::theme;
use crate::app::widgets;
use egui::{Align, Label, Layout, RichText, Ui, vec2};
use egui_material_icons::icons::{ICON_CLOSE, ICON_DEPLOYED_CODE, ICON_DOWNLOAD, ICON_FOLDER_OPEN, ICON_KEYBOARD};

/// Facts shown at once; the others stand in the tooltip of the last one.
const SHOWN_FACTS: usize = 3;

/// The section.
pub fn show(ui: &mut Ui, state: &State, out: &mut Outbox) {
    widgets::section(ui, "GROUND TRUTH", |ui| {
        if let Some((name, progress)) = &state.compare.reading {
            return reading(ui, name, progress.fraction(), out);
        }
        match &state.compare.truth {
            Some(_) => there(ui, state, out),
            None => open(ui, out),
        }
    });
}

fn reading(ui: &mut Ui, name: &str, fraction: Option<f32>, out: &mut Outbox) {
    let t = theme();
    let size = vec2(ui.available_width(), t.size.control);
    ui.allocate_ui_with_layout(size, Layout::right_to_left(Align::Center), |ui| {
        if widgets::icon_button(ui, ICON_CLOSE, "Stop reading the ground truth", false).clicked() {
            out.send(Command::Compare(CompareCommand::CloseTruth));
        }
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
            let text = RichText::new(format!("Reading {name}")).font(t.body()).color(t.color.text_secondary);
            ui.add(Label::new(text).truncate());
        });
    });
    widgets::progress(ui, fraction);
    ui.ctx().request_repaint_after(std::time::Duration::from_millis(50));
}

/// The ways to a truth.
fn open(ui: &mut Ui, out: &mut Outbox) {
    let t = theme();
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = t.space.small;
        if widgets::quiet_button(ui, Some(ICON_FOLDER_OPEN), "Open the truth", None).clicked() {
            out.send(Command::Ask(Purpose::Compare(ComparePurpose::Truth)));
        }
        if widgets::icon_button(ui, ICON_DEPLOYED_CODE, "Open a DICOM folder as ground truth", false).clicked() {
            out.send(Command::Ask(Purpose::Compare(ComparePurpose::TruthSeries)));
        }
        if widgets::icon_button(ui, ICON_KEYBOARD, "Type the path of the ground truth", false).clicked() {
            out.send(Command::Show(Some(Dialog::Path(Purpose::Compare(ComparePurpose::Truth)))));
        }
    });
    // A row of its own: beside the others it would widen the column.
    let demo = widgets::quiet_button(ui, None, "Demo case's CT", None);
    if demo.on_hover_text("The CT from which the bundled films were simulated").clicked() {
        out.send(Command::Compare(CompareCommand::OpenBundledTruth));
    }
    super::hint(ui, "Any CT of the patient: NIfTI, NRRD, MetaImage or DICOM. Or drop it on this window.");
}

/// What it is and what was done with it.
fn there(ui: &mut Ui, state: &State, out: &mut Outbox) {
    let t = theme();
    let Some(current) = &state.compare.truth else { return };
    let size = vec2(ui.available_width(), t.size.control);
    ui.allocate_ui_with_layout(size, Layout::right_to_left(Align::Center), |ui| {
        ui.spacing_mut().item_spacing.x = t.space.tiny;
        if widgets::icon_button(ui, ICON_CLOSE, "Close the ground truth", false).clicked() {
            out.send(Command::Compare(CompareCommand::CloseTruth));
        }
        if widgets::icon_button(ui, ICON_FOLDER_OPEN, "Open another ground truth", false).clicked() {
            out.send(Command::Ask(Purpose::Compare(ComparePurpose::Truth)));
        }
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
            let name = crate::app::apply::file_name(&current.path);
            let text = RichText::new(name).font(t.strong()).color(t.color.text);
            ui.add(Label::new(text).truncate()).on_hover_text(current.path.display().to_string());
        });
    });
    let facts = truth::facts(state);
    let all: Vec<&str> = facts.iter().map(|f| f.1.as_str()).collect();
    for (k, (tone, text)) in facts.iter().take(SHOWN_FACTS).enumerate() {
        let more = facts.len().saturating_sub(SHOWN_FACTS);
        let more = if k + 1 == SHOWN_FACTS && more > 0 { format!("  +{more}") } else { String::new() };
        let ink = tone.map_or(t.color.text_faint, |tone| tone.colors().0);
        let text = RichText::new(format!("{text}{more}")).font(t.caption()).color(ink);
        ui.add(Label::new(text).wrap()).on_hover_text(all.join("\n"));
    }
}

/// Everything into a folder.
pub fn export(ui: &mut Ui, state: &State, out: &mut Outbox) {
    ui.add_enabled_ui(!state.compare.exporting, |ui| {
        let label = if state.compare.exporting { "Writing the comparison" } else { "Export all" };
        let button = widgets::quiet_button(ui, Some(ICON_DOWNLOAD), label, Some(ui.available_width()));
        let tip =
            "Numbers (CSV, JSON), difference and aligned truth (NIfTI), profile and histogram (CSV), pictures (PNG)";
        if button.on_hover_text(tip).clicked() {
            out.send(Command::Compare(CompareCommand::Export));
        }
    });
}
