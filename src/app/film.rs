//! A film as the workstation holds it: the picture, its settings with where each comes from, and the view they make.
//! Knows no widget; the geometry itself stands in [`crate::geometry::view`].

use crate::geometry::view::hangs_flipped;
use crate::geometry::{Beam, Detector, Preset, Raster, View, ViewError};
use crate::io::{FilmKind, Known, Provenance, Radiograph};
use crate::projection::hanging::front_is_right;
use crate::projection::matching::{LungGuess, LungSpan};
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

/// All that can be set about a film. Angles in degrees, as displayed and stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FilmSettings {
    /// Gantry angle, degrees.
    pub angle_deg: f64,
    /// Where the angle comes from.
    pub angle_from: Provenance,
    /// Pixel pitch at the detector (columns, rows), mm.
    pub pitch_mm: [f64; 2],
    /// Where the pitch comes from.
    pub pitch_from: Provenance,
    /// Source to axis, mm.
    pub sad_mm: f64,
    /// Where it comes from.
    pub sad_from: Provenance,
    /// Source to detector, mm.
    pub sdd_mm: f64,
    /// Where it comes from.
    pub sdd_from: Provenance,
    /// Parallel rays: the distances do not count.
    pub parallel: bool,
    /// Where the central ray pierces, pixels from the middle.
    pub offset_px: [f64; 2],
    /// The stored picture must be mirrored left to right to hang as it should.
    pub mirror_cols: bool,
    /// The stored picture must be mirrored top to bottom to hang as it should.
    pub mirror_rows: bool,
    /// The stored picture shows dense as black.
    pub invert: bool,
    /// The preview's window on the standardised film, (black, white); display only.
    pub window: [f32; 2],
    /// Where a person saw the lungs begin and end, rows of the hung picture; the first guess counts where absent.
    #[serde(default)]
    pub lungs: Option<LungSpan>,
}

/// What the picture alone tells, without its header.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Glance {
    /// A lateral whose front is on the right; `None` where the picture does not tell.
    pub front_is_right: Option<bool>,
    /// Where the lungs begin and end.
    pub lungs: LungGuess,
}

impl Glance {
    /// Looks at a picture (white = dense).
    pub fn at(image: &Raster) -> Self {
        Self { front_is_right: front_is_right(image), lungs: LungGuess::of(image) }
    }
}

/// The preview's window before anybody touches it: all of the standardised film.
pub const FULL_WINDOW: [f32; 2] = [0.0, 1.0];

/// A change of a film's settings that a person can make.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Change {
    /// The gantry angle, degrees.
    Angle(f64),
    /// The pixel pitch along columns, mm; along rows it keeps its ratio.
    Pitch(f64),
    /// The source-axis distance, mm.
    Sad(f64),
    /// The source-detector distance, mm.
    Sdd(f64),
    /// Mirrored left to right.
    MirrorCols,
    /// Mirrored top to bottom.
    MirrorRows,
    /// Black and white exchanged.
    Invert,
    /// Black and white of the preview on the standardised film; display only.
    Window([f32; 2]),
    /// Where the lungs begin and end, rows of the hung picture.
    Lungs(LungSpan),
}

