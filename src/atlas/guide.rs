//! The guide of a reconstruction: ranks a set's atlases by a quick affine fit, bends the best, combines them with the
//! networks' volume, and says when the films are too odd for it.

use super::combine::{BentAtlas, Combined, combine};
use super::contrast::excess;
use super::set::{Atlas, AtlasSet, AtlasSource, BLOOD, LUNG};
use super::{AtlasError, DEFAULT_COUNT};
use crate::geometry::{CUBE_SIDE_VOXELS, Frame, Raster, ViewPair, Volume};
use crate::metrics::lung::{DEFAULT_THRESHOLD, lung_mask};
use crate::metrics::smooth::smooth;
use crate::nn::guidance::{Guide, GuideTask, Guided, Unguided};
use crate::projection::prepare_film;
use crate::projection::sirt::FilmScale;
use crate::registration::bend::fitted_share;
use crate::registration::descend::Progress;
use crate::registration::{Bending, Bent, FilmTargets, RegistrationError, Sampled, Tissue, bend};
use rayon::prelude::*;
use std::sync::Arc;
use std::time::Instant;

/// Lungs of adults hold so much air on a film, ml (spec 16); less or more is a child, half a chest, or no chest.
const LUNGS_ML: std::ops::RangeInclusive<f64> = 1500.0..=9000.0;
/// Standard deviation by which the networks' lungs are smoothed, to tell their inside from their edge, voxels.
const LUNG_EDGE_VOXELS: f64 = 1.5;
/// Each lung at least, ml.
const LUNG_ML: f64 = 500.0;
/// An atlas whose cost stays above this fits the films badly: on three patients the best reaches 0.18 to 0.26.
const MOST_COST: f64 = 0.6;

/// Between two questions whether to go on so many atlases are ranked, in half a second.
const RANKED_AT_ONCE: usize = 8;

/// Which atlases guide a reconstruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guidance {
    /// The set.
    pub source: AtlasSource,
    /// How many are bent.
    pub count: usize,
    /// A patient whose atlas must not be used, because it is the one to be reconstructed.
    pub without: Option<String>,
}

impl Default for Guidance {
    fn default() -> Self {
        Self { source: AtlasSource::default(), count: DEFAULT_COUNT, without: None }
    }
}

impl Guidance {
    /// Reads the set.
    ///
    /// # Errors
    /// [`AtlasError`].
    pub fn load(&self) -> Result<AtlasGuide, AtlasError> {
        Ok(AtlasGuide { set: self.source.load()?, count: self.count.max(1), without: self.without.clone() })
    }
}

/// A set of atlases at work.
#[derive(Clone, Debug)]
pub struct AtlasGuide {
    set: Arc<AtlasSet>,
    count: usize,
    without: Option<String>,
}

impl AtlasGuide {
    fn usable(&self) -> impl Iterator<Item = &Atlas> {
        self.set.atlases.iter().filter(|atlas| self.without.as_ref().is_none_or(|own| !atlas.entry.is_of(own)))
    }

    /// The atlases by how well a quick affine fit of each does, best first; `going` is asked now and then, and false stops.
    fn ranked(
        &self,
        films: &FilmTargets,
        network: &[f32],
        going: &mut dyn FnMut() -> bool,
    ) -> Result<Vec<&Atlas>, Unguided> {
        let usable: Vec<&Atlas> = self.usable().collect();
        let mut fits = Vec::new();
        for some in usable.chunks(RANKED_AT_ONCE) {
            if !going() {
                return Err(Unguided::Cancelled);
            }
            fits.par_extend(some.par_iter().copied().filter_map(|atlas| {
                let r = atlas.volume.relative_attenuation();
                let fit = bend(&r, Some(films), Some(network), None, &Bending::ranking(), &mut |_| true);
                Some((fit.ok()?.cost, atlas))
            }));
        }
        fits.sort_by(|a, b| a.0.total_cmp(&b.0));
        Ok(fits.into_iter().map(|(_, atlas)| atlas).collect())
    }

    /// The atlas that fits films of line integrals best after an affine fit, on `frame`; `None` where none can be fitted.
    pub fn best_affine(&self, films: [Raster; 2], views: &ViewPair, frame: &Frame) -> Option<Volume> {
        let films = FilmTargets::new(films, views, FilmScale::LineIntegrals).ok()?;
        let fits = self.usable().filter_map(|atlas| {
            let r = atlas.volume.relative_attenuation();
            Some((bend(&r, Some(&films), None, None, &Bending::ranking(), &mut |_| true).ok()?, r))
        });
        let (fit, r) = fits.min_by(|a, b| a.0.cost.total_cmp(&b.0.cost))?;
        Volume::from_relative_attenuation(frame.clone(), &fit.volume(&Sampled::new(CUBE_SIDE_VOXELS, &r))).ok()
    }
}

