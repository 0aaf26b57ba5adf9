//! What runs on worker threads: reading files, previews, the mask, exports, sessions. Each function takes values and
//! gives values; none knows the window.

use super::compare::jobs::{CompareDone, CompareLane};
use super::film::{Film, FilmSettings, Glance, Slot};
use super::pair;
use super::session::{Session, SessionError};
use super::state::{Case, ExportForm, Origin};
use super::train::jobs::{TrainDone, TrainLane};
use crate::atlas::Guidance;
use crate::evaluate::EvaluateError;
use crate::geometry::{Axis, Frame, Raster, ViewError, ViewPair, Volume};
use crate::gpu::Window;
use crate::io::dicom::{CaseInfo, SeriesInfo, VolumeOrigin, write_series};
use crate::io::{self, IoError, LoadedVolume, Progress, Radiograph, Subject};
use crate::metrics::body::body;
use crate::metrics::lung::{LungMask, lung_mask_in};
use crate::nn::guidance::Guide;
use crate::nn::reconstruct::{CONSISTENCY_STEPS, Job};
use crate::nn::{DeviceChoice, ModelSource};
use crate::projection::film::{area_average, standardise};
use crate::units::Hu;
use egui::ColorImage;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use thiserror::Error;

/// The folder that stands for the bundled case in paths.
pub const BUNDLED: &str = "bundled";
/// How films are named, those first that say more of their view.
const FILM_ENDINGS: [&str; 6] = ["dcm", "png", "tif", "tiff", "jpg", "jpeg"];
/// Longest side of a preview, pixels: sharp on the light box at scale 2, small enough to be made in a moment.
const PREVIEW_SIDE_PX: usize = 1024;

/// Where a job's result belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lane {
    /// Files opened without a place, told apart by their order.
    Open(usize),
    /// A film for a place.
    Film(Slot),
    /// The picture of a film.
    Preview(Slot),
    /// The films of a reconstruction, put in order.
    Prepare,
    /// The lungs of the volume on screen.
    Mask,
    /// The errors to be expected of the volume on screen.
    Errors,
    /// Writing a volume or picture.
    Export,
    /// Writing the session.
    Session,
    /// Remembering settings.
    Settings,
    /// The workspace Compare.
    Compare(CompareLane),
    /// The workspace Train.
    Train(TrainLane),
}

impl Lane {
    /// What the lane does, for messages.
    pub fn label(self) -> &'static str {
        match self {
            Self::Open(_) | Self::Film(_) => "Reading a file",
            Self::Preview(_) => "Preparing a film's picture",
            Self::Prepare => "Preparing the films",
            Self::Mask => "Finding the lungs",
            Self::Errors => "Estimating the errors",
            Self::Export => "The export",
            Self::Session => "Saving the session",
            Self::Settings => "Remembering the settings",
            Self::Compare(lane) => lane.label(),
            Self::Train(lane) => lane.label(),
        }
    }
}

/// What a job gives.
pub enum Done {
    /// A file was read.
    Opened {
        /// Which file.
        path: PathBuf,
        /// The place it takes if nothing else decides.
        fallback: Option<Slot>,
        /// What was in it.
        result: Result<Opened, OpenError>,
    },
    /// A picture of the film in a place.
    Preview(ColorImage),
    /// The films are ready for the networks; and the job as it is kept to estimate errors, where its model knows them.
    Prepared(Result<(Box<Job>, Option<Arc<Job>>), ViewError>),
    /// The errors to be expected of the volume with this number.
    Errors {
        /// The volume's number.
        case: u64,
        /// HU, or why not.
        result: Result<Arc<Volume>, EvaluateError>,
    },
    /// The lungs at this threshold of the volume with this number.
    Mask {
        /// The volume's number.
        case: u64,
        /// The threshold, HU.
        threshold_hu: f64,
        /// The mask.
        mask: LungMask,
    },
    /// Something of the workspace Compare.
    Compare(Box<CompareDone>),
    /// Something of the workspace Train.
    Train(Box<TrainDone>),
    /// Nothing to tell.
    Nothing,
    /// Something was written, or not.
    Written {
        /// What, for the message.
        what: String,
        /// Where.
        path: PathBuf,
        /// Why not.
        result: Result<(), WriteError>,
    },
}

