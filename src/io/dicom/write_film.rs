//! A simulated film to DICOM, with its exact view. Makes no film itself.

use super::object::{CaseInfo, Object, decimal};
use super::private;
use super::radiograph::SIMULATED;
use super::uid;
use crate::geometry::{Beam, Raster, Vec3, View};
use crate::io::IoError;
use dicom_core::VR;
use dicom_dictionary_std::{tags, uids};
use std::path::Path;

/// Largest stored value.
const FULL_SCALE: f64 = 65535.0;
/// Longest side that Rows and Columns hold.
const MAX_SIDE: usize = 65535;
/// An angle this near to a right one has a name (degrees).
const NAMED_ANGLE_DEG: f64 = 1e-6;

/// What to write beside the film.
#[derive(Clone, Debug, PartialEq)]
pub struct FilmInfo {
    /// Whose it is; both films of a pair share it.
    pub case: CaseInfo,
    /// What the film shows, such as "AP".
    pub title: String,
    /// Where the isocentre lies in the frame of reference of the case, LPS, mm.
    pub isocentre_mm: Option<Vec3>,
}

/// Writes `film` (line integrals, stored as `view` says it is: flips included) as a DICOM film of 16 bits.
///
/// The X-Ray Angiographic class is used because it alone defines the isocentre's distance (PS3.3 section C.8.7.5);
/// the view is noted exactly in a private block besides.
///
/// # Errors
/// A film that has another size than its view, values that are no numbers, and what the system says.
pub fn write_film(film: &Raster, view: &View, path: &Path, info: &FilmInfo) -> Result<(), IoError> {
    let view = view.checked().map_err(|e| IoError::geometry(path, e))?;
    let (cols, rows) = (film.cols(), film.rows());
    if (cols, rows) != (view.detector.cols, view.detector.rows) || cols.max(rows) > MAX_SIDE {
        let cause = format!("a film of {cols} x {rows} pixels does not fit its view");
        return Err(IoError::wrong_content(path, cause, "project the volume with this view again"));
    }
    let (low, high) = film.values().iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(l, h), &v| (l.min(v), h.max(v)));
    if !(film.values().iter().all(|v| v.is_finite()) && low <= high) {
        return Err(IoError::wrong_content(
            path,
            "the film holds values that are no numbers",
            "project the volume again",
        ));
    }
    object(film, &view, info, f64::from(low), f64::from(high)).write(path)
}

fn object(film: &Raster, view: &View, info: &FilmInfo, low: f64, high: f64) -> Object {
    let noted = private::numbers_of(view);
    let data: &[u8] = bytemuck::cast_slice(film.values());
    let series =
        uid::of(&[b"film", info.case.case.as_bytes(), info.title.as_bytes(), bytemuck::cast_slice(&noted), data]);
    let mut object = Object::image(uids::X_RAY_ANGIOGRAPHIC_IMAGE_STORAGE, "XA", &info.case, &series, 0);
    object.text(tags::IMAGE_TYPE, VR::CS, "DERIVED\\SECONDARY\\SINGLE PLANE");
    object.label(tags::SERIES_DESCRIPTION, &format!("{SIMULATED} {}; research use only", info.title));
    object.note(&format!("{} ({SIMULATED}): line integrals through a CT", info.title));
    geometry(&mut object, view);
    object.doubles(private::VIEW_TAG, &noted);
    if let Some(isocentre_mm) = info.isocentre_mm {
        object.doubles(private::ISOCENTRE_TAG, &isocentre_mm);
    }
    if let Some(reference) = &info.case.frame_of_reference {
        object.text(tags::FRAME_OF_REFERENCE_UID, VR::UI, reference);
    }
    object.text(tags::PIXEL_INTENSITY_RELATIONSHIP, VR::CS, "LOG");
    object.signed(tags::PIXEL_INTENSITY_RELATIONSHIP_SIGN, -1);
    // The slope as a reader will see it, so that both sides round alike.
    let read_back = |value: f64| decimal(value).parse::<f64>().unwrap_or(value);
    let slope = if high > low { read_back((high - low) / FULL_SCALE) } else { 1.0 };
    let intercept = read_back(low);
    object.decimals(tags::RESCALE_INTERCEPT, &[intercept]);
    object.decimals(tags::RESCALE_SLOPE, &[slope]);
    object.text(tags::RESCALE_TYPE, VR::LO, "US");
    object.decimals(tags::WINDOW_CENTER, &[(low + high) / 2.0]);
    object.decimals(tags::WINDOW_WIDTH, &[(high - low).max(slope)]);
    let stored = |&v: &f32| ((f64::from(v) - intercept) / slope).round().clamp(0.0, FULL_SCALE) as u16;
    object.pixels(film.cols(), film.rows(), false, film.values().iter().map(stored));
    object
}

/// The view in the standard's own attributes, for other readers.
fn geometry(object: &mut Object, view: &View) {
    let degrees = view.angle.degrees();
    // From 180 + primary = t, into the standard's range of -180 to 180.
    let primary = degrees - 180.0;
    object.decimals(tags::POSITIONER_PRIMARY_ANGLE, &[primary]);
    object.decimals(tags::POSITIONER_SECONDARY_ANGLE, &[0.0]);
    let named = [(0.0, "AP"), (90.0, "RL"), (180.0, "PA"), (270.0, "LL")];
    if let Some((_, name)) = named.iter().find(|(at, _)| (degrees - at).abs() < NAMED_ANGLE_DEG) {
        object.text(tags::VIEW_POSITION, VR::CS, name);
    }
    if let Beam::Cone { sad_mm, sdd_mm } = view.beam {
        object.decimals(tags::DISTANCE_SOURCE_TO_DETECTOR, &[sdd_mm]);
        object.decimals(tags::DISTANCE_SOURCE_TO_PATIENT, &[sad_mm]);
        object.decimals(tags::ESTIMATED_RADIOGRAPHIC_MAGNIFICATION_FACTOR, &[sdd_mm / sad_mm]);
    }
    let [across, down] = view.detector.pitch_mm;
    object.decimals(tags::IMAGER_PIXEL_SPACING, &[down, across]);
    let [_, right, _, bottom] = view.edge_letters();
    object.text(tags::PATIENT_ORIENTATION, VR::CS, &format!("{right}\\{bottom}"));
}
