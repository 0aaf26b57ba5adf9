//! The workspace Compare, driven by the roles and names that assistive tools read; that no number outlives what it
//! belongs to; and what a truth is told to be.

use super::app::{App, press, send, settle, start, state};
use biplane::app::LaunchOptions;
use biplane::app::command::Command;
use biplane::app::compare::command::{CompareCommand, ComparePurpose};
use biplane::app::compare::held::{Held, Shown};
use biplane::app::compare::jobs;
use biplane::app::compare::state::{Entry, Truth};
use biplane::app::compare::truth::facts;
use biplane::app::settings::Workspace;
use biplane::app::state::{Case, Origin, Purpose, State};
use biplane::app::viewport::{CompareLayout, CompareMode, CompareView, Scene, ViewCommand};
use biplane::app::widgets::Tone;
use biplane::geometry::phantom::{ThoraxLimits, thorax};
use biplane::geometry::resample::resample;
use biplane::geometry::{Axis, Frame, Pose, Volume};
use biplane::io::{self, Sensitive, SourceInfo};
use biplane::metrics::align::{align, correlation};
use egui::accesskit::Role;
use egui::{Key, Modifiers, PointerButton, pos2};
use egui_kittest::kittest::Queryable;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// The side of the volumes here, voxels: small, since tests are many.
const SIDE: usize = 48;

/// A thorax on a small cube.
fn body() -> Arc<Volume> {
    static BODY: OnceLock<Arc<Volume>> = OnceLock::new();
    let made = || Arc::new(thorax(3, &ThoraxLimits::default()).volume(&Frame::cube_of(SIDE, [0.0; 3]), 1));
    Arc::clone(BODY.get_or_init(made))
}

fn written(folder: &Path, name: &str, volume: &Volume) -> PathBuf {
    let path = folder.join(name);
    io::nifti::write(&path, volume).unwrap();
    path
}

/// The workspace with a volume in it and nothing else.
fn with_result() -> App {
    let mut app = start(LaunchOptions::default());
    app.state_mut().as_mut().unwrap().show_volume(body(), Origin::File { info: Box::default(), warnings: Vec::new() });
    app.get_by_role_and_label(Role::Tab, "Compare").click();
    app.step();
    app.step();
    app
}

/// The same with this truth, everything computed.
fn with_truth(folder: &Path, truth: &Volume) -> App {
    let mut app = with_result();
    let path = written(folder, "truth.nii.gz", truth);
    send(&mut app, Command::Given(Purpose::Compare(ComparePurpose::Truth), path));
    finish(&mut app);
    app
}

/// Frames until everything that follows from the last wish is there: each result asks for the next.
fn finish(app: &mut App) {
    (0..6).for_each(|_| settle(app));
}

fn view(app: &App) -> CompareView {
    state(app).viewer.state.compare
}

fn set(app: &mut App, view: CompareView) {
    send(app, Command::View(ViewCommand::SetCompare(view)));
    app.step();
}

fn shows(app: &App, text: &str) -> bool {
    app.query_all_by_label_contains(text).next().is_some()
}

fn entry(app: &App) -> &Entry {
    state(app).compare.entry().unwrap()
}

/// Whether the numbers of volume, slice and bands are there for what is on screen now.
fn numbers_shown(app: &App) -> [bool; 3] {
    let (entry, pose) = (entry(app), view(app).pose);
    let key = state(app).compare.key_of(entry, pose);
    let slice = state(app).slice_key();
    [
        entry.numbers.get(key.as_ref()).is_some(),
        state(app).compare.slice.get(slice.as_ref()).is_some(),
        entry.details.get(key.as_ref()).is_some(),
    ]
}

#[test]
fn a_value_is_given_out_beside_what_it_belongs_to_alone() {
    let mut held: Held<u32, &str> = Held::default();
    assert_eq!(held.shown(None), Shown::Nothing);
    assert!(held.ask(&1) && !held.ask(&1), "asked for once");
    assert_eq!(held.shown(Some(&1)), Shown::Computing);
    held.take(1, "one");
    assert_eq!((held.get(Some(&1)), held.get(Some(&2)), held.get(None)), (Some(&"one"), None, None));
    assert!(held.ask(&2));
    held.take(1, "late");
    assert_eq!(held.shown(Some(&2)), Shown::Computing, "what comes late is dropped");
    assert_eq!(held.get(Some(&1)), Some(&"one"));
    held.take(2, "two");
    assert_eq!((held.get(Some(&1)), held.shown(Some(&2))), (None, Shown::There(&"two")));
    held.lose();
    assert!(held.ask(&2), "what was lost is asked for again");
}

