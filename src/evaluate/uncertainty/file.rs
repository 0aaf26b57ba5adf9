//! An error model as a file beside its networks' weights: safetensors, the table in f16, its card as JSON in the
//! header. Knows no learning.

use super::{BANDS_HU, CELLS, ErrorCard, ErrorModel};
use crate::atlas::{AtlasSource, DEFAULT_COUNT};
use crate::evaluate::EvaluateError;
use crate::nn::ModelSource;
use half::f16;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::path::Path;

/// The table's name in the file.
const TABLE: &str = "mean_absolute_error_hu";
/// The header's entry that holds the card.
const ENTRY: &str = "uncertainty";

/// The card with what tells damage.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    table_sha256: String,
    card: ErrorCard,
}

/// What an error model belongs to: the hash of the weights, and where the bundled atlases guide that of both.
///
/// # Errors
/// As [`AtlasSource::card`].
pub fn errors_key(model_sha256: &str, guided: bool) -> Result<String, EvaluateError> {
    if !guided {
        return Ok(model_sha256.to_owned());
    }
    let atlases = AtlasSource::Bundled.card()?.state();
    Ok(hex(&Sha256::digest(format!("{model_sha256} {DEFAULT_COUNT} {atlases}"))))
}

impl ErrorModel {
    /// The error model of a model, where it has one; of its volumes guided by atlases where `guided`.
    ///
    /// # Errors
    /// [`EvaluateError::Data`] naming the file: damaged, or made for other weights or atlases.
    pub fn of(source: &ModelSource, guided: bool) -> Result<Option<Self>, EvaluateError> {
        let file = if guided { source.guided_uncertainty() } else { source.uncertainty() };
        let Some((path, bytes)) = file? else { return Ok(None) };
        let model = Self::from_bytes(&bytes, &path)?;
        let wanted = errors_key(&source.card()?.sha256, guided)?;
        if model.card().model_sha256 != wanted {
            let cause = "was made for other weights or atlases; make it again with `biplane calibrate`";
            return Err(EvaluateError::Data { path, cause: cause.to_owned() });
        }
        Ok(Some(model))
    }

    /// From a file's bytes; `path` is for messages.
    ///
    /// # Errors
    /// [`EvaluateError::Data`] naming the file and what is wrong with it.
    pub fn from_bytes(bytes: &[u8], path: &Path) -> Result<Self, EvaluateError> {
        let fault = |cause: &str| EvaluateError::Data {
            path: path.to_owned(),
            cause: format!("is no error model ({cause}); make it again with `biplane calibrate`"),
        };
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(|e| fault(&e.to_string()))?;
        let text = header.metadata().as_ref().and_then(|m| m.get(ENTRY)).ok_or_else(|| fault("it has no card"))?;
        let entry: Entry = serde_json::from_str(text).map_err(|e| fault(&e.to_string()))?;
        let tensors = SafeTensors::deserialize(bytes).map_err(|e| fault(&e.to_string()))?;
        let table = tensors.tensor(TABLE).map_err(|e| fault(&e.to_string()))?;
        if table.dtype() != Dtype::F16 || hex(&Sha256::digest(table.data())) != entry.table_sha256 {
            return Err(fault("its table is damaged"));
        }
        let values = table.data().as_chunks().0.iter().map(|b| f16::from_le_bytes(*b).to_f32()).collect();
        Self::new(values, entry.card).map_err(|e| fault(&e.to_string()))
    }

    /// The bytes of its file.
    ///
    /// # Errors
    /// Where the card cannot be written as JSON.
    pub fn to_bytes(&self) -> Result<Vec<u8>, EvaluateError> {
        let fault = |cause: String| EvaluateError::Input(format!("the error model cannot be written: {cause}"));
        let bytes: Vec<u8> = self.table.iter().flat_map(|v| f16::from_f32(*v).to_le_bytes()).collect();
        let entry = Entry { table_sha256: hex(&Sha256::digest(&bytes)), card: self.card.clone() };
        let text = serde_json::to_string(&entry).map_err(|e| fault(e.to_string()))?;
        let shape = vec![BANDS_HU.len(), CELLS, CELLS, CELLS];
        let view = TensorView::new(Dtype::F16, shape, &bytes).map_err(|e| fault(e.to_string()))?;
        let header = HashMap::from([(ENTRY.to_owned(), text)]);
        safetensors::serialize([(TABLE, view)], Some(header)).map_err(|e| fault(e.to_string()))
    }

    /// Writes its file.
    ///
    /// # Errors
    /// [`EvaluateError::Write`].
    pub fn write(&self, path: &Path) -> Result<(), EvaluateError> {
        let bytes = self.to_bytes()?;
        std::fs::write(path, bytes).map_err(|cause| EvaluateError::Write { path: path.to_owned(), cause })
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
