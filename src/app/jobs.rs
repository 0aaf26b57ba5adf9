//! What runs on worker threads: reading files, previews, exports. Each function takes values and gives values; none
//! knows the window.

use super::film::{Film, Slot};
use super::worker::Cancel;
use crate::geometry::Raster;
use crate::io::{self, IoError, LoadedVolume, Progress, Radiograph};
use crate::projection::film::{area_average, standardise};
use egui::ColorImage;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Longest side of a preview, pixels: sharp at scale 2, small enough to be made in a moment.
const PREVIEW_SIDE_PX: usize = 512;

/// Where a job's result belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lane {
    /// Files opened without a place, told apart by their order.
    Open(usize),
    /// A film for a place.
    Film(Slot),
    /// The picture of a film.
    Preview(Slot),
    /// Remembering settings.
    Settings,
}

/// What a job gives.
pub enum Done {
    /// A file was read.
    Opened(PathBuf, Result<Opened, IoError>),
    /// A picture of the film in a place.
    Preview(ColorImage),
    /// Nothing to show.
    Nothing,
}

/// What a file turned out to be.
pub enum Opened {
    /// A film.
    Film(Arc<Radiograph>),
    /// A CT volume.
    Volume(Box<LoadedVolume>),
}

/// Reads whatever lies at `path`.
pub fn open(path: &Path, _cancel: &Cancel) -> Result<Opened, IoError> {
    let progress = Progress::new();
    io::nifti::read(path, &progress).map(|v| Opened::Volume(Box::new(v)))
}

/// The hung, standardised film in its window, as grey pixels.
pub fn preview(film: &Film) -> ColorImage {
    let hung = film.hung();
    let ratio = (hung.cols().max(hung.rows()) as f64 / PREVIEW_SIDE_PX as f64).max(1.0);
    let side = |n: usize| ((n as f64 / ratio).round() as usize).max(1);
    let small = area_average(&hung, side(hung.cols()), side(hung.rows()));
    grey(&standardise(&small), film.settings.window)
}

/// Grey pixels of a standardised film between black and white.
fn grey(film: &Raster, [black, white]: [f32; 2]) -> ColorImage {
    let scale = 255.0 / (white - black).max(f32::EPSILON);
    let bytes: Vec<u8> = film.values().iter().map(|v| ((v - black) * scale).clamp(0.0, 255.0) as u8).collect();
    ColorImage::from_gray([film.cols(), film.rows()], &bytes)
}
