//! Named parameters that live in one flat tensor, so that an optimiser, an average or a file handles them as
//! one vector. Knows no architecture.

use super::NnError;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::cell::RefCell;
use std::path::Path;
use tch::{Device, Kind, Tensor};

/// Where one parameter lies in the flat tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Path name, as `enc1.conv1.weight`.
    pub name: String,
    /// Shape.
    pub shape: Vec<i64>,
    offset: i64,
}

impl Entry {
    fn len(&self) -> i64 {
        self.shape.iter().product()
    }
}

/// How a parameter starts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Init {
    /// Normal with deviation sqrt(2 / fan), as He et al., ICCV 2015.
    Kaiming {
        /// Inputs summed into one output.
        fan: i64,
    },
    /// All one.
    One,
    /// All zero.
    Zero,
}

thread_local! {
    /// What fresh weights are drawn from. libtorch's own generator is one for the whole process: jobs on other threads
    /// would take numbers out of a run's stream.
    static WEIGHTS: RefCell<ChaCha8Rng> = RefCell::new(ChaCha8Rng::seed_from_u64(0));
}

/// Seeds the fresh weights of every network that this thread makes from now on.
pub fn seed_weights(seed: u64) {
    WEIGHTS.with_borrow_mut(|rng| *rng = ChaCha8Rng::seed_from_u64(seed));
}

/// Normal values of a deviation, by Box and Muller, two of each draw.
fn normals(count: usize, deviation: f32) -> Vec<f32> {
    WEIGHTS.with_borrow_mut(|rng| {
        let mut values = Vec::with_capacity(count + 1);
        while values.len() < count {
            let length = deviation * (-2.0 * rng.random_range(f32::MIN_POSITIVE..1.0).ln()).sqrt();
            let (sin, cos) = rng.random_range(0.0..std::f32::consts::TAU).sin_cos();
            values.extend([length * cos, length * sin]);
        }
        values.truncate(count);
        values
    })
}

/// Declares parameters one by one; their order is the order of the flat tensor.
#[derive(Default)]
pub struct Declaration {
    entries: Vec<Entry>,
    inits: Vec<Init>,
    len: i64,
}

impl Declaration {
    /// Adds a parameter and returns its index.
    pub fn add(&mut self, name: String, shape: &[i64], init: Init) -> usize {
        let entry = Entry { name, shape: shape.to_vec(), offset: self.len };
        self.len += entry.len();
        self.entries.push(entry);
        self.inits.push(init);
        self.entries.len() - 1
    }

    /// The parameters with their starting values, f32, on `device`; see [`seed_weights`] for repeatable ones.
    ///
    /// # Errors
    /// Where the device cannot hold them.
    pub fn build(self, device: Device) -> Result<Parameters, NnError> {
        let options = (Kind::Float, device);
        let values = self.entries.iter().zip(&self.inits).map(|(entry, init)| {
            let n = [entry.len()];
            Ok(match init {
                Init::Kaiming { fan } => {
                    let deviation = (2.0 / *fan as f32).sqrt();
                    Tensor::f_from_slice(&normals(n[0] as usize, deviation))?.f_to_device(device)?
                }
                Init::One => Tensor::f_ones(n, options)?,
                Init::Zero => Tensor::f_zeros(n, options)?,
            })
        });
        let values: Vec<Tensor> = values.collect::<Result<_, tch::TchError>>()?;
        let flat = Tensor::f_cat(&values, 0)?;
        Parameters::over(flat, self.entries)
    }
}

/// Named views of one flat f32 tensor.
pub struct Parameters {
    flat: Tensor,
    entries: Vec<Entry>,
    views: Vec<Tensor>,
}

impl Parameters {
    fn over(flat: Tensor, entries: Vec<Entry>) -> Result<Self, NnError> {
        let view = |e: &Entry| flat.f_narrow(0, e.offset, e.len())?.f_view(e.shape.as_slice())?.f_detach();
        let views = entries.iter().map(view).collect::<Result<_, _>>()?;
        Ok(Self { flat, entries, views })
    }

    /// Parameter `index`, sharing memory with the flat tensor.
    pub fn get(&self, index: usize) -> &Tensor {
        &self.views[index]
    }

    /// Names and shapes, in order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// All values as one vector, sharing memory with every parameter.
    pub fn flat(&self) -> &Tensor {
        &self.flat
    }

    /// The number of values.
    pub fn len(&self) -> usize {
        self.flat.numel()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Lets gradients flow into every parameter, or stops them.
    pub fn track_gradients(&mut self, track: bool) {
        for view in &mut self.views {
            *view = view.set_requires_grad(track);
        }
    }

    /// All gradients as one vector (zero where none came), clearing them.
    ///
    /// # Errors
    /// Where memory runs out.
    pub fn take_gradient(&mut self) -> Result<Tensor, NnError> {
        let mut parts = Vec::with_capacity(self.views.len());
        for view in &mut self.views {
            let gradient = view.grad();
            parts.push(if gradient.defined() {
                gradient.f_reshape([-1])?.copy()
            } else {
                Tensor::f_zeros([view.numel() as i64], (Kind::Float, view.device()))?
            });
            view.zero_grad();
        }
        Ok(Tensor::f_cat(&parts, 0)?)
    }

    /// Overwrites all values with a flat vector of the same length.
    ///
    /// # Errors
    /// Where lengths differ.
    pub fn set_flat(&mut self, values: &Tensor) -> Result<(), NnError> {
        let _guard = tch::no_grad_guard();
        self.flat.f_copy_(&values.f_to_device(self.flat.device())?)?;
        Ok(())
    }

    /// Reads values from named tensors; every parameter must be there with its shape. Names are looked up with
    /// `prefix` before them; f16 and bf16 are widened to f32.
    ///
    /// # Errors
    /// [`NnError::Weight`] for the first weight that is missing or of another shape or type.
    pub fn load(&mut self, named: &[(String, Tensor)], prefix: &str, path: &Path) -> Result<(), NnError> {
        let _guard = tch::no_grad_guard();
        for (entry, view) in self.entries.iter().zip(&mut self.views) {
            let name = format!("{prefix}{}", entry.name);
            let fault = |cause: String| NnError::Weight { path: path.to_owned(), name: name.clone(), cause };
            let (_, tensor) = named.iter().find(|(n, _)| *n == name).ok_or_else(|| fault("is missing".into()))?;
            if tensor.size() != entry.shape {
                return Err(fault(format!("has shape {:?}, the network needs {:?}", tensor.size(), entry.shape)));
            }
            if !matches!(tensor.kind(), Kind::Float | Kind::Half | Kind::BFloat16) {
                return Err(fault(format!("is of type {:?}; f32, f16 or bf16 is needed", tensor.kind())));
            }
            view.f_copy_(&tensor.f_to_kind(Kind::Float)?.f_to_device(view.device())?)?;
        }
        Ok(())
    }

    /// Copies of all parameters on the CPU, named with `prefix` before them.
    pub fn named(&self, prefix: &str, kind: Kind) -> Vec<(String, Tensor)> {
        let copy = |view: &Tensor| view.detach().to_device(Device::Cpu).to_kind(kind).contiguous();
        self.entries.iter().zip(&self.views).map(|(e, v)| (format!("{prefix}{}", e.name), copy(v))).collect()
    }
}
