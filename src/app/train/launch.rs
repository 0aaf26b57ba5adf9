//! The column beside a plan: where the run goes, what speaks against it, the check, and Start. Draws from the
//! snapshot; nothing here starts anything by itself.

use super::command::{TrainCommand, TrainPurpose};
use super::fields::{self, duration, gib};
use super::state::Check;
use crate::app::command::{Command, Outbox};
use crate::app::reconstruct::device_label;
use crate::app::state::State;
use crate::app::theme::theme;
use crate::app::widgets::{self, Tone};
use crate::train::plan::Stage;
use crate::train::{Preflight, TrainPlan};
use egui::{Align, Frame, Label, Layout, Margin, RichText, ScrollArea, Ui, vec2};

/// The column.
pub fn show(ui: &mut Ui, state: &State, out: &mut Outbox) {
    let t = theme();
    let train = &state.train;
    widgets::card(ui, |ui| {
        ui.spacing_mut().item_spacing.y = t.space.small;
        widgets::caption(ui, "NEW RUN");
        widgets::row(ui, "Folder", |ui| {
            // A bare name stands for a folder among the runs: whole paths are too long to be read.
            let home = train.folder.as_deref();
            let short = home.and_then(|home| train.draft.folder.strip_prefix(home).ok());
            let shown = short.unwrap_or(&train.draft.folder).to_path_buf();
            let mut folder = Some(shown.clone()).filter(|f| !f.as_os_str().is_empty());
            fields::path(ui, "Run folder", &mut folder, "where the run is kept", out, TrainPurpose::NewRun);
            let typed = folder.unwrap_or_default();
            let folder = match home {
                _ if typed == shown => train.draft.folder.clone(),
                Some(home) if !typed.as_os_str().is_empty() => home.join(typed),
                _ => typed,
            };
            if folder != train.draft.folder {
                out.send(Command::Train(TrainCommand::SetFolder(folder)));
            }
        });
        widgets::row(ui, "Device", |ui| {
            let devices = &state.setup.devices;
            let labels: Vec<String> = devices.iter().map(|d| device_label(*d)).collect();
            let chosen = devices.iter().position(|d| *d == train.device);
            if let Some(k) = widgets::choice(ui, "Training device", &labels, chosen, ui.available_width()) {
                out.send(Command::Train(TrainCommand::SetDevice(devices[k])));
            }
        });
        ui.add_space(t.space.tiny);
        let obstacle = train.obstacle();
        if widgets::primary_button(ui, "Start training", obstacle.is_none()).clicked() {
            out.send(Command::Train(TrainCommand::Start));
        }
        match &obstacle {
            Some(fault) => sentence(ui, Tone::Warning, fault),
            None => fields::hint(ui, "One processor core is left to this window; Reconstruct stays usable meanwhile."),
        }
    });
    ui.add_space(t.space.small);
    widgets::card(ui, |ui| {
        ui.spacing_mut().item_spacing.y = t.space.small;
        check(ui, state, out);
    });
}

/// The check: its button, its progress, what it found.
fn check(ui: &mut Ui, state: &State, out: &mut Outbox) {
    let t = theme();
    let train = &state.train;
    widgets::caption(ui, "CHECK BEFORE STARTING");
    let plan = train.draft.plan.as_ref();
    let possible = plan.is_some_and(|p| p.check().is_ok()) && train.active.is_none();
    match &train.check {
        Check::Running(_) => {
            let phase = train.check.phase().unwrap_or(0);
            let of = plan.map_or(1, |p| p.phase.len()).max(1);
            let size = vec2(ui.available_width(), t.size.control);
            ui.allocate_ui_with_layout(size, Layout::right_to_left(Align::Center), |ui| {
                if widgets::quiet_button(ui, None, "Cancel check", None).clicked() {
                    out.send(Command::Train(TrainCommand::CancelCheck));
                }
                ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                    let text = format!("Trying a step of phase {}", phase + 1);
                    ui.add(Label::new(RichText::new(text).font(t.body()).color(t.color.text)).truncate());
                });
            });
            widgets::progress(ui, Some(phase as f32 / of as f32));
            return;
        }
        Check::None => fields::hint(ui, "Reads the cases and tries a step of each phase. Nothing is written."),
        Check::Failed(cause) => sentence(ui, Tone::Danger, cause),
        Check::Done(found) => findings(ui, &found.1, plan != Some(&found.0), &found.0),
    }
    let width = ui.available_width();
    ui.add_enabled_ui(possible, |ui| {
        if widgets::quiet_button(ui, None, "Check", Some(width)).clicked() {
            out.send(Command::Train(TrainCommand::Check));
        }
    });
}

/// What a check found; `stale` where the plan was changed since.
fn findings(ui: &mut Ui, found: &Preflight, stale: bool, plan: &TrainPlan) {
    let t = theme();
    if stale {
        sentence(ui, Tone::Notice, "The plan was changed since: check it again.");
    }
    let or_unknown = |bytes: Option<u64>| bytes.map_or("unknown".to_owned(), gib);
    let rows = [
        ("Cases", format!("{} to learn from, {} to check", found.training, found.validation)),
        ("Disk", format!("{} needed, {} free", gib(found.disk_needed_bytes), or_unknown(found.disk_free_bytes))),
        (
            "Memory",
            format!("{} used, {} left", or_unknown(found.memory_used_bytes), or_unknown(found.memory_available_bytes)),
        ),
    ];
    rows.iter().for_each(|(name, value)| widgets::value_row(ui, name, value));
    ScrollArea::vertical().id_salt("check phases").max_height(6.0 * t.size.control).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = t.space.tiny;
        for (k, phase) in found.phases.iter().enumerate() {
            let stage = if phase.stage == Stage::Coarse { "coarse" } else { "refining" };
            let name = format!("{} {stage} {}\u{b3}", k + 1, phase.side);
            let limit = if plan.phase.get(k).is_some_and(|p| p.minutes.is_some()) { " at most" } else { "" };
            let secs = phase.step_secs;
            let value = format!("{} x {secs:.2} s: {}{limit}", phase.steps, duration(phase.phase_secs));
            widgets::value_row(ui, &name, &value);
        }
    });
    widgets::value_row(ui, "Together", &format!("{} beside validation", duration(found.total_secs())));
    found.warnings.iter().for_each(|warning| sentence(ui, Tone::Warning, &super::state::plan_fault(warning)));
}

/// A sentence on its tone's ground, wrapped.
pub fn sentence(ui: &mut Ui, tone: Tone, text: &str) {
    let t = theme();
    let (ink, fill) = tone.colors();
    let margin = Margin::symmetric(t.space.medium as i8, t.space.small as i8);
    Frame::new().fill(fill).corner_radius(t.small_corners()).inner_margin(margin).show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.add(Label::new(RichText::new(text).font(t.body()).color(ink)).wrap());
    });
}
