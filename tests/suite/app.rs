//! The workstation, driven as people drive it: by the roles and names that assistive tools read.

use biplane::app::command::Command;
use biplane::app::demo::{Demo, IDLE_SECS};
use biplane::app::film::{Change, Slot};
use biplane::app::offscreen::Stage;
use biplane::app::settings::Workspace;
use biplane::app::state::{ExportForm, Origin, Purpose, State};
use biplane::app::theme::Theme;
use biplane::app::viewport::{ViewCommand, WINDOW_PRESETS};
use biplane::app::widgets::Tone;
use biplane::app::worker::{Lost, Workers};
use biplane::app::{LaunchOptions, Workstation, screenshot};
use biplane::geometry::phantom::{ThoraxLimits, thorax};
use biplane::geometry::{Frame, Preset, Volume};
use biplane::gpu::Gpu;
use biplane::io::{self, FilmKind, Progress, Provenance};
use biplane::units::{Hu, Radians};
use egui::accesskit::Role;
use egui::{Key, Modifiers};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

pub type App = Harness<'static, Option<Workstation>>;

/// Longest wait for background work; generous, since machines that test are busy.
const PATIENCE: Duration = Duration::from_secs(240);

pub fn start(options: LaunchOptions) -> App {
    let frame = move |ui: &mut egui::Ui, app: &mut Option<Workstation>| {
        let ctx = ui.ctx().clone();
        app.get_or_insert_with(|| Workstation::new(&ctx, &options)).ui(ui);
    };
    let mut app = Harness::builder().with_size([1280.0, 800.0]).build_ui_state(frame, None);
    app.step();
    app
}

pub fn state(app: &App) -> &State {
    app.state().as_ref().unwrap().state()
}

pub fn send(app: &mut App, command: Command) {
    app.state_mut().as_mut().unwrap().send(command);
    app.step();
}

/// Frames until nothing works in the background any more.
pub fn settle(app: &mut App) {
    let begun = Instant::now();
    app.step();
    while app.state().as_ref().unwrap().is_busy() {
        assert!(begun.elapsed() < PATIENCE, "still busy");
        std::thread::sleep(Duration::from_millis(5));
        app.step();
    }
    app.step();
    app.step();
}

pub fn press(app: &mut App, name: &str) {
    app.get_by_role_and_label(Role::Button, name).click();
    app.step();
    app.step();
}

pub fn with_bundled_films() -> App {
    let mut app = start(LaunchOptions::default());
    press(&mut app, "Open the demo case");
    settle(&mut app);
    app
}

/// A small thorax as a NIfTI file.
pub fn thorax_file(folder: &Path) -> PathBuf {
    let frame = Frame::cube_of(64, [0.0; 3]);
    let path = folder.join("thorax.nii.gz");
    io::nifti::write(&path, &thorax(3, &ThoraxLimits::default()).volume(&frame, 1)).unwrap();
    path
}

pub fn with_volume(folder: &Path) -> App {
    let mut app = start(LaunchOptions { files: vec![thorax_file(folder)], ..LaunchOptions::default() });
    settle(&mut app);
    app
}

#[test]
fn an_empty_screen_says_what_to_do_and_what_it_is_not_for() {
    let app = start(LaunchOptions::default());
    for text in ["Open two films", "Check the letters", "Research use only, not for diagnosis", "Open two films first"]
    {
        assert!(app.query_all_by_label(text).next().is_some(), "{text}");
    }
    assert!(app.query_by_label("Simulated films").is_none());
}

#[test]
fn bundled_films_come_with_their_geometry_and_are_called_simulated() {
    let app = with_bundled_films();
    for slot in Slot::BOTH {
        let film = state(&app).film(slot).unwrap();
        assert_eq!(film.settings.angle_from, Provenance::Header);
        assert_eq!((film.settings.sad_mm, film.settings.sdd_mm), (1000.0, 1500.0));
        assert!(state(&app).films[slot.index()].preview.is_some());
    }
    let kinds = Slot::BOTH.map(|s| state(&app).film(s).unwrap().kind());
    assert_eq!(kinds, [FilmKind::Frontal, FilmKind::Lateral]);
    assert!(app.query_by_label("Simulated films").is_some());
    assert_eq!(app.query_all_by_label("simulated film").count(), 2);
    assert!(state(&app).obstacle().is_none() && state(&app).pair_warnings().is_empty());
    assert!(app.query_by_role_and_label(Role::Button, "Reconstruct").is_some());
}

