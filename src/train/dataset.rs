//! The cases a run learns from and is checked with: lists of files, read when they are wanted.
//! Knows no augmentation and no network.

use super::TrainError;
use super::plan::DataPlan;
use super::prepare::manifest::{CUBES_FOLDER, MANIFEST_FILE, Manifest, Split, sha256_hex};
use super::prepare::records::RECORDS_FOLDER;
use crate::geometry::{CUBE_SIDE_VOXELS, Volume};
use crate::metrics::body::body;
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// One patient's cube.
pub struct Case {
    /// File name without endings.
    pub name: String,
    volume: Volume,
    /// 1 for each voxel of the patient, where the table is to be left out.
    patient: Vec<u8>,
    /// First and last axial slice with scan data.
    pub data_slices: (usize, usize),
}

impl Case {
    /// From a volume that already is the networks' cube.
    ///
    /// # Errors
    /// Where it is another grid or holds nothing.
    pub fn new(name: String, volume: Volume, path: &Path) -> Result<Self, TrainError> {
        let fault = |cause: &str| TrainError::Data { path: path.to_owned(), cause: cause.to_owned() };
        let is_cube = volume.frame().dims() == [CUBE_SIDE_VOXELS; 3] && volume.frame().is_along_lps();
        if !is_cube {
            return Err(fault("is not the 128^3 cube of 2.8 mm; make cubes with `biplane prepare SRC -o DIR`"));
        }
        let data_slices = volume.data_slices().ok_or_else(|| fault("holds no scan data"))?;
        let patient = body(&volume).mask.to_bytes();
        Ok(Self { name, volume, patient, data_slices })
    }

    /// The CT.
    pub fn volume(&self) -> &Volume {
        &self.volume
    }

    /// Relative attenuation, `[z][y][x]`.
    pub fn relative_attenuation(&self) -> Vec<f32> {
        self.volume.relative_attenuation()
    }

    /// Relative attenuation of the patient alone: table and clothes are air.
    pub fn without_table(&self) -> Vec<f32> {
        let all = self.relative_attenuation();
        all.into_iter().zip(&self.patient).map(|(r, inside)| if *inside != 0 { r } else { 0.0 }).collect()
    }

    /// Memory it takes, bytes.
    pub fn bytes(&self) -> usize {
        size_of_val(self.volume.hu()) + self.patient.len()
    }
}

/// One case on disk, not read yet.
#[derive(Clone, Debug, PartialEq)]
pub struct CaseFile {
    /// The case's name: the file's without endings.
    pub name: String,
    /// Whose it is: the manifest's patient; without a manifest the case's name.
    pub patient: String,
    /// The cube.
    pub path: PathBuf,
    /// SHA-256 of the file, hexadecimal, where a manifest gives one.
    pub sha256: Option<String>,
    /// First and last axial slice with scan data, where a manifest gives them.
    pub data_slices: Option<(usize, usize)>,
}

impl CaseFile {
    /// A file that no manifest speaks of.
    pub fn plain(path: PathBuf) -> Self {
        let name = case_name(&path);
        Self { patient: name.clone(), name, path, sha256: None, data_slices: None }
    }

    /// SHA-256 of the file: the manifest's word, else as it is now.
    ///
    /// # Errors
    /// [`TrainError::Data`] where it cannot be read.
    pub fn file_sha256(&self) -> Result<String, TrainError> {
        if let Some(known) = &self.sha256 {
            return Ok(known.clone());
        }
        let bytes = std::fs::read(&self.path)
            .map_err(|e| TrainError::Data { path: self.path.clone(), cause: format!("cannot be read ({e})") })?;
        Ok(sha256_hex(&bytes))
    }