impl Guide for AtlasGuide {
    fn guide(&self, task: &GuideTask, told: &mut dyn FnMut(usize, usize) -> bool) -> Result<Guided, Unguided> {
        let start = Instant::now();
        let lungs = look_at_lungs(task.network)?;
        let prepared = [0, 1].map(|i: usize| prepare_film(&task.films[i], &task.views.views[i]));
        let views = ViewPair { views: [prepared[0].1, prepared[1].1] };
        let network = task.network.relative_attenuation();
        let films = FilmTargets::new(prepared.map(|(film, _)| film), &views, FilmScale::Unknown).map_err(notice)?;
        let films = films.calibrated_by(&network);
        let steps: usize = Bending::atlas().levels.iter().map(|level| level.steps).sum();
        let of = steps * self.count + steps / 2;
        let ranked = self.ranked(&films, &network, &mut || told(0, of))?;
        let (mut bent, mut names, mut least) = (Vec::new(), Vec::new(), f64::INFINITY);
        let mut furthest = 0;
        for atlas in ranked {
            if bent.len() == self.count {
                break;
            }
            // After an atlas that was given up the bar waits, and does not go back.
            let before = steps / 2 + steps * bent.len();
            let r = atlas.volume.relative_attenuation();
            let mut at = |at: Progress| {
                furthest = furthest.max(before + at.done);
                told(furthest, of)
            };
            let fit = bend(&r, Some(&films), Some(&network), None, &Bending::atlas(), &mut at);
            least = least.min(fit.as_ref().map_or(f64::INFINITY, |fit| fit.cost));
            match fit {
                Ok(fit) if fit.cost <= MOST_COST => {
                    bent.push(read(atlas, &fit, &films, &network));
                    names.push(atlas.entry.name.clone());
                }
                Err(RegistrationError::Cancelled) => return Err(Unguided::Cancelled),
                // One atlas that does not fit leaves the place to the next.
                Ok(_) | Err(RegistrationError::Folds { .. } | RegistrationError::Diverged) => {}
                Err(other) => return Err(notice(other)),
            }
        }
        if bent.is_empty() {
            return Err(Unguided::Notice(no_fit(least)));
        }
        let Combined { r, borrowed, spread } = combine(&network, &lungs, &bent, task.network.frame().dims());
        let volume = Volume::from_relative_attenuation(task.network.frame().clone(), &r)
            .map_err(|e| Unguided::Notice(format!("no guidance: {e}")))?;
        let spread_hu = spread.into_iter().map(|r| 1000.0 * r).collect();
        let note = note(&names, &self.set.card.name);
        Ok(Guided {
            volume: Arc::new(volume),
            borrowed,
            spread_hu,
            atlases: names,
            note,
            seconds: start.elapsed().as_secs_f64(),
        })
    }
}

/// An atlas and its lungs on the fixed cube, with as much contrast agent as films and network tell.
fn read(atlas: &Atlas, fit: &Bent, films: &FilmTargets, network: &[f32]) -> BentAtlas {
    let r = atlas.volume.relative_attenuation();
    let whole = fit.volume(&Sampled::new(CUBE_SIDE_VOXELS, &r));
    let plain = Bent { tissue: Tissue::default(), ..fit.clone() };
    let labelled = |label: u8| {
        let share: Vec<f32> = atlas.labels.iter().map(|l| f32::from(u8::from(*l == label))).collect();
        plain.volume(&Sampled::new(CUBE_SIDE_VOXELS, &share))
    };
    let (lungs, blood) = (labelled(LUNG), labelled(BLOOD));
    // The excess is read where the tissue curve has been: so dense the agent is in this patient.
    let agent: Vec<f32> = whole.iter().zip(&blood).map(|(r, blood)| blood * excess(*r)).collect();
    let without: Vec<f32> = whole.iter().zip(&agent).map(|(r, agent)| r - agent).collect();
    let share = fitted_share(&without, &agent, films, network);
    let r = without.iter().zip(&agent).map(|(r, agent)| r + share * agent).collect();
    BentAtlas { r, lungs }
}

/// The share of lung about each voxel, where the networks saw the lungs of an adult on the films.
fn look_at_lungs(network: &Volume) -> Result<Vec<f32>, Unguided> {
    let lungs = lung_mask(network, DEFAULT_THRESHOLD);
    if LUNGS_ML.contains(&lungs.total_ml) && lungs.right_ml >= LUNG_ML && lungs.left_ml >= LUNG_ML {
        let inside: Vec<f32> = lungs.labels.iter().map(|l| f32::from(u8::from(*l != 0))).collect();
        return Ok(smooth(&inside, network.frame().dims(), [LUNG_EDGE_VOXELS; 3]));
    }
    Err(Unguided::Notice(format!(
        "no guidance by atlases: the networks found lungs of {:.0} ml (right) and {:.0} ml (left), not both of an adult; the networks' volume stays as it is",
        lungs.right_ml, lungs.left_ml
    )))
}

fn no_fit(cost: f64) -> String {
    let how = if cost.is_finite() {
        format!("the best stays off by {cost:.2}, {MOST_COST:.2} at most is believed")
    } else {
        "none could be bent without folding".to_owned()
    };
    format!("no guidance: no atlas fits these films ({how}); the networks' volume stays as it is")
}

fn notice(error: RegistrationError) -> Unguided {
    match error {
        RegistrationError::Cancelled => Unguided::Cancelled,
        other => Unguided::Notice(format!("no guidance by atlases: {other}")),
    }
}

/// What is said wherever the volume goes.
fn note(names: &[String], set: &str) -> String {
    let many = if names.len() == 1 { "a CT of another patient" } else { "CTs of other patients" };
    format!("anatomy outside of the lungs guided by {many} bent to the films ({}: {})", set, names.join(", "))
}