/// What a file turned out to be.
pub enum Opened {
    /// A film, and whether a lateral's front is on the right.
    Film(Arc<Radiograph>, Glance),
    /// A CT volume.
    Volume(Box<LoadedVolume>),
    /// A session.
    Session(Box<Session>),
    /// A folder in which films lie.
    Films(Vec<PathBuf>),
    /// The geometry of two views.
    Geometry(Box<ViewPair>),
}

/// Why a file could not be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// A picture, volume or geometry.
    #[error(transparent)]
    File(#[from] IoError),
    /// A session.
    #[error(transparent)]
    Session(#[from] SessionError),
}

/// Why something could not be written.
#[derive(Debug, Error)]
pub enum WriteError {
    /// A picture or volume.
    #[error(transparent)]
    File(#[from] IoError),
    /// A session.
    #[error(transparent)]
    Session(#[from] SessionError),
}

/// Reads whatever lies at `path`.
///
/// # Errors
/// As the reader in charge.
pub fn open(path: &Path, subject: Subject, progress: &Progress) -> Result<Opened, OpenError> {
    if Session::is_named_so(path) {
        return Ok(Opened::Session(Box::new(Session::load(path)?)));
    }
    if path.extension().is_some_and(|e| e == "toml") {
        return Ok(Opened::Geometry(Box::new(io::geometry_file::read(path)?)));
    }
    if path.starts_with(BUNDLED) {
        let [first, second] = io::bundled::case()?.films;
        let lateral = path.ends_with("lateral.dcm");
        return Ok(Opened::Film(Arc::new(if lateral { second } else { first }), Glance::default()));
    }
    let opened = match io::open_as(path, subject, progress) {
        // A folder without a CT may hold the two films, as `biplane project` writes them.
        Err(cause) if path.is_dir() => return films_in(path).map(Opened::Films).ok_or(cause.into()),
        opened => opened?,
    };
    Ok(match opened {
        io::Opened::Volume(volume) => Opened::Volume(Box::new(volume)),
        io::Opened::Radiograph(film) => {
            let glance = Glance::at(&film.image);
            Opened::Film(Arc::new(film), glance)
        }
    })
}

/// The films of a folder: one or two of them, each once where it lies there in several formats; `None` where nobody
/// can tell which two are meant.
fn films_in(folder: &Path) -> Option<Vec<PathBuf>> {
    let mut films: BTreeMap<OsString, PathBuf> = BTreeMap::new();
    for entry in std::fs::read_dir(folder).ok()?.flatten() {
        let path = entry.path();
        let rank = |p: &Path| p.extension().and_then(|e| FILM_ENDINGS.iter().position(|f| e.eq_ignore_ascii_case(f)));
        let Some(own) = rank(&path).filter(|_| path.is_file()) else { continue };
        let stem = path.file_stem()?.to_owned();
        if films.get(&stem).and_then(|p| rank(p)).is_none_or(|other| own < other) {
            films.insert(stem, path);
        }
    }
    (1..=2).contains(&films.len()).then(|| films.into_values().collect())
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

/// The job that reconstructs these films.
///
/// # Errors
/// Where a film's view cannot be.
pub fn prepare(
    films: [&Film; 2],
    model: ModelSource,
    device: DeviceChoice,
    guide: bool,
) -> Result<Box<Job>, ViewError> {
    // The bundled set is part of the program, and films that allow no guidance are told where it is chosen.
    let uncalibrated = pair::uncalibrated(films, false).is_some();
    let wanted = guide && !uncalibrated;
    let model = model.for_films(uncalibrated);
    // An atlas of the same patient would flatter the result.
    let without = pair::patient_id(films.map(|film| &*film.radiograph)).map(|id| id.reveal().to_owned());
    let guidance = Guidance { without, ..Guidance::default() };
    let guide = wanted.then(|| guidance.load().ok()).flatten().map(|guide| Arc::new(guide) as Arc<dyn Guide>);
    let placement = pair::placement(films.map(|film| film.radiograph.as_ref()));
    let (films, views) = pair::settle(films)?;
    let frame = Frame::cube(placement.map_or([0.0; 3], |p| p.isocentre_mm));
    Ok(Box::new(Job { films, views, frame, model, device, consistency_steps: CONSISTENCY_STEPS, guide }))
}

/// The lungs of a volume.
pub fn mask(case: &Case, threshold_hu: f64) -> Done {
    let body = case.body.get_or_init(|| body(&case.volume));
    Done::Mask { case: case.id, threshold_hu, mask: lung_mask_in(&case.volume, body, Hu(threshold_hu as f32)) }
}

/// Writes a volume in a form; PNG slices in the window on screen.
///
/// # Errors
/// As the writer in charge.
pub fn export(form: ExportForm, path: &Path, case: &Case, window: Window) -> Result<(), IoError> {
    let volume = &case.volume;
    match form {
        ExportForm::Nifti => io::nifti::write_noted(path, volume, &volume_origin(case).line()),
        ExportForm::MetaImage => io::metaimage::write_noted(path, volume, &volume_origin(case).line()),
        ExportForm::DicomSeries => dicom_series(path, case),
        ExportForm::PngSlices => png_slices(path, volume, window),
        // The window's picture is taken by the window; there is no volume in it.
        ExportForm::Screenshot => Ok(()),
    }
}

/// What exported files say of where a volume comes from.
fn volume_origin(case: &Case) -> VolumeOrigin {
    match (&case.origin, &case.guided) {
        (Origin::File { info, .. }, _) => VolumeOrigin::of_copy(info),
        (Origin::Films { .. }, Some(_)) => VolumeOrigin::Guided,
        (Origin::Films { .. }, None) => VolumeOrigin::Reconstructed,
    }
}

/// A folder of DICOM slices that say what they are.
fn dicom_series(folder: &Path, case: &Case) -> Result<(), IoError> {
    let frame_of_reference = match &case.origin {
        Origin::Films { frame_of_reference, .. } => frame_of_reference.clone(),
        Origin::File { .. } => None,
    };
    let info = SeriesInfo { origin: volume_origin(case), case: CaseInfo { frame_of_reference, ..CaseInfo::default() } };
    write_series(&case.volume, folder, &info, &Progress::new())
}

/// One PNG a slice, in three folders.
fn png_slices(folder: &Path, volume: &Volume, window: Window) -> Result<(), IoError> {
    let ends = window.ends_hu().map(|v| Hu(v as f32));
    for axis in Axis::ALL {
        let place = folder.join(axis.plane_name().to_lowercase());
        std::fs::create_dir_all(&place).map_err(|e| IoError::from_write(&place, e))?;
        for index in 0..volume.frame().dims()[axis.index()] {
            io::picture::write_slice(&place.join(format!("{index:04}.png")), volume, axis, index, ends)?;
        }
    }
    Ok(())
}

/// Writes a session, and its volume beside it where it has no file of its own yet.
///
/// # Errors
/// As the writers.
pub fn save_session(file: &Path, mut session: Session, unsaved: Option<Arc<Case>>) -> Result<(), WriteError> {
    if let Some(case) = unsaved {
        let beside = Session::volume_beside(file);
        io::nifti::write_noted(&beside, &case.volume, &volume_origin(&case).line())?;
        session.volume = Some(beside);
    }
    Ok(session.save(file)?)
}

/// Settings of a film that a geometry file speaks of.
pub fn settings_from_view(settings: &mut FilmSettings, view: &crate::geometry::View) {
    use crate::geometry::{Beam, view::hangs_flipped};
    use crate::io::Provenance::Header;
    (settings.angle_deg, settings.angle_from) = (view.angle.degrees(), Header);
    (settings.pitch_mm, settings.pitch_from) = (view.detector.pitch_mm, Header);
    settings.offset_px = view.detector.offset_px;
    settings.parallel = view.beam == Beam::Parallel;
    if let Beam::Cone { sad_mm, sdd_mm } = view.beam {
        (settings.sad_mm, settings.sad_from) = (sad_mm, Header);
        (settings.sdd_mm, settings.sdd_from) = (sdd_mm, Header);
    }
    settings.mirror_cols = view.flip_cols != hangs_flipped(view.angle);
    settings.mirror_rows = view.flip_rows;
}