    /// Reads the cube, compared with the manifest's hash where there is one.
    ///
    /// # Errors
    /// [`TrainError::Data`] naming case and file: vanished, damaged, changed since it was prepared, another grid.
    pub fn load(&self) -> Result<Case, TrainError> {
        let fault = |cause: String| TrainError::Data {
            path: self.path.clone(),
            cause: format!("the cube of case `{}` {cause}", self.name),
        };
        if let Some(wanted) = &self.sha256 {
            let bytes = std::fs::read(&self.path).map_err(|e| {
                fault(format!("cannot be read ({e}); prepare the data set again, or bring its disk back"))
            })?;
            if sha256_hex(&bytes) != *wanted {
                return Err(fault(
                    "is not the one the manifest speaks of (its SHA-256 differs); `biplane prepare --check` lists all \
                     such, and `biplane prepare SRC -o DIR` makes them again once they are deleted"
                        .to_owned(),
                ));
            }
        }
        let loaded = crate::io::open_volume(&self.path, &crate::io::Progress::default())
            .map_err(|e| fault(format!("cannot be used: {}", without_path(&e))))?;
        Case::new(self.name.clone(), loaded.volume, &self.path)
    }
}

/// The words of an error without its file, which stands before them already.
pub(crate) fn without_path(error: &crate::io::IoError) -> String {
    let words = error.to_string();
    let path = format!("{}: ", error.file().display());
    words.strip_prefix(&path).unwrap_or(&words).to_owned()
}

/// Both sides of a data set, each sorted by name; empty where a plan names none. Nothing is read but names and the
/// manifest.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dataset {
    /// Learnt from.
    pub training: Vec<CaseFile>,
    /// Only checked with.
    pub validation: Vec<CaseFile>,
    /// SHA-256 of the manifest, where the folder has one.
    pub manifest_sha256: Option<String>,
}

impl Dataset {
    /// The cases of a plan: those of the folder's manifest with its split, else every NIfTI file of the folder, split
    /// by the plan's names.
    ///
    /// # Errors
    /// [`TrainError::Data`] naming the folder or file that cannot be used; [`TrainError::Plan`] where the plan names
    /// cases though a manifest has made the split.
    pub fn open(plan: &DataPlan) -> Result<Self, TrainError> {
        let Some(folder) = &plan.folder else { return Ok(Self::default()) };
        if folder.join(MANIFEST_FILE).exists() {
            return Self::of_manifest(plan, folder);
        }
        refuse_halves(folder)?;
        Self::of_folder(plan, folder)
    }

    fn of_manifest(plan: &DataPlan, folder: &Path) -> Result<Self, TrainError> {
        if !plan.validation.is_empty() || !plan.excluded.is_empty() {
            let cause = format!(
                "`validation` and `excluded` must be empty, since {} has a manifest whose split is used; to change it, \
                 run `biplane prepare --merge {}` with --validation or --exclude",
                folder.display(),
                folder.display()
            );
            return Err(TrainError::Plan(cause));
        }
        let (manifest, sha256) = Manifest::read(folder)?;
        let side = |split: Split| -> Vec<CaseFile> {
            let of_side = manifest.cases.iter().filter(|c| c.split == split);
            let file = of_side.map(|c| CaseFile {
                name: c.name.clone(),
                patient: c.patient.clone(),
                path: c.path(folder),
                sha256: Some(c.sha256.clone()),
                data_slices: Some((c.data_slices[0], c.data_slices[1])),
            });
            sorted(file.collect())
        };
        Ok(Self { training: side(Split::Training), validation: side(Split::Validation), manifest_sha256: Some(sha256) })
    }

    fn of_folder(plan: &DataPlan, folder: &Path) -> Result<Self, TrainError> {
        let (mut training, mut validation) = (Vec::new(), Vec::new());
        for case in sorted(list(folder)?.into_iter().map(CaseFile::plain).collect()) {
            if plan.excluded.contains(&case.name) {
                continue;
            }
            if plan.validation.contains(&case.name) { validation.push(case) } else { training.push(case) }
        }
        for name in &plan.validation {
            if !validation.iter().any(|c| c.name == *name) {
                let cause = format!("has no case `{name}` for validation");
                return Err(TrainError::Data { path: folder.to_owned(), cause });
            }
        }
        Ok(Self { training, validation, manifest_sha256: None })
    }

    /// Reads every case of both sides: for few.
    ///
    /// # Errors
    /// As [`CaseFile::load`].
    pub fn load_all(&self) -> Result<(Vec<Case>, Vec<Case>), TrainError> {
        let all = |files: &[CaseFile]| files.iter().map(CaseFile::load).collect::<Result<Vec<_>, _>>();
        Ok((all(&self.training)?, all(&self.validation)?))
    }
}

