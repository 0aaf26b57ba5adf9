//! What comes back to the workspace Compare, and what is asked for next: pairs, numbers, lungs. Never waits.

use super::jobs::{self, CompareDone, CompareLane};
use super::reproject::{self, FilmPictures};
use super::state::{Details, Evidence, FilmShown, FilmsKey, FilmsShown, SliceKey, Truth};
use crate::app::Workstation;
use crate::app::apply::file_name;
use crate::app::receive::without_path;
use crate::app::settings::Workspace;
use crate::app::state::State;
use crate::app::theme::theme;
use crate::app::viewport::CompareLayout;
use crate::app::widgets::Tone;
use crate::geometry::Pose;
use crate::io::{IoError, LoadedVolume};
use crate::metrics::bands::by_bands;
use crate::metrics::by_slice::slice_numbers;
use crate::metrics::joint::joint_histogram;
use egui::{Context, TextureOptions};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Bins along a side of the joint histogram: about 20 HU each.
const HISTOGRAM_BINS: usize = 128;

impl State {
    /// The films that the chosen result is held against.
    pub fn films_key(&self) -> Option<FilmsKey> {
        let films = self.pair()?.map(Arc::clone);
        Some(FilmsKey { recon: Arc::clone(&self.compare.entry()?.case.volume), films })
    }

    /// The slice that numbers are given of: the plane that is compared, or the one under the pointer where all three
    /// are seen.
    pub fn slice_key(&self) -> Option<SliceKey> {
        let view = &self.viewer.state;
        let axis = if view.compare.layout == CompareLayout::Planes { view.active_axis() } else { view.compare.axis };
        let entry = self.compare.entry()?;
        let index = jobs::voxel_along(entry.case.volume.frame(), axis, view.cursor_mm)?;
        Some((self.compare.key_of(entry, view.compare.pose)?, axis, index))
    }
}

impl Workstation {
    /// Once a frame: the results there are, and what has to be computed for those that are looked at.
    pub(in crate::app) fn follow_comparison(&mut self) {
        self.sync_results();
        if self.state.workspace != Workspace::Compare {
            return;
        }
        self.want_films();
        if self.state.compare.truth.is_none() {
            return;
        }
        let all = self.state.viewer.state.compare.layout == CompareLayout::Results;
        let compare = &self.state.compare;
        let shown = compare.results.iter().map(|e| e.id).filter(|id| all || *id == compare.chosen);
        for id in shown.collect::<Vec<_>>() {
            self.want_pair(id);
            self.want_numbers(id);
            self.want_lungs(id);
        }
        let chosen = self.state.compare.chosen;
        self.want_slice(chosen);
        self.want_details(chosen);
    }

    /// The films beside re-projections, where they are looked at.
    fn want_films(&mut self) {
        let compare = &self.state.compare;
        let open = compare.evidence == Evidence::Films && !compare.folded;
        let Some(key) = self.state.films_key().filter(|_| open) else { return };
        if self.state.compare.films.ask(&key) {
            let c = &theme().color;
            let (isocentre_mm, colours) = (key.recon.frame().centre_mm(), [c.below, c.zero, c.above]);
            self.start_comparison(CompareLane::Films, move |_| {
                let found = reproject::films(&key, isocentre_mm, colours).map(Box::new);
                CompareDone::Films(key, found)
            });
        }
    }

    /// Metrics of the slice on screen.
    fn want_slice(&mut self, id: u64) {
        let Some(key) = self.state.slice_key() else { return };
        let Some(pair) = self.state.compare.present_pair(id, key.0.pose) else { return };
        if self.state.compare.slice.ask(&key) {
            self.start_comparison(CompareLane::Slice, move |_| {
                let numbers = slice_numbers(&key.0.recon, &pair.truth, key.1, key.2);
                CompareDone::Slice(key, numbers)
            });
        }
    }

    /// Bands and joint histogram.
    fn want_details(&mut self, id: u64) {
        let pose = self.state.viewer.state.compare.pose;
        let Some(pair) = self.state.compare.present_pair(id, pose) else { return };
        let key = pair.key.clone();
        if self.state.compare.entry_mut(id).is_some_and(|e| e.details.ask(&key)) {
            self.start_comparison(CompareLane::Details(id), move |_| {
                let bands = by_bands(&key.recon, &pair.truth);
                let joint = joint_histogram(&key.recon, &pair.truth, HISTOGRAM_BINS);
                CompareDone::Details(id, key, bands, joint)
            });
        }
    }

    /// The truth on a result's grid, as it is moved now.
    fn want_pair(&mut self, id: u64) {
        let pose = self.state.viewer.state.compare.pose;
        let compare = &mut self.state.compare;
        let Some(key) = compare.entry_of(id).and_then(|e| compare.key_of(e, pose)) else { return };
        if compare.entry_mut(id).is_some_and(|e| e.pair.ask(&key)) {
            self.start_comparison(CompareLane::Pair(id), move |_| CompareDone::Pair(id, jobs::pair(key)));
        }
    }

    /// Metrics of a pair, once the pair is there.
    fn want_numbers(&mut self, id: u64) {
        let pose = self.state.viewer.state.compare.pose;
        let Some(pair) = self.state.compare.present_pair(id, pose) else { return };
        let key = pair.key.clone();
        if self.state.compare.entry_mut(id).is_some_and(|e| e.numbers.ask(&key)) {
            self.start_comparison(CompareLane::Numbers(id), move |_| {
                let numbers = jobs::numbers(&key.recon, &pair.truth);
                CompareDone::Numbers(id, key, Box::new(numbers))
            });
        }
    }

