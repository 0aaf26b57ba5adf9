//! The list of results: what is on screen in Reconstruct, what was kept, and every model on the same films.

use super::command::CompareCommand;
use super::state::{Entry, MAX_RESULTS};
use crate::app::command::{Command, Outbox};
use crate::app::state::State;
use crate::app::theme::theme;
use crate::app::widgets;
use egui::{Align, Align2, Layout, Sense, Ui, WidgetInfo, vec2};
use egui_material_icons::icons::{ICON_KEEP, ICON_PLAY_ARROW};

/// The section.
pub fn show(ui: &mut Ui, state: &State, out: &mut Outbox) {
    widgets::section(ui, "RESULTS", |ui| {
        if state.compare.results.is_empty() {
            super::hint(ui, "What is on screen in Reconstruct appears here.");
        }
        for entry in &state.compare.results {
            line(ui, state, entry, out);
        }
        models(ui, state, out);
    });
}

/// A result: press to compare it, the pin keeps it.
fn line(ui: &mut Ui, state: &State, entry: &Entry, out: &mut Outbox) {
    let t = theme();
    let size = vec2(ui.available_width(), t.size.control);
    ui.allocate_ui_with_layout(size, Layout::right_to_left(Align::Center), |ui| {
        ui.spacing_mut().item_spacing.x = t.space.small;
        let full = state.compare.results.iter().filter(|e| e.kept).count() >= MAX_RESULTS;
        let word = match (entry.kept, full) {
            (true, _) => format!("Let {} go", entry.name),
            (false, false) => format!("Keep {} for comparison", entry.name),
            (false, true) => format!("{MAX_RESULTS} results are kept already: let one go first"),
        };
        ui.add_enabled_ui(entry.kept || !full, |ui| {
            if widgets::icon_button(ui, ICON_KEEP, &word, entry.kept).clicked() {
                out.send(Command::Compare(CompareCommand::Keep(entry.id, !entry.kept)));
            }
        });
        if name(ui, entry, state.compare.chosen == entry.id) {
            out.send(Command::Compare(CompareCommand::Choose(entry.id)));
        }
    });
}

/// The name as a row that can be chosen.
fn name(ui: &mut Ui, entry: &Entry, chosen: bool) -> bool {
    let t = theme();
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), t.size.control), Sense::click());
    let enabled = ui.is_enabled();
    let label = format!("Compare {}", entry.name);
    response.widget_info(|| WidgetInfo::selected(egui::Role::Button, enabled, chosen, &label));
    let fill = match (chosen, response.hovered()) {
        (true, _) => t.color.selection,
        (false, true) => t.color.control_hover,
        (false, false) => t.color.card,
    };
    ui.painter().rect_filled(rect, t.small_corners(), fill);
    if response.has_focus() {
        ui.painter().rect_stroke(rect, t.small_corners(), t.outline(), egui::StrokeKind::Inside);
    }
    let ink = if chosen { t.color.accent_hover } else { t.color.text };
    let inner = rect.shrink2(vec2(t.space.medium, 0.0));
    let mut job = egui::text::LayoutJob::simple_singleline(entry.name.clone(), t.body(), ink);
    job.wrap.max_width = inner.width();
    job.wrap.max_rows = 1;
    let galley = ui.painter().layout_job(job);
    ui.painter().galley(Align2::LEFT_CENTER.anchor_size(inner.left_center(), galley.size()).min, galley, ink);
    response.on_hover_text(entry.case.title()).clicked()
}

/// Every model of the list on the same films, or how far that is.
fn models(ui: &mut Ui, state: &State, out: &mut Outbox) {
    let t = theme();
    let queue = &state.compare.queue;
    if let (Some(model), Some(run)) = (queue.running, &state.run) {
        let name = state.setup.models.get(model).map_or("", |m| m.label.as_str());
        let number = queue.of - queue.left.len();
        super::hint(ui, &format!("Model {number} of {}, {name}: {}", queue.of, run.stage));
        widgets::progress(ui, run.fraction);
        if widgets::quiet_button(ui, None, "Cancel the models", None).clicked() {
            out.send(Command::Cancel);
        }
        ui.ctx().request_repaint_after(std::time::Duration::from_millis(100));
        return;
    }
    let count = state.setup.each_model().len();
    let label = format!("Run all {count} models");
    let obstacle = state.obstacle().or_else(|| state.run.as_ref().map(|_| "A reconstruction is running".into()));
    ui.add_space(t.space.tiny);
    ui.add_enabled_ui(obstacle.is_none(), |ui| {
        let button = widgets::quiet_button(ui, Some(ICON_PLAY_ARROW), &label, Some(ui.available_width()));
        let tip = "One after another on the films in Reconstruct; each result is kept here as a column";
        let button = button.on_hover_text(tip).on_disabled_hover_text(obstacle.unwrap_or_default());
        if button.clicked() {
            out.send(Command::Compare(CompareCommand::RunAll));
        }
    });
}
