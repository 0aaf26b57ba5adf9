//! LPIPS v0.1 (Zhang et al., CVPR 2018), how differently a network that was trained on photographs sees two slices, as
//! the package `lpips` computes it. Knows the store of weights, and neither files nor screen.
//!
//! LPIPS = sum over layers of the mean over positions of sum_c w_c (u_c - v_c)^2, u and v the features of both pictures,
//! of length 1 at each position. 0 for equal slices, constant ones too. HU are whole numbers, so a volume's LPIPS is a
//! number; tensors that hold NaN give NaN.

use crate::geometry::Volume;
use crate::nn::perceptual::{Array, Backbone, Network, Store, WeightSet, WeightsError};
use crate::nn::{NnError, Precision};
use tch::{Device, Kind, Tensor};

/// The window that becomes [-1, 1], HU (spec 8): the one that slices are shown in.
const WINDOW_HU: [f32; 2] = [-500.0, 800.0];
/// Subtracted from red, green and blue (the package's `ScalingLayer`).
const SHIFT: [f32; 3] = [-0.030, -0.088, -0.188];
/// What they are then divided by.
const SCALE: [f32; 3] = [0.458, 0.448, 0.450];
/// Added to the length of features before they are divided by it (the package's `normalize_tensor`).
const EPSILON: f64 = 1e-10;
/// Pairs of slices that go through a network at a time: enough that all cores have work, few enough that a layer's
/// features, which are full size in VGG16 and a fourth along either side in AlexNet, take some tens of megabytes.
const BATCH_PAIRS_VGG: usize = 4;
const BATCH_PAIRS_ALEX: usize = 32;

/// The definition but for the network.
const DEFINITION: &str = "LPIPS v0.1 as the package lpips, HU window [-500, 800] -> [-1, 1], three equal channels, \
    mean of axial slices";

/// The definition with a network.
pub fn definition(backbone: Backbone) -> String {
    format!("{} with the heads for it; {DEFINITION}", backbone.title())
}

/// The measure over one network.
pub struct Lpips {
    network: Network,
    taps: Vec<usize>,
    /// `[C]` for every tap.
    heads: Vec<Tensor>,
    least_side: usize,
    batch_pairs: usize,
    shift: Tensor,
    scale: Tensor,
    device: Device,
}

impl Lpips {
    /// Loads a network and its heads from the store.
    ///
    /// # Errors
    /// [`WeightsError::NotInstalled`] and [`WeightsError::Partial`], which say how to get the weights; as [`Store::load`];
    /// libtorch's.
    pub fn installed(store: &Store, backbone: Backbone, device: Device) -> Result<Self, NnError> {
        let (set, heads) = match backbone {
            Backbone::Vgg16 => (WeightSet::Vgg16, WeightSet::LpipsVgg),
            Backbone::AlexNet => (WeightSet::AlexNet, WeightSet::LpipsAlex),
        };
        // Cards are small: what is missing is told before the network is read.
        let card = store.card(set)?.ok_or(WeightsError::NotInstalled(set))?;
        if !card.complete {
            return Err(WeightsError::Partial { set, present: card.layers }.into());
        }
        store.card(heads)?.ok_or(WeightsError::NotInstalled(heads))?;
        let (card, arrays) = store.load(set)?;
        let network = Network::new(backbone, &arrays, &store.folder().join(&card.file), device)?;
        let mut heads = store.load(heads)?.1;
        heads.sort_by(|a, b| a.name.cmp(&b.name));
        Self::over(network, backbone, &heads, device)
    }

    /// The measure over a network that is there already: as many of the backbone's taps as there are `heads`, the
    /// weights of channels, in order; for tests, and the first layers of a network that ends early.
    ///
    /// # Errors
    /// libtorch's.
    pub fn over(network: Network, backbone: Backbone, heads: &[Array], device: Device) -> Result<Self, NnError> {
        let colours = |values: [f32; 3]| Tensor::f_from_slice(&values)?.f_reshape([1, 3, 1, 1])?.f_to_device(device);
        let head = |head: &Array| Tensor::f_from_slice(&head.values)?.f_to_device(device);
        Ok(Self {
            network,
            taps: backbone.lpips_taps().iter().take(heads.len()).copied().collect(),
            heads: heads.iter().map(head).collect::<Result<_, _>>()?,
            least_side: backbone.least_side(),
            batch_pairs: match backbone {
                Backbone::Vgg16 => BATCH_PAIRS_VGG,
                Backbone::AlexNet => BATCH_PAIRS_ALEX,
            },
            shift: colours(SHIFT)?,
            scale: colours(SCALE)?,
            device,
        })
    }

    /// The distance of pictures at each layer, `[N, layers]`, f32; LPIPS is the sum over the layers. `a` and `b`:
    /// `[N, 1 or 3, H, W]`, f32, -1 (black) to 1 (white).
    ///
    /// # Errors
    /// [`NnError::Input`] where the shapes differ; libtorch's, as for pictures smaller than the network can see.
    pub fn distances(&self, a: &Tensor, b: &Tensor) -> Result<Tensor, NnError> {
        let (size, other) = (a.size(), b.size());
        if size != other || size.len() != 4 {
            return Err(NnError::Input(format!("pictures of shapes {size:?} and {other:?}; wanted are two of one")));
        }
        tch::no_grad(|| {
            let both = Tensor::f_cat(&[a, b], 0)?.f_to_device(self.device)?.f_expand([-1, 3, -1, -1], false)?;
            let input = both.f_sub(&self.shift)?.f_div(&self.scale)?;
            let features = self.network.features(&input, &self.taps, Precision::F32)?;
            let layers = features.iter().zip(&self.heads).map(|(features, head)| distance(features, head));
            Ok(Tensor::f_stack(&layers.collect::<Result<Vec<_>, NnError>>()?, 1)?)
        })
    }

