//! Every method on every case, one record each, written as soon as it is there. What an earlier call has done and still
//! stands is kept; a case or pair that fails is recorded with its cause and the rest goes on. Tells an observer.

use super::EvaluateError;
use super::cases::{self, Cases, Loaded};
use super::event::{Event, Failure, Observer, Outcome, tell};
use super::floors::LearntFloors;
use super::measure::scores;
use super::method::{About, Kind, Method, check_names};
use super::pictures;
use super::record::{CaseRecord, Key, Record, Study, picture_path};
use super::run::{Made, Runner};
use crate::atlas::Guidance;
use crate::geometry::Volume;
use crate::metrics::{Comparison, LpipsSet, compare};
use crate::nn::DeviceChoice;
use crate::nn::perceptual::Backbone;
use crate::train::dataset::CaseFile;
use crate::train::prepare::Part;
use crate::train::prepare::manifest::sha256_hex;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// What to evaluate.
#[derive(Clone, Debug, PartialEq)]
pub struct StudyOptions {
    /// Evaluated and learnt from.
    pub cases: Cases,
    /// On each case, in this order.
    pub methods: Vec<Method>,
    /// The report's folder; made where it is missing.
    pub output: PathBuf,
    /// Only a part of the cases.
    pub part: Option<Part>,
    /// Where networks compute.
    pub device: DeviceChoice,
}

/// Evaluates what is missing; LPIPS over whichever networks are in `lpips`.
///
/// # Errors
/// Before any work: [`EvaluateError::Input`] for names that repeat and floors without training cases,
/// [`EvaluateError::Network`] for a model or device that cannot be used. Later [`EvaluateError::Write`] and
/// [`EvaluateError::Cancelled`] alone: all else is recorded as a failure of its case or pair.
pub fn study(options: &StudyOptions, lpips: &LpipsSet, observer: &mut Observer) -> Result<Outcome, EvaluateError> {
    check_names(&options.methods)?;
    check_floors(options)?;
    options.device.device()?;
    let belongs = |place: usize| options.part.is_none_or(|part| part.holds(place));
    let evaluated = options.cases.evaluated.iter().enumerate();
    let files: Vec<&CaseFile> = evaluated.filter(|(k, _)| belongs(*k)).map(|(_, file)| file).collect();
    // A file that cannot be read is a failure of its case, told when its turn comes.
    let digests: Vec<Result<String, EvaluateError>> = files.iter().map(|file| cases::digest(&file.path)).collect();
    let networks = Backbone::BY_RANK.into_iter().filter(|backbone| lpips.over(*backbone).is_some());
    let lpips_over = networks.map(|backbone| backbone.title().to_owned()).collect();
    let study = Study { lpips: lpips_over, ..look(options, &files, &digests, observer)? };
    study.write(&options.output)?;
    let floors = LearntFloors::new(&options.cases.learnt_from, &options.output, &study.learnt_sha256);
    let mut work = Work { options, lpips, study: &study, floors, outcome: Outcome::default() };
    let known = files.iter().zip(&digests).filter_map(|(file, sha256)| Some((file, sha256.as_ref().ok()?)));
    work.outcome.kept = known.map(|(file, sha256)| work.standing(file, sha256)).sum();
    let (cases, methods) = (files.len(), options.methods.len());
    tell(observer, &Event::Started { cases, methods, done: work.outcome.kept })?;
    for (file, sha256) in files.into_iter().zip(digests) {
        work.case(file, sha256, observer)?;
    }
    Ok(work.outcome)
}

fn check_floors(options: &StudyOptions) -> Result<(), EvaluateError> {
    let floor = options.methods.iter().find(|method| method.learns());
    match floor {
        Some(method) if options.cases.learnt_from.is_empty() => Err(EvaluateError::Input(format!(
            "method `{}` learns from training cases and there are none; name some with --learn-from, or a data set that \
             has a training side",
            method.name
        ))),
        _ => Ok(()),
    }
}

