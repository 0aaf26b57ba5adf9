//! What is measured, under the pictures: a part at a time, and the fold that gives the pictures all the room.

use super::command::CompareCommand;
use super::state::Evidence;
use super::{bands, films, histogram, numbers, profile};
use crate::app::command::{Command, Outbox};
use crate::app::state::State;
use crate::app::theme::theme;
use crate::app::widgets;
use egui::{Align, Frame, Label, Layout, Margin, RichText, Ui, vec2};
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
