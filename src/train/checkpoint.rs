//! A run's whole state in one file: safetensors with the state of the schedule in its header. Knows no network.
//!
//! Written under a temporary name, flushed to the disk, renamed, the folder flushed: a kill at any moment leaves the
//! last whole checkpoint. Random numbers need no state of their own: every draw depends on the seed and the step.

use super::TrainError;
use crate::nn::Precision;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use tch::{Device, Kind, Tensor};

/// The checkpoint's file name in a run folder.
pub const CHECKPOINT_FILE: &str = "checkpoint.safetensors";
/// The key of the state in the file's header.
const STATE_KEY: &str = "biplane.run";
/// The version of what the file holds.
const VERSION: u32 = 2;

/// Where the schedule stands, and what a resumed run must do as before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// The version of the file.
    pub version: u32,
    /// The plan, as TOML.
    pub plan: String,
    /// SHA-256 of the data set's manifest, where it has one.
    pub manifest_sha256: Option<String>,
    /// Precision of the convolutions.
    pub precision: Precision,
    /// Threads of libtorch: another number would add up in another order.
    pub threads: i32,
    /// The phase, from 0.
    pub phase: usize,
    /// Steps done in it.
    pub step: u64,
    /// Seconds spent in it.
    pub elapsed_secs: f64,
    /// What the validations of the phase told.
    pub judge: Judge,
}

impl State {
    /// The state before the first step.
    pub fn new(plan: String, manifest_sha256: Option<String>, precision: Precision, threads: i32) -> Self {
        let judge = Judge::default();
        let version = VERSION;
        Self { version, plan, manifest_sha256, precision, threads, phase: 0, step: 0, elapsed_secs: 0.0, judge }
    }

    /// The state before the first step of the next phase.
    pub fn next_phase(&mut self) {
        (self.phase, self.step, self.elapsed_secs, self.judge) = (self.phase + 1, 0, 0.0, Judge::default());
    }
}

/// Weight of the past in the smoothed score.
const SMOOTHING: f64 = 0.5;

/// Smooths the score of the validations and remembers the best.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Judge {
    /// The running mean of the score.
    pub smoothed: Option<f64>,
    /// Its least value.
    pub best: Option<f64>,
    /// Validations since then.
    pub stale: u64,
}

impl Judge {
    /// A moment that must not be kept; whether it is all the same, because none could be so far.
    pub fn pass_over(&mut self) -> bool {
        self.stale += 1;
        self.best.is_none()
    }

    /// Takes in a score, less is better; whether its smoothed value is the best so far.
    pub fn hear(&mut self, score: f64) -> bool {
        let smoothed = self.smoothed.map_or(score, |past| SMOOTHING * past + (1.0 - SMOOTHING) * score);
        self.smoothed = Some(smoothed);
        let better = self.best.is_none_or(|best| smoothed < best);
        if better {
            self.best = Some(smoothed);
        }
        self.stale = if better { 0 } else { self.stale + 1 };
        better
    }
}

/// Named vectors and counts of a checkpoint.
#[derive(Default)]
pub struct Tensors {
    named: HashMap<String, Tensor>,
    path: PathBuf,
}

impl Tensors {
    /// Adds a copy of a tensor's values, f32 on the CPU.
    pub fn put(&mut self, name: String, tensor: &Tensor) {
        let _guard = tch::no_grad_guard();
        self.named.insert(name, tensor.detach().to_device(Device::Cpu).to_kind(Kind::Float).contiguous().copy());
    }

    /// Adds a whole number.
    pub fn put_count(&mut self, name: String, count: u64) {
        self.named.insert(name, Tensor::from_slice(&[count as i64]));
    }

    /// Bytes of all values.
    pub fn bytes(&self) -> u64 {
        self.named.values().map(|t| (t.numel() * t.kind().elt_size_in_bytes()) as u64).sum()
    }

    /// Whether a tensor of this name is there.
    pub fn has(&self, name: &str) -> bool {
        self.named.contains_key(name)
    }

    /// Overwrites `target` with a stored tensor.
    ///
    /// # Errors
    /// [`TrainError::Checkpoint`] where it is missing or of another shape.
    pub fn copy_to(&self, name: &str, target: &Tensor) -> Result<(), TrainError> {
        let _guard = tch::no_grad_guard();
        let stored = self.named.get(name).ok_or_else(|| self.fault(format!("holds no `{name}`")))?;
        if stored.size() != target.size() {
            let (found, wanted) = (stored.numel(), target.numel());
            return Err(self.fault(format!(
                "`{name}` has {found} values, the plan's networks need {wanted}: it belongs to another architecture"
            )));
        }
        target.shallow_clone().f_copy_(&stored.f_to_device(target.device())?)?;
        Ok(())
    }

    /// A stored whole number.
    ///
    /// # Errors
    /// [`TrainError::Checkpoint`] where it is missing.
    pub fn count(&self, name: &str) -> Result<u64, TrainError> {
        let stored = self.named.get(name).ok_or_else(|| self.fault(format!("holds no `{name}`")))?;
        Ok(stored.f_int64_value(&[0])?.max(0) as u64)
    }

    fn fault(&self, cause: String) -> TrainError {
        TrainError::Checkpoint { path: self.path.clone(), cause }
    }
}