impl Change {
    /// Whether the preview must be made anew.
    pub fn shows(self) -> bool {
        matches!(self, Self::MirrorCols | Self::MirrorRows | Self::Invert | Self::Window(_))
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
}

impl Film {
    /// A film for `slot`: its header where it speaks, else `preset`.
    pub fn new(path: PathBuf, radiograph: Arc<Radiograph>, slot: Slot, preset: Preset) -> Self {
        let settings = FilmSettings::of(&radiograph, slot, preset);
        Self { path, radiograph, settings, notice: None, lung_guess: LungGuess::default() }
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
        lines.extend(self.radiograph.warnings.iter().map(|w| capitalised(&w.to_string())));
        lines
    }
}

impl FilmSettings {
    /// What the header says, and `preset` where it is silent.
    pub fn of(radiograph: &Radiograph, slot: Slot, preset: Preset) -> Self {
        let hints = &radiograph.view;
        let by_preset = preset.pair().views[slot.index()].angle;
        let angle = hints.angle.unwrap_or_else(|| Known::assumed(angle_by_kind(radiograph, slot, preset, by_preset)));
        let usual = preset.view_on_film(angle.value, radiograph.image.cols(), radiograph.image.rows());
        let (sad, sdd) = match usual.beam {
            Beam::Cone { sad_mm, sdd_mm } => (sad_mm, sdd_mm),
            Beam::Parallel => (1.0, 1.0),
        };
        let pitch = hints.pitch_mm.unwrap_or(Known::assumed(usual.detector.pitch_mm));
        let (sad, sdd) = (hints.sad_mm.unwrap_or(Known::assumed(sad)), hints.sdd_mm.unwrap_or(Known::assumed(sdd)));
        let stored_flipped = hints.flip_cols.map_or(hangs_flipped(angle.value), |f| f.value);
        Self {
            angle_deg: angle.value.degrees(),
            angle_from: angle.from,
            pitch_mm: pitch.value,
            pitch_from: pitch.from,
            sad_mm: sad.value,
            sad_from: sad.from,
            sdd_mm: sdd.value,
            sdd_from: sdd.from,
            parallel: usual.beam == Beam::Parallel && sad.from == Provenance::Assumed,
            offset_px: hints.offset_px.map_or([0.0; 2], |o| o.value),
            mirror_cols: stored_flipped != hangs_flipped(angle.value),
            mirror_rows: hints.flip_rows.is_some_and(|f| f.value),
            invert: false,
            window: FULL_WINDOW,
            lungs: None,
        }
    }

    /// Makes a change; what a person sets is theirs from now on.
    pub fn change(&mut self, change: Change) {
        use Provenance::User;
        match change {
            Change::Angle(deg) => (self.angle_deg, self.angle_from) = (deg.rem_euclid(360.0), User),
            Change::Pitch(mm) => {
                let ratio = self.pitch_mm[1] / self.pitch_mm[0];
                (self.pitch_mm, self.pitch_from) = ([mm, mm * ratio], User);
            }
            Change::Sad(mm) => (self.sad_mm, self.sad_from) = (mm, User),
            Change::Sdd(mm) => (self.sdd_mm, self.sdd_from) = (mm, User),
            Change::MirrorCols => self.mirror_cols = !self.mirror_cols,
            Change::MirrorRows => self.mirror_rows = !self.mirror_rows,
            Change::Invert => self.invert = !self.invert,
            Change::Window(window) => self.window = window,
            Change::Lungs(span) => self.lungs = Some(span),
        }
    }

    /// Puts `preset` wherever neither the header nor the person has spoken.
    pub fn apply_preset(&mut self, radiograph: &Radiograph, slot: Slot, preset: Preset) {
        let fresh = Self::of(radiograph, slot, preset);
        if self.angle_from == Provenance::Assumed {
            self.angle_deg = fresh.angle_deg;
        }
        if self.pitch_from == Provenance::Assumed {
            self.pitch_mm = fresh.pitch_mm;
        }
        if self.sad_from == Provenance::Assumed {
            (self.sad_mm, self.parallel) = (fresh.sad_mm, fresh.parallel);
        }
        if self.sdd_from == Provenance::Assumed {
            self.sdd_mm = fresh.sdd_mm;
        }
    }
}

/// The preset's angle for this place; a film known to be frontal or lateral takes the view of the preset that is so.
fn angle_by_kind(radiograph: &Radiograph, slot: Slot, preset: Preset, by_place: Radians) -> Radians {
    let Some(kind) = radiograph.view.kind.map(|k| k.value) else { return by_place };
    if FilmKind::of_angle(by_place) == kind {
        return by_place;
    }
    let other = preset.pair().views[slot.other().index()].angle;
    if FilmKind::of_angle(other) == kind { other } else { by_place }
}

/// The sentence with a capital first letter and a full stop.
fn capitalised(sentence: &str) -> String {
    let mut letters = sentence.chars();
    let first = letters.next().map(|c| c.to_uppercase().collect::<String>()).unwrap_or_default();
    let stop = if sentence.ends_with('.') { "" } else { "." };
    format!("{first}{}{stop}", letters.as_str())
}
