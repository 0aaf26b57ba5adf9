//! The workspace Train, driven by the roles and names that assistive tools read; and what its charts are drawn with.

use biplane::app::command::Command;
use biplane::app::settings::Workspace;
use biplane::app::state::{Purpose, State};
use biplane::app::train::active::Doing;
use biplane::app::train::charts;
use biplane::app::train::command::{TrainCommand, TrainPurpose};
use biplane::app::train::compare::{Differs, difference};
use biplane::app::train::history::{History, Quantity};
use biplane::app::train::lines::{self, ChartOptions};
use biplane::app::train::state::{Check, Closing, Page, Stand};
use biplane::app::{LaunchOptions, Workstation};
use biplane::nn::ModelSource;
use biplane::train::event::{Step, Term};
use biplane::train::plan::{LossPlan, Stage};
use biplane::train::table::Tables;
use biplane::train::{Preset, TrainPlan};
use egui::ViewportCommand;
use egui::accesskit::Role;
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

type App = Harness<'static, Option<Workstation>>;

/// Longest wait for background work; generous, since machines that test are busy.
const PATIENCE: Duration = Duration::from_secs(240);
/// Steps of the tiny plan: two cases, so many epochs of each stage.
const EPOCHS: [u64; 2] = [24, 2];

fn start(folder: &Path) -> App {
    let options = LaunchOptions {
        runs: Some(folder.join("runs")),
        settings: Some(folder.join("settings.toml")),
        ..LaunchOptions::default()
    };
    let frame = move |ui: &mut egui::Ui, app: &mut Option<Workstation>| {
        let ctx = ui.ctx().clone();
        app.get_or_insert_with(|| Workstation::new(&ctx, &options)).ui(ui);
    };
    let mut app = Harness::builder().with_size([1280.0, 800.0]).build_ui_state(frame, None);
    app.step();
    app
}

fn state(app: &App) -> &State {
    app.state().as_ref().unwrap().state()
}

fn send(app: &mut App, command: TrainCommand) {
    app.state_mut().as_mut().unwrap().send(Command::Train(command));
    app.step();
}

fn press(app: &mut App, name: &str) {
    app.get_by_role_and_label(Role::Button, name).click();
    app.step();
    app.step();
}

fn to_train(app: &mut App) {
    app.get_by_role_and_label(Role::Tab, "Train").click();
    app.step();
    app.step();
}

/// Frames until `there` says so.
fn wait(app: &mut App, what: &str, there: impl Fn(&State) -> bool) {
    let begun = Instant::now();
    while !there(state(app)) {
        assert!(begun.elapsed() < PATIENCE, "still waiting for {what}; {:?}", state(app).notes);
        std::thread::sleep(Duration::from_millis(5));
        app.step();
    }
    app.step();
    app.step();
}

fn shows(app: &App, text: &str) -> bool {
    app.query_all_by_label_contains(text).next().is_some()
}

/// Both stages in seconds: two synthetic thoraxes, the smallest networks, one loss.
fn tiny() -> TrainPlan {
    let mut plan = Preset::Smoke.plan().unwrap();
    (plan.data.synthetic_cases, plan.data.radiograph_share) = (2, 0.0);
    (plan.network.coarse_width, plan.network.refine_width) = (2, 2);
    plan.losses = LossPlan::l1_only();
    plan.steps.checkpoint_every = 1000;
    for (phase, epochs) in plan.phase.iter_mut().zip(EPOCHS) {
        (phase.side, phase.epochs, phase.validate_every) = (32, epochs, epochs / 2);
    }
    plan
}

fn with_tiny_plan(folder: &Path) -> App {
    let mut app = start(folder);
    to_train(&mut app);
    press(&mut app, "Preset smoke: synthetic thoraxes, minutes, to see that training works");
    send(&mut app, TrainCommand::SetPlan(Box::new(tiny())));
    wait(&mut app, "the list of runs", |s| s.train.listed);
    app
}

fn step(app: &App) -> u64 {
    state(app).train.active.as_ref().map_or(0, |a| a.step)
}

