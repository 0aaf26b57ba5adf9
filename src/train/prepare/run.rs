//! A preparation from the source to the manifest: looks through, makes what is missing on several threads, merges.
//! Tells an observer; knows no screen.

use super::cube::{self, Stop};
use super::event::{Observer, PrepareEvent, Summary, tell};
use super::manifest::{CUBES_FOLDER, MANIFEST_VERSION};
use super::merge::merge;
use super::records::{FoundList, RECORDS_FOLDER, Record};
use super::scan::{Catalogue, Scan, look_through};
use super::split::SplitChoice;
use crate::io::Progress;
use crate::metrics::centre::Centre;
use crate::train::TrainError;
use rayon::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{Sender, channel};
use std::time::Instant;

/// Scans in work at a time unless told otherwise: each holds a whole scan (137 MB for 512 x 512 x 260 voxels) and
/// little beside it, and inside of each all cores are used as well.
const MAX_JOBS: usize = 8;

/// What to prepare.
#[derive(Clone, Debug, PartialEq)]
pub struct PrepareOptions {
    /// Folder of the collection.
    pub source: PathBuf,
    /// Folder of the data set; made where it is missing.
    pub output: PathBuf,
    /// What the cubes are centred on.
    pub centre: Centre,
    /// How the data set is split.
    pub split: SplitChoice,
    /// Only a part of the scans, and no manifest.
    pub part: Option<Part>,
    /// Scans in work at a time; `None` for one a core, up to eight.
    pub jobs: Option<usize>,
}

/// One of several parts that are prepared apart, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    number: usize,
    of: usize,
}

impl std::str::FromStr for Part {
    type Err = String;

    /// "3/8" is the third of eight.
    fn from_str(text: &str) -> Result<Self, String> {
        let whole = |part: &str| part.trim().parse::<usize>().ok();
        let both = text.split_once('/').and_then(|(number, of)| whole(number).zip(whole(of)));
        let part = both.map(|(number, of)| Self { number, of }).filter(|p| p.number >= 1 && p.number <= p.of);
        part.ok_or_else(|| "wanted is i/n with 1 <= i <= n, like 3/8".to_owned())
    }
}

impl Part {
    /// Whether what stands at this place of the sorted list belongs to the part.
    pub fn holds(self, place: usize) -> bool {
        place % self.of == self.number - 1
    }
}

/// Prepares `options.source`: what an earlier call has done is kept.
///
/// # Errors
/// [`TrainError::Data`] for a source without usable scans, [`TrainError::Split`] for names that are not there,
/// [`TrainError::Write`] where the data set cannot be written, [`TrainError::Stopped`]. A scan that cannot be used
/// is no error: it is listed in the summary with its cause.
pub fn prepare(options: &PrepareOptions, observer: &mut Observer) -> Result<Summary, TrainError> {
    check_places(options)?;
    let progress = Progress::new();
    let catalogue = looked_through(options, &progress, observer)?;
    if options.part.is_none() {
        let known = catalogue.scans.iter().map(|s| (s.patient.as_str(), s.name.as_str()));
        options.split.check_names(known).map_err(TrainError::Split)?;
    }
    make_folders(&options.output)?;
    let mut found = FoundList {
        version: MANIFEST_VERSION,
        centre: options.centre,
        scans: catalogue.scans.iter().map(|s| s.name.clone()).collect(),
        skipped: catalogue.skipped.clone(),
    };
    found.write(&options.output)?;
    let belongs = |place: usize| options.part.is_none_or(|part| part.holds(place));
    let scans: Vec<&Scan> =
        catalogue.scans.iter().enumerate().filter(|(k, _)| belongs(*k)).map(|(_, scan)| scan).collect();
    let (done, missing) = sort_out(&scans, options);
    tell(
        observer,
        &PrepareEvent::Started { scans: scans.len(), done: done.len(), skipped: catalogue.skipped.clone() },
    )?;
    let made = work(&missing, options, &progress, observer)?;
    let mut summary = Summary {
        made: made.iter().filter(|r| r.case.is_some()).count(),
        kept: done.iter().filter(|r| r.case.is_some()).count(),
        skipped: std::mem::take(&mut found.skipped),
        dataset: None,
    };
    summary.skipped.extend(done.into_iter().chain(made).flat_map(|record| record.skipped));
    if options.part.is_none() {
        let (manifest, dataset) = merge(&options.output, &options.split)?;
        (summary.skipped, summary.dataset) = (manifest.skipped, Some(dataset));
    }
    Ok(summary)
}

/// Source and output must not be one folder: cubes would be taken for scans.
fn check_places(options: &PrepareOptions) -> Result<(), TrainError> {
    let same = |a: &Path, b: &Path| a.canonicalize().is_ok_and(|a| b.canonicalize().is_ok_and(|b| a == b));
    if same(&options.source, &options.output) {
        let cause = "is source and data set at once; name another folder with -o".to_owned();
        return Err(TrainError::Data { path: options.output.clone(), cause });
    }
    Ok(())
}