/// Looks at every method, and at what the floors learn from: no copy of an evaluated file may be among it.
fn look(
    options: &StudyOptions,
    files: &[&CaseFile],
    digests: &[Result<String, EvaluateError>],
    observer: &mut Observer,
) -> Result<Study, EvaluateError> {
    let learns = options.methods.iter().any(Method::learns);
    let learnt: &[CaseFile] = if learns { &options.cases.learnt_from } else { &[] };
    let patients: Vec<String> = learnt.iter().map(|case| case.patient.clone()).collect();
    let hashes = learnt.iter().map(|case| case.sha256.clone().map_or_else(|| cases::digest(&case.path), Ok));
    let hashes = hashes.collect::<Result<Vec<String>, _>>()?;
    let both = files.iter().zip(digests).find(|(_, d)| d.as_ref().is_ok_and(|sha256| hashes.contains(sha256)));
    if let Some((file, _)) = both {
        return Err(EvaluateError::Input(format!(
            "a copy of `{}` is learnt from, which flatters the floors; leave it out of one side",
            file.name
        )));
    }
    let learnt_sha256 = sha256_hex(hashes.join("\n").as_bytes());
    let mut abouts = Vec::new();
    for method in &options.methods {
        tell(observer, &Event::Checking { method: method.name.clone() })?;
        let about = method.about(&patients, &learnt_sha256)?;
        for case in options.cases.evaluated.iter().filter(|case| about.learnt_from_case(&case.patient, &case.name)) {
            tell(observer, &Event::Notice(about.flattered_by(&case.name)))?;
        }
        abouts.push(about);
    }
    let names = |list: &[CaseFile]| list.iter().map(|case| case.name.clone()).collect();
    let (cases, learnt_from) = (names(&options.cases.evaluated), names(learnt));
    Ok(Study { cases, learnt_from, learnt_sha256, methods: abouts, ..Study::new() })
}

/// An evaluation at work.
struct Work<'a> {
    options: &'a StudyOptions,
    lpips: &'a LpipsSet,
    study: &'a Study,
    floors: LearntFloors<'a>,
    outcome: Outcome,
}

impl Work<'_> {
    fn output(&self) -> &Path {
        &self.options.output
    }

    /// Methods whose records on a case are missing or do not stand any more.
    fn missing(&self, file: &CaseFile, sha256: &str) -> Vec<(&Method, &About)> {
        let stands = |about: &About| {
            Record::read(self.output(), &file.name, &about.name)
                .is_some_and(|r| r.stands(&self.study.key(sha256, about)))
                && picture_path(self.output(), &file.name, Some(&about.name)).is_file()
        };
        let truth = CaseRecord::read(self.output(), &file.name);
        let has_truth = truth.is_some_and(|t| t.failure.is_none() && t.sha256 == sha256)
            && picture_path(self.output(), &file.name, None).is_file();
        let both = self.options.methods.iter().zip(&self.study.methods);
        both.filter(|(_, about)| !has_truth || !stands(about)).collect()
    }

    /// Records of a case that need not be made again.
    fn standing(&self, file: &CaseFile, sha256: &str) -> usize {
        self.options.methods.len() - self.missing(file, sha256).len()
    }

    /// Whatever is missing on one case.
    fn case(
        &mut self,
        file: &CaseFile,
        sha256: Result<String, EvaluateError>,
        observer: &mut Observer,
    ) -> Result<(), EvaluateError> {
        let missing: Vec<(Method, About)> = match &sha256 {
            Ok(sha256) => self.missing(file, sha256).into_iter().map(|(m, a)| (m.clone(), a.clone())).collect(),
            Err(_) => Vec::new(),
        };
        if sha256.is_ok() && missing.is_empty() {
            return Ok(());
        }
        let known = sha256.as_ref().map_or(String::new(), Clone::clone);
        let loaded = sha256.and_then(|_| {
            catch_unwind(AssertUnwindSafe(|| cases::load(file))).unwrap_or_else(|_| Err(broke_off(&file.path)))
        });
        let loaded = match loaded {
            Ok(loaded) => loaded,
            Err(error) => {
                let truth = truth_record(file, known, None, Some(error.to_string()));
                truth.write(self.output())?;
                return self.failed(&file.name, None, error.to_string(), observer);
            }
        };
        tell(observer, &Event::Read { case: file.name.clone(), notes: loaded.notes.clone() })?;
        let truth = truth_record(file, known, Some(&loaded), None);
        let picture = picture_path(self.output(), &file.name, None);
        pictures::write(&picture, loaded.case.volume(), truth.pictured)?;
        truth.write(self.output())?;
        let mut runner = Runner::new(&loaded.case, self.options.device);
        for (method, about) in &missing {
            self.pair(&mut runner, method, about, &truth, observer)?;
        }
        Ok(())
    }

    /// One method on one case: computed, measured, pictured, recorded.
    fn pair(
        &mut self,
        runner: &mut Runner,
        method: &Method,
        about: &About,
        truth: &CaseRecord,
        observer: &mut Observer,
    ) -> Result<(), EvaluateError> {
        let start = Instant::now();
        tell(observer, &Event::Working { case: truth.name.clone(), method: method.name.clone(), share: 0.0 })?;
        let made = match self.volume(runner, method, observer) {
            Err(error @ (EvaluateError::Cancelled | EvaluateError::Write { .. })) => return Err(error),
            made => made,
        };
        let key = self.study.key(&truth.sha256, about);
        let record = match made.and_then(|made| measured(runner, self.lpips, method, made, key.clone())) {
            Ok((record, volume)) => {
                pictures::write(
                    &picture_path(self.output(), &truth.name, Some(&method.name)),
                    &volume,
                    truth.pictured,
                )?;
                record
            }
            Err(error) => Record { failure: Some(error.to_string()), ..empty_record(&truth.name, method, key) },
        };
        // The record comes last: where it is, its picture is.
        record.write(self.output())?;
        if let Some(cause) = record.failure {
            return self.failed(&truth.name, Some(&method.name), cause, observer);
        }
        self.outcome.measured += 1;
        let seconds = start.elapsed().as_secs_f64();
        let (case, method) = (record.case, record.method);
        tell(observer, &Event::Measured { case, method, scores: record.scores, seconds })
    }

    fn volume(&mut self, runner: &mut Runner, method: &Method, observer: &mut Observer) -> Result<Made, EvaluateError> {
        match &method.kind {
            Kind::Model(source) => runner.reconstruct(&method.name, source, None, observer),
            Kind::Guided(source) => runner.reconstruct(&method.name, source, Some(&Guidance::default()), observer),
            Kind::Floor(floor) => self.floors.volume(runner.case, *floor, observer),
        }
    }

    fn failed(
        &mut self,
        case: &str,
        method: Option<&str>,
        cause: String,
        observer: &mut Observer,
    ) -> Result<(), EvaluateError> {
        let failure = Failure { case: case.to_owned(), method: method.map(str::to_owned), cause };
        self.outcome.failures.push(failure.clone());
        tell(observer, &Event::Failed(failure))
    }
}