/// Writes a checkpoint so that a kill at any moment leaves either the old or the new one whole.
///
/// # Errors
/// [`TrainError::Write`]; the last checkpoint is then untouched.
pub fn save(folder: &Path, state: &State, tensors: &Tensors) -> Result<PathBuf, TrainError> {
    let path = folder.join(CHECKPOINT_FILE);
    let temporary = folder.join(format!("{CHECKPOINT_FILE}.part"));
    let fault = |cause: std::io::Error| TrainError::Write { path: path.clone(), cause };
    let text = serde_json::to_string(state).map_err(|e| fault(e.into()))?;
    let mut names: Vec<&String> = tensors.named.keys().collect();
    names.sort();
    let bytes: Vec<(Vec<u8>, Dtype, Vec<usize>)> =
        names.iter().map(|name| to_bytes(&tensors.named[*name])).collect::<Result<_, _>>()?;
    let views = names.iter().zip(&bytes).map(|(name, (data, kind, shape))| {
        let view = TensorView::new(*kind, shape.clone(), data).map_err(|e| fault(std::io::Error::other(e)))?;
        Ok(((*name).clone(), view))
    });
    let views: Vec<(String, TensorView)> = views.collect::<Result<_, TrainError>>()?;
    let header = HashMap::from([(STATE_KEY.to_owned(), text)]);
    let content = safetensors::serialize(views, Some(header)).map_err(|e| fault(std::io::Error::other(e)))?;
    let written = || -> std::io::Result<()> {
        let mut file = File::create(&temporary)?;
        file.write_all(&content)?;
        file.sync_all()?;
        fs::rename(&temporary, &path)?;
        File::open(folder)?.sync_all()
    };
    written().map_err(|cause| {
        let _ = fs::remove_file(&temporary);
        fault(cause)
    })?;
    Ok(path)
}

/// Reads the checkpoint of a run folder.
///
/// # Errors
/// [`TrainError::Checkpoint`] where there is none, or it is damaged or of another version.
pub fn load(folder: &Path) -> Result<(State, Tensors), TrainError> {
    let path = folder.join(CHECKPOINT_FILE);
    let fault = |cause: String| TrainError::Checkpoint { path: path.clone(), cause };
    let bytes = fs::read(&path).map_err(|e| fault(format!("cannot be read ({e})")))?;
    let state = state_of(&bytes, &path)?;
    let parsed = SafeTensors::deserialize(&bytes).map_err(|e| fault(format!("is damaged ({e})")))?;
    let mut tensors = Tensors { named: HashMap::new(), path: path.clone() };
    for (name, view) in parsed.tensors() {
        let kind = match view.dtype() {
            Dtype::F32 => Kind::Float,
            Dtype::I64 => Kind::Int64,
            other => return Err(fault(format!("`{name}` is of type {other:?}"))),
        };
        let shape: Vec<i64> = view.shape().iter().map(|n| *n as i64).collect();
        tensors.named.insert(name, Tensor::f_from_data_size(view.data(), &shape, kind)?);
    }
    Ok((state, tensors))
}

/// Reads only where the schedule of a run folder stands; `None` where it has no checkpoint.
///
/// # Errors
/// As [`load`].
pub fn peek(folder: &Path) -> Result<Option<State>, TrainError> {
    use std::io::Read;
    /// No header of ours is longer.
    const MOST_HEADER_BYTES: u64 = 1 << 20;
    let path = folder.join(CHECKPOINT_FILE);
    let Ok(mut file) = File::open(&path) else { return Ok(None) };
    let fault = |cause: String| TrainError::Checkpoint { path: path.clone(), cause };
    let mut length = [0u8; 8];
    file.read_exact(&mut length).map_err(|e| fault(format!("is damaged ({e})")))?;
    let length = u64::from_le_bytes(length);
    if length > MOST_HEADER_BYTES {
        return Err(fault("is damaged (its header is too long)".into()));
    }
    let mut header = Vec::new();
    file.take(length).read_to_end(&mut header).map_err(|e| fault(format!("is damaged ({e})")))?;
    let header: serde_json::Value = serde_json::from_slice(&header).map_err(|e| fault(format!("is damaged ({e})")))?;
    let text = header["__metadata__"][STATE_KEY].as_str().map(str::to_owned);
    parse_state(text, &path).map(Some)
}

fn state_of(bytes: &[u8], path: &Path) -> Result<State, TrainError> {
    let fault = |cause: String| TrainError::Checkpoint { path: path.to_owned(), cause };
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(|e| fault(format!("is damaged ({e})")))?;
    parse_state(header.metadata().as_ref().and_then(|m| m.get(STATE_KEY)).cloned(), path)
}

fn parse_state(text: Option<String>, path: &Path) -> Result<State, TrainError> {
    let fault = |cause: String| TrainError::Checkpoint { path: path.to_owned(), cause };
    let text = text.ok_or_else(|| fault("is no checkpoint of a training run".into()))?;
    let value: serde_json::Value = serde_json::from_str(&text).map_err(|e| fault(format!("is damaged ({e})")))?;
    if value["version"] != VERSION {
        return Err(fault(format!(
            "is of version {}, this program reads {VERSION}; go on with the program that began it, or start a new run from its model (start_from)",
            value["version"]
        )));
    }
    serde_json::from_value(value).map_err(|e| fault(format!("is damaged ({e})")))
}

fn to_bytes(tensor: &Tensor) -> Result<(Vec<u8>, Dtype, Vec<usize>), TrainError> {
    let kind = if tensor.kind() == Kind::Int64 { Dtype::I64 } else { Dtype::F32 };
    let count = tensor.numel();
    let mut bytes = vec![0u8; count * tensor.kind().elt_size_in_bytes()];
    tensor.f_copy_data_u8(&mut bytes, count)?;
    Ok((bytes, kind, tensor.size().iter().map(|n| *n as usize).collect()))
}
