//! A film as the workstation holds it: the picture, its settings with where each comes from, and the view they make.
//! Knows no widget; the geometry itself stands in [`crate::geometry::view`].

pub use super::film_settings::{Change, FULL_WINDOW, FilmSettings, Straighten};

use crate::geometry::view::hangs_flipped;
use crate::geometry::{Beam, Detector, Preset, Raster, View, ViewError};
use crate::io::{FilmKind, Provenance, Radiograph, Tone, Warning};
use crate::projection::checks::Look;
use crate::projection::film::from_display;
use crate::projection::hanging::front_is_right;
use crate::projection::matching::LungGuess;
use crate::units::Radians;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::sync::Arc;

/// Which of the two places a film stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Slot {
    /// The first film, usually frontal.
    First,
    /// The second film, usually lateral.
    Second,
}

impl Slot {
    /// Both, in order.
    pub const BOTH: [Self; 2] = [Self::First, Self::Second];

    /// 0 or 1.
    pub fn index(self) -> usize {
        self as usize
    }

    /// The other one.
    pub fn other(self) -> Self {
        if self == Self::First { Self::Second } else { Self::First }
    }

    /// What usually stands there.
    pub fn title(self) -> &'static str {
        match self {
            Self::First => "Frontal film",
            Self::Second => "Lateral film",
        }
    }
}

/// The directions of films that have names, and any other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Projection {
    /// Source before the patient.
    Ap,
    /// Source behind the patient.
    Pa,
    /// Left side at the film: source on the patient's right.
    LeftLateral,
    /// Right side at the film: source on the patient's left.
    RightLateral,
    /// Any other angle.
    Angle,
}

impl Projection {
    /// All, in the order of menus.
    pub const ALL: [Self; 5] = [Self::Ap, Self::Pa, Self::LeftLateral, Self::RightLateral, Self::Angle];

    /// The name on screen.
    pub fn label(self) -> &'static str {
        match self {
            Self::Ap => "AP",
            Self::Pa => "PA",
            Self::LeftLateral => "Left lateral",
            Self::RightLateral => "Right lateral",
            Self::Angle => "Other angle",
        }
    }

    /// The gantry angle, degrees; `None` for any other angle.
    pub fn angle_deg(self) -> Option<f64> {
        match self {
            Self::Ap => Some(0.0),
            Self::Pa => Some(180.0),
            Self::LeftLateral => Some(270.0),
            Self::RightLateral => Some(90.0),
            Self::Angle => None,
        }
    }

    /// The named direction at an angle, if it has a name.
    pub fn of_angle(angle_deg: f64) -> Self {
        let same = |p: &Self| p.angle_deg().is_some_and(|a| (a - angle_deg.rem_euclid(360.0)).abs() < 0.05);
        Self::ALL.into_iter().find(same).unwrap_or(Self::Angle)
    }
}

/// What the picture alone tells, without its header.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Glance {
    /// A lateral whose front is on the right; `None` where the picture does not tell.
    pub front_is_right: Option<bool>,
    /// Where the lungs begin and end.
    pub lungs: LungGuess,
    /// What tells a mirrored or exchanged film.
    pub look: Option<Look>,
}

impl Glance {
    /// Looks at a picture (white = dense).
    pub fn at(image: &Raster) -> Self {
        Self { front_is_right: front_is_right(image), lungs: LungGuess::of(image), look: Look::at(image) }
    }
}

/// A film in the workstation: immutable, a change makes a new one that shares the picture.
#[derive(Clone, Debug)]
pub struct Film {
    /// Where it was read from.
    pub path: PathBuf,
    /// The picture and what its header says.
    pub radiograph: Arc<Radiograph>,
    /// What is set about it.
    pub settings: FilmSettings,
    /// What was done to it unasked, in a sentence (a mirrored lateral turned round).
    pub notice: Option<String>,
    /// The first guess of where the lungs begin and end.
    pub lung_guess: LungGuess,
    /// What the picture looked like as it was read; see [`super::concerns`].
    pub look: Option<Arc<Look>>,
}

impl Film {
    /// A film for `slot`: its header where it speaks, else `preset`.
    pub fn new(path: PathBuf, radiograph: Arc<Radiograph>, slot: Slot, preset: Preset) -> Self {
        let settings = FilmSettings::of(&radiograph, slot, preset);
        Self { path, radiograph, settings, notice: None, lung_guess: LungGuess::default(), look: None }
    }

