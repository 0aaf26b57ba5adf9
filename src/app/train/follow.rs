//! What comes back: events of the run that trains, results of this workspace's jobs, the wish to close the window.

use super::active::Doing;
use super::jobs::{self, TrainDone, TrainLane};
use super::state::{Check, Closing, PreviewFile, Resources, plan_fault};
use crate::app::Workstation;
use crate::app::settings::Workspace;
use crate::app::widgets::Tone;
use crate::train::event::{Step, Validation};
use crate::train::run_dir::BEST_MODEL;
use crate::train::{Event, Message, TrainError};
use egui::{ColorImage, Context, TextureOptions, ViewportCommand};
use std::path::{Path, PathBuf};

/// Weight of the past in the seconds and share of a step.
const PACE_SMOOTHING: f64 = 0.9;

impl Workstation {
    /// Takes in what training sent since the last frame. Never waits.
    pub(in crate::app) fn follow_training(&mut self, ctx: &Context) {
        self.guard_close(ctx);
        // Asked before its messages are taken in: the step it waits after is among them.
        let held = self.training.as_ref().is_some_and(|handle| handle.is_held());
        while let Some(message) = self.training.as_ref().and_then(|handle| handle.poll()) {
            match message {
                Message::Event(event) => self.take_training_event(ctx, event),
                end => {
                    self.training_ended(ctx, end);
                    break;
                }
            }
        }
        if let Some(active) = self.state.train.active.as_mut().filter(|_| held) {
            active.doing = Doing::Held;
        }
        if self.state.workspace == Workspace::Train {
            if !self.state.train.listed {
                self.state.train.listed = true;
                self.list_runs();
            }
            self.watch_machine(ctx);
        }
    }

    /// A window in which a run trains asks before it closes.
    fn guard_close(&mut self, ctx: &Context) {
        if self.training.is_none() || !ctx.input(|i| i.viewport().close_requested()) {
            return;
        }
        ctx.send_viewport_cmd(ViewportCommand::CancelClose);
        if self.state.train.closing == Closing::No {
            self.state.train.closing = Closing::Asking;
        }
    }

    fn take_training_event(&mut self, ctx: &Context, event: Event) {
        let Some(active) = &mut self.state.train.active else { return };
        let folder = active.folder.clone();
        match event {
            Event::Started(started) => {
                active.device = started.device;
                active.cases = [started.training.len(), started.validation.len()];
                active.doing = Doing::Preparing;
            }
            Event::PhaseStarted { phase, stage, side, steps, done } => {
                (active.phase, active.kind, active.steps, active.step) = (phase, Some((stage, side)), steps, done);
                (active.share, active.step_secs, active.step_share) = (done as f64 / steps.max(1) as f64, None, 0.0);
                let epochs = active.plan.as_ref().and_then(|p| p.phase.get(phase)).map_or(1, |p| p.epochs);
                active.epoch = (epochs * done / steps.max(1) + 1).min(epochs);
                active.doing = Doing::Preparing;
                self.state.train.view_mut(&folder).history.cut(phase, done);
            }
            Event::Step(step) => self.take_step(&folder, &step),
            Event::Validated(validation) => self.take_validation(ctx, &folder, &validation),
            Event::Warning(text) => self.state.note(Tone::Warning, "Training", text),
            Event::Checkpoint(_) => {
                active.saving = false;
                active.checkpoint = Some((active.phase, active.step));
            }
            Event::Saved(model) => active.has_best |= model.ends_with(BEST_MODEL),
            Event::Finished => {}
        }
    }

    fn take_step(&mut self, folder: &Path, step: &Step) {
        let Some(active) = &mut self.state.train.active else { return };
        let more = (step.share - active.share).max(1.0 / active.steps.max(1) as f64);
        let blend = |past: f64, now: f64| PACE_SMOOTHING * past + (1.0 - PACE_SMOOTHING) * now;
        (active.step_secs, active.step_share) = match active.step_secs {
            // The first step of a phase warms up; the second one begins the mean.
            Some((secs, waited)) if active.step_share > 0.0 => {
                (Some((blend(secs, step.seconds), blend(waited, step.waited))), blend(active.step_share, more))
            }
            Some(_) => (Some((step.seconds, step.waited)), more),
            None => (Some((step.seconds, step.waited)), 0.0),
        };
        (active.phase, active.step, active.epoch) = (step.phase, step.step, step.epoch);
        (active.share, active.lr) = (step.share, step.lr);
        active.doing = Doing::Learning;
        self.state.train.view_mut(folder).history.push_step(step);
    }

    fn take_validation(&mut self, ctx: &Context, folder: &Path, validation: &Validation) {
        let view = self.state.train.view_mut(folder);
        view.history.push_validation(validation);
        let Some(preview) = validation.preview.as_ref().filter(|_| view.preview.is_none()) else { return };
        let (size, rgba) = preview.picture();
        let image = ColorImage::from_rgba_unmultiplied(size, &rgba);
        let shown = (validation.phase, validation.step);
        view.picture = Some((ctx.load_texture("preview", image, TextureOptions::LINEAR), shown));
        let folder = folder.to_owned();
        self.start_training_job(TrainLane::Previews, move || {
            let files = jobs::previews(&folder);
            TrainDone::Previews(folder, files)
        });
    }