#[test]
fn a_pose_and_its_inverse_cancel_and_move_a_volume_as_they_move_points() {
    let pose = Pose { shift_mm: [12.0, -7.5, 30.0], turn_rad: [0.1, -0.2, 0.3] };
    let about = [5.0, 6.0, -7.0];
    for point in [[0.0; 3], [100.0, -40.0, 12.0]] {
        let back = pose.back(pose.moved(point, about), about);
        assert!(back.iter().zip(point).all(|(a, b)| (a - b).abs() < 1e-9), "{back:?}");
    }
    let frame = Frame::cube_of(SIDE, [0.0; 3]);
    let before = pose.frame_before(&frame);
    for voxel in [[0.0; 3], [3.0, 20.0, 47.0]] {
        let (from, to) = (before.world_from_voxel(voxel), frame.world_from_voxel(voxel));
        let moved = pose.moved(from, frame.centre_mm());
        assert!(moved.iter().zip(to).all(|(a, b)| (a - b).abs() < 1e-9), "{moved:?} {to:?}");
    }
    assert_eq!(Pose::default().frame_before(&frame), frame);
    assert_eq!(Pose::shift([f64::NAN; 3]).frame_before(&frame), frame, "what is no number moves nothing");
}

#[test]
fn a_known_shift_and_turn_are_found_to_a_fraction_of_a_voxel() {
    let frame = Frame::cube_of(SIDE, [0.0; 3]);
    let fixed = thorax(5, &ThoraxLimits::default()).volume(&frame, 1);
    // The moving volume stands elsewhere on a grid of its own: what is to be found is the way back.
    let away = Pose { shift_mm: [-21.0, 13.0, 34.0], turn_rad: [0.0, 0.0, 0.06] };
    let grid = Frame::centred([52, 44, 50], [7.0, 8.0, 7.0], [0.0; 3]).unwrap();
    let moving = resample(&fixed, &away.frame_before(&grid)).with_frame(grid).unwrap();
    let found = align(&fixed, &moving, Pose::default(), &|_| true).unwrap();
    assert!(found.correlation[1] > found.correlation[0] && found.correlation[1] > 0.95, "{found:?}");
    let voxel_mm = frame.spacing_mm()[0];
    for point in [[60.0, -30.0, 40.0], [-70.0, 20.0, -50.0]] {
        let there = found.pose.moved(away.moved(point, [0.0; 3]), frame.centre_mm());
        let off = there.iter().zip(point).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt();
        assert!(off < 0.5 * voxel_mm, "{off} mm of {voxel_mm}: {found:?}");
    }
    assert_eq!(align(&fixed, &moving, Pose::default(), &|_| false), None, "a cancelled search gives nothing");
    let empty = Volume::filled(frame.clone(), biplane::units::Hu(-1024.0));
    assert_eq!(correlation(&fixed, &empty), None);
    assert!(align(&empty, &moving, Pose::default(), &|_| true).is_none(), "a constant volume has no place");
    assert!((correlation(&fixed, &fixed).unwrap() - 1.0).abs() < 1e-9);
}

#[test]
fn the_tab_says_what_to_do_and_shows_what_is_on_screen() {
    let mut app = start(LaunchOptions::default());
    app.get_by_role_and_label(Role::Tab, "Compare").click();
    app.step();
    app.step();
    assert_eq!(state(&app).workspace, Workspace::Compare);
    assert!(shows(&app, "Nothing to compare yet"));
    press(&mut app, "Go to Reconstruct");
    assert_eq!(state(&app).workspace, Workspace::Reconstruct);
    let app = with_result();
    assert!(app.query_by_role_and_label(Role::Image, "Axial, Reconstruction").is_some());
    assert!(shows(&app, "need a ground truth"));
}

