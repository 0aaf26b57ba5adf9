//! A film (CR, DX, RF, XA, RTIMAGE, secondary capture) to a [`Radiograph`] in which white is dense. Knows no CT.

use super::dataset::Fields;
use super::fault::Fault;
use super::file::DicomFile;
use super::film_geometry;
use super::pixels::{self, PixelFormat};
use super::private;
use super::scan;
use crate::geometry::Raster;
use crate::io::{Bytes, IoError, Radiograph, Sensitive, SourceInfo, Subject, Tone, Warning};
use dicom_dictionary_std::tags;
use std::path::Path;

/// Modalities that are films.
const FILMS: [&str; 9] = ["CR", "DX", "RF", "XA", "RTIMAGE", "OT", "SC", "RG", "DR"];
/// Counts below this part of the brightest are noise of 16 bit detectors; their logarithm is cut here.
const LEAST_COUNT_PART: f32 = 1.0 / 65536.0;
/// Words in ImageComments that mark films made from a CT.
pub(super) const SIMULATED: &str = "simulated film";

/// How stored values relate to density.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Relation {
    /// Detector counts, to be logged.
    counts: bool,
    /// The logarithm of counts or the line integral itself.
    logged: bool,
    /// Larger values are denser.
    dense_is_high: bool,
}

/// Opens a film.
///
/// Modality LUT or rescale are applied; detector counts (PixelIntensityRelationship LIN) are logged, the sign is
/// honoured; MONOCHROME1 is inverted. Window and VOI LUT are for display: they are told in the information only.
///
/// # Errors
/// [`IoError`] naming file and cause: no film, another body part, a packing that is not read, damaged pixels.
pub fn open_radiograph(path: &Path) -> Result<Radiograph, IoError> {
    open_radiograph_as(path, Subject::Chest)
}

/// As [`open_radiograph`], of a subject that may be another than the header says.
pub(super) fn open_radiograph_as(path: &Path, subject: Subject) -> Result<Radiograph, IoError> {
    film(&DicomFile::open(path)?, subject)
}

/// Reads a film that lies in memory; `path` only names it in messages.
///
/// # Errors
/// As [`open_radiograph`].
pub fn radiograph_from_bytes(bytes: Vec<u8>, path: &Path) -> Result<Radiograph, IoError> {
    film(&DicomFile::from_bytes(bytes, path)?, Subject::Chest)
}

fn film(file: &DicomFile, subject: Subject) -> Result<Radiograph, IoError> {
    let at = |fault: Fault| fault.at(&file.path);
    let fields = &file.dataset.fields;
    let modality = scan::modality(file);
    let mut warnings = Vec::new();
    check_film(file, &modality, subject, &mut warnings).map_err(at)?;
    file.pixel_place()?;
    let format = PixelFormat::of(file)?;
    let view = film_geometry::hints(fields, &modality, &format, &mut warnings);
    let stored = pixels::values(file, &format)?;
    let relation = relation(fields, &format);
    let values = densities(fields, &format, &stored, relation);
    let image = Raster::new(format.cols, format.rows, values).ok_or_else(|| at(Fault::damaged("no pixels")))?;
    warnings.extend(oddities(fields, &format, &image, relation));
    Ok(Radiograph {
        image,
        tone: if relation.logged || relation.counts { Tone::LineIntegral } else { Tone::Display },
        view,
        bits: format.bits_stored.min(32) as u8,
        simulated: is_simulated(fields),
        warnings,
        info: info(file, &modality, &format),
    })
}

fn check_film(file: &DicomFile, modality: &str, subject: Subject, warnings: &mut Vec<Warning>) -> Result<(), Fault> {
    if modality == "CT" {
        return Err(Fault::wrong("this is a CT slice, not a film", "open it (or its folder) as a CT"));
    }
    let unknown = modality == "unknown" && file.dataset.fields.pixels().is_some();
    if !FILMS.contains(&modality) && !unknown {
        return Err(Fault::wrong(format!("this is {modality}, not an X-ray film"), "choose a CR, DX, RF or XA image"));
    }
    warnings.extend(scan::body_part(file).accepted_as(subject)?);
    Ok(())
}

