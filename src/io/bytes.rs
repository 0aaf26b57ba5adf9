//! Numbers of bytes in words. Knows no file.

use std::fmt;

/// A number of bytes as people read it: "3.2 GB".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bytes(pub u64);

impl fmt::Display for Bytes {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        const STEP: f64 = 1000.0;
        let mut value = self.0 as f64;
        for unit in ["bytes", "kB", "MB", "GB"] {
            if value < STEP {
                let digits = usize::from(unit != "bytes");
                return write!(out, "{value:.digits$} {unit}");
            }
            value /= STEP;
        }
        write!(out, "{value:.1} TB")
    }
}
