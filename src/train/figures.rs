//! What a model reaches on given cases, beside the two floors any model must beat: the back-projection alone and
//! the mean of the training volumes. Knows no schedule.

use super::TrainError;
use super::augment::{FilmInput, plain_sample};
use super::dataset::{self, Case};
use super::plan::TrainPlan;
use crate::geometry::{CUBE_SIDE_VOXELS, Preset, Raster, Volume};
use crate::metrics::{Comparison, compare};
use crate::nn::reconstruct::CONSISTENCY_STEPS;
use crate::nn::{DeviceChoice, Job, ModelSource, Reconstructor};
use crate::projection::{Attenuation, BackProjection, project};
use serde::Serialize;
use std::borrow::Borrow;
use std::path::PathBuf;

/// How one method does on one case.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    /// The method's name.
    pub method: String,
    /// The case's name.
    pub case: String,
    /// All metrics.
    pub metrics: Comparison,
}

/// Both floors, learnt from the training cases.
pub struct Floors {
    /// Mean relative attenuation of each voxel.
    mean: Vec<f32>,
    /// Relative attenuation = offset + slope * back-projected value, least squares over the training voxels.
    line: (f64, f64),
}

/// Name of the first floor in tables.
pub const BACK_PROJECTION: &str = "back-projection alone";
/// Name of the second floor in tables.
pub const MEAN_VOLUME: &str = "mean training volume";

impl Floors {
    /// From the training cases; `None` where there are none.
    ///
    /// # Errors
    /// Where a case cannot be projected.
    pub fn learn(cases: &[Case]) -> Result<Option<Self>, TrainError> {
        Self::learn_each(cases.len(), cases.iter().map(Ok))
    }

    /// From so many training cases one after another, so that not all need lie in memory; `None` where there are none.
    ///
    /// # Errors
    /// The first case's that cannot be had or projected.
    pub fn learn_each<C: Borrow<Case>>(
        count: usize,
        cases: impl Iterator<Item = Result<C, TrainError>>,
    ) -> Result<Option<Self>, TrainError> {
        let mut mean = Vec::new();
        let (mut n, mut sx, mut sy, mut sxx, mut sxy) = (0f64, 0f64, 0f64, 0f64, 0f64);
        for case in cases {
            let sample = sum_sample(case?.borrow())?;
            mean.resize(sample.target.len(), 0f32);
            for ((mean, r), v) in mean.iter_mut().zip(&sample.target).zip(&sample.input) {
                *mean += r / count as f32;
                let (x, y) = (f64::from(*v), f64::from(*r));
                n += 1.0;
                sx += x;
                sy += y;
                sxx += x * x;
                sxy += x * y;
            }
        }
        if n == 0.0 {
            return Ok(None);
        }
        let slope = (n * sxy - sx * sy) / (n * sxx - sx * sx);
        Ok(Some(Self { mean, line: ((sy - slope * sx) / n, slope) }))
    }

    /// As bytes, to be kept: offset and slope, then the mean, little-endian.
    pub fn to_bytes(&self) -> Vec<u8> {
        let line = [self.line.0, self.line.1].into_iter().flat_map(f64::to_le_bytes);
        line.chain(self.mean.iter().flat_map(|r| r.to_le_bytes())).collect()
    }

    /// What [`Floors::to_bytes`] gave; `None` where it is something else.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (offset, rest) = bytes.split_first_chunk::<8>()?;
        let (slope, rest) = rest.split_first_chunk::<8>()?;
        let mean: Vec<f32> = rest.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
        let is_cube = mean.len() == CUBE_SIDE_VOXELS.pow(3) && rest.len() == 4 * mean.len();
        is_cube.then_some(Self { mean, line: (f64::from_le_bytes(*offset), f64::from_le_bytes(*slope)) })
    }

    /// What each floor gives for a case, with its name.
    ///
    /// # Errors
    /// Where the case cannot be projected.
    pub fn volumes(&self, case: &Case) -> Result<[(&'static str, Volume); 2], TrainError> {
        let (offset, slope) = self.line;
        let sample = sum_sample(case)?;
        let back: Vec<f32> = sample.input.iter().map(|v| (offset + slope * f64::from(*v)).max(0.0) as f32).collect();
        let volume = |r: &[f32]| {
            Volume::from_relative_attenuation(case.volume().frame().clone(), r).map_err(|e| data_error(case, e))
        };
        Ok([(BACK_PROJECTION, volume(&back)?), (MEAN_VOLUME, volume(&self.mean)?)])
    }
}

fn sum_sample(case: &Case) -> Result<super::augment::Sample, TrainError> {
    plain_sample(case, super::augment::SOURCE_SIDE, FilmInput { coarse: BackProjection::Sum, bands: false })
        .map_err(|e| data_error(case, e))
}

fn data_error(case: &Case, cause: impl std::fmt::Display) -> TrainError {
    TrainError::Data { path: PathBuf::from(&case.name), cause: cause.to_string() }
}

/// Reconstructs a case from simulated films exactly as the workstation would.
///
/// # Errors
/// Where the case cannot be projected or the model not be run.
pub fn reconstruct(case: &Case, model: &ModelSource, device: DeviceChoice) -> Result<Volume, TrainError> {
    let volume = Attenuation::from_volume(case.volume()).map_err(|e| data_error(case, e))?;
    let views = Preset::Simulated.pair();
    let isocentre = case.volume().frame().centre_mm();
    let films: [Raster; 2] = views.views.map(|view| project(&volume, &view, isocentre));
    let frame = case.volume().frame().clone();
    let job =
        Job { films, views, frame, model: model.clone(), device, consistency_steps: CONSISTENCY_STEPS, guide: None };
    let result = Reconstructor::run(job, |_| {})?;
    Ok(Volume::clone(&result.network))
}

/// The validation cases of a plan, and further cubes that are neither trained on nor chosen by.
///
/// # Errors
/// [`TrainError::Data`] naming the file that cannot be used.
pub fn cases(plan: &TrainPlan, further: &[PathBuf]) -> Result<(Vec<Case>, Vec<Case>), TrainError> {
    let (training, mut checked) = dataset::load(&plan.data)?;
    for path in further {
        checked.push(dataset::load_case(path)?);
    }
    Ok((training, checked))
}

/// All methods on all cases: the floors, then each named model.
///
/// # Errors
/// As [`cases`] and [`reconstruct`].
pub fn figures(
    plan: &TrainPlan,
    models: &[(String, PathBuf)],
    further: &[PathBuf],
    device: DeviceChoice,
) -> Result<Vec<Figure>, TrainError> {
    let (training, checked) = cases(plan, further)?;
    let floors = Floors::learn(&training)?;
    let mut all = Vec::new();
    for case in &checked {
        let mut add = |method: &str, volume: &Volume| -> Result<(), TrainError> {
            let metrics = compare(volume, case.volume()).map_err(|e| data_error(case, e))?;
            all.push(Figure { method: method.to_owned(), case: case.name.clone(), metrics });
            Ok(())
        };
        for (name, volume) in floors.iter().map(|f| f.volumes(case)).collect::<Result<Vec<_>, _>>()?.iter().flatten() {
            add(name, volume)?;
        }
        for (name, folder) in models {
            add(name, &reconstruct(case, &ModelSource::Folder(folder.clone()), device)?)?;
        }
    }
    Ok(all)
}
