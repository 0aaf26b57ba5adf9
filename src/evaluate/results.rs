//! A study read back from its records: the one source of tables, figures and reports, so that a study done at once, one
//! that was interrupted, and parts that were joined give the same bytes. Knows no volume.

use super::EvaluateError;
use super::event::Failure;
use super::measure::{Measure, measures};
use super::method::About;
use super::record::{CaseRecord, Record, Study};
use std::path::Path;

/// Everything a study found.
#[derive(Clone, Debug, PartialEq)]
pub struct Results {
    /// What was asked.
    pub study: Study,
    /// What became of each truth, in the study's order.
    pub cases: Vec<CaseRecord>,
    /// Numbers, case by case in the study's order of methods; without those that failed.
    pub records: Vec<Record>,
    /// What failed.
    pub failures: Vec<Failure>,
    /// Cases that every method has numbers on: tables and tests are of these alone, so that all methods are held to
    /// the same patients.
    pub complete: Vec<String>,
}

impl Results {
    /// Reads a report's folder.
    ///
    /// # Errors
    /// [`EvaluateError::Data`] where there is no study, or pairs are still to be evaluated.
    pub fn read(folder: &Path) -> Result<Self, EvaluateError> {
        let study = Study::read(folder)?;
        let (mut cases, mut records, mut failures, mut missing) = (Vec::new(), Vec::new(), Vec::new(), 0usize);
        for name in &study.cases {
            let Some(truth) = CaseRecord::read(folder, name) else {
                missing += study.methods.len();
                continue;
            };
            match &truth.failure {
                Some(cause) => failures.push(Failure { case: name.clone(), method: None, cause: cause.clone() }),
                None => missing += of_case(folder, &study, &truth, &mut records, &mut failures),
            }
            cases.push(truth);
        }
        if missing > 0 {
            let all = study.cases.len() * study.methods.len();
            let cause = format!(
                "{missing} of {all} pairs of case and method are not evaluated yet; run the parts that have not ended, or \
                 the same `biplane evaluate` again, which does what is missing"
            );
            return Err(EvaluateError::Data { path: folder.to_owned(), cause });
        }
        let has_all = |case: &&String| records.iter().filter(|r| r.case == **case).count() == study.methods.len();
        let complete = study.cases.iter().filter(has_all).cloned().collect();
        Ok(Self { study, cases, records, failures, complete })
    }

    /// The record of a method on a case.
    pub fn record(&self, case: &str, method: &str) -> Option<&Record> {
        self.records.iter().find(|r| r.case == case && r.method == method)
    }

    /// A number of a method on each complete case; `None` where one of them lacks it.
    pub fn column(&self, method: &str, key: &str) -> Option<Vec<f64>> {
        if self.complete.is_empty() {
            return None;
        }
        self.complete.iter().map(|case| self.record(case, method)?.scores.get(key).copied()).collect()
    }

    /// Numbers that any record holds, primary ones first.
    pub fn measures(&self) -> Vec<Measure> {
        measures().into_iter().filter(|m| self.records.iter().any(|r| r.scores.contains_key(m.key))).collect()
    }

    /// Those of the paper's Table 1; of LPIPS over both networks the first that every record has (VGG16 where it is
    /// installed, spec 8), never a mixture.
    pub fn primary(&self) -> Vec<Measure> {
        let everywhere = |m: &Measure| self.records.iter().all(|r| r.scores.contains_key(m.key));
        let is_primary = |m: &Measure| m.in_paper.is_some() && (!m.key.starts_with("lpips") || everywhere(m));
        let mut primary: Vec<Measure> = self.measures().into_iter().filter(is_primary).collect();
        primary.sort_by_key(|m| m.in_paper);
        primary.dedup_by_key(|m| m.in_paper);
        primary
    }

    /// All others.
    pub fn further(&self) -> Vec<Measure> {
        let primary = self.primary();
        self.measures().into_iter().filter(|m| !primary.contains(m)).collect()
    }

    /// The method that the others are held against: the last model, or the last method where there is none.
    pub fn reference(&self) -> Option<&About> {
        let methods = &self.study.methods;
        methods.iter().rfind(|method| method.model.is_some()).or(methods.last())
    }

    /// What makes numbers look better than they are, in sentences: models that learnt from an evaluated patient.
    pub fn flattered(&self) -> Vec<String> {
        let pairs = self.study.methods.iter().flat_map(|method| self.cases.iter().map(move |case| (method, case)));
        let learnt = pairs.filter(|(method, case)| method.learnt_from_case(&case.patient, &case.name));
        learnt.map(|(method, case)| method.flattered_by(&case.name)).collect()
    }

    /// Patients among the complete cases.
    pub fn patients(&self) -> usize {
        let complete = self.cases.iter().filter(|case| self.complete.contains(&case.name));
        complete.map(|case| case.patient.as_str()).collect::<std::collections::BTreeSet<_>>().len()
    }
}

/// Takes in the records of one case; gives how many are missing.
fn of_case(
    folder: &Path,
    study: &Study,
    truth: &CaseRecord,
    records: &mut Vec<Record>,
    failures: &mut Vec<Failure>,
) -> usize {
    let mut missing = 0;
    for method in &study.methods {
        let key = study.key(&truth.sha256, method);
        match Record::read(folder, &truth.name, &method.name).filter(|record| record.key == key) {
            None => missing += 1,
            Some(Record { failure: Some(cause), .. }) => {
                failures.push(Failure { case: truth.name.clone(), method: Some(method.name.clone()), cause });
            }
            Some(record) => records.push(record),
        }
    }
    missing
}
