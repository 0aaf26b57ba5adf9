//! A model folder: weights as safetensors beside a card in TOML that explains itself. Knows no training.

use super::coarse::{Coarse, CoarseConfig};
use super::method::Method;
use super::parameters::Parameters;
use super::refine::RefineInput;
use super::unet::UNet;
use super::{NnError, refine};
use crate::geometry::ViewPair;
use crate::projection::BackProjection;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use tch::{Device, Kind, Tensor};

/// The card's file name in a model folder.
pub const CARD_FILE: &str = "model.toml";
/// The weights' file name in a model folder.
pub const WEIGHTS_FILE: &str = "weights.safetensors";
/// Names of the coarse network's weights begin so.
const COARSE_PREFIX: &str = "coarse.";
/// Names of the refining network's weights begin so.
const REFINE_PREFIX: &str = "refine.";

/// What a model is, was made from and can do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelCard {
    /// The name on screen.
    pub name: String,
    /// What it is in a sentence or two.
    pub description: String,
    /// Licence of the weights.
    pub licence: String,
    /// SHA-256 of the weights' file, hexadecimal.
    pub sha256: String,
    /// Shape of the networks.
    pub architecture: Architecture,
    /// What the networks expect.
    pub input: InputRange,
    /// Where it was learnt.
    #[serde(default)]
    pub data: Vec<DataSource>,
    /// How it was learnt, in words.
    #[serde(default)]
    pub training: Vec<String>,
    /// Which planted nodules it shows, in one sentence, the conclusion before its bracket (`biplane nodules`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detectability: Option<String>,
    /// What it reaches, by name.
    #[serde(default)]
    pub metrics: Vec<Metric>,
}

/// Shape of both networks.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Architecture {
    /// Whose networks these are; ours where absent.
    #[serde(default)]
    pub method: Method,
    /// Channels of the coarse network's first level.
    pub coarse_width: i64,
    /// How the films enter.
    pub input: BackProjection,
    /// Whether the packed network sees the films once more before its head.
    #[serde(default)]
    pub late_input: bool,
    /// The refining network; absent where the coarse volume is the result.
    pub refine: Option<RefineArchitecture>,
}

impl Architecture {
    /// Shape of the network that makes the volume.
    pub fn coarse(&self) -> CoarseConfig {
        CoarseConfig {
            method: self.method,
            base_width: self.coarse_width,
            input: self.input,
            late_input: self.late_input,
        }
    }
}

/// Shape of the refining network.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefineArchitecture {
    /// Channels of the first level.
    pub width: i64,
    /// What it sees.
    pub input: RefineInput,
}

/// The geometry and normalisation a model was trained for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputRange {
    /// Gantry angles of the frontal film, degrees, each with this tolerance in [`InputRange::angle_tolerance_deg`].
    pub frontal_deg: Vec<f64>,
    /// Gantry angles of the lateral film, degrees.
    pub lateral_deg: Vec<f64>,
    /// How far from these the angles varied, degrees.
    pub angle_tolerance_deg: f64,
    /// How films are standardised.
    pub normalisation: String,
}

impl InputRange {
    /// What to say where films were taken from directions the model never learnt; `None` where it knows them.
    pub fn caution(&self, views: &ViewPair) -> Option<String> {
        let known = [&self.frontal_deg, &self.lateral_deg];
        let strange = views.views.iter().zip(known).find(|(view, angles)| {
            let off = |angle: &f64| {
                let turn = (view.angle.degrees() - angle).rem_euclid(360.0);
                turn.min(360.0 - turn)
            };
            !angles.iter().any(|angle| off(angle) <= self.angle_tolerance_deg)
        });
        let (view, angles) = strange?;
        let listed: Vec<String> = angles.iter().map(|a| format!("{a:.0}")).collect();
        Some(format!(
            "a film at {:.0} degrees: the model learnt films at {} degrees only; expect a worse volume",
            view.angle.degrees(),
            listed.join(" and ")
        ))
    }
}

/// A collection of cases.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataSource {
    /// Its name.
    pub collection: String,
    /// Its licence.
    pub licence: String,
    /// How it is cited.
    pub citation: String,
    /// Patients learnt from.
    pub training: Vec<String>,
    /// Patients only checked with.
    #[serde(default)]
    pub validation: Vec<String>,
}

/// One figure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metric {
    /// What was measured, with its definition and unit.
    pub name: String,
    /// On which patients.
    pub cases: String,
    /// The value.
    pub value: f64,
}

/// Both networks with their card, ready to compute.
pub struct Model {
    card: ModelCard,
    coarse: Coarse,
    refine: Option<UNet>,
}

impl Model {
    /// Loads a model folder onto a device; weights are widened to f32.
    ///
    /// # Errors
    /// [`NnError::File`] or [`NnError::Weight`] saying which file, name, shape or type is off.
    pub fn load(folder: &Path, device: Device) -> Result<Self, NnError> {
        let card = read_card(folder)?;
        let path = folder.join(WEIGHTS_FILE);
        let bytes = std::fs::read(&path).map_err(|e| file_error(&path, e.to_string()))?;
        Self::from_bytes(card, &bytes, &path, device)
    }

