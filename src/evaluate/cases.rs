//! What is evaluated and what is learnt from: a prepared data set, a folder of CTs, or single files; each brought onto
//! the networks' cube, with words on what was done to it. Knows no method.

use super::EvaluateError;
use crate::geometry::{Frame, Volume};
use crate::io::{self, LoadedVolume, Progress, Warning};
use crate::metrics::centre::{Centre, to_cube};
use crate::train::dataset::{Case, CaseFile, Dataset, without_path};
use crate::train::plan::DataPlan;
use crate::train::prepare::manifest::{is_case_name, sha256_hex};
use crate::units::Hu;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// Endings of files that may be a case.
const ENDINGS: [&str; 6] = [".nii", ".nii.gz", ".mha", ".mhd", ".nrrd", ".nhdr"];
/// Files of a folder that are looked at to tell whether it is a DICOM series.
const LOOKED_AT: usize = 4;
/// Beyond this share of the cube without truth the numbers say little of the patient.
const MUCH_MISSING: f64 = 0.5;

/// Which cases are wanted, as a person says it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// Data sets, folders of CTs, CT files.
    pub sources: Vec<PathBuf>,
    /// Only these, where any is named.
    pub only: Vec<String>,
    /// Not these.
    pub exclude: Vec<String>,
    /// What floors learn from; where none is named, the training side of prepared data sets.
    pub learn_from: Vec<String>,
}

/// Cases of a study, each list sorted by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cases {
    /// Evaluated.
    pub evaluated: Vec<CaseFile>,
    /// Learnt from by the floors, never evaluated.
    pub learnt_from: Vec<CaseFile>,
}

/// Lists the cases of a choice; opens no image.
///
/// # Errors
/// [`EvaluateError::Data`] for a source that cannot be used, [`EvaluateError::Input`] for names that are not there, that
/// repeat, or that would be evaluated and learnt from at once.
pub fn list(choice: &Choice) -> Result<Cases, EvaluateError> {
    let (mut offered, mut training) = (Vec::new(), Vec::new());
    for source in &choice.sources {
        let (cases, learnt) = of_source(source)?;
        offered.extend(cases);
        training.extend(learnt);
    }
    [&mut offered, &mut training].into_iter().for_each(|list| list.sort_by(|a, b| a.name.cmp(&b.name)));
    check_repeats(&offered)?;
    check_known(choice, &offered, &training)?;
    let named = |list: &[String], case: &CaseFile| list.contains(&case.name);
    let learnt_from: Vec<CaseFile> = match choice.learn_from.is_empty() {
        true => training,
        false => training.into_iter().chain(offered.clone()).filter(|case| named(&choice.learn_from, case)).collect(),
    };
    let wanted = |case: &CaseFile| match choice.only.is_empty() {
        true => !named(&choice.exclude, case) && !named(&choice.learn_from, case),
        false => named(&choice.only, case) && !named(&choice.exclude, case),
    };
    let cases = Cases { evaluated: offered.into_iter().filter(wanted).collect(), learnt_from };
    check_apart(&cases)?;
    Ok(cases)
}

/// Cases that a source offers for evaluation, and those of its training side.
fn of_source(source: &Path) -> Result<(Vec<CaseFile>, Vec<CaseFile>), EvaluateError> {
    if !source.exists() {
        return Err(data_error(source, "no such file or folder; check the path"));
    }
    if !source.is_dir() || holds_dicom(source) {
        return Ok((vec![named(source)], Vec::new()));
    }
    let plan = DataPlan { folder: Some(source.to_owned()), ..DataPlan::default() };
    let dataset = Dataset::open(&plan)?;
    if dataset.manifest_sha256.is_some() {
        return Ok((dataset.validation, dataset.training));
    }
    let unreadable = |e: std::io::Error| data_error(source, &format!("cannot be read ({e}); check its rights"));
    let entries = std::fs::read_dir(source).map_err(unreadable)?.collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
    let is_case = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        // Hidden names are those of files half written.
        !name.starts_with('.')
            && if path.is_dir() { holds_dicom(path) } else { ENDINGS.iter().any(|ending| name.ends_with(ending)) }
    };
    let cases: Vec<CaseFile> = entries.iter().map(std::fs::DirEntry::path).filter(is_case).map(|p| named(&p)).collect();
    if cases.is_empty() {
        return Err(data_error(source, "holds no CT; name a prepared data set, a folder of CTs, or a CT file"));
    }
    Ok((cases, Vec::new()))
}

