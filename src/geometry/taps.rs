//! Weights along one axis for bringing samples onto another spacing: a box as wide as the new voxel, then linear
//! interpolation, in one. Knows no volume.

/// Positions nearer to a sample than this (in samples) are on it: what a header's rounding moves.
const ON_SAMPLE: f64 = 1e-6;

/// The samples that one target voxel is made of, and their weights, which sum to 1. None where it lies outside.
pub(super) struct Tap {
    pub first: usize,
    pub weights: Vec<f32>,
}

impl Tap {
    /// Whether the target voxel lies outside of the samples.
    pub fn is_outside(&self) -> bool {
        self.weights.is_empty()
    }

    /// One past the last sample.
    pub fn end(&self) -> usize {
        self.first + self.weights.len()
    }

    /// The weighted sum of the samples in `line`.
    pub fn dot(&self, line: &[f32]) -> f32 {
        line[self.first..self.end()].iter().zip(&self.weights).map(|(v, w)| v * w).sum()
    }
}

/// One axis of a resampling: target voxel i lies at sample `start + step * i`.
#[derive(Clone, Copy, Debug)]
pub(super) struct AxisMap {
    pub start: f64,
    pub step: f64,
    /// Target voxels.
    pub targets: usize,
    /// Source samples.
    pub samples: usize,
    /// Extent of a target voxel in samples; up to 1 nothing is smoothed.
    pub width: f64,
}

impl AxisMap {
    /// The taps of every target voxel. Half a sample beyond the outermost centres still belongs to the samples; a box
    /// that reaches beyond them averages what there is.
    pub fn taps(&self) -> Vec<Tap> {
        (0..self.targets).map(|i| self.tap(self.start + self.step * i as f64)).collect()
    }

    fn tap(&self, at: f64) -> Tap {
        let last = (self.samples - 1) as f64;
        // Written so that NaN is outside.
        if !(at >= -0.5 - ON_SAMPLE && at <= last + 0.5 + ON_SAMPLE) {
            return Tap { first: 0, weights: Vec::new() };
        }
        let near = at.round();
        let at = if (at - near).abs() < ON_SAMPLE { near } else { at }.clamp(0.0, last);
        let low = at.floor();
        let part = at - low;
        let low = low as usize;
        let mut tap = Accumulated::default();
        self.add_box(low, 1.0 - part, &mut tap);
        if part > 0.0 {
            self.add_box(low + 1, part, &mut tap);
        }
        tap.finish()
    }

    /// The box about one sample: whole samples within it, its fractional ends by their share.
    fn add_box(&self, centre: usize, share: f64, tap: &mut Accumulated) {
        let reach = ((self.width - 1.0) / 2.0).max(0.0);
        let whole = (reach + ON_SAMPLE).floor() as usize;
        let edge = (reach - whole as f64).max(0.0);
        let (first, end) = (centre.saturating_sub(whole), (centre + whole + 1).min(self.samples));
        let below = (edge > ON_SAMPLE).then(|| centre.checked_sub(whole + 1)).flatten();
        let above = (edge > ON_SAMPLE).then_some(centre + whole + 1).filter(|&k| k < self.samples);
        let ends = f64::from(u8::from(below.is_some()) + u8::from(above.is_some()));
        let total = (end - first) as f64 + edge * ends;
        (first..end).for_each(|k| tap.add(k, share / total));
        below.into_iter().chain(above).for_each(|k| tap.add(k, share * edge / total));
    }
}

/// Weights being summed by sample.
#[derive(Default)]
struct Accumulated(Vec<(usize, f64)>);

impl Accumulated {
    fn add(&mut self, sample: usize, weight: f64) {
        self.0.push((sample, weight));
    }

    fn finish(self) -> Tap {
        let samples = || self.0.iter().map(|(sample, _)| *sample);
        let (first, end) = (samples().min().unwrap_or(0), samples().max().map_or(0, |k| k + 1));
        let mut weights = vec![0f64; end - first];
        self.0.iter().for_each(|(sample, weight)| weights[sample - first] += weight);
        Tap { first, weights: weights.into_iter().map(|w| w as f32).collect() }
    }
}
