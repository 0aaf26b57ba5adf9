//! What can be set about a film, where each value comes from, and every change a person can make of it. Knows no
//! picture's pixels and no widget.

use super::film::Slot;
use crate::geometry::view::hangs_flipped;
use crate::geometry::{Beam, Preset};
use crate::io::{FilmKind, Known, Provenance, Radiograph};
use crate::projection::matching::LungSpan;
use crate::units::Radians;
use serde::{Deserialize, Serialize};

/// Whether a film's tone curve is straightened before the networks see it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Straighten {
    /// Where the pixels are made for display.
    #[default]
    Auto,
    /// Always.
    On,
    /// Never.
    Off,
}

impl Straighten {
    /// All, in the order of menus.
    pub const ALL: [Self; 3] = [Self::Auto, Self::On, Self::Off];

    /// The name on screen.
    pub fn label(self) -> &'static str {
        match self {
            Self::Auto => "Auto",
            Self::On => "On",
            Self::Off => "Off",
        }
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
    /// Whether its tone curve is straightened before the networks see it.
    #[serde(default)]
    pub straighten: Straighten,
    /// Where a person saw the lungs begin and end, rows of the hung picture; the first guess counts where absent.
    #[serde(default)]
    pub lungs: Option<LungSpan>,
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
    /// Whether the tone curve is straightened.
    Straighten(Straighten),
}

impl Change {
    /// Whether the preview must be made anew.
    pub fn shows(self) -> bool {
        matches!(self, Self::MirrorCols | Self::MirrorRows | Self::Invert | Self::Window(_))
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
            parallel: hints
                .parallel
                .map_or(usual.beam == Beam::Parallel && sad.from == Provenance::Assumed, |said| said.value),
            offset_px: hints.offset_px.map_or([0.0; 2], |o| o.value),
            mirror_cols: stored_flipped != hangs_flipped(angle.value),
            mirror_rows: hints.flip_rows.is_some_and(|f| f.value),
            invert: false,
            window: FULL_WINDOW,
            straighten: Straighten::Auto,
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
            Change::Straighten(choice) => self.straighten = choice,
        }
    }

    /// A part of the geometry that nobody told, in words; `None` where all is known.
    pub fn assumed(&self) -> Option<&'static str> {
        let distances =
            [(self.sad_from, "distance from source to axis"), (self.sdd_from, "distance from source to film")];
        let parts = [(self.angle_from, "angle"), (self.pitch_from, "pixel spacing")];
        let of_beam = distances.into_iter().filter(|_| !self.parallel);
        parts.into_iter().chain(of_beam).find(|(from, _)| *from == Provenance::Assumed).map(|(_, what)| what)
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
