//! The column beside a run: what it does, its buttons, what the machine has left. Draws from the snapshot.

use super::active::{Active, Doing, Wish};
use super::command::TrainCommand;
use super::fields::{self, duration, gib};
use super::launch::sentence;
use super::state::{ModelChoice, RunEntry, Stand, TrainState};
use super::{fields::rate_text, previews};
use crate::app::command::{Command, Outbox};
use crate::app::state::State;
use crate::app::theme::theme;
use crate::app::widgets::{self, Tone};
use crate::train::plan::Stage;
use egui::{Align, Label, Layout, RichText, Ui, vec2};
use egui_material_icons::icons::{ICON_FOLDER_OPEN, ICON_PAUSE, ICON_PLAY_ARROW, ICON_SAVE, ICON_STOP};
use std::path::Path;

/// The column, `height` points of which are in sight.
pub fn show(ui: &mut Ui, state: &State, out: &mut Outbox, height: f32) {
    let t = theme();
    let top = ui.cursor().top();
    let train = &state.train;
    let chosen = train.chosen.as_deref();
    let active = train.active.as_ref();
    // The run that trains is always in sight, whichever one is looked at.
    if let Some(active) = active {
        widgets::card(ui, |ui| running(ui, train, active, out));
        ui.add_space(t.space.small);
    }
    if let Some(folder) = chosen.filter(|f| !train.is_active(f)) {
        widgets::card(ui, |ui| resting(ui, train, folder, out));
        ui.add_space(t.space.small);
    }
    if active.is_some() {
        widgets::card(ui, |ui| resources(ui, train));
        ui.add_space(t.space.small);
    }
    if let Some(view) = chosen.and_then(|folder| train.view(folder)) {
        let rest = height - (ui.cursor().top() - top) - 2.0 * t.space.large;
        widgets::card(ui, |ui| previews::show(ui, view, rest, out));
    }
}

/// A run's name with a word on the right.
fn title(ui: &mut Ui, name: &str, word: &str, ink: egui::Color32) {
    let t = theme();
    let size = vec2(ui.available_width(), t.size.control);
    ui.allocate_ui_with_layout(size, Layout::right_to_left(Align::Center), |ui| {
        ui.add(Label::new(RichText::new(word).font(t.strong()).color(ink)));
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
            ui.add(Label::new(RichText::new(name).font(t.title()).color(t.color.text)).truncate());
        });
    });
}

/// The run that trains.
fn running(ui: &mut Ui, train: &TrainState, active: &Active, out: &mut Outbox) {
    let t = theme();
    ui.spacing_mut().item_spacing.y = t.space.tiny;
    let name = crate::app::apply::file_name(&active.folder);
    let ink = if active.wish == Wish::GoOn { t.color.accent } else { t.color.warning };
    title(ui, &name, active.words(), ink);
    let started = active.doing != Doing::Opening && active.kind.is_some();
    widgets::progress(ui, started.then_some(active.share as f32));
    ui.add_space(t.space.tiny);
    facts(ui, train, active);
    ui.add_space(t.space.small);
    buttons(ui, active, out);
    if active.has_best {
        ui.add_space(t.space.tiny);
        let width = ui.available_width();
        if widgets::quiet_button(ui, None, "Use this model", Some(width))
            .on_hover_text("The best model so far, in Reconstruct; training goes on")
            .clicked()
        {
            out.send(Command::Train(TrainCommand::UseModel(active.folder.clone())));
        }
    }
}

/// Phase, epoch, step, pace, end.
fn facts(ui: &mut Ui, train: &TrainState, active: &Active) {
    let phases = active.plan.as_ref().map_or(0, |p| p.phase.len());
    let kind = active.kind.map_or(String::new(), |(stage, side)| {
        format!(", {} {side}\u{b3}", if stage == Stage::Coarse { "coarse" } else { "refining" })
    });
    let epochs = active.plan.as_ref().and_then(|p| p.phase.get(active.phase)).map_or(0, |p| p.epochs);
    let waiting = active.step_secs.map(|(secs, waited)| (secs, 100.0 * waited / secs.max(1e-9)));
    let rest = active.rest_secs().map_or("soon known".to_owned(), duration);
    let last = active.checkpoint.map_or("none yet".to_owned(), |(p, s)| format!("phase {}, step {s}", p + 1));
    let rows = [
        ("Phase", format!("{} of {phases}{kind}", active.phase + 1)),
        ("Epoch", format!("{} of {epochs}", active.epoch)),
        ("Step", format!("{} of {} ({:.0} %)", active.step, active.steps, 100.0 * active.share)),
        ("Phase ends in", rest),
        ("All ends in", whole_rest(train, active)),
        ("Seconds a step", waiting.map_or("-".into(), |(s, _)| format!("{s:.3}"))),
        ("Waiting for data", waiting.map_or("-".into(), |(_, w)| format!("{w:.0} %"))),
        ("Learning rate", rate_text(active.lr)),
        ("Cases", format!("{} to learn, {} to check", active.cases[0], active.cases[1])),
        ("Device", active.device.clone()),
        ("Checkpoint", last),
    ];
    rows.iter().for_each(|(name, value)| widgets::value_row(ui, name, value));
}

/// When the whole run ends: known in its last phase, or where a check measured the other phases.
fn whole_rest(train: &TrainState, active: &Active) -> String {
    let (Some(plan), Some(rest)) = (&active.plan, active.rest_secs()) else { return "soon known".into() };
    if active.phase + 1 >= plan.phase.len() {
        return duration(rest);
    }
    match &train.check {
        super::state::Check::Done(found) if found.0 == *plan => {
            let later: f64 = found.1.phases.iter().skip(active.phase + 1).map(|p| p.phase_secs).sum();
            duration(rest + later)
        }
        _ => "with the last phase".into(),
    }
}

