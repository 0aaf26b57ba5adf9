//! The user's store of weights: under each name a safetensors file beside a card that says what it is. A card is
//! written last and names its file, so that a broken-off installation changes nothing. Knows no network address.

use super::checkpoint::{hex, sha256_of};
use super::{Array, Backbone, Checkpoint, Layer, WeightsError};
use crate::nn::runtime::cache_folder;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Folder of the store within the program's cache.
const FOLDER: &str = "perceptual";
/// Letters of a hash in a file's name.
const SHORT_HASH: usize = 8;
/// Channels that each of the five heads of LPIPS weighs, by backbone.
const VGG_HEADS: [usize; 5] = [64, 128, 256, 512, 512];
const ALEX_HEADS: [usize; 5] = [64, 192, 384, 256, 256];

/// Weights that can be installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WeightSet {
    /// VGG16's convolutions.
    Vgg16,
    /// AlexNet's convolutions.
    #[serde(rename = "alexnet")]
    AlexNet,
    /// LPIPS v0.1: how its features of VGG16 are weighed.
    LpipsVgg,
    /// LPIPS v0.1: how its features of AlexNet are weighed.
    LpipsAlex,
}

/// A file that its makers serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Official {
    /// Its name; what stands behind the last `-` begins its SHA-256.
    pub file: &'static str,
    /// The letters that begin its SHA-256.
    pub hash: &'static str,
}

impl WeightSet {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Vgg16, Self::AlexNet, Self::LpipsVgg, Self::LpipsAlex];

    /// Its name on the command line and in the store.
    pub fn name(self) -> &'static str {
        match self {
            Self::Vgg16 => "vgg16",
            Self::AlexNet => "alexnet",
            Self::LpipsVgg => "lpips-vgg",
            Self::LpipsAlex => "lpips-alex",
        }
    }

    /// What messages call it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Vgg16 => "VGG16 weights",
            Self::AlexNet => "AlexNet weights",
            Self::LpipsVgg => "LPIPS heads for VGG16",
            Self::LpipsAlex => "LPIPS heads for AlexNet",
        }
    }

    /// Licence of the weights as their makers publish them.
    pub fn licence(self) -> &'static str {
        match self {
            Self::Vgg16 | Self::AlexNet => "BSD-3-Clause (torchvision; trained on ImageNet)",
            Self::LpipsVgg | Self::LpipsAlex => "BSD-2-Clause (Zhang, Isola, Efros, Shechtman, Wang, LPIPS v0.1)",
        }
    }

    /// The file that torchvision serves; none for the heads, which come with the package `lpips`.
    pub fn official(self) -> Option<Official> {
        match self {
            Self::Vgg16 => Some(Official { file: "vgg16-397923af.pth", hash: "397923af" }),
            Self::AlexNet => Some(Official { file: "alexnet-owt-7be5be79.pth", hash: "7be5be79" }),
            Self::LpipsVgg | Self::LpipsAlex => None,
        }
    }

    /// How to install it without biplane's own download.
    pub fn by_hand(self) -> String {
        let file = match self {
            Self::Vgg16 | Self::AlexNet => {
                let name = self.official().map_or("", |official| official.file);
                format!("download {name} of torchvision by hand")
            }
            Self::LpipsVgg => "take lpips/weights/v0.1/vgg.pth of the package `lpips` 0.1.4".into(),
            Self::LpipsAlex => "take lpips/weights/v0.1/alex.pth of the package `lpips` 0.1.4".into(),
        };
        format!("{file}, then `biplane weights import FILE`")
    }

    /// The backbone whose convolutions these are; none for heads.
    pub fn backbone(self) -> Option<Backbone> {
        match self {
            Self::Vgg16 => Some(Backbone::Vgg16),
            Self::AlexNet => Some(Backbone::AlexNet),
            Self::LpipsVgg | Self::LpipsAlex => None,
        }
    }

    /// Every tensor of the complete set, with its shape.
    pub fn tensors(self) -> Vec<(String, Vec<usize>)> {
        match self.backbone() {
            Some(backbone) => {
                let both = |conv: &super::vgg::Convolution| {
                    let [from, to, side] = [conv.from, conv.to, conv.side].map(|n| n as usize);
                    let name = |part| format!("features.{}.{part}", conv.index);
                    [(name("weight"), vec![to, from, side, side]), (name("bias"), vec![to])]
                };
                backbone.convolutions().iter().flat_map(both).collect()
            }
            None => {
                let channels = if self == Self::LpipsVgg { VGG_HEADS } else { ALEX_HEADS };
                let head = |(k, channels)| (format!("lin{k}.model.1.weight"), vec![1, channels, 1, 1]);
                channels.into_iter().enumerate().map(head).collect()
            }
        }
    }

    /// Whether a tensor of this name belongs to the set.
    pub fn wants(self, name: &str) -> bool {
        self.tensors().iter().any(|(wanted, _)| wanted == name)
    }

    /// Whether the first tensors of the set are among these, with their shapes.
    fn begins_in(self, tensors: &[(&str, &[usize])]) -> bool {
        // Two heads are needed to tell them apart: the first has 64 channels in both.
        self.tensors().iter().take(4).all(|(name, shape)| tensors.iter().any(|(n, s)| n == name && s == shape))
    }
}

