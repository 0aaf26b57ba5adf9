//! How far a volume can be trusted: what the films say to it again.

use biplane::evaluate::consistency::{self, FilmConsistency, consistency};
use biplane::geometry::phantom::{ThoraxLimits, thorax};
use biplane::geometry::{Frame, Preset, Raster, ViewPair, Volume};
use biplane::projection::{Attenuation, project};
use biplane::units::Hu;

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
fn films(volume: &Volume, pair: &ViewPair) -> [Raster; 2] {
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
    let films = films(&own, &pair);
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
    let [frontal, lateral] = films(&patient, &pair);
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
    let [frontal, lateral] = films(&volume, &pair);
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