    fn training_ended(&mut self, ctx: &Context, end: Message) {
        self.training = None;
        let Some(active) = self.state.train.active.take() else { return };
        let name = crate::app::apply::file_name(&active.folder);
        let failed = matches!(end, Message::Failed(_));
        match end {
            Message::Finished => self.state.note(
                Tone::Good,
                format!("{name} is finished"),
                "Its model can be used in Reconstruct: press Use this model.",
            ),
            Message::Stopped => self.state.note(
                Tone::Notice,
                format!("{name} was stopped"),
                "Its checkpoint is written: Resume goes on from there.",
            ),
            Message::Failed(cause) => {
                self.state.note(Tone::Danger, format!("{name} ended"), plan_fault(&cause));
            }
            Message::Event(_) => {}
        }
        self.state.train.offer_closed = true;
        let stem = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '-').to_owned();
        if self.state.train.draft.folder == active.folder {
            self.name_run(&stem);
        }
        self.list_runs();
        // A failure stays on screen: nobody would know of it otherwise.
        if self.state.train.closing == Closing::Waiting && !failed {
            ctx.send_viewport_cmd(ViewportCommand::Close);
        }
        self.state.train.closing = Closing::No;
    }

    /// What a job of this workspace gave.
    pub(in crate::app) fn take_training_result(&mut self, ctx: &Context, done: TrainDone) {
        match done {
            TrainDone::Runs(runs) => self.take_runs(runs),
            TrainDone::Run(folder, files) => self.take_run(folder, files),
            TrainDone::Previews(folder, files) => self.state.train.view_mut(&folder).previews = files,
            TrainDone::Picture(folder, file, image) => self.take_picture(ctx, &folder, &file, image),
            TrainDone::Plan(path, Ok(plan)) => {
                let draft = &mut self.state.train.draft;
                (draft.plan, draft.preset) = (Some(*plan), None);
                draft.origin = crate::app::apply::file_name(&path);
                let stem = path.file_stem().map_or("run".into(), |s| s.to_string_lossy().into_owned());
                self.name_run(&stem);
            }
            TrainDone::Plan(path, Err(cause)) => {
                let head = format!("{} was not opened", crate::app::apply::file_name(&path));
                self.state.note(Tone::Danger, head, plan_fault(&cause));
            }
            TrainDone::Checked(plan, found) => {
                self.state.train.check = match found {
                    Ok(found) => Check::Done(Box::new((*plan, found))),
                    Err(TrainError::Stopped) => Check::None,
                    Err(cause) => Check::Failed(plan_fault(&cause.to_string())),
                };
            }
            TrainDone::Resources(now) => self.take_resources(now),
        }
    }

    fn take_runs(&mut self, runs: Vec<super::state::RunEntry>) {
        let train = &mut self.state.train;
        train.runs = runs;
        // The name that was proposed may be taken.
        if train.entry(&train.draft.folder).is_some() && !train.is_active(&train.draft.folder) {
            let name = crate::app::apply::file_name(&train.draft.folder);
            let stem = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '-').to_owned();
            self.name_run(&stem);
        }
    }

    fn take_run(&mut self, folder: PathBuf, files: Result<Box<jobs::RunFiles>, String>) {
        let active = self.state.train.is_active(&folder);
        let begun = self.state.train.active.as_ref().filter(|a| active && a.kind.is_some()).map(|a| (a.phase, a.step));
        let view = self.state.train.view_mut(&folder);
        match files {
            Ok(files) => {
                let mut files = *files;
                if let Some((phase, done)) = begun {
                    files.history.cut(phase, done);
                }
                (view.plan, view.plan_lines, view.previews) = (files.plan, files.plan_lines, files.previews);
                view.history = if active { files.history.followed_by(&view.history) } else { files.history };
                view.fault = None;
                let plan = view.plan.clone();
                if let Some(active) = self.state.train.active.as_mut().filter(|a| a.folder == folder) {
                    active.plan = plan;
                }
            }
            Err(cause) => view.fault = Some(cause),
        }
        let smoothing = self.state.train.chart.smoothing;
        self.state.train.view_mut(&folder).history.set_smoothing(smoothing);
        self.want_picture(&folder);
    }

    fn take_picture(&mut self, ctx: &Context, folder: &Path, file: &PreviewFile, image: Option<ColorImage>) {
        let view = self.state.train.view_mut(folder);
        if view.wanted_preview() != Some(file) {
            return;
        }
        let texture = image.map(|image| ctx.load_texture("preview", image, TextureOptions::LINEAR));
        view.picture = texture.map(|texture| (texture, (file.phase, file.step)));
    }

    fn take_resources(&mut self, mut now: Resources) {
        let cores = std::thread::available_parallelism().map_or(1, |n| n.get()) as f64;
        if let Some(before) = self.state.train.resources {
            let span = now.at_secs - before.at_secs;
            let used = now.processor_secs.zip(before.processor_secs).map(|(a, b)| a - b);
            now.processor_share = used.filter(|_| span > 0.0).map(|u| (u / span / cores).clamp(0.0, 1.0));
        }
        self.state.train.resources = Some(now);
    }
}