#[test]
fn a_run_is_started_paused_stopped_resumed_and_its_model_used() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("runs").join("smoke-1");
    let mut app = with_tiny_plan(folder.path());
    assert!(shows(&app, "No run yet") && !run.exists(), "an empty list says what to do, and nothing trains by itself");
    press(&mut app, "Start training");
    wait(&mut app, "steps", |s| s.train.active.as_ref().is_some_and(|a| a.step >= 2));
    assert!(shows(&app, "Seconds a step") && shows(&app, "CPU"));

    press(&mut app, "Pause");
    wait(&mut app, "the pause", |s| s.train.active.as_ref().is_some_and(|a| a.doing == Doing::Held));
    let held = step(&app);
    for _ in 0..20 {
        std::thread::sleep(Duration::from_millis(10));
        app.step();
    }
    assert_eq!(step(&app), held, "a paused run takes no step");
    press(&mut app, "Save");
    wait(&mut app, "the checkpoint", |s| s.train.active.as_ref().is_some_and(|a| a.checkpoint == Some((0, held))));
    press(&mut app, "Continue");
    wait(&mut app, "steps after the pause", |s| s.train.active.as_ref().is_some_and(|a| a.step > held + 1));
    press(&mut app, "Stop");
    let stopping = app.query_by_role_and_label(Role::Button, "Stopping").is_some();
    assert!(stopping || state(&app).train.active.is_none(), "the button answers at once");
    wait(&mut app, "the end", |s| s.train.active.is_none() && !s.train.runs.is_empty());
    assert!(matches!(state(&app).train.runs[0].stand, Stand::Stopped { phase: 0, of: 2, step } if step > held));
    assert!(shows(&app, "Stopped in phase 1 of 2") && app.query_by_role_and_label(Role::Button, "Resume").is_some());
    drop(app);

    // A launch later: the workspace is remembered, and the unfinished run is offered.
    let mut app = start(folder.path());
    assert_eq!(state(&app).workspace, Workspace::Train);
    wait(&mut app, "the list of runs", |s| !s.train.runs.is_empty());
    press(&mut app, "Resume smoke-1");
    wait(&mut app, "the end", |s| s.train.active.is_none() && s.train.runs[0].stand == Stand::Finished);
    let view = state(&app).train.view(&run).unwrap();
    assert_eq!(view.history.len() as u64, 2 * (EPOCHS[0] + EPOCHS[1]), "no step twice, none lost");
    let read = History::from_tables(&Tables::read(&run).unwrap(), 0.9);
    assert_eq!(read.validations().len(), view.history.validations().len());
    assert!(view.picture.is_some() && !view.previews.is_empty(), "the preview of the last validation is there");

    press(&mut app, "Earlier preview");
    wait(&mut app, "the earlier picture", |s| {
        let view = s.train.view(&s.train.runs[0].folder).unwrap();
        let wanted = view.wanted_preview().map(|p| (p.phase, p.step));
        view.preview.is_some() && view.picture.as_ref().map(|(_, shown)| *shown) == wanted
    });
    press(&mut app, "Use this model");
    assert_eq!(state(&app).workspace, Workspace::Reconstruct);
    let setup = &state(&app).setup;
    assert_eq!(setup.models[setup.model].source, ModelSource::Folder(run.join("best")));
    assert!(app.query_by_role_and_label(Role::Tab, "Train").is_some());
}

#[test]
fn faults_are_said_in_words_and_forbid_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let mut app = start(folder.path());
    to_train(&mut app);
    let disabled = |app: &App| app.get_by_role_and_label(Role::Button, "Start training").accesskit_node().is_disabled();
    assert!(!disabled(&app), "the first plan needs nothing");
    press(&mut app, "Preset paper: width 64, 220 + 100 epochs, as published");
    assert!(disabled(&app) && shows(&app, "nothing to learn from"));
    assert!(app.get_by_role_and_label(Role::Button, "Check").accesskit_node().is_disabled());
    press(&mut app, "Start training");
    assert!(state(&app).train.active.is_none() && !folder.path().join("runs").exists());
    app.state_mut().as_mut().unwrap().send(Command::Given(Purpose::Train(TrainPurpose::Data), PathBuf::from("/cts")));
    app.step();
    app.step();
    assert!(!disabled(&app), "{:?}", state(&app).train.obstacle());
    press(&mut app, "Phase 1 remove");
    press(&mut app, "Phase 1 remove");
    assert!(disabled(&app) && shows(&app, "No phase yet"));
    press(&mut app, "Add phase");
    assert!(!disabled(&app));
    let mut plan = state(&app).train.draft.plan.clone().unwrap();
    plan.network.coarse_width = 0;
    send(&mut app, TrainCommand::SetPlan(Box::new(plan)));
    app.step();
    assert!(disabled(&app) && shows(&app, "a width of 0"));
}

