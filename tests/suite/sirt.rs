//! SIRT with total variation: what it promises of the films, and how it answers what does not fit.

use biplane::geometry::phantom::{Part, Phantom, Shape};
use biplane::geometry::{Frame, Preset, Raster, View};
use biplane::projection::{Attenuation, FilmScale, SirtError, SirtOptions, project, sirt};

const SIDE: usize = 32;

fn frame() -> Frame {
    Frame::cube_of(SIDE, [0.0; 3])
}

fn views() -> [View; 2] {
    Preset::Simulated.pair().views.map(|v| v.resized(64, 64))
}

fn phantom() -> Vec<f32> {
    let part = |centre, half, r| Part { shape: Shape::ellipsoid(centre, half), r };
    let parts = vec![part([0.0; 3], [140.0, 95.0, 150.0], 1.0), part([-60.0, 0.0, 10.0], [50.0, 70.0, 100.0], 0.25)];
    Phantom::new(parts).voxelise(&frame(), 2)
}

fn films(x: &[f32]) -> [Raster; 2] {
    let volume = Attenuation::from_values(&frame(), x).unwrap();
    views().map(|view| project(&volume, &view, [0.0; 3]))
}

/// Runs SIRT; the volume, and the relative residual before each update.
fn run(films: &[Raster; 2], options: &SirtOptions, start: Option<&[f32]>) -> (Vec<f32>, Vec<f64>) {
    let mut residuals = Vec::new();
    let mut observe = |progress: biplane::projection::sirt::SirtProgress| {
        residuals.push(progress.relative_residual);
        true
    };
    let x = sirt(films, &views(), &frame(), options, start, &mut observe).unwrap();
    (x, residuals)
}

fn plain(iterations: usize) -> SirtOptions {
    SirtOptions { iterations, tv_weight: 0.0, ..SirtOptions::default() }
}

#[test]
fn without_total_variation_the_residual_falls_with_every_update() {
    let truth = phantom();
    for relaxation in [0.5, 1.0, 1.9] {
        let (x, residuals) = run(&films(&truth), &SirtOptions { relaxation, ..plain(40) }, None);
        assert!((residuals[0] - 1.0).abs() < 1e-6, "{}", residuals[0]);
        assert!(residuals.windows(2).all(|w| w[1] < w[0]), "{relaxation}: {residuals:?}");
        assert!(x.iter().all(|v| *v >= 0.0 && v.is_finite()));
    }
}

#[test]
fn the_films_of_the_result_are_the_films_it_was_made_from() {
    let truth = phantom();
    let wanted = films(&truth);
    // The total variation draws the volume a little away from its films.
    for (options, most) in [(plain(60), 0.03), (SirtOptions::default(), 0.05)] {
        let (x, _) = run(&wanted, &options, None);
        for (got, wanted) in films(&x).iter().zip(&wanted) {
            let sum = |f: &dyn Fn(f32, f32) -> f32| {
                got.values().iter().zip(wanted.values()).map(|(a, b)| f64::from(f(*a, *b))).sum::<f64>()
            };
            let error = (sum(&|a, b| (a - b) * (a - b)) / sum(&|_, b| b * b)).sqrt();
            assert!(error < most, "{options:?}: {error}");
        }
    }
}

#[test]
fn total_variation_falls_and_the_truth_is_left_alone() {
    let truth = phantom();
    let variation = |x: &[f32]| -> f64 {
        let rows = x.chunks_exact(SIDE).flat_map(|row| row.windows(2).map(|w| f64::from((w[1] - w[0]).abs())));
        rows.sum()
    };
    let (rough, _) = run(&films(&truth), &plain(30), None);
    let options = SirtOptions { iterations: 30, tv_weight: 0.02, ..SirtOptions::default() };
    let (smooth, _) = run(&films(&truth), &options, None);
    assert!(variation(&smooth) < 0.9 * variation(&rough), "{} {}", variation(&smooth), variation(&rough));
    // What explains the films already is not moved by them.
    let (same, residuals) = run(&films(&truth), &plain(3), Some(&truth));
    assert!(residuals.iter().all(|r| *r < 1e-5), "{residuals:?}");
    assert!(same.iter().zip(&truth).all(|(a, b)| (a - b).abs() < 1e-4));
}

#[test]
fn gain_and_offset_are_found_from_the_start_and_unmeasured_pixels_say_nothing() {
    let truth = phantom();
    let start: Vec<f32> = truth.iter().map(|r| r * 0.9).collect();
    let options = SirtOptions { scale: FilmScale::Unknown, ..plain(30) };
    let clean = films(&truth).map(|film| film.map(|p| 40.0 * p - 3.0));
    let mut cut = clean.clone();
    cut[0].values_mut()[..64 * 20].fill(f32::NAN);
    for films in [clean, cut] {
        // The start is too thin by a tenth: the films' gain is fitted to it, so that it explains them as it is.
        let (x, residuals) = run(&films, &options, Some(&start));
        assert!(residuals.iter().all(|r| *r < 1e-3), "{residuals:?}");
        assert!(x.iter().zip(&start).all(|(a, b)| (a - b).abs() < 1e-2));
    }
    // Without a start a usual chest's range is taken: a volume of human density comes out.
    let (x, _) = run(&films(&truth).map(|film| film.map(|p| 40.0 * p - 3.0)), &options, None);
    let inside = x[(SIDE / 2 * SIDE + SIDE / 2) * SIDE + SIDE / 2 + 6];
    assert!((0.2..3.0).contains(&inside), "{inside}");
}

#[test]
fn what_does_not_fit_is_refused_and_a_wish_to_stop_obeyed() {
    let truth = phantom();
    let films = films(&truth);
    let refused = |films: &[Raster], views: &[View], start: Option<&[f32]>, scale| {
        let options = SirtOptions { scale, ..plain(2) };
        sirt(films, views, &frame(), &options, start, &mut |_| true).unwrap_err()
    };
    let views = views();
    let known = FilmScale::LineIntegrals;
    assert_eq!(refused(&films[..1], &views, None, known), SirtError::Count { films: 1, views: 2 });
    let small = [films[0].clone(), Raster::filled(8, 64, 0.0)];
    assert!(refused(&small, &views, None, known).to_string().contains("film 2: has 8 x 64"));
    let blank = [Raster::filled(64, 64, 1.0), films[1].clone()];
    assert!(refused(&blank, &views, None, FilmScale::Unknown).to_string().contains("film 1: is blank"));
    assert!(matches!(refused(&films, &views, Some(&truth[1..]), known), SirtError::Attenuation(_)));
    let mut updates = 0;
    let stopped = sirt(&films, &views, &frame(), &plain(50), None, &mut |_| {
        updates += 1;
        updates < 3
    });
    assert_eq!((stopped, updates), (Err(SirtError::Cancelled), 3));
}