/// PixelIntensityRelationship and its sign (PS3.3 section C.8.11.3.1.2), else the photometric interpretation.
fn relation(fields: &Fields, format: &PixelFormat) -> Relation {
    let said = fields.text(tags::PIXEL_INTENSITY_RELATIONSHIP).unwrap_or_default();
    let (counts, logged) = (said == "LIN", said == "LOG");
    let sign = fields.short(tags::PIXEL_INTENSITY_RELATIONSHIP_SIGN).map(|s| s as i16);
    let inverse = fields.text(tags::PRESENTATION_LUT_SHAPE).as_deref() == Some("INVERSE");
    let shown_dark = format.photometric == "MONOCHROME1" || (inverse && !format.photometric.starts_with("MONO"));
    let dense_is_high = match sign {
        // Lower values stand for less radiation behind the patient: dense is low.
        Some(1) => false,
        Some(-1) => true,
        // Counts without a sign grow with the radiation.
        _ if counts => false,
        _ => !shown_dark,
    };
    Relation { counts, logged, dense_is_high }
}

/// Stored values to densities: larger is denser.
fn densities(fields: &Fields, format: &PixelFormat, stored: &[i32], relation: Relation) -> Vec<f32> {
    let padding = padding(fields, format);
    let is_padding = |v: &i32| padding.is_some_and(|(low, high)| (low..=high).contains(v));
    let rescale = Modality::of(fields);
    let mut values: Vec<f32> = stored.iter().map(|&v| rescale.value(v)).collect();
    let measured = || values.iter().zip(stored).filter(|(_, s)| !is_padding(s)).map(|(&v, _)| v);
    let (low, high) = measured().fold((f32::INFINITY, f32::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
    if !(low <= high) {
        return vec![0.0; values.len()];
    }
    let dense = |v: f32| {
        let v = if relation.dense_is_high { v } else { low + high - v };
        if !relation.counts {
            return v;
        }
        // Here large is dense, so the radiation is what is missing to the largest.
        let (radiation, most) = (low + high - v, high.max(f32::MIN_POSITIVE));
        (most / radiation.max(most * LEAST_COUNT_PART)).ln()
    };
    let bare = if relation.dense_is_high { dense(low) } else { dense(high) };
    for (value, stored) in values.iter_mut().zip(stored) {
        *value = if is_padding(stored) { bare } else { dense(*value) };
    }
    values
}

/// Stored values outside of the exposed field.
fn padding(fields: &Fields, format: &PixelFormat) -> Option<(i32, i32)> {
    let stored = |tag| fields.short(tag).map(|v| if format.signed { i32::from(v as i16) } else { i32::from(v) });
    let value = stored(tags::PIXEL_PADDING_VALUE)?;
    let limit = stored(tags::PIXEL_PADDING_RANGE_LIMIT).unwrap_or(value);
    Some((value.min(limit), value.max(limit)))
}

/// The modality transformation (PS3.3 section C.11.1).
enum Modality {
    Linear { slope: f64, intercept: f64 },
    Table { first: i32, entries: Vec<u16> },
}

impl Modality {
    fn of(fields: &Fields) -> Self {
        if let Some(table) = fields.first_item(tags::MODALITY_LUT_SEQUENCE).and_then(|item| Self::table(&item)) {
            return table;
        }
        match (fields.number(tags::RESCALE_SLOPE), fields.number(tags::RESCALE_INTERCEPT)) {
            (Some(slope), Some(intercept)) if slope != 0.0 => Self::Linear { slope, intercept },
            _ => Self::Linear { slope: 1.0, intercept: 0.0 },
        }
    }

    fn table(item: &Fields) -> Option<Self> {
        let descriptor = item.words(tags::LUT_DESCRIPTOR);
        let &[count, first, bits] = descriptor.get(..3)? else { return None };
        // 0 stands for 65536 entries.
        let count = if count == 0 { 1 << 16 } else { usize::from(count) };
        let entries: Vec<u16> = match item.words(tags::LUT_DATA) {
            words if words.len() >= count => words,
            // Entries of 8 bits may come packed in words.
            _ if bits <= 8 => item.raw(tags::LUT_DATA)?.iter().map(|&b| u16::from(b)).collect(),
            _ => return None,
        };
        (entries.len() >= count).then_some(Self::Table { first: i32::from(first as i16), entries })
    }

    fn value(&self, stored: i32) -> f32 {
        match self {
            Self::Linear { slope, intercept } => (f64::from(stored) * slope + intercept) as f32,
            Self::Table { first, entries } => {
                let last = entries.len().saturating_sub(1);
                let index = usize::try_from(stored.saturating_sub(*first)).unwrap_or(0).min(last);
                entries.get(index).map_or(0.0, |&v| f32::from(v))
            }
        }
    }
}

/// Whether the film was made from a CT.
pub(super) fn is_simulated(fields: &Fields) -> bool {
    fields.text(private::CREATOR_TAG).as_deref() == Some(private::CREATOR)
        || fields.text(tags::IMAGE_COMMENTS).is_some_and(|words| words.contains(SIMULATED))
}

fn oddities(fields: &Fields, format: &PixelFormat, image: &Raster, relation: Relation) -> Vec<Warning> {
    let mut list = Vec::new();
    if !(relation.logged || relation.counts) {
        list.push(Warning::DisplayContrast);
    }
    if fields.text(tags::LOSSY_IMAGE_COMPRESSION).as_deref() == Some("01") {
        list.push(Warning::LossyCompression);
    }
    if fields.text(tags::BURNED_IN_ANNOTATION).as_deref() == Some("YES") {
        list.push(Warning::Other("text is burned into the picture; check that it names nobody".to_string()));
    }
    if format.samples == 3 {
        list.push(Warning::ColoursDropped);
    }
    if image.quantile(0.0) == image.quantile(1.0) {
        list.push(Warning::Other("the picture has one grey value only".to_string()));
    }
    list
}

fn info(file: &DicomFile, modality: &str, format: &PixelFormat) -> SourceInfo {
    let fields = &file.dataset.fields;
    let mut lines = vec![
        ("Modality".to_string(), modality.to_string()),
        ("Picture".to_string(), format!("{} x {} pixels", format.cols, format.rows)),
        ("Bits stored".to_string(), format!("{} of {}", format.bits_stored, format.bits_allocated)),
        ("Photometric".to_string(), format.photometric.clone()),
        ("Transfer syntax".to_string(), file.dataset.syntax.name().to_string()),
    ];
    for (name, tag) in [
        ("View position", tags::VIEW_POSITION),
        ("Patient orientation", tags::PATIENT_ORIENTATION),
        ("Body part", tags::BODY_PART_EXAMINED),
        ("Window centre", tags::WINDOW_CENTER),
        ("Window width", tags::WINDOW_WIDTH),
        ("Intensity relationship", tags::PIXEL_INTENSITY_RELATIONSHIP),
        ("Tube voltage (kV)", tags::KVP),
        ("Gantry angle (degrees)", tags::GANTRY_ANGLE),
        ("Machine", tags::MANUFACTURER_MODEL_NAME),
    ] {
        lines.extend(fields.text(tag).map(|value| (name.to_string(), value)));
    }
    lines.push(("Size on disk".to_string(), Bytes(file.bytes_on_disk).to_string()));
    SourceInfo {
        path: file.path.clone(),
        format: format!("DICOM {modality}"),
        bytes: file.bytes_on_disk,
        fields: lines,
        patient_name: fields.text(tags::PATIENT_NAME).map(Sensitive::new),
        patient_id: fields.text(tags::PATIENT_ID).map(Sensitive::new),
        frame_of_reference: fields.text(tags::FRAME_OF_REFERENCE_UID),
        guided: false,
    }
}