impl fmt::Display for WeightSet {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

impl FromStr for WeightSet {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = || Self::ALL.map(Self::name).join(", ");
        Self::ALL.into_iter().find(|set| set.name() == text).ok_or_else(|| format!("`{text}` is none of {}", known()))
    }
}

/// What is installed under a name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Card {
    /// Which weights these are.
    pub name: WeightSet,
    /// Where they come from, in words.
    pub source: String,
    /// SHA-256 of the file they were taken from, hexadecimal.
    pub source_sha256: String,
    /// The file in the store.
    pub file: String,
    /// SHA-256 of that file.
    pub sha256: String,
    /// What they give: ReLUs of a backbone (VGG16 by stage, AlexNet by number), heads by number.
    pub layers: Vec<String>,
    /// Whether the set has all of its tensors.
    pub complete: bool,
    /// Licence of the weights.
    pub licence: String,
}

/// The folder of installed weights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    folder: PathBuf,
}

impl Store {
    /// The store of the person who runs the program, in the program's cache.
    ///
    /// # Errors
    /// [`WeightsError::NoCache`] where the system names no folder for caches.
    pub fn user() -> Result<Self, WeightsError> {
        Ok(Self { folder: cache_folder().ok_or(WeightsError::NoCache)?.join(FOLDER) })
    }

    /// A store at a folder, which need not exist yet.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The card of a set; `None` where it is not installed.
    ///
    /// # Errors
    /// [`WeightsError::Installed`] where the card is not understood.
    pub fn card(&self, set: WeightSet) -> Result<Option<Card>, WeightsError> {
        let path = self.card_path(set);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(cause) => return Err(WeightsError::Read { path, cause }),
        };
        let card: Card = toml::from_str(&text).map_err(|e| {
            let cause = format!("is not understood ({})", e.message());
            WeightsError::Installed { path: path.clone(), cause }
        })?;
        if card.name != set || Path::new(&card.file).components().count() != 1 {
            return Err(WeightsError::Installed { path, cause: "is the card of something else".into() });
        }
        Ok(Some(card))
    }

    /// The weights of a set with their card; their hash must be the card's.
    ///
    /// # Errors
    /// [`WeightsError::NotInstalled`]; [`WeightsError::Installed`] where the file is gone or changed.
    pub fn load(&self, set: WeightSet) -> Result<(Card, Vec<Array>), WeightsError> {
        let card = self.card(set)?.ok_or(WeightsError::NotInstalled(set))?;
        let path = self.folder.join(&card.file);
        let off = |cause: String| WeightsError::Installed { path: path.clone(), cause };
        let found = sha256_of(&path).map_err(|e| off(format!("cannot be read ({e})")))?;
        if found != card.sha256 {
            return Err(off("is damaged: its SHA-256 is not the card's".into()));
        }
        let arrays = Checkpoint::open(&path)?.read(&|name| set.wants(name))?;
        Ok((card, arrays))
    }

    /// Installs the weights of a file: as `set`, or as what its tensors tell. What stood under the name is replaced.
    ///
    /// # Errors
    /// As [`Checkpoint::open`]; [`WeightsError::Unsuitable`] where the file holds no such weights, or some of another
    /// shape; [`WeightsError::Write`].
    pub fn import(&self, file: &Path, set: Option<WeightSet>) -> Result<Card, WeightsError> {
        let checkpoint = Checkpoint::open(file)?;
        let set = recognise(&checkpoint, file, set)?;
        let arrays = checked(set, checkpoint.read(&|name| set.wants(name))?, file)?;
        let source_sha256 = checkpoint.sha256()?;
        let source = match set.official() {
            Some(official) if source_sha256.starts_with(official.hash) => format!("torchvision's {}", official.file),
            _ => {
                let name = file.file_name().unwrap_or_default().to_string_lossy();
                format!("imported from {}", name.trim_end_matches(".part"))
            }
        };
        self.install(set, &arrays, source, source_sha256)
    }

    fn install(
        &self,
        set: WeightSet,
        arrays: &[Array],
        source: String,
        source_sha256: String,
    ) -> Result<Card, WeightsError> {
        let written = |path: &Path, result: std::io::Result<()>| {
            result.map_err(|cause| WeightsError::Write { path: path.to_owned(), cause })
        };
        written(&self.folder, fs::create_dir_all(&self.folder))?;
        let old = self.card(set).ok().flatten();
        let bytes = serialise(arrays).map_err(|cause| WeightsError::Write { path: self.folder.clone(), cause })?;
        let sha256 = hex(&Sha256::digest(&bytes));
        let file = format!("{set}-{}.safetensors", sha256.get(..SHORT_HASH).unwrap_or_default());
        let layers = layers(set, arrays);
        let (licence, complete) = (set.licence().to_owned(), arrays.len() == set.tensors().len());
        let card = Card { name: set, source, source_sha256, file, sha256, layers, complete, licence };
        let path = self.folder.join(&card.file);
        written(&path, write_whole(&path, &bytes))?;
        let path = self.card_path(set);
        let text = toml::to_string_pretty(&card).map_err(std::io::Error::other);
        written(&path, text.and_then(|text| write_whole(&path, text.as_bytes())))?;
        if let Some(old) = old.filter(|old| old.file != card.file) {
            // Another program may have it open; a file that stays only takes room.
            let _ = fs::remove_file(self.folder.join(old.file));
        }
        Ok(card)
    }

    fn card_path(&self, set: WeightSet) -> PathBuf {
        self.folder.join(format!("{set}.toml"))
    }
}

