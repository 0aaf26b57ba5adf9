//! What the pictures alone tell before two films are believed, in the room of projections and on screen.

use super::app::{App, settle, start, state};
use biplane::app::LaunchOptions;
use biplane::app::film::Slot;
use biplane::geometry::phantom::{Part, Phantom, Shape};
use biplane::geometry::{Preset, Raster};
use biplane::io;
use biplane::projection::checks::{Concern, Look};
use egui_kittest::kittest::Queryable;
use std::path::Path;

/// A chest with what the check looks for: heart, left chamber and aorta to the left, the liver's dome on the right; or
/// without any of it.
fn chest(heart_mm: f64) -> [Raster; 2] {
    let part = |centre, half, r| Part { shape: Shape::ellipsoid(centre, half), r };
    let mut parts = vec![part([0.0; 3], [160.0, 105.0, 170.0], 1.0)];
    for side in [-1.0, 1.0] {
        parts.push(part([side * 75.0, 0.0, 15.0], [58.0, 80.0, 120.0], 0.2));
    }
    parts.push(part([0.0, 60.0, 0.0], [20.0, 20.0, 165.0], 1.5));
    parts.push(part([0.0, -80.0, 20.0], [20.0, 12.0, 90.0], 1.2));
    parts.push(part([heart_mm, -35.0, -30.0], [60.0, 50.0, 65.0], 1.05));
    parts.push(part([heart_mm * 0.8, 0.0, 30.0], [30.0, 40.0, 40.0], 1.05));
    parts.push(part([-70.0 * heart_mm.signum(), 0.0, -150.0], [75.0, 90.0, 75.0], 1.05));
    let phantom = Phantom::new(parts);
    Preset::Simulated.pair().views.map(|view| phantom.project(&view.resized(160, 160)))
}

/// The films of the bundled case, white = dense.
fn patient() -> [Raster; 2] {
    io::bundled::case().unwrap().films.map(|film| film.image)
}

fn look(film: &Raster) -> Look {
    Look::at(film).unwrap()
}

fn mirrored(concerns: &[Concern]) -> bool {
    concerns.iter().any(|c| matches!(c, Concern::MirroredFrontal(_)))
}

#[test]
fn a_mirrored_frontal_is_told_whatever_its_tone_and_a_right_one_is_left_in_peace() {
    let [frontal, _] = chest(30.0);
    for film in [frontal.clone(), frontal.clone().map(|v| (v * 0.3).exp()), frontal.clone().map(|v| 900.0 * v - 40.0)] {
        assert!(look(&film).concerns(true, false).is_empty());
        let turned = look(&film.flipped_cols());
        assert!(mirrored(&turned.concerns(true, false)));
        // Once it hangs mirrored again it is as it should be, and a lateral has no heart to tell by.
        assert!(!mirrored(&turned.concerns(true, true)) && !mirrored(&turned.concerns(false, false)));
    }
    // A symmetric chest tells nothing either way.
    let [even, _] = chest(0.0);
    assert!(!mirrored(&look(&even).concerns(true, false)) && !mirrored(&look(&even).concerns(true, true)));
}

#[test]
fn exchanged_films_and_one_film_twice_are_told() {
    // A chest of ellipsoids is too symmetric from the side: the bundled patient is looked at.
    let [frontal, lateral] = patient();
    let (a, b) = (look(&frontal), look(&lateral));
    assert!(Look::pair_concerns(&a, &b).is_empty(), "{:?}", Look::pair_concerns(&a, &b));
    assert!(matches!(Look::pair_concerns(&b, &a)[..], [Concern::Swapped(_)]));
    // The same film at another size, tone and mirrored is the same film.
    let small = biplane::projection::film::area_average(&frontal, 100, 120).map(|v| 3.0 * v + 5.0);
    assert!(matches!(Look::pair_concerns(&a, &look(&small))[..], [Concern::SameFilm(_)]));
    assert!(matches!(Look::pair_concerns(&a, &look(&small.flipped_cols()))[..], [Concern::SameFilm(_)]));
}

