//! CTs to a set of atlases: cubes without the table, coarsely coded, with the lungs that are not to be shown.

use super::card::{AtlasCard, AtlasEntry, CARD_FILE, VERSION};
use super::contrast;
use super::error::AtlasError;
use super::set::{BLOOD, LUNG, hex};
use crate::geometry::{Frame, Volume};
use crate::io::{self, write_bytes};
use crate::metrics::body::patient;
use crate::metrics::centre::{Centre, to_cube};
use crate::metrics::lung::{DEFAULT_THRESHOLD, lung_mask, lungs_with_contents};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// Less air on either side is no lung, or a scan that leaves it out, ml.
const LEAST_LUNG_ML: f64 = 400.0;
/// The lung mask is closed by a ball of so many times 2 voxels (in all 17 mm): vessels at the lungs' roots and nodules on
/// their walls are another person's too.
const LUNG_CLOSING: usize = 3;
/// Values are stored in steps of so many HU, up to each limit: finer than the noise of a CT, a third of the bytes.
const CODING: [(i16, i16); 3] = [(-300, 16), (400, 8), (i16::MAX, 16)];
/// Air about the patient, HU.
const AIR_HU: i16 = -1000;
/// Values above are metal and say nothing of anatomy, HU.
const MOST_HU: i16 = 1800;

/// One CT that becomes an atlas.
pub struct Source {
    /// Where it was read.
    pub path: PathBuf,
    /// The CT.
    pub volume: Volume,
    /// Its name, patient, attribution and notes; hashes are filled in.
    pub entry: AtlasEntry,
}

/// Writes a set into `folder`: all files first, the card last, so that a set that was not finished is none. `told` is asked
/// before each CT and stops the work where it returns false.
///
/// # Errors
/// [`AtlasError`]; what was written before stays without a card.
pub fn make(
    sources: impl Iterator<Item = Result<Source, AtlasError>>,
    folder: &Path,
    mut card: AtlasCard,
    told: &mut dyn FnMut(&str) -> bool,
) -> Result<AtlasCard, AtlasError> {
    std::fs::create_dir_all(folder).map_err(|e| write_error(folder, &e))?;
    (card.version, card.made) = (VERSION, made());
    for source in sources {
        let source = source?;
        if !told(&source.entry.name) {
            return Err(AtlasError::Cancelled);
        }
        if card.atlases.iter().any(|entry| entry.name == source.entry.name) {
            let cause = format!("another CT is named `{}` too; rename one of the files", source.entry.name);
            return Err(AtlasError::Ct { path: source.path, cause });
        }
        card.atlases.push(write_atlas(&source, folder)?);
    }
    let text = toml::to_string_pretty(&card).map_err(|e| write_error(&folder.join(CARD_FILE), &e))?;
    write(&folder.join(CARD_FILE), text.as_bytes())?;
    Ok(card)
}

/// How the files are made, for the card.
fn made() -> String {
    format!(
        "biplane {} atlas make: resampled to 128^3 voxels of 2.8 mm about the lungs, table taken out, clipped to \
         [{AIR_HU}, {MOST_HU}] HU, rounded to 8 HU (soft tissue) or 16 HU; in NAME.labels 1 is lung, \
         closed by a ball of {} voxels, where the atlas is not shown, and 2 is blood with contrast agent, of which as much \
         is shown as the films tell",
        env!("CARGO_PKG_VERSION"),
        2 * LUNG_CLOSING
    )
}

fn write_atlas(source: &Source, folder: &Path) -> Result<AtlasEntry, AtlasError> {
    let fault = |cause: &str| AtlasError::Ct { path: source.path.clone(), cause: cause.to_owned() };
    let cube = to_cube(&source.volume, Centre::Anatomy);
    let lungs = lung_mask(&cube, DEFAULT_THRESHOLD);
    if !(lungs.right_ml >= LEAST_LUNG_ML && lungs.left_ml >= LEAST_LUNG_ML) {
        return Err(fault(&format!(
            "shows lungs of {:.0} ml (right) and {:.0} ml (left), at least {LEAST_LUNG_ML:.0} ml each are wanted; give chest CTs of adults with both lungs whole",
            lungs.right_ml, lungs.left_ml
        )));
    }
    let patient = patient(&cube).to_bytes();
    let hu = cube.hu().iter().zip(&patient).map(|(&hu, &inside)| if inside != 0 { coded(hu) } else { AIR_HU });
    // Atlases lie about the origin: only their anatomy is used, not where it once lay.
    let frame = Frame::cube([0.0; 3]);
    let stored = |hu: Vec<i16>| Volume::new(frame.clone(), hu).map_err(|e| fault(&e.to_string()));
    let blood = contrast::find(&cube, &lungs.labels);
    let label = |(lung, blood): (&u8, &u8)| match (lung, blood) {
        (0, 0) => 0,
        (0, _) => i16::from(BLOOD),
        _ => i16::from(LUNG),
    };
    let labels = lungs_with_contents(&cube, LUNG_CLOSING).iter().zip(&blood).map(label).collect();
    let (volume, labels) = (stored(hu.collect())?, stored(labels)?);
    let mut entry = source.entry.clone();
    entry.sha256 = write_cube(&folder.join(entry.file()), &volume)?;
    entry.labels_sha256 = write_cube(&folder.join(entry.labels_file()), &labels)?;
    Ok(entry)
}

/// The nearest stored value.
fn coded(hu: i16) -> i16 {
    let hu = hu.clamp(AIR_HU, MOST_HU);
    let step = CODING.iter().find(|(limit, _)| hu <= *limit).map_or(1, |(_, step)| *step);
    (f32::from(hu) / f32::from(step)).round() as i16 * step
}

fn write_cube(path: &Path, volume: &Volume) -> Result<String, AtlasError> {
    let bytes = io::nifti::to_bytes(volume, path).map_err(|e| write_error(path, &e))?;
    write(path, &bytes)?;
    Ok(hex(&Sha256::digest(&bytes)))
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), AtlasError> {
    write_bytes(path, bytes).map_err(|e| write_error(path, &e))
}

fn write_error(path: &Path, cause: &dyn std::fmt::Display) -> AtlasError {
    AtlasError::Write { path: path.to_owned(), cause: cause.to_string() }
}
