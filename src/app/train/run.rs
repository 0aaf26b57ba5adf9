//! The page of a run: its curves, or how to get some. Draws from the snapshot.

use super::charts::{self, Drawn};
use super::history::Quantity;
use super::schedule;
use super::state::RunView;
use crate::app::command::Outbox;
use crate::app::state::State;
use crate::app::theme::theme;
use crate::app::widgets;
use egui::{Align, Layout, Ui, vec2};

/// The loss chart's part of the height.
const LOSS_PART: f32 = 0.56;

/// The page.
pub fn show(ui: &mut Ui, state: &State, out: &mut Outbox) {
    let train = &state.train;
    let Some(folder) = &train.chosen else {
        super::empty(ui, "No run chosen", "Choose one on the left, or start a plan: its curves appear here.");
        return;
    };
    let Some(view) = train.view(folder) else {
        super::empty(ui, "Reading the run", "Its tables are being read.");
        return;
    };
    if let Some(fault) = &view.fault {
        super::empty(ui, "The run cannot be shown", fault);
        return;
    }
    let t = theme();
    let name = crate::app::apply::file_name(folder);
    charts::controls(ui, &name, &view.history, &train.chart, out);
    ui.add_space(t.space.tiny);
    let (width, height) = (ui.available_width(), ui.available_height());
    let gap = t.space.medium;
    let upper = ((height - gap) * LOSS_PART).floor();
    let lower = height - gap - upper;
    ui.spacing_mut().item_spacing = vec2(gap, gap);
    let drawn = [Drawn { history: &view.history, name: "", colour: None }];
    area(ui, vec2(width, upper), |ui, inner| {
        charts::head(ui, "LOSS, RAW AND SMOOTHED", &loss_text(view));
        let rest = inner - t.text.title - t.space.small;
        charts::losses(ui, "Loss chart", &drawn, &train.chart.shown, &train.chart, rest);
    });
    ui.horizontal_top(|ui| {
        let third = vec2((width - 2.0 * gap) / 3.0, lower);
        area(ui, third, |ui, inner| {
            charts::head(ui, "VALIDATION MAE", &best_text(view));
            charts::validation(ui, "Validation chart", &drawn, inner - t.text.title - t.space.small);
        });
        area(ui, third, |ui, inner| {
            let newest = view.history.last(Quantity::Gradient).map(charts::value_text);
            charts::head(ui, "GRADIENT NORM", &newest.unwrap_or_default());
            let rest = inner - t.text.title - t.space.small;
            charts::losses(ui, "Gradient chart", &drawn, &[Quantity::Gradient], &train.chart, rest);
        });
        area(ui, third, |ui, inner| {
            let active = train.active.as_ref().filter(|a| a.folder == *folder);
            let plan = active.and_then(|a| a.plan.as_ref()).or(view.plan.as_ref());
            match plan {
                Some(plan) => schedule::show(ui, plan, active.map(|a| a.epochs_done()), inner),
                None => charts::head(ui, "LEARNING RATE", ""),
            }
        });
    });
}

/// A card of a given size; the contents get the height inside.
pub fn area(ui: &mut Ui, size: egui::Vec2, contents: impl FnOnce(&mut Ui, f32)) {
    let t = theme();
    let padding = 2.0 * (t.space.medium + t.space.tiny) + 2.0 * t.size.rule;
    ui.allocate_ui_with_layout(size, Layout::top_down(Align::Min), |ui| {
        widgets::card(ui, |ui| {
            ui.spacing_mut().item_spacing.y = t.space.small;
            ui.set_height(size.y - padding);
            contents(ui, size.y - padding);
        });
    });
}

fn loss_text(view: &RunView) -> String {
    let steps = view.history.len();
    let newest = view.history.last(Quantity::Loss).map(charts::value_text);
    newest.map_or(String::new(), |loss| format!("{loss} after {steps} steps"))
}

fn best_text(view: &RunView) -> String {
    view.history.best().map_or(String::new(), |best| format!("best {:.1} HU", best.mae_hu))
}
