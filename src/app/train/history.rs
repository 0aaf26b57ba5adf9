//! The curves of a run in memory: every step's numbers, smoothed without looking ahead, and envelopes that let a long
//! run be drawn with few points. Knows no chart and no file.

use crate::metrics::Detail;
use crate::train::checkpoint::Judge;
use crate::train::event::{Step, Term, Validation};
use crate::train::table::{LossRow, Tables};

/// What can be drawn of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// The weighted sum that is descended.
    Loss,
    /// One part of it, unweighted.
    Part(Term),
    /// Length of the gradient.
    Gradient,
    /// Seconds of the step.
    Seconds,
}

impl Quantity {
    /// Loss, its parts, gradient, seconds.
    const COUNT: usize = Term::ALL.len() + 3;

    /// The loss and its parts, in the order of the loss table.
    pub fn losses() -> impl Iterator<Item = Self> {
        std::iter::once(Self::Loss).chain(Term::ALL.into_iter().map(Self::Part))
    }

    /// Its place among all.
    pub fn index(self) -> usize {
        match self {
            Self::Loss => 0,
            Self::Part(term) => 1 + Term::ALL.iter().position(|t| *t == term).unwrap_or(0),
            Self::Gradient => 1 + Term::ALL.len(),
            Self::Seconds => 2 + Term::ALL.len(),
        }
    }

    /// The name on screen.
    pub fn label(self) -> &'static str {
        match self {
            Self::Loss => "Loss",
            Self::Gradient => "Gradient norm",
            Self::Seconds => "Seconds a step",
            Self::Part(Term::SquaredError) => "Squared error",
            Self::Part(Term::AbsoluteError) => "L1",
            Self::Part(Term::Perceptual) => "Perceptual",
            Self::Part(Term::Adversarial) => "Adversarial",
            Self::Part(Term::Semantic) => "Semantic",
            Self::Part(Term::Anatomy) => "Anatomy",
            Self::Part(Term::AnatomyChance) => "Anatomy by chance",
            Self::Part(Term::Discriminator) => "Discriminator",
            Self::Part(Term::FeatureDeviation) => "Feature deviation",
            Self::Part(Term::Projection) => "Projection",
        }
    }
}

/// Values that one block of an envelope stands for, and blocks that one of the next level stands for.
const FAN: usize = 4;

/// Least and greatest value of blocks of steps, in levels: a level's block covers [`FAN`] of the level below.
#[derive(Clone, Debug, Default)]
struct Envelope(Vec<Vec<[f32; 2]>>);

impl Envelope {
    /// Takes in the value at `index`, which is the next one.
    fn push(&mut self, index: usize, value: f32) {
        let mut block = index;
        for level in 0.. {
            block /= FAN;
            if level == self.0.len() {
                let below = level.checked_sub(1).and_then(|k| self.0.get(k));
                let first = below.map_or([value; 2], |blocks| blocks.iter().copied().fold([f32::NAN; 2], join));
                self.0.push(vec![first]);
            }
            let blocks = &mut self.0[level];
            match blocks.get_mut(block) {
                Some(known) => *known = join(*known, [value; 2]),
                None => blocks.push([value; 2]),
            }
            if block == 0 {
                return;
            }
        }
    }
}

/// Both ranges; a NaN counts for nothing.
fn join(a: [f32; 2], b: [f32; 2]) -> [f32; 2] {
    [a[0].min(b[0]), a[1].max(b[1])]
}

/// One quantity of all steps; NaN where a step had none.
#[derive(Clone, Debug, Default)]
struct Series {
    raw: Vec<f32>,
    smooth: Vec<f32>,
    envelope: Envelope,
    mean: Mean,
}

/// A running mean without the pull of its start.
#[derive(Clone, Copy, Debug, Default)]
struct Mean {
    sum: f64,
    weight: f64,
}

impl Mean {
    /// Takes in a value; `past` is the weight of what was before.
    fn hear(&mut self, value: f32, past: f64) -> f32 {
        if !value.is_finite() {
            return f32::NAN;
        }
        self.sum = past * self.sum + (1.0 - past) * f64::from(value);
        self.weight = past * self.weight + (1.0 - past);
        if self.weight > 0.0 { (self.sum / self.weight) as f32 } else { value }
    }
}

impl Series {
    fn push(&mut self, value: f32, fresh: bool, smoothing: f64) {
        if fresh {
            self.mean = Mean::default();
        }
        self.envelope.push(self.raw.len(), value);
        self.raw.push(value);
        self.smooth.push(self.mean.hear(value, smoothing));
    }
}

