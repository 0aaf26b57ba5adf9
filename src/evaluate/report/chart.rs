//! A dot for every case, a mark for the mean, a bar for its interval where there is one: as SVG in the page. Colours are
//! the page's. Knows no file.

use super::html::escape;
use crate::evaluate::measure::Measure;
use crate::evaluate::results::Results;
use crate::evaluate::table::Cell;
use std::fmt::Write;

/// Width of a chart, room for names at its left and for the last tick at its right, units of the drawing.
const WIDTH: f64 = 460.0;
const LEFT: f64 = 132.0;
const RIGHT: f64 = 22.0;
/// Room above and below the rows, and the height of a row.
const TOP: f64 = 8.0;
const BOTTOM: f64 = 30.0;
const ROW: f64 = 27.0;
/// Ticks wanted along the axis.
const TICKS: f64 = 4.0;
/// Letters of a name that fit at the left.
const MOST_LETTERS: usize = 19;

/// Values to places on the axis.
struct Axis {
    low: f64,
    high: f64,
    step: f64,
}

impl Axis {
    /// Round ends about the values.
    fn about(values: &[f64]) -> Option<Self> {
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if !(low <= high) {
            return None;
        }
        let span = if high > low { high - low } else { high.abs().max(1.0) * 0.1 };
        let rough = span / TICKS;
        let power = 10f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|k| k * power).find(|s| *s >= rough)?;
        Some(Self { low: (low / step).floor() * step, high: ((high / step).ceil() * step).max(low + step), step })
    }

    fn place(&self, value: f64) -> f64 {
        LEFT + (value - self.low) / (self.high - self.low) * (WIDTH - LEFT - RIGHT)
    }

    fn ticks(&self) -> Vec<f64> {
        let count = ((self.high - self.low) / self.step).round() as usize;
        (0..=count).map(|k| self.low + k as f64 * self.step).collect()
    }

    /// Digits that tell neighbouring ticks apart.
    fn digits(&self) -> usize {
        (-self.step.log10().floor()).max(0.0) as usize
    }
}

/// The chart of one number; empty where no method has it.
pub fn dots(results: &Results, measure: &Measure, cells: &[Cell]) -> String {
    let own: Vec<&Cell> = cells.iter().filter(|cell| cell.measure == measure.key).collect();
    let mut values: Vec<f64> = own.iter().flat_map(|c| c.interval).flat_map(|i| [i.low, i.high]).collect();
    values.extend(own.iter().filter_map(|c| results.column(&c.method, measure.key)).flatten());
    let Some(axis) = Axis::about(&values) else { return String::new() };
    let height = TOP + ROW * own.len() as f64 + BOTTOM;
    let better = if measure.more_is_better { "more is better →" } else { "← less is better" };
    let name = format!("{}, {better}", measure.title());
    let mut out = format!(
        "<figure class=\"chart\"><figcaption><b>{}</b> <span>{better}</span></figcaption>\
         <svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{}\">\n",
        escape(&measure.title()),
        escape(&name)
    );
    let foot = height - BOTTOM;
    for tick in axis.ticks() {
        let x = axis.place(tick);
        let _ = write!(out, "<path class=\"grid\" d=\"M{x:.1} {TOP}V{foot:.1}\"/>");
        let digits = axis.digits();
        let _ = writeln!(out, "<text class=\"tick\" x=\"{x:.1}\" y=\"{:.1}\">{tick:.digits$}</text>", foot + 17.0);
    }
    let reference = results.reference().map(|method| method.name.as_str());
    for (k, cell) in own.iter().enumerate() {
        let y = TOP + ROW * (k as f64 + 0.5);
        let class = if reference == Some(cell.method.as_str()) { "row own" } else { "row" };
        let _ = writeln!(out, "<g class=\"{class}\">{}</g>", row(results, measure, cell, &axis, y));
    }
    out.push_str("</svg></figure>\n");
    out
}

fn row(results: &Results, measure: &Measure, cell: &Cell, axis: &Axis, y: f64) -> String {
    let mut name: String = cell.method.chars().take(MOST_LETTERS).collect();
    if name.len() < cell.method.len() {
        name.push('…');
    }
    let mut out =
        format!("<text class=\"name\" x=\"{:.1}\" y=\"{:.1}\">{}</text>", LEFT - 10.0, y + 4.0, escape(&name));
    if let Some(interval) = cell.interval {
        let (a, b) = (axis.place(interval.low), axis.place(interval.high));
        let _ = write!(out, "<path class=\"interval\" d=\"M{a:.1} {y:.1}H{b:.1}\"/>");
    }
    for (case, value) in results.complete.iter().zip(results.column(&cell.method, measure.key).unwrap_or_default()) {
        let title = format!("{case}: {} {}", measure.show(value), measure.unit);
        let x = axis.place(value);
        let _ =
            write!(out, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\"><title>{}</title></circle>", escape(title.trim()));
    }
    let x = axis.place(cell.summary.mean);
    let _ = write!(out, "<path class=\"mean\" d=\"M{x:.1} {:.1}V{:.1}\"><title>mean</title></path>", y - 9.0, y + 9.0);
    out
}
