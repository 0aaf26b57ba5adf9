//! What lies in a collection: every CT series and every volume file, each with a name of its own, and what is left
//! out at first sight. A few files of each folder are looked at, all of them only where these differ. Reads no pixel.

use super::manifest::SkippedEntry;
use super::names::{VOLUME_ENDINGS, has_ending, named, patient, relative, with_patients};
use crate::io::dicom::{Glance, glance};
use crate::io::{self, IoError, Kind, Progress};
use crate::train::TrainError;
use crate::train::dataset::without_path;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Folders deeper than this are not walked; archives have collection/patient/study/series.
const MAX_DEPTH: usize = 16;
/// Files of a folder that are looked at first. Archives keep each series in a folder of its own.
const GLANCES: usize = 5;
/// Files after such a one that are tried where it is no DICOM (annotations lie among the slices).
const TRIED: usize = 8;
/// Endings of files that are listed where they cannot be read; others (notes, tables) are passed over.
const EXPECTED_ENDINGS: [&str; 7] = [".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd", ".dcm"];

/// One scan to make a cube of.
#[derive(Clone, Debug, PartialEq)]
pub struct Scan {
    /// Names its cube; unlike any other.
    pub name: String,
    /// The patient's number in the archive; for a volume file its name or, where names repeat, its folder.
    pub patient: String,
    /// The file, or the folder of the series, relative to the source.
    pub source: String,
    /// What to read.
    pub content: Content,
}

/// What a scan is read from.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// A DICOM series among these files.
    Series {
        /// SeriesInstanceUID, empty where the headers have none.
        uid: String,
        /// The files of its folders, sorted.
        files: Vec<PathBuf>,
    },
    /// A NIfTI, NRRD or MetaImage file.
    File(PathBuf),
}

impl Scan {
    /// SeriesInstanceUID, where it is a DICOM series that has one.
    pub fn series(&self) -> Option<String> {
        match &self.content {
            Content::Series { uid, .. } if !uid.is_empty() => Some(uid.clone()),
            _ => None,
        }
    }

    /// The files it is read from.
    pub fn files(&self) -> &[PathBuf] {
        match &self.content {
            Content::Series { files, .. } => files,
            Content::File(path) => std::slice::from_ref(path),
        }
    }

    /// A line of the list of what was not taken.
    pub fn skipped(&self, cause: String) -> SkippedEntry {
        let (source, patient) = (self.source.clone(), self.patient.clone());
        SkippedEntry { source, patient, series: self.series(), cause }
    }
}

/// Everything found in a source.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Catalogue {
    /// Scans, sorted by name.
    pub scans: Vec<Scan>,
    /// What is left out at first sight, sorted by source.
    pub skipped: Vec<SkippedEntry>,
}

/// Looks through `source`; `looked(done, of)` hears of every folder. `output` is passed over where it lies inside.
///
/// # Errors
/// [`TrainError::Data`] where the source cannot be read or holds nothing of use; [`TrainError::Stopped`].
pub fn look_through(
    source: &Path,
    output: &Path,
    progress: &Progress,
    looked: &(dyn Fn(usize, usize) + Sync),
) -> Result<Catalogue, TrainError> {
    let folders = folders_below(source, output)?;
    let done = AtomicUsize::new(0);
    let look = |files: &Vec<PathBuf>| {
        let found = if progress.is_cancelled() { InFolder::default() } else { InFolder::of(files, source) };
        looked(done.fetch_add(1, Relaxed) + 1, folders.len());
        found
    };
    let found: Vec<InFolder> = folders.par_iter().map(look).collect();
    if progress.is_cancelled() {
        return Err(TrainError::Stopped);
    }
    let catalogue = joined(found, source);
    if catalogue.scans.is_empty() {
        let cause =
            catalogue.skipped.first().map_or("holds no DICOM, NIfTI, NRRD or MetaImage files".to_owned(), |s| {
                format!(
                    "holds no CT that could be taken ({} left out; {}: {})",
                    catalogue.skipped.len(),
                    s.source,
                    s.cause
                )
            });
        return Err(TrainError::Data {
            path: source.to_owned(),
            cause: format!("{cause}; name the folder that the archive's download made"),
        });
    }
    Ok(catalogue)
}

