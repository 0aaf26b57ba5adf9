//! Registration: its gradient against finite differences, maps against their own identities, and maps that are known
//! found again from films and from volumes.

use biplane::atlas::AtlasSource;
use biplane::geometry::phantom::{ThoraxLimits, thorax};
use biplane::geometry::{Frame, Preset, Raster, ViewPair, Volume};
use biplane::metrics::lung::{DEFAULT_THRESHOLD, lung_mask};
use biplane::projection::film::with_quantum_noise;
use biplane::projection::sirt::FilmScale;
use biplane::projection::{Attenuation, project};
use biplane::registration::bend::{self, fitted_share};
use biplane::registration::descend::Level;
use biplane::registration::volumes::{Chest, register};
use biplane::registration::{Affine, Bending, Bent, FilmTargets, Map, RegistrationError, Sampled, Tissue};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::sync::OnceLock;

fn chest(seed: u64) -> Vec<f32> {
    thorax(seed, &ThoraxLimits::default()).voxelise(&Frame::cube([0.0; 3]), 1)
}

/// One thorax, made once.
fn patient() -> &'static [f32] {
    static KEPT: OnceLock<Vec<f32>> = OnceLock::new();
    KEPT.get_or_init(|| chest(5))
}

fn films_of(r: &[f32]) -> [Raster; 2] {
    let volume = Attenuation::from_values(&Frame::cube([0.0; 3]), r).unwrap();
    Preset::Simulated.pair().views.map(|view| project(&volume, &view, [0.0; 3]))
}

fn targets(films: [Raster; 2], scale: FilmScale) -> FilmTargets {
    FilmTargets::new(films, &Preset::Simulated.pair(), scale).unwrap()
}

/// A smooth map by formula: breath, posture and weight, up to 14 mm.
fn known_map() -> Map {
    let side = 5;
    let at = |i: usize| (i as f64 / (side - 1) as f64 - 0.5) * std::f64::consts::PI;
    let node = |f: &dyn Fn(f64, f64, f64) -> f64| -> Vec<f32> {
        (0..side * side * side).map(|i| f(at(i % side), at(i / side % side), at(i / side / side)) as f32).collect()
    };
    let shifts = [
        node(&|x, _, z| 7.0 * x.sin() * z.cos()),
        node(&|_, y, z| -6.0 * y.sin() * z.cos()),
        node(&|x, y, z| 9.0 * x.cos() * y.cos() * (1.0 - z.sin()) / 2.0),
    ];
    let mut affine = Affine::IDENTITY;
    affine.matrix[0][1] = 0.02;
    affine.shift_mm = [4.0, -3.0, 5.0];
    Map::new(affine, side, shifts).unwrap()
}

fn bent_by(map: &Map, r: &[f32]) -> Vec<f32> {
    Bent { map: map.clone(), tissue: Tissue::default(), cost: 0.0 }.volume(&Sampled::new(128, r))
}

/// Mean absolute error in HU where either is no air.
fn error_hu(a: &[f32], b: &[f32]) -> f64 {
    let body = a.iter().zip(b).filter(|(a, b)| **a > 0.1 || **b > 0.1);
    let (sum, n) = body.fold((0.0, 0.0), |(sum, n), (a, b)| (sum + f64::from((a - b).abs()), n + 1.0));
    1000.0 * sum / n
}

#[test]
fn the_gradient_is_that_of_finite_differences() {
    let films = targets(films_of(&chest(6)), FilmScale::LineIntegrals);
    let coarse = chest(7);
    let level = Level { side: 32, nodes: 4, steps: 0, stiffness: 3.0, rate: 0.0, affine_rate: 0.0 };
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let mut noise = |most: f32| -> Vec<f32> { (0..64).map(|_| rng.random_range(-most..most)).collect() };
    // Some cells compressed beyond what is free, so that this penalty counts as well.
    let mut shifts = [noise(6.0), noise(6.0), noise(6.0)];
    shifts[0][21] += 110.0;
    let mut at = Bent { map: Map::new(known_map().affine, 4, shifts).unwrap(), tissue: Tissue::default(), cost: 0.0 };
    at.tissue.values[3] += 0.05;
    let cost = |at: &Bent| bend::evaluate(patient(), Some(&films), Some(&coarse), &level, at).cost;
    let found = bend::evaluate(patient(), Some(&films), Some(&coarse), &level, &at);
    let compared = |name: &str, by_formula: f64, change: &dyn Fn(&mut Bent, f64), step: f64| {
        let [mut up, mut down] = [at.clone(), at.clone()];
        change(&mut up, step);
        change(&mut down, -step);
        let by_difference = (cost(&up) - cost(&down)) / (2.0 * step);
        let scale = by_formula.abs().max(by_difference.abs());
        assert!((by_formula - by_difference).abs() <= 0.08 * scale + 1e-7, "{name}: {by_formula} {by_difference}");
    };
    for node in [21, 22, 25, 37, 42, 58] {
        for axis in 0..3 {
            let moved = |at: &mut Bent, by: f64| {
                let mut shifts = at.map.shifts_mm().clone();
                shifts[axis][node] += by as f32;
                at.map = Map::new(at.map.affine, 4, shifts).unwrap();
            };
            compared(&format!("node {node}, axis {axis}"), f64::from(found.nodes[axis][node]), &moved, 0.25);
        }
    }
    for row in 0..3 {
        for column in 0..3 {
            let turned = |at: &mut Bent, by: f64| at.map.affine.matrix[row][column] += by;
            compared(&format!("matrix {row} {column}"), found.affine[row][column], &turned, 1e-3);
        }
        let shifted = |at: &mut Bent, by: f64| at.map.affine.shift_mm[row] += by;
        compared(&format!("shift {row}"), found.affine[row][3], &shifted, 0.1);
    }
    for knot in [3, 4, 6] {
        let denser = |at: &mut Bent, by: f64| at.tissue.values[knot] += by as f32;
        compared(&format!("knot {knot}"), found.tissue[knot], &denser, 2e-3);
    }
}

