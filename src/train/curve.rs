//! A run's curve as SVG: the loss of every step, its running mean, and the validation error. Knows only the tables.

use super::table::Tables;
use std::fmt::Write;

/// Width and height of the picture.
const SIZE: (f64, f64) = (900.0, 380.0);
/// Room for the axes' numbers.
const MARGIN: f64 = 56.0;
/// Weight of the past in the running mean.
const SMOOTHING: f64 = 0.97;
/// Points of the raw curve at most: more cannot be seen.
const MOST_POINTS: usize = 1200;

/// Draws the tables of a run folder, phases one after another along the axis of steps. Both axes of values are
/// logarithmic.
pub fn svg(tables: &Tables) -> String {
    let lengths: Vec<f64> = tables.phase_lengths().iter().map(|n| *n as f64).collect();
    let place = |phase: usize, step: u64| lengths.iter().take(phase).sum::<f64>() + step as f64;
    let total = lengths.iter().sum::<f64>().max(1.0);
    let loss: Vec<(f64, f64)> = tables.losses.iter().map(|row| (place(row.phase, row.step), row.loss)).collect();
    let error: Vec<(f64, f64)> = tables.means().map(|row| (place(row.phase, row.step), row.mae_hu)).collect();
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
        SIZE.0, SIZE.1
    );
    for bound in lengths.iter().scan(0.0, |sum, n| {
        *sum += n;
        Some(*sum)
    }) {
        let x = MARGIN + bound / total * (SIZE.0 - 2.0 * MARGIN);
        let _ = writeln!(out, "<path d=\"M{x:.1} 20V{:.1}\" stroke=\"#ccc\"/>", SIZE.1 - MARGIN);
    }
    let every = loss.len().div_ceil(MOST_POINTS).max(1);
    let thin: Vec<(f64, f64)> = loss.iter().step_by(every).copied().collect();
    curve(&mut out, &thin, total, ("#c9d7ea", None), MARGIN - 6.0);
    curve(&mut out, &smoothed(&loss), total, ("#2f6db3", Some("loss (running mean)")), MARGIN - 6.0);
    curve(&mut out, &error, total, ("#c2571a", Some("validation MAE, HU")), SIZE.0 - MARGIN + 6.0);
    let _ = writeln!(
        out,
        "<text x=\"{:.0}\" y=\"{:.0}\">{total:.0} steps, phases divided by lines</text>",
        MARGIN,
        SIZE.1 - 20.0
    );
    out.push_str("</svg>\n");
    out
}

fn smoothed(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut mean = None;
    let every = points.len().div_ceil(MOST_POINTS).max(1);
    let mut smooth = |(x, y): &(f64, f64)| {
        let value = mean.map_or(*y, |m: f64| SMOOTHING * m + (1.0 - SMOOTHING) * y);
        mean = Some(value);
        (*x, value)
    };
    points.iter().map(&mut smooth).collect::<Vec<_>>().into_iter().step_by(every).collect()
}

/// One curve on a logarithmic axis of its own, its least and greatest value written at `label_x`.
fn curve(out: &mut String, points: &[(f64, f64)], total: f64, style: (&str, Option<&str>), label_x: f64) {
    let positive = || points.iter().map(|p| p.1).filter(|v| *v > 0.0 && v.is_finite());
    let (low, high) = (positive().fold(f64::INFINITY, f64::min), positive().fold(0.0, f64::max));
    if !(low <= high) {
        return;
    }
    let span = (high / low).ln().max(1e-9);
    let height = SIZE.1 - MARGIN - 20.0;
    let y_of = |v: f64| 20.0 + height * (1.0 - (v / low).ln() / span);
    let mut path = String::new();
    for (i, (x, v)) in points.iter().filter(|p| p.1 > 0.0).enumerate() {
        let letter = if i == 0 { 'M' } else { 'L' };
        let _ = write!(path, "{letter}{:.1} {:.1}", MARGIN + x / total * (SIZE.0 - 2.0 * MARGIN), y_of(*v));
    }
    let (colour, name) = style;
    let _ = writeln!(out, "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\"/>");
    let Some(name) = name else { return };
    let left = label_x < SIZE.0 / 2.0;
    let anchor = if left { "end" } else { "start" };
    for v in [low, high] {
        let digits = if high < 10.0 { 4 } else { 0 };
        let y = y_of(v) + 4.0;
        let _ = writeln!(
            out,
            "<text x=\"{label_x}\" y=\"{y:.1}\" fill=\"{colour}\" text-anchor=\"{anchor}\">{v:.digits$}</text>"
        );
    }
    let x = if left { MARGIN } else { SIZE.0 - MARGIN - 130.0 };
    let _ = writeln!(out, "<text x=\"{x}\" y=\"14\" fill=\"{colour}\">{name}</text>");
}