/// The files of every folder at and below `source`, sorted; links to folders are followed once.
fn folders_below(source: &Path, output: &Path) -> Result<Vec<Vec<PathBuf>>, TrainError> {
    let fault = |e: std::io::Error| {
        let cause = format!("cannot be read ({e}); name the folder of the collection");
        TrainError::Data { path: source.to_owned(), cause }
    };
    let own = output.canonicalize().ok();
    let mut seen = BTreeSet::new();
    let (mut open, mut folders) = (vec![(source.to_owned(), 0)], Vec::new());
    std::fs::read_dir(source).map_err(fault)?;
    while let Some((folder, depth)) = open.pop() {
        let Ok(real) = folder.canonicalize() else { continue };
        if Some(&real) == own.as_ref() || !seen.insert(real) {
            continue;
        }
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        let mut files = Vec::new();
        for entry in entries.flatten().filter(|e| !e.file_name().to_string_lossy().starts_with('.')) {
            let path = entry.path();
            // The type of a link is that of what it leads to.
            let kind = entry.file_type().ok().filter(|k| !k.is_symlink());
            let is_folder = kind.map_or_else(|| path.is_dir(), |k| k.is_dir());
            match (is_folder, depth < MAX_DEPTH) {
                (true, true) => open.push((path, depth + 1)),
                (true, false) => {}
                (false, _) => files.push(path),
            }
        }
        if !files.is_empty() {
            files.sort();
            folders.push(files);
        }
    }
    folders.sort();
    Ok(folders)
}

/// What the files of one folder are.
#[derive(Default)]
struct InFolder {
    series: Vec<(Glance, Vec<PathBuf>)>,
    volumes: Vec<PathBuf>,
    skipped: Vec<SkippedEntry>,
}

impl InFolder {
    fn of(files: &[PathBuf], source: &Path) -> Self {
        let mut found = Self::default();
        let (volumes, others): (Vec<PathBuf>, Vec<PathBuf>) =
            files.iter().cloned().partition(|path| has_ending(path, &VOLUME_ENDINGS));
        found.take_volumes(&volumes, source);
        found.take_dicom(&others, source);
        found
    }

    /// Files each of which may be a volume.
    fn take_volumes(&mut self, files: &[PathBuf], source: &Path) {
        for path in files {
            match io::kind(path) {
                Ok(Kind::Nifti | Kind::Nrrd | Kind::MetaImage) => self.volumes.push(path.clone()),
                Ok(Kind::Picture | Kind::Dicom) => {}
                Err(error) if has_ending(path, &EXPECTED_ENDINGS) => {
                    self.skip(path, source, None, without_path(&error));
                }
                Err(_) => {}
            }
        }
    }

    /// Files that may be slices.
    fn take_dicom(&mut self, files: &[PathBuf], source: &Path) {
        let Some(folder) = files.first().and_then(|f| f.parent()) else { return };
        let (glances, broken) = first_glances(files);
        let Some(first) = glances.first() else {
            return match broken.first() {
                Some(error) => self.skip(folder, source, None, about_broken(error, files.len())),
                // Nothing of this folder is DICOM; volumes may lie under other names.
                None => self.take_volumes(files, source),
            };
        };
        if glances.iter().all(|g| g.series == first.series && g.other.is_some() == first.other.is_some()) {
            return self.take_series(first.clone(), files.to_vec(), source);
        }
        self.take_mixed(files, folder, source);
    }

    /// A folder with several series: every file is looked at.
    fn take_mixed(&mut self, files: &[PathBuf], folder: &Path, source: &Path) {
        let all: Vec<(&PathBuf, Result<Glance, IoError>)> = files.par_iter().map(|f| (f, glance(f))).collect();
        let mut by_series: BTreeMap<String, (Glance, Vec<PathBuf>)> = BTreeMap::new();
        let mut broken = Vec::new();
        for (path, seen) in all {
            match seen {
                Ok(seen) => {
                    let entry = by_series.entry(seen.series.clone()).or_insert_with(|| (seen.clone(), Vec::new()));
                    // One slice makes the series a CT: scouts lie among slices.
                    if seen.other.is_none() {
                        entry.0 = seen;
                    }
                    entry.1.push(path.clone());
                }
                Err(IoError::UnknownType { .. } | IoError::Empty { .. }) => {}
                Err(error) => broken.push(error),
            }
        }
        if let Some(error) = broken.first() {
            self.skip(folder, source, None, about_broken(error, broken.len()));
        }
        by_series.into_values().for_each(|(first, files)| self.take_series(first, files, source));
    }