#[test]
fn one_press_mirrors_inverts_and_swaps() {
    let mut app = with_bundled_films();
    press(&mut app, "Mirror frontal film left to right");
    press(&mut app, "Invert lateral film: dense must be white");
    settle(&mut app);
    let [first, second] = state(&app).pair().unwrap();
    assert!(first.settings.mirror_cols && second.settings.invert);
    // Letters belong to the hung film: the patient's left stays on the right, the picture turns.
    assert_eq!(first.hung_letters(), ['R', 'L', 'H', 'F']);
    assert_eq!(first.hung(), first.radiograph.image.clone().flipped_cols());
    // The view says now that the file is stored mirrored.
    assert!(first.view().unwrap().flip_cols);
    press(&mut app, "Swap the two films");
    settle(&mut app);
    assert_eq!(state(&app).film(Slot::First).unwrap().kind(), FilmKind::Lateral);
    assert!(state(&app).film(Slot::Second).unwrap().settings.mirror_cols);
}

#[test]
fn what_the_person_sets_stays_when_the_machine_is_changed() {
    let mut app = with_bundled_films();
    send(&mut app, Command::Film(Slot::First, Change::Sad(1234.0)));
    send(&mut app, Command::SetPreset(Preset::ChestRoom));
    settle(&mut app);
    let first = state(&app).film(Slot::First).unwrap();
    assert_eq!((first.settings.sad_mm, first.settings.sad_from), (1234.0, Provenance::User));
    assert_eq!(first.settings.sdd_mm, 1500.0, "the header speaks before the preset");
}

#[test]
fn one_file_twice_and_views_too_close_are_said() {
    let mut app = with_bundled_films();
    send(&mut app, Command::Film(Slot::Second, Change::Angle(20.0)));
    assert!(state(&app).pair_warnings().iter().any(|w| w.text.contains("20°")), "{:?}", state(&app).pair_warnings());
    // As lines, 0 and 170 degrees are 10 apart.
    send(&mut app, Command::Film(Slot::Second, Change::Angle(170.0)));
    assert!(state(&app).pair_warnings().iter().any(|w| w.text.contains("10°")));
    let same = state(&app).film(Slot::First).unwrap().path.clone();
    send(&mut app, Command::OpenFilm(Slot::Second, same));
    settle(&mut app);
    assert!(state(&app).pair_warnings().iter().any(|w| w.text.contains("same file")));
}

#[test]
fn a_lateral_that_faces_right_is_turned_round_once_with_a_notice() {
    let folder = tempfile::tempdir().unwrap();
    let side = Preset::Simulated.view_at(Radians::from_degrees(90.0)).resized(96, 96);
    let film = biplane::projection::project(
        &biplane::projection::Attenuation::from_volume(&io::bundled::case().unwrap().truth.volume).unwrap(),
        &side,
        io::bundled::case().unwrap().truth.volume.frame().centre_mm(),
    );
    for (name, picture, mirrored) in
        [("lateral-a.png", film.clone(), false), ("lateral-b.png", film.flipped_cols(), true)]
    {
        let path = folder.path().join(name);
        io::picture::write_film(&path, &picture, false).unwrap();
        let mut app = start(LaunchOptions { files: vec![path], ..LaunchOptions::default() });
        settle(&mut app);
        let film = state(&app).film(Slot::Second).expect("the name says lateral");
        assert_eq!(film.settings.mirror_cols, mirrored, "{name}");
        assert_eq!(film.notice.is_some(), mirrored);
        assert_eq!(state(&app).setup.preset, Preset::ChestRoom, "a picture without a header");
        assert_eq!(film.settings.pitch_from, Provenance::Assumed);
        // Pressed once more it goes back, and nothing turns it again.
        send(&mut app, Command::Film(Slot::Second, Change::MirrorCols));
        settle(&mut app);
        assert_eq!(state(&app).film(Slot::Second).unwrap().settings.mirror_cols, !mirrored);
    }
}

