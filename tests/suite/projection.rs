//! Projector, adjoint and back-projector, by identities and analytic phantoms.

use biplane::geometry::phantom::{Part, Phantom, Shape, ThoraxLimits, thorax};
use biplane::geometry::{Frame, Preset, Raster, View, Volume};
use biplane::projection::bands::film_channels;
use biplane::projection::matching::{LungGuess, LungSpan, lateral_span, matched};
use biplane::projection::{
    Attenuation, BackProjection, adjoint, back_project, back_project_bands, film, prepare_film, project, standardise,
};
use biplane::units::{Hu, MU_WATER, Radians};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn random(n: usize, seed: u64) -> Vec<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..n).map(|_| rng.random_range(0.0..1.0)).collect()
}

fn views() -> Vec<View> {
    let mut views = Vec::new();
    for deg in [0.0, 90.0, 180.0, 270.0, 45.0, 31.0, 200.0] {
        for preset in [Preset::Simulated, Preset::Parallel, Preset::ChestRoom] {
            let mut view = preset.view_at(Radians::from_degrees(deg)).resized(70, 62);
            view.detector.offset_px = [3.3, -2.1];
            views.push(view);
        }
    }
    views
}

#[test]
fn the_adjoint_is_the_transpose() {
    let frame =
        Frame::new([31, 27, 22], [3.0, 4.1, 5.2], [-40.0, -60.0, -50.0], biplane::geometry::frame::IDENTITY).unwrap();
    let x = random(frame.len(), 1);
    for (i, view) in views().iter().enumerate() {
        let iso = [3.0, -5.0, 2.0];
        let ax = project(&Attenuation::from_values(&frame, &x).unwrap(), view, iso);
        let y = Raster::new(70, 62, random(70 * 62, 2 + i as u64)).unwrap();
        let aty = adjoint(&y, view, &frame, iso);
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
        let (left, right) = (dot(ax.values(), y.values()), dot(&x, &aty));
        assert!(left > 0.0 && ((left - right) / left).abs() < 1e-5, "view {i}: {left} {right}");
    }
}

#[test]
fn a_box_has_its_length() {
    let frame = Frame::centred([40, 50, 30], [2.0, 3.0, 4.0], [0.0; 3]).unwrap();
    let volume = Attenuation::from_values(&frame, &vec![1.0; frame.len()]).unwrap();
    let view = Preset::Simulated.view_at(Radians(0.0));
    let film = project(&volume, &view, [0.0; 3]);
    for (col, row) in [(128, 128), (120, 131), (137, 120)] {
        let ray = view.ray(col as f64, row as f64);
        let d = ray.direction_mm;
        let slant = d.iter().map(|v| v * v).sum::<f64>().sqrt() / d[1].abs();
        let wanted = 150.0 * slant * MU_WATER.0;
        let got = f64::from(film.at(col, row).unwrap());
        assert!((got / wanted - 1.0).abs() < 1e-4, "{got} {wanted}");
    }
}

/// Body, lungs, heart and spine, all inside the cube.
fn ellipsoid_thorax() -> Vec<Part> {
    let part = |centre, half, r| Part { shape: Shape::ellipsoid(centre, half), r };
    vec![
        part([0.0; 3], [150.0, 100.0, 160.0], 1.0),
        part([-70.0, 0.0, 10.0], [55.0, 75.0, 110.0], 0.25),
        part([70.0, 0.0, 10.0], [55.0, 75.0, 110.0], 0.25),
        part([15.0, -30.0, -20.0], [50.0, 40.0, 55.0], 1.05),
        part([0.0, 60.0, 0.0], [18.0, 18.0, 150.0], 1.4),
    ]
}

/// Relative L2 difference between the projected voxels and the analytic film, pixels averaged over their area.
fn film_error(phantom: &Phantom, side: usize, preset: Preset, deg: f64) -> f64 {
    let frame = Frame::cube_of(side, [0.0; 3]);
    let volume = Attenuation::from_values(&frame, &phantom.voxelise(&frame, 4)).unwrap();
    let fine = preset.view_at(Radians::from_degrees(deg)).resized(384, 384);
    let (got, wanted) = (project(&volume, &fine, [0.0; 3]), phantom.project(&fine));
    let (got, wanted) = (film::area_average(&got, 128, 128), film::area_average(&wanted, 128, 128));
    let error = got.values().iter().zip(wanted.values()).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>();
    let total = wanted.values().iter().map(|v| f64::from(*v).powi(2)).sum::<f64>();
    (error / total).sqrt()
}

