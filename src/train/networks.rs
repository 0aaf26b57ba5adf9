//! The two networks of a run on their way from phase to phase. Knows no loss.

use super::adamw::AdamW;
use super::checkpoint::Tensors;
use super::plan::NetworkPlan;
use super::{TrainError, TrainPlan};
use crate::nn::coarse::Coarse;
use crate::nn::model::{self, Architecture, InputRange, RefineArchitecture};
use crate::nn::unet::UNet;
use crate::nn::{Model, ModelCard, NnError, refine};
use std::path::Path;
use tch::{Device, Kind};

/// The coarse network, and the refining one where it has been begun.
pub struct Networks {
    /// Stage 1's.
    pub coarse: Coarse,
    /// Stage 2's.
    pub refine: Option<UNet>,
    /// The optimiser's state of stage 1, so that its next phase does not begin with fresh moments at full rate.
    pub coarse_moments: Option<AdamW>,
}

impl Networks {
    /// Those a run begins with: fresh ones, or those of the model it starts from. Seed the weights first.
    ///
    /// # Errors
    /// [`TrainError::Plan`] where that model is of another shape; what loading it gives.
    pub fn first(plan: &TrainPlan, device: Device) -> Result<Self, TrainError> {
        let shape = plan.network;
        let Some(folder) = &plan.start_from else {
            let coarse = Coarse::new(shape.coarse(), device)?;
            return Ok(Self { coarse, refine: None, coarse_moments: None });
        };
        let model = Model::load(folder, device)?;
        let found = model.card().architecture;
        if !found.coarse().is_same_network(&shape.coarse()) {
            let words = |m, width, input, late| {
                let late = if late { " (late_input)" } else { "" };
                format!("{m} of coarse width {width} and input {input:?}{late}")
            };
            let cause = format!(
                "start_from is {}, the plan wants {}",
                words(found.method, found.coarse_width, found.input, found.late_input),
                words(shape.method, shape.coarse_width, shape.input, shape.late_input)
            );
            return Err(TrainError::Plan(cause));
        }
        let (coarse, refine) = model.into_networks();
        let fits = found.refine.is_some_and(|r| (r.width, r.input) == (shape.refine_width, shape.refine));
        Ok(Self { coarse, refine: refine.filter(|_| fits), coarse_moments: None })
    }

    /// Those of a checkpoint.
    ///
    /// # Errors
    /// [`TrainError::Checkpoint`] where they are of another shape.
    pub fn restore(from: &Tensors, shape: &NetworkPlan, device: Device) -> Result<Self, TrainError> {
        let coarse = Coarse::new(shape.coarse(), device)?;
        if from.has(COARSE) {
            from.copy_to(COARSE, coarse.parameters().flat())?;
        }
        let refine = from.has(REFINE).then(|| fresh_refiner(shape, device)).transpose()?;
        if let Some(net) = &refine {
            from.copy_to(REFINE, net.parameters().flat())?;
        }
        let mut coarse_moments = None;
        if from.has(&format!("{MOMENTS}.0.first")) {
            let mut moments = AdamW::new(&[coarse.parameters().flat()])?;
            moments.restore(MOMENTS, from)?;
            coarse_moments = Some(moments);
        }
        Ok(Self { coarse, refine, coarse_moments })
    }

    /// The refining network to go on with; a fresh one where there is none.
    ///
    /// # Errors
    /// Where memory runs out.
    pub fn take_refiner(&mut self, shape: &NetworkPlan, device: Device) -> Result<UNet, TrainError> {
        Ok(self.refine.take().map_or_else(|| fresh_refiner(shape, device), Ok)?)
    }

    /// Puts both into a checkpoint.
    pub fn store(&self, into: &mut Tensors) {
        store_coarse(&self.coarse, into);
        if let Some(net) = &self.refine {
            store_refiner(net, into);
        }
        if let Some(moments) = &self.coarse_moments {
            moments.store(MOMENTS, into);
        }
    }

    /// Writes a model folder with f32 weights.
    ///
    /// # Errors
    /// What writing it gives.
    pub fn save(&self, folder: &Path, plan: &TrainPlan) -> Result<(), TrainError> {
        let card = card(plan, self.refine.is_some());
        let refine = self.refine.as_ref().map(UNet::parameters);
        model::save(folder, card, self.coarse.parameters(), refine, Kind::Float)?;
        Ok(())
    }
}

/// Names of whole networks in a checkpoint.
const COARSE: &str = "coarse";
const REFINE: &str = "refine";
const MOMENTS: &str = "coarse.adamw";

/// Puts a coarse network that is not learning into a checkpoint.
pub fn store_coarse(net: &Coarse, into: &mut Tensors) {
    into.put(COARSE.into(), net.parameters().flat());
}

/// Puts a refining network that is not learning into a checkpoint.
pub fn store_refiner(net: &UNet, into: &mut Tensors) {
    into.put(REFINE.into(), net.parameters().flat());
}

/// A refining network before its first step; a residual one begins by changing nothing.
fn fresh_refiner(shape: &NetworkPlan, device: Device) -> Result<UNet, NnError> {
    let mut net = UNet::new(refine::config(shape.refine_width, shape.refine), device)?;
    if shape.refine.residual {
        net.silence_head()?;
    }
    Ok(net)
}

/// The card of a run's model.
fn card(plan: &TrainPlan, refined: bool) -> ModelCard {
    let network = plan.network;
    let refine = refined.then_some(RefineArchitecture { width: network.refine_width, input: network.refine });
    let card = plan.card.clone();
    ModelCard {
        name: if card.name.is_empty() {
            format!("{} width {}", network.method.title(), network.coarse_width)
        } else {
            card.name
        },
        description: card.description,
        licence: card.licence,
        sha256: String::new(),
        architecture: Architecture {
            method: network.method,
            coarse_width: network.coarse_width,
            input: network.input,
            late_input: network.late_input,
            refine,
        },
        input: InputRange {
            frontal_deg: vec![0.0, 180.0],
            lateral_deg: vec![90.0, 270.0],
            angle_tolerance_deg: 4.0,
            normalisation: "films averaged to 1.7 mm at the isocentre; (p - p1) / (p99 - p1), clamped to [-0.2, 1.5]"
                .into(),
        },
        data: card.data,
        training: card.training,
        detectability: None,
        metrics: Vec::new(),
    }
}
