//! Two films as one pair: turned into their geometry's own orientation, and, where neither knows its scale, brought
//! to one scale and height. Knows no widget and no network.

use super::film::{Film, Slot};
use crate::geometry::{Raster, View, ViewError, ViewPair};
use crate::io::{FilmKind, Placement, Provenance, Radiograph, Sensitive};
use crate::projection::matching::{LungSpan, lateral_span, matched};

/// Isocentres nearer to each other than this are the same one, mm.
const SAME_PLACE_MM: f64 = 0.01;

/// Where the lungs begin and end on both films, rows of the hung pictures: as a person set it, else guessed. `None`
/// for films that know their spacing, and for pairs that are not a frontal and a lateral.
pub fn lung_spans(films: [&Film; 2]) -> Option<[LungSpan; 2]> {
    let [first, second] = films;
    let assumed = films.iter().all(|f| f.settings.pitch_from == Provenance::Assumed);
    if !assumed || first.kind() != FilmKind::Frontal || second.kind() != FilmKind::Lateral {
        return None;
    }
    let frontal = first.settings.lungs.or_else(|| upright(first, first.lung_guess.frontal))?;
    let views = ViewPair { views: [first.view().ok()?, second.view().ok()?] };
    let guessed = || {
        let row = upright(second, second.lung_guess.lateral_diaphragm_row)?;
        Some(lateral_span(&views, &frontal, row))
    };
    Some([frontal, second.settings.lungs.or_else(guessed)?])
}

/// A guess holds for the picture as it was read, not for one that a person turned round or inverted.
fn upright<T>(film: &Film, guess: Option<T>) -> Option<T> {
    guess.filter(|_| !film.settings.mirror_rows && !film.settings.invert)
}

/// The scale by which the second film's pixels were taken larger to match the first, where that was done.
pub fn matched_scale(films: [&Film; 2]) -> Option<f64> {
    let views = ViewPair { views: [films[0].view().ok()?, films[1].view().ok()?] };
    let together = matched(&views, &lung_spans(films)?)?;
    Some(together.views[1].detector.pitch_mm[0] / views.views[1].detector.pitch_mm[0])
}

/// Where the pair stands in the patient, where both films say the same.
pub fn placement(films: [&Radiograph; 2]) -> Option<Placement> {
    let [first, second] = films.map(|film| film.view.isocentre_mm.map(|at| at.value));
    let (first, second) = (first?, second?);
    if first.iter().zip(second).any(|(a, b)| !((a - b).abs() <= SAME_PLACE_MM)) {
        return None;
    }
    let [reference, other] = films.map(|film| film.info.frame_of_reference.clone());
    Some(Placement { isocentre_mm: first, frame_of_reference: reference.filter(|uid| Some(uid) == other.as_ref()) })
}

/// Why line integrals and places cannot be compared with a CT's projections: a distance or a tone curve that is not
/// known. `None` where both are. `placed`: a geometry file gives the distances.
pub fn uncalibrated(films: [&Film; 2], placed: bool) -> Option<String> {
    let names = ["first", "second"];
    films.iter().zip(names).find_map(|(film, name)| {
        if film.is_straightened() {
            return Some(format!("the {name} film is made for display, so its tone curve is unknown"));
        }
        let assumed = film.settings.assumed().filter(|_| !placed)?;
        Some(format!("the {assumed} of the {name} film is unknown"))
    })
}

/// The patient's number, where both films name the same.
pub fn patient_id(films: [&Radiograph; 2]) -> Option<Sensitive> {
    let [first, second] = films.map(|film| film.info.patient_id.clone());
    first.filter(|id| second.as_ref() == Some(id))
}

/// Both pictures in their geometry's own orientation, white = dense, with the views that say so; films of unknown
/// scale are matched by their lungs.
///
/// # Errors
/// Where a film's view cannot be.
pub fn settle(films: [&Film; 2]) -> Result<([Raster; 2], ViewPair), ViewError> {
    let views = ViewPair { views: [films[0].view()?, films[1].view()?] };
    let images = Slot::BOTH.map(|slot| unflipped(films[slot.index()], &views.views[slot.index()]));
    let views = ViewPair { views: views.views.map(as_taken) };
    let together = lung_spans(films).and_then(|spans| matched(&views, &spans));
    Ok((images, together.unwrap_or(views)))
}

/// The stored picture without the flips of its view.
pub fn unflipped(film: &Film, view: &View) -> Raster {
    let mut image = film.density();
    if view.flip_cols {
        image = image.flipped_cols();
    }
    if view.flip_rows {
        image = image.flipped_rows();
    }
    image
}

/// The view of a picture that is no longer flipped.
fn as_taken(view: View) -> View {
    View { flip_cols: false, flip_rows: false, ..view }
}
