//! Opening anything: what a file is, is told by its content, never by its name. Knows all readers and no format.

use super::nifti::GZIP_MAGIC;
use super::{IoError, LoadedVolume, Progress, Radiograph, SourceInfo, Warning};
use super::{dicom, input, metaimage, nifti, nrrd, picture};
use flate2::read::GzDecoder;
use std::io::Read;
use std::path::Path;

/// How many first bytes are looked at.
const HEAD_BYTES: usize = 1024;

/// What a film or CT must show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Subject {
    /// The chest, or nothing that says otherwise.
    #[default]
    Chest,
    /// Anything: a person knows that BodyPartExamined is wrong.
    Any,
}

/// What was in a file.
#[derive(Clone, Debug)]
pub enum Opened {
    /// A CT.
    Volume(LoadedVolume),
    /// A film.
    Radiograph(Radiograph),
}

impl Opened {
    /// Where it comes from.
    pub fn info(&self) -> &SourceInfo {
        match self {
            Self::Volume(volume) => &volume.info,
            Self::Radiograph(film) => &film.info,
        }
    }

    /// What is odd about it.
    pub fn warnings(&self) -> &[Warning] {
        match self {
            Self::Volume(volume) => &volume.warnings,
            Self::Radiograph(film) => &film.warnings,
        }
    }
}

/// What a file is, by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// NIfTI, plain or gzipped.
    Nifti,
    /// NRRD, attached or detached header.
    Nrrd,
    /// MetaImage, `.mha` or `.mhd`.
    MetaImage,
    /// PNG, TIFF or JPEG.
    Picture,
    /// DICOM, with or without its preamble; a folder is taken for a DICOM series.
    Dicom,
}

/// Opens a file or folder, whatever it is.
///
/// # Errors
/// [`IoError`] of the reader in charge, or [`IoError::UnknownType`] saying what the content looks like.
pub fn open(path: &Path, progress: &Progress) -> Result<Opened, IoError> {
    open_as(path, Subject::Chest, progress)
}

/// Opens a file or folder of the chest, or of whatever its header says where that is known to be wrong.
///
/// # Errors
/// As [`open`]; never [`IoError::BodyPart`] with [`Subject::Any`].
pub fn open_as(path: &Path, subject: Subject, progress: &Progress) -> Result<Opened, IoError> {
    match kind(path)? {
        Kind::Nifti => nifti::read(path, progress).map(Opened::Volume),
        Kind::Nrrd => nrrd::read(path, progress).map(Opened::Volume),
        Kind::MetaImage => metaimage::read(path, progress).map(Opened::Volume),
        Kind::Picture => picture::read(path, progress).map(Opened::Radiograph),
        Kind::Dicom => dicom::open(path, subject, progress),
    }
}

/// Opens a file or folder that must hold a CT.
///
/// # Errors
/// As [`open`]; [`IoError::WrongContent`] where it is a film.
pub fn open_volume(path: &Path, progress: &Progress) -> Result<LoadedVolume, IoError> {
    open_volume_as(path, Subject::Chest, progress)
}

/// As [`open_volume`], of a subject that may be another than the header says.
///
/// # Errors
/// As [`open_volume`].
pub fn open_volume_as(path: &Path, subject: Subject, progress: &Progress) -> Result<LoadedVolume, IoError> {
    match open_as(path, subject, progress)? {
        Opened::Volume(volume) => Ok(volume),
        Opened::Radiograph(_) => {
            Err(IoError::wrong_content(path, "is a film, wanted is a CT volume", "choose a volume or a series folder"))
        }
    }
}

/// Opens a file that must hold a film.
///
/// # Errors
/// As [`open`]; [`IoError::WrongContent`] where it is a CT.
pub fn open_radiograph(path: &Path, progress: &Progress) -> Result<Radiograph, IoError> {
    open_radiograph_as(path, Subject::Chest, progress)
}

/// As [`open_radiograph`], of a subject that may be another than the header says.
///
/// # Errors
/// As [`open_radiograph`].
pub fn open_radiograph_as(path: &Path, subject: Subject, progress: &Progress) -> Result<Radiograph, IoError> {
    match open_as(path, subject, progress)? {
        Opened::Radiograph(film) => Ok(film),
        Opened::Volume(_) => Err(IoError::wrong_content(
            path,
            "is a CT volume, wanted is an X-ray film",
            "choose a picture or DICOM film",
        )),
    }
}

/// A file in words: its content, and a list of names and values to print.
#[derive(Clone, Debug, PartialEq)]
pub struct Description {
    /// "CT volume" or "X-ray film".
    pub what: &'static str,
    /// Names and values, in the order to print them. Never a patient's identity.
    pub fields: Vec<(String, String)>,
    /// What is odd about it.
    pub warnings: Vec<Warning>,
}

/// Describes a file or folder, also where its header names another part of the body than the chest.
///
/// # Errors
/// As [`open`].
pub fn describe(path: &Path, progress: &Progress) -> Result<Description, IoError> {
    // What it shows is told, whatever it is.
    let opened = open_as(path, Subject::Any, progress)?;
    let mut fields = vec![("Format".to_string(), opened.info().format.clone())];
    fields.extend(opened.info().fields.iter().cloned());
    let what = match &opened {
        Opened::Volume(volume) => {
            fields.extend(volume_fields(volume));
            "CT volume"
        }
        Opened::Radiograph(film) => {
            fields.extend(film_fields(film));
            "X-ray film"
        }
    };
    Ok(Description { what, fields, warnings: opened.warnings().to_vec() })
}