/// Which set a file holds.
fn recognise(checkpoint: &Checkpoint, file: &Path, asked: Option<WeightSet>) -> Result<WeightSet, WeightsError> {
    let tensors = checkpoint.tensors();
    let unsuitable = |cause: String| Err(WeightsError::Unsuitable { path: file.to_owned(), cause });
    match (WeightSet::ALL.into_iter().find(|set| set.begins_in(&tensors)), asked) {
        (Some(found), Some(asked)) if found != asked => {
            unsuitable(format!("holds {}, not {}", found.title(), asked.title()))
        }
        (Some(found), _) => Ok(found),
        (None, Some(asked)) => unsuitable(format!("does not begin with the tensors of {}", asked.title())),
        (None, None) => {
            let names: Vec<&str> = tensors.iter().take(3).map(|(name, _)| *name).collect();
            unsuitable(format!("holds none of the known weights (its tensors begin {})", names.join(", ")))
        }
    }
}

/// The arrays of a set in its order, checked; a backbone may end early, but has no gap, and heads are complete.
fn checked(set: WeightSet, mut arrays: Vec<Array>, file: &Path) -> Result<Vec<Array>, WeightsError> {
    let unsuitable = |cause: String| Err(WeightsError::Unsuitable { path: file.to_owned(), cause });
    let expected = set.tensors();
    let mut kept = Vec::new();
    for (name, shape) in &expected {
        let Some(at) = arrays.iter().position(|array| array.name == *name) else { break };
        let array = arrays.swap_remove(at);
        if array.shape != *shape {
            return unsuitable(format!("`{name}` has shape {:?}, {} have {shape:?}", array.shape, set.title()));
        }
        if array.values.iter().any(|value| !value.is_finite()) {
            return unsuitable(format!("`{name}` holds values that are no numbers"));
        }
        kept.push(array);
    }
    let next = expected.get(kept.len()).map_or("", |(name, _)| name);
    if let Some(stray) = arrays.first() {
        return unsuitable(format!("holds `{}`, but lacks `{next}` before it", stray.name));
    }
    if set.backbone().is_none() && kept.len() < expected.len() {
        return unsuitable(format!("lacks `{next}`"));
    }
    Ok(kept)
}

/// What the arrays of a set give, by name.
fn layers(set: WeightSet, arrays: &[Array]) -> Vec<String> {
    match set.backbone() {
        // A weight and a bias each.
        Some(Backbone::Vgg16) => Layer::within(arrays.len() / 2).iter().map(Layer::to_string).collect(),
        Some(Backbone::AlexNet) => (1..=arrays.len() / 2).map(|number| format!("relu{number}")).collect(),
        None => (0..arrays.len()).map(|number| format!("lin{number}")).collect(),
    }
}

fn serialise(arrays: &[Array]) -> std::io::Result<Vec<u8>> {
    let bytes: Vec<Vec<u8>> =
        arrays.iter().map(|array| array.values.iter().flat_map(|value| value.to_le_bytes()).collect()).collect();
    let views = arrays.iter().zip(&bytes).map(|(array, bytes)| {
        let view = safetensors::tensor::TensorView::new(safetensors::Dtype::F32, array.shape.clone(), bytes);
        view.map(|view| (array.name.as_str(), view))
    });
    let views = views.collect::<Result<Vec<_>, _>>().map_err(std::io::Error::other)?;
    safetensors::serialize(views, None).map_err(std::io::Error::other)
}

/// Writes a file under a temporary name, then gives it its own.
fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let temporary = path.with_extension(format!("{}.part", std::process::id()));
    let written = fs::write(&temporary, bytes)
        .and_then(|()| fs::File::open(&temporary)?.sync_all())
        .and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // The first error is the one to tell.
        let _ = fs::remove_file(&temporary);
    }
    written
}
