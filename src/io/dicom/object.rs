//! Building a DICOM object: values in the lengths the standard allows, the elements every image of ours has,
//! and writing it whole. Knows neither volumes nor films.

use super::private;
use super::uid;
use crate::io::clock::Utc;
use crate::io::output::write_whole;
use crate::io::{Cause, IoError};
use dicom_core::{DataElement, PrimitiveValue, Tag, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::{FileMetaTableBuilder, InMemDicomObject};
use std::io;
use std::path::Path;

/// Longest decimal string (PS3.5 table 6.2-1).
const MAX_DS: usize = 16;
/// Longest LO (PS3.5 table 6.2-1).
const MAX_LO: usize = 64;
/// What stands in every file.
pub(super) const RESTRICTION: &str = "Research use only, not for diagnosis";
/// Names the program in Manufacturer, SoftwareVersions and the file meta.
const PROGRAM: &str = "biplane";

/// An object under construction.
pub(super) struct Object(InMemDicomObject);

/// What all images of one case share.
#[derive(Clone, Debug, PartialEq)]
pub struct CaseInfo {
    /// Names the case in PatientID and makes the study: files written with the same name belong together.
    pub case: String,
    /// PatientName; empty for nobody's.
    pub patient_name: String,
    /// The frame of reference of the source, where the volume still lies in it.
    pub frame_of_reference: Option<String>,
}

impl Default for CaseInfo {
    fn default() -> Self {
        Self { case: "biplane".to_string(), patient_name: String::new(), frame_of_reference: None }
    }
}

impl Object {
    /// An image with the elements that every image of ours has. `identity` makes series and instance unique.
    pub(super) fn image(class: &str, modality: &str, case: &CaseInfo, series: &str, instance: usize) -> Self {
        let mut object = Self(InMemDicomObject::new_empty());
        let (date, time) = now();
        let study = uid::of(&[b"study", case.case.as_bytes()]);
        let own = uid::of(&[b"instance", series.as_bytes(), &instance.to_le_bytes()]);
        object.text(tags::SPECIFIC_CHARACTER_SET, VR::CS, "ISO_IR 192");
        object.text(tags::SOP_CLASS_UID, VR::UI, class);
        object.text(tags::SOP_INSTANCE_UID, VR::UI, &own);
        for tag in [tags::STUDY_DATE, tags::SERIES_DATE, tags::CONTENT_DATE] {
            object.text(tag, VR::DA, &date);
        }
        for tag in [tags::STUDY_TIME, tags::SERIES_TIME, tags::CONTENT_TIME] {
            object.text(tag, VR::TM, &time);
        }
        object.text(tags::ACCESSION_NUMBER, VR::SH, "");
        object.text(tags::MODALITY, VR::CS, modality);
        object.text(tags::MANUFACTURER, VR::LO, PROGRAM);
        object.text(tags::REFERRING_PHYSICIAN_NAME, VR::PN, "");
        object.text(tags::PATIENT_NAME, VR::PN, &case.patient_name);
        object.text(tags::PATIENT_ID, VR::LO, &short_text(&case.case));
        object.text(tags::PATIENT_BIRTH_DATE, VR::DA, "");
        object.text(tags::PATIENT_SEX, VR::CS, "");
        object.text(tags::BODY_PART_EXAMINED, VR::CS, "CHEST");
        object.text(tags::SOFTWARE_VERSIONS, VR::LO, &format!("{PROGRAM} {}", env!("CARGO_PKG_VERSION")));
        object.text(tags::KVP, VR::DS, "");
        object.text(tags::STUDY_INSTANCE_UID, VR::UI, &study);
        object.text(tags::SERIES_INSTANCE_UID, VR::UI, series);
        object.text(tags::STUDY_ID, VR::SH, "");
        object.text(tags::SERIES_NUMBER, VR::IS, "1");
        object.text(tags::INSTANCE_NUMBER, VR::IS, &(instance + 1).to_string());
        object.text(tags::ACQUISITION_NUMBER, VR::IS, "1");
        object.text(tags::BURNED_IN_ANNOTATION, VR::CS, "NO");
        object.text(tags::LOSSY_IMAGE_COMPRESSION, VR::CS, "00");
        object
    }

    /// The private block with a sentence on what this is, always followed by the restriction.
    pub(super) fn note(&mut self, what: &str) {
        let sentence = format!("{what}. {RESTRICTION}.");
        self.text(private::CREATOR_TAG, VR::LO, private::CREATOR);
        self.text(private::NOTE_TAG, VR::LT, &sentence);
        self.text(tags::IMAGE_COMMENTS, VR::LT, &sentence);
        self.text(tags::DERIVATION_DESCRIPTION, VR::ST, &sentence);
    }

    /// Puts a text (or decimal, or UID).
    pub(super) fn text(&mut self, tag: Tag, vr: VR, value: &str) {
        self.0.put(DataElement::new(tag, vr, PrimitiveValue::from(value)));
    }

    /// Puts a text of at most 64 characters.
    pub(super) fn label(&mut self, tag: Tag, value: &str) {
        self.text(tag, VR::LO, &short_text(value));
    }

    /// Puts decimal numbers.
    pub(super) fn decimals(&mut self, tag: Tag, values: &[f64]) {
        let text: Vec<String> = values.iter().map(|&v| decimal(v)).collect();
        self.text(tag, VR::DS, &text.join("\\"));
    }

    /// Puts doubles as they are.
    pub(super) fn doubles(&mut self, tag: Tag, values: &[f64]) {
        self.0.put(DataElement::new(tag, VR::FD, PrimitiveValue::F64(values.iter().copied().collect())));
    }

    /// Puts a 16 bit number.
    pub(super) fn short(&mut self, tag: Tag, value: u16) {
        self.0.put(DataElement::new(tag, VR::US, PrimitiveValue::from(value)));
    }

    /// Puts a signed 16 bit number.
    pub(super) fn signed(&mut self, tag: Tag, value: i16) {
        self.0.put(DataElement::new(tag, VR::SS, PrimitiveValue::from(value)));
    }

    /// Puts 16 bit grey pixels and what describes them.
    pub(super) fn pixels(&mut self, cols: usize, rows: usize, signed: bool, words: impl Iterator<Item = u16>) {
        self.short(tags::SAMPLES_PER_PIXEL, 1);
        self.text(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "MONOCHROME2");
        self.short(tags::ROWS, rows as u16);
        self.short(tags::COLUMNS, cols as u16);
        self.short(tags::BITS_ALLOCATED, 16);
        self.short(tags::BITS_STORED, 16);
        self.short(tags::HIGH_BIT, 15);
        self.short(tags::PIXEL_REPRESENTATION, u16::from(signed));
        self.0.put(DataElement::new(tags::PIXEL_DATA, VR::OW, PrimitiveValue::U16(words.collect())));
    }

    /// Writes the object as Explicit VR Little Endian, whole or not at all.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn write(self, path: &Path) -> Result<(), IoError> {
        let meta = FileMetaTableBuilder::new()
            .transfer_syntax(uids::EXPLICIT_VR_LITTLE_ENDIAN)
            .implementation_class_uid(uid::of(&[b"implementation", PROGRAM.as_bytes()]))
            .implementation_version_name("BIPLANE_1");
        let refuse = |e: Cause| IoError::from_write(path, io::Error::other(e));
        let file = self.0.with_meta(meta).map_err(|e| refuse(Box::new(e)))?;
        write_whole(path, |out| file.write_all(out).map_err(io::Error::other))
    }
}

/// The nearest decimal string of at most 16 characters.
pub(super) fn decimal(value: f64) -> String {
    let plain = format!("{value}");
    if plain.len() <= MAX_DS {
        return plain;
    }
    for digits in (0..=MAX_DS).rev() {
        let fixed = format!("{value:.digits$}");
        // A tiny number would lose its digits behind the zeros.
        if fixed.len() <= MAX_DS && (value.abs() >= 1e-4 || value == 0.0) {
            let short = if fixed.contains('.') { fixed.trim_end_matches('0').trim_end_matches('.') } else { &fixed };
            return if short == "-0" { "0".to_string() } else { short.to_string() };
        }
        let scientific = format!("{value:.digits$e}");
        if value.abs() < 1e-4 && scientific.len() <= MAX_DS {
            return scientific;
        }
    }
    format!("{value:.8e}")
}

fn short_text(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() && *c != '\\').take(MAX_LO).collect()
}

/// Today's date and time in UTC, as DA and TM.
fn now() -> (String, String) {
    let Utc { year, month, day, hour, minute, second } = Utc::now();
    (format!("{year:04}{month:02}{day:02}"), format!("{hour:02}{minute:02}{second:02}"))
}