/// Training and validation cases of a plan, each sorted by name, all in memory.
///
/// # Errors
/// As [`Dataset::open`] and [`CaseFile::load`].
pub fn load(plan: &DataPlan) -> Result<(Vec<Case>, Vec<Case>), TrainError> {
    Dataset::open(plan)?.load_all()
}

/// One case from a file that holds the cube.
///
/// # Errors
/// [`TrainError::Data`] where it cannot be read or is another grid.
pub fn load_case(path: &Path) -> Result<Case, TrainError> {
    CaseFile::plain(path.to_owned()).load()
}

/// A folder inside of a data set, or a data set not finished, is not taken for a plain folder of cubes: the split by
/// patient would be lost without a word.
fn refuse_halves(folder: &Path) -> Result<(), TrainError> {
    let fault = |cause: String| Err(TrainError::Data { path: folder.to_owned(), cause });
    let above = folder.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if folder.file_name().is_some_and(|n| n == CUBES_FOLDER) && above.join(MANIFEST_FILE).exists() {
        return fault(format!("lies inside of a prepared data set; name {} itself", above.display()));
    }
    if folder.join(RECORDS_FOLDER).is_dir() {
        return fault(
            "is a data set whose preparation has not ended; run the same `biplane prepare` again, which goes on where \
             it stopped (after --part, `biplane prepare --merge DIR`)"
                .to_owned(),
        );
    }
    Ok(())
}

fn sorted(mut files: Vec<CaseFile>) -> Vec<CaseFile> {
    files.sort_by(|a, b| a.name.cmp(&b.name).then_with(|| a.path.cmp(&b.path)));
    files
}

fn list(folder: &Path) -> Result<Vec<PathBuf>, TrainError> {
    let fault = |cause: std::io::Error| TrainError::Data { path: folder.to_owned(), cause: cause.to_string() };
    let entries = std::fs::read_dir(folder).map_err(fault)?.collect::<Result<Vec<_>, _>>().map_err(fault)?;
    // Hidden names are those of files half written.
    let is_volume = |name: &str| !name.starts_with('.') && (name.ends_with(".nii") || name.ends_with(".nii.gz"));
    let volumes = entries.into_iter().filter(|e| is_volume(&e.file_name().to_string_lossy())).map(|e| e.path());
    Ok(volumes.collect())
}

/// `ct/lidc-0001.nii.gz` to `lidc-0001`.
fn case_name(path: &Path) -> String {
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    file.split('.').next().unwrap_or_default().to_owned()
}

/// Cases that were read lately, up to so many bytes; the one not wanted for longest leaves first. For all threads.
pub struct CaseCache {
    limit_bytes: usize,
    held: Mutex<VecDeque<(PathBuf, Arc<Case>)>>,
}

impl CaseCache {
    /// An empty cache; the case read last is held even where it alone is larger.
    pub fn new(limit_bytes: usize) -> Self {
        Self { limit_bytes, held: Mutex::new(VecDeque::new()) }
    }

    /// The case, from memory where it is there. Two threads that want the same new case may both read it.
    ///
    /// # Errors
    /// As [`CaseFile::load`].
    pub fn get(&self, file: &CaseFile) -> Result<Arc<Case>, TrainError> {
        if let Some(case) = self.find(&file.path) {
            return Ok(case);
        }
        let case = Arc::new(file.load()?);
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.retain(|(path, _)| *path != file.path);
        held.push_back((file.path.clone(), case.clone()));
        let mut bytes: usize = held.iter().map(|(_, c)| c.bytes()).sum();
        while bytes > self.limit_bytes && held.len() > 1 {
            bytes -= held.pop_front().map_or(0, |(_, c)| c.bytes());
        }
        Ok(case)
    }

    /// Memory the held cases take, bytes.
    pub fn bytes(&self) -> usize {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).iter().map(|(_, c)| c.bytes()).sum()
    }

    fn find(&self, path: &Path) -> Option<Arc<Case>> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let at = held.iter().position(|(p, _)| p == path)?;
        let entry = held.remove(at)?;
        held.push_back(entry);
        held.back().map(|(_, case)| case.clone())
    }
}
