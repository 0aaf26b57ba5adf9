//! Films on screen: folders of films, the light box, the tone curve, files whose header is wrong, and messages that
//! stay in their place.

use super::app::{App, press, send, settle, start, state, with_bundled_films, with_volume};
use biplane::app::LaunchOptions;
use biplane::app::command::Command;
use biplane::app::film::{Change, Slot, Straighten};
use biplane::app::viewport::{Pane, ViewCommand, Viewer};
use biplane::geometry::{Frame, Raster};
use biplane::io;
use egui::Key;
use egui::accesskit::Role;
use egui_kittest::kittest::Queryable;
use std::path::Path;

/// A picture of a bright bar on grey, 64 x 64.
fn picture(path: &Path) {
    let values = (0..64 * 64).map(|i| if (20..40).contains(&(i % 64)) { 1.0 } else { (i / 64) as f32 / 200.0 });
    io::picture::write_film(path, &Raster::new(64, 64, values.collect()).unwrap(), false).unwrap();
}

fn height_of(app: &App, name: &str) -> f32 {
    app.get_by_label(name).rect().height()
}

#[test]
fn a_folder_with_two_films_opens_as_two_films() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["pa.png", "lateral.png"] {
        picture(&folder.path().join(name));
    }
    let mut app = start(LaunchOptions { files: vec![folder.path().to_owned()], ..LaunchOptions::default() });
    settle(&mut app);
    settle(&mut app);
    let names = state(&app).pair().map(|films| films.map(|film| film.name()));
    assert_eq!(names, Some(["pa.png".to_owned(), "lateral.png".to_owned()]));
    // With a third nobody can tell which are meant.
    picture(&folder.path().join("other.png"));
    let mut app = start(LaunchOptions { files: vec![folder.path().to_owned()], ..LaunchOptions::default() });
    settle(&mut app);
    assert!(state(&app).pair().is_none() && state(&app).notes.last().unwrap().body.contains("DICOM CT slices"));
}

#[test]
fn films_stand_large_until_there_is_a_volume_and_again_when_asked_for() {
    let mut app = with_bundled_films();
    let large = "Are R, L, A and P where they are on the patient?";
    assert!(app.query_by_label_contains(large).is_some());
    let folder = tempfile::tempdir().unwrap();
    send(&mut app, Command::Open(vec![super::app::thorax_file(folder.path())]));
    settle(&mut app);
    assert!(app.query_by_label_contains(large).is_none() && app.query_by_label("Axial").is_some());
    app.get_by_label("Frontal film preview").click();
    app.step();
    app.step();
    assert!(app.query_by_label_contains(large).is_some() && app.query_by_label("Axial").is_none());
    press(&mut app, "Back to the CT");
    assert!(app.query_by_label("Axial").is_some());
}

#[test]
fn pictures_for_display_are_straightened_unless_switched_off() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pa.png");
    picture(&path);
    let mut app = start(LaunchOptions { files: vec![path], ..LaunchOptions::default() });
    settle(&mut app);
    let film = state(&app).film(Slot::First).unwrap();
    assert!(film.is_straightened());
    let (plain, bent) = (film.dense_white(), film.density());
    let middle = |film: &Raster| {
        let sorted = biplane::projection::standardise(film);
        sorted.at(5, 30).unwrap()
    };
    assert!((middle(&bent) - middle(&plain).powf(0.6)).abs() < 0.02, "{} {}", middle(&plain), middle(&bent));
    assert!(film.warnings().iter().any(|w| w.contains("straightened")));
    send(&mut app, Command::Film(Slot::First, Change::Straighten(Straighten::Off)));
    let film = state(&app).film(Slot::First).unwrap();
    assert_eq!((film.is_straightened(), film.density()), (false, film.dense_white()));
    // Simulated films are line integrals.
    let app = with_bundled_films();
    assert!(!state(&app).film(Slot::First).unwrap().is_straightened());
}

#[test]
fn messages_take_a_line_each_and_leave_the_pictures_their_room() {
    let folder = tempfile::tempdir().unwrap();
    let mut app = with_volume(folder.path());
    let alone = height_of(&app, "Axial");
    for name in ["a", "b", "c"] {
        let path = folder.path().join(name);
        std::fs::write(&path, name).unwrap();
        send(&mut app, Command::Open(vec![path]));
        settle(&mut app);
    }
    assert_eq!(state(&app).notes.len(), 3);
    (0..60).for_each(|_| app.step());
    let rest = height_of(&app, "Axial");
    assert!(rest > alone - 3.0 * 40.0 / 2.0 - 2.0, "{alone} {rest}");
}

#[test]
fn escape_closes_a_menu_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let mut app = with_volume(folder.path());
    let bad = folder.path().join("bad");
    std::fs::write(&bad, "x").unwrap();
    send(&mut app, Command::Open(vec![bad]));
    settle(&mut app);
    app.get_by_role_and_label(Role::ComboBox, "Export format").click();
    app.step();
    app.step();
    assert!(app.query_by_label("PNG slices (folder)").is_some());
    app.key_press(Key::Escape);
    app.step();
    app.step();
    assert!(app.query_by_label("PNG slices (folder)").is_none());
    assert_eq!(state(&app).notes.len(), 1, "the message stays");
}

#[test]
fn a_double_click_leaves_the_crosshair_where_it_was() {
    let frame = Frame::cube([0.0; 3]);
    let mut viewer = Viewer::default();
    viewer.state.meet(&frame);
    let before = viewer.state.cursor_mm;
    let there = ViewCommand::MoveCursor([50.0, 20.0, -30.0]);
    viewer.apply(&there, Some(&frame), 1.0);
    assert_ne!(viewer.state.cursor_mm, before);
    viewer.apply(&there, Some(&frame), 1.2);
    viewer.apply(&ViewCommand::Maximise(Pane::Volume), Some(&frame), 1.2);
    assert_eq!(viewer.state.cursor_mm, before);
    // A click some time before is one that was meant.
    viewer.apply(&there, Some(&frame), 5.0);
    let moved = viewer.state.cursor_mm;
    viewer.apply(&ViewCommand::Maximise(Pane::Volume), Some(&frame), 7.0);
    assert_eq!(viewer.state.cursor_mm, moved);
}

#[test]
fn a_wrong_body_part_is_said_and_can_be_opened_anyway() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("knee.dcm");
    super::io_dicom::write_film_of_a_knee(&path);
    let mut app = start(LaunchOptions { files: vec![path], ..LaunchOptions::default() });
    settle(&mut app);
    assert!(state(&app).film(Slot::First).is_none() && state(&app).notes[0].body.contains("KNEE"));
    press(&mut app, "Open anyway");
    settle(&mut app);
    let film = state(&app).film(Slot::First).unwrap();
    assert!(film.warnings().iter().any(|w| w.contains("KNEE")), "{:?}", film.warnings());
    assert!(state(&app).notes.is_empty(), "the question is answered");
}