/// A case of a file; its name becomes part of other files' names.
fn named(path: &Path) -> CaseFile {
    let mut case = CaseFile::plain(path.to_owned());
    if !is_case_name(&case.name) {
        case.name = case.name.chars().map(|c| if is_case_name(&c.to_string()) { c } else { '_' }).collect();
        case.patient.clone_from(&case.name);
    }
    case
}

fn holds_dicom(folder: &Path) -> bool {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.path()).filter(|p| p.is_file());
    files.take(LOOKED_AT).any(|path| io::kind(&path).is_ok_and(|kind| kind == io::Kind::Dicom))
}

fn data_error(path: &Path, cause: &str) -> EvaluateError {
    EvaluateError::Data { path: path.to_owned(), cause: cause.to_owned() }
}

fn check_repeats(cases: &[CaseFile]) -> Result<(), EvaluateError> {
    match cases.windows(2).find(|pair| pair[0].name == pair[1].name) {
        None => Ok(()),
        Some(pair) => Err(EvaluateError::Input(format!(
            "two cases are named `{}` ({} and {}); give each file a name of its own",
            pair[0].name,
            pair[0].path.display(),
            pair[1].path.display()
        ))),
    }
}

fn check_known(choice: &Choice, offered: &[CaseFile], training: &[CaseFile]) -> Result<(), EvaluateError> {
    let is_in = |cases: &[CaseFile], name: &String| cases.iter().any(|case| case.name == *name);
    let refuse = |cause: String| Err(EvaluateError::Input(cause));
    for name in choice.only.iter().chain(&choice.exclude) {
        if is_in(training, name) {
            return refuse(format!(
                "`{name}` is a training case of its data set, models may have learnt from it; choose among its \
                 validation cases"
            ));
        }
        if !is_in(offered, name) {
            let some: Vec<&str> = offered.iter().take(12).map(|case| case.name.as_str()).collect();
            return refuse(format!("there is no case `{name}`; choose among {}", some.join(", ")));
        }
    }
    match choice.learn_from.iter().find(|name| !is_in(training, name) && !is_in(offered, name)) {
        Some(name) => refuse(format!("there is no case `{name}` to learn from; check --learn-from")),
        None => Ok(()),
    }
}

/// Nothing may be learnt from and evaluated: neither a case, nor another of its patient, nor a copy of its file.
fn check_apart(cases: &Cases) -> Result<(), EvaluateError> {
    if cases.evaluated.is_empty() {
        return Err(EvaluateError::Input("no case is left to evaluate; check --only and --exclude".to_owned()));
    }
    for case in &cases.evaluated {
        let same = |other: &&CaseFile| {
            other.name == case.name
                || other.patient == case.patient
                || (case.sha256.is_some() && other.sha256 == case.sha256)
        };
        if let Some(other) = cases.learnt_from.iter().find(same) {
            return Err(EvaluateError::Input(format!(
                "`{}` would be evaluated and learnt from (as `{}`), which flatters the floors; leave it out of one side",
                case.name, other.name
            )));
        }
    }
    Ok(())
}

/// SHA-256 of a case's file; of a folder, of all its files in the order of their names.
///
/// # Errors
/// [`EvaluateError::Data`] where it cannot be read.
pub fn digest(path: &Path) -> Result<String, EvaluateError> {
    let unreadable =
        |e: std::io::Error| data_error(path, &format!("cannot be read ({e}); check the path and its rights"));
    if !path.is_dir() {
        return Ok(sha256_hex(&std::fs::read(path).map_err(unreadable)?));
    }
    let entries = std::fs::read_dir(path).map_err(unreadable)?.collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
    let mut files: Vec<PathBuf> = entries.iter().map(std::fs::DirEntry::path).filter(|p| p.is_file()).collect();
    files.sort();
    let mut digest = Sha256::new();
    for file in files {
        digest.update(file.file_name().unwrap_or_default().as_encoded_bytes());
        digest.update([0]);
        digest.update(std::fs::read(&file).map_err(unreadable)?);
    }
    Ok(format!("{:x}", digest.finalize()))
}