#[test]
fn a_file_that_cannot_be_opened_is_named_and_nothing_else_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("letter.dcm");
    std::fs::write(&path, "Dear colleague, the films are in the post.").unwrap();
    let mut app = with_bundled_films();
    send(&mut app, Command::Open(vec![path]));
    settle(&mut app);
    let note = state(&app).notes.last().unwrap();
    assert_eq!(note.tone, Tone::Danger);
    assert!(note.head.contains("letter.dcm") && note.body.contains("text"), "{note:?}");
    assert!(state(&app).pair().is_some());
    press(&mut app, "Dismiss");
    assert!(state(&app).notes.is_empty());
}

#[test]
fn a_path_can_be_typed_where_there_is_no_dialog() {
    let folder = tempfile::tempdir().unwrap();
    let path = thorax_file(folder.path());
    let mut app = start(LaunchOptions::default());
    app.key_press_modifiers(Modifiers::COMMAND, Key::O);
    app.step();
    app.step();
    app.get_by_role(Role::TextInput).type_text(path.to_str().unwrap());
    app.step();
    app.step();
    // The bar at the top has a button of this name too; the dialog is drawn after it.
    app.query_all_by_role_and_label(Role::Button, "Open").last().unwrap().click();
    app.step();
    settle(&mut app);
    assert_eq!(state(&app).case.as_ref().unwrap().title(), "thorax.nii.gz");
    assert_eq!(state(&app).recent.first(), Some(&path));
}

#[test]
fn keys_set_windows_and_are_undone() {
    let folder = tempfile::tempdir().unwrap();
    let mut app = with_volume(folder.path());
    let before = state(&app).viewer.state.window;
    app.key_press(Key::Num2);
    app.step();
    app.step();
    assert_eq!(state(&app).viewer.state.window, WINDOW_PRESETS[1].window);
    app.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    app.step();
    app.step();
    assert_eq!(state(&app).viewer.state.window, before);
    app.key_press(Key::F1);
    app.step();
    app.step();
    assert!(app.query_by_label("Keys and mouse").is_some());
    for row in state(&app).bindings.help() {
        assert!(app.query_all_by_label(row.description).next().is_some(), "{}", row.description);
    }
}

#[test]
fn the_mask_tells_volumes_that_follow_the_threshold() {
    let folder = tempfile::tempdir().unwrap();
    let mut app = with_volume(folder.path());
    app.get_by_label("Lung mask (M)").click();
    app.step();
    settle(&mut app);
    let first = state(&app).mask.volumes.unwrap();
    assert!(first.right_ml > 500.0 && first.left_ml > 500.0, "{first:?}");
    let volume = &state(&app).case.as_ref().unwrap().volume;
    let expected = biplane::metrics::lung::lung_mask(volume, Hu(-400.0));
    assert_eq!((first.right_ml, first.left_ml), (expected.right_ml, expected.left_ml));
    let text = format!("{:.0} ml", first.right_ml);
    assert!(app.query_all_by_label(&text).next().is_some(), "{text}");
    let mask = biplane::app::viewport::MaskView { threshold_hu: -650.0, ..state(&app).viewer.state.mask };
    send(&mut app, Command::View(ViewCommand::SetMask(mask)));
    settle(&mut app);
    let asked = state(&app).viewer.state.mask.threshold_hu;
    let expected = biplane::metrics::lung::lung_mask(&state(&app).case.as_ref().unwrap().volume, Hu(asked as f32));
    let second = state(&app).mask.volumes.unwrap();
    assert_eq!((asked, second.right_ml, second.left_ml), (-650.0, expected.right_ml, expected.left_ml), "{first:?}");
    send(&mut app, Command::CloseVolume);
    assert_eq!(state(&app).mask.volumes, None, "no numbers without their lungs");
}

