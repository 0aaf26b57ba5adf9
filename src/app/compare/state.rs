//! What the workspace Compare draws: results, the truth, and numbers that are shown beside what they belong to or not
//! at all. Knows no job and no file.

use super::held::Held;
use crate::app::film::Film;
use crate::app::state::{Case, LungVolumes, Origin};
use crate::app::viewport::Scene;
use crate::geometry::{Axis, Pose, Volume};
use crate::io::{Progress, Sensitive, SourceInfo};
use crate::metrics::Comparison;
use crate::metrics::align::Alignment;
use crate::metrics::bands::Band;
use crate::metrics::by_slice::Numbers;
use crate::metrics::joint::JointHistogram;
use std::path::PathBuf;
use std::sync::Arc;

/// Results kept at once; more columns would show no anatomy.
pub const MAX_RESULTS: usize = 6;

/// Everything of the workspace.
#[derive(Default)]
pub struct CompareState {
    /// The results there are, oldest first; the last one may be on screen in Reconstruct and not kept.
    pub results: Vec<Entry>,
    /// The result that is compared.
    pub chosen: u64,
    /// The ground truth.
    pub truth: Option<Arc<Truth>>,
    /// The truth being read: its file's name and how far it is.
    pub reading: Option<(String, Arc<Progress>)>,
    /// The automatic alignment that runs, and how far it is.
    pub aligning: Option<Arc<Progress>>,
    /// What the last alignment found, with the pair it found it for.
    pub alignment: Option<Alignment>,
    /// A folder is being written.
    pub exporting: bool,
    /// The part of the evidence that is open.
    pub evidence: Evidence,
    /// The evidence is folded away, and the pictures have all the room.
    pub folded: bool,
    /// Numbers of the slice on screen.
    pub slice: Held<SliceKey, Option<Numbers>>,
    /// The films beside what the chosen result would have given.
    pub films: Held<FilmsKey, Result<FilmsShown, String>>,
    /// Models that are still to be run on the films.
    pub queue: Queue,
    /// The number of the next result.
    pub next_id: u64,
}

/// A result that can be compared.
pub struct Entry {
    /// Never used twice.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// The volume and where it comes from.
    pub case: Arc<Case>,
    /// The same as the panes take it.
    pub scene: Scene,
    /// Stays when another volume comes on screen.
    pub kept: bool,
    /// The truth on this result's grid.
    pub pair: Held<PairKey, Arc<Pair>>,
    /// The pair drawn last: it stays on screen while the next one is being made.
    pub drawn: Option<Drawn>,
    /// Numbers of volume and body.
    pub numbers: Held<PairKey, Arc<VolumeNumbers>>,
    /// Bands and joint histogram.
    pub details: Held<PairKey, Details>,
    /// Lungs of both at the threshold of the view.
    pub lungs: Held<(PairKey, i32), Arc<Lungs>>,
}

/// A pair on screen.
pub struct Drawn {
    /// The pair.
    pub pair: Arc<Pair>,
    /// Its truth as the panes take it, with its lungs once they are found.
    pub scene: Scene,
}

/// The ground truth as it was read.
pub struct Truth {
    /// Where it was read from.
    pub path: PathBuf,
    /// Its own volume.
    pub volume: Arc<Volume>,
    /// What the file says.
    pub info: SourceInfo,
    /// What is odd about it.
    pub warnings: Vec<String>,
}

/// What a pair of volumes is made of. Equal only where both volumes are the very same and the pose is.
#[derive(Clone)]
pub struct PairKey {
    /// The reconstruction.
    pub recon: Arc<Volume>,
    /// The truth as it was read.
    pub truth: Arc<Truth>,
    /// How the truth is moved.
    pub pose: Pose,
}

impl PartialEq for PairKey {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.recon, &other.recon) && Arc::ptr_eq(&self.truth, &other.truth) && self.pose == other.pose
    }
}