#[test]
fn a_volume_against_itself_has_no_error_anywhere() {
    let folder = tempfile::tempdir().unwrap();
    let mut app = with_truth(folder.path(), &body());
    for pane in ["Axial, Reconstruction", "Axial, Ground truth", "Axial, Difference (reconstruction − truth), HU"] {
        assert!(app.query_by_role_and_label(Role::Image, pane).is_some(), "{pane}");
    }
    assert_eq!(numbers_shown(&app), [true; 3]);
    let shown = Arc::clone(state(&app).compare.present_pair(entry(&app).id, view(&app).pose).as_ref().unwrap());
    assert_eq!(shown.truth.hu(), body().hu());
    assert!((shown.correlation.unwrap() - 1.0).abs() < 1e-9 && shown.covered == 1.0);
    assert!(shows(&app, "∞") && shows(&app, "1.0000"), "PSNR and SSIM");
    assert!(facts(state(&app)).iter().all(|(tone, _)| tone.is_none()), "{:?}", facts(state(&app)));
    for (tab, text) in [
        ("Errors by kind of tissue", "soft tissue"),
        ("Which HU stands where which one should", "Mutual information"),
        ("Both volumes along a line", "mm long"),
    ] {
        press(&mut app, tab);
        assert!(shows(&app, text), "{tab}");
    }
    assert!(app.query_by_role_and_label(Role::Image, "Line profile, HU over mm").is_some());
    press(&mut app, "Fold the numbers away");
    assert!(!shows(&app, "mm long"));
}

#[test]
fn numbers_of_an_older_shift_slice_or_volume_are_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    let mut app = with_truth(folder.path(), &body());
    assert_eq!(numbers_shown(&app), [true; 3]);
    // A shift: all go in the very next frame, before any job has answered.
    app.state_mut().as_mut().unwrap().send(Command::View(ViewCommand::MoveTruth([14.0, 0.0, 0.0])));
    app.step();
    assert_eq!(numbers_shown(&app), [false; 3]);
    app.step();
    assert!(!shows(&app, "∞"), "no number of the old place is on screen");
    finish(&mut app);
    assert_eq!(numbers_shown(&app), [true; 3]);
    assert!(!shows(&app, "∞") && view(&app).pose.shift_mm == [14.0, 0.0, 0.0]);
    // Another slice: its own numbers go, those of the volume stay.
    app.state_mut().as_mut().unwrap().send(Command::View(ViewCommand::Step { axis: Axis::Z, slices: 3 }));
    app.step();
    assert_eq!(numbers_shown(&app), [true, false, true]);
    finish(&mut app);
    assert_eq!(numbers_shown(&app), [true; 3]);
    // Another volume on screen, and another truth.
    let other = Volume::filled(body().frame().clone(), biplane::units::Hu(-700.0));
    let origin = Origin::File { info: Box::default(), warnings: Vec::new() };
    app.state_mut().as_mut().unwrap().show_volume(Arc::new(other), origin);
    app.step();
    assert_eq!(numbers_shown(&app), [false; 3]);
    finish(&mut app);
    assert_eq!(numbers_shown(&app), [true; 3]);
    send(&mut app, Command::Compare(CompareCommand::CloseTruth));
    assert_eq!(numbers_shown(&app), [false; 3]);
}

#[test]
fn the_divider_is_dragged_and_keys_and_buttons_change_the_way() {
    let folder = tempfile::tempdir().unwrap();
    let mut app = with_truth(folder.path(), &body());
    press(&mut app, "Swipe: a divider between both (C: next way)");
    assert_eq!(view(&app).mode, CompareMode::Swipe);
    let grip = app.get_by_role_and_label(Role::Slider, "Swipe divider").rect().center();
    let before = view(&app).divider;
    drag(&mut app, grip, [grip.x + 90.0, grip.y], PointerButton::Primary, Modifiers::NONE);
    let after = view(&app).divider;
    assert!(after > before + 0.1, "{before} to {after}");
    app.key_press(Key::C);
    app.step();
    app.step();
    assert_eq!(view(&app).mode, CompareMode::Checkerboard);
    app.key_press(Key::P);
    app.step();
    app.step();
    assert_eq!(view(&app).axis, Axis::Y);
    assert!(app.query_by_role_and_label(Role::Image, "Coronal, Reconstruction and ground truth in tiles").is_some());
    app.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    app.step();
    app.step();
    assert_eq!(view(&app).axis, Axis::Z, "the way to look is undone as elsewhere");
    press(&mut app, "All three planes");
    assert_eq!(view(&app).layout, CompareLayout::Planes);
    assert_eq!(app.query_all_by_label_contains("Difference (reconstruction").count(), 3);
}