#[test]
fn maps_compose_invert_and_tell_their_jacobian() {
    let map = known_map();
    let near = |a: [f64; 3], b: [f64; 3], mm: f64| a.iter().zip(b).all(|(a, b)| (a - b).abs() <= mm);
    let places = [[0.0; 3], [60.0, -40.0, 90.0], [-100.0, 80.0, -120.0], [30.0, 10.0, -60.0]];
    let (back, finer) = (map.inverse(32).unwrap(), map.with_nodes(17));
    let (round, twice) = (back.after(&map, 32), map.after(&map, 32));
    for x in places {
        assert!(near(back.at(map.at(x)), x, 0.5), "{x:?} -> {:?}", back.at(map.at(x)));
        assert!(near(round.at(x), x, 0.5) && near(twice.at(x), map.at(map.at(x)), 0.5));
        assert!(near(finer.at(x), map.at(x), 1e-3), "more nodes are the same map");
    }
    let mut scaled = Map::identity(4);
    scaled.affine.matrix = [[1.2, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.5]];
    let [least, most] = scaled.jacobian_range();
    assert!((least - 0.6).abs() < 1e-9 && (most - 0.6).abs() < 1e-9);
    // One node pushed beyond its neighbour turns space inside out.
    let mut shifts = Map::identity(4).shifts_mm().clone();
    shifts[0][21] = 150.0;
    let folded = Map::new(Affine::IDENTITY, 4, shifts.clone()).unwrap();
    assert!(folded.jacobian_range()[0] < 0.0);
    // Too steep for the iteration: no inverse rather than a wrong one.
    let mut steep = Map::identity(4).shifts_mm().clone();
    steep[0].iter_mut().enumerate().for_each(|(i, shift)| *shift = 500.0 * ((i % 4) as f32 - 1.5));
    assert!(Map::new(Affine::IDENTITY, 4, steep).unwrap().inverse(8).is_none());
    shifts[0][21] = f32::NAN;
    assert!(Map::new(Affine::IDENTITY, 4, shifts).is_none());
    assert!(Affine { matrix: [[0.0; 3]; 3], shift_mm: [0.0; 3] }.inverse().is_none());
}

#[test]
fn a_bent_chest_is_found_again_from_two_films_and_a_blurred_volume() {
    let ct = patient();
    let today = bent_by(&known_map(), ct);
    let noisy = |film: Raster| with_quantum_noise(film, 10f32.powf(6.5), &mut ChaCha8Rng::seed_from_u64(1));
    let films = films_of(&today).map(noisy);
    // What a network would make of it: the same, blurred to 22 mm.
    let small = biplane::registration::sampled::pooled(&today, 128, 8);
    let blurred = bent_by(&Map::identity(2), &{
        let coarse = Sampled::new(16, &small);
        let place = |i: usize| (i as f32 - 63.5) * 2.8;
        (0..128usize.pow(3))
            .map(|i| coarse.at([place(i % 128), place(i / 128 % 128), place(i / 16384)]))
            .collect::<Vec<_>>()
    });
    let before = error_hu(ct, &today);
    let fit = |films: &FilmTargets| {
        let bent = bend::bend(ct, Some(films), Some(&blurred), None, &Bending::atlas(), &mut |_| true).unwrap();
        assert!(bent.map.jacobian_range()[0] > 0.0);
        error_hu(&bent.volume(&Sampled::new(128, ct)), &today)
    };
    let known = fit(&targets(films.clone(), FilmScale::LineIntegrals));
    assert!(known < before / 2.5, "{before} -> {known}");
    // Films of unknown gain and offset are brought to line integrals by the volume's projections.
    let scaled = films.map(|film| film.map(|p| 830.0 * p - 120.0));
    let unknown = targets(scaled, FilmScale::Unknown).calibrated_by(&blurred);
    assert_eq!(unknown.scale, FilmScale::LineIntegrals);
    let unknown = fit(&unknown);
    assert!(unknown < before / 2.5 && unknown < 1.3 * known, "{before} -> {unknown}, known {known}");
}

