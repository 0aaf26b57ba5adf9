//! How far a volume can be trusted: what the films say to it again, error bars, planted nodules.

use biplane::evaluate::consistency::{self, FilmConsistency, consistency};
use biplane::evaluate::nodules::{self, DIAMETERS_MM, NoduleOptions};
use biplane::evaluate::uncertainty::learn::{Observation, learn};
use biplane::evaluate::uncertainty::members::members;
use biplane::evaluate::uncertainty::{ErrorCard, ErrorModel, LEVELS, expected_error};
use biplane::evaluate::{EvaluateError, films};
use biplane::geometry::phantom::{ThoraxLimits, thorax};
use biplane::geometry::{Frame, Preset, Raster, ViewPair, Volume};
use biplane::nn::model;
use biplane::nn::source::UNCERTAINTY_FILE;
use biplane::nn::{BuiltIn, DeviceChoice, Model, ModelSource};
use biplane::projection::film::normal;
use biplane::projection::{Attenuation, project};
use biplane::train::dataset::Case;
use biplane::units::Hu;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use std::path::Path;
use tch::{Device, Kind, Tensor};

const ISOCENTRE: [f64; 3] = [12.0, -30.0, 400.0];

fn patient(seed: u64) -> Volume {
    thorax(seed, &ThoraxLimits::default()).volume(&Frame::cube_of(48, [0.0; 3]), 1)
}

/// In the scanner's place, which the views know nothing of.
fn placed(volume: Volume) -> Volume {
    let frame = volume.frame().moved_to(ISOCENTRE);
    volume.with_frame(frame).unwrap()
}

fn pair(preset: Preset) -> ViewPair {
    ViewPair { views: preset.pair().views.map(|v| v.resized(128, 128)) }
}

/// Films as they come: of unknown gain and offset, a corner outside of the collimated field.
fn films_of(volume: &Volume, pair: &ViewPair) -> [Raster; 2] {
    let volume = Attenuation::from_volume(volume).unwrap();
    pair.views.map(|view| {
        let mut film = project(&volume, &view, ISOCENTRE).map(|p| 130.0 * p + 900.0);
        film.values_mut()[..40].fill(f32::NAN);
        film
    })
}

fn held(volume: &Volume, films: &[Raster; 2], pair: &ViewPair) -> [FilmConsistency; 2] {
    consistency(volume, films, pair, ISOCENTRE).unwrap()
}

#[test]
fn the_truth_explains_its_films_and_another_patient_does_not() {
    let pair = pair(Preset::Simulated);
    let (own, other) = (placed(patient(3)), placed(patient(8)));
    let films = films_of(&own, &pair);
    for film in held(&own, &films, &pair) {
        assert!(film.relative_error < 0.02 && film.correlation > 0.999, "{} {}", film.relative_error, film.correlation);
        assert!((film.gain / 130.0 - 1.0).abs() < 0.01 && (film.offset - 900.0).abs() < 5.0);
        // Where nothing was measured nothing is shown, and the three pictures belong together.
        assert!(film.measured.values()[..40].iter().all(|v| v.is_nan()));
        for ((m, r), d) in film.measured.values().iter().zip(film.reprojected.values()).zip(film.difference.values()) {
            assert!((m.is_nan() && r.is_nan() && d.is_nan()) || (m - r - d).abs() < 1e-2);
        }
    }
    for film in held(&other, &films, &pair) {
        assert!(film.relative_error > 0.1, "{}", film.relative_error);
    }
}

#[test]
fn a_mirrored_volume_passes_and_the_definition_says_so() {
    // A frontal film was hung the wrong way round. The volume made from it is mirrored, the lateral film, whose rays
    // run from side to side, hardly differs: re-projection finds nothing.
    let pair = pair(Preset::Parallel);
    let patient = placed(patient(3));
    let [frontal, lateral] = films_of(&patient, &pair);
    let mut mirrored = patient.clone();
    let nx = mirrored.frame().dims()[0];
    mirrored.hu_mut().chunks_exact_mut(nx).for_each(<[i16]>::reverse);
    for film in held(&mirrored, &[frontal.clone().flipped_cols(), lateral.clone()], &pair) {
        assert!(film.relative_error < 0.02, "{}", film.relative_error);
    }
    // With the film as it should hang the mirrored volume is found out.
    assert!(held(&mirrored, &[frontal, lateral], &pair)[0].relative_error > 0.05);
    assert!(consistency::DEFINITION.contains("mirrored volume passes"));
}