/// A drag from one place to another.
fn drag(app: &mut App, from: egui::Pos2, to: [f32; 2], button: PointerButton, modifiers: Modifiers) {
    let to = pos2(to[0], to[1]);
    let press = |pressed, pos| egui::Event::PointerButton { pos, button, pressed, modifiers };
    app.event(egui::Event::PointerMoved(from));
    app.step();
    app.event_modifiers(press(true, from), modifiers);
    app.step();
    for part in [0.3, 0.7, 1.0] {
        app.event_modifiers(egui::Event::PointerMoved(from + (to - from) * part), modifiers);
        app.step();
    }
    app.event_modifiers(press(false, to), modifiers);
    app.step();
    app.step();
}

#[test]
fn the_truth_is_shifted_by_buttons_keys_and_dragging_and_found_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut app = with_truth(folder.path(), &body());
    press(&mut app, "Shift the truth to the head by 1 mm");
    assert_eq!(view(&app).pose.shift_mm, [0.0, 0.0, 1.0]);
    app.key_press_modifiers(Modifiers::SHIFT, Key::ArrowRight);
    app.step();
    app.step();
    assert_eq!(view(&app).pose.shift_mm, [1.0, 0.0, 1.0], "to the right of the axial picture is the patient's left");
    let middle = app.get_by_role_and_label(Role::Image, "Axial, Ground truth").rect().center();
    let hold = Modifiers { ctrl: true, shift: true, command: true, ..Modifiers::NONE };
    drag(&mut app, middle, [middle.x, middle.y + 20.0], PointerButton::Primary, hold);
    let dragged = view(&app).pose.shift_mm;
    assert!(dragged[1] > 3.0 && dragged[0] == 1.0, "down is to the back: {dragged:?}");
    finish(&mut app);
    press(&mut app, "Align automatically");
    finish(&mut app);
    let found = view(&app).pose;
    assert!(found.shift_mm.iter().all(|v| v.abs() < 2.0), "{found:?} for {dragged:?}");
    assert!(shows(&app, "before,") && state(&app).compare.alignment.is_some());
    app.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    app.step();
    app.step();
    assert_eq!(view(&app).pose.shift_mm, dragged, "an alignment is undone");
    press(&mut app, "Truth where its file puts it");
    assert!(view(&app).pose.is_none());
}

#[test]
fn a_truth_of_another_size_and_orientation_is_brought_onto_the_grid_and_said() {
    let folder = tempfile::tempdir().unwrap();
    // Finer, larger, stored from left to right and from head to foot.
    let turned = [[-1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, -1.0]];
    let frame = Frame::new([80, 76, 80], [5.0; 3], [197.5, -187.5, 197.5], turned).unwrap();
    let truth = thorax(3, &ThoraxLimits::default()).volume(&frame, 1);
    let app = with_truth(folder.path(), &truth);
    let pair = state(&app).compare.present_pair(entry(&app).id, Pose::default()).unwrap();
    assert_eq!(pair.truth.frame(), body().frame());
    assert!(pair.correlation.unwrap() > 0.95, "{:?}", pair.correlation);
    let said = facts(state(&app));
    assert!(said.iter().any(|(_, text)| text.contains("80 × 76 × 80") && text.contains("resampled")), "{said:?}");
}

