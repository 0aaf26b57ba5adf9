//! What should be checked about the films on screen, and what one press sets right. Knows no widget; what the pictures
//! show is found by [`crate::projection::checks`] while they are read.

use super::command::Command;
use super::film::{Change, Film, Slot};
use crate::io::{FilmKind, Provenance};
use crate::projection::checks::{Concern, Look};

/// Films further than this from a frontal and a lateral are oblique.
const USUAL_WITHIN_DEG: f64 = 15.0;

/// A warning, and the press that answers it.
#[derive(Clone, Debug, PartialEq)]
pub struct Advice {
    /// What it is and what to do.
    pub text: String,
    /// A button's label and what it sends, where one press sets it right.
    pub fix: Option<(&'static str, Command)>,
}

impl Advice {
    /// A warning for a person to answer.
    pub fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), fix: None }
    }
}

/// What one film shows that it should not.
pub fn of_film(film: &Film, slot: Slot) -> Vec<Advice> {
    let concerns = film_concerns(film).into_iter();
    concerns.map(|concern| Advice { text: concern.sentence().into(), fix: fix(concern, slot) }).collect()
}

/// What two films show that a frontal and a lateral of one patient should not. Films with another angle have no usual
/// look.
pub fn of_pair(films: [&Film; 2]) -> Vec<Advice> {
    let concerns = pair_concerns(films).into_iter();
    // Swapping gives each film the other's place and view only where no header says its view.
    let movable = films.iter().all(|film| film.settings.angle_from == Provenance::Assumed);
    let answer = |concern: Concern| fix(concern, Slot::Second).filter(|(_, c)| movable || *c != Command::SwapFilms);
    concerns.map(|concern| Advice { text: concern.sentence().into(), fix: answer(concern) }).collect()
}

/// As [`of_film`], for those who have no buttons.
pub fn film_concerns(film: &Film) -> Vec<Concern> {
    let frontal = usual_kind(film) == Some(FilmKind::Frontal);
    look(film).map(|look| look.concerns(frontal, film.settings.mirror_cols)).unwrap_or_default()
}

/// As [`of_pair`], for those who have no buttons.
pub fn pair_concerns(films: [&Film; 2]) -> Vec<Concern> {
    let [Some(first), Some(second)] = films.map(look) else { return Vec::new() };
    match films.map(usual_kind) {
        [Some(FilmKind::Frontal), Some(FilmKind::Lateral)] => Look::pair_concerns(first, second),
        [Some(FilmKind::Lateral), Some(FilmKind::Frontal)] => Look::pair_concerns(second, first),
        _ => Vec::new(),
    }
}

/// Frontal or lateral; oblique films look like neither.
fn usual_kind(film: &Film) -> Option<FilmKind> {
    let off = film.settings.angle_deg.rem_euclid(90.0);
    (off.min(90.0 - off) <= USUAL_WITHIN_DEG).then(|| film.kind())
}

/// A look holds for the picture as it was read, not for one that a person turned upside down or inverted.
fn look(film: &Film) -> Option<&Look> {
    film.look.as_deref().filter(|_| !film.settings.mirror_rows && !film.settings.invert)
}
/// What sets a concern right: no press brings back what a film did not show.
fn fix(concern: Concern, slot: Slot) -> Option<(&'static str, Command)> {
    match concern {
        Concern::MirroredFrontal(_) => Some(("Mirror it", Command::Film(slot, Change::MirrorCols))),
        Concern::Swapped(_) => Some(("Swap them", Command::SwapFilms)),
        Concern::SameFilm(_) => Some(("Close one", Command::CloseFilm(slot))),
        Concern::CutField(_) => None,
    }
}