#[test]
fn films_of_voxels_match_the_analytic_ones_and_converge() {
    let body = Phantom::new(ellipsoid_thorax()[..1].to_vec());
    let whole = Phantom::new(ellipsoid_thorax());
    for (preset, deg) in [(Preset::Simulated, 0.0), (Preset::Simulated, 200.0), (Preset::Parallel, 45.0)] {
        let error = film_error(&body, 128, preset, deg);
        assert!(error < 0.01, "body, {preset:?} at {deg}: {error}");
        // Each hard edge adds the blur of half a voxel; it must vanish with the voxel.
        let (coarse, fine) = (film_error(&whole, 64, preset, deg), film_error(&whole, 128, preset, deg));
        assert!(fine < 0.011 && fine < 0.6 * coarse, "thorax, {preset:?} at {deg}: {coarse} {fine}");
    }
}

#[test]
fn moving_volume_and_isocentre_together_changes_nothing() {
    let phantom = thorax(5, &ThoraxLimits::default());
    let here = phantom.volume(&Frame::cube_of(32, [0.0; 3]), 1);
    let there = here.clone().with_frame(here.frame().moved_to([100.0, -40.0, 777.0])).unwrap();
    let view = Preset::Simulated.view_at(Radians(0.7)).resized(64, 64);
    let film = |v: &Volume, iso| project(&Attenuation::from_volume(v).unwrap(), &view, iso);
    assert_eq!(film(&here, [0.0; 3]), film(&there, [100.0, -40.0, 777.0]));
}

#[test]
fn low_densities_are_kept_and_padding_is_air() {
    let frame = Frame::centred([8; 3], [10.0; 3], [0.0; 3]).unwrap();
    let view = Preset::Parallel.view_at(Radians(0.0));
    let middle = |hu: f32| {
        let volume = Attenuation::from_volume(&Volume::filled(frame.clone(), Hu(hu))).unwrap();
        f64::from(project(&volume, &view, [0.0; 3]).at(128, 128).unwrap()) / (80.0 * MU_WATER.0)
    };
    assert!((middle(-850.0) - 0.15).abs() < 1e-5);
    assert_eq!(middle(-1024.0), 0.0);
    assert!((middle(9000.0) - 3.0).abs() < 1e-4);
}

#[test]
fn a_point_is_back_projected_onto_itself() {
    let frame = Frame::cube_of(64, [0.0; 3]);
    let place = [20usize, 45, 12];
    let centre = frame.world_from_voxel(place.map(|v| v as f64));
    let ball = Phantom::new(vec![Part { shape: Shape::ellipsoid(centre, [9.0; 3]), r: 1.0 }]);
    for pair in [Preset::Simulated, Preset::CeilingPair, Preset::ChestRoom].map(Preset::pair) {
        let views = pair.views.map(|v| v.resized(256, 256));
        let films = views.map(|v| ball.project(&v));
        let sum = back_project(&films, &views, &frame, BackProjection::Sum);
        let per_view = back_project(&films, &views, &frame, BackProjection::PerView);
        let peak = (0..sum.len()).max_by(|&a, &b| sum[a].total_cmp(&sum[b])).unwrap();
        let at = [peak % 64, peak / 64 % 64, peak / 4096];
        for k in 0..3 {
            assert!(at[k].abs_diff(place[k]) <= 1, "{at:?} {place:?}");
        }
        let mean = (per_view[peak] + per_view[sum.len() + peak]) / 2.0;
        assert!((mean - sum[peak]).abs() < 1e-6);
    }
}

#[test]
fn bands_are_back_projected_each_as_a_film_of_its_own() {
    let frame = Frame::cube_of(16, [0.0; 3]);
    let views = Preset::CeilingPair.pair().views.map(|v| v.resized(96, 80));
    let films = [3, 4].map(|seed| Raster::new(96, 80, random(96 * 80, seed)).unwrap());
    let seen = back_project_bands(&films, &views, &frame);
    let channels = films.each_ref().map(film_channels);
    assert_eq!(channels[0][0], films[0]);
    for k in 0..4 {
        let alone =
            back_project(&[0, 1].map(|i: usize| channels[i][k].clone()), &views, &frame, BackProjection::PerView);
        assert_eq!(alone[..4096], seen[k * 4096..(k + 1) * 4096], "first view, channel {k}");
        assert_eq!(alone[4096..], seen[(4 + k) * 4096..(5 + k) * 4096], "second view, channel {k}");
    }
    // An even film has no detail.
    let even = film_channels(&Raster::filled(50, 40, 0.7));
    assert!(even[1..].iter().all(|band| band.values().iter().all(|v| v.abs() < 1e-5)));
}

#[test]
fn voxels_no_view_sees_are_zero() {
    let mut pair = Preset::Simulated.pair();
    for view in &mut pair.views {
        *view = view.resized(64, 64);
        view.detector.pitch_mm = [0.5; 2];
    }
    let films = [Raster::filled(64, 64, 1.0), Raster::filled(64, 64, 1.0)];
    let seen = back_project(&films, &pair.views, &Frame::cube_of(32, [0.0; 3]), BackProjection::Sum);
    assert_eq!(seen[0], 0.0);
    assert!(seen.contains(&1.0));
}

