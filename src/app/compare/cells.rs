//! The parts that all evidence under the pictures is written with: tables, their cells, numbers, and what stands where
//! one is still being computed. Knows no value.

use crate::app::theme::theme;
use egui::{Align, Grid, Label, Layout, RichText, Ui, vec2};

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

/// A number for a table; what is not defined is a dash.
pub(super) fn number_text(value: Option<f64>, digits: usize) -> String {
    match value {
        Some(v) if v.is_infinite() => "∞".into(),
        Some(v) => format!("{v:.digits$}").replace('-', "−"),
        None => "–".into(),
    }
}
