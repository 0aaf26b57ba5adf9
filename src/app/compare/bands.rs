//! The error of each kind of tissue: a row a band, with a bar from zero.

use super::cells::{cell, computing, name, table};
use super::held::Shown;
use crate::app::state::State;
use crate::app::theme::theme;
use crate::metrics::bands::{Band, DEFINITION};
use egui::{Label, Rect, RichText, Sense, Ui, pos2, vec2};

/// Width of a number, points.
const NUMBER: f32 = 86.0;
/// Width of a bar, points.
const BAR: f32 = 220.0;

/// The part.
pub fn show(ui: &mut Ui, state: &State) {
    let t = theme();
    let Some(entry) = state.compare.entry() else { return };
    let key = state.compare.key_of(entry, state.viewer.state.compare.pose);
    let bands = match entry.details.shown(key.as_ref()) {
        Shown::There(details) => details.bands.as_deref().unwrap_or_default(),
        Shown::Computing => return computing(ui),
        Shown::Nothing => return,
    };
    let most = bands.iter().map(|b| b.rmse_hu.max(b.bias_hu.abs())).fold(1.0, f64::max);
    table("bands", 7).show(ui, |ui| {
        for (k, head) in ["Tissue", "Truth, HU", "Voxels", "Bias, HU", "MAE, HU", "RMSE, HU"].into_iter().enumerate() {
            if k == 0 { name(ui, head, DEFINITION) } else { cell(ui, NUMBER, head, true, DEFINITION) }
        }
        let text = RichText::new("Bias from zero; the pale bar is the RMSE");
        ui.add(Label::new(text.font(t.caption()).color(t.color.text_faint)).extend());
        ui.end_row();
        for band in bands {
            row(ui, band, most);
        }
    });
}

fn row(ui: &mut Ui, band: &Band, most_hu: f64) {
    name(ui, band.name, DEFINITION);
    cell(ui, NUMBER, &range(band), false, DEFINITION);
    cell(ui, NUMBER, &band.voxels.to_string(), false, DEFINITION);
    for value in [band.bias_hu, band.mae_hu, band.rmse_hu] {
        cell(ui, NUMBER, &format!("{value:.1}").replace('-', "−"), false, DEFINITION);
    }
    bar(ui, band, most_hu);
    ui.end_row();
}

/// The band's ends; open ones are said so.
fn range(band: &Band) -> String {
    let text = match (band.from_hu, band.to_hu) {
        (i16::MIN, to) => format!("below {to}"),
        (from, i16::MAX) => format!("from {from}"),
        (from, to) => format!("{from} to {to}"),
    };
    text.replace('-', "−")
}

/// Bias to either side of the middle, over the RMSE to both.
fn bar(ui: &mut Ui, band: &Band, most_hu: f64) {
    let t = theme();
    let (rect, _) = ui.allocate_exact_size(vec2(BAR, t.text.body), Sense::hover());
    let x = |hu: f64| rect.center().x + (hu / most_hu) as f32 * rect.width() / 2.0;
    let part = |from: f64, to: f64, inset: f32| {
        let (a, b) = (x(from), x(to));
        let (top, bottom) = (rect.top() + inset, rect.bottom() - inset);
        Rect::from_min_max(pos2(a.min(b), top), pos2(a.max(b), bottom))
    };
    let pale = t.color.control_active;
    ui.painter().rect_filled(part(-band.rmse_hu, band.rmse_hu, t.space.tiny * 2.0), 0.0, pale);
    let ink = if band.bias_hu < 0.0 { t.color.below } else { t.color.above };
    ui.painter().rect_filled(part(0.0, band.bias_hu, t.space.tiny), 0.0, ink);
    ui.painter().vline(rect.center().x, rect.y_range(), t.outline());
}
