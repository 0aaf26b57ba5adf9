//! geometry.toml: the two views of a pair of films, versioned. Knows the file, not where its values come from.
//!
//! ```toml
//! version = 2
//! isocentre_mm = [2.5, -180.0, -130.0]  # may be absent: where the views' middle lies in the patient (LPS)
//! frame_of_reference = "1.2.3"          # may be absent: the FrameOfReferenceUID of these mm
//!
//! [[view]]             # the first film, frontal
//! angle_deg = 0.0
//! sad_mm = 1000.0      # absent, with sdd_mm: parallel rays
//! sdd_mm = 1500.0
//! pixels = [256, 256]  # columns, rows
//! pitch_mm = 2.6       # or two numbers, along columns and rows
//! offset_px = [0.0, 0.0]
//! flip_cols = false    # how the film is stored
//! flip_rows = false
//! ```

use super::output::write_whole;
use super::{IoError, Placement, input};
use crate::geometry::{Beam, Detector, Vec3, View, ViewPair};
use crate::units::Radians;
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;
use std::io::Write;
use std::path::Path;

/// The newest version, which adds the isocentre; what has none is written as the first, which is read as well.
pub const VERSION: i64 = 2;
/// The version without an isocentre.
const FIRST_VERSION: i64 = 1;
/// A unique identifier has at most 64 digits and points (PS3.5 section 9.1).
const MAX_UID: usize = 64;
/// Coordinates beyond this are no scanner's (mm).
const FARTHEST_MM: f64 = 1e5;
/// Two views take under 1 kB; more is some other file (bytes).
const MAX_BYTES: u64 = 1 << 20;
/// What to do about a geometry that is not right.
const ADVICE: &str = "see the comments that `biplane project` writes into geometry.toml";

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct GeometryFile {
    version: i64,
    isocentre_mm: Option<Vec3>,
    frame_of_reference: Option<String>,
    view: Vec<ViewEntry>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ViewEntry {
    angle_deg: f64,
    sad_mm: Option<f64>,
    sdd_mm: Option<f64>,
    pixels: [usize; 2],
    pitch_mm: Pitch,
    #[serde(default)]
    offset_px: [f64; 2],
    #[serde(default)]
    flip_cols: bool,
    #[serde(default)]
    flip_rows: bool,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(untagged, expecting = "pitch_mm must be a number or two numbers")]
enum Pitch {
    Square(f64),
    Two([f64; 2]),
}

/// Reads the two views of a geometry.toml.
///
/// # Errors
/// [`IoError::Setting`] naming the key: unknown, missing, of another version, or with a value that cannot be.
pub fn read(path: &Path) -> Result<ViewPair, IoError> {
    read_placed(path).map(|(pair, _)| pair)
}

/// Reads the two views of a geometry.toml, and where they stand in the patient if the file says so.
///
/// # Errors
/// As [`read`].
pub fn read_placed(path: &Path) -> Result<(ViewPair, Option<Placement>), IoError> {
    let (file, bytes) = input::open_file(path)?;
    if bytes > MAX_BYTES {
        return Err(IoError::wrong_content(path, "is too long for a geometry.toml", ADVICE));
    }
    let content = input::read_up_to(path, file, MAX_BYTES as usize)?;
    let text = String::from_utf8(content)
        .map_err(|_| IoError::wrong_content(path, "is not text, wanted is a geometry.toml", ADVICE))?;
    parse_placed(path, &text)
}

/// The two views in the text of a geometry.toml; `path` is for messages.
///
/// # Errors
/// As [`read`].
pub fn parse(path: &Path, text: &str) -> Result<ViewPair, IoError> {
    parse_placed(path, text).map(|(pair, _)| pair)
}

/// As [`read_placed`], of a text; `path` is for messages.
///
/// # Errors
/// As [`read`].
pub fn parse_placed(path: &Path, text: &str) -> Result<(ViewPair, Option<Placement>), IoError> {
    #[derive(Deserialize)]
    struct Versioned {
        version: Option<i64>,
    }
    let broken = |e: toml::de::Error| {
        // The message names the key; the line is where the person looks.
        let line = e.span().map(|at| text.get(..at.start).unwrap_or("").lines().count().max(1));
        let key = line.map_or_else(|| "geometry".to_string(), |line| format!("line {line}"));
        IoError::setting(path, &key, e.message().to_string(), ADVICE).because(e)
    };
    let versioned: Versioned = toml::from_str(text).map_err(broken)?;
    match versioned.version {
        Some(FIRST_VERSION..=VERSION) => {}
        Some(other) => {
            let cause = format!("{other} is not known, this program reads versions {FIRST_VERSION} to {VERSION}");
            return Err(IoError::setting(path, "version", cause, "write it again with this program"));
        }
        None => return Err(IoError::setting(path, "version", "is missing", format!("add \"version = {VERSION}\""))),
    }
    let file: GeometryFile = toml::from_str(text).map_err(broken)?;
    let count = file.view.len();
    let views = <[ViewEntry; 2]>::try_from(file.view)
        .map_err(|_| IoError::setting(path, "view", format!("{count} views given, wanted are two"), ADVICE))?;
    let [first, second] = views;
    let pair = ViewPair { views: [first.view(path, "view 1")?, second.view(path, "view 2")?] };
    Ok((pair, placement(path, file.isocentre_mm, file.frame_of_reference)?))
}

/// Where the views stand, where that is said and can be.
fn placement(path: &Path, at: Option<Vec3>, frame_of_reference: Option<String>) -> Result<Option<Placement>, IoError> {
    let Some(isocentre_mm) = at else { return Ok(None) };
    if !isocentre_mm.iter().all(|mm| mm.abs() <= FARTHEST_MM) {
        let cause = format!("{isocentre_mm:?} is nowhere in a patient");
        return Err(IoError::setting(path, "isocentre_mm", cause, "give three numbers in mm, or leave it out"));
    }
    let sound = |uid: &String| uid.len() <= MAX_UID && uid.chars().all(|c| c.is_ascii_digit() || c == '.');
    if frame_of_reference.as_ref().is_some_and(|uid| !sound(uid)) {
        let cause = "is no unique identifier of DICOM".to_string();
        return Err(IoError::setting(path, "frame_of_reference", cause, "give digits and points, or leave it out"));
    }
    Ok(Some(Placement { isocentre_mm, frame_of_reference: frame_of_reference.filter(|uid| !uid.is_empty()) }))
}

impl ViewEntry {
    fn view(self, path: &Path, name: &str) -> Result<View, IoError> {
        let beam = match (self.sad_mm, self.sdd_mm) {
            (Some(sad_mm), Some(sdd_mm)) => Beam::Cone { sad_mm, sdd_mm },
            (None, None) => Beam::Parallel,
            (sad, _) => {
                let missing = if sad.is_none() { "sad_mm" } else { "sdd_mm" };
                let advice = "give both, or none for parallel rays";
                return Err(IoError::setting(path, name, format!("{missing} is missing"), advice));
            }
        };
        let [cols, rows] = self.pixels;
        let pitch_mm = match self.pitch_mm {
            Pitch::Square(pitch) => [pitch; 2],
            Pitch::Two(pitch) => pitch,
        };
        let view = View {
            angle: Radians::from_degrees(self.angle_deg),
            beam,
            detector: Detector { cols, rows, pitch_mm, offset_px: self.offset_px },
            flip_cols: self.flip_cols,
            flip_rows: self.flip_rows,
        };
        view.checked().map_err(|e| IoError::setting(path, name, e.to_string(), ADVICE).because(e))
    }
}

/// Writes the two views as a geometry.toml with comments, and where they stand in the patient.
///
/// # Errors
/// [`IoError::Write`] or [`IoError::NoPermission`]; nothing half-written is left.
pub fn write(path: &Path, pair: &ViewPair, placement: Option<&Placement>) -> Result<(), IoError> {
    let text = text(pair, placement);
    write_whole(path, |out| out.write_all(text.as_bytes()))
}

/// The text of a geometry.toml for two views.
pub fn text(pair: &ViewPair, placement: Option<&Placement>) -> String {
    let version = if placement.is_some() { VERSION } else { FIRST_VERSION };
    let mut text = format!(
        "# Two X-ray views. Angles turn about the patient's long axis: 0 = AP, 90 = source on the patient's left,\n\
         # 180 = PA, 270 = source on the right. Flips say how the film is stored. Without sad_mm and sdd_mm: parallel rays.\n\
         version = {version}\n"
    );
    if let Some(Placement { isocentre_mm, frame_of_reference }) = placement {
        let _ = writeln!(text, "isocentre_mm = {isocentre_mm:?} # where the views' middle lies in the patient (LPS)");
        if let Some(uid) = frame_of_reference {
            let _ = writeln!(text, "frame_of_reference = {uid:?}");
        }
    }
    for view in &pair.views {
        text.push('\n');
        let Detector { cols, rows, pitch_mm: [u, v], offset_px: [du, dv] } = view.detector;
        // Writing into a String cannot fail. Debug keeps the ".0" that makes a TOML float, and all digits.
        let _ = writeln!(text, "[[view]]\nangle_deg = {:?}", view.angle.degrees());
        if let Beam::Cone { sad_mm, sdd_mm } = view.beam {
            let _ = writeln!(text, "sad_mm = {sad_mm:?}\nsdd_mm = {sdd_mm:?}");
        }
        let _ = writeln!(text, "pixels = [{cols}, {rows}] # columns, rows\npitch_mm = [{u:?}, {v:?}]");
        let _ = writeln!(text, "offset_px = [{du:?}, {dv:?}] # where the central ray pierces, from the middle");
        let _ = writeln!(text, "flip_cols = {}\nflip_rows = {}", view.flip_cols, view.flip_rows);
    }
    text
}