#[test]
fn a_truth_that_does_not_cover_the_cube_is_said_with_its_share() {
    let folder = tempfile::tempdir().unwrap();
    let short = Frame::centred([48, 48, 24], [358.4 / 48.0; 3], [0.0; 3]).unwrap();
    let app = with_truth(folder.path(), &resample(&body(), &short));
    let said = facts(state(&app));
    assert!(said.iter().any(|(tone, text)| *tone == Some(Tone::Warning) && text.contains("Covers 50 %")), "{said:?}");
    assert!(shows(&app, "Covers 50 %"));
}

#[test]
fn a_truth_that_stands_elsewhere_is_put_onto_the_reconstruction_at_first() {
    let folder = tempfile::tempdir().unwrap();
    let far = body().as_ref().clone().with_frame(body().frame().moved_to([900.0, -400.0, 1200.0])).unwrap();
    let app = with_truth(folder.path(), &far);
    let pair = state(&app).compare.present_pair(entry(&app).id, view(&app).pose).unwrap();
    assert!(pair.covered > 0.7, "{} {:?}", pair.covered, view(&app).pose);
    assert!(facts(state(&app)).iter().any(|(_, text)| text.starts_with("Shifted by")));
    assert_eq!(jobs::covered(far.frame(), body().frame()), 0.0);
}

#[test]
fn a_truth_that_cannot_be_read_is_named_and_nothing_else_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("letter.nii.gz");
    std::fs::write(&path, "Dear colleague, the CT is in the post.").unwrap();
    let mut app = with_result();
    send(&mut app, Command::Compare(CompareCommand::OpenTruth(path)));
    finish(&mut app);
    let note = state(&app).notes.last().unwrap();
    assert!(note.tone == Tone::Danger && note.head.contains("letter.nii.gz") && !note.body.is_empty(), "{note:?}");
    assert!(state(&app).compare.truth.is_none() && state(&app).compare.reading.is_none());
    assert!(app.query_by_role_and_label(Role::Image, "Axial, Reconstruction").is_some());
    // A film is no truth either.
    let film = folder.path().join("film.png");
    io::picture::write_film(&film, &biplane::geometry::Raster::filled(32, 32, 1.0), false).unwrap();
    send(&mut app, Command::Compare(CompareCommand::OpenTruth(film)));
    finish(&mut app);
    assert!(state(&app).notes.last().unwrap().body.contains("film"), "{:?}", state(&app).notes.last());
}

#[test]
fn a_truth_of_another_patient_is_said_without_a_name() {
    let info = |patient: &str, reference: &str| SourceInfo {
        patient_id: Some(Sensitive::new(patient)),
        frame_of_reference: Some(reference.into()),
        ..SourceInfo::default()
    };
    let told = |patient: &str, reference: &str| {
        let mut state = State::default();
        let origin = Origin::File { info: Box::new(info("A-17", "1.2.3")), warnings: Vec::new() };
        let case = Arc::new(Case::new(body(), origin, None));
        state.compare.results.push(Entry::new(7, "result".into(), case, Scene::new(body())));
        state.compare.chosen = 7;
        let (path, volume) = (PathBuf::from("truth.nii"), body());
        let truth = Truth { path, volume, info: info(patient, reference), warnings: Vec::new() };
        state.compare.truth = Some(Arc::new(truth));
        facts(&state)
    };
    let strange = told("B-99", "4.5.6");
    assert!(strange.iter().any(|(tone, text)| *tone == Some(Tone::Danger) && text.contains("Another patient")));
    assert!(strange.iter().any(|(_, text)| text.contains("frame of reference")));
    assert!(strange.iter().all(|(_, text)| !text.contains("B-99") && !text.contains("A-17")), "{strange:?}");
    assert!(told("A-17", "1.2.3").iter().all(|(tone, _)| tone.is_none()));
}

