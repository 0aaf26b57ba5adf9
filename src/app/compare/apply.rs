//! The one place where commands change the workspace Compare. What comes back is taken in by `follow`.

use super::command::{CompareCommand, ComparePurpose};
use super::export::Export;
use super::jobs::{self, CompareDone, CompareLane};
use super::state::{Entry, MAX_RESULTS, Queue, name_of};
use crate::app::Workstation;
use crate::app::command::Command;
use crate::app::guided::borrowed_volume;
use crate::app::jobs::{BUNDLED, Done, Lane};
use crate::app::state::Case;
use crate::app::state::Purpose;
use crate::app::theme::panes_style;
use crate::app::viewport::{CompareView, Scene, ViewCommand, compare_colours};
use crate::app::widgets::Tone;
use crate::app::worker::Cancel;
use crate::geometry::{Axis, Pose};
use crate::io::Progress;
use egui::Context;
use std::path::PathBuf;
use std::sync::Arc;

/// The truth of the bundled case, in paths.
pub const BUNDLED_TRUTH: &str = "truth.nii.gz";
/// Parts into which the progress of an alignment is counted.
const ALIGN_PARTS: u64 = 1000;

impl Workstation {
    /// Obeys one command of the workspace Compare.
    pub(in crate::app) fn apply_compare(&mut self, ctx: &Context, command: CompareCommand) {
        match command {
            CompareCommand::OpenTruth(path) => self.open_truth(path, false),
            CompareCommand::OpenBundledTruth => self.open_truth(PathBuf::from(BUNDLED).join(BUNDLED_TRUTH), false),
            CompareCommand::CloseTruth => self.close_truth(),
            CompareCommand::Choose(id) => self.choose_result(id),
            CompareCommand::Keep(id, kept) => {
                let full = self.state.compare.results.iter().filter(|e| e.kept).count() >= MAX_RESULTS;
                if let Some(entry) = self.state.compare.entry_mut(id).filter(|_| !kept || !full) {
                    entry.kept = kept;
                }
            }
            CompareCommand::RunAll => self.run_all_models(),
            CompareCommand::Align => self.align_truth(),
            CompareCommand::CancelAlign => {
                self.jobs.cancel(Lane::Compare(CompareLane::Align));
                self.state.compare.aligning = None;
            }
            CompareCommand::Export => self.ask(ctx, Purpose::Compare(ComparePurpose::Export)),
            CompareCommand::ResetPose => self.set_pose(ctx, Pose::default()),
            CompareCommand::Show(evidence) => {
                (self.state.compare.evidence, self.state.compare.folded) = (evidence, false);
                self.begin_profile(ctx);
            }
            CompareCommand::Fold(folded) => self.state.compare.folded = folded,
        }
    }

    /// A path was given for what this workspace asked.
    pub(in crate::app) fn given_for_comparison(&mut self, purpose: ComparePurpose, path: PathBuf) {
        match purpose {
            ComparePurpose::Truth | ComparePurpose::TruthSeries => self.open_truth(path, false),
            ComparePurpose::Export => self.export_comparison(path),
        }
    }

    /// Starts a job of this workspace in its lane.
    pub(super) fn start_comparison(
        &mut self,
        lane: CompareLane,
        work: impl FnOnce(&Cancel) -> CompareDone + Send + 'static,
    ) {
        self.jobs.start(Lane::Compare(lane), move |cancel| Done::Compare(Box::new(work(cancel))));
    }

    /// Reads the truth; where it is put comes with it, unless the view knows that already (a session).
    pub(in crate::app) fn open_truth(&mut self, path: PathBuf, keeps_pose: bool) {
        self.stop_reading_truth();
        let progress = Arc::new(Progress::new());
        let name = crate::app::apply::file_name(&path);
        self.state.compare.reading = Some((name, Arc::clone(&progress)));
        let place = self.state.compare.entry().map(|e| e.case.volume.frame().clone()).filter(|_| !keeps_pose);
        self.start_comparison(CompareLane::Truth, move |_| {
            let read = jobs::read_truth(&path, &progress);
            let pose = read.as_ref().ok().zip(place).map(|(truth, place)| jobs::first_pose(&truth.volume, &place));
            CompareDone::Truth(path, read, pose)
        });
    }