#[test]
fn films_that_cannot_be_compared_are_refused_with_advice() {
    let pair = pair(Preset::Simulated);
    let volume = placed(patient(3));
    let [frontal, lateral] = films_of(&volume, &pair);
    let refused = |films: [Raster; 2]| consistency(&volume, &films, &pair, ISOCENTRE).unwrap_err().to_string();
    let blank = refused([Raster::filled(128, 128, 7.0), lateral.clone()]);
    assert!(blank.contains("first film is blank") && blank.contains("; choose"), "{blank}");
    let nothing = refused([frontal.clone(), Raster::filled(128, 128, f32::NAN)]);
    assert!(nothing.contains("second film"), "{nothing}");
    let size = refused([frontal.clone(), Raster::filled(64, 128, 0.0)]);
    assert!(size.contains("64 x 128"), "{size}");
    // A volume of air explains nothing, and that is a number, not an error.
    let air = Volume::filled(volume.frame().clone(), Hu::PADDING);
    for film in held(&air, &[frontal, lateral], &pair) {
        assert_eq!((film.relative_error, film.correlation, film.gain), (1.0, 0.0, 0.0));
    }
}

const CUBE: usize = 32;

/// A volume whose HU in each band is off by a known, seeded error of known size.
fn observed(name: &str, seed: u64, larger: f32) -> Observation {
    let frame = Frame::cube_of(CUBE, [0.0; 3]);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let hu: Vec<i16> = (0..frame.len()).map(|i| [-1000, -800, -400, 0, 300][i / 7 % 5]).collect();
    // Larger towards the patient's left and in dense bands: place and band both tell something.
    let spread = |i: usize| (10.0 + (i % CUBE) as f32 + (f32::from(hu[i]) + 1000.0) / 20.0) * larger;
    let truth = (0..hu.len()).map(|i| (f32::from(hu[i]) + spread(i) * normal(&mut rng)) as i16).collect();
    let recon = Volume::new(frame.clone(), hu).unwrap();
    Observation { name: name.into(), members: vec![recon.clone()], recon, truth: Volume::new(frame, truth).unwrap() }
}

fn learnt() -> ErrorModel {
    let training: Vec<_> = (0..4).map(|k| observed("trained", k, 1.0)).collect();
    // Errors on patients never seen are half as large again, as of networks that remember.
    let held_out = [observed("held", 10, 1.5), observed("out", 11, 1.5)];
    learn("abc", &training, &held_out, &[observed("check", 20, 1.5)]).unwrap()
}

#[test]
fn error_bars_hold_what_they_promise_on_patients_they_never_saw() {
    let model = learnt();
    let card = model.card();
    assert!(card.inflation.iter().all(|k| (1.4..1.65).contains(k)), "{:?}", card.inflation);
    assert_eq!(card.coverage.len(), 2 * (4 + 2 + 1));
    for row in &card.coverage {
        assert!((row.volume - row.level).abs() < 0.02, "{row:?}");
    }
    // The same by hand, on a fourth patient.
    let fresh = observed("fresh", 30, 1.5);
    for (level, wanted) in LEVELS.into_iter().enumerate() {
        let bars = model.at_level(&fresh.recon, &fresh.members, level).unwrap();
        let off = |i: usize| (fresh.recon.hu()[i].max(-1000) - fresh.truth.hu()[i].max(-1000)).abs();
        let held = (0..bars.hu().len()).filter(|&i| off(i) <= bars.hu()[i]).count();
        let share = held as f64 / bars.hu().len() as f64;
        assert!((share - wanted).abs() < 0.03, "{level}: {share}");
    }
}