/// The numbers of a volume, and the volume for its picture. Metrics that break off end this pair alone.
fn measured(
    runner: &mut Runner,
    lpips: &LpipsSet,
    method: &Method,
    made: Made,
    key: Key,
) -> Result<(Record, Volume), EvaluateError> {
    let start = Instant::now();
    let (name, truth) = (&runner.case.name, runner.case.volume());
    let compared = catch_unwind(AssertUnwindSafe(|| -> Result<Comparison, EvaluateError> {
        Ok(compare(&made.volume, truth)?.with_lpips(&made.volume, truth, lpips)?)
    }));
    let comparison = compared.map_err(|_| broke_off(Path::new(name)))??;
    let mut record = Record { scores: scores(&comparison), ..empty_record(name, method, key) };
    (record.device, record.precision, record.notes, record.seconds) =
        (made.device, made.precision, made.notes, made.seconds);
    match runner.consistency(&made.volume) {
        Ok(errors) => record.consistency = Some(errors),
        Err(error) => record.notes.push(format!("not projected again: {error}")),
    }
    record.seconds.insert("metrics".to_owned(), start.elapsed().as_secs_f64());
    Ok((record, made.volume))
}

fn empty_record(case: &str, method: &Method, key: Key) -> Record {
    Record {
        case: case.to_owned(),
        method: method.name.clone(),
        key,
        scores: BTreeMap::new(),
        consistency: None,
        device: String::new(),
        precision: String::new(),
        notes: Vec::new(),
        failure: None,
        seconds: BTreeMap::new(),
    }
}

fn truth_record(file: &CaseFile, sha256: String, loaded: Option<&Loaded>, failure: Option<String>) -> CaseRecord {
    let slices = loaded.map_or((0, pictures::SIDE - 1), |loaded| loaded.case.data_slices);
    CaseRecord {
        name: file.name.clone(),
        patient: file.patient.clone(),
        sha256,
        notes: loaded.map_or_else(Vec::new, |loaded| loaded.notes.clone()),
        missing_share: loaded.map_or(0.0, |loaded| loaded.missing_share),
        pictured: pictures::middle(slices),
        failure,
    }
}

fn broke_off(path: &Path) -> EvaluateError {
    EvaluateError::Data {
        path: path.to_owned(),
        cause: "the work on it broke off; report the file as a bug".to_owned(),
    }
}
