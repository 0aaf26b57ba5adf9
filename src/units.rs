//! Physical units at the boundaries of the program. Knows arithmetic between them and nothing of images.
//!
//! Inside a module plain numbers carry a suffix instead (`_mm`, `_hu`, `_px`, `_rad`).

use serde::{Deserialize, Serialize};
use std::fmt;

/// A length in millimetres.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Mm(pub f64);

impl fmt::Display for Mm {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:.1} mm", self.0)
    }
}

/// A linear attenuation coefficient in 1/mm.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct PerMm(pub f64);

/// Attenuation of water at 70 keV, the scale of every line integral in this program (NIST XCOM).
pub const MU_WATER: PerMm = PerMm(0.0193);

/// An angle in radians. Degrees live in display and in files.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Radians(pub f64);

impl Radians {
    /// The angle of `degrees`.
    pub fn from_degrees(degrees: f64) -> Self {
        Self(degrees.to_radians())
    }

    /// This angle in degrees, in [0, 360).
    pub fn degrees(self) -> f64 {
        let turned = self.0.to_degrees().rem_euclid(360.0);
        // Radians cannot hold most degrees exactly: show 90, not 89.99999999999999.
        let rounded = (turned * 1e9).round() / 1e9;
        if rounded >= 360.0 { 0.0 } else { rounded }
    }
}

/// A CT number in Hounsfield units: air -1000, water 0.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Hu(pub f32);

impl Hu {
    /// The least CT number stored by this program; also the padding outside a scan.
    pub const PADDING: Self = Self(-1024.0);
    /// The largest CT number kept when a scan is read for the networks (12 bit scanners).
    pub const CEILING: Self = Self(3071.0);

    /// Attenuation relative to water, r = 1 + HU/1000, clipped to [0, 3].
    pub fn relative_attenuation(self) -> f32 {
        (1.0 + self.0 / 1000.0).clamp(0.0, MAX_RELATIVE_ATTENUATION)
    }

    /// The CT number of a relative attenuation: (r - 1) * 1000.
    pub fn from_relative_attenuation(r: f32) -> Self {
        Self((r - 1.0) * 1000.0)
    }
}

impl fmt::Display for Hu {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:.0} HU", self.0)
    }
}

/// The window in which volumes are shown unless told otherwise: black at the first, white at the second.
pub const DEFAULT_WINDOW: [Hu; 2] = [Hu(-500.0), Hu(800.0)];

/// The networks see and give relative attenuation in [0, 3]; denser is metal.
pub const MAX_RELATIVE_ATTENUATION: f32 = 3.0;
