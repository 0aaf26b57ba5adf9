//! From a run's history to the points of a chart: few of them, on a linear or logarithmic axis, cut where phases
//! begin. Knows no widget.

use super::history::{History, Quantity};
use std::ops::RangeInclusive;

/// Ranges of raw values a curve is drawn with at most; each gives two points.
pub const RAW_BUDGET: usize = 500;
/// Smoothed values a curve is drawn with at most, beside the ends of phases.
pub const SMOOTH_BUDGET: usize = 800;
/// Share of values that is left out at either end where outliers are ignored.
const OUTLIERS: f64 = 0.02;
/// Room above and below the curves, of their span.
const MARGIN: f64 = 0.06;

/// How charts are drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct ChartOptions {
    /// Weight of the past in the smoothed curve, 0 to below 1.
    pub smoothing: f64,
    /// Values on a logarithmic axis.
    pub log: bool,
    /// The axis spans what is usual rather than everything.
    pub ignore_outliers: bool,
    /// The losses that are drawn.
    pub shown: Vec<Quantity>,
}

impl Default for ChartOptions {
    fn default() -> Self {
        Self { smoothing: 0.9, log: true, ignore_outliers: false, shown: vec![Quantity::Loss] }
    }
}

/// Points of one curve, in pieces without a gap.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Curve {
    /// Step number and value on the axis.
    pub parts: Vec<Vec<[f64; 2]>>,
}

impl Curve {
    /// Points of all pieces.
    pub fn len(&self) -> usize {
        self.parts.iter().map(Vec::len).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All values on the axis.
    pub fn values(&self) -> impl Iterator<Item = f64> {
        self.parts.iter().flatten().map(|p| p[1])
    }

    fn from_points(points: impl Iterator<Item = Option<[f64; 2]>>, cuts: &[f64]) -> Self {
        let mut parts: Vec<Vec<[f64; 2]>> = Vec::new();
        let mut open = false;
        for point in points {
            let Some(point) = point else {
                open = false;
                continue;
            };
            let before = parts.last().and_then(|p| p.last()).map_or(0.0, |p| p[0]);
            let crosses = cuts.iter().any(|cut| before <= *cut && point[0] > *cut);
            match parts.last_mut().filter(|_| open && !crosses) {
                Some(part) => part.push(point),
                None => parts.push(vec![point]),
            }
            open = true;
        }
        Self { parts }
    }
}

/// A value's place on the axis; `None` where it has none.
pub fn on_axis(value: f64, log: bool) -> Option<f64> {
    let placed = if log { (value > 0.0).then(|| value.log10()) } else { Some(value) };
    placed.filter(|v| v.is_finite())
}

/// The value at a place on the axis.
pub fn from_axis(place: f64, log: bool) -> f64 {
    if log { 10f64.powf(place) } else { place }
}

/// The raw curve of the visible steps, as a band between least and greatest value.
pub fn raw(history: &History, quantity: Quantity, visible: &RangeInclusive<f64>, log: bool) -> Curve {
    let (from, to) = indices(history, visible);
    let ranges = history.ranges(quantity, from, to, RAW_BUDGET);
    let points = ranges.into_iter().enumerate().flat_map(|(k, (x, [low, high]))| {
        let ends = if k % 2 == 0 { [low, high] } else { [high, low] };
        let count = if low == high { 1 } else { 2 };
        ends.into_iter().take(count).map(move |v| on_axis(f64::from(v), log).map(|y| [x, y]))
    });
    Curve::from_points(points, &cuts(history))
}

/// The smoothed curve of the visible steps.
pub fn smoothed(history: &History, quantity: Quantity, visible: &RangeInclusive<f64>, log: bool) -> Curve {
    let (from, to) = indices(history, visible);
    let values = history.smoothed(quantity, from, to, SMOOTH_BUDGET);
    let points = values.into_iter().map(|(x, v)| on_axis(f64::from(v), log).map(|y| [x, y]));
    Curve::from_points(points, &cuts(history))
}

/// The validation errors, never logarithmic.
pub fn validation(history: &History) -> Curve {
    let points = history.validations().iter().map(|v| Some([history.place(v.phase, v.step), v.mae_hu]));
    Curve::from_points(points.map(|p| p.filter(|p| p[1].is_finite())), &cuts(history))
}

/// The span of an axis on which these values are seen.
pub fn span(values: impl Iterator<Item = f64>, ignore_outliers: bool) -> Option<RangeInclusive<f64>> {
    let mut all: Vec<f64> = values.filter(|v| v.is_finite()).collect();
    all.sort_by(f64::total_cmp);
    let cut = if ignore_outliers { (all.len() as f64 * OUTLIERS) as usize } else { 0 };
    let (low, high) = (*all.get(cut)?, *all.get(all.len() - 1 - cut)?);
    let room = ((high - low) * MARGIN).max(high.abs() * 1e-3).max(1e-9);
    Some(low - room..=high + room)
}

/// Steps (from 0) in a visible range, one beyond at either end.
fn indices(history: &History, visible: &RangeInclusive<f64>) -> (usize, usize) {
    let from = (visible.start() - 2.0).max(0.0) as usize;
    let to = (visible.end() + 2.0).max(0.0) as usize;
    (from.min(history.len()), to.min(history.len()))
}

/// Step numbers after which a new phase begins.
fn cuts(history: &History) -> Vec<f64> {
    history.phases().iter().skip(1).map(|p| p.at as f64 + 0.5).collect()
}