#[test]
fn no_voxel_is_certain_and_disagreement_makes_it_less_so() {
    let model = learnt();
    let case = observed("any", 40, 1.0);
    let bars = expected_error(&case.recon, &[], &model).unwrap();
    assert!(bars.hu().iter().all(|u| *u > 0));
    assert_eq!(bars.frame(), case.recon.frame());
    // A patient of nothing but air, whom nobody disagrees on, has error bars too.
    let air = Volume::filled(case.recon.frame().clone(), Hu(-1000.0));
    assert!(expected_error(&air, std::slice::from_ref(&air), &model).unwrap().hu().iter().all(|u| *u > 0));
    let other = [Volume::filled(Frame::cube_of(16, [0.0; 3]), Hu(0.0))];
    assert!(expected_error(&case.recon, &other, &model).unwrap_err().to_string().contains("16"));
    let few = [observed("one", 1, 1.0)];
    assert!(learn("abc", &few, &few, &[]).err().unwrap().to_string().contains("--held-out"));
}

#[test]
fn an_error_model_survives_its_file_and_a_damaged_one_is_refused_by_name() {
    let model = learnt();
    let bytes = model.to_bytes().unwrap();
    assert!(bytes.len() < 64 << 10, "{}", bytes.len());
    let path = Path::new("some/uncertainty.safetensors");
    let again = ErrorModel::from_bytes(&bytes, path).unwrap();
    // Shares lose their last digit on their way through decimals.
    let plain = |model: &ErrorModel| ErrorCard { coverage: Vec::new(), ..model.card().clone() };
    assert_eq!(plain(&again), plain(&model));
    for (a, b) in again.card().coverage.iter().zip(&model.card().coverage) {
        assert!(a.patient == b.patient && a.role == b.role && (a.volume - b.volume).abs() < 1e-9);
    }
    let case = observed("any", 40, 1.0);
    let [a, b] = [&model, &again].map(|m| expected_error(&case.recon, &[], m).unwrap());
    assert!(a.hu().iter().zip(b.hu()).all(|(a, b)| (a - b).abs() <= 1));
    let refused = |bytes: &[u8]| ErrorModel::from_bytes(bytes, path).unwrap_err().to_string();
    let mut bent = bytes.clone();
    *bent.last_mut().unwrap() ^= 1;
    for bad in [&bent[..], &bytes[..bytes.len() / 2], b"", b"no such file"] {
        let said = refused(bad);
        assert!(said.contains("some/uncertainty.safetensors") && said.contains("; make it again"), "{said}");
    }
    // Beside other weights it is refused; without it a model is a model still.
    let folder = tempfile::tempdir().unwrap();
    super::nn::tiny_model(folder.path(), false);
    let source = ModelSource::Folder(folder.path().to_owned());
    assert!(ErrorModel::of(&source, false).unwrap().is_none());
    model.write(&folder.path().join(UNCERTAINTY_FILE)).unwrap();
    assert!(ErrorModel::of(&source, false).unwrap_err().to_string().contains("other weights"));
}

/// A thorax that stands away from the patient's origin.
fn chest() -> Volume {
    let volume = thorax(2, &ThoraxLimits::default()).volume(&Frame::cube([0.0; 3]), 1);
    volume.with_frame(Frame::cube(ISOCENTRE)).unwrap()
}

/// A model that gives back what it sees of the first film: centre taps through the finest level, all else zero.
fn copying_model(folder: &Path) {
    let mut card = ModelSource::BuiltIn(BuiltIn::Uncalibrated).card().unwrap();
    (card.architecture.coarse_width, card.architecture.refine) = (2, None);
    let (mut coarse, _) = Model::fresh(card.clone(), Device::Cpu).unwrap().into_networks();
    let copies = ["enc1.conv1.weight", "enc1.conv2.weight", "dec1.conv1.weight", "dec1.conv2.weight", "head.weight"];
    let value = |name: &str, shape: &[i64]| {
        let mut values = vec![0f32; shape.iter().product::<i64>() as usize];
        if copies.contains(&name) {
            // The middle of the first kernel: from the first channel to the first.
            values[shape[2..].iter().product::<i64>() as usize / 2] = 1.0;
        }
        if name.contains("norm") && name.ends_with("weight") {
            values.fill(1.0);
        }
        Tensor::from_slice(&values).reshape(shape)
    };
    let entries = coarse.parameters().entries();
    let named: Vec<_> = entries.iter().map(|e| (e.name.clone(), value(&e.name, &e.shape))).collect();
    coarse.parameters_mut().load(&named, "", folder).unwrap();
    model::save(folder, card, coarse.parameters(), None, Kind::Float).unwrap();
}

