//! The perceptual loss of stage 2: how differently a network that was trained on photographs sees the refined and
//! the true slices. Owns the plan of it. Knows no other loss and no schedule.

use super::TrainError;
use crate::nn::perceptual::vgg::{Backbone, Layer, Network};
use crate::nn::perceptual::{Checkpoint, Store, WeightSet, WeightsError};
use crate::nn::{NnError, Precision};
use crate::units::Hu;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::PathBuf;
use tch::{Device, Kind, Reduction, Tensor};

/// The window that becomes [0, 1], HU.
const WINDOW_HU: [Hu; 2] = [Hu(-1000.0), Hu(1000.0)];
/// Mean of ImageNet's red, green and blue in [0, 1], as torchvision's networks expect.
const IMAGENET_MEAN: [f32; 3] = [0.485, 0.456, 0.406];
/// Their standard deviation.
const IMAGENET_DEVIATION: [f32; 3] = [0.229, 0.224, 0.225];
/// Seed of the random network: one network for all tests, whatever the run's seed.
const RANDOM_SEED: u64 = 16;

/// How a plan names the weights in the user's cache.
const INSTALLED: &str = "installed";
/// How a plan names the random network.
const RANDOM_FOR_TESTS: &str = "random-for-tests";

/// The perceptual loss as a plan's `[perceptual]` table has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PerceptualPlan {
    /// Layers of VGG16 whose features are compared, `"relu1_2"` to `"relu5_3"`. The paper's three where absent. A
    /// layer that the weights do not give is refused when training begins, never left out in silence.
    pub layers: Vec<Layer>,
    /// `"installed"` (by `biplane weights`), `"random-for-tests"`, or the path of a `.safetensors` or `.pth` file.
    pub weights: WeightsSource,
}

impl Default for PerceptualPlan {
    fn default() -> Self {
        Self { layers: vec![Layer::Relu1_2, Layer::Relu2_2, Layer::Relu3_3], weights: WeightsSource::Installed }
    }
}

impl PerceptualPlan {
    /// Refuses what cannot be followed; opens no file.
    ///
    /// # Errors
    /// [`TrainError::Plan`] where no layer is named, or one twice.
    pub fn check(&self) -> Result<(), TrainError> {
        if self.layers.is_empty() {
            let cause = "perceptual.layers is empty; name at least one layer, as \"relu1_2\"";
            return Err(TrainError::Plan(cause.into()));
        }
        let twice = self.layers.iter().enumerate().find(|(at, layer)| self.layers[..*at].contains(layer));
        match twice {
            Some((_, layer)) => Err(TrainError::Plan(format!("perceptual.layers names {layer} twice; name it once"))),
            None => Ok(()),
        }
    }

    /// Loads the weights and makes the loss.
    ///
    /// # Errors
    /// As [`PerceptualPlan::check`] and [`Perceptual::new`].
    pub fn build(&self, device: Device) -> Result<Perceptual, TrainError> {
        self.check()?;
        Perceptual::new(&self.weights, &self.layers, device)
    }
}

/// Where VGG16's weights come from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum WeightsSource {
    /// The user's cache, which `biplane weights fetch` and `import` fill.
    #[default]
    Installed,
    /// A seeded random network: gradients as a real one gives them, without meaning. For tests and the smoke preset.
    RandomForTests,
    /// A file: safetensors with torchvision's names, or a `.pth`.
    File(PathBuf),
}

impl From<String> for WeightsSource {
    fn from(text: String) -> Self {
        match text.as_str() {
            INSTALLED => Self::Installed,
            RANDOM_FOR_TESTS => Self::RandomForTests,
            _ => Self::File(PathBuf::from(text)),
        }
    }
}

impl From<WeightsSource> for String {
    fn from(source: WeightsSource) -> Self {
        source.to_string()
    }
}

impl fmt::Display for WeightsSource {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Installed => out.write_str(INSTALLED),
            Self::RandomForTests => out.write_str(RANDOM_FOR_TESTS),
            Self::File(path) => write!(out, "{}", path.display()),
        }
    }
}

/// The loss, its network loaded and frozen.
pub struct Perceptual {
    network: Network,
    layers: Vec<Layer>,
    origin: String,
    precision: Precision,
    mean: Tensor,
    deviation: Tensor,
}

