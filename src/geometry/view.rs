//! A view: where the X-ray source and the detector stand, and the presets of common machines.
//! Knows nothing of what is on the film.
//!
//! The gantry turns about z by `angle`. The source stands at iso + SAD (sin t, -cos t, 0); the detector
//! plane is perpendicular to the central ray at SDD from the source; columns run along (cos t, sin t, 0),
//! rows along -z. t = 0 is AP, 90 has the source on the patient's left. Coordinates are LPS mm about the isocentre.

use super::{Vec3, add, scale, sub};
use crate::units::Radians;
use thiserror::Error;

/// Two central rays closer than this (taken as lines) carry too little depth (degrees).
pub const NARROW_PAIR_DEG: f64 = 30.0;
/// Long side of a chest film at the detector where nothing else is known (mm): a 14 x 17 inch cassette.
pub const CHEST_FILM_LONG_SIDE_MM: f64 = 430.0;
/// Longest detector side that is accepted (pixels).
const MAX_DETECTOR_PX: usize = 16384;
/// Distances outside this range are not an X-ray machine (mm).
const PLAUSIBLE_DISTANCE_MM: std::ops::RangeInclusive<f64> = 100.0..=20000.0;
/// Pixel pitches outside this range are not an X-ray detector (mm).
const PLAUSIBLE_PITCH_MM: std::ops::RangeInclusive<f64> = 1e-3..=50.0;

/// Why a view cannot be used.
#[derive(Debug, Error, Clone, PartialEq)]
pub enum ViewError {
    /// The source must stand before the detector with the axis between.
    #[error(
        "source-axis {sad_mm} mm and source-detector {sdd_mm} mm: both must be 100 to 20000 mm and SDD not below SAD"
    )]
    Distances {
        /// Source to axis.
        sad_mm: f64,
        /// Source to detector.
        sdd_mm: f64,
    },
    /// No pixels or absurdly many.
    #[error("a detector of {0} x {1} pixels; each side must be 2 to {MAX_DETECTOR_PX}")]
    Pixels(usize, usize),
    /// A pitch that is zero, not a number or not a detector's.
    #[error("pixel pitch {0} x {1} mm is not plausible (0.001 to 50 mm)")]
    Pitch(f64, f64),
    /// An angle or offset that is not a number.
    #[error("the view's {0} is not a finite number")]
    NotFinite(&'static str),
}

/// How the rays run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Beam {
    /// From a point source.
    Cone {
        /// Source to axis, mm.
        sad_mm: f64,
        /// Source to detector, mm.
        sdd_mm: f64,
    },
    /// All along the central ray; the detector is taken to stand at the isocentre.
    Parallel,
}

/// A flat detector's pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Detector {
    /// Columns.
    pub cols: usize,
    /// Rows.
    pub rows: usize,
    /// Pixel pitch along columns and rows, mm.
    pub pitch_mm: [f64; 2],
    /// Where the central ray pierces, in pixels from the middle of the detector (along columns, rows).
    pub offset_px: [f64; 2],
}

/// One view: gantry angle, beam, detector, and how the film is stored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct View {
    /// Gantry angle t about z.
    pub angle: Radians,
    /// Cone or parallel.
    pub beam: Beam,
    /// The detector.
    pub detector: Detector,
    /// The film is stored (and hung) mirrored in columns against this geometry.
    pub flip_cols: bool,
    /// The film is stored mirrored in rows against this geometry.
    pub flip_rows: bool,
}

/// The straight line a pixel sees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ray {
    /// Where it starts, LPS mm about the isocentre (the source; for a parallel beam a point far outside).
    pub origin_mm: Vec3,
    /// Its direction, not normalised: `origin + direction` lies on the detector.
    pub direction_mm: Vec3,
}

/// Where a parallel ray is taken to start: outside of every patient (mm from the isocentre).
const PARALLEL_START_MM: f64 = 2000.0;

impl View {
    /// A view, checked.
    ///
    /// # Errors
    /// [`ViewError`] where a distance, a pixel count, a pitch or an angle cannot be.
    pub fn checked(self) -> Result<Self, ViewError> {
        let Detector { cols, rows, pitch_mm, offset_px } = self.detector;
        if let Beam::Cone { sad_mm, sdd_mm } = self.beam {
            let plausible = [sad_mm, sdd_mm].iter().all(|d| PLAUSIBLE_DISTANCE_MM.contains(d));
            if !(plausible && sdd_mm >= sad_mm) {
                return Err(ViewError::Distances { sad_mm, sdd_mm });
            }
        }
        if !(2..=MAX_DETECTOR_PX).contains(&cols) || !(2..=MAX_DETECTOR_PX).contains(&rows) {
            return Err(ViewError::Pixels(cols, rows));
        }
        if !pitch_mm.iter().all(|p| PLAUSIBLE_PITCH_MM.contains(p)) {
            return Err(ViewError::Pitch(pitch_mm[0], pitch_mm[1]));
        }
        if !self.angle.0.is_finite() {
            return Err(ViewError::NotFinite("angle"));
        }
        if !offset_px.iter().all(|o| o.is_finite()) {
            return Err(ViewError::NotFinite("detector offset"));
        }
        Ok(self)
    }