#[test]
fn a_plan_is_saved_opened_and_its_phases_reordered() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mine.toml");
    let mut app = with_tiny_plan(folder.path());
    press(&mut app, "Phase 1 later");
    let stages = |app: &App| -> Vec<Stage> {
        state(app).train.draft.plan.as_ref().unwrap().phase.iter().map(|p| p.stage).collect()
    };
    assert_eq!(stages(&app), [Stage::Refine, Stage::Coarse]);
    let give = |app: &mut App, purpose| {
        app.state_mut().as_mut().unwrap().send(Command::Given(Purpose::Train(purpose), file.clone()));
        app.step();
    };
    give(&mut app, TrainPurpose::SavePlan);
    wait(&mut app, "the file", |s| s.notes.iter().any(|n| n.head == "Plan saved"));
    let edited = state(&app).train.draft.plan.clone();
    press(&mut app, "Preset compact: width 16, packed, for small machines");
    assert_ne!(state(&app).train.draft.plan, edited);
    give(&mut app, TrainPurpose::OpenPlan);
    wait(&mut app, "the plan", |s| s.train.draft.origin == "mine.toml");
    assert_eq!(state(&app).train.draft.plan, edited);
    assert!(state(&app).train.draft.folder.ends_with("runs/mine-1"));
    std::fs::write(&file, "seed = 1\nsead = 2\n").unwrap();
    give(&mut app, TrainPurpose::OpenPlan);
    wait(&mut app, "the error", |s| s.notes.iter().any(|n| n.head == "mine.toml was not opened"));
    assert_eq!(state(&app).train.draft.plan, edited, "the plan on screen stays");
}

#[test]
fn a_check_tells_cases_time_and_space_and_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut app = with_tiny_plan(folder.path());
    press(&mut app, "Check");
    wait(&mut app, "the check", |s| matches!(s.train.check, Check::Done(_)));
    let Check::Done(found) = &state(&app).train.check else { unreachable!() };
    assert_eq!((found.1.training, found.1.validation, found.1.phases.len()), (2, 1, 2));
    assert!(shows(&app, "2 to learn from, 1 to check") && shows(&app, "beside validation"));
    assert!(state(&app).train.active.is_none() && !folder.path().join("runs").exists(), "a check starts nothing");
    let mut plan = tiny();
    plan.seed = 9;
    send(&mut app, TrainCommand::SetPlan(Box::new(plan)));
    app.step();
    assert!(shows(&app, "The plan was changed since"));
}

#[test]
fn closing_the_window_asks_and_stops_with_a_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let mut app = with_tiny_plan(folder.path());
    press(&mut app, "Start training");
    wait(&mut app, "steps", |s| s.train.active.as_ref().is_some_and(|a| a.step >= 1));
    let commands = |app: &App| app.output().viewport_output[&egui::ViewportId::ROOT].commands.clone();
    let root = egui::ViewportId::ROOT;
    app.input_mut().viewports.entry(root).or_default().events.push(egui::ViewportEvent::Close);
    app.step();
    assert!(commands(&app).contains(&ViewportCommand::CancelClose), "{:?}", commands(&app));
    app.input_mut().viewports.entry(root).or_default().events.clear();
    app.step();
    assert!(shows(&app, "Training is running") && state(&app).train.closing == Closing::Asking);
    press(&mut app, "Stop and close");
    let begun = Instant::now();
    while !commands(&app).contains(&ViewportCommand::Close) {
        assert!(begun.elapsed() < PATIENCE, "the window never closes");
        std::thread::sleep(Duration::from_millis(5));
        app.step();
    }
    assert!(folder.path().join("runs/smoke-1/checkpoint.safetensors").is_file());
}