    /// Lungs of a pair, where they are to be seen.
    fn want_lungs(&mut self, id: u64) {
        let view = &self.state.viewer.state;
        let (pose, mask) = (view.compare.pose, view.mask);
        let Some(pair) = self.state.compare.present_pair(id, pose).filter(|_| mask.on) else { return };
        let key = (pair.key.clone(), mask.threshold_hu.round() as i32);
        if self.state.compare.entry_mut(id).is_some_and(|e| e.lungs.ask(&key)) {
            self.start_comparison(CompareLane::Lungs(id), move |_| {
                let lungs = jobs::lungs(&key.0.recon, &pair.truth, key.1);
                CompareDone::Lungs(id, key, lungs)
            });
        }
    }

    /// A job of this workspace has ended.
    pub(in crate::app) fn take_comparison(&mut self, ctx: &Context, done: CompareDone) {
        match done {
            CompareDone::Truth(path, read, pose) => self.truth_read(ctx, path, read, pose),
            CompareDone::Pair(id, pair) => {
                if let Some(entry) = self.state.compare.entry_mut(id) {
                    entry.take_pair(pair);
                }
            }
            CompareDone::Numbers(id, key, numbers) => {
                if let Some(entry) = self.state.compare.entry_mut(id) {
                    entry.numbers.take(key, Arc::new(*numbers));
                }
            }
            CompareDone::Slice(key, numbers) => self.state.compare.slice.take(key, numbers),
            CompareDone::Details(id, key, bands, joint) => {
                let c = &theme().color;
                let picture = joint.as_ref().map(|joint| {
                    let image = jobs::histogram_picture(joint, [c.field, c.accent, c.text]);
                    ctx.load_texture("joint histogram", image, TextureOptions::NEAREST)
                });
                if let Some(entry) = self.state.compare.entry_mut(id) {
                    entry.details.take(key, Details { bands, joint, picture });
                }
            }
            CompareDone::Lungs(id, key, lungs) => {
                if let Some(entry) = self.state.compare.entry_mut(id) {
                    entry.take_lungs(key, lungs);
                }
            }
            CompareDone::Films(key, found) => {
                let shown = found.map(|films| FilmsShown { films: films.map(|film| textured(ctx, film)) });
                self.state.compare.films.take(key, shown);
            }
            CompareDone::Exported(folder, result) => {
                self.state.compare.exporting = false;
                match result {
                    Ok(()) => self.state.note(Tone::Good, "Comparison exported", folder.display().to_string()),
                    Err(cause) => {
                        self.state.note(Tone::Danger, "The comparison was not exported", cause.to_string());
                    }
                }
            }
            CompareDone::Aligned(key, found) => {
                self.state.compare.aligning = None;
                let same = self.state.compare.truth.as_ref().is_some_and(|t| Arc::ptr_eq(t, &key.truth));
                match found.filter(|_| same) {
                    Some(found) => {
                        self.state.compare.alignment = Some(found);
                        self.set_pose(ctx, found.pose);
                    }
                    None if same => {
                        let body = "The two hardly overlap. Shift the ground truth by hand first, then align.";
                        self.state.note(Tone::Warning, "No alignment was found", body);
                    }
                    None => {}
                }
            }
        }
    }

    fn truth_read(
        &mut self,
        ctx: &Context,
        path: PathBuf,
        read: Result<Box<LoadedVolume>, IoError>,
        pose: Option<Pose>,
    ) {
        self.state.compare.reading = None;
        match read {
            Err(IoError::Cancelled { .. }) => {}
            Err(cause) => {
                let head = format!("{} was not opened as ground truth", file_name(&path));
                self.state.note(Tone::Danger, head, without_path(&path, &cause.to_string()));
            }
            Ok(loaded) => {
                self.remember_truth(&path);
                let warnings = loaded.warnings.iter().map(ToString::to_string).collect();
                let truth = Truth { path, volume: Arc::new(loaded.volume), info: loaded.info, warnings };
                self.state.compare.truth = Some(Arc::new(truth));
                self.state.compare.alignment = None;
                pose.into_iter().for_each(|pose| self.set_pose(ctx, pose));
            }
        }
    }

    fn remember_truth(&mut self, path: &Path) {
        if !path.starts_with(crate::app::jobs::BUNDLED) {
            self.remember(path);
        }
    }

    /// A job of this workspace was lost: what it was for is asked for again when it is wanted anew.
    pub(in crate::app) fn comparison_lost(&mut self, lane: CompareLane) {
        let compare = &mut self.state.compare;
        match lane {
            CompareLane::Truth => compare.reading = None,
            CompareLane::Align => compare.aligning = None,
            CompareLane::Export => compare.exporting = false,
            // Asked for at once it would be lost again: a change of pose or result asks anew.
            _ => {}
        }
    }
}

/// A film's pictures on the card.
fn textured(ctx: &Context, film: FilmPictures) -> FilmShown {
    let FilmPictures { pictures, relative_error, correlation, letters, shape_mm } = film;
    let pictures = pictures.map(|image| ctx.load_texture("re-projection", image, TextureOptions::LINEAR));
    FilmShown { pictures, relative_error, correlation, letters, shape_mm }
}