/// The truth on a reconstruction's grid.
pub struct Pair {
    /// What it is made of.
    pub key: PairKey,
    /// The truth there.
    pub truth: Arc<Volume>,
    /// Share of the grid's voxels that the truth's scan covers.
    pub covered: f64,
    /// Normalised correlation of both where the truth covers, -1 to 1; `None` where one is constant.
    pub correlation: Option<f64>,
}

/// Numbers of the whole volume.
pub struct VolumeNumbers {
    /// All metrics; the text says why there are none.
    pub comparison: Result<Comparison, String>,
    /// Inside the truth's body.
    pub body: Numbers,
}

/// What is told of values rather than of places.
pub struct Details {
    /// The error by the truth's HU.
    pub bands: Option<Vec<Band>>,
    /// Which value stands where which one should.
    pub joint: Option<JointHistogram>,
    /// The histogram as a picture, the truth across, the reconstruction up.
    pub picture: Option<egui::TextureHandle>,
}

/// A result and the films it is held against.
#[derive(Clone)]
pub struct FilmsKey {
    /// The result.
    pub recon: Arc<Volume>,
    /// Both films, with their settings.
    pub films: [Arc<Film>; 2],
}

impl PartialEq for FilmsKey {
    fn eq(&self, other: &Self) -> bool {
        let same = |k: usize| Arc::ptr_eq(&self.films[k], &other.films[k]);
        Arc::ptr_eq(&self.recon, &other.recon) && same(0) && same(1)
    }
}

/// Both films beside their re-projections.
pub struct FilmsShown {
    /// First and second film.
    pub films: [FilmShown; 2],
}

/// A film beside its re-projection.
pub struct FilmShown {
    /// The film, its re-projection, and their difference.
    pub pictures: [egui::TextureHandle; 3],
    /// See `evaluate::consistency::DEFINITION`.
    pub relative_error: f64,
    /// Pearson's correlation.
    pub correlation: f64,
    /// Letters at the left, right, top and bottom edge.
    pub letters: [char; 4],
    /// Width and height at the detector, mm.
    pub shape_mm: [f64; 2],
}

/// A slice of a pair: the axis and the voxel's number along it.
pub type SliceKey = (PairKey, Axis, usize);

/// Lungs of both sides.
pub struct Lungs {
    /// Labels of the reconstruction, `[z][y][x]`.
    pub recon: Arc<[u8]>,
    /// Labels of the truth.
    pub truth: Arc<[u8]>,
    /// Volumes of the reconstruction.
    pub recon_ml: LungVolumes,
    /// Volumes of the truth.
    pub truth_ml: LungVolumes,
    /// Dice of both lungs together.
    pub dice: f64,
}

/// The parts of the evidence under the pictures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Evidence {
    /// Metrics of volume, body and slice.
    #[default]
    Numbers,
    /// Both volumes along a line.
    Profile,
    /// Which value stands where which one should.
    Histogram,
    /// Errors by kind of tissue.
    Bands,
    /// The films beside re-projections.
    Films,
}

impl Evidence {
    /// All, in the order of their tabs.
    pub const ALL: [Self; 5] = [Self::Numbers, Self::Profile, Self::Histogram, Self::Bands, Self::Films];

    /// Its name on the tab, and what it tells.
    pub fn label(self) -> (&'static str, &'static str) {
        match self {
            Self::Numbers => ("Numbers", "Numbers of volume, body and slice"),
            Self::Profile => ("Profile", "Both volumes along a line"),
            Self::Histogram => ("Histogram", "Which HU stands where which one should"),
            Self::Bands => ("Bands", "Errors by kind of tissue"),
            Self::Films => ("Films", "The films beside re-projections"),
        }
    }
}

/// Models that run one after another on the same films.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Queue {
    /// Places in the list of models that are still to be run.
    pub left: Vec<usize>,
    /// The model that runs.
    pub running: Option<usize>,
    /// How many there are in all.
    pub of: usize,
    /// The model that was chosen before.
    pub model_before: usize,
}