    /// The same picture with other settings.
    #[must_use]
    pub fn with(&self, change: impl FnOnce(&mut FilmSettings)) -> Self {
        let mut film = self.clone();
        change(&mut film.settings);
        film
    }

    /// Takes in what the picture tells: the guess of the lungs, and a lateral whose front is on the right, with
    /// nothing in its header on how it is stored, is flipped once.
    pub fn take_in(&mut self, glance: Glance) {
        self.lung_guess = glance.lungs;
        self.look = glance.look.map(Arc::new);
        let silent = self.radiograph.view.flip_cols.is_none() && !self.radiograph.simulated;
        if silent && self.kind() == FilmKind::Lateral && glance.front_is_right == Some(true) {
            self.settings.mirror_cols = !self.settings.mirror_cols;
            self.notice = Some("The front was on the right: mirrored once.".into());
        }
    }

    /// The file's name.
    pub fn name(&self) -> String {
        self.path.file_name().map_or_else(|| self.path.display().to_string(), |n| n.to_string_lossy().into_owned())
    }

    /// Frontal or lateral, by its angle.
    pub fn kind(&self) -> FilmKind {
        FilmKind::of_angle(Radians::from_degrees(self.settings.angle_deg))
    }

    /// The view this film was taken with; the flips say how the file is stored.
    ///
    /// # Errors
    /// Where a distance, pitch or angle cannot be.
    pub fn view(&self) -> Result<View, ViewError> {
        let s = &self.settings;
        let angle = Radians::from_degrees(s.angle_deg);
        let (cols, rows) = (self.radiograph.image.cols(), self.radiograph.image.rows());
        let beam = if s.parallel { Beam::Parallel } else { Beam::Cone { sad_mm: s.sad_mm, sdd_mm: s.sdd_mm } };
        View {
            angle,
            beam,
            detector: Detector { cols, rows, pitch_mm: s.pitch_mm, offset_px: s.offset_px },
            flip_cols: hangs_flipped(angle) != s.mirror_cols,
            flip_rows: s.mirror_rows,
        }
        .checked()
    }

    /// The picture as stored, white = dense, for the reconstruction.
    pub fn dense_white(&self) -> Raster {
        let image = self.radiograph.image.clone();
        if self.settings.invert { image.map(|v| -v) } else { image }
    }

    /// Whether the tone curve is straightened for the reconstruction.
    pub fn is_straightened(&self) -> bool {
        match self.settings.straighten {
            Straighten::Auto => self.radiograph.tone == Tone::Display && !self.radiograph.simulated,
            Straighten::On => true,
            Straighten::Off => false,
        }
    }

    /// The picture as the networks get it, as stored: white = dense, nearer to line integrals where it was made for
    /// display.
    pub fn density(&self) -> Raster {
        let image = self.dense_white();
        if self.is_straightened() { from_display(&image) } else { image }
    }

    /// The picture as it hangs, white = dense.
    pub fn hung(&self) -> Raster {
        let mut image = self.dense_white();
        if self.settings.mirror_cols {
            image = image.flipped_cols();
        }
        if self.settings.mirror_rows {
            image = image.flipped_rows();
        }
        image
    }

    /// Letters at the left, right, top and bottom edge of the hung picture.
    pub fn hung_letters(&self) -> [char; 4] {
        let angle = Radians::from_degrees(self.settings.angle_deg);
        let mut view = Preset::Parallel.view_at(angle);
        view.flip_cols = hangs_flipped(angle);
        view.edge_letters()
    }

    /// What should be checked about this film, most important first.
    pub fn warnings(&self) -> Vec<String> {
        let s = &self.settings;
        let mut lines: Vec<String> = self.notice.iter().cloned().collect();
        if let Err(cause) = self.view() {
            lines.push(cause.to_string());
        }
        if s.pitch_from == Provenance::Assumed {
            lines.push("Pixel spacing unknown, 430 mm film assumed.".into());
        }
        lines.extend(self.radiograph.warnings.iter().map(|warning| match warning {
            Warning::DisplayContrast if self.is_straightened() => {
                "Grey values are for display: their tone curve is straightened for the reconstruction.".into()
            }
            other => capitalised(&other.to_string()),
        }));
        lines
    }
}

/// The sentence with a capital first letter and a full stop.
fn capitalised(sentence: &str) -> String {
    let mut letters = sentence.chars();
    let first = letters.next().map(|c| c.to_uppercase().collect::<String>()).unwrap_or_default();
    let stop = if sentence.ends_with('.') { "" } else { "." };
    format!("{first}{}{stop}", letters.as_str())
}
