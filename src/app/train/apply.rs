//! The one place where commands change the workspace Train. What comes back is taken in by `follow`.

use super::active::{Active, Doing, Wish};
use super::command::{TrainCommand, TrainPurpose};
use super::jobs::{self, TrainDone, TrainLane};
use super::state::{Check, Closing, Page, RunView};
use crate::app::Workstation;
use crate::app::jobs::{Done, Lane, WriteError};
use crate::app::settings::Workspace;
use crate::app::widgets::Tone;
use crate::train::run_dir::{BEST_MODEL, FINAL_MODEL};
use crate::train::{Begin, Job, Preset, TrainHandle, TrainPlan};
use egui::Context;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

/// Runs whose curves stay in memory beside the one that trains: the chosen one and two picked ones.
const MOST_VIEWS: usize = 4;
/// Between two looks at the machine, seconds.
const RESOURCES_EVERY_SECS: f64 = 2.0;
/// The preset a first visitor sees: it needs no data.
const FIRST_PRESET: Preset = Preset::Smoke;

impl Workstation {
    /// What the workspace begins with; nothing is read yet.
    pub(in crate::app) fn begin_training_workspace(&mut self, folder: Option<PathBuf>, opened: Vec<PathBuf>) {
        let train = &mut self.state.train;
        (train.folder, train.opened) = (folder, opened);
        self.take_preset(FIRST_PRESET);
    }

    /// Obeys one command of the workspace Train.
    pub(in crate::app) fn apply_train(&mut self, ctx: &Context, command: TrainCommand) {
        match command {
            TrainCommand::TakePreset(preset) => self.take_preset(preset),
            TrainCommand::SetPlan(plan) => self.set_plan(*plan),
            TrainCommand::SetFolder(folder) => self.state.train.draft.folder = folder,
            TrainCommand::SetDevice(device) => self.state.train.device = device,
            TrainCommand::TakePlanOf(folder) => self.take_plan_of(&folder),
            TrainCommand::Check => self.check_plan(),
            TrainCommand::CancelCheck => {
                self.jobs.cancel(Lane::Train(TrainLane::Check));
                self.state.train.check = Check::None;
            }
            TrainCommand::Start => self.start_run(ctx),
            TrainCommand::Resume(folder) => self.resume_run(ctx, folder),
            TrainCommand::Pause => self.hold(true),
            TrainCommand::GoOn => self.hold(false),
            TrainCommand::Save => self.save_checkpoint(),
            TrainCommand::Stop => self.stop_run(),
            TrainCommand::Refresh => self.list_runs(),
            TrainCommand::Show(page) => self.state.train.page = page,
            TrainCommand::Choose(folder) => self.choose_run(folder),
            TrainCommand::Pick(folder) => self.pick_run(folder),
            TrainCommand::CloseOffer => self.state.train.offer_closed = true,
            TrainCommand::SetChart(chart) => {
                let smoothing = chart.smoothing;
                self.state.train.views.iter_mut().for_each(|v| v.history.set_smoothing(smoothing));
                self.state.train.chart = chart;
            }
            TrainCommand::ShowPreview(folder, place) => {
                self.state.train.view_mut(&folder).preview = place;
                self.want_picture(&folder);
            }
            TrainCommand::SetModel(model) => self.state.train.model = model,
            TrainCommand::UseModel(folder) => self.use_model(folder),
            TrainCommand::OpenFolder(folder) => self.open_folder(&folder),
            TrainCommand::StopAndClose => {
                self.state.train.closing = Closing::Waiting;
                self.stop_run();
            }
            TrainCommand::KeepOpen => self.state.train.closing = Closing::No,
        }
    }

    /// Goes to a workspace; the next launch begins there.
    pub(in crate::app) fn go_to(&mut self, workspace: Workspace) {
        self.state.workspace = workspace;
        if workspace == Workspace::Compare {
            // Keys act on the plane that is seen there.
            let axis = self.state.viewer.state.compare.axis;
            self.state.viewer.state.active = crate::app::viewport::Pane::Plane(axis);
        }
        self.settings.remembered.workspace = workspace;
        self.save_settings();
    }