#[test]
fn exports_read_back_as_what_was_on_screen() {
    let folder = tempfile::tempdir().unwrap();
    let mut app = with_volume(folder.path());
    let shown: Volume = (*state(&app).case.as_ref().unwrap().volume).clone();
    for (form, name) in
        [(ExportForm::Nifti, "out"), (ExportForm::MetaImage, "out"), (ExportForm::DicomSeries, "series")]
    {
        let path = folder.path().join(name);
        send(&mut app, Command::Given(Purpose::Export(form), path.clone()));
        settle(&mut app);
        let written = PathBuf::from(format!("{}{}", path.display(), form.ending()));
        let read = io::open_volume(&written, &Progress::new()).unwrap();
        assert_eq!(read.volume.hu(), shown.hu(), "{form:?}");
        let apart = |a: [f64; 3], b: [f64; 3]| (0..3).any(|k| (a[k] - b[k]).abs() > 1e-3);
        assert!(!apart(read.volume.frame().origin_mm(), shown.frame().origin_mm()), "{form:?}");
        assert_eq!(state(&app).notes.last().unwrap().tone, Tone::Good);
    }
    let slices = folder.path().join("slices");
    send(&mut app, Command::Given(Purpose::Export(ExportForm::PngSlices), slices.clone()));
    settle(&mut app);
    assert_eq!(std::fs::read_dir(slices.join("axial")).unwrap().count(), shown.frame().dims()[2]);
}

#[test]
fn a_session_brings_films_view_and_volume_back() {
    let folder = tempfile::tempdir().unwrap();
    let session = folder.path().join("case.biplane.toml");
    let mut app = with_bundled_films();
    send(&mut app, Command::Open(vec![thorax_file(folder.path())]));
    settle(&mut app);
    send(&mut app, Command::Film(Slot::First, Change::MirrorCols));
    send(&mut app, Command::Film(Slot::Second, Change::Sdd(1600.0)));
    send(&mut app, Command::View(ViewCommand::SetWindow(WINDOW_PRESETS[3].window)));
    send(&mut app, Command::View(ViewCommand::GoToSlice { axis: biplane::geometry::Axis::Z, index: 12 }));
    send(&mut app, Command::Given(Purpose::SaveSession, session.clone()));
    settle(&mut app);
    let mut again = start(LaunchOptions { files: vec![session], ..LaunchOptions::default() });
    settle(&mut again);
    settle(&mut again);
    for slot in Slot::BOTH {
        assert_eq!(state(&again).film(slot).unwrap().settings, state(&app).film(slot).unwrap().settings);
    }
    assert_eq!(state(&again).viewer.state, state(&app).viewer.state);
    assert_eq!(state(&again).case.as_ref().unwrap().volume.hu(), state(&app).case.as_ref().unwrap().volume.hu());
}

#[test]
fn two_films_become_a_volume_and_cancel_answers_at_once() {
    let folder = tempfile::tempdir().unwrap();
    super::nn::tiny_model(folder.path(), false);
    let mut app = with_bundled_films();
    send(&mut app, Command::Given(Purpose::Model, folder.path().to_owned()));
    app.step();
    press(&mut app, "Reconstruct");
    assert!(state(&app).run.is_some());
    let begun = Instant::now();
    while app.query_by_label("Coarse network").is_none() && begun.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(2));
        app.step();
    }
    press(&mut app, "Cancel");
    assert!(state(&app).run.as_ref().is_none_or(|r| r.cancelling), "the button answers in its own frame");
    settle(&mut app);
    assert!(state(&app).case.is_none() && state(&app).notes.iter().any(|n| n.head == "Cancelled"));
    press(&mut app, "Reconstruct");
    settle(&mut app);
    let case = state(&app).case.as_ref().unwrap();
    assert!(case.volume.frame().is_cube());
    assert!(case.title().contains("simulated"));
    assert!(app.query_all_by_label_contains("most of this is prior knowledge").next().is_some());
}

