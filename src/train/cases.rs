//! The cases of a run: those of the data set and synthetic ones beside them. Knows no augmentation.

use super::TrainError;
use super::dataset::{Case, CaseCache, CaseFile, Dataset};
use super::plan::DataPlan;
use crate::geometry::Frame;
use crate::geometry::phantom::{ThoraxLimits, thorax};
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
}

impl Cases {
    /// Opens what a plan names.
    ///
    /// # Errors
    /// As [`Dataset::open`].
    pub fn open(plan: &DataPlan) -> Result<Self, TrainError> {
        Ok(Self {
            data: Dataset::open(plan)?,
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