    /// A path was given for what this workspace asked.
    pub(in crate::app) fn given_for_training(&mut self, purpose: TrainPurpose, path: PathBuf) {
        let edit = |this: &mut Self, change: &dyn Fn(&mut TrainPlan)| {
            if let Some(mut plan) = this.state.train.draft.plan.clone() {
                change(&mut plan);
                this.set_plan(plan);
            }
        };
        match purpose {
            TrainPurpose::Data => edit(self, &|plan| plan.data.folder = Some(path.clone())),
            TrainPurpose::StartFrom => edit(self, &|plan| plan.start_from = Some(path.clone())),
            TrainPurpose::OpenPlan => {
                self.start_training_job(TrainLane::Plan, move || jobs::open_plan(path));
            }
            TrainPurpose::SavePlan => self.save_plan(path),
            TrainPurpose::NewRun => self.state.train.draft.folder = path,
            TrainPurpose::OpenRun => {
                let opened = &mut self.state.train.opened;
                opened.retain(|p| *p != path);
                opened.push(path.clone());
                self.settings.remembered.runs = opened.clone();
                self.list_runs();
                self.choose_run(path);
            }
        }
    }

    /// Starts a job of this workspace in its lane.
    pub(super) fn start_training_job(&mut self, lane: TrainLane, work: impl FnOnce() -> TrainDone + Send + 'static) {
        self.jobs.start(Lane::Train(lane), move |_| Done::Train(Box::new(work())));
    }

    fn take_preset(&mut self, preset: Preset) {
        let draft = &mut self.state.train.draft;
        match preset.plan() {
            Ok(mut plan) => {
                // What a person chose by hand is not lost with another preset.
                if let Some(old) = &draft.plan {
                    plan.data.folder = plan.data.folder.or_else(|| old.data.folder.clone());
                }
                (draft.plan, draft.preset) = (Some(plan), Some(preset));
                draft.origin = format!("preset {}", preset.name());
                self.name_run(preset.name());
            }
            Err(cause) => self.state.note(Tone::Danger, "The preset is broken", cause.to_string()),
        }
    }

    pub(super) fn name_run(&mut self, stem: &str) {
        self.state.train.draft.folder = self.state.train.fresh_folder(stem);
    }

    fn set_plan(&mut self, plan: TrainPlan) {
        let draft = &mut self.state.train.draft;
        if draft.plan.as_ref() != Some(&plan) {
            draft.plan = Some(plan);
            if let Some(preset) = draft.preset.take() {
                draft.origin = format!("preset {}, changed", preset.name());
            }
        }
    }