#[test]
fn atlases_guide_what_a_key_takes_back_and_files_and_titles_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let mut app = with_bundled_films();
    press(&mut app, "Reconstruct");
    let begun = Instant::now();
    while state(&app).case.is_none() && begun.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(2));
        app.step();
    }
    assert!(state(&app).run.is_some(), "the networks' picture is there while atlases are bent");
    assert!(!state(&app).case.as_ref().unwrap().title().contains("atlases"));
    settle(&mut app);
    let pair = state(&app).pair.clone().unwrap();
    let shown = |app: &App| Arc::clone(&state(app).case.as_ref().unwrap().volume);
    assert!(Arc::ptr_eq(&shown(&app), &pair.guided.volume));
    assert!(state(&app).case.as_ref().unwrap().title().ends_with("anatomy guided by atlases"));
    assert!(app.query_by_label_contains("Borrowed from").is_some());
    let written = |app: &mut App, name: &str| {
        let path = folder.path().join(name);
        send(app, Command::Given(Purpose::Export(ExportForm::Nifti), path.clone()));
        settle(app);
        String::from_utf8_lossy(&std::fs::read(path).unwrap()[148..228]).into_owned()
    };
    assert!(written(&mut app, "guided.nii").contains("anatomy guided by atlases"));
    app.key_press(Key::G);
    settle(&mut app);
    assert!(Arc::ptr_eq(&shown(&app), &pair.network.volume));
    assert!(app.query_by_label_contains("Nothing is borrowed").is_some());
    assert!(!written(&mut app, "network.nii").contains("atlases"));
    send(&mut app, Command::GoTo(Workspace::Compare));
    settle(&mut app);
    let names: Vec<&str> = state(&app).compare.results.iter().map(|e| e.name.as_str()).collect();
    assert_eq!(names, ["biplane-p16", "biplane-p16 + atlases"]);
    send(&mut app, Command::GoTo(Workspace::Reconstruct));
    app.key_press(Key::G);
    settle(&mut app);
    assert!(Arc::ptr_eq(&shown(&app), &pair.guided.volume));
    // Without atlases there is nothing to switch.
    send(&mut app, Command::SetGuide(false));
    send(&mut app, Command::Reconstruct);
    settle(&mut app);
    assert!(state(&app).pair.is_none() && state(&app).case.as_ref().unwrap().guided.is_none());
}

#[test]
fn settings_remember_files_and_survive_damage() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config").join("workstation.toml");
    let mut settings = biplane::app::settings::Settings::load(Some(&file));
    (0..20).for_each(|k| settings.opened(Path::new(&format!("/films/{k}.png"))));
    settings.opened(Path::new("/films/15.png"));
    settings.save().unwrap();
    let back = biplane::app::settings::Settings::load(Some(&file));
    assert_eq!(back.remembered, settings.remembered);
    assert_eq!(back.remembered.recent.len(), 10);
    assert_eq!(back.remembered.recent[0], Path::new("/films/15.png"));
    std::fs::write(&file, "window = [[[").unwrap();
    assert_eq!(biplane::app::settings::Settings::load(Some(&file)).remembered, Default::default());
}

#[test]
fn workers_discard_what_is_stale_and_end_in_a_message() {
    let (gate, held) = std::sync::mpsc::channel::<()>();
    let mut workers: Workers<u8, u32> = Workers::new(|| {});
    workers.start(1, move |_| {
        held.recv().unwrap();
        1
    });
    workers.start(1, |_| 2);
    workers.start(1, |_| 3);
    workers.start(2, |_| panic!("planted"));
    gate.send(()).unwrap();
    let begun = Instant::now();
    let mut got = Vec::new();
    while got.len() < 2 && begun.elapsed() < PATIENCE {
        got.extend(workers.poll());
        std::thread::sleep(Duration::from_millis(1));
    }
    got.sort_by_key(|(lane, _)| *lane);
    assert_eq!(got, [(1, Ok(3)), (2, Err(Lost::Broke))]);
    assert!(!workers.any_busy());
    let flag = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let seen = Arc::clone(&flag);
    workers.start(3, move |cancel| {
        while !cancel.is_raised() {
            std::thread::yield_now();
        }
        seen.store(true, std::sync::atomic::Ordering::SeqCst);
        0
    });
    workers.cancel(3);
    while !flag.load(std::sync::atomic::Ordering::SeqCst) && begun.elapsed() < PATIENCE {
        std::thread::yield_now();
    }
    std::thread::sleep(Duration::from_millis(20));
    assert_eq!(workers.poll(), []);
}

#[test]
fn closing_stops_jobs_and_sees_them_end() {
    let ended = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let seen = Arc::clone(&ended);
    let mut workers: Workers<u8, u32> = Workers::new(|| {});
    workers.start(1, move |cancel| {
        while !cancel.is_raised() {
            std::thread::yield_now();
        }
        std::thread::sleep(Duration::from_millis(50));
        seen.store(true, std::sync::atomic::Ordering::SeqCst);
        0
    });
    drop(workers);
    assert!(ended.load(std::sync::atomic::Ordering::SeqCst), "a network that outlives main crashes the process");
}

