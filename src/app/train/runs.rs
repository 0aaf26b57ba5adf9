//! The column of runs: a new one, those in the runs folder, two of them picked for comparison. Knows no file.

use super::command::{TrainCommand, TrainPurpose};
use super::state::{Page, RunEntry, TrainState};
use crate::app::command::{Command, Outbox};
use crate::app::state::{Purpose, State};
use crate::app::theme::theme;
use crate::app::widgets;
use egui::{Align, Label, Layout, RichText, ScrollArea, Sense, Ui, UiBuilder, WidgetInfo, vec2};
use egui_material_icons::icons::{ICON_ADD, ICON_COMPARE_ARROWS, ICON_FOLDER_OPEN, ICON_REFRESH};

/// The column.
pub fn show(ui: &mut Ui, state: &State, out: &mut Outbox) {
    let t = theme();
    let train = &state.train;
    let width = ui.available_width();
    if widgets::quiet_button(ui, Some(ICON_ADD), "New run", Some(width)).clicked() {
        out.send(Command::Train(TrainCommand::Show(Page::Plan)));
    }
    ui.add_space(t.space.small);
    let size = vec2(width, t.size.control);
    ui.allocate_ui_with_layout(size, Layout::right_to_left(Align::Center), |ui| {
        if widgets::icon_button(ui, ICON_FOLDER_OPEN, "Open a run folder", false).clicked() {
            out.send(Command::Ask(Purpose::Train(TrainPurpose::OpenRun)));
        }
        if widgets::icon_button(ui, ICON_REFRESH, "Look for runs again", false).clicked() {
            out.send(Command::Train(TrainCommand::Refresh));
        }
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| widgets::caption(ui, "RUNS"));
    });
    let starting = train.active.as_ref().filter(|a| train.entry(&a.folder).is_none());
    if train.runs.is_empty() && starting.is_none() {
        let text = match train.listed {
            true => "No run yet. Choose a preset, check it, press Start.",
            false => "Looking for runs.",
        };
        super::fields::hint(ui, text);
        return;
    }
    ScrollArea::vertical().id_salt("runs").show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = t.space.small;
        if let Some(active) = starting {
            let name = crate::app::apply::file_name(&active.folder);
            let entry = RunEntry {
                folder: active.folder.clone(),
                name,
                stand: super::state::Stand::Lost,
                best_mae_hu: None,
                has_best: false,
                changed_secs: 0,
            };
            line(ui, train, &entry, out);
        }
        train.runs.iter().for_each(|entry| line(ui, train, entry, out));
    });
    if train.picked.len() == 1 {
        super::fields::hint(ui, "Pick a second run to compare it with.");
    }
}

/// One run: name, state, best error; press to look at it.
fn line(ui: &mut Ui, train: &TrainState, entry: &RunEntry, out: &mut Outbox) {
    let t = theme();
    let height = 2.0 * t.text.body + 4.0 * t.space.small;
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::click());
    let chosen = train.page == Page::Run && train.chosen.as_ref() == Some(&entry.folder);
    let enabled = ui.is_enabled();
    let name = format!("Run {}", entry.name);
    response.widget_info(|| WidgetInfo::selected(egui::Role::Button, enabled, chosen, &name));
    let fill = match (chosen, response.hovered()) {
        (true, _) => t.color.selection,
        (_, true) => t.color.control_hover,
        _ => t.color.card,
    };
    ui.painter().rect_filled(rect, t.small_corners(), fill);
    if response.has_focus() {
        let stroke = egui::Stroke::new(t.size.rule, t.color.accent);
        ui.painter().rect_stroke(rect, t.small_corners(), stroke, egui::StrokeKind::Inside);
    }
    if response.clicked() {
        out.send(Command::Train(TrainCommand::Choose(entry.folder.clone())));
    }
    let inside = rect.shrink2(vec2(t.space.medium, t.space.small));
    let mut ui = ui.new_child(UiBuilder::new().max_rect(inside).layout(Layout::right_to_left(Align::Center)));
    let picked = train.picked.contains(&entry.folder);
    let compare = format!("Compare {}", entry.name);
    if widgets::icon_button(&mut ui, ICON_COMPARE_ARROWS, &compare, picked).clicked() {
        out.send(Command::Train(TrainCommand::Pick(entry.folder.clone())));
    }
    ui.with_layout(Layout::top_down(Align::Min), |ui| {
        ui.spacing_mut().item_spacing.y = t.space.tiny;
        let (words, ink) = stand(train, entry);
        let error = live_best(train, entry).map_or(String::new(), |e| format!("{e:.1} HU"));
        let size = vec2(ui.available_width(), t.text.body + t.space.tiny);
        ui.allocate_ui_with_layout(size, Layout::right_to_left(Align::Center), |ui| {
            let text = RichText::new(error).font(t.caption()).color(t.color.text_secondary);
            ui.add(Label::new(text)).on_hover_text("Least validation error");
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                ui.add(Label::new(RichText::new(&entry.name).font(t.strong()).color(t.color.text)).truncate());
            });
        });
        ui.add(Label::new(RichText::new(&words).font(t.caption()).color(ink)).truncate()).on_hover_text(words);
    });
}

/// How far a run is, in words, and their colour.
fn stand(train: &TrainState, entry: &RunEntry) -> (String, egui::Color32) {
    let c = &theme().color;
    if let Some(active) = train.active.as_ref().filter(|a| a.folder == entry.folder) {
        return (format!("{}, {:.0} % of phase {}", active.words(), 100.0 * active.share, active.phase + 1), c.accent);
    }
    let ink = match &entry.stand {
        super::state::Stand::Finished => c.good,
        super::state::Stand::Elsewhere => c.notice,
        super::state::Stand::Stopped { .. } => c.warning,
        super::state::Stand::Lost | super::state::Stand::Damaged(_) => c.danger,
    };
    (entry.stand.words(), ink)
}

/// The best error as the curves know it, else as the list does.
fn live_best(train: &TrainState, entry: &RunEntry) -> Option<f64> {
    let live = train.view(&entry.folder).and_then(|v| v.history.best()).map(|b| b.mae_hu);
    live.or(entry.best_mae_hu)
}
