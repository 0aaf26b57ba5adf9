//! The learning rate over a whole schedule, with a mark at now. Knows only the plan.

use super::charts;
use super::fields::rate_text;
use crate::app::theme::theme;
use crate::app::widgets;
use crate::train::TrainPlan;
use crate::train::plan::{Phase, Stage};
use egui::{Align, Align2, Layout, RichText, Ui, vec2};
use egui_plot::{Line, LineStyle, PlotPoint, Text, VLine};

/// Points a phase is drawn with.
const POINTS: usize = 96;

/// The chart, `height` points high with its head; `now` is in epochs over all phases.
pub fn show(ui: &mut Ui, plan: &TrainPlan, now: Option<f64>, height: f32) {
    let t = theme();
    let epochs: u64 = plan.phase.iter().map(|p| p.epochs).sum();
    let top = ui.cursor().top();
    ui.allocate_ui_with_layout(vec2(ui.available_width(), t.text.title), Layout::left_to_right(Align::Center), |ui| {
        widgets::caption(ui, "LEARNING RATE");
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let text = match now {
                Some(now) => format!("now: epoch {:.1} of {epochs}", now),
                None => format!("{epochs} epochs"),
            };
            ui.label(RichText::new(text).font(t.caption()).color(t.color.text_secondary));
        });
    });
    let height = height - (ui.cursor().top() - top);
    let most = plan.phase.iter().map(|p| p.lr_high).fold(0.0, f64::max);
    if epochs == 0 || !(most > 0.0) {
        return;
    }
    let plot = charts::plot("learning rate", height)
        .include_x(0.0)
        .include_x(epochs as f64)
        .include_y(0.0)
        .include_y(most * 1.12)
        .allow_drag(false)
        .allow_zoom(false)
        .allow_scroll(false)
        .y_axis_formatter(|mark, _| if mark.value == 0.0 { "0".into() } else { rate_text(mark.value) })
        .label_formatter(|at| {
            let at = charts::position(at);
            Some(format!("epoch {:.0}\nrate {}", at.x, rate_text(at.y.max(0.0))))
        });
    let phases = plan.phase.clone();
    plot.show(ui, move |plot| {
        let mut start = 0.0;
        for (k, phase) in phases.iter().enumerate() {
            let end = start + phase.epochs as f64;
            let colour = if phase.stage == Stage::Coarse { t.color.accent } else { t.color.curve_b };
            plot.line(Line::new(format!("phase {}", k + 1), curve(phase, start)).color(colour).width(2.0));
            if k > 0 {
                plot.vline(VLine::new("", start).color(t.color.line_strong).width(1.0).allow_hover(false));
            }
            let label = RichText::new(name(k, phase)).font(t.caption()).color(t.color.text_faint);
            let place = PlotPoint::new((start + end) / 2.0, most * 1.1);
            plot.text(Text::new("", place, label).anchor(Align2::CENTER_TOP).allow_hover(false));
            start = end;
        }
        if let Some(now) = now {
            let line = VLine::new("now", now).color(t.color.text).width(1.5).style(LineStyle::dashed_dense());
            plot.vline(line);
        }
    });
}

/// A phase's cosine.
fn curve(phase: &Phase, start: f64) -> Vec<[f64; 2]> {
    let share = |k: usize| k as f64 / POINTS as f64;
    (0..=POINTS).map(|k| [start + share(k) * phase.epochs as f64, phase.cosine(share(k))]).collect()
}

fn name(k: usize, phase: &Phase) -> String {
    let stage = if phase.stage == Stage::Coarse { "coarse" } else { "refining" };
    format!("{} {stage} {}\u{b3}", k + 1, phase.side)
}