#[test]
fn results_are_kept_named_and_stand_in_columns() {
    let folder = tempfile::tempdir().unwrap();
    let mut app = with_truth(folder.path(), &body());
    press(&mut app, "Keep Volume for comparison");
    let other = resample(&body(), &Frame::cube_of(SIDE, [8.0, 0.0, 0.0])).with_frame(body().frame().clone()).unwrap();
    let origin = Origin::File { info: Box::default(), warnings: Vec::new() };
    app.state_mut().as_mut().unwrap().show_volume(Arc::new(other), origin);
    app.step();
    app.step();
    let names: Vec<&str> = state(&app).compare.results.iter().map(|e| e.name.as_str()).collect();
    assert_eq!(names, ["Volume", "Volume (2)"]);
    press(&mut app, "Every result in a column");
    finish(&mut app);
    for pane in ["Axial, Ground truth", "Axial, Volume", "Axial, Volume (2)", "Axial, Volume (2) − truth, HU"] {
        assert!(app.query_by_role_and_label(Role::Image, pane).is_some(), "{pane}");
    }
    let errors: Vec<f64> = state(&app)
        .compare
        .results
        .iter()
        .map(|e| {
            let key = state(&app).compare.key_of(e, Pose::default());
            e.numbers.get(key.as_ref()).unwrap().comparison.as_ref().unwrap().mae_hu.unwrap()
        })
        .collect();
    assert!(errors[0] == 0.0 && errors[1] > 1.0, "{errors:?}");
    press(&mut app, "Compare Volume");
    assert_eq!(entry(&app).name, "Volume");
    press(&mut app, "Let Volume go");
    app.step();
    assert_eq!(state(&app).compare.results.len(), 1, "what is neither kept nor on screen is gone");
}

#[test]
fn every_model_runs_on_the_same_films_and_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    super::nn::tiny_model(folder.path(), false);
    let mut app = super::app::with_bundled_films();
    app.get_by_role_and_label(Role::Tab, "Compare").click();
    app.step();
    app.step();
    send(&mut app, Command::Given(Purpose::Model, folder.path().to_owned()));
    // The bundled network takes seconds: the tiny one twice shows the same.
    let again = folder.path().join("again");
    std::fs::create_dir(&again).unwrap();
    super::nn::tiny_model(&again, false);
    send(&mut app, Command::Given(Purpose::Model, again));
    app.step();
    app.step();
    assert!(app.query_by_role_and_label(Role::Button, "Run all 4 models").is_some());
    send(&mut app, Command::Compare(CompareCommand::RunAll));
    app.step();
    assert!(state(&app).run.is_some() && shows(&app, "Model 1 of 4"));
    press(&mut app, "Cancel the models");
    settle(&mut app);
    assert_eq!(state(&app).compare.queue, Default::default());
    assert_eq!(state(&app).setup.model, 4, "the chosen model is chosen again");
}

#[test]
fn outlines_of_both_lungs_come_with_the_mask() {
    let folder = tempfile::tempdir().unwrap();
    let mut app = with_truth(folder.path(), &body());
    app.key_press(Key::M);
    app.step();
    app.step();
    finish(&mut app);
    let key = (state(&app).compare.key_of(entry(&app), Pose::default()).unwrap(), -400);
    let lungs = entry(&app).lungs.get(Some(&key)).unwrap();
    assert_eq!(lungs.dice, 1.0);
    assert_eq!(lungs.recon_ml, lungs.truth_ml);
    assert!(shows(&app, "Lung outlines at −400 HU"));
}

#[test]
fn a_session_brings_truth_shift_and_way_back() {
    let folder = tempfile::tempdir().unwrap();
    let volume = written(folder.path(), "recon.nii.gz", &body());
    let session = folder.path().join("case.biplane.toml");
    let mut app = start(LaunchOptions { files: vec![volume], ..LaunchOptions::default() });
    settle(&mut app);
    send(&mut app, Command::GoTo(Workspace::Compare));
    let truth = written(folder.path(), "truth.nii.gz", &body());
    send(&mut app, Command::Compare(CompareCommand::OpenTruth(truth.clone())));
    finish(&mut app);
    let pose = Pose { shift_mm: [1.5, 2.0, -3.0], turn_rad: [0.0, 0.0, 0.01] };
    let wanted = CompareView { mode: CompareMode::Overlay, axis: Axis::X, fused: true, pose, ..view(&app) };
    set(&mut app, wanted);
    send(&mut app, Command::Given(Purpose::SaveSession, session.clone()));
    settle(&mut app);
    let text = std::fs::read_to_string(&session).unwrap();
    assert!(text.contains("truth.nii.gz"));
    let mut again = start(LaunchOptions { files: vec![session.clone()], ..LaunchOptions::default() });
    finish(&mut again);
    assert_eq!(view(&again), wanted);
    assert_eq!(state(&again).compare.truth.as_ref().unwrap().path, truth);
    // A session of before this workspace is read as it was.
    let old: String = text
        .lines()
        .take_while(|l| !l.contains("compare"))
        .filter(|l| !l.starts_with("truth"))
        .collect::<Vec<_>>()
        .join("\n");
    std::fs::write(&session, old).unwrap();
    let mut before = start(LaunchOptions { files: vec![session], ..LaunchOptions::default() });
    finish(&mut before);
    assert!(state(&before).case.is_some() && state(&before).compare.truth.is_none(), "{:?}", state(&before).notes);
}