    /// From the isocentre towards the source, a unit vector.
    pub fn towards_source(&self) -> Vec3 {
        let (sin, cos) = self.angle.0.sin_cos();
        [sin, -cos, 0.0]
    }

    /// The direction of growing column, a unit vector. Rows grow along -z.
    pub fn column_direction(&self) -> Vec3 {
        let (sin, cos) = self.angle.0.sin_cos();
        [cos, sin, 0.0]
    }

    /// The source's position about the isocentre; `None` for a parallel beam.
    pub fn source_mm(&self) -> Option<Vec3> {
        match self.beam {
            Beam::Cone { sad_mm, .. } => Some(scale(self.towards_source(), sad_mm)),
            Beam::Parallel => None,
        }
    }

    /// How much larger than life the isocentre's plane stands on the detector.
    pub fn magnification(&self) -> f64 {
        match self.beam {
            Beam::Cone { sad_mm, sdd_mm } => sdd_mm / sad_mm,
            Beam::Parallel => 1.0,
        }
    }

    /// The column and row (fractional) where the central ray pierces the detector.
    pub fn piercing_px(&self) -> [f64; 2] {
        let Detector { cols, rows, offset_px, .. } = self.detector;
        [(cols as f64 - 1.0) / 2.0 + offset_px[0], (rows as f64 - 1.0) / 2.0 + offset_px[1]]
    }

    /// The centre of a pixel (fractional allowed) in LPS mm about the isocentre.
    pub fn pixel_position_mm(&self, col: f64, row: f64) -> Vec3 {
        let pierce = self.piercing_px();
        let u_mm = (col - pierce[0]) * self.detector.pitch_mm[0];
        let v_mm = (row - pierce[1]) * self.detector.pitch_mm[1];
        let behind_axis_mm = match self.beam {
            Beam::Cone { sad_mm, sdd_mm } => sdd_mm - sad_mm,
            Beam::Parallel => 0.0,
        };
        let middle = scale(self.towards_source(), -behind_axis_mm);
        add(add(middle, scale(self.column_direction(), u_mm)), [0.0, 0.0, -v_mm])
    }

    /// The ray that ends in a pixel.
    pub fn ray(&self, col: f64, row: f64) -> Ray {
        let end = self.pixel_position_mm(col, row);
        let origin_mm = self.source_mm().unwrap_or_else(|| add(end, scale(self.towards_source(), PARALLEL_START_MM)));
        Ray { origin_mm, direction_mm: sub(end, origin_mm) }
    }

    /// The (column, row) on which a point (LPS mm about the isocentre) falls; `None` at or behind the source.
    pub fn pixel_from_world(&self, point_mm: Vec3) -> Option<[f64; 2]> {
        let (sin, cos) = self.angle.0.sin_cos();
        let across = point_mm[0] * cos + point_mm[1] * sin;
        let towards = point_mm[0] * sin - point_mm[1] * cos;
        let enlarged = match self.beam {
            Beam::Cone { sad_mm, sdd_mm } if sad_mm > towards => sdd_mm / (sad_mm - towards),
            Beam::Cone { .. } => return None,
            Beam::Parallel => 1.0,
        };
        let pierce = self.piercing_px();
        let [pitch_u, pitch_v] = self.detector.pitch_mm;
        Some([pierce[0] + across * enlarged / pitch_u, pierce[1] - point_mm[2] * enlarged / pitch_v])
    }

    /// The same view seen by a detector of another pixel count that covers the same area.
    #[must_use]
    pub fn resized(mut self, cols: usize, rows: usize) -> Self {
        let d = &mut self.detector;
        let ratio = [cols as f64 / d.cols as f64, rows as f64 / d.rows as f64];
        for k in 0..2 {
            d.pitch_mm[k] /= ratio[k];
            d.offset_px[k] *= ratio[k];
        }
        (d.cols, d.rows) = (cols, rows);
        self
    }

    /// Letters of the patient directions at the left, right, top and bottom edge of the film as it hangs.
    pub fn edge_letters(&self) -> [char; 4] {
        let flip = if self.flip_cols { -1.0 } else { 1.0 };
        let right = super::frame::direction_letter(scale(self.column_direction(), flip));
        let left = super::frame::direction_letter(scale(self.column_direction(), -flip));
        if self.flip_rows { [left, right, 'F', 'H'] } else { [left, right, 'H', 'F'] }
    }
}

/// The two views of a reconstruction, in the order of the films.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ViewPair {
    /// First film (frontal) and second film (lateral).
    pub views: [View; 2],
}

