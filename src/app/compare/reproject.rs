//! The films beside their re-projections as pictures, on a worker thread. Takes values and gives values.

use super::state::FilmsKey;
use crate::app::film::Film;
use crate::app::pair;
use crate::evaluate::consistency::{FilmConsistency, consistency};
use crate::geometry::view::hangs_flipped;
use crate::geometry::{Raster, Vec3, View};
use egui::{Color32, ColorImage};

/// The full colour of a difference stands for this share of the film's span.
pub const SPAN_PART: f32 = 0.25;
/// Black and white of the films: these quantiles of the measured one.
const QUANTILES: [f64; 2] = [0.01, 0.99];

/// A film's three pictures as they hang, and how well they agree.
pub struct FilmPictures {
    /// The film, its re-projection, and their difference.
    pub pictures: [ColorImage; 3],
    /// See `evaluate::consistency::DEFINITION`.
    pub relative_error: f64,
    /// Pearson's correlation.
    pub correlation: f64,
    /// Letters at the left, right, top and bottom edge.
    pub letters: [char; 4],
    /// Width and height at the detector, mm.
    pub shape_mm: [f64; 2],
}

/// Both films beside the volume's own projections; the colours are those of a difference below, at and above zero.
///
/// # Errors
/// In words: what cannot be projected or compared, and what to do.
pub fn films(key: &FilmsKey, isocentre_mm: Vec3, colours: [Color32; 3]) -> Result<[FilmPictures; 2], String> {
    let films: [&Film; 2] = [&key.films[0], &key.films[1]];
    let (images, views) = pair::settle(films).map_err(|e| e.to_string())?;
    let [first, second] = consistency(&key.recon, &images, &views, isocentre_mm).map_err(|e| e.to_string())?;
    let one = |found, k: usize| pictures(found, &views.views[k], films[k], colours);
    Ok([one(first, 0), one(second, 1)])
}

fn pictures(found: FilmConsistency, view: &View, film: &Film, colours: [Color32; 3]) -> FilmPictures {
    let ends = QUANTILES.map(|q| found.measured.quantile(q).unwrap_or(0.0));
    let flipped = hangs_flipped(view.angle);
    let hung = |image: Raster| if flipped { image.flipped_cols() } else { image };
    let span = (ends[1] - ends[0]).max(f32::EPSILON);
    let grey = |v: f32| Color32::from_gray((255.0 * (v - ends[0]) / span).clamp(0.0, 255.0) as u8);
    let signed = |v: f32| {
        let share = (v / (SPAN_PART * span)).clamp(-1.0, 1.0);
        colours[1].lerp_to_gamma(if share < 0.0 { colours[0] } else { colours[2] }, share.abs())
    };
    let detector = &view.detector;
    FilmPictures {
        relative_error: found.relative_error,
        correlation: found.correlation,
        letters: film.hung_letters(),
        shape_mm: [detector.cols as f64 * detector.pitch_mm[0], detector.rows as f64 * detector.pitch_mm[1]],
        pictures: [
            painted(&hung(found.measured), &grey),
            painted(&hung(found.reprojected), &grey),
            painted(&hung(found.difference), &signed),
        ],
    }
}

/// A picture of values; black where there is none.
fn painted(image: &Raster, colour: &dyn Fn(f32) -> Color32) -> ColorImage {
    let pixels = image.values().iter().map(|v| if v.is_finite() { colour(*v) } else { Color32::BLACK });
    ColorImage::new([image.cols(), image.rows()], pixels.collect())
}
