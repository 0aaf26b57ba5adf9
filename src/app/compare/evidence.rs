//! What is measured, under the pictures: a part at a time, and the fold that gives the pictures all the room.

use super::command::CompareCommand;
use super::state::Evidence;
use super::{bands, films, histogram, numbers, profile};
use crate::app::command::{Command, Outbox};
use crate::app::state::State;
use crate::app::theme::theme;
use crate::app::widgets;
use egui::{Align, Frame, Grid, Label, Layout, Margin, RichText, Ui, vec2};
use egui_material_icons::icons::{ICON_KEYBOARD_ARROW_DOWN, ICON_KEYBOARD_ARROW_UP};

/// Width of a part's cell in the bar, points.
const CELL: f32 = 92.0;

/// The bar of parts, and the open one.
pub fn show(ui: &mut Ui, state: &State, out: &mut Outbox) {
    let t = theme();
    let margin = Margin::symmetric(t.space.medium as i8, t.space.small as i8);
    Frame::new().fill(t.color.window).inner_margin(margin).show(ui, |ui| {
        let size = vec2(ui.available_width(), t.size.control);
        ui.allocate_ui_with_layout(size, Layout::right_to_left(Align::Center), |ui| bar(ui, state, out));
        if state.compare.folded {
            return;
        }
        ui.add_space(t.space.small);
        // The films need no truth.
        if state.compare.truth.is_none() && state.compare.evidence != Evidence::Films {
            return super::hint(ui, "Numbers, profile, histogram and errors by tissue need a ground truth.");
        }
        match state.compare.evidence {
            Evidence::Numbers => numbers::show(ui, state),
            Evidence::Profile => profile::show(ui, state, out),
            Evidence::Histogram => histogram::show(ui, state),
            Evidence::Bands => bands::show(ui, state),
            Evidence::Films => films::show(ui, state),
        }
    });
}

/// The parts on the left, the fold on the right, and between them what the numbers are of.
fn bar(ui: &mut Ui, state: &State, out: &mut Outbox) {
    let t = theme();
    let folded = state.compare.folded;
    let (icon, word) = match folded {
        true => (ICON_KEYBOARD_ARROW_UP, "Show the numbers"),
        false => (ICON_KEYBOARD_ARROW_DOWN, "Fold the numbers away"),
    };
    if widgets::icon_button(ui, icon, word, false).clicked() {
        out.send(Command::Compare(CompareCommand::Fold(!folded)));
    }
    ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
        let cells = Evidence::ALL.map(Evidence::label);
        let chosen = Evidence::ALL.iter().position(|e| *e == state.compare.evidence && !folded);
        let size = vec2(CELL * cells.len() as f32, t.size.control);
        ui.allocate_ui_with_layout(size, Layout::left_to_right(Align::Center), |ui| {
            if let Some(k) = widgets::segmented(ui, &cells, chosen) {
                out.send(Command::Compare(CompareCommand::Show(Evidence::ALL[k])));
            }
        });
        ui.add_space(t.space.large);
        let of = state.compare.entry().map(|e| format!("{} against the ground truth", e.name)).unwrap_or_default();
        ui.add(Label::new(RichText::new(of).font(t.caption()).color(t.color.text_faint)).truncate());
    });
}

/// What stands where a value is being computed.
pub(super) fn computing(ui: &mut Ui) {
    let t = theme();
    ui.horizontal(|ui| {
        ui.add(egui::Spinner::new().size(t.text.body).color(t.color.accent));
        ui.label(RichText::new("computing").font(t.body()).color(t.color.text_faint));
    });
}

/// A table in the theme's rows.
pub(super) fn table(name: &str, columns: usize) -> Grid {
    let t = theme();
    let height = t.text.body + t.space.small + t.space.tiny;
    Grid::new(name).num_columns(columns).spacing(vec2(t.space.large, t.space.tiny)).min_row_height(height)
}

/// A table's cell of text, `width` points wide and aligned right, with what it means when pointed at.
pub(super) fn cell(ui: &mut Ui, width: f32, text: &str, head: bool, tip: &str) {
    let t = theme();
    let (font, ink) = if head { (t.caption(), t.color.text_faint) } else { (t.body(), t.color.text) };
    let size = vec2(width, ui.available_height().min(t.text.title + t.space.small));
    ui.allocate_ui_with_layout(size, Layout::right_to_left(Align::Center), |ui| {
        ui.set_min_width(width);
        let label = ui.add(Label::new(RichText::new(text).font(font).color(ink)).extend());
        if !tip.is_empty() {
            label.on_hover_text(tip);
        }
    });
}

/// A table's first cell.
pub(super) fn name(ui: &mut Ui, text: &str, tip: &str) {
    let t = theme();
    let label = ui.add(Label::new(RichText::new(text).font(t.body()).color(t.color.text_secondary)).extend());
    if !tip.is_empty() {
        label.on_hover_text(tip);
    }
}
