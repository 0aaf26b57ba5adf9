//! Whether a data set still is what its manifest says: every cube read and compared. Changes nothing.

use super::event::{Observer, PrepareEvent, tell};
use super::manifest::{CUBES_FOLDER, CaseEntry, Manifest, sha256_hex};
use crate::io;
use crate::train::TrainError;
use crate::train::dataset::without_path;
use rayon::prelude::*;
use serde::Serialize;
use std::collections::BTreeSet;
use std::path::Path;

/// Cubes may stand so far from where the manifest says, mm: NIfTI holds 32 bit floats.
const SAME_PLACE_MM: f64 = 1e-3;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The file, relative to the data set.
    pub file: String,
    /// What is wrong with it.
    pub cause: String,
}

/// What an audit found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Audit {
    /// Cubes that were compared.
    pub cases: usize,
    /// What is wrong, in the order of the cases.
    pub faults: Vec<Fault>,
    /// Files beside the cubes that the manifest does not speak of: harmless, never read.
    pub strays: Vec<String>,
}

/// Compares every cube of the data set in `folder` with its manifest.
///
/// # Errors
/// As [`Manifest::read`]: a manifest that cannot be used, a patient on both sides; [`TrainError::Stopped`].
pub fn audit(folder: &Path, observer: &mut Observer) -> Result<Audit, TrainError> {
    let (manifest, _) = Manifest::read(folder)?;
    let of = manifest.cases.len();
    let mut faults = Vec::new();
    // A few at a time, so that the observer hears of it and can stop it.
    let at_a_time = rayon::current_num_threads();
    for (k, cases) in manifest.cases.chunks(at_a_time).enumerate() {
        let found: Vec<Option<Fault>> = cases.par_iter().map(|case| fault(folder, case)).collect();
        faults.extend(found.into_iter().flatten());
        tell(observer, &PrepareEvent::Checked { done: (k * at_a_time + cases.len()).min(of), of })?;
    }
    Ok(Audit { cases: of, faults, strays: strays(folder, &manifest) })
}

fn fault(folder: &Path, case: &CaseEntry) -> Option<Fault> {
    let path = case.path(folder);
    let file = path.strip_prefix(folder).unwrap_or(&path).to_string_lossy().into_owned();
    compare(&path, case).err().map(|cause| Fault { file, cause })
}

fn compare(path: &Path, case: &CaseEntry) -> Result<(), String> {
    let bytes = std::fs::read(path).map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => "is missing".to_owned(),
        _ => format!("cannot be read ({e})"),
    })?;
    if bytes.len() as u64 != case.bytes {
        return Err(format!("has {} bytes, the manifest says {}", bytes.len(), case.bytes));
    }
    if sha256_hex(&bytes) != case.sha256 {
        return Err("its SHA-256 is not the manifest's: it was changed or damaged".to_owned());
    }
    let cube = io::nifti::from_bytes(&bytes, path).map_err(|e| without_path(&e))?.volume;
    if !cube.frame().is_cube() {
        return Err("is not on the 128^3 grid of 2.8 mm".to_owned());
    }
    let off = cube.frame().origin_mm().iter().zip(case.cube_origin_mm).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    if !(off <= SAME_PLACE_MM) {
        return Err(format!("stands {off:.3} mm from where the manifest says"));
    }
    match cube.data_slices() {
        Some((first, last)) if [first, last] == case.data_slices => Ok(()),
        Some((first, last)) => {
            let [a, b] = case.data_slices;
            Err(format!("holds data in slices {first} to {last}, the manifest says {a} to {b}"))
        }
        None => Err("holds no data".to_owned()),
    }
}

fn strays(folder: &Path, manifest: &Manifest) -> Vec<String> {
    let known: BTreeSet<_> = manifest.cases.iter().map(|c| c.path(folder)).collect();
    let entries = std::fs::read_dir(folder.join(CUBES_FOLDER)).into_iter().flatten().flatten();
    let names = entries.map(|e| e.path()).filter(|p| !known.contains(p));
    let mut strays: Vec<String> =
        names.filter_map(|p| Some(format!("{CUBES_FOLDER}/{}", p.file_name()?.to_string_lossy()))).collect();
    strays.sort();
    strays
}