#[test]
fn tissues_and_contrast_agent_are_told_by_films_and_volume() {
    let ct = patient();
    let agent: Vec<f32> = ct.iter().map(|r| if (1.0..1.1).contains(r) { 0.2 } else { 0.0 }).collect();
    for share in [0.0, 0.3, 1.0] {
        let today: Vec<f32> = ct.iter().zip(&agent).map(|(r, agent)| r + share * agent).collect();
        let films = targets(films_of(&today), FilmScale::LineIntegrals);
        let found = fitted_share(ct, &agent, &films, &today);
        assert!((found - share).abs() < 0.04, "{found} for {share}");
    }
    assert_eq!(Tissue::default().at(0.7), 0.7);
    assert_eq!(Tissue::default().at(2.9), 2.9);
}

#[test]
fn one_chest_is_brought_onto_another() {
    // The bundled patient and an atlas: two real chests.
    let atlas = &AtlasSource::Bundled.load().unwrap().atlases[7];
    let truth = biplane::io::bundled::case().unwrap().truth.volume;
    let volumes = [&truth, &atlas.volume]
        .map(|volume| (volume.relative_attenuation(), lung_mask(volume, DEFAULT_THRESHOLD).labels));
    let [fixed, moving] = volumes.each_ref().map(|(r, lungs)| Chest { r, lungs, slices: (4, 123) });
    let map = register(&fixed, &moving, &mut |_| true).unwrap();
    let dice = |a: &[f32], b: &[u8]| {
        let a: Vec<u8> = a.iter().map(|v| u8::from(*v > 0.5)).collect();
        biplane::metrics::dice::dice(&a, b)
    };
    let mask: Vec<f32> = volumes[1].1.iter().map(|l| f32::from(u8::from(*l != 0))).collect();
    let (before, after) = (dice(&mask, &volumes[0].1), dice(&bent_by(&map, &mask), &volumes[0].1));
    assert!(after > 0.93 && after > before + 0.1, "lungs' Dice {before} -> {after}");
    assert!(error_hu(&bent_by(&map, &volumes[1].0), &volumes[0].0) < 0.6 * error_hu(&volumes[1].0, &volumes[0].0));
    let none = vec![0; volumes[0].1.len()];
    let knee = Chest { lungs: &none, ..fixed };
    assert_eq!(register(&knee, &moving, &mut |_| true).unwrap_err(), RegistrationError::NoLungs);
    assert_eq!(register(&fixed, &moving, &mut |_| false).unwrap_err(), RegistrationError::Cancelled);
}

#[test]
fn what_cannot_be_registered_is_told() {
    let ct = patient();
    let nothing = bend::bend(ct, None, None, None, &Bending::ranking(), &mut |_| true);
    assert_eq!(nothing.unwrap_err(), RegistrationError::NoTarget);
    let blank = Preset::Simulated.pair().views.map(|v| Raster::filled(v.detector.cols, v.detector.rows, 3.0));
    let films = FilmTargets::new(blank, &Preset::Simulated.pair(), FilmScale::Unknown);
    assert!(films.unwrap_err().to_string().contains("film 1 shows nothing"));
    let short = bend::bend(&ct[1..], None, Some(ct), None, &Bending::ranking(), &mut |_| true);
    assert!(matches!(short.unwrap_err(), RegistrationError::NotTheCube(_)));
    let mut odd = Bending::ranking();
    odd.levels[0].side = 0;
    assert_eq!(bend::bend(ct, None, Some(ct), None, &odd, &mut |_| true).unwrap_err(), RegistrationError::Levels);
    let films = targets(films_of(ct), FilmScale::LineIntegrals);
    let mut asked = 0;
    let cancelled = bend::bend(ct, Some(&films), None, None, &Bending::ranking(), &mut |_| {
        asked += 1;
        asked < 3
    });
    assert_eq!((cancelled.unwrap_err(), asked), (RegistrationError::Cancelled, 3));
    let off = Volume::filled(Frame::cube_of(32, [0.0; 3]), biplane::units::Hu(0.0));
    assert_eq!(Sampled::of_volume(&off).unwrap_err(), RegistrationError::NotTheCube([32; 3]));
    // Any pair of views will do, also of another machine.
    let pair = ViewPair { views: Preset::CeilingPair.pair().views };
    let volume = Attenuation::from_values(&Frame::cube([0.0; 3]), ct).unwrap();
    let oblique = pair.views.map(|view| project(&volume, &view, [0.0; 3]));
    let films = FilmTargets::new(oblique, &pair, FilmScale::LineIntegrals).unwrap();
    let fit = bend::bend(ct, Some(&films), None, None, &Bending::ranking(), &mut |_| true).unwrap();
    assert!(fit.map.at([50.0, 20.0, -40.0]).iter().zip([50.0, 20.0, -40.0]).all(|(a, b)| (a - b).abs() < 4.0));
}