#[test]
fn what_is_no_number_changes_no_way_to_compare() {
    let view = CompareView::default();
    assert_eq!(CompareView { range_hu: f64::NAN, ..view }.sane(), None);
    assert_eq!(CompareView { pose: Pose::shift([f64::INFINITY, 0.0, 0.0]), ..view }.sane(), None);
    let sane = CompareView { range_hu: 1e9, divider: -3.0, ..view }.sane().unwrap();
    assert_eq!((sane.range_hu, sane.divider), (2000.0, 0.0));
}

#[test]
fn what_is_exported_can_be_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let shifted = resample(&body(), &Frame::cube_of(SIDE, [9.0, 0.0, 0.0])).with_frame(body().frame().clone()).unwrap();
    let mut app = with_truth(folder.path(), &shifted);
    press(&mut app, "Both volumes along a line");
    let out = folder.path().join("out");
    send(&mut app, Command::Given(Purpose::Compare(ComparePurpose::Export), out.clone()));
    finish(&mut app);
    assert_eq!(state(&app).notes.last().unwrap().head, "Comparison exported", "{:?}", state(&app).notes.last());
    let read = |name: &str| io::open_volume(&out.join(name), &io::Progress::new()).unwrap().volume;
    assert_eq!(read("truth-aligned.nii.gz").hu(), shifted.hu());
    let difference = read("difference.nii.gz");
    // CTs are read into [-1024, 3071]; the file holds what lies beyond as well.
    let known = |(a, b): (&i16, &i16)| if *b > -1024 { (a - b).clamp(-1024, 3071) } else { 0 };
    let known: Vec<i16> = body().hu().iter().zip(shifted.hu()).map(known).collect();
    assert!(difference.hu() == known, "the difference is read as it was");
    let json: serde_json::Value = serde_json::from_slice(&std::fs::read(out.join("numbers.json")).unwrap()).unwrap();
    let mean = biplane::metrics::mae::mae(body().hu(), shifted.hu()).unwrap();
    assert!((json["volume"]["mae_hu"].as_f64().unwrap() - mean).abs() < 1e-9);
    assert!(json["lines"].as_array().unwrap().iter().all(|l| !l["definition"].as_str().unwrap().is_empty()));
    let rows = |name: &str| -> Vec<String> {
        let text = std::fs::read_to_string(out.join(name)).unwrap();
        text.lines().filter(|l| !l.starts_with('#')).skip(1).map(str::to_owned).collect()
    };
    assert!(rows("numbers.csv").iter().any(|l| l.starts_with("\"MAE\",")));
    assert!(rows("numbers.csv").iter().any(|l| l.contains("axial slice, voxel")));
    let counted: u64 =
        rows("histogram.csv").iter().map(|l| l.rsplit(',').next().unwrap().parse::<u64>().unwrap()).sum();
    assert_eq!(counted as usize, body().hu().len(), "every voxel is in the histogram");
    let profile = rows("profile.csv");
    assert_eq!(profile.len(), biplane::app::compare::PROFILE_SAMPLES);
    assert!(profile.iter().any(|l| l.split(',').all(|field| field.parse::<f64>().is_ok())));
    assert!(rows("bands.csv").iter().any(|l| l.starts_with("\"lung\",")));
    for plane in ["axial", "coronal", "sagittal"] {
        for what in ["reconstruction", "truth", "difference"] {
            let (size, rgba) = io::screen::read(&out.join(format!("{plane}-{what}.png"))).unwrap();
            assert_eq!(size, [512, 512]);
            assert!(rgba.chunks_exact(4).any(|p| p[0] > 60), "{plane} {what}");
        }
    }
    // A folder that cannot be is named.
    let file = folder.path().join("truth.nii.gz");
    send(&mut app, Command::Given(Purpose::Compare(ComparePurpose::Export), file.join("inside")));
    finish(&mut app);
    let note = state(&app).notes.last().unwrap();
    assert!(note.tone == Tone::Danger && note.body.contains("truth.nii.gz"), "{note:?}");
}

