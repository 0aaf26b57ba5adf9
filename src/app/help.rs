//! The dialogs that explain: keys and mouse (made from the table that handles them), and what this program is.

use super::command::{Command, Outbox};
use super::reconstruct::scheme_choice;
use super::state::{Dialog, State};
use super::theme::{medium, theme};
use super::viewport::{HelpRow, Place};
use super::widgets;
use egui::{Align, Label, Layout, RichText, Ui, vec2};

/// Whose data the bundled case is. CC BY 3.0 asks for this wherever it is shown.
pub const ATTRIBUTION: &str = "The bundled case is LIDC-IDRI-0001: Armato SG III et al., Data From LIDC-IDRI, The \
Cancer Imaging Archive, 2015, doi:10.7937/K9/TCIA.2015.LO9QL9SX, CC BY 3.0. Resampled to 2.8 mm; its films are \
simulated from that CT.";
/// How much of a line the gestures take.
const GESTURE_PART: f32 = 0.42;
/// What the networks follow.
const PAPER: &str = "After Dong, Xiang, Geng, Tian, Zhao: Semantic contrastive learning for orthogonal X-ray computed \
tomography reconstruction.";
/// Other people's work in the window.
const PARTS: &str = "Typeface Roboto and Material Symbols by Google, Apache-2.0. Built with egui and wgpu.";

/// The dialog that is open, if it is one of these.
pub fn show(ui: &mut Ui, state: &State, out: &mut Outbox) {
    match state.dialog {
        Some(Dialog::Help) => dialog(ui, "Keys and mouse", theme().size.help, out, |ui, out| bindings(ui, state, out)),
        Some(Dialog::About) => dialog(ui, "About biplane", theme().size.dialog, out, |ui, _| about(ui)),
        _ => {}
    }
}

/// A dialog with a title and a button to close it.
fn dialog(ui: &mut Ui, title: &str, width: f32, out: &mut Outbox, contents: impl FnOnce(&mut Ui, &mut Outbox)) {
    let t = theme();
    let (closed, asked) = widgets::modal(ui, title, width, |ui| {
        let size = vec2(ui.available_width(), t.size.primary);
        let closed = ui.allocate_ui_with_layout(size, Layout::right_to_left(Align::Center), |ui| {
            let closed = widgets::quiet_button(ui, None, "Close", None).clicked();
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                ui.label(RichText::new(title).font(medium(t.text.display)).color(t.color.text));
            });
            closed
        });
        ui.add_space(t.space.medium);
        contents(ui, out);
        closed.inner
    });
    if closed || asked {
        out.send(Command::Show(None));
    }
}

/// The mouse scheme, then every binding.
fn bindings(ui: &mut Ui, state: &State, out: &mut Outbox) {
    let t = theme();
    scheme_choice(ui, state.bindings.scheme(), out);
    ui.add_space(t.space.medium);
    let rows = state.bindings.help();
    let width = (t.size.help - t.space.huge) / 2.0;
    let (window, pictures): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row.place == Place::Window);
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = t.space.huge;
        for group in [
            vec![("ON A PLANE", of(&pictures, Place::Plane)), ("ON THE 3D VIEW", of(&pictures, Place::Volume))],
            vec![("EVERYWHERE", window)],
        ] {
            ui.allocate_ui_with_layout(vec2(width, 0.0), Layout::top_down(Align::Min), |ui| {
                ui.set_width(width);
                for (title, rows) in &group {
                    widgets::section(ui, title, |ui| rows.iter().for_each(|row| binding(ui, row)));
                }
            });
        }
    });
}

fn of(rows: &[HelpRow], place: Place) -> Vec<HelpRow> {
    rows.iter().filter(|row| row.place == place).cloned().collect()
}

/// One line: what hands do, what happens.
fn binding(ui: &mut Ui, row: &HelpRow) {
    let t = theme();
    let width = ui.available_width();
    let height = t.text.body + t.space.small + t.space.tiny;
    ui.allocate_ui_with_layout(vec2(width, height), Layout::left_to_right(Align::Center), |ui| {
        let left = width * GESTURE_PART;
        ui.allocate_ui_with_layout(vec2(left, height), Layout::left_to_right(Align::Center), |ui| {
            ui.set_min_width(left);
            ui.add(Label::new(RichText::new(&row.gestures).font(t.strong()).color(t.color.text)).truncate())
                .on_hover_text(&row.gestures);
        });
        let text = RichText::new(row.description).font(t.body()).color(t.color.text_secondary);
        ui.add(Label::new(text).truncate()).on_hover_text(row.description);
    });
}

fn about(ui: &mut Ui) {
    let t = theme();
    let version = env!("CARGO_PKG_VERSION");
    for (text, color) in [
        (format!("Version {version}, MIT or Apache-2.0. Two X-ray projections in, a CT on screen."), t.color.text),
        (format!("{}.", super::bars::RESEARCH_ONLY), t.color.warning),
        (PAPER.into(), t.color.text_secondary),
        (ATTRIBUTION.into(), t.color.text_secondary),
        (PARTS.into(), t.color.text_faint),
    ] {
        ui.add(Label::new(RichText::new(text).font(t.body()).color(color)).wrap());
        ui.add_space(t.space.small);
    }
}