/// A case in memory.
pub struct Loaded {
    /// The truth on the networks' cube.
    pub case: Case,
    /// What is odd about it and what was done, in sentences.
    pub notes: Vec<String>,
    /// Share of the cube's voxels for which the scan holds no truth.
    pub missing_share: f64,
}

/// Reads a case and brings it onto the cube where it is not.
///
/// # Errors
/// [`EvaluateError`] naming the file: unreadable, changed since it was prepared, no CT, nothing in it.
pub fn load(file: &CaseFile) -> Result<Loaded, EvaluateError> {
    if file.sha256.is_some() {
        let case = file.load()?;
        let missing_share = missing(case.volume(), None);
        return Ok(finished(case, Vec::new(), missing_share));
    }
    let LoadedVolume { mut volume, warnings, info } =
        io::open_volume(&file.path, &Progress::default()).map_err(|e| data_error(&file.path, &without_path(&e)))?;
    if let Some(odd) = warnings.iter().find(|w| matches!(w, Warning::NotHounsfield { .. })) {
        return Err(data_error(&file.path, &format!("{odd}; convert it to Hounsfield units first")));
    }
    let mut notes: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    // Padding outside of the field of view and metal, as in preparation (spec 2).
    volume.hu_mut().iter_mut().for_each(|v| *v = (*v).clamp(Hu::PADDING.0 as i16, Hu::CEILING.0 as i16));
    if volume.frame().is_cube() {
        let missing_share = missing(&volume, None);
        return Ok(finished(Case::new(file.name.clone(), volume, &file.path)?, notes, missing_share));
    }
    let stored = info.fields.iter().find(|(name, _)| name == "Stored along").map(|(_, letters)| letters.as_str());
    notes.push(moved(volume.frame(), stored));
    let cube = to_cube(&volume, Centre::Anatomy);
    let missing_share = missing(&cube, Some(volume.frame()));
    Ok(finished(Case::new(file.name.clone(), cube, &file.path)?, notes, missing_share))
}

/// What was done to a truth on another grid.
fn moved(frame: &Frame, stored: Option<&str>) -> String {
    let ([nx, ny, nz], [dx, dy, dz]) = (frame.dims(), frame.spacing_mm());
    let axes = stored.map_or(String::new(), |letters| format!(", stored along {letters}"));
    format!(
        "{nx} x {ny} x {nz} voxels of {dx:.2} x {dy:.2} x {dz:.2} mm{axes}: resampled onto the cube of 128^3 voxels of \
         2.8 mm along the patient's axes, in-plane about the body's middle, along z about the lungs'"
    )
}

fn finished(case: Case, mut notes: Vec<String>, missing_share: f64) -> Loaded {
    if missing_share > 0.0 {
        let much = if missing_share > MUCH_MISSING { "; the numbers say little of this patient" } else { "" };
        notes.push(format!(
            "the scan does not cover {:.1} % of the cube: there the truth is taken as air, in films and numbers alike{much}",
            100.0 * missing_share
        ));
    }
    Loaded { case, notes, missing_share }
}

/// Share of a cube's voxels that lie outside of the scan's grid, or in axial slices without scan data.
fn missing(cube: &Volume, scan: Option<&Frame>) -> f64 {
    let [nx, ny, nz] = cube.frame().dims();
    let slices = cube.data_slices();
    let outside = |x: usize, y: usize, z: usize, scan: &Frame| {
        let at = scan.voxel_from_world(cube.frame().world_from_voxel([x as f64, y as f64, z as f64]));
        (0..3).any(|k| !(at[k] >= -0.5 && at[k] <= scan.dims()[k] as f64 - 0.5))
    };
    let of_slice = |z: usize| match (slices, scan) {
        (Some((first, last)), _) if z < first || z > last => nx * ny,
        (None, _) => nx * ny,
        (_, None) => 0,
        (_, Some(scan)) => (0..nx * ny).filter(|k| outside(k % nx, k / nx, z, scan)).count(),
    };
    (0..nz).map(of_slice).sum::<usize>() as f64 / (nx * ny * nz) as f64
}
