//! What a run's steps tell that nobody would like to find out at the end: a contrast network that gives the same features
//! everywhere, or that tells no places apart. Each is told once a phase. Knows no network.

use super::event::{Step, Term};

/// Below this deviation the contrast network's features look alike everywhere: it has collapsed.
const COLLAPSED_BELOW: f64 = 0.01;
/// Steps after which the anatomical loss should be better than chance, and over how many of them it is averaged.
const CHANCE_AFTER: u64 = 500;
const CHANCE_STEPS: u64 = 100;

/// Watches the steps of a phase.
#[derive(Default)]
pub struct Watch {
    /// Whether the collapse was told.
    collapsed: bool,
    /// Steps heard since this began; a resumed run begins anew.
    heard: u64,
    /// The running mean of the anatomical loss less chance.
    above_chance: f64,
    /// Whether chance was told.
    chance: bool,
}

impl Watch {
    /// Takes in a step; what is to be told now.
    pub fn hear(&mut self, step: &Step) -> Option<String> {
        self.collapse(step).or_else(|| self.chance(step))
    }

    fn collapse(&mut self, step: &Step) -> Option<String> {
        let deviation = value(step, Term::FeatureDeviation).filter(|d| !self.collapsed && *d < COLLAPSED_BELOW)?;
        self.collapsed = true;
        Some(format!(
            "step {}: the contrast network's features deviate by {deviation:.4} only, it is collapsing; raise losses.anatomy \
             or lower losses.semantic",
            step.step
        ))
    }

    fn chance(&mut self, step: &Step) -> Option<String> {
        let (loss, chance) = (value(step, Term::Anatomy)?, value(step, Term::AnatomyChance)?);
        self.heard += 1;
        self.above_chance += (loss - chance - self.above_chance) / CHANCE_STEPS.min(self.heard) as f64;
        let soon = step.step < CHANCE_AFTER || self.heard < CHANCE_STEPS;
        if self.chance || soon || self.above_chance < 0.0 {
            return None;
        }
        self.chance = true;
        Some(format!(
            "step {}: the anatomical loss is {:.2} above chance ({chance:.2}), the contrast network tells no places apart; \
             raise losses.anatomy, or lower losses.contrast.momentum in a short run",
            step.step, self.above_chance
        ))
    }
}

fn value(step: &Step, wanted: Term) -> Option<f64> {
    step.terms.iter().find(|(term, _)| *term == wanted).map(|(_, value)| *value)
}
