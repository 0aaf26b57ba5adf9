//! The workspace Reconstruct: films on the left, planes in the middle, view settings on the right.

pub mod errors;
mod films;
mod guidance;
mod job;
mod light_box;
mod picture;
mod planes;
mod view;

pub use job::device_label;
pub use planes::{caption, show as planes};
pub use view::scheme_choice;

use super::command::Outbox;
use super::state::State;
use super::theme::theme;
use super::widgets;
use egui::{Frame, Margin, Panel, Ui};

/// The column of films and the job under them.
pub fn left_column(ui: &mut Ui, state: &State, out: &mut Outbox) {
    let t = theme();
    let width = t.left_column(ui.ctx().content_rect().size());
    Panel::left("films").exact_size(width).resizable(false).frame(column_frame()).show(ui, |ui| {
        egui::ScrollArea::vertical().show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = t.space.small;
            films::show(ui, state, out);
            ui.add_space(t.space.small);
            widgets::card(ui, |ui| job::show(ui, state, out));
        });
    });
}

/// The column of view settings.
pub fn right_column(ui: &mut Ui, state: &State, out: &mut Outbox) {
    let t = theme();
    Panel::right("view").exact_size(t.size.right_column).resizable(false).frame(column_frame()).show(ui, |ui| {
        // All fits from 1280 x 800 on; a smaller window scrolls rather than cuts.
        egui::ScrollArea::vertical().show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = t.space.tiny;
            view::show(ui, state, out);
        });
    });
}

/// Padding and colour of a column.
fn column_frame() -> Frame {
    let t = theme();
    Frame::new().fill(t.color.panel).inner_margin(Margin::same(t.space.medium as i8))
}