#[test]
fn standardisation_ignores_gain_offset_and_what_is_outside() {
    let raw = Raster::new(64, 64, random(64 * 64, 9)).unwrap();
    let mut scaled = raw.clone().map(|v| 3.0 * v + 7.0);
    scaled.values_mut()[5] = f32::NAN;
    let (a, b) = (standardise(&raw), standardise(&scaled));
    assert_eq!(b.values()[5], 0.0);
    let worst = (0..4096).filter(|&i| i != 5).map(|i| (a.values()[i] - b.values()[i]).abs()).fold(0.0, f32::max);
    assert!(worst < 2e-3, "{worst}");
    assert!(standardise(&Raster::filled(4, 4, 2.0)).values().iter().all(|&v| v == 0.0));
}

#[test]
fn averaging_down_keeps_the_mean_and_the_places() {
    let raw = Raster::new(1000, 770, random(770_000, 4)).unwrap();
    let view = Preset::Linac.view_at(Radians(0.0)).resized(1000, 770);
    let (small, view_small) = prepare_film(&raw, &view);
    assert!(small.cols() < 300 && view_small.detector.cols == small.cols());
    let mean = |r: &Raster| r.values().iter().map(|v| f64::from(*v)).sum::<f64>() / r.values().len() as f64;
    assert!((mean(&raw) - mean(&small)).abs() < 1e-4);
    let p = [30.0, 10.0, -42.0];
    let ([c, r], [cs, rs]) = (view.pixel_from_world(p).unwrap(), view_small.pixel_from_world(p).unwrap());
    let scale = [small.cols() as f64 / 1000.0, small.rows() as f64 / 770.0];
    assert!(((c + 0.5) * scale[0] - (cs + 0.5)).abs() < 1e-6 && ((r + 0.5) * scale[1] - (rs + 0.5)).abs() < 1e-6);
}

#[test]
fn quantum_noise_grows_with_density() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut spread = |p: f32| {
        let noisy = film::with_quantum_noise(Raster::filled(100, 100, p), 1e4, &mut rng);
        let mean = noisy.values().iter().sum::<f32>() / 1e4;
        assert!((mean - p).abs() < 0.02 * p.max(1.0));
        (noisy.values().iter().map(|v| (v - mean).powi(2)).sum::<f32>() / 1e4).sqrt()
    };
    // sigma(p) = exp(p/2) / sqrt(N0)
    assert!((spread(0.0) - 0.01).abs() < 1e-3 && (spread(3.0) - 0.0448).abs() < 4e-3);
}

/// Films of a synthetic thorax as a chest room takes them.
fn chest_films(seed: u64) -> ([Raster; 2], biplane::geometry::ViewPair) {
    let phantom = thorax(seed, &ThoraxLimits::default());
    let mut pair = Preset::ChestRoom.pair();
    pair.views = pair.views.map(|v| v.resized(160, 160));
    (pair.views.map(|v| phantom.project(&v)), pair)
}

#[test]
fn lungs_are_found_between_shoulders_and_diaphragm() {
    for seed in 0..6 {
        let (films, pair) = chest_films(seed);
        let [frontal, lateral] = [0, 1].map(|i: usize| LungGuess::of(&films[i]));
        let span = frontal.frontal.unwrap();
        let mm = (span.diaphragm_row - span.apex_row) * 430.0 / 160.0 / 1.125;
        assert!((100.0..300.0).contains(&mm), "seed {seed}: {mm} mm");
        let beside = lateral_span(&pair, &span, lateral.lateral_diaphragm_row.unwrap());
        assert!((beside.diaphragm_row - beside.apex_row - (span.diaphragm_row - span.apex_row)).abs() < 1e-6);
        // Both films show the same diaphragm: the guesses may differ by the domes' height, not by more.
        assert!((beside.diaphragm_row - span.diaphragm_row).abs() < 25.0, "seed {seed}: {beside:?} {span:?}");
    }
}

#[test]
fn matching_makes_the_same_heights_agree() {
    let (_, mut pair) = chest_films(1);
    let spans = [LungSpan { apex_row: 30.0, diaphragm_row: 110.0 }, LungSpan { apex_row: 50.0, diaphragm_row: 122.0 }];
    pair = matched(&pair, &spans).unwrap();
    let row_of = |i: usize, z: f64| pair.views[i].pixel_from_world([0.0, 0.0, z]).unwrap()[1];
    // The apex's height on the frontal film falls on the apex of the lateral film, and so does the diaphragm's.
    let mm = 430.0 / 160.0 / 1.125;
    for (z, rows) in [(40.0 * mm, [30.0, 50.0]), (-40.0 * mm, [110.0, 122.0])] {
        assert!((row_of(0, z) - rows[0]).abs() < 1e-6 && (row_of(1, z) - rows[1]).abs() < 1e-6);
    }
    let absurd = [spans[0], LungSpan { apex_row: 50.0, diaphragm_row: 60.0 }];
    assert!(matched(&pair, &absurd).is_none());
}
