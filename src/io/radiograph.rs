//! One X-ray film as read: the picture, and what its header lets one say about the view. Knows no file format
//! and does not decide on the geometry: it holds pieces, each with where it comes from.

use super::{SourceInfo, Warning};
use crate::geometry::{Raster, Vec3};
use crate::units::Radians;

/// A film. White is dense in `image`, whatever the file's polarity was.
#[derive(Clone, Debug)]
pub struct Radiograph {
    /// The picture as stored (not hung): larger values are denser. See [`Radiograph::tone`] for what they mean.
    pub image: Raster,
    /// What the values of `image` are.
    pub tone: Tone,
    /// What the file says about the view.
    pub view: ViewHints,
    /// Significant bits of the stored pixels, 1 to 32.
    pub bits: u8,
    /// Made by a projector from a CT, not taken of a person.
    pub simulated: bool,
    /// What is odd about it.
    pub warnings: Vec<Warning>,
    /// Where it comes from.
    pub info: SourceInfo,
}

/// What a film's grey values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// An affine map of the line integral (log of detector counts, or so declared by the header).
    LineIntegral,
    /// Made for display: a monotone, unknown curve of the line integral, often with local contrast.
    Display,
}

/// Where a piece of geometry comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Provenance {
    /// The file's header.
    Header,
    /// A usual value, because nothing was said.
    Assumed,
    /// The person at the screen or on the command line.
    User,
}

impl Provenance {
    /// The word shown beside a value.
    pub fn label(self) -> &'static str {
        match self {
            Self::Header => "from the file",
            Self::Assumed => "assumed",
            Self::User => "set by you",
        }
    }
}

/// A value and where it comes from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Known<T> {
    /// The value.
    pub value: T,
    /// Where it comes from.
    pub from: Provenance,
}

impl<T> Known<T> {
    /// A value of the header.
    pub fn header(value: T) -> Self {
        Self { value, from: Provenance::Header }
    }

    /// A usual value.
    pub fn assumed(value: T) -> Self {
        Self { value, from: Provenance::Assumed }
    }

    /// A value the person gave.
    pub fn user(value: T) -> Self {
        Self { value, from: Provenance::User }
    }
}

/// From which side a film was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FilmKind {
    /// From the front or the back (AP, PA).
    Frontal,
    /// From a side.
    Lateral,
}

impl FilmKind {
    /// The name on screen.
    pub fn label(self) -> &'static str {
        match self {
            Self::Frontal => "Frontal",
            Self::Lateral => "Lateral",
        }
    }

    /// What a gantry angle makes: frontal within 45 degrees of 0 or 180.
    pub fn of_angle(angle: Radians) -> Self {
        let (sin, cos) = angle.0.sin_cos();
        if cos.abs() >= sin.abs() { Self::Frontal } else { Self::Lateral }
    }
}

/// What a file says about its view. `None` is unknown; a header's 0 counts as unknown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ViewHints {
    /// Pixel pitch at the detector along columns and rows (horizontal, vertical), mm.
    pub pitch_mm: Option<Known<[f64; 2]>>,
    /// Source to detector, mm.
    pub sdd_mm: Option<Known<f64>>,
    /// Source to axis, mm.
    pub sad_mm: Option<Known<f64>>,
    /// Gantry angle t (0 = AP, 90 = source on the patient's left).
    pub angle: Option<Known<Radians>>,
    /// Where the central ray pierces, in pixels from the middle (along columns, rows).
    pub offset_px: Option<Known<[f64; 2]>>,
    /// Frontal or lateral.
    pub kind: Option<Known<FilmKind>>,
    /// The file is stored mirrored in columns against the geometry at `angle`.
    pub flip_cols: Option<Known<bool>>,
    /// The file is stored mirrored in rows against the geometry at `angle`.
    pub flip_rows: Option<Known<bool>>,
    /// The rays run parallel (a simulated film only); there are no distances then.
    pub parallel: Option<Known<bool>>,
    /// Where the isocentre lies in the patient (LPS, mm), as noted by who made the film.
    pub isocentre_mm: Option<Known<Vec3>>,
}

/// Where a pair of views stands in the patient.
#[derive(Clone, Debug, PartialEq)]
pub struct Placement {
    /// The isocentre, LPS, mm.
    pub isocentre_mm: Vec3,
    /// The frame of reference (FrameOfReferenceUID) that these mm belong to, where it is known.
    pub frame_of_reference: Option<String>,
}