fn field(name: &str, value: impl Into<String>) -> (String, String) {
    (name.to_string(), value.into())
}

fn volume_fields(loaded: &LoadedVolume) -> Vec<(String, String)> {
    let frame = loaded.volume.frame();
    let [cx, cy, cz] = frame.centre_mm();
    let [ex, ey, ez] = frame.extent_mm();
    let hu = loaded.volume.hu();
    let (least, most) = hu.iter().fold((i16::MAX, i16::MIN), |(a, b), &v| (a.min(v), b.max(v)));
    vec![
        field("Extent", format!("{ex:.1} x {ey:.1} x {ez:.1} mm")),
        field("Centre", format!("{cx:.1}, {cy:.1}, {cz:.1} mm (left, back, head)")),
        field("Values", format!("{least} to {most} HU")),
    ]
}

fn film_fields(film: &Radiograph) -> Vec<(String, String)> {
    let view = &film.view;
    let unknown = || "unknown".to_string();
    let mm = |known: Option<super::Known<f64>>| {
        known.map_or_else(unknown, |k| format!("{} mm ({})", k.value, k.from.label()))
    };
    let pitch = view.pitch_mm.map_or_else(unknown, |k| {
        let [u, v] = k.value;
        format!("{u} x {v} mm ({})", k.from.label())
    });
    let angle = view.angle.map_or_else(unknown, |k| format!("{}° ({})", k.value.degrees(), k.from.label()));
    vec![
        field("Bits", film.bits.to_string()),
        field("View", view.kind.map_or_else(unknown, |k| format!("{} ({})", k.value.label(), k.from.label()))),
        field("Angle", angle),
        field("Pixel pitch", pitch),
        field("Source to detector", mm(view.sdd_mm)),
        field("Source to axis", mm(view.sad_mm)),
        field("Simulated", if film.simulated { "yes" } else { "no" }),
    ]
}

/// What stands at `path`, without reading more than its first bytes.
///
/// # Errors
/// Missing, no permission, empty, a device, or [`IoError::UnknownType`].
pub fn kind(path: &Path) -> Result<Kind, IoError> {
    if std::fs::metadata(path).map_err(|e| IoError::from_read(path, e))?.is_dir() {
        return Ok(Kind::Dicom);
    }
    let (mut file, _) = input::open_file(path)?;
    let head = input::read_up_to(path, &mut file, HEAD_BYTES)?;
    if head.starts_with(&GZIP_MAGIC) {
        // The head is cut short by intention, so the stream breaks off; what came until then is enough.
        let mut unpacked = Vec::new();
        let _ = GzDecoder::new(head.as_slice()).take(HEAD_BYTES as u64).read_to_end(&mut unpacked);
        return if nifti::is_nifti(&unpacked) {
            Ok(Kind::Nifti)
        } else {
            Err(unknown(path, "this is gzip of something that is not NIfTI; unpack it first"))
        };
    }
    known(&head).ok_or_else(|| unknown(path, looks_like(&head)))
}

fn known(head: &[u8]) -> Option<Kind> {
    if picture::format_of(head).is_some() {
        Some(Kind::Picture)
    } else if head.starts_with(nrrd::MAGIC) {
        Some(Kind::Nrrd)
    } else if nifti::is_nifti(head) {
        Some(Kind::Nifti)
    } else if dicom::is_dicom(head) {
        Some(Kind::Dicom)
    } else if metaimage::is_metaimage(head) {
        Some(Kind::MetaImage)
    } else {
        None
    }
}

fn unknown(path: &Path, found: &str) -> IoError {
    IoError::UnknownType { file: path.to_path_buf(), found: found.to_string() }
}

/// Half a sentence on content that is not read here.
fn looks_like(head: &[u8]) -> &'static str {
    match head {
        [b'P', b'K', 3, 4, ..] => "this is a zip archive; unpack it first",
        [b'%', b'P', b'D', b'F', ..] => "this is a PDF document",
        [b'B', b'M', ..] | [b'G', b'I', b'F', b'8', ..] => "this is a BMP or GIF picture; save it as PNG",
        [b'R', b'I', b'F', b'F', ..] => "this is a WebP picture or a film; save it as PNG",
        [0x1f, 0x9d, ..] | [b'B', b'Z', b'h', ..] | [0xfd, b'7', b'z', b'X', b'Z', ..] => {
            "this is compressed in a way that is not read here; unpack it first"
        }
        [0x7f, b'E', b'L', b'F', ..] | [b'M', b'Z', ..] => "this is a program",
        _ if head.iter().all(|&b| b == 0) => "its content begins with zeros only",
        _ if std::str::from_utf8(head).is_ok_and(is_text) || is_cut_text(head) => "this is text, not an image",
        _ => "its content is of no known kind",
    }
}

fn is_text(text: &str) -> bool {
    text.chars().all(|c| !c.is_control() || c.is_whitespace())
}

/// Text whose last character was cut in two by the end of the head.
fn is_cut_text(head: &[u8]) -> bool {
    match std::str::from_utf8(head) {
        Err(e) if e.error_len().is_none() => head
            .get(..e.valid_up_to())
            .is_some_and(|sound| !sound.is_empty() && std::str::from_utf8(sound).is_ok_and(is_text)),
        _ => false,
    }
}
