//! A set of atlases as it is read: every file compared with its hash, every cube with the networks'.

use super::card::{AtlasCard, AtlasEntry, CARD_FILE, VERSION};
use super::error::AtlasError;
use crate::geometry::Volume;
use crate::io;
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// Fewer atlases do not tell where they are to be believed: one alone agrees with itself everywhere.
const LEAST_ATLASES: usize = 2;
/// A card or file larger than this is none of ours, bytes.
const MOST_BYTES: u64 = 64 << 20;

/// One file of the bundled set.
macro_rules! bundled {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_bytes!(concat!("../../weights/atlases/", $name)))),*]
    };
}

/// The set that comes with the program: card and files by name.
static BUNDLED: &[(&str, &[u8])] = bundled![
    "atlases.toml",
    "lidc-0002.nii.gz",
    "lidc-0002.labels.nii.gz",
    "lidc-0004.nii.gz",
    "lidc-0004.labels.nii.gz",
    "lidc-0008.nii.gz",
    "lidc-0008.labels.nii.gz",
    "qin-lsc-0003.nii.gz",
    "qin-lsc-0003.labels.nii.gz",
    "qin-lsc-0028.nii.gz",
    "qin-lsc-0028.labels.nii.gz",
    "qin-lsc-0049.nii.gz",
    "qin-lsc-0049.labels.nii.gz",
    "qin-lsc-0088.nii.gz",
    "qin-lsc-0088.labels.nii.gz",
    "r01-001.nii.gz",
    "r01-001.labels.nii.gz",
];

/// The lungs and what juts into them: never shown.
pub const LUNG: u8 = 1;
/// Blood with contrast agent: shown as far as the films tell that there is some.
pub const BLOOD: u8 = 2;

/// Where a set is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AtlasSource {
    /// It comes with the program.
    #[default]
    Bundled,
    /// A folder.
    Folder(PathBuf),
}

/// One atlas.
#[derive(Clone, Debug)]
pub struct Atlas {
    /// What its card says.
    pub entry: AtlasEntry,
    /// The CT on the networks' cube, the table taken out.
    pub volume: Volume,
    /// [`LUNG`], [`BLOOD`] or 0 for each voxel, `[z][y][x]`.
    pub labels: Vec<u8>,
}

/// A set.
#[derive(Clone, Debug)]
pub struct AtlasSet {
    /// What it is.
    pub card: AtlasCard,
    /// Its atlases, in the card's order.
    pub atlases: Vec<Atlas>,
}

impl AtlasSource {
    /// In words, for messages.
    pub fn label(&self) -> String {
        self.path().display().to_string()
    }

    /// The set's card alone.
    ///
    /// # Errors
    /// [`AtlasError::Set`] where there is none, or one of another version.
    pub fn card(&self) -> Result<AtlasCard, AtlasError> {
        let path = self.path().join(CARD_FILE);
        let fault = |cause: String| AtlasError::Set { path: path.clone(), cause };
        let bytes = self.bytes(CARD_FILE)?;
        let text = std::str::from_utf8(&bytes).map_err(|_| fault(damaged("is no text")))?;
        let version = toml::from_str::<Version>(text).map_err(|e| fault(damaged(e.message())))?.version;
        if version != VERSION {
            return Err(fault(format!(
                "is of version {version}, this program reads version {VERSION}; make the set again with `biplane atlas make`"
            )));
        }
        toml::from_str(text).map_err(|e| fault(damaged(e.message())))
    }

    /// The set with all its atlases; the bundled one is read once in a process.
    ///
    /// # Errors
    /// [`AtlasError::Set`] naming the file that cannot be used.
    pub fn load(&self) -> Result<Arc<AtlasSet>, AtlasError> {
        static KEPT: OnceLock<Arc<AtlasSet>> = OnceLock::new();
        if *self != Self::Bundled {
            return self.read().map(Arc::new);
        }
        if let Some(kept) = KEPT.get() {
            return Ok(Arc::clone(kept));
        }
        let read = Arc::new(self.read()?);
        Ok(Arc::clone(KEPT.get_or_init(|| read)))
    }

    fn read(&self) -> Result<AtlasSet, AtlasError> {
        let card = self.card()?;
        if card.atlases.len() < LEAST_ATLASES {
            return Err(AtlasError::Set {
                path: self.path().join(CARD_FILE),
                cause: format!(
                    "names {} atlas, and at least {LEAST_ATLASES} are needed; add CTs with `biplane atlas make`",
                    card.atlases.len()
                ),
            });
        }
        let atlases = card.atlases.par_iter().map(|entry| self.atlas(entry)).collect::<Result<Vec<_>, _>>()?;
        Ok(AtlasSet { card, atlases })
    }

    fn atlas(&self, entry: &AtlasEntry) -> Result<Atlas, AtlasError> {
        let volume = self.cube(&entry.file(), &entry.sha256)?;
        let labels = self.cube(&entry.labels_file(), &entry.labels_sha256)?;
        let labels = labels.hu().iter().map(|label| u8::try_from(*label).unwrap_or_default()).collect();
        Ok(Atlas { entry: entry.clone(), volume, labels })
    }

    fn cube(&self, name: &str, sha256: &str) -> Result<Volume, AtlasError> {
        let path = self.path().join(name);
        let fault = |cause: String| AtlasError::Set { path: path.clone(), cause };
        let bytes = self.bytes(name)?;
        if hex(&Sha256::digest(&bytes)) != sha256 {
            return Err(fault(damaged("does not have the hash that its card names")));
        }
        // Its own message names the file; the set's folder stands before it.
        let whole = |cause: String| AtlasError::Set { path: self.path().to_owned(), cause };
        let read = io::nifti::from_bytes(&bytes, Path::new(name));
        let volume = read.map_err(|e| whole(damaged(&e.to_string())))?.volume;
        if !volume.frame().is_cube() {
            let [x, y, z] = volume.frame().dims();
            return Err(fault(format!(
                "holds {x} x {y} x {z} voxels and not the cube of 128^3 of 2.8 mm; make the set again with `biplane atlas make`"
            )));
        }
        Ok(volume)
    }

    /// Where messages say that it is.
    fn path(&self) -> &Path {
        match self {
            Self::Bundled => Path::new("bundled/atlases"),
            Self::Folder(folder) => folder,
        }
    }

    fn bytes(&self, name: &str) -> Result<Cow<'static, [u8]>, AtlasError> {
        let path = self.path().join(name);
        let fault = |cause: String| AtlasError::Set { path: path.clone(), cause };
        let Self::Folder(folder) = self else {
            let file = BUNDLED.iter().find(|(known, _)| *known == name);
            return file.map(|(_, bytes)| Cow::Borrowed(*bytes)).ok_or_else(|| fault(damaged("is missing")));
        };
        if !folder.is_dir() {
            let cause =
                "there is no such folder of atlases; make one with `biplane atlas make CTS -o FOLDER`".to_owned();
            return Err(AtlasError::Set { path: folder.clone(), cause });
        }
        let size = std::fs::metadata(&path).map_or(0, |m| m.len());
        if size > MOST_BYTES {
            return Err(fault(damaged(&format!("holds {} MB, no atlas is so large", size >> 20))));
        }
        std::fs::read(&path)
            .map(Cow::Owned)
            .map_err(|e| fault(format!("cannot be read ({e}); make the set again with `biplane atlas make`")))
    }
}

/// The part of a card that every version has.
#[derive(serde::Deserialize)]
struct Version {
    version: u32,
}

fn damaged(cause: &str) -> String {
    format!("{cause}; copy the set again, or make it with `biplane atlas make`")
}

/// Lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