/// A history of `count` steps in two phases, its loss falling, with one spike.
fn long(count: u64) -> History {
    let mut history = History::new(0.9);
    for k in 0..count {
        let (phase, step) = if k < count / 2 { (0, k + 1) } else { (1, k + 1 - count / 2) };
        let wave = 0.1 * ((k * 2_654_435_761) % 1000) as f64 / 1000.0;
        let loss = if k == count / 3 { 500.0 } else { 1.0 / (1.0 + k as f64 / 1000.0) + wave };
        let term = if phase == 0 { Term::SquaredError } else { Term::AbsoluteError };
        history.push_step(&Step {
            phase,
            epoch: 1,
            step,
            share: 0.5,
            loss,
            terms: vec![(term, loss)],
            gradient: 1.0,
            lr: 1e-4,
            seconds: 0.1,
            waited: 0.0,
        });
    }
    history
}

#[test]
fn a_long_run_is_drawn_with_few_points_that_leave_nothing_out() {
    let history = long(50_000);
    let shown: Vec<Quantity> = Quantity::losses().collect();
    let options = ChartOptions { shown, ..ChartOptions::default() };
    // Loss over all steps, two parts over half of them: raw bands of 2 x 500 and 800 smoothed points at most each.
    let all = 0.0..=50_000.0;
    let points = charts::drawn_points(&history, &options, &all);
    assert!(points > 1000 && points < 3 * 1900, "{points}");
    let part = charts::drawn_points(&history, &options, &(20_000.0..=20_400.0));
    assert!(part < 3 * 1900, "{part}");
    let curve = lines::raw(&history, Quantity::Loss, &all, false);
    let top = curve.values().fold(0.0, f64::max);
    assert_eq!(top, 500.0, "a spike of one step is still seen");
    let near = lines::raw(&history, Quantity::Loss, &(100.0..=200.0), false);
    assert!(near.len() >= 100 && near.len() < 110, "every step where there are few: {}", near.len());
    // The parts of the loss are cut where phases begin, not drawn across.
    let part = lines::raw(&history, Quantity::Part(Term::AbsoluteError), &all, false);
    assert!(part.parts.iter().flatten().all(|p| p[0] > 24_800.0));
    assert_eq!(lines::smoothed(&history, Quantity::Loss, &all, true).parts.len(), 2);
}

#[test]
fn outliers_can_be_ignored_and_a_log_axis_leaves_out_what_it_cannot_show() {
    let values = || (0..1000).map(|k| if k == 500 { 1e9 } else { f64::from(k % 10) });
    let wide = lines::span(values(), false).unwrap();
    let usual = lines::span(values(), true).unwrap();
    assert!(*wide.end() > 1e8 && *usual.end() < 11.0 && *usual.start() < 0.5, "{usual:?}");
    assert_eq!(lines::span([f64::NAN].into_iter(), false), None);
    assert_eq!((lines::on_axis(0.0, true), lines::on_axis(100.0, true)), (None, Some(2.0)));
}

#[test]
fn smoothing_never_rewrites_the_past() {
    let all = |h: &History| h.smoothed(Quantity::Loss, 0, 400, usize::MAX);
    let (short, whole) = (long(1200), long(1200));
    let before = all(&short);
    let mut longer = long(400);
    longer.set_smoothing(0.9);
    // The same first steps with and without what came later: `long` puts its phases by its length, so compare one
    // history with itself after more steps.
    let mut growing = History::new(0.9);
    let mut seen = Vec::new();
    for k in 0..300u64 {
        let loss = ((k * 37) % 11) as f64;
        growing.push_step(&Step {
            phase: 0,
            epoch: 1,
            step: k + 1,
            share: 0.0,
            loss,
            terms: Vec::new(),
            gradient: 0.0,
            lr: 0.0,
            seconds: 0.0,
            waited: 0.0,
        });
        seen.push(growing.smoothed(Quantity::Loss, k as usize, k as usize + 1, 1)[0].1);
    }
    let later: Vec<f32> = growing.smoothed(Quantity::Loss, 0, 300, usize::MAX).into_iter().map(|(_, v)| v).collect();
    assert_eq!(seen, later);
    let raw = growing.ranges(Quantity::Loss, 0, 300, usize::MAX);
    growing.set_smoothing(0.99);
    assert_eq!(growing.ranges(Quantity::Loss, 0, 300, usize::MAX), raw, "raw values stay");
    assert_ne!(growing.smoothed(Quantity::Loss, 0, 300, usize::MAX)[200].1, later[200]);
    assert_eq!(before, all(&whole));
}

