//! What a path is asked for, and the forms that exports take. Knows no dialog and no writer.

use super::compare::command::ComparePurpose;
use super::film::Slot;
use super::train::command::TrainPurpose;

/// What a path is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Anything that can be opened.
    Open,
    /// A film for this place.
    Film(Slot),
    /// A CT volume to look at.
    Volume,
    /// A folder that holds a DICOM series.
    Series,
    /// A model folder.
    Model,
    /// A session to restore.
    OpenSession,
    /// Where to save the session.
    SaveSession,
    /// Where to export to.
    Export(ExportForm),
    /// Something of the workspace Compare.
    Compare(ComparePurpose),
    /// Something of the workspace Train.
    Train(TrainPurpose),
}

/// What an export makes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ExportForm {
    /// One .nii.gz.
    #[default]
    Nifti,
    /// One .mha.
    MetaImage,
    /// A folder of DICOM files.
    DicomSeries,
    /// A folder of PNG files as windowed on screen.
    PngSlices,
    /// The window as it is.
    Screenshot,
}

impl ExportForm {
    /// Those that write a volume, in the order of menus.
    pub const VOLUMES: [Self; 4] = [Self::Nifti, Self::MetaImage, Self::DicomSeries, Self::PngSlices];

    /// The name on screen.
    pub fn label(self) -> &'static str {
        match self {
            Self::Nifti => "NIfTI (.nii.gz)",
            Self::MetaImage => "MetaImage (.mha)",
            Self::DicomSeries => "DICOM series (folder)",
            Self::PngSlices => "PNG slices (folder)",
            Self::Screenshot => "Screenshot (.png)",
        }
    }

    /// The ending put on names without one.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Nifti => ".nii.gz",
            Self::MetaImage => ".mha",
            Self::Screenshot => ".png",
            Self::DicomSeries | Self::PngSlices => "",
        }
    }

    /// What it writes by default.
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Nifti => "biplane.nii.gz",
            Self::MetaImage => "biplane.mha",
            Self::DicomSeries => "biplane-dicom",
            Self::PngSlices => "biplane-slices",
            Self::Screenshot => "biplane.png",
        }
    }

    /// Whether it writes a folder.
    pub fn is_folder(self) -> bool {
        matches!(self, Self::DicomSeries | Self::PngSlices)
    }
}