    /// Mean LPIPS of the axial slices `first..=last` of two volumes of equal size whose z planes are axial; `None` where
    /// the slices are smaller than the network can see, or there are none.
    ///
    /// # Errors
    /// libtorch's.
    pub fn of_slices(
        &self,
        recon: &Volume,
        truth: &Volume,
        (first, last): (usize, usize),
    ) -> Result<Option<f64>, NnError> {
        let [nx, ny, nz] = truth.frame().dims();
        if recon.frame().dims() != [nx, ny, nz] || first > last || last >= nz || nx.min(ny) < self.least_side {
            return Ok(None);
        }
        let mut sum = 0.0;
        for start in (first..=last).step_by(self.batch_pairs) {
            let end = (start + self.batch_pairs).min(last + 1);
            let [a, b] = [recon, truth].map(|volume| pictures(volume, start..end));
            sum += self.distances(&a?, &b?)?.f_sum(Kind::Double)?.f_double_value(&[])?;
        }
        Ok(Some(sum / (last + 1 - first) as f64))
    }
}

/// The distance of the first and the second half of `[2N, C, h, w]` features under a head: `[N]`.
fn distance(features: &Tensor, head: &Tensor) -> Result<Tensor, NnError> {
    let length = features.f_square()?.f_sum_dim_intlist([1i64].as_slice(), true, Kind::Float)?.f_sqrt()?;
    let halves = features.f_div(&length.f_add_scalar(EPSILON)?)?.f_chunk(2, 0)?;
    let [a, b] = halves.as_slice() else {
        return Err(NnError::Input("features of an odd number of pictures".into()));
    };
    // The mean over positions first: the head is the same at all of them.
    let channels = a.f_sub(b)?.f_square_()?.f_mean_dim([2i64, 3].as_slice(), false, Kind::Float)?;
    Ok(channels.f_matmul(head)?)
}

/// Axial slices as grey pictures, `[N, 1, H, W]`.
fn pictures(volume: &Volume, slices: std::ops::Range<usize>) -> Result<Tensor, NnError> {
    let [nx, ny, _] = volume.frame().dims();
    let [low, high] = WINDOW_HU;
    let hu = volume.hu().get(slices.start * nx * ny..slices.end * nx * ny).unwrap_or_default();
    let grey = |&hu: &i16| (f32::from(hu).clamp(low, high) - low) / (high - low) * 2.0 - 1.0;
    let values: Vec<f32> = hu.iter().map(grey).collect();
    Ok(Tensor::f_from_slice(&values)?.f_reshape([slices.len() as i64, 1, ny as i64, nx as i64])?)
}

/// What is installed, loaded once for many volumes.
#[derive(Default)]
pub struct LpipsSet {
    alex: Option<Lpips>,
    vgg: Option<Lpips>,
    missing: Vec<String>,
}

impl LpipsSet {
    /// Whatever of the two networks the store gives; what it does not is told by [`LpipsSet::missing`].
    pub fn installed(store: &Store, device: Device) -> Self {
        let mut missing = Vec::new();
        let mut load = |backbone| match Lpips::installed(store, backbone, device) {
            Ok(lpips) => Some(lpips),
            Err(error) => {
                missing.push(said(&error));
                None
            }
        };
        let (vgg, alex) = (load(Backbone::Vgg16), load(Backbone::AlexNet));
        Self { alex, vgg, missing }
    }

    /// As [`LpipsSet::installed`] from the store of the person who runs the program.
    pub fn of_user(device: Device) -> Self {
        match Store::user() {
            Ok(store) => Self::installed(&store, device),
            Err(error) => Self { missing: vec![error.to_string()], ..Self::default() },
        }
    }

    /// The measure over a network, where it is there.
    pub fn over(&self, backbone: Backbone) -> Option<&Lpips> {
        match backbone {
            Backbone::Vgg16 => self.vgg.as_ref(),
            Backbone::AlexNet => self.alex.as_ref(),
        }
    }

    /// The network of the column LPIPS in a table, which must say its name: VGG16 where it is there, else AlexNet
    /// (spec 8). One table has one of them alone.
    pub fn column(&self) -> Option<Backbone> {
        Backbone::BY_RANK.into_iter().find(|backbone| self.over(*backbone).is_some())
    }

    /// What is not there and how to get it, a sentence each; empty where both networks are there.
    pub fn missing(&self) -> &[String] {
        &self.missing
    }
}

/// An error in one line: of weights that are not there the first clause says what to do.
fn said(error: &NnError) -> String {
    let text = error.to_string();
    match error {
        NnError::Weights(WeightsError::NotInstalled(_)) => text.split("; ").next().unwrap_or_default().to_owned(),
        _ => text,
    }
}
