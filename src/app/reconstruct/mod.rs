//! The workspace Reconstruct: films on the left, planes in the middle, view settings on the right.

mod films;
mod job;

use super::command::Outbox;
use super::state::State;
use super::theme::theme;
use super::widgets;
use egui::{Frame, Margin, Panel, Ui};

/// The column of films and the job under them.
pub fn left_column(ui: &mut Ui, state: &State, out: &mut Outbox) {
    let t = theme();
    Panel::left("films").exact_size(t.size.left_column).resizable(false).frame(column_frame()).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = t.space.small;
        films::show(ui, state, out);
        ui.add_space(t.space.small);
        widgets::card(ui, |ui| job::show(ui, state, out));
    });
}

/// Padding and colour of a column.
fn column_frame() -> Frame {
    let t = theme();
    Frame::new().fill(t.color.panel).inner_margin(Margin::same(t.space.medium as i8))
}

/// The planes, or what to do where there is no volume.
pub fn planes(ui: &mut Ui, state: &State, _out: &mut Outbox) {
    let t = theme();
    egui::CentralPanel::default().frame(Frame::new().fill(t.color.image)).show(ui, |ui| {
        let text = match &state.case {
            Some(case) => case.title(),
            None => "Open two films, check their letters, and press Reconstruct".into(),
        };
        ui.painter().text(ui.max_rect().center(), egui::Align2::CENTER_CENTER, text, t.body(), t.color.text_faint);
    });
}