/// A phase's place among all steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PhaseStart {
    /// Its number, from 0.
    pub phase: usize,
    /// Steps before it.
    pub at: usize,
}

/// A validation.
#[derive(Clone, Debug, PartialEq)]
pub struct Checked {
    /// Phase, from 0.
    pub phase: usize,
    /// Step within it.
    pub step: u64,
    /// Mean absolute error over the cases, HU.
    pub mae_hu: f64,
    /// Whether its smoothed score was the least of its phase so far.
    pub best: bool,
    /// The first case, whose pictures are kept.
    pub case: String,
    /// Fine detail and bone, means over the cases.
    pub detail: Detail,
}

/// All curves of a run. Steps are counted over all phases, from 1.
#[derive(Clone, Debug)]
pub struct History {
    steps: Vec<(usize, u64)>,
    phases: Vec<PhaseStart>,
    series: Vec<Series>,
    validations: Vec<Checked>,
    smoothing: f64,
}

impl History {
    /// No step yet; `smoothing` is the weight of the past, 0 to below 1.
    pub fn new(smoothing: f64) -> Self {
        let series = vec![Series::default(); Quantity::COUNT];
        Self { steps: Vec::new(), phases: Vec::new(), series, validations: Vec::new(), smoothing }
    }

    /// What the tables of a run folder tell.
    pub fn from_tables(tables: &Tables, smoothing: f64) -> Self {
        let mut history = Self::new(smoothing);
        tables.losses.iter().for_each(|row| history.push_row(row));
        let (mut judge, mut phase) = (Judge::default(), 0);
        for row in tables.means() {
            if row.phase != phase {
                (judge, phase) = (Judge::default(), row.phase);
            }
            let first = tables.validations.iter().find(|v| (v.phase, v.step) == (row.phase, row.step));
            let case = first.map(|v| v.case.clone()).unwrap_or_default();
            let best = judge.hear(row.mae_hu);
            let (step, mae_hu, detail) = (row.step, row.mae_hu, row.detail);
            history.validations.push(Checked { phase, step, mae_hu, best, case, detail });
        }
        history
    }

    fn push_row(&mut self, row: &LossRow) {
        let term = |term: Term| row.terms.iter().find(|(name, _)| name == term.name()).map(|(_, v)| *v);
        self.push((row.phase, row.step), row.loss, term, row.gradient, row.seconds);
    }

    /// Takes in a step.
    pub fn push_step(&mut self, step: &Step) {
        let term = |term: Term| step.terms.iter().find(|(t, _)| *t == term).map(|(_, v)| *v);
        self.push((step.phase, step.step), step.loss, term, step.gradient, step.seconds);
    }

    fn push(
        &mut self,
        place: (usize, u64),
        loss: f64,
        term: impl Fn(Term) -> Option<f64>,
        gradient: f64,
        seconds: f64,
    ) {
        let parts = Term::ALL.into_iter().map(|t| term(t).unwrap_or(f64::NAN));
        let values = std::iter::once(loss).chain(parts).chain([gradient, seconds]);
        self.push_values(place, values.map(|v| v as f32));
    }

    /// Values in the order of [`Quantity::index`].
    fn push_values(&mut self, place: (usize, u64), values: impl Iterator<Item = f32>) {
        let fresh = self.phases.last().is_none_or(|p| p.phase != place.0);
        if fresh {
            self.phases.push(PhaseStart { phase: place.0, at: self.steps.len() });
        }
        self.steps.push(place);
        for (series, value) in self.series.iter_mut().zip(values) {
            series.push(value, fresh, self.smoothing);
        }
    }

    /// Takes in a validation.
    pub fn push_validation(&mut self, validation: &Validation) {
        let case = validation.mae_hu.first().map(|(name, _)| name.clone()).unwrap_or_default();
        let Validation { phase, step, mean_mae_hu: mae_hu, best, .. } = *validation;
        let detail = Detail::mean_of(&validation.detail);
        self.validations.push(Checked { phase, step, mae_hu, best, case, detail });
    }

    /// Forgets what lies behind a step, as a run does that goes on from its checkpoint.
    pub fn cut(&mut self, phase: usize, step: u64) {
        let kept = self.steps.partition_point(|place| *place <= (phase, step));
        self.validations.retain(|v| (v.phase, v.step) <= (phase, step));
        if kept == self.steps.len() {
            return;
        }
        self.steps.truncate(kept);
        self.phases.retain(|p| p.at < kept);
        for series in &mut self.series {
            series.raw.truncate(kept);
        }
        self.redraw();
    }