    fn stop_reading_truth(&mut self) {
        if let Some((_, progress)) = self.state.compare.reading.take() {
            progress.cancel();
        }
        self.jobs.cancel(Lane::Compare(CompareLane::Truth));
    }

    fn close_truth(&mut self) {
        self.stop_reading_truth();
        let compare = &mut self.state.compare;
        (compare.truth, compare.alignment, compare.aligning) = (None, None, None);
        self.jobs.cancel(Lane::Compare(CompareLane::Align));
    }

    fn choose_result(&mut self, id: u64) {
        self.state.compare.chosen = id;
        if let Some(entry) = self.state.compare.entry() {
            let frame = entry.case.volume.frame().clone();
            self.state.viewer.state.settle(&frame);
        }
    }

    /// Moves the truth as a step of the view, so that it can be undone.
    pub(super) fn set_pose(&mut self, ctx: &Context, pose: Pose) {
        let compare = self.state.viewer.state.compare;
        self.look(ctx, &ViewCommand::SetCompare(CompareView { pose, ..compare }));
        self.look(ctx, &ViewCommand::EndGesture);
    }

    fn align_truth(&mut self) {
        let compare = &mut self.state.compare;
        let pose = self.state.viewer.state.compare.pose;
        let Some(key) = compare.entry().and_then(|e| compare.key_of(e, pose)) else { return };
        let progress = Arc::new(Progress::new());
        progress.expect(ALIGN_PARTS);
        (compare.aligning, compare.alignment) = (Some(Arc::clone(&progress)), None);
        self.start_comparison(CompareLane::Align, move |cancel| {
            let go_on = |share: f32| {
                let done = (share * ALIGN_PARTS as f32) as u64;
                progress.add(done.saturating_sub(progress.done()));
                !cancel.is_raised()
            };
            let found = jobs::align_pair(&key, &go_on);
            CompareDone::Aligned(key, found)
        });
    }

    /// Writes what is on screen; what is still being computed is computed there.
    fn export_comparison(&mut self, folder: PathBuf) {
        let view = self.state.viewer.state.clone();
        let compare = &self.state.compare;
        let pair = compare.entry().and_then(|e| Some((e, compare.present_pair(e.id, view.compare.pose)?)));
        let Some((entry, pair)) = pair.filter(|_| !compare.exporting) else {
            let body = "The ground truth is still being brought onto the grid, or another export runs. Try again.";
            return self.state.note(Tone::Warning, "Nothing was exported", body);
        };
        let lungs_key = (pair.key.clone(), view.mask.threshold_hu.round() as i32);
        let export = Export {
            name: entry.name.clone(),
            numbers: entry.numbers.get(Some(&pair.key)).cloned(),
            lungs: entry.lungs.get(Some(&lungs_key)).filter(|_| view.mask.on).cloned(),
            colours: compare_colours(panes_style()),
            folder,
            pair,
            view,
        };
        self.state.compare.exporting = true;
        self.start_comparison(CompareLane::Export, move |cancel| {
            let result = export.write(&|| cancel.is_raised());
            CompareDone::Exported(export.folder, result)
        });
    }

    /// Every model of the list, one after another.
    fn run_all_models(&mut self) {
        if self.state.run.is_some() || self.state.obstacle().is_some() {
            return;
        }
        self.sync_results();
        let mut left = self.state.setup.each_model();
        left.reverse();
        let of = left.len();
        self.state.compare.queue = Queue { left, running: None, of, model_before: self.state.setup.model };
        self.run_next_model();
    }

    /// A model of the queue has ended, `finished` with a volume on screen: keeps it and runs the next one.
    pub(in crate::app) fn queued_model_ended(&mut self, finished: bool) {
        if self.state.compare.queue.running.is_none() {
            return;
        }
        self.sync_results();
        let on_screen = self.state.case.clone().filter(|_| finished);
        let entry = self.state.compare.results.iter_mut().find(|e| on_screen.as_ref().is_some_and(|c| e.is(c)));
        entry.into_iter().for_each(|entry| entry.kept = true);
        self.run_next_model();
    }