fn make_folders(output: &Path) -> Result<(), TrainError> {
    for folder in [CUBES_FOLDER, RECORDS_FOLDER] {
        let path = output.join(folder);
        std::fs::create_dir_all(&path).map_err(|cause| TrainError::Write { path, cause })?;
    }
    Ok(())
}

/// Looks through the source on other threads while this one tells the observer.
fn looked_through(
    options: &PrepareOptions,
    progress: &Progress,
    observer: &mut Observer,
) -> Result<Catalogue, TrainError> {
    std::thread::scope(|scope| {
        let (send, events) = channel();
        let look = move || {
            // A receiver that is gone has nobody to tell.
            let looked = |done, of| drop(send.send(PrepareEvent::Looking { done, of }));
            look_through(&options.source, &options.output, progress, &looked)
        };
        let looking = scope.spawn(look);
        let mut stopped = Ok(());
        for event in events {
            if stopped.is_ok() {
                stopped = tell(observer, &event).inspect_err(|_| progress.cancel());
            }
        }
        let found = looking.join().unwrap_or_else(|_| Err(broke_off(&options.source)));
        stopped.and(found)
    })
}

fn broke_off(path: &Path) -> TrainError {
    TrainError::Data { path: path.to_owned(), cause: "the work on it broke off; report the file as a bug".to_owned() }
}

/// The records of scans that are done, and the scans that are not.
fn sort_out<'a>(scans: &[&'a Scan], options: &PrepareOptions) -> (Vec<Record>, Vec<&'a Scan>) {
    let (mut done, mut missing) = (Vec::new(), Vec::new());
    let look = |scan: &&'a Scan| {
        let record = Record::read(&options.output, &scan.name);
        record.filter(|record| cube::is_done(record, scan, &options.output, options.centre))
    };
    let records: Vec<Option<Record>> = scans.par_iter().map(look).collect();
    for (scan, record) in scans.iter().zip(records) {
        match record {
            Some(record) => done.push(record),
            None => missing.push(*scan),
        }
    }
    (done, missing)
}

/// One scan's end: its place in the list, what came of it, seconds.
type Ended = (usize, Result<Record, Stop>, f64);

/// Makes the cubes that are missing, several at a time.
fn work(
    scans: &[&Scan],
    options: &PrepareOptions,
    progress: &Progress,
    observer: &mut Observer,
) -> Result<Vec<Record>, TrainError> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let jobs = options.jobs.unwrap_or(cores.min(MAX_JOBS)).clamp(1, scans.len().max(1));
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let (send, ended) = channel::<Ended>();
        for number in 0..jobs {
            let (send, next) = (send.clone(), &next);
            let worker = move || labour(scans, next, options, progress, &send);
            let thread = std::thread::Builder::new().name(format!("prepare-{number}"));
            if let Err(cause) = thread.spawn_scoped(scope, worker) {
                progress.cancel();
                return Err(TrainError::Write { path: options.output.clone(), cause });
            }
        }
        drop(send);
        let mut records = Vec::new();
        let mut stop = Ok(());
        for (place, result, seconds) in ended {
            let told = match result {
                Ok(record) => {
                    let told = tell_record(&record, &scans[place].name, seconds, observer);
                    records.push(record);
                    told
                }
                Err(Stop::Fatal(error)) => Err(error),
                Err(Stop::Cancelled) => Err(TrainError::Stopped),
            };
            if let Err(error) = told {
                progress.cancel();
                // The first says what happened, the others follow from it.
                stop = stop.and(Err(error));
            }
        }
        stop.map(|()| records)
    })
}

fn tell_record(record: &Record, name: &str, seconds: f64, observer: &mut Observer) -> Result<(), TrainError> {
    for skipped in &record.skipped {
        tell(observer, &PrepareEvent::Skipped(skipped.clone()))?;
    }
    match &record.case {
        Some(_) => tell(observer, &PrepareEvent::Made { name: name.to_owned(), seconds }),
        None => Ok(()),
    }
}

/// Takes scans off the list until it is empty or somebody wants to stop.
fn labour(scans: &[&Scan], next: &AtomicUsize, options: &PrepareOptions, progress: &Progress, send: &Sender<Ended>) {
    loop {
        let place = next.fetch_add(1, Relaxed);
        let Some(scan) = scans.get(place) else { return };
        if progress.is_cancelled() {
            return;
        }
        let start = Instant::now();
        // A scan on which the work breaks off must not end the thousand others.
        let made = catch_unwind(AssertUnwindSafe(|| cube::make(scan, &options.output, options.centre, progress)));
        let made = made.unwrap_or_else(|_| cube::gave_up(scan, &options.output, options.centre));
        if send.send((place, made, start.elapsed().as_secs_f64())).is_err() {
            return;
        }
    }
}