impl CompareState {
    /// The result that is compared.
    pub fn entry(&self) -> Option<&Entry> {
        self.results.iter().find(|e| e.id == self.chosen)
    }

    /// The result with this number.
    pub fn entry_of(&self, id: u64) -> Option<&Entry> {
        self.results.iter().find(|e| e.id == id)
    }

    /// The pair of a result at a pose, once it is there.
    pub fn present_pair(&self, id: u64, pose: Pose) -> Option<Arc<Pair>> {
        let entry = self.entry_of(id)?;
        entry.pair.get(self.key_of(entry, pose).as_ref()).cloned()
    }

    /// The same, to change it.
    pub fn entry_mut(&mut self, id: u64) -> Option<&mut Entry> {
        self.results.iter_mut().find(|e| e.id == id)
    }

    /// What a result and the truth make at a pose.
    pub fn key_of(&self, entry: &Entry, pose: Pose) -> Option<PairKey> {
        let truth = Arc::clone(self.truth.as_ref()?);
        Some(PairKey { recon: Arc::clone(&entry.case.volume), truth, pose })
    }
}

impl Entry {
    /// A result of which nothing is known yet.
    pub fn new(id: u64, name: String, case: Arc<Case>, scene: Scene) -> Self {
        let (pair, numbers, details, lungs) = Default::default();
        Self { id, name, case, scene, kept: false, pair, drawn: None, numbers, details, lungs }
    }

    /// Whether it is this very volume.
    pub fn is(&self, case: &Case) -> bool {
        Arc::ptr_eq(&self.case.volume, &case.volume)
    }

    /// The pair to draw: the present one, or the last one of the same truth while the present one is being made.
    pub fn shown_pair(&self, truth: Option<&Arc<Truth>>) -> Option<&Drawn> {
        self.drawn.as_ref().filter(|drawn| truth.is_some_and(|t| Arc::ptr_eq(t, &drawn.pair.key.truth)))
    }

    /// Takes a pair in and puts it on screen.
    pub fn take_pair(&mut self, pair: Pair) {
        let (key, pair) = (pair.key.clone(), Arc::new(pair));
        self.drawn = Some(Drawn { scene: Scene::new(Arc::clone(&pair.truth)), pair: Arc::clone(&pair) });
        self.pair.take(key, pair);
    }

    /// Takes lungs in and puts their outlines over the pictures.
    pub fn take_lungs(&mut self, key: (PairKey, i32), lungs: Lungs) {
        self.scene = self.scene.clone().with_mask(Some(Arc::clone(&lungs.recon)));
        if let Some(drawn) = self.drawn.as_mut().filter(|d| d.pair.key == key.0) {
            drawn.scene = drawn.scene.clone().with_mask(Some(Arc::clone(&lungs.truth)));
        }
        self.lungs.take(key, Arc::new(lungs));
    }

    /// The frame of reference it stands in, where it is known.
    pub fn frame_of_reference(&self) -> Option<&str> {
        match &self.case.origin {
            Origin::Films { frame_of_reference, .. } => frame_of_reference.as_deref(),
            Origin::File { info, .. } => info.frame_of_reference.as_deref(),
        }
    }

    /// The patient it is of, where that is known.
    pub fn patient_id(&self) -> Option<&Sensitive> {
        match &self.case.origin {
            Origin::Films { patient_id, .. } => patient_id.as_ref(),
            Origin::File { info, .. } => info.patient_id.as_ref(),
        }
    }
}

/// The name that a volume has in the list of results.
pub fn name_of(case: &Case) -> String {
    match &case.origin {
        Origin::Films { model, .. } if case.guided.is_some() => format!("{model} + atlases"),
        Origin::Films { model, .. } => model.clone(),
        Origin::File { .. } => case.title(),
    }
}