    /// This history as far as `live` does not reach back, then `live`.
    pub fn followed_by(mut self, live: &Self) -> Self {
        let Some(first) = live.steps.first() else { return self };
        let before = self.steps.partition_point(|place| place < first);
        let last = before.checked_sub(1).and_then(|k| self.steps.get(k)).copied();
        match last {
            Some((phase, step)) => self.cut(phase, step),
            None => self = Self::new(self.smoothing),
        }
        for (k, place) in live.steps.iter().enumerate() {
            self.push_values(*place, live.series.iter().map(|s| s.raw[k]));
        }
        self.validations.extend(live.validations.iter().cloned());
        self
    }

    /// Smooths anew from the first step on; raw values stay as they are.
    pub fn set_smoothing(&mut self, smoothing: f64) {
        if smoothing != self.smoothing {
            self.smoothing = smoothing;
            self.redraw();
        }
    }

    fn redraw(&mut self) {
        for series in &mut self.series {
            let raw = std::mem::take(series);
            for (index, value) in raw.raw.into_iter().enumerate() {
                let fresh = self.phases.iter().any(|p| p.at == index);
                series.push(value, fresh, self.smoothing);
            }
        }
    }

    /// Steps so far.
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Whether no step was done.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Where phases begin.
    pub fn phases(&self) -> &[PhaseStart] {
        &self.phases
    }

    /// All validations, in order.
    pub fn validations(&self) -> &[Checked] {
        &self.validations
    }

    /// The validation the best model was kept at: the last one that was the best of its phase.
    pub fn best(&self) -> Option<&Checked> {
        self.validations.iter().rev().find(|v| v.best)
    }

    /// Number of a step among all, from 1; steps that are not known count as the last before them.
    pub fn place(&self, phase: usize, step: u64) -> f64 {
        self.steps.partition_point(|place| *place <= (phase, step)) as f64
    }

    /// Whether any step has this quantity.
    pub fn has(&self, quantity: Quantity) -> bool {
        let top = self.series[quantity.index()].envelope.0.last();
        top.is_some_and(|blocks| blocks.iter().any(|b| b[0].is_finite()))
    }

    /// The quantity of the last step that has it.
    pub fn last(&self, quantity: Quantity) -> Option<f64> {
        self.series[quantity.index()].raw.last().filter(|v| v.is_finite()).map(|v| f64::from(*v))
    }

    /// At most `budget` ranges of the raw values of steps `from..to` (from 0): (number of the step, least, greatest).
    pub fn ranges(&self, quantity: Quantity, from: usize, to: usize, budget: usize) -> Vec<(f64, [f32; 2])> {
        let series = &self.series[quantity.index()];
        let to = to.min(series.raw.len());
        let from = from.min(to);
        let mut width = 1;
        let mut level = None;
        while (to - from).div_ceil(width) > budget.max(1) {
            let next = level.map_or(0, |k: usize| k + 1);
            if next >= series.envelope.0.len() {
                break;
            }
            (level, width) = (Some(next), width * FAN);
        }
        let place = |block: usize| (block * width) as f64 + (width + 1) as f64 / 2.0;
        match level {
            None => (from..to).map(|i| (place(i), [series.raw[i]; 2])).collect(),
            Some(k) => {
                let blocks = &series.envelope.0[k];
                let last = to.div_ceil(width).min(blocks.len());
                (from / width..last).map(|b| (place(b).min(to as f64), blocks[b])).collect()
            }
        }
    }

    /// At most about `budget` smoothed values of steps `from..to` (from 0), the last one among them.
    pub fn smoothed(&self, quantity: Quantity, from: usize, to: usize, budget: usize) -> Vec<(f64, f32)> {
        let values = &self.series[quantity.index()].smooth;
        let to = to.min(values.len());
        let from = from.min(to);
        let every = (to - from).div_ceil(budget.max(1)).max(1);
        // Places that do not move while the run grows: a drawn curve then never seems to change its past.
        let inner = (from.div_ceil(every) * every..to).step_by(every);
        let mut all: Vec<usize> = inner.chain(to.checked_sub(1).filter(|i| *i >= from)).collect();
        // A phase's first and last value stay, or lines between phases would be cut short.
        all.extend(self.phases.iter().flat_map(|p| [p.at.checked_sub(1), Some(p.at)]).flatten());
        all.retain(|i| (from..to).contains(i));
        all.sort_unstable();
        all.dedup();
        all.into_iter().map(|i| ((i + 1) as f64, values[i])).collect()
    }
}
