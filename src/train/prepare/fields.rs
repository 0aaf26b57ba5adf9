//! Registration of a data set: every case to one template, both ways, a file each, so that anatomy can be carried from any
//! case to any other through the template. Resumable; a pair that cannot be registered is named and left out.
//!
//! ```text
//! DATASET/fields/CASE.safetensors   `to_case` and `from_case`: [3, n, n, n] displacements at the nodes, mm, and their
//!                                   affine parts [3, 4] (matrix, shift in mm), f32, LPS about the cube's centre
//! ```

use super::event::{Observer, PrepareEvent, tell};
use super::manifest::{SkippedEntry, sha256_hex};
use crate::io::write_bytes;
use crate::metrics::dice::dice;
use crate::metrics::lung::{DEFAULT_THRESHOLD, lung_mask};
use crate::registration::bend::Bent;
use crate::registration::volumes::{Chest, register};
use crate::registration::{Affine, Map, RegistrationError, Sampled, Tissue};
use crate::train::TrainError;
use crate::train::dataset::{Case, CaseFile};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// The folder of the fields.
pub const FIELDS_FOLDER: &str = "fields";
/// The card in a file's header.
const CARD: &str = "biplane";
/// Nodes along a side of a field.
const NODES: usize = 32;
/// Lungs that overlap less after registration were not registered.
const LEAST_DICE: f64 = 0.85;

/// What a field is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FieldCard {
    /// The template's case.
    pub template: String,
    /// SHA-256 of the template's cube.
    pub template_sha256: String,
    /// SHA-256 of the case's cube.
    pub case_sha256: String,
    /// Dice of the lungs after registration.
    pub lung_dice: f64,
}

/// A case and the template, both ways.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// From the template's space into the case's: the case read through it looks like the template.
    pub to_case: Map,
    /// The inverse.
    pub from_case: Map,
    /// What it is.
    pub card: FieldCard,
}

/// What a registration of a data set ended with.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FieldSummary {
    /// The template.
    pub template: String,
    /// Fields made by this call.
    pub made: usize,
    /// Fields of earlier calls.
    pub kept: usize,
    /// Cases that could not be registered.
    pub skipped: Vec<SkippedEntry>,
}

/// A chest as registration takes it.
struct Read {
    r: Vec<f32>,
    lungs: Vec<u8>,
    slices: (usize, usize),
    sha256: String,
}

impl Read {
    fn of(file: &CaseFile) -> Result<Self, TrainError> {
        let case: Case = file.load()?;
        let bytes = std::fs::read(&file.path).map_err(|e| fault(&file.path, format!("cannot be read ({e})")))?;
        let lungs = lung_mask(case.volume(), DEFAULT_THRESHOLD).labels;
        Ok(Self { r: case.without_table(), lungs, slices: case.data_slices, sha256: sha256_hex(&bytes) })
    }

    fn chest(&self) -> Chest<'_> {
        Chest { r: &self.r, lungs: &self.lungs, slices: self.slices }
    }
}

/// Registers every case to the one named `template`, into `folder`.
///
/// # Errors
/// [`TrainError::Data`] for a template that is not there or has no lungs; [`TrainError::Write`]; [`TrainError::Stopped`].
pub fn fields(
    cases: &[CaseFile],
    template: &str,
    folder: &Path,
    observer: &mut Observer,
) -> Result<FieldSummary, TrainError> {
    let named = cases
        .iter()
        .find(|case| case.name == template)
        .ok_or_else(|| fault(folder, format!("has no case `{template}` to be the template; name one of its cases")))?;
    let fixed = Read::of(named)?;
    let folder = folder.join(FIELDS_FOLDER);
    std::fs::create_dir_all(&folder).map_err(|cause| TrainError::Write { path: folder.clone(), cause })?;
    let mut summary = FieldSummary { template: template.to_owned(), made: 0, kept: 0, skipped: Vec::new() };
    tell(observer, &PrepareEvent::Started { scans: cases.len(), done: 0, skipped: Vec::new() })?;
    for case in cases {
        let start = Instant::now();
        let path = folder.join(format!("{}.safetensors", case.name));
        match one(case, &path, template, &fixed, observer) {
            Ok(true) => summary.made += 1,
            Ok(false) => summary.kept += 1,
            Err(Stop::Whole(error)) => return Err(error),
            Err(Stop::Pair(cause)) => {
                let entry = SkippedEntry { source: case.name.clone(), patient: String::new(), series: None, cause };
                tell(observer, &PrepareEvent::Skipped(entry.clone()))?;
                summary.skipped.push(entry);
                continue;
            }
        }
        tell(observer, &PrepareEvent::Made { name: case.name.clone(), seconds: start.elapsed().as_secs_f64() })?;
    }
    Ok(summary)
}

/// Why a pair gave no field.
enum Stop {
    /// Nothing else can be done either.
    Whole(TrainError),
    /// The others go on.
    Pair(String),
}