#[test]
fn members_are_moved_back_to_where_the_patient_is() {
    let folder = tempfile::tempdir().unwrap();
    copying_model(folder.path());
    let model = ModelSource::Folder(folder.path().to_owned());
    let volume = chest();
    let job = films::job(&volume, &model, DeviceChoice::Cpu).unwrap();
    let alone = films::run(job.clone(), &|| false).unwrap();
    for member in members(&job, &|| false).unwrap() {
        assert_eq!(member.frame(), alone.frame());
        // The network follows the films: a result not moved back would be two voxels off.
        let likeness = |shift: usize| {
            let (a, b) = (&alone.hu()[shift..], &member.hu()[..member.hu().len() - shift]);
            a.iter().zip(b).map(|(a, b)| f64::from((a - b).abs())).sum::<f64>()
        };
        let beside = (2 * 128 + 2) * 128;
        assert!(likeness(0) < 0.7 * likeness(beside), "{} {}", likeness(0), likeness(beside));
    }
    assert!(matches!(members(&job, &|| true), Err(EvaluateError::Cancelled)));
}

#[test]
fn bundled_error_bars_and_nodule_sentence_belong_to_the_bundled_model() {
    for source in BuiltIn::ALL.map(ModelSource::BuiltIn) {
        let card = source.card().unwrap();
        for guided in [false, true] {
            let model = ErrorModel::of(&source, guided).unwrap().unwrap();
            assert!(model.card().inflation.iter().all(|k| *k >= 1.0));
        }
        let sentence = card.detectability.unwrap();
        assert!(sentence.contains("Planted nodules") && sentence.contains("false alarms"), "{sentence}");
    }
}

#[test]
fn planted_nodules_are_looked_for_where_they_are() {
    let folder = tempfile::tempdir().unwrap();
    super::nn::tiny_model(folder.path(), false);
    let model = ModelSource::Folder(folder.path().to_owned());
    let volume = chest();
    let case = Case::new("phantom".into(), volume, Path::new("phantom")).unwrap();
    let options = NoduleOptions { together: 2, rounds: 1, empty_places: 20, seed: 1, guided: false };
    let mut asked = 0;
    let study = nodules::study(&model, DeviceChoice::Cpu, &[case], &options, &mut |_| {
        asked += 1;
        true
    })
    .unwrap();
    assert_eq!(asked, 1 + DIAMETERS_MM.len());
    assert_eq!(study.sizes.len(), DIAMETERS_MM.len());
    for size in &study.sizes {
        assert!((1..=2).contains(&size.places) && size.noise_hu > 0.0, "{size:?}");
        assert!((0.0..=1.0).contains(&size.found) && size.d_prime.is_finite());
        // Networks that learnt nothing recover nothing like the planted contrast.
        assert!(size.recovered.abs() < 0.5, "{size:?}");
    }
    assert!(study.sentence().starts_with("Planted nodules") && study.sentence().contains("+800 HU over lung"));
}

#[test]
fn a_perfect_reconstruction_would_find_every_nodule() {
    let volume = chest();
    let case = Case::new("phantom".into(), volume, Path::new("phantom")).unwrap();
    let options = NoduleOptions { together: 3, rounds: 1, empty_places: 60, seed: 1, guided: false };
    // The CT itself stands for the reconstruction.
    let mut perfect = |_: &Case, volume: &Volume| Ok(volume.clone());
    let sizes = nodules::sizes(&[case], &options, &mut perfect).unwrap();
    for size in sizes {
        assert!((size.recovered - 1.0).abs() < 0.01 && size.found == 1.0 && size.d_prime > 2.0, "{size:?}");
    }
}
