//! The cases a run learns from and is checked with. Knows no augmentation and no network.

use super::TrainError;
use super::plan::DataPlan;
use crate::geometry::{CUBE_SIDE_VOXELS, Volume};
use crate::metrics::body::body;
use std::path::{Path, PathBuf};

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
            return Err(fault("is not the 128^3 cube of 2.8 mm; make one with `biplane project`"));
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
}

/// Training and validation cases of a plan, each sorted by name.
///
/// # Errors
/// [`TrainError::Data`] naming the folder or file that cannot be used.
pub fn load(plan: &DataPlan) -> Result<(Vec<Case>, Vec<Case>), TrainError> {
    let mut paths = list(&plan.folder)?;
    paths.sort();
    let (mut training, mut validation) = (Vec::new(), Vec::new());
    for path in paths {
        let name = case_name(&path);
        if plan.excluded.contains(&name) {
            continue;
        }
        let fault = |cause: String| TrainError::Data { path: path.clone(), cause };
        let loaded =
            crate::io::nifti::read(&path, &crate::io::Progress::default()).map_err(|e| fault(e.to_string()))?;
        let case = Case::new(name, loaded.volume, &path)?;
        if plan.validation.contains(&case.name) { validation.push(case) } else { training.push(case) }
    }
    for name in &plan.validation {
        if !validation.iter().any(|c| c.name == *name) {
            let cause = format!("has no case `{name}` for validation");
            return Err(TrainError::Data { path: plan.folder.clone(), cause });
        }
    }
    Ok((training, validation))
}

/// One case from a file that holds the cube.
///
/// # Errors
/// [`TrainError::Data`] where it cannot be read or is another grid.
pub fn load_case(path: &Path) -> Result<Case, TrainError> {
    let loaded = crate::io::open_volume(path, &crate::io::Progress::default())
        .map_err(|e| TrainError::Data { path: path.to_owned(), cause: e.to_string() })?;
    Case::new(case_name(path), loaded.volume, path)
}

fn list(folder: &Path) -> Result<Vec<PathBuf>, TrainError> {
    let fault = |cause: std::io::Error| TrainError::Data { path: folder.to_owned(), cause: cause.to_string() };
    let entries = std::fs::read_dir(folder).map_err(fault)?.collect::<Result<Vec<_>, _>>().map_err(fault)?;
    let volumes = entries.into_iter().map(|e| e.path()).filter(|p| p.to_string_lossy().contains(".nii"));
    Ok(volumes.collect())
}

/// `ct/lidc-0001.nii.gz` to `lidc-0001`.
fn case_name(path: &Path) -> String {
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    file.split('.').next().unwrap_or_default().to_owned()
}
