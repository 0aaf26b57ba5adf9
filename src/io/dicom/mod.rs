//! DICOM in and out: CT series to and from volumes, films to and from rasters. Knows no other format.
//!
//! Nothing of a file is believed before it is compared with the file's length; the decoders see only pixel streams
//! whose own size agrees with the header, and a panic inside of them becomes an error.

mod body_part;
mod codestream;
mod dataset;
mod fault;
mod file;
mod film_geometry;
mod object;
mod pixels;
mod private;
mod radiograph;
mod scan;
mod series;
mod slice;
mod stack;
mod survey;
mod syntax;
mod uid;
mod walk;
mod write_film;
mod write_series;

use super::{IoError, Opened, Progress, Subject};
use std::path::Path;

pub use object::CaseInfo;
pub use radiograph::{open_radiograph, radiograph_from_bytes};
pub use series::{open_series, open_series_files};
pub use survey::{FoundSeries, Glance, Survey, glance, survey};
pub use write_film::{FilmInfo, write_film};
pub(in crate::io) use write_series::says_guided;
pub use write_series::{SeriesInfo, VolumeOrigin, write_series};

/// Whether the first bytes of a file (132 or more) look like DICOM.
pub fn is_dicom(first: &[u8]) -> bool {
    dataset::looks_like_dicom(first)
}

/// Opens a DICOM file or folder for what it is: a CT slice stands for its series, a folder for the series in it,
/// everything else is a film.
///
/// # Errors
/// As [`open_series`] and [`open_radiograph`].
pub fn open(path: &Path, subject: Subject, progress: &Progress) -> Result<Opened, IoError> {
    if path.is_dir() || scan::other_sort(&file::DicomFile::open(path)?).is_none() {
        return series::open_series_as(path, subject, progress).map(Opened::Volume);
    }
    radiograph::open_radiograph_as(path, subject).map(Opened::Radiograph)
}
