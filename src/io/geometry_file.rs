//! geometry.toml: the two views of a pair of films, versioned. Knows the file, not where its values come from.
//!
//! ```toml
//! version = 1
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
use super::{IoError, input};
use crate::geometry::{Beam, Detector, View, ViewPair};
use crate::units::Radians;
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;
use std::io::Write;
use std::path::Path;

/// The version written, and the only one read.
pub const VERSION: i64 = 1;
/// Two views take under 1 kB; more is some other file (bytes).
const MAX_BYTES: u64 = 1 << 20;
/// What to do about a geometry that is not right.
const ADVICE: &str = "see the comments that `biplane project` writes into geometry.toml";

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct GeometryFile {
    version: i64,
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
    let (file, bytes) = input::open_file(path)?;
    if bytes > MAX_BYTES {
        return Err(IoError::wrong_content(path, "is too long for a geometry.toml", ADVICE));
    }
    let content = input::read_up_to(path, file, MAX_BYTES as usize)?;
    let text = String::from_utf8(content)
        .map_err(|_| IoError::wrong_content(path, "is not text, wanted is a geometry.toml", ADVICE))?;
    parse(path, &text)
}

/// The two views in the text of a geometry.toml; `path` is for messages.
///
/// # Errors
/// As [`read`].
pub fn parse(path: &Path, text: &str) -> Result<ViewPair, IoError> {
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
        Some(VERSION) => {}
        Some(other) => {
            let cause = format!("{other} is not known, this program reads version {VERSION}");
            return Err(IoError::setting(path, "version", cause, "write it again with this program"));
        }
        None => return Err(IoError::setting(path, "version", "is missing", format!("add \"version = {VERSION}\""))),
    }
    let file: GeometryFile = toml::from_str(text).map_err(broken)?;
    let count = file.view.len();
    let views = <[ViewEntry; 2]>::try_from(file.view)
        .map_err(|_| IoError::setting(path, "view", format!("{count} views given, wanted are two"), ADVICE))?;
    let [first, second] = views;
    Ok(ViewPair { views: [first.view(path, "view 1")?, second.view(path, "view 2")?] })
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

/// Writes the two views as a geometry.toml with comments.
///
/// # Errors
/// [`IoError::Write`] or [`IoError::NoPermission`]; nothing half-written is left.
pub fn write(path: &Path, pair: &ViewPair) -> Result<(), IoError> {
    let text = text(pair);
    write_whole(path, |out| out.write_all(text.as_bytes()))
}

/// The text of a geometry.toml for two views.
pub fn text(pair: &ViewPair) -> String {
    let mut text = format!(
        "# Two X-ray views. Angles turn about the patient's long axis: 0 = AP, 90 = source on the patient's left,\n\
         # 180 = PA, 270 = source on the right. Flips say how the film is stored. Without sad_mm and sdd_mm: parallel rays.\n\
         version = {VERSION}\n"
    );
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