#[test]
fn a_field_that_cuts_the_body_is_told_and_nothing_is_made_of_blank_films() {
    // A trunk under some air, 320 mm wide, its lungs far inside: whole, and with 60 mm missing on each side.
    let mut parts = vec![Part { shape: Shape::cuboid([0.0, 0.0, -150.0], [160.0, 105.0, 290.0]), r: 1.0 }];
    for (side, half) in [(-50.0, 34.0), (50.0, 30.0)] {
        parts.push(Part { shape: Shape::ellipsoid([side, 0.0, 10.0], [half, 80.0, 110.0]), r: 0.2 });
    }
    let trunk = Phantom::new(parts);
    let whole = trunk.project(&Preset::Simulated.pair().views[0].resized(160, 160));
    let cut_field = |film: &Raster| look(film).concerns(true, false).iter().any(|c| matches!(c, Concern::CutField(_)));
    assert!(!cut_field(&whole));
    let (left, right) = (44, 116);
    let values = (0..160).flat_map(|r| whole.values()[r * 160 + left..r * 160 + right].to_vec()).collect();
    assert!(cut_field(&Raster::new(right - left, 160, values).unwrap()));
    for blank in [Raster::filled(128, 128, 3.0), Raster::filled(128, 128, f32::NAN), Raster::filled(8, 8, 1.0)] {
        assert_eq!(Look::at(&blank), None);
    }
    let stripes = Raster::new(128, 128, (0..128 * 128).map(|i| (i % 128 / 64) as f32).collect()).unwrap();
    let _ = Look::at(&stripes).map(|look| look.concerns(true, true));
}

fn open(films: [&Raster; 2], folder: &Path) -> App {
    let paths = [folder.join("first.png"), folder.join("second.png")];
    for (film, path) in films.iter().zip(&paths) {
        io::picture::write_film(path, film, false).unwrap();
    }
    let mut app = start(LaunchOptions { files: paths.to_vec(), ..LaunchOptions::default() });
    settle(&mut app);
    settle(&mut app);
    app
}

/// Presses what stands behind a warning.
fn press_link(app: &mut App, name: &str) {
    app.get_by_label(name).click();
    app.step();
    app.step();
}

#[test]
fn one_press_mirrors_a_mirrored_film_and_swaps_exchanged_ones() {
    let folder = tempfile::tempdir().unwrap();
    let [frontal, lateral] = chest(30.0);
    let mut app = open([&frontal.clone().flipped_cols(), &lateral], folder.path());
    assert!(!state(&app).film(Slot::First).unwrap().settings.mirror_cols);
    press_link(&mut app, "Mirror it");
    assert!(state(&app).film(Slot::First).unwrap().settings.mirror_cols);
    assert!(app.query_by_label("Mirror it").is_none(), "the question is answered");

    let folder = tempfile::tempdir().unwrap();
    let [front, side] = patient();
    let mut app = open([&side, &front], folder.path());
    press_link(&mut app, "Swap them");
    settle(&mut app);
    assert!(state(&app).pair().unwrap()[0].name().contains("second"));
    assert!(app.query_by_label("Swap them").is_none());

    let folder = tempfile::tempdir().unwrap();
    let mut app = open([&frontal, &frontal.clone().map(|v| 2.0 * v)], folder.path());
    press_link(&mut app, "Close one");
    assert!(state(&app).pair().is_none() && state(&app).film(Slot::First).is_some());
}

#[test]
fn films_that_are_right_get_no_press() {
    let folder = tempfile::tempdir().unwrap();
    let [frontal, lateral] = chest(30.0);
    let app = open([&frontal, &lateral], folder.path());
    for label in ["Mirror it", "Swap them", "Close one"] {
        assert!(app.query_by_label(label).is_none(), "{label}");
    }
}
