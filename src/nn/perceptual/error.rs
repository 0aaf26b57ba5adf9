//! What can go wrong with weights from elsewhere. Messages read "cause; what to do".

use super::store::WeightSet;
use std::path::PathBuf;
use thiserror::Error;

/// An error with perceptual weights.
#[derive(Debug, Error)]
pub enum WeightsError {
    /// Nothing is installed under this name.
    #[error("{}", not_installed(*.0))]
    NotInstalled(WeightSet),
    /// Only the first layers are installed, and all are wanted.
    #[error("{} not installed: biplane weights fetch {set}; only {} of them are there", .set.title(), .present.join(", "))]
    Partial {
        /// Which weights.
        set: WeightSet,
        /// Layers that are there.
        present: Vec<String>,
    },
    /// The weights end before a layer that is wanted.
    #[error(
        "the VGG16 weights ({origin}) lack {} and give {}; get all of them with `biplane weights fetch vgg16`, or set perceptual.layers = [{}]",
        .missing.join(", "),
        .present.join(", "),
        .present.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ")
    )]
    MissingLayers {
        /// Where the weights come from.
        origin: String,
        /// Layers wanted that are not there.
        missing: Vec<String>,
        /// Layers that are there.
        present: Vec<String>,
    },
    /// A pickle names something that loading it the usual way would run.
    #[error(
        "{path}: is refused, since loading it would execute code: it calls for `{global}`, which no weights need; get the file from its makers"
    )]
    WouldExecute {
        /// The file.
        path: PathBuf,
        /// The global, as `posix.system`.
        global: String,
    },
    /// A file is cut off, damaged, or of no format that holds weights.
    #[error("{path}: {cause}; get the file again from its makers")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        cause: String,
    },
    /// The file is sound, but holds other weights than those wanted.
    #[error("{path}: {cause}; `biplane weights import --help` tells which files are taken")]
    Unsuitable {
        /// The file.
        path: PathBuf,
        /// What it lacks.
        cause: String,
    },
    /// An installed file does not agree with its card.
    #[error("{path}: {cause}; install the weights again with `biplane weights fetch` or `import`")]
    Installed {
        /// The file.
        path: PathBuf,
        /// What is off.
        cause: String,
    },
    /// A file cannot be read.
    #[error("{path}: cannot be read ({cause}); check the name and the file's rights")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// The store cannot be written.
    #[error("{path}: cannot be written ({cause}); free some space, or name another folder in BIPLANE_CACHE")]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// There is no folder for caches.
    #[error("no folder for caches is known on this system; name one in BIPLANE_CACHE")]
    NoCache,
    /// No server offers this set.
    #[error("{} are in no place that biplane knows; {}", .0.title(), .0.by_hand())]
    NotFetchable(WeightSet),
    /// The download failed.
    #[error("{url}: {cause}; {advice}")]
    Download {
        /// The address.
        url: String,
        /// What happened.
        cause: String,
        /// How to get on.
        advice: String,
    },
    /// What was downloaded is not the file that was wanted.
    #[error(
        "{url}: the file's SHA-256 begins {found}, it must begin {wanted}: it was removed; try again, and if that does not help look at what the address serves"
    )]
    WrongHash {
        /// The address.
        url: String,
        /// First letters of the hash of what came.
        found: String,
        /// First letters of the hash wanted.
        wanted: String,
    },
    /// The user asked to stop.
    #[error("cancelled")]
    Cancelled,
}

fn not_installed(set: WeightSet) -> String {
    let command = if set.official().is_some() { "fetch" } else { "import FILE --as" };
    format!("{} not installed: biplane weights {command} {}; {}", set.title(), set.name(), set.by_hand())
}