    /// From a card and the bytes of a weights file, whose hash must be the card's. `path` is for messages.
    ///
    /// # Errors
    /// As [`Model::load`].
    pub fn from_bytes(card: ModelCard, bytes: &[u8], path: &Path, device: Device) -> Result<Self, NnError> {
        let found = hex(&Sha256::digest(bytes));
        if found != card.sha256 {
            let cause =
                format!("is damaged or belongs to another card (SHA-256 {found}, the card says {})", card.sha256);
            return Err(file_error(path, cause));
        }
        let named = read_tensors(bytes, path)?;
        let mut model = Self::fresh(card, device)?;
        let mut expected = model.coarse.parameters().entries().len();
        model.coarse.parameters_mut().load(&named, COARSE_PREFIX, path)?;
        if let Some(refine) = &mut model.refine {
            expected += refine.parameters().entries().len();
            refine.parameters_mut().load(&named, REFINE_PREFIX, path)?;
        }
        if named.len() != expected {
            return Err(file_error(
                path,
                format!("holds {} weights, the card's networks have {expected}", named.len()),
            ));
        }
        Ok(model)
    }

    /// A model with fresh weights, of the card's architecture.
    ///
    /// # Errors
    /// Where the device cannot hold it.
    pub fn fresh(card: ModelCard, device: Device) -> Result<Self, NnError> {
        let shape = card.architecture;
        let coarse = Coarse::new(shape.coarse(), device)?;
        let refine = shape.refine.map(|r| UNet::new(refine::config(r.width, r.input), device)).transpose()?;
        Ok(Self { card, coarse, refine })
    }

    /// The card.
    pub fn card(&self) -> &ModelCard {
        &self.card
    }

    /// How many numbers both networks learnt.
    pub fn parameter_count(&self) -> usize {
        self.coarse.parameters().len() + self.refine.as_ref().map_or(0, |net| net.parameters().len())
    }

    /// The network that makes the volume.
    pub fn coarse(&self) -> &Coarse {
        &self.coarse
    }

    /// The networks themselves, to train on.
    pub fn into_networks(self) -> (Coarse, Option<UNet>) {
        (self.coarse, self.refine)
    }

    /// The refining network and what it sees, where the model has one.
    pub fn refine(&self) -> Option<(&UNet, RefineInput)> {
        Some((self.refine.as_ref()?, self.card.architecture.refine?.input))
    }
}

/// Writes a model folder: weights in `kind` (f32 or f16), and the card with the weights' hash filled in.
///
/// # Errors
/// [`NnError::File`] where the folder cannot be written.
pub fn save(
    folder: &Path,
    mut card: ModelCard,
    coarse: &Parameters,
    refine: Option<&Parameters>,
    kind: Kind,
) -> Result<ModelCard, NnError> {
    std::fs::create_dir_all(folder).map_err(|e| file_error(folder, e.to_string()))?;
    let mut named = coarse.named(COARSE_PREFIX, kind);
    named.extend(refine.into_iter().flat_map(|p| p.named(REFINE_PREFIX, kind)));
    let path = folder.join(WEIGHTS_FILE);
    let temporary = folder.join(format!("{WEIGHTS_FILE}.part"));
    Tensor::write_safetensors(&named, &temporary).map_err(|e| file_error(&path, e.to_string()))?;
    let bytes = std::fs::read(&temporary).map_err(|e| file_error(&path, e.to_string()))?;
    card.sha256 = hex(&Sha256::digest(&bytes));
    std::fs::rename(&temporary, &path).map_err(|e| file_error(&path, e.to_string()))?;
    write_card(folder, &card)?;
    Ok(card)
}

/// Reads the card of a model folder.
///
/// # Errors
/// [`NnError::File`] where there is none or it is not understood.
pub fn read_card(folder: &Path) -> Result<ModelCard, NnError> {
    let path = folder.join(CARD_FILE);
    let text = std::fs::read_to_string(&path).map_err(|e| file_error(&path, e.to_string()))?;
    toml::from_str(&text).map_err(|e| file_error(&path, e.to_string()))
}

/// Writes the card of a model folder.
///
/// # Errors
/// [`NnError::File`] where it cannot be written.
pub fn write_card(folder: &Path, card: &ModelCard) -> Result<(), NnError> {
    let path = folder.join(CARD_FILE);
    let text = toml::to_string_pretty(card).map_err(|e| file_error(&path, e.to_string()))?;
    std::fs::write(&path, text).map_err(|e| file_error(&path, e.to_string()))
}

pub(super) fn file_error(path: &Path, cause: impl Into<String>) -> NnError {
    NnError::File { path: PathBuf::from(path), cause: cause.into() }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// Named tensors of a safetensors file, as f32.
fn read_tensors(bytes: &[u8], path: &Path) -> Result<Vec<(String, Tensor)>, NnError> {
    let parsed = safetensors::SafeTensors::deserialize(bytes).map_err(|e| file_error(path, e.to_string()))?;
    let convert = |(name, view): (String, safetensors::tensor::TensorView)| {
        let kind = match view.dtype() {
            safetensors::Dtype::F32 => Kind::Float,
            safetensors::Dtype::F16 => Kind::Half,
            safetensors::Dtype::BF16 => Kind::BFloat16,
            other => {
                let cause = format!("is of type {other:?}; f32, f16 or bf16 is needed");
                return Err(NnError::Weight { path: path.to_owned(), name, cause });
            }
        };
        let shape: Vec<i64> = view.shape().iter().map(|n| *n as i64).collect();
        let tensor = Tensor::f_from_data_size(view.data(), &shape, kind)?.f_to_kind(Kind::Float)?;
        Ok((name, tensor))
    };
    parsed.tensors().into_iter().map(convert).collect()
}