#[test]
fn films_stand_beside_re_projections_with_the_warning_that_a_mirror_passes() {
    let mut app = super::app::with_bundled_films();
    let truth = Arc::new(io::bundled::case().unwrap().truth.volume);
    let origin = Origin::File { info: Box::default(), warnings: Vec::new() };
    app.state_mut().as_mut().unwrap().show_volume(truth, origin);
    send(&mut app, Command::GoTo(Workspace::Compare));
    app.step();
    press(&mut app, "The films beside re-projections");
    finish(&mut app);
    assert!(shows(&app, "A mirrored volume passes this test"));
    let key = state(&app).films_key();
    let shown = state(&app).compare.films.get(key.as_ref()).unwrap().as_ref().unwrap();
    for film in &shown.films {
        assert!(film.relative_error < 0.05 && film.correlation > 0.99, "{} {}", film.relative_error, film.correlation);
    }
    for picture in ["Frontal film: Film", "Lateral film: Re-projected", "Frontal film: Film − re-projected"] {
        assert!(app.query_by_role_and_label(Role::Image, picture).is_some(), "{picture}");
    }
    // The numbers go with the film they were made for.
    let turned = biplane::app::film::Change::MirrorCols;
    app.state_mut().as_mut().unwrap().send(Command::Film(biplane::app::film::Slot::First, turned));
    app.step();
    assert!(state(&app).compare.films.get(state(&app).films_key().as_ref()).is_none());
}

#[test]
fn expected_errors_are_switched_on_where_they_are_known_and_nowhere_else() {
    let mut app = with_result();
    let name = "Expected error over the pictures";
    assert!(app.query_by_label(name).is_none(), "nothing is offered that is not known");
    let errors = Volume::filled(body().frame().clone(), biplane::units::Hu(120.0));
    app.state_mut().as_mut().unwrap().show_expected_errors(Arc::new(errors));
    app.step();
    app.step();
    app.get_by_label(name).click();
    app.step();
    app.step();
    assert!(state(&app).viewer.state.errors.on && entry(&app).scene.has_errors());
    send(&mut app, Command::GoTo(Workspace::Reconstruct));
    app.step();
    assert!(app.query_by_label(name).is_some(), "the same switch over the planes");
    let other = Origin::File { info: Box::default(), warnings: Vec::new() };
    app.state_mut().as_mut().unwrap().show_volume(Arc::new(body().as_ref().clone()), other);
    app.step();
    app.step();
    assert!(app.query_by_label(name).is_none(), "another volume's errors are not its own");
}

#[test]
fn a_truth_is_put_onto_a_result_whose_place_nobody_told() {
    let truth = io::bundled::case().unwrap().truth.volume;
    let somewhere = truth.frame().centre_mm();
    let shift = |place: [f64; 3]| jobs::first_pose(&truth, &Frame::cube(place)).shift_mm;
    // About the isocentre, as films without a place give it: both cubes are one and the same, though they overlap by half.
    let (found, wanted) = (shift([0.0; 3]), somewhere.map(|v| -v));
    assert!(found.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-9), "{found:?}");
    assert!(somewhere[2].abs() > 50.0, "the bundled truth stands away from the origin, or this proves nothing");
    // A result that knows its place leaves the truth where it stands; one far away gets it nonetheless.
    assert_eq!(shift(somewhere), [0.0; 3]);
    assert_eq!(shift([somewhere[0] + 10.0, somewhere[1], somewhere[2]]), [0.0; 3]);
    assert!(shift([5000.0, 0.0, 0.0])[0] > 4000.0);
}
