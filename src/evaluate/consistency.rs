//! A reconstruction held against the films it came from: it is projected again and compared, as a number and as
//! pictures. Knows no network.
//!
//! This proves little. Two films fix some 2 x 256 x 256 numbers of 128^3, so that very different volumes pass; a
//! volume made from a mirrored film is mirrored and passes as well. What it finds is a volume that does not belong to
//! the films: another patient's, a wrong geometry, a network that invents against the evidence.

use super::EvaluateError;
use crate::geometry::{Frame, Raster, Vec3, View, ViewPair, Volume};
use crate::projection::affine::{Fit, fit};
use crate::projection::{Attenuation, prepare_film, project};

/// What the number is, to be printed beside it.
pub const DEFINITION: &str = "relative L2 difference between the film and the film projected from the volume (Joseph, \
    films averaged to 1.7 mm at the isocentre), after gain and offset were fitted by least squares over the finite \
    pixels whose rays cross the volume; relative to the film less its fitted offset. A mirrored volume passes, and so \
    does every volume that differs only in what two films do not measure";

/// One film beside the volume's own projection. Pictures are in the geometry's orientation, at the networks' working
/// resolution, in the film's own values, NaN where nothing was compared.
#[derive(Clone, Debug, PartialEq)]
pub struct FilmConsistency {
    /// The film.
    pub measured: Raster,
    /// gain * (line integrals of the volume) + offset.
    pub reprojected: Raster,
    /// `measured` - `reprojected`.
    pub difference: Raster,
    /// See [`DEFINITION`]: 0 where the volume explains the film, 1 where it explains nothing of it.
    pub relative_error: f64,
    /// Pearson's correlation over the same pixels, in [-1, 1].
    pub correlation: f64,
    /// Film values a unit of the line integral.
    pub gain: f64,
    /// The film's value where nothing attenuates.
    pub offset: f64,
}

/// Projects a volume once more along both views and compares it with the films. Films are as a reconstruction takes
/// them: unflipped, white = dense, affine in the line integral, NaN outside the collimated field. `isocentre_mm` is
/// where the views' isocentre stands in the volume's space.
///
/// # Errors
/// [`EvaluateError::Input`] for a film that shows nothing where the volume is; [`EvaluateError::Projection`] for a
/// volume whose axes are oblique.
pub fn consistency(
    volume: &Volume,
    films: &[Raster; 2],
    views: &ViewPair,
    isocentre_mm: Vec3,
) -> Result<[FilmConsistency; 2], EvaluateError> {
    let attenuation = Attenuation::from_volume(volume)?;
    let reach = covering(volume.frame())?;
    let one = |i: usize| -> Result<FilmConsistency, EvaluateError> {
        check_sizes(i, &films[i], &views.views[i])?;
        let (film, view) = prepare_film(&films[i], &views.views[i]);
        let computed = project(&attenuation, &view, isocentre_mm);
        let seen = project(&reach, &view, isocentre_mm);
        let fitted = fit(film.values(), computed.values(), |k| seen.values()[k] > 0.0);
        let fitted = fitted.ok_or_else(|| EvaluateError::Input(nothing_to_compare(i)))?;
        Ok(compared(film, computed, &seen, &fitted))
    };
    Ok([one(0)?, one(1)?])
}

/// A volume of ones: its film is above 0 where a ray crosses the grid.
fn covering(frame: &Frame) -> Result<Attenuation, EvaluateError> {
    Ok(Attenuation::from_values(frame, &vec![1.0; frame.len()])?)
}

fn check_sizes(index: usize, film: &Raster, view: &View) -> Result<(), EvaluateError> {
    let (film_px, view_px) = ([film.cols(), film.rows()], [view.detector.cols, view.detector.rows]);
    if film_px == view_px {
        return Ok(());
    }
    Err(EvaluateError::Input(format!(
        "the {} film has {} x {} pixels, its view's detector {} x {}; give the view that belongs to this film",
        name(index),
        film_px[0],
        film_px[1],
        view_px[0],
        view_px[1]
    )))
}

fn nothing_to_compare(index: usize) -> String {
    format!(
        "the {} film is blank where the volume is, so that there is nothing to compare; choose another film, or set \
         its geometry right",
        name(index)
    )
}

fn name(index: usize) -> &'static str {
    ["first", "second"][index.min(1)]
}

fn compared(film: Raster, computed: Raster, seen: &Raster, fitted: &Fit) -> FilmConsistency {
    let Fit { affine, correlation, relative_error, .. } = *fitted;
    let mut measured = film;
    let mut reprojected = computed.map(|p| affine.film(p));
    let mut difference = measured.clone();
    let pixels = measured.values_mut().iter_mut().zip(reprojected.values_mut()).zip(difference.values_mut());
    for (((film, back), off), seen) in pixels.zip(seen.values()) {
        if !(*seen > 0.0) || !film.is_finite() {
            (*film, *back) = (f32::NAN, f32::NAN);
        }
        *off = *film - *back;
    }
    FilmConsistency {
        measured,
        reprojected,
        difference,
        relative_error,
        correlation,
        gain: affine.gain,
        offset: affine.offset,
    }
}
