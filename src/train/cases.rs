//! The cases of a run: those of the data set and synthetic ones beside them. Knows no augmentation.

use super::TrainError;
use super::between::{Fields, Towards};
use super::dataset::{Case, CaseCache, CaseFile, Dataset};
use super::plan::DataPlan;
use crate::geometry::Frame;
use crate::geometry::phantom::{ThoraxLimits, thorax};
use rand::Rng;
use std::path::Path;
use std::sync::Arc;

/// Seeds of the synthetic validation cases: no training sample is drawn from these.
const VALIDATION_SEED: u64 = 0x7661_6c69_6461_7465;

/// Memory that cases may take, bytes: some hundred of them.
const CACHE_BYTES: usize = 2 << 30;

/// Training and validation cases, read when they are wanted.
pub struct Cases {
    data: Dataset,
    cache: CaseCache,
    synthetic: usize,
    synthetic_validation: usize,
    fields: Fields,
    between_share: f64,
}

impl Cases {
    /// Opens what a plan names.
    ///
    /// # Errors
    /// As [`Dataset::open`] and [`Fields::open`].
    pub fn open(plan: &DataPlan) -> Result<Self, TrainError> {
        let data = Dataset::open(plan)?;
        let fields = match &plan.folder {
            Some(folder) if plan.between_share > 0.0 => Fields::open(folder, &data.training)?,
            _ => Fields::default(),
        };
        Ok(Self {
            data,
            fields,
            between_share: plan.between_share,
            cache: CaseCache::new(CACHE_BYTES),
            synthetic: plan.synthetic_cases,
            synthetic_validation: plan.synthetic_validation,
        })
    }

    /// SHA-256 of the data set's manifest, where it has one.
    pub fn manifest_sha256(&self) -> Option<String> {
        self.data.manifest_sha256.clone()
    }

    /// Cases of an epoch, synthetic ones among them.
    pub fn per_epoch(&self) -> usize {
        self.data.training.len() + self.synthetic
    }

    /// Case `index` of an epoch; `None` for a synthetic one, which is made anew each time.
    ///
    /// # Errors
    /// [`TrainError::Data`] where it cannot be read.
    pub fn training(&self, index: usize) -> Result<Option<Arc<Case>>, TrainError> {
        self.data.training.get(index).map(|file| self.cache.get(file)).transpose()
    }

    /// A bend of case `index` towards another's shape, where the plan asks for such and the draw gives one.
    pub fn towards(&self, index: usize, rng: &mut impl Rng) -> Option<Towards> {
        (self.between_share > 0.0).then(|| self.fields.draw(index, self.between_share, rng)).flatten()
    }

    /// Training cases that have no field although the plan bends cases towards each other.
    pub fn unregistered(&self) -> Vec<String> {
        let names = self.data.training.iter().map(|file| file.name.clone()).enumerate();
        names.filter(|(k, _)| self.between_share > 0.0 && !self.fields.has(*k)).map(|(_, name)| name).collect()
    }

    /// Validation cases.
    pub fn validation_count(&self) -> usize {
        self.data.validation.len() + self.synthetic_validation
    }

    /// Validation case `index`.
    ///
    /// # Errors
    /// As [`Cases::training`].
    pub fn validation(&self, index: usize) -> Result<Arc<Case>, TrainError> {
        match self.data.validation.get(index) {
            Some(file) => self.cache.get(file),
            None => synthetic_case(index - self.data.validation.len()).map(Arc::new),
        }
    }

    /// Names of the training and of the validation cases.
    pub fn names(&self) -> (Vec<String>, Vec<String>) {
        let name = |file: &CaseFile| file.name.clone();
        let training = self.data.training.iter().map(name).chain((0..self.synthetic).map(|_| "synthetic".to_owned()));
        let validation =
            self.data.validation.iter().map(name).chain((0..self.synthetic_validation).map(synthetic_name));
        (training.collect(), validation.collect())
    }
}

fn synthetic_name(index: usize) -> String {
    format!("synthetic-{}", index + 1)
}

fn synthetic_case(index: usize) -> Result<Case, TrainError> {
    let phantom = thorax(VALIDATION_SEED ^ index as u64, &ThoraxLimits::default());
    Case::new(synthetic_name(index), phantom.volume(&Frame::cube([0.0; 3]), 1), Path::new("synthetic"))
}