    fn take_series(&mut self, first: Glance, files: Vec<PathBuf>, source: &Path) {
        let folder = files.first().and_then(|f| f.parent()).unwrap_or(source).to_owned();
        match &first.other {
            None => self.series.push((first, files)),
            Some(what) => {
                let cause = format!("is {what}, not a CT series ({} files)", files.len());
                self.skip(&folder, source, Some(&first), cause);
            }
        }
    }

    fn skip(&mut self, path: &Path, source: &Path, seen: Option<&Glance>, cause: String) {
        self.skipped.push(SkippedEntry {
            source: relative(path, source),
            patient: seen.and_then(|g| g.patient_id.as_ref()).map(|id| id.reveal().to_owned()).unwrap_or_default(),
            series: seen.map(|g| g.series.clone()).filter(|uid| !uid.is_empty()),
            cause,
        });
    }
}

/// A few files of a folder, spread over it: what they say, and those that are damaged.
fn first_glances(files: &[PathBuf]) -> (Vec<Glance>, Vec<IoError>) {
    let (mut glances, mut broken) = (Vec::new(), Vec::new());
    let last = files.len().saturating_sub(1);
    let places: BTreeSet<usize> = (0..GLANCES).map(|k| k * last / (GLANCES - 1)).collect();
    for place in places {
        for path in files.iter().skip(place).take(TRIED) {
            match glance(path) {
                Ok(seen) => {
                    glances.push(seen);
                    break;
                }
                Err(IoError::UnknownType { .. } | IoError::Empty { .. }) => {}
                Err(error) => broken.push(error),
            }
        }
    }
    (glances, broken)
}

fn about_broken(error: &IoError, count: usize) -> String {
    let name = error.file().file_name().unwrap_or_default().to_string_lossy().into_owned();
    format!("{count} files cannot be read; {name}: {}", without_path(error))
}

/// Brings the parts of all folders together: a series may lie in several. Gives every scan its name.
fn joined(found: Vec<InFolder>, source: &Path) -> Catalogue {
    let mut skipped: Vec<SkippedEntry> = Vec::new();
    let mut series: BTreeMap<String, (Glance, Vec<Vec<PathBuf>>)> = BTreeMap::new();
    let (mut volumes, mut unnamed) = (Vec::new(), Vec::new());
    for folder in found {
        skipped.extend(folder.skipped);
        for (first, files) in folder.series {
            // Without a UID a folder is a series.
            let place = files.first().map(|f| f.to_string_lossy().into_owned()).unwrap_or_default();
            let key = if first.series.is_empty() { place } else { first.series.clone() };
            series.entry(key).or_insert_with(|| (first, Vec::new())).1.push(files);
        }
        volumes.extend(folder.volumes);
    }
    for (path, patient) in with_patients(volumes, source) {
        let source = relative(&path, source);
        unnamed.push(Scan { name: String::new(), patient, source, content: Content::File(path) });
    }
    for (first, folders) in series.into_values() {
        for files in without_copies(folders) {
            let source = relative(files.first().and_then(|f| f.parent()).unwrap_or(source), source);
            let (patient, uid) = (patient(&first), first.series.clone());
            unnamed.push(Scan { name: String::new(), patient, source, content: Content::Series { uid, files } });
        }
    }
    skipped.sort_by(|a, b| (&a.source, &a.series).cmp(&(&b.source, &b.series)));
    Catalogue { scans: named(unnamed), skipped }
}

/// The folders of one series: those with other slices are its parts and are joined, those with the same slices are
/// copies (of which one may be damaged) and stay scans of their own.
fn without_copies(folders: Vec<Vec<PathBuf>>) -> Vec<Vec<PathBuf>> {
    if folders.len() == 1 {
        return folders;
    }
    let instances = |files: &Vec<PathBuf>| -> BTreeSet<String> {
        files.par_iter().filter_map(|f| glance(f).ok()).map(|g| g.instance).filter(|i| !i.is_empty()).collect()
    };
    let mut groups: Vec<(BTreeSet<String>, Vec<PathBuf>)> = Vec::new();
    for files in folders {
        let own = instances(&files);
        match groups.iter_mut().find(|(seen, _)| seen.is_disjoint(&own)) {
            Some((seen, all)) => {
                seen.extend(own);
                all.extend(files);
            }
            None => groups.push((own, files)),
        }
    }
    groups.into_iter().map(|(_, files)| files).collect()
}
