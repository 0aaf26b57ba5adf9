//! Where a model comes from: built into the program, one for each kind of films, or a folder. Knows no network.

use super::NnError;
use super::model::{Model, ModelCard, file_error, read_card};
use std::borrow::Cow;
use std::path::{Path, PathBuf};
use tch::Device;

/// The file name, in a model folder, of the errors to be expected of it; not every model has one.
pub const UNCERTAINTY_FILE: &str = "uncertainty.safetensors";
/// The same of the model guided by atlases.
pub const GUIDED_UNCERTAINTY_FILE: &str = "uncertainty-guided.safetensors";
/// What planted nodules told of it, in a model folder.
pub const NODULES_FILE: &str = "nodules.json";

/// A model that comes with the program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BuiltIn {
    /// biplane-p16, for films whose distances and tone are known: it reads their fine detail where it belongs.
    #[default]
    Calibrated,
    /// biplane-w16, which also learnt films of unknown scale, place and tone.
    Uncalibrated,
}

/// What lies in a built-in model's folder.
struct Files {
    name: &'static str,
    card: &'static str,
    weights: &'static [u8],
    uncertainty: &'static [u8],
    guided_uncertainty: &'static [u8],
    nodules: &'static [u8],
}

/// The files of a folder under `weights/`.
macro_rules! built_in {
    ($name:literal) => {
        Files {
            name: $name,
            card: include_str!(concat!("../../weights/", $name, "/model.toml")),
            weights: include_bytes!(concat!("../../weights/", $name, "/weights.safetensors")),
            uncertainty: include_bytes!(concat!("../../weights/", $name, "/uncertainty.safetensors")),
            guided_uncertainty: include_bytes!(concat!("../../weights/", $name, "/uncertainty-guided.safetensors")),
            nodules: include_bytes!(concat!("../../weights/", $name, "/nodules.json")),
        }
    };
}

static CALIBRATED: Files = built_in!("biplane-p16");
static UNCALIBRATED: Files = built_in!("biplane-w16");

impl BuiltIn {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Calibrated, Self::Uncalibrated];

    fn files(self) -> &'static Files {
        match self {
            Self::Calibrated => &CALIBRATED,
            Self::Uncalibrated => &UNCALIBRATED,
        }
    }

    /// Its name, as its card has it.
    pub fn name(self) -> &'static str {
        self.files().name
    }

    /// The one of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|model| model.name() == name)
    }
}

/// A file's name and what it holds.
pub type NamedBytes = (PathBuf, Cow<'static, [u8]>);

/// Where a model comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ModelSource {
    /// The built-in one that suits the films; where nobody says what these are, they are calibrated.
    #[default]
    Automatic,
    /// One built into the program.
    BuiltIn(BuiltIn),
    /// A model folder.
    Folder(PathBuf),
}

impl ModelSource {
    /// What a word or a path on the command line means: a folder that is there, a built-in model's name, or a folder.
    pub fn of_argument(text: &Path) -> Self {
        let named = text.to_str().and_then(BuiltIn::named).filter(|_| !text.is_dir());
        named.map_or_else(|| Self::Folder(text.to_owned()), Self::BuiltIn)
    }

    /// The choice for films; `uncalibrated` where their distances or tone are unknown.
    #[must_use]
    pub fn for_films(self, uncalibrated: bool) -> Self {
        match self {
            Self::Automatic if uncalibrated => Self::BuiltIn(BuiltIn::Uncalibrated),
            Self::Automatic => Self::BuiltIn(BuiltIn::Calibrated),
            chosen => chosen,
        }
    }

    /// A folder, or what the program holds instead.
    fn place(&self) -> Result<&Path, &'static Files> {
        match self {
            Self::Automatic => Err(BuiltIn::default().files()),
            Self::BuiltIn(model) => Err(model.files()),
            Self::Folder(folder) => Ok(folder),
        }
    }

    /// The card alone.
    ///
    /// # Errors
    /// [`NnError::File`] where it cannot be read.
    pub fn card(&self) -> Result<ModelCard, NnError> {
        match self.place() {
            Err(files) => toml::from_str(files.card).map_err(|e| file_error(&label(files), e.to_string())),
            Ok(folder) => read_card(folder),
        }
    }

    /// The errors to be expected of it, as `evaluate` reads them, with the file's name; `None` where none lie beside it.
    ///
    /// # Errors
    /// [`NnError::File`] where they cannot be read.
    pub fn uncertainty(&self) -> Result<Option<NamedBytes>, NnError> {
        self.beside(UNCERTAINTY_FILE, |files| files.uncertainty)
    }

    /// The same of its volumes guided by atlases.
    ///
    /// # Errors
    /// As [`ModelSource::uncertainty`].
    pub fn guided_uncertainty(&self) -> Result<Option<NamedBytes>, NnError> {
        self.beside(GUIDED_UNCERTAINTY_FILE, |files| files.guided_uncertainty)
    }

    /// Which planted nodules it shows, as `biplane nodules` writes it, with the file's name; `None` where nobody looked.
    ///
    /// # Errors
    /// [`NnError::File`] where it cannot be read.
    pub fn nodules(&self) -> Result<Option<NamedBytes>, NnError> {
        self.beside(NODULES_FILE, |files| files.nodules)
    }

    /// A file beside the weights.
    fn beside(&self, name: &str, held: fn(&Files) -> &'static [u8]) -> Result<Option<NamedBytes>, NnError> {
        let path = match self.place() {
            Err(files) => return Ok(Some((label(files), Cow::Borrowed(held(files))))),
            Ok(folder) => folder.join(name),
        };
        match std::fs::read(&path) {
            Ok(bytes) => Ok(Some((path, Cow::Owned(bytes)))),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(file_error(&path, e.to_string())),
        }
    }

    /// Card and weights, on a device.
    ///
    /// # Errors
    /// As [`Model::load`].
    pub fn load(&self, device: Device) -> Result<Model, NnError> {
        match self.place() {
            Err(files) => Model::from_bytes(self.card()?, files.weights, &label(files), device),
            Ok(folder) => Model::load(folder, device),
        }
    }
}

/// What messages call a built-in model.
fn label(files: &Files) -> PathBuf {
    PathBuf::from(format!("the built-in model {}", files.name))
}
