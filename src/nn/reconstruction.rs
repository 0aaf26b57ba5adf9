//! What a finished reconstruction is: the networks' volume, what was lent to it, and how it came about.

use super::guidance::Guided;
use crate::geometry::Volume;
use std::sync::Arc;

/// Seconds of each stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub struct StageSeconds {
    /// Reading the weights.
    pub load: f64,
    /// Preparing and back-projecting the films.
    pub back_projection: f64,
    /// The coarse network.
    pub coarse: f64,
    /// The refining network; 0 where the model has none.
    pub refine: f64,
    /// Bringing the volume nearer to the films; 0 where it was not asked for.
    pub consistency: f64,
    /// Lending anatomy; 0 where nothing was lent.
    pub guide: f64,
}

impl StageSeconds {
    /// All stages together.
    pub fn total(&self) -> f64 {
        self.load + self.back_projection + self.coarse + self.refine + self.consistency + self.guide
    }
}

/// A finished job.
#[derive(Clone, Debug)]
pub struct Reconstruction {
    /// The CT as the networks made it, on the job's frame.
    pub network: Arc<Volume>,
    /// The same with borrowed anatomy, where a guide had something to lend.
    pub guided: Option<Arc<Guided>>,
    /// What each stage took.
    pub seconds: StageSeconds,
    /// The device's name.
    pub device: String,
    /// The model's name.
    pub model: String,
    /// The SHA-256 of the model's weights.
    pub model_sha256: String,
    /// Which planted nodules the model shows, where its card says so.
    pub detectability: Option<String>,
}

impl Reconstruction {
    /// The volume to show: the guided one where there is one.
    pub fn volume(&self) -> &Arc<Volume> {
        self.guided.as_ref().map_or(&self.network, |guided| &guided.volume)
    }
}
