//! What both stages strive for, as a plan's `[losses]` table has it. Knows no tensor.

use serde::{Deserialize, Serialize};

/// Weights of stage 2's losses; one with weight 0 is not computed. The paper gives none: these are ours.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LossPlan {
    /// Mean absolute error, relative attenuation.
    pub l1: f64,
    /// Mean squared error of it. Beside the absolute one, whose best answer to an uncertain vessel is none, it keeps what is
    /// likely.
    pub l2: f64,
    /// Added to the weight of voxels above 120 HU in both.
    pub bone: f64,
    /// Perceptual loss; what it looks with is said under `[perceptual]`.
    pub perceptual: f64,
    /// Adversarial loss.
    pub adversarial: f64,
    /// Semantic contrastive loss.
    pub semantic: f64,
    /// Anatomical contrastive loss.
    pub anatomy: f64,
    /// Details of the contrastive losses.
    pub contrast: ContrastPlan,
    /// What stage 1 strives for beside the mean squared error.
    pub coarse: CoarseLossPlan,
}

/// Where stage 1's squared error counts more. All 0 is the paper's loss, whose least value is a body without bones: they are
/// few voxels, and where films leave their place open by one or two, a blur is the safest answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CoarseLossPlan {
    /// Added to the weight of voxels above 120 HU.
    pub bone: f64,
    /// Added to the weight of the lungs' vessels and edges, -750 to -400 HU.
    pub lung: f64,
    /// Weight of the squared error of fine detail, x less its mean over 5^3 voxels.
    pub detail: f64,
}

impl Default for LossPlan {
    fn default() -> Self {
        Self {
            l1: 10.0,
            l2: 0.0,
            bone: 0.0,
            perceptual: 1.0,
            adversarial: 0.1,
            semantic: 0.5,
            anatomy: 0.5,
            contrast: ContrastPlan::default(),
            coarse: CoarseLossPlan::default(),
        }
    }
}

impl LossPlan {
    /// The mean absolute error alone.
    pub fn l1_only() -> Self {
        Self { l1: 1.0, perceptual: 0.0, adversarial: 0.0, semantic: 0.0, anatomy: 0.0, ..Self::default() }
    }

    /// Whether the contrast network is needed.
    pub fn contrasts(&self) -> bool {
        self.semantic > 0.0 || self.anatomy > 0.0
    }
}

/// Details of the contrastive losses.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ContrastPlan {
    /// Neighbours (of eight) that count as alike in the semantic loss.
    pub semantic_positives: i64,
    /// Positions a slice in the anatomical loss.
    pub anatomy_positions: usize,
    /// Negatives of each position.
    pub anatomy_negatives: i64,
    /// Side of the window in which negatives are looked for.
    pub window: i64,
    /// Side of the window's core in which they are not.
    pub core: i64,
    /// Temperature of InfoNCE.
    pub temperature: f64,
    /// Momentum of the teacher at the start; it rises to 1 by a cosine.
    pub momentum: f64,
    /// Steps in which the contrast network learns on coarse and true slices and does not judge the refining one yet; 0 is
    /// the paper's. One that judges before it tells places apart teaches noise.
    pub warm_up: u64,
}

impl Default for ContrastPlan {
    fn default() -> Self {
        Self {
            semantic_positives: 4,
            anatomy_positions: 256,
            anatomy_negatives: 16,
            window: 11,
            core: 3,
            temperature: 0.1,
            momentum: 0.996,
            warm_up: 0,
        }
    }
}
