//! What a film's header says of its view, each piece with where it comes from. Reads no pixel and assumes no machine.

use super::dataset::Fields;
use super::pixels::PixelFormat;
use super::private;
use crate::geometry::frame::direction_letter;
use crate::geometry::{Beam, View};
use crate::io::{FilmKind, Known, ViewHints, Warning};
use crate::units::Radians;
use dicom_core::Tag;
use dicom_dictionary_std::tags;

/// Pitches outside this range are not a detector's (mm).
const PITCH_MM: std::ops::RangeInclusive<f64> = 1e-3..=50.0;
/// Distances outside this range are not an X-ray machine's (mm).
const DISTANCE_MM: std::ops::RangeInclusive<f64> = 100.0..=20000.0;
/// A head- or footward turn of the arm beyond this cannot be had from a view about z (degrees).
const MAX_SECONDARY_DEG: f64 = 1.0;
/// What a lateral film is where nobody says which: left side at the film (degrees).
const USUAL_LATERAL_DEG: f64 = 270.0;

/// The pieces of geometry in a film's header, and what is odd about them.
pub(super) fn hints(fields: &Fields, modality: &str, format: &PixelFormat, warnings: &mut Vec<Warning>) -> ViewHints {
    if let Some(view) = private::view_in(fields, format.cols, format.rows) {
        let isocentre_mm = private::isocentre_in(fields).map(Known::header);
        return ViewHints { isocentre_mm, ..exact(&view) };
    }
    let angle = angle(fields, modality, warnings);
    let mut hints = ViewHints { angle, kind: kind(angle, fields), ..ViewHints::default() };
    hints.sdd_mm =
        distance(fields, if modality == "RTIMAGE" { tags::RT_IMAGE_SID } else { tags::DISTANCE_SOURCE_TO_DETECTOR });
    // In DX and CR, DistanceSourceToPatient ends at the support, not at the axis.
    hints.sad_mm = match modality {
        "RTIMAGE" => distance(fields, tags::RADIATION_MACHINE_SAD),
        "XA" => distance(fields, tags::DISTANCE_SOURCE_TO_PATIENT),
        _ => None,
    };
    if let (Some(sad), Some(sdd)) = (hints.sad_mm, hints.sdd_mm)
        && sad.value > sdd.value
    {
        warnings.push(Warning::Contradiction {
            what: format!("the distances (axis at {:.0} mm, detector at {:.0} mm)", sad.value, sdd.value),
            taken: "neither".to_string(),
        });
        (hints.sad_mm, hints.sdd_mm) = (None, None);
    }
    hints.pitch_mm = pitch(fields, modality, warnings);
    hints.offset_px = if modality == "RTIMAGE" { rt_offset(fields, format, hints.pitch_mm) } else { None };
    orientation(fields, &mut hints, warnings);
    hints
}

/// All of a view that biplane noted itself.
fn exact(view: &View) -> ViewHints {
    let (sad_mm, sdd_mm) = match view.beam {
        Beam::Cone { sad_mm, sdd_mm } => (Some(Known::header(sad_mm)), Some(Known::header(sdd_mm))),
        Beam::Parallel => (None, None),
    };
    ViewHints {
        pitch_mm: Some(Known::header(view.detector.pitch_mm)),
        sdd_mm,
        sad_mm,
        angle: Some(Known::header(view.angle)),
        offset_px: Some(Known::header(view.detector.offset_px)),
        kind: Some(Known::header(FilmKind::of_angle(view.angle))),
        flip_cols: Some(Known::header(view.flip_cols)),
        flip_rows: Some(Known::header(view.flip_rows)),
        parallel: Some(Known::header(view.beam == Beam::Parallel)),
        isocentre_mm: None,
    }
}

/// The gantry angle t. XA and RF: t = 180 + PositionerPrimaryAngle (0 = the patient faces the detector, +90 = the
/// detector at the patient's left, PS3.3 section C.8.7.5).
fn angle(fields: &Fields, modality: &str, warnings: &mut Vec<Warning>) -> Option<Known<Radians>> {
    if let Some(secondary) = fields.number(tags::POSITIONER_SECONDARY_ANGLE)
        && secondary.abs() > MAX_SECONDARY_DEG
    {
        warnings.push(Warning::Other(format!(
            "the arm was turned {secondary:.1} degrees to head or feet; the view is taken as level"
        )));
    }
    let positioner = || {
        let primary = fields.number(tags::POSITIONER_PRIMARY_ANGLE).filter(|deg| deg.abs() <= 360.0)?;
        Some(Known::header(Radians::from_degrees((180.0 + primary).rem_euclid(360.0))))
    };
    match modality {
        "XA" | "RF" => positioner().or_else(|| from_position(fields)),
        "RTIMAGE" => gantry(fields, warnings),
        _ => from_position(fields).or_else(positioner),
    }
}

/// The treatment arm's angle, to be confirmed: kV films are taken by another arm.
fn gantry(fields: &Fields, warnings: &mut Vec<Warning>) -> Option<Known<Radians>> {
    let deg = fields.number(tags::GANTRY_ANGLE)?;
    warnings.push(Warning::Other(format!(
        "the gantry stood at {deg:.1} degrees; confirm the view's angle, the kV arm is not the gantry"
    )));
    Some(Known::assumed(Radians::from_degrees(deg.rem_euclid(360.0))))
}