#[test]
fn a_resumed_run_forgets_what_its_checkpoint_does_not_know() {
    let whole = long(100);
    let mut cut = long(100);
    cut.cut(1, 10);
    assert_eq!((cut.len(), cut.phases().len()), (60, 2));
    let mut live = long(100);
    live.cut(0, 0);
    assert!(live.is_empty() && !live.has(Quantity::Loss));
    // Tables that reach further than where the run goes on: the live steps win.
    let joined = whole.clone().followed_by(&{
        let mut tail = History::new(0.9);
        tail.push_step(&Step {
            phase: 1,
            epoch: 1,
            step: 11,
            share: 0.0,
            loss: 7.0,
            terms: Vec::new(),
            gradient: 0.0,
            lr: 0.0,
            seconds: 0.0,
            waited: 0.0,
        });
        tail
    });
    assert_eq!(joined.len(), 61);
    assert_eq!(joined.last(Quantity::Loss), Some(7.0));
}

#[test]
fn two_runs_are_compared_by_curves_and_by_the_lines_of_their_plans() {
    let folder = tempfile::tempdir().unwrap();
    let mut plans = [tiny(), tiny()];
    (plans[0].seed, plans[0].phase[1].lr_high) = (1, 1e-3);
    (plans[1].seed, plans[1].phase[1].lr_high) = (8, 5e-4);
    for (k, plan) in plans.iter().enumerate() {
        let run = folder.path().join("runs").join(format!("try-{}", k + 1));
        std::fs::create_dir_all(&run).unwrap();
        std::fs::write(run.join("plan.toml"), plan.to_toml().unwrap()).unwrap();
        std::fs::write(
            run.join("losses.csv"),
            "phase,epoch,step,share,lr,loss,mse,gradient,seconds,waited\n0,1,1,0,1e-3,0.5,0.5,1,0.1,0\n",
        )
        .unwrap();
        std::fs::write(run.join("validation.csv"), "phase,step,case,mae_hu\n0,1,a,123.4\n0,1,mean,123.4\n").unwrap();
    }
    let mut app = start(folder.path());
    to_train(&mut app);
    wait(&mut app, "the list of runs", |s| s.train.runs.len() == 2);
    assert!(shows(&app, "Ended before a checkpoint") && shows(&app, "123.4 HU"));
    press(&mut app, "Compare try-1");
    press(&mut app, "Compare try-2");
    wait(&mut app, "both tables", |s| s.train.picked.iter().all(|p| s.train.view(p).is_some_and(|v| v.plan.is_some())));
    assert_eq!(state(&app).train.page, Page::Pair);
    for text in ["seed = 1", "seed = 8", "phase 2: lr_high = 0.0005", "phase 2: lr_high = 0.001"] {
        assert!(shows(&app, text), "{text}");
    }
    let lines: Vec<String> = ["[a]", "x = 1", "y = 2", "[[phase]]", "z = 3"].map(String::from).to_vec();
    let other: Vec<String> = ["[a]", "y = 2", "[[phase]]", "z = 4"].map(String::from).to_vec();
    let found = difference(&lines, &other);
    let first = |t: &str| Differs::First(t.into());
    assert_eq!(found, [first("a.x = 1"), first("phase 1: z = 3"), Differs::Second("phase 1: z = 4".into())]);
    assert_eq!(difference(&lines, &lines), []);
}