    fn take_plan_of(&mut self, folder: &Path) {
        let train = &mut self.state.train;
        let Some(plan) = train.view(folder).and_then(|v| v.plan.clone()) else { return };
        let name = crate::app::apply::file_name(folder);
        (train.draft.plan, train.draft.preset) = (Some(plan), None);
        train.draft.origin = format!("the plan of {name}");
        train.page = Page::Plan;
        self.name_run(name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '-'));
    }

    fn save_plan(&mut self, path: PathBuf) {
        let Some(plan) = self.state.train.draft.plan.clone() else { return };
        let path = if path.extension().is_some() { path } else { path.with_extension("toml") };
        self.jobs.start(Lane::Train(TrainLane::Plan), move |_| {
            let result = jobs::save_plan(&path, &plan).map_err(WriteError::from);
            Done::Written { what: "Plan saved".into(), path, result }
        });
    }

    /// Cores a run may use: one is left to the window.
    fn cores() -> usize {
        std::thread::available_parallelism().map_or(1, |n| n.get()).saturating_sub(1).max(1)
    }

    fn job(&self, begin: Begin, folder: PathBuf) -> Job {
        Job { begin, folder, device: self.state.train.device, cores: Some(Self::cores()) }
    }

    fn check_plan(&mut self) {
        let Some(plan) = self.state.train.draft.plan.clone() else { return };
        if self.state.train.active.is_some() || plan.check().is_err() {
            return;
        }
        let job = self.job(Begin::Fresh(Box::new(plan.clone())), self.state.train.draft.folder.clone());
        let phase = Arc::new(AtomicUsize::new(0));
        self.state.train.check = Check::Running(Arc::clone(&phase));
        self.jobs.start(Lane::Train(TrainLane::Check), move |cancel| {
            Done::Train(Box::new(jobs::check(&job, plan, &phase, cancel)))
        });
    }

    fn start_run(&mut self, ctx: &Context) {
        if self.state.train.obstacle().is_some() {
            return;
        }
        let Some(plan) = self.state.train.draft.plan.clone() else { return };
        let folder = self.state.train.draft.folder.clone();
        self.state.train.views.retain(|v| v.folder != folder);
        let mut view = RunView::new(folder.clone(), self.state.train.chart.smoothing);
        view.plan_lines = plan.to_toml().unwrap_or_default().lines().map(str::to_owned).collect();
        view.plan = Some(plan.clone());
        self.state.train.views.push(view);
        let job = self.job(Begin::Fresh(Box::new(plan.clone())), folder.clone());
        self.launch(ctx, job, Active::new(folder, Some(plan)));
    }

    fn resume_run(&mut self, ctx: &Context, folder: PathBuf) {
        if self.state.train.active.is_some() {
            let advice = "Stop the run that trains now, then resume this one.";
            self.state.note(Tone::Warning, "Another run trains in this window", advice);
            return;
        }
        let plan = self.state.train.view(&folder).and_then(|v| v.plan.clone());
        let mut active = Active::new(folder.clone(), plan);
        active.has_best = self.state.train.entry(&folder).is_some_and(|r| r.has_best);
        let job = self.job(Begin::Resume, folder.clone());
        self.launch(ctx, job, active);
        // Its curves so far; what lies behind the checkpoint is cut as the first phase begins.
        self.read_run(TrainLane::Run(0), folder);
    }

    fn launch(&mut self, ctx: &Context, job: Job, active: Active) {
        // A step that is tried beside it would be slow, and so would this run.
        self.jobs.cancel(Lane::Train(TrainLane::Check));
        if matches!(self.state.train.check, Check::Running(_)) {
            self.state.train.check = Check::None;
        }
        let waker = ctx.clone();
        match TrainHandle::start(job, move || waker.request_repaint()) {
            Ok(handle) => {
                self.training = Some(handle);
                let train = &mut self.state.train;
                (train.chosen, train.page) = (Some(active.folder.clone()), Page::Run);
                train.active = Some(active);
            }
            Err(cause) => self.state.note(Tone::Danger, "Training did not start", cause.to_string()),
        }
    }

    fn hold(&mut self, paused: bool) {
        let (Some(handle), Some(active)) = (&self.training, &mut self.state.train.active) else { return };
        if active.wish == Wish::Stop {
            return;
        }
        handle.pause(paused);
        active.wish = if paused { Wish::Pause } else { Wish::GoOn };
        if !paused && active.doing == Doing::Held {
            active.doing = Doing::Learning;
        }
    }

    fn save_checkpoint(&mut self) {
        let (Some(handle), Some(active)) = (&self.training, &mut self.state.train.active) else { return };
        handle.save();
        active.saving = true;
    }

    fn stop_run(&mut self) {
        let (Some(handle), Some(active)) = (&self.training, &mut self.state.train.active) else { return };
        handle.stop();
        active.wish = Wish::Stop;
    }

    /// Looks through the runs folder.
    pub(super) fn list_runs(&mut self) {
        let (folder, opened) = (self.state.train.folder.clone(), self.state.train.opened.clone());
        self.start_training_job(TrainLane::Runs, move || jobs::list_runs(folder.as_deref(), &opened));
    }

    fn choose_run(&mut self, folder: PathBuf) {
        let train = &mut self.state.train;
        (train.chosen, train.page) = (Some(folder.clone()), Page::Run);
        self.want_run(TrainLane::Run(0), folder);
    }

    fn pick_run(&mut self, folder: PathBuf) {
        let picked = &mut self.state.train.picked;
        match picked.iter().position(|p| *p == folder) {
            Some(k) => {
                picked.remove(k);
            }
            None => {
                picked.push(folder);
                if picked.len() > 2 {
                    picked.remove(0);
                }
            }
        }
        let both = picked.clone();
        self.state.train.page = match (both.len(), self.state.train.page) {
            (2, _) => Page::Pair,
            (_, Page::Pair) => Page::Run,
            (_, page) => page,
        };
        for (k, folder) in both.into_iter().enumerate() {
            self.want_run(TrainLane::Run(1 + k), folder);
        }
    }

    /// Has a run's curves read where they are not in memory.
    fn want_run(&mut self, lane: TrainLane, folder: PathBuf) {
        let train = &mut self.state.train;
        if train.view(&folder).is_some_and(|v| v.fault.is_none()) {
            return;
        }
        let kept: Vec<PathBuf> = train.chosen.iter().chain(&train.picked).cloned().collect();
        let active = train.active.as_ref().map(|a| a.folder.clone());
        if train.views.len() >= MOST_VIEWS {
            train.views.retain(|v| kept.contains(&v.folder) || active.as_ref() == Some(&v.folder));
        }
        self.read_run(lane, folder);
    }

    pub(super) fn read_run(&mut self, lane: TrainLane, folder: PathBuf) {
        let smoothing = self.state.train.chart.smoothing;
        self.start_training_job(lane, move || {
            let files = jobs::read_run(&folder, smoothing);
            TrainDone::Run(folder, files)
        });
    }

    /// Has the picture read that is to be shown and is not.
    pub(super) fn want_picture(&mut self, folder: &Path) {
        let Some(view) = self.state.train.view(folder) else { return };
        let Some(file) = view.wanted_preview().cloned() else { return };
        if view.picture.as_ref().is_some_and(|(_, shown)| *shown == (file.phase, file.step)) {
            return;
        }
        let folder = folder.to_owned();
        self.start_training_job(TrainLane::Picture, move || jobs::picture(folder, file));
    }

    /// The model of a run, in Reconstruct.
    fn use_model(&mut self, folder: PathBuf) {
        use super::state::{ModelChoice, Stand};
        let finished = self.state.train.entry(&folder).is_some_and(|r| r.stand == Stand::Finished);
        let best = self.state.train.entry(&folder).is_some_and(|r| r.has_best)
            || self.state.train.active.as_ref().is_some_and(|a| a.folder == folder && a.has_best);
        let name = match (finished, best, self.state.train.model) {
            (true, true, ModelChoice::Final) | (true, false, _) => FINAL_MODEL,
            _ => BEST_MODEL,
        };
        let run = crate::app::apply::file_name(&folder);
        if self.add_named_model(folder.join(name), Some(format!("{run} ({name})"))) {
            self.state.workspace = Workspace::Reconstruct;
            self.state.note(Tone::Good, "Model taken", format!("Reconstruct runs with the {name} model of {run} now."));
        }
    }

    fn open_folder(&mut self, folder: &Path) {
        let opener = if cfg!(target_os = "macos") {
            "open"
        } else if cfg!(target_os = "windows") {
            "explorer"
        } else {
            "xdg-open"
        };
        let silent = std::process::Stdio::null;
        let started = std::process::Command::new(opener).arg(folder).stdout(silent()).stderr(silent()).spawn();
        if started.is_err() {
            let body = format!("This system has no file manager to ask. The run lies in {}", folder.display());
            self.state.note(Tone::Notice, "Run folder", body);
        }
    }

    /// Has the machine looked at now and then while somebody sees it.
    pub(super) fn watch_machine(&mut self, ctx: &Context) {
        let now = ctx.input(|i| i.time);
        let due = self.state.train.resources.is_none_or(|r| now - r.at_secs >= RESOURCES_EVERY_SECS);
        if due && !self.jobs.is_busy(Lane::Train(TrainLane::Resources)) {
            let folder = self.state.train.folder.clone().or_else(|| self.state.train.chosen.clone());
            self.start_training_job(TrainLane::Resources, move || jobs::resources(folder.as_deref(), now));
        }
        ctx.request_repaint_after(std::time::Duration::from_secs_f64(RESOURCES_EVERY_SECS));
    }
}