/// The angle of ViewPosition (0018,5101) or the view code.
fn from_position(fields: &Fields) -> Option<Known<Radians>> {
    let said = fields.text(tags::VIEW_POSITION).unwrap_or_default().to_uppercase();
    let degrees = |deg: f64| Radians::from_degrees(deg);
    match said.as_str() {
        "AP" => return Some(Known::header(degrees(0.0))),
        "PA" => return Some(Known::header(degrees(180.0))),
        // LL: the left side at the film, so the source stands at the right.
        "LL" => return Some(Known::header(degrees(270.0))),
        "RL" => return Some(Known::header(degrees(90.0))),
        _ => {}
    }
    let meaning = fields.first_item(tags::VIEW_CODE_SEQUENCE).and_then(|item| item.text(tags::CODE_MEANING));
    let meaning = meaning.unwrap_or_default().to_lowercase().replace('-', "");
    if meaning.contains("posteroanterior") {
        return Some(Known::header(degrees(180.0)));
    }
    if meaning.contains("anteroposterior") {
        return Some(Known::header(degrees(0.0)));
    }
    if meaning.contains("right lateral") {
        return Some(Known::header(degrees(90.0)));
    }
    if meaning.contains("left lateral") {
        return Some(Known::header(degrees(270.0)));
    }
    let lateral = matches!(said.as_str(), "LAT" | "LATERAL" | "L" | "LLAT") || meaning.contains("lateral");
    lateral.then(|| Known::assumed(degrees(USUAL_LATERAL_DEG)))
}

/// Frontal or lateral, from the angle or else from where the rows point.
fn kind(angle: Option<Known<Radians>>, fields: &Fields) -> Option<Known<FilmKind>> {
    if let Some(angle) = angle {
        let lateral_said = fields.text(tags::VIEW_POSITION).is_some_and(|p| p.to_uppercase().starts_with("LAT"));
        let kind = FilmKind::of_angle(angle.value);
        return Some(if lateral_said {
            Known::header(FilmKind::Lateral)
        } else {
            Known { value: kind, from: angle.from }
        });
    }
    match letters(fields).first()? {
        'L' | 'R' => Some(Known::header(FilmKind::Frontal)),
        'A' | 'P' => Some(Known::header(FilmKind::Lateral)),
        _ => None,
    }
}

/// First letters of PatientOrientation: where rows point, where columns point.
fn letters(fields: &Fields) -> Vec<char> {
    fields.texts(tags::PATIENT_ORIENTATION).iter().filter_map(|text| text.chars().next()).collect()
}

/// Mirroring against the geometry at the angle, by PatientOrientation.
fn orientation(fields: &Fields, hints: &mut ViewHints, warnings: &mut Vec<Warning>) {
    let &[along, down] = letters(fields).as_slice() else { return };
    match down {
        'F' => hints.flip_rows = Some(Known::header(false)),
        'H' => hints.flip_rows = Some(Known::header(true)),
        _ => {
            warnings.push(Warning::Other(format!("the film lies on its side (PatientOrientation {along}\\{down})")));
            return;
        }
    }
    let Some(angle) = hints.angle else { return };
    let (sin, cos) = angle.value.0.sin_cos();
    let (own, opposite) = (direction_letter([cos, sin, 0.0]), direction_letter([-cos, -sin, 0.0]));
    if along == own || along == opposite {
        hints.flip_cols = Some(Known::header(along == opposite));
    } else {
        let what = "frontal or lateral (view position and patient orientation)".to_string();
        warnings.push(Warning::Contradiction { what, taken: "the view position".to_string() });
    }
}

/// A distance in mm; 0 and the absurd count as unknown.
fn distance(fields: &Fields, tag: Tag) -> Option<Known<f64>> {
    fields.number(tag).filter(|mm| DISTANCE_MM.contains(mm)).map(Known::header)
}

/// Pixel pitch at the detector, along columns then rows. Headers write the one between rows first.
fn pitch(fields: &Fields, modality: &str, warnings: &mut Vec<Warning>) -> Option<Known<[f64; 2]>> {
    let read = |tag| {
        let [down, across] = fields.array::<2>(tag)?;
        [down, across].iter().all(|mm| PITCH_MM.contains(mm)).then_some([across, down])
    };
    if modality == "RTIMAGE" {
        return read(tags::IMAGE_PLANE_PIXEL_SPACING).map(Known::header);
    }
    if let Some(pitch) = read(tags::IMAGER_PIXEL_SPACING).or_else(|| read(tags::NOMINAL_SCANNED_PIXEL_SPACING)) {
        return Some(Known::header(pitch));
    }
    let pitch = read(tags::PIXEL_SPACING)?;
    // Calibrated to the patient: the detector's pitch is larger by the magnification (PS3.3 section 10.7.1).
    if fields.text(tags::PIXEL_SPACING_CALIBRATION_TYPE).is_some() {
        let factor =
            fields.number(tags::ESTIMATED_RADIOGRAPHIC_MAGNIFICATION_FACTOR).filter(|f| (1.0..10.0).contains(f));
        let Some(factor) = factor else {
            let what = "pixel pitch at the detector (the header's is calibrated to the patient)".to_string();
            warnings.push(Warning::Assumed { what, value: "nothing".to_string() });
            return None;
        };
        return Some(Known::header(pitch.map(|mm| mm * factor)));
    }
    Some(Known::header(pitch))
}

/// Where the beam's axis pierces, from the place of the first pixel (3002,0012) in mm.
fn rt_offset(fields: &Fields, format: &PixelFormat, pitch: Option<Known<[f64; 2]>>) -> Option<Known<[f64; 2]>> {
    let [x_mm, y_mm] = fields.array::<2>(tags::RT_IMAGE_POSITION)?;
    let [across, down] = pitch?.value;
    let half = |n: usize| (n as f64 - 1.0) / 2.0;
    let offset = [-x_mm / across - half(format.cols), y_mm / down - half(format.rows)];
    Some(Known::header(offset))
}