/// Registers one case; false where an earlier call did.
fn one(file: &CaseFile, path: &Path, template: &str, fixed: &Read, observer: &mut Observer) -> Result<bool, Stop> {
    let moving = Read::of(file).map_err(|e| Stop::Pair(e.to_string()))?;
    let stands = |card: &FieldCard| card.template_sha256 == fixed.sha256 && card.case_sha256 == moving.sha256;
    if Field::read(path).is_ok_and(|field| stands(&field.card)) {
        return Ok(false);
    }
    let mut stopped = None;
    let mut told = |_| match tell(observer, &PrepareEvent::Registering { name: file.name.clone() }) {
        Ok(()) => true,
        Err(error) => {
            stopped = Some(error);
            false
        }
    };
    let to_case = register(&fixed.chest(), &moving.chest(), &mut told);
    if let Some(error) = stopped {
        return Err(Stop::Whole(error));
    }
    let to_case = to_case.map_err(|e: RegistrationError| Stop::Pair(e.to_string()))?.with_nodes(NODES);
    let from_case = to_case.inverse(NODES).ok_or_else(|| Stop::Pair("its map has no inverse".to_owned()))?;
    let lungs: Vec<f32> = moving.lungs.iter().map(|l| f32::from(u8::from(*l != 0))).collect();
    let bent = Bent { map: to_case.clone(), tissue: Tissue::default(), cost: 0.0 }.volume(&Sampled::new(128, &lungs));
    let lung_dice = dice(&bent.iter().map(|v| u8::from(*v > 0.5)).collect::<Vec<_>>(), &fixed.lungs);
    if !(lung_dice >= LEAST_DICE) {
        return Err(Stop::Pair(format!(
            "its lungs overlap the template's by {lung_dice:.3} after registration, {LEAST_DICE} is wanted; look at the CT, \
             or name another template"
        )));
    }
    let card = FieldCard {
        template: template.to_owned(),
        template_sha256: fixed.sha256.clone(),
        case_sha256: moving.sha256,
        lung_dice,
    };
    Field { to_case, from_case, card }.write(path).map_err(Stop::Whole)?;
    Ok(true)
}

impl Field {
    /// Reads a field's file.
    ///
    /// # Errors
    /// [`TrainError::Data`] naming the file and what is wrong with it.
    pub fn read(path: &Path) -> Result<Self, TrainError> {
        let damaged = |cause: String| {
            fault(path, format!("is no field ({cause}); make it again with `biplane prepare --register`"))
        };
        let bytes = std::fs::read(path).map_err(|e| damaged(e.to_string()))?;
        let (_, header) = SafeTensors::read_metadata(&bytes).map_err(|e| damaged(e.to_string()))?;
        let text = header.metadata().as_ref().and_then(|m| m.get(CARD)).ok_or_else(|| damaged("no card".into()))?;
        let card = serde_json::from_str(text).map_err(|e| damaged(e.to_string()))?;
        let tensors = SafeTensors::deserialize(&bytes).map_err(|e| damaged(e.to_string()))?;
        let map = |name: &str| {
            let values = |name: &str| {
                let tensor = tensors.tensor(name).map_err(|e| damaged(e.to_string()))?;
                let numbers = tensor.data().as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b));
                Ok::<Vec<f32>, TrainError>(numbers.collect())
            };
            let (shifts, affine) = (values(name)?, values(&format!("{name}.affine"))?);
            map_of(&shifts, &affine).ok_or_else(|| damaged(format!("`{name}` has another shape")))
        };
        Ok(Self { to_case: map("to_case")?, from_case: map("from_case")?, card })
    }

    /// Writes it, whole or not at all.
    ///
    /// # Errors
    /// [`TrainError::Write`].
    pub fn write(&self, path: &Path) -> Result<(), TrainError> {
        let failed = |cause: String| TrainError::Write { path: path.to_owned(), cause: std::io::Error::other(cause) };
        let mut parts: Vec<(String, Vec<usize>, Vec<u8>)> = Vec::new();
        for (name, map) in [("to_case", &self.to_case), ("from_case", &self.from_case)] {
            let bytes = |values: &mut dyn Iterator<Item = f32>| values.flat_map(f32::to_le_bytes).collect::<Vec<u8>>();
            let shifts = bytes(&mut map.shifts_mm().iter().flatten().copied());
            parts.push((name.to_owned(), vec![3, map.nodes(), map.nodes(), map.nodes()], shifts));
            let rows = (0..3).flat_map(|k| {
                let [a, b, c] = map.affine.matrix[k];
                [a, b, c, map.affine.shift_mm[k]].map(|v| v as f32)
            });
            parts.push((format!("{name}.affine"), vec![3, 4], bytes(&mut rows.into_iter())));
        }
        let views = parts
            .iter()
            .map(|(name, shape, data)| Ok((name.as_str(), TensorView::new(Dtype::F32, shape.clone(), data)?)))
            .collect::<Result<Vec<_>, safetensors::SafeTensorError>>()
            .map_err(|e| failed(e.to_string()))?;
        let card = serde_json::to_string(&self.card).map_err(|e| failed(e.to_string()))?;
        let header = HashMap::from([(CARD.to_owned(), card)]);
        let bytes = safetensors::serialize(views, Some(header)).map_err(|e| failed(e.to_string()))?;
        write_bytes(path, &bytes).map_err(|e| failed(e.to_string()))
    }
}

fn map_of(shifts: &[f32], affine: &[f32]) -> Option<Map> {
    let nodes = ((shifts.len() / 3) as f64).cbrt().round() as usize;
    let [x, y, z] = [0, 1, 2].map(|k| shifts.get(k * nodes.pow(3)..(k + 1) * nodes.pow(3)).map(<[f32]>::to_vec));
    let row = |k: usize| affine.get(4 * k..4 * k + 4).map(|row| row.iter().map(|v| f64::from(*v)).collect::<Vec<_>>());
    let rows = [row(0)?, row(1)?, row(2)?];
    let matrix = rows.each_ref().map(|row| [row[0], row[1], row[2]]);
    Map::new(Affine { matrix, shift_mm: rows.map(|row| row[3]) }, nodes, [x?, y?, z?])
}

fn fault(path: &Path, cause: String) -> TrainError {
    TrainError::Data { path: PathBuf::from(path), cause }
}