impl ViewPair {
    /// The angle between the central rays taken as lines, in [0, 90] degrees.
    pub fn separation_deg(&self) -> f64 {
        let between = (self.views[0].angle.degrees() - self.views[1].angle.degrees()).rem_euclid(180.0);
        between.min(180.0 - between)
    }

    /// Whether the views are so close that depth is hardly measured.
    pub fn is_narrow(&self) -> bool {
        !(self.separation_deg() >= NARROW_PAIR_DEG)
    }
}

/// Common machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// Source-axis 1000 mm, detector at 1500 mm, 256 x 256 of 2.6 mm, AP and right lateral: sees the whole cube.
    Simulated,
    /// On-board imager of a linac: 1000/1500 mm, 1024 x 768 of 0.39 mm.
    Linac,
    /// Ceiling-mounted pair at 45 and 315 degrees (as CyberKnife): 2650/3650 mm, 1024 x 1024 of 0.4 mm.
    CeilingPair,
    /// Chest stand: PA and left lateral, 1600/1800 mm, film of 430 mm.
    ChestRoom,
    /// Parallel rays, 256 x 256.
    Parallel,
}

impl Preset {
    /// All, in the order of menus.
    pub const ALL: [Self; 5] = [Self::Simulated, Self::Linac, Self::CeilingPair, Self::ChestRoom, Self::Parallel];

    /// The name on screen.
    pub fn label(self) -> &'static str {
        match self {
            Self::Simulated => "Simulated",
            Self::Linac => "Linac on-board imager",
            Self::CeilingPair => "Ceiling-mounted pair",
            Self::ChestRoom => "Chest room",
            Self::Parallel => "Parallel beam",
        }
    }

    /// The name in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Simulated => "simulated",
            Self::Linac => "linac",
            Self::CeilingPair => "ceiling-pair",
            Self::ChestRoom => "chest-room",
            Self::Parallel => "parallel",
        }
    }

    /// Gantry angles of the two views, degrees.
    fn angles_deg(self) -> [f64; 2] {
        match self {
            Self::Simulated | Self::Linac | Self::Parallel => [0.0, 90.0],
            Self::CeilingPair => [45.0, 315.0],
            Self::ChestRoom => [180.0, 270.0],
        }
    }

    /// Beam and detector of this machine.
    fn machine(self) -> (Beam, Detector) {
        let detector = |cols, rows, pitch| Detector { cols, rows, pitch_mm: [pitch; 2], offset_px: [0.0; 2] };
        let cone = |sad_mm, sdd_mm| Beam::Cone { sad_mm, sdd_mm };
        match self {
            Self::Simulated => (cone(1000.0, 1500.0), detector(256, 256, 2.6)),
            Self::Linac => (cone(1000.0, 1500.0), detector(1024, 768, 0.39)),
            Self::CeilingPair => (cone(2650.0, 3650.0), detector(1024, 1024, 0.4)),
            Self::ChestRoom => (cone(1600.0, 1800.0), detector(1024, 1024, CHEST_FILM_LONG_SIDE_MM / 1024.0)),
            // The simulated detector's extent, brought back to the isocentre.
            Self::Parallel => (Beam::Parallel, detector(256, 256, 2.6 / 1.5)),
        }
    }

    /// A view of this machine at `angle`; it is stored flipped where hanging asks for it.
    pub fn view_at(self, angle: Radians) -> View {
        let (beam, detector) = self.machine();
        View { angle, beam, detector, flip_cols: hangs_flipped(angle), flip_rows: false }
    }

    /// Both views of this machine.
    pub fn pair(self) -> ViewPair {
        ViewPair { views: self.angles_deg().map(|deg| self.view_at(Radians::from_degrees(deg))) }
    }

    /// A view of this machine at `angle` on a film of `cols` x `rows` whose pitch is not known: the detector's
    /// long side is kept and the film's pixels are spread over it.
    pub fn view_on_film(self, angle: Radians, cols: usize, rows: usize) -> View {
        let mut view = self.view_at(angle);
        let d = view.detector;
        let long_mm = (d.cols as f64 * d.pitch_mm[0]).max(d.rows as f64 * d.pitch_mm[1]);
        let pitch = long_mm / cols.max(rows).max(1) as f64;
        view.detector = Detector { cols, rows, pitch_mm: [pitch; 2], offset_px: [0.0; 2] };
        view
    }
}

/// Whether hanging mirrors a film taken at `angle`: frontal films hang with the patient's left on the image's
/// right, lateral films with the front on the left:
/// the larger part of the column direction must point to the left or to the back.
pub fn hangs_flipped(angle: Radians) -> bool {
    let (sin, cos) = angle.0.sin_cos();
    if cos.abs() >= sin.abs() { cos < 0.0 } else { sin < 0.0 }
}