impl Perceptual {
    /// Loads the network onto a device.
    ///
    /// # Errors
    /// [`WeightsError::NotInstalled`] or [`WeightsError::MissingLayers`], which say how to get the weights; where a
    /// file is no file of VGG16 weights, or would execute code; libtorch's.
    pub fn new(source: &WeightsSource, layers: &[Layer], device: Device) -> Result<Self, TrainError> {
        let (network, origin) = load(source, device)?;
        let (present, missing): (Vec<Layer>, Vec<Layer>) =
            layers.iter().partition(|layer| layer.tap() <= network.depth());
        if !missing.is_empty() {
            let names = |list: &[Layer]| list.iter().map(Layer::to_string).collect();
            let there = if present.is_empty() { Layer::within(network.depth()) } else { present };
            let (missing, present) = (names(&missing), names(&there));
            return Err(NnError::from(WeightsError::MissingLayers { origin, missing, present }).into());
        }
        Self::over(network, layers, origin, device)
    }

    /// The loss over a network that is there already, VGG16 by its layers; `origin` says in a line what it is.
    ///
    /// # Errors
    /// libtorch's.
    pub fn over(
        network: Network,
        layers: &[Layer],
        origin: impl Into<String>,
        device: Device,
    ) -> Result<Self, TrainError> {
        let colours = |values: [f32; 3]| Tensor::f_from_slice(&values)?.f_reshape([1, 3, 1, 1])?.f_to_device(device);
        Ok(Self {
            network,
            layers: layers.to_vec(),
            origin: origin.into(),
            precision: Precision::F32,
            mean: colours(IMAGENET_MEAN)?,
            deviation: colours(IMAGENET_DEVIATION)?,
        })
    }

    /// The same with convolutions in another precision; the differences are always taken in f32.
    #[must_use]
    pub fn with_precision(self, precision: Precision) -> Self {
        Self { precision, ..self }
    }

    /// The layers compared, for the run's record.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// What the network is and where it comes from, in a line, for the run's record.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The mean absolute difference of features, for each layer over samples, channels and positions, then the plain
    /// mean over the layers, so that its size does not hang on how many there are. Both `[N, 1, H, W]`, f32, relative
    /// attenuation (any range: the window is [-1000, 1000] HU, outside of it no gradient flows). A scalar; gradients
    /// flow into `refined` alone.
    ///
    /// # Errors
    /// [`NnError::Input`] where the shapes differ or are others; libtorch's.
    pub fn loss(&self, refined: &Tensor, truth: &Tensor) -> Result<Tensor, TrainError> {
        let (a, b) = (refined.size(), truth.size());
        if a != b || a.len() != 4 || a[1] != 1 {
            return Err(
                NnError::Input(format!("slices of shapes {a:?} and {b:?}; wanted are two of [N, 1, H, W]")).into()
            );
        }
        let wanted = tch::no_grad(|| self.features(&truth.detach()))?;
        let seen = self.features(refined)?;
        let differences = seen.iter().zip(&wanted).map(|(a, b)| a.f_l1_loss(b, Reduction::Mean));
        let differences = differences.collect::<Result<Vec<Tensor>, _>>()?;
        Ok(Tensor::f_stack(&differences, 0)?.f_mean(Kind::Float)?)
    }

    /// The features of `[N, 1, H, W]` relative attenuation at each of the layers.
    ///
    /// # Errors
    /// libtorch's.
    pub fn features(&self, slices: &Tensor) -> Result<Vec<Tensor>, TrainError> {
        let taps: Vec<usize> = self.layers.iter().map(|layer| layer.tap()).collect();
        let [low, high] = WINDOW_HU.map(|hu| f64::from(hu.relative_attenuation()));
        let grey = slices.f_sub_scalar(low)?.f_div_scalar(high - low)?.f_clamp(0.0, 1.0)?;
        let colours = grey.f_expand([-1, 3, -1, -1], false)?.f_sub(&self.mean)?.f_div(&self.deviation)?;
        Ok(self.network.features(&colours, &taps, self.precision)?)
    }
}

fn load(source: &WeightsSource, device: Device) -> Result<(Network, String), NnError> {
    match source {
        WeightsSource::RandomForTests => {
            let origin = format!("random weights for tests, seed {RANDOM_SEED}");
            Ok((Network::random(Backbone::Vgg16, RANDOM_SEED, device)?, origin))
        }
        WeightsSource::Installed => {
            let store = Store::user()?;
            let (card, arrays) = store.load(WeightSet::Vgg16)?;
            let origin = format!("{}, SHA-256 {}", card.source, card.source_sha256);
            Ok((Network::new(Backbone::Vgg16, &arrays, &store.folder().join(&card.file), device)?, origin))
        }
        WeightsSource::File(path) => {
            let checkpoint = Checkpoint::open(path)?;
            let arrays = checkpoint.read(&|name| WeightSet::Vgg16.wants(name))?;
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let origin = format!("{name}, SHA-256 {}", checkpoint.sha256()?);
            Ok((Network::new(Backbone::Vgg16, &arrays, path, device)?, origin))
        }
    }
}