    /// The person stopped it: no further model runs.
    pub(in crate::app) fn stop_queue(&mut self) {
        if self.state.compare.queue.running.is_some() {
            self.state.setup.model = self.state.compare.queue.model_before;
        }
        self.state.compare.queue = Queue::default();
    }

    fn run_next_model(&mut self) {
        let kept = self.state.compare.results.iter().filter(|e| e.kept).count();
        match self.state.compare.queue.left.pop().filter(|_| kept < MAX_RESULTS) {
            Some(model) => {
                self.state.compare.queue.running = Some(model);
                self.state.setup.model = model;
                self.reconstruct();
            }
            None => self.stop_queue(),
        }
    }

    /// The list of results follows what is on screen: what was not kept goes with it, what is new comes in.
    pub(super) fn sync_results(&mut self) {
        // A reconstruction that atlases guided is there twice, the networks' volume first.
        let cases: Vec<Arc<Case>> = match (&self.state.pair, &self.state.case) {
            (Some(pair), _) => vec![Arc::clone(&pair.network), Arc::clone(&pair.guided)],
            (None, Some(case)) => vec![Arc::clone(case)],
            (None, None) => Vec::new(),
        };
        let compare = &mut self.state.compare;
        compare.results.retain(|e| e.kept || cases.iter().any(|c| e.is(c)));
        for case in cases {
            if compare.results.iter().any(|e| e.is(&case)) {
                continue;
            }
            let id = compare.next_id + 1;
            (compare.next_id, compare.chosen) = (id, id);
            let name = fresh_name(&compare.results, &name_of(&case));
            let borrowed = case.guided.as_ref().and_then(|guided| borrowed_volume(&case.volume, &guided.borrowed));
            let scene = Scene::new(Arc::clone(&case.volume)).with_borrowed(borrowed);
            compare.results.push(Entry::new(id, name, case, scene));
        }
        for entry in compare.results.iter_mut().filter(|e| !e.scene.has_errors()) {
            if let Some(errors) = entry.case.errors.get() {
                entry.scene = entry.scene.clone().with_errors(Some(Arc::clone(errors)));
            }
        }
        if compare.entry().is_none() {
            compare.chosen = compare.results.last().map_or(0, |e| e.id);
        }
    }

    /// The profile's line at first: across the picture, through the crosshair.
    fn begin_profile(&mut self, ctx: &Context) {
        let view = self.state.viewer.state.compare;
        let Some(entry) = self.state.compare.entry() else { return };
        if self.state.compare.evidence != super::state::Evidence::Profile || view.profile_mm.is_some() {
            return;
        }
        let extent = entry.case.volume.frame().extent_mm();
        let along = if view.axis == Axis::X { Axis::Y } else { Axis::X };
        let middle = self.state.viewer.state.cursor_mm;
        let end = |side: f64| {
            let mut point = middle;
            point[along.index()] = entry.case.volume.frame().centre_mm()[along.index()];
            point[along.index()] += side * 0.4 * extent[along.index()];
            point
        };
        let profile_mm = Some([end(-1.0), end(1.0)]);
        self.look(ctx, &ViewCommand::SetCompare(CompareView { profile_mm, ..view }));
    }

    /// What files dropped on this workspace are: the truth, unless they are a session.
    pub(in crate::app) fn dropped_on_comparison(&mut self, paths: Vec<PathBuf>) {
        let (sessions, mut cts): (Vec<_>, Vec<_>) =
            paths.into_iter().partition(|path| crate::app::session::Session::is_named_so(path));
        if !sessions.is_empty() {
            self.outbox.send(Command::Open(sessions));
        }
        if let Some(path) = (!cts.is_empty()).then(|| cts.swap_remove(0)) {
            self.outbox.send(Command::Compare(CompareCommand::OpenTruth(path)));
        }
    }
}

/// The name, with a number where it is taken.
fn fresh_name(results: &[Entry], name: &str) -> String {
    let names = (1..).map(|n| if n == 1 { name.to_owned() } else { format!("{name} ({n})") });
    let mut free = names.filter(|name| !results.iter().any(|e| e.name == *name));
    free.next().unwrap_or_default()
}