#[test]
fn the_demonstration_yields_to_a_touch_and_begins_anew_after_a_minute() {
    let state = State::default();
    let mut demo = Demo::default();
    assert!(demo.step(&state, false, 0.0).contains(&Command::OpenBundled));
    assert!(demo.step(&state, false, 1.0).is_empty() && demo.caption().is_some());
    assert!(demo.step(&state, true, 2.0).is_empty() && demo.caption().is_none());
    assert!(demo.step(&state, false, 2.0 + IDLE_SECS - 1.0).is_empty());
    assert!(demo.step(&state, true, 2.0 + IDLE_SECS - 0.5).is_empty());
    assert!(demo.step(&state, false, 2.0 + IDLE_SECS + 1.0).is_empty(), "counted from the last touch");
    assert!(demo.step(&state, false, 2.0 + 2.0 * IDLE_SECS).contains(&Command::OpenBundled));
}

#[test]
fn the_theme_is_complete_and_readable() {
    let theme = Theme::parse(Theme::bundled_text()).unwrap();
    let light = |c: egui::Color32| {
        let [r, g, b, _] = egui::Rgba::from(c).to_array();
        0.2126 * r + 0.7152 * g + 0.0722 * b
    };
    // WCAG 2.1, 1.4.3: 4.5 for text.
    let contrast = |a, b| (light(a).max(light(b)) + 0.05) / (light(a).min(light(b)) + 0.05);
    let c = &theme.color;
    for ink in [c.text, c.text_secondary, c.warning, c.danger, c.notice, c.accent] {
        assert!(contrast(ink, c.card) > 4.5, "{ink:?} {}", contrast(ink, c.card));
    }
    assert!(contrast(c.text_faint, c.panel) > 4.5 && contrast(c.accent_text, c.accent) > 4.5);
    assert!(Theme::parse("[color]\n").is_err());
}

/// Processor time of this thread: other programs on the machine do not count.
fn thread_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a timespec of ours that lives through the call, and the clock's number is the system's own.
    let code = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    assert_eq!(code, 0);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

#[test]
fn a_frame_with_a_large_volume_costs_under_four_milliseconds() {
    let Ok(gpu) = Gpu::headless().inspect_err(|e| println!("SKIPPED: {e}")) else { return };
    let frame = Frame::centred([512; 3], [0.7; 3], [0.0; 3]).unwrap();
    let volume = Arc::new(Volume::filled(frame, Hu(40.0)));
    let mut stage = Stage::new(gpu, [1280, 800], 1.0).unwrap();
    let mut app = Workstation::new(stage.context(), &LaunchOptions::default());
    app.send(Command::OpenBundled);
    app.show_volume(volume, Origin::File { info: Box::default(), warnings: Vec::new() });
    while app.is_busy() {
        stage.frame(Vec::new(), &mut |ui| app.ui(ui));
    }
    let mut costs: Vec<Duration> = (0..60)
        .map(|_| {
            app.send(Command::View(ViewCommand::Step { axis: biplane::geometry::Axis::Z, slices: 1 }));
            let before = thread_time();
            stage.frame(Vec::new(), &mut |ui| app.ui(ui));
            thread_time() - before
        })
        .collect();
    costs.sort();
    println!("median {:?}, ninth decile {:?}", costs[30], costs[54]);
    assert!(costs[30] < Duration::from_millis(4), "{:?}", costs[30]);
}

#[test]
fn the_real_screen_is_drawn_without_a_window() {
    if Gpu::headless().inspect_err(|e| println!("SKIPPED: {e}")).is_err() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let options = LaunchOptions { files: vec![thorax_file(folder.path())], ..LaunchOptions::default() };
    let picture = screenshot([1280, 800], 1.0, &options, None, |_, _| {}).unwrap();
    assert_eq!((picture.width, picture.height), (1280, 800));
    let near = |a: [u8; 4], b: egui::Color32| a.iter().zip(b.to_array()).all(|(a, b)| a.abs_diff(b) < 12);
    let warning = biplane::app::theme::theme().color.warning;
    let note = (0..400).flat_map(|x| (776..798).map(move |y| (x, y)));
    assert!(
        note.filter(|(x, y)| near(picture.at(*x, *y).unwrap(), warning)).count() > 100,
        "the lasting note is there"
    );
    // The axial pane shows a body: bright in the middle of the picture's quarter, black in its corner.
    assert!(picture.at(490, 300).unwrap()[0] > 60 && picture.at(330, 390).unwrap()[0] < 10);
}