/// Pause or Resume, Save, Stop.
fn buttons(ui: &mut Ui, active: &Active, out: &mut Outbox) {
    let t = theme();
    let width = (ui.available_width() - 2.0 * t.space.small) / 3.0;
    let stopping = active.wish == Wish::Stop;
    ui.add_enabled_ui(!stopping, |ui| {
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = t.space.small;
            let held = active.wish == Wish::Pause;
            let (icon, word, command) = match held {
                true => (ICON_PLAY_ARROW, "Continue", TrainCommand::GoOn),
                false => (ICON_PAUSE, "Pause", TrainCommand::Pause),
            };
            if widgets::quiet_button(ui, Some(icon), word, Some(width)).clicked() {
                out.send(Command::Train(command));
            }
            let word = if active.saving { "Saving" } else { "Save" };
            let save = ui.add_enabled_ui(!active.saving, |ui| {
                let tip = "Writes a checkpoint after the present step";
                widgets::quiet_button(ui, Some(ICON_SAVE), word, Some(width)).on_hover_text(tip).clicked()
            });
            if save.inner {
                out.send(Command::Train(TrainCommand::Save));
            }
            let word = if stopping { "Stopping" } else { "Stop" };
            let tip = "Writes a checkpoint and ends; Resume goes on from it";
            if widgets::quiet_button(ui, Some(ICON_STOP), word, Some(width)).on_hover_text(tip).clicked() {
                out.send(Command::Train(TrainCommand::Stop));
            }
        });
    });
}

/// A run that does not train here.
fn resting(ui: &mut Ui, train: &TrainState, folder: &Path, out: &mut Outbox) {
    let t = theme();
    ui.spacing_mut().item_spacing.y = t.space.small;
    let Some(entry) = train.entry(folder) else {
        title(ui, &crate::app::apply::file_name(folder), "", t.color.text);
        fields::hint(ui, "This folder is no run, or it was moved.");
        return;
    };
    let word = match &entry.stand {
        Stand::Finished => "Finished",
        Stand::Stopped { .. } => "Stopped",
        Stand::Elsewhere => "Elsewhere",
        Stand::Lost => "Lost",
        Stand::Damaged(_) => "Damaged",
    };
    let ink = if entry.stand == Stand::Finished { t.color.good } else { t.color.warning };
    title(ui, &entry.name, word, ink);
    match &entry.stand {
        Stand::Finished => {}
        Stand::Elsewhere => fields::hint(ui, "Another process trains in this folder. Look again when it has ended."),
        Stand::Stopped { .. } => widgets::value_row(ui, "Stands at", &entry.stand.words()),
        Stand::Lost => {
            sentence(ui, Tone::Warning, "It ended before its first checkpoint. Edit its plan and start it anew.");
        }
        Stand::Damaged(cause) => sentence(ui, Tone::Danger, cause),
    }
    if let Some(error) = entry.best_mae_hu {
        widgets::value_row(ui, "Least validation MAE", &format!("{error:.1} HU"));
    }
    models(ui, train, entry, out);
    if entry.is_unfinished() {
        ui.add_enabled_ui(train.active.is_none(), |ui| {
            if widgets::primary_button(ui, "Resume", train.active.is_none()).clicked() {
                out.send(Command::Train(TrainCommand::Resume(entry.folder.clone())));
            }
        });
    }
    let width = (ui.available_width() - t.space.small) / 2.0;
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = t.space.small;
        if widgets::quiet_button(ui, Some(ICON_FOLDER_OPEN), "Open folder", Some(width)).clicked() {
            out.send(Command::Train(TrainCommand::OpenFolder(entry.folder.clone())));
        }
        if widgets::quiet_button(ui, None, "Edit its plan", Some(width)).clicked() {
            out.send(Command::Train(TrainCommand::TakePlanOf(entry.folder.clone())));
        }
    });
}

/// Which model, and the way to Reconstruct.
fn models(ui: &mut Ui, train: &TrainState, entry: &RunEntry, out: &mut Outbox) {
    let finished = entry.stand == Stand::Finished;
    if !finished && !entry.has_best {
        return;
    }
    if finished && entry.has_best {
        let cells =
            [("Best", "The model with the least validation error"), ("Final", "The model at the end of the run")];
        let chosen = usize::from(train.model == ModelChoice::Final);
        if let Some(k) = widgets::segmented(ui, &cells, Some(chosen)) {
            out.send(Command::Train(TrainCommand::SetModel([ModelChoice::Best, ModelChoice::Final][k])));
        }
    }
    let pressed = match finished {
        true => widgets::primary_button(ui, "Use this model", true).clicked(),
        false => {
            let width = ui.available_width();
            widgets::quiet_button(ui, None, "Use this model", Some(width)).clicked()
        }
    };
    if pressed {
        out.send(Command::Train(TrainCommand::UseModel(entry.folder.clone())));
    }
}

/// What the machine has left.
fn resources(ui: &mut Ui, train: &TrainState) {
    ui.spacing_mut().item_spacing.y = theme().space.tiny;
    widgets::caption(ui, "THIS MACHINE");
    let r = train.resources.unwrap_or_default();
    let or_unknown = |bytes: Option<u64>| bytes.map_or("unknown".to_owned(), gib);
    let memory = format!("{} used, {} free", or_unknown(r.memory_bytes), or_unknown(r.memory_free_bytes));
    let processor = r.processor_share.map_or("measuring".to_owned(), |s| format!("{:.0} % of all cores", 100.0 * s));
    widgets::value_row(ui, "Memory", &memory);
    widgets::value_row(ui, "Disk", &format!("{} free", or_unknown(r.disk_free_bytes)));
    widgets::value_row(ui, "Processor", &processor);
}
