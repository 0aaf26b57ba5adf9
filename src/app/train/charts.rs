//! The charts of runs: losses raw beneath smoothed, gradient norm, validation error with the best marked. Draws what
//! `lines` prepared; every chart costs the same however long the run is.

use super::command::TrainCommand;
use super::history::{History, Quantity};
use super::lines::{self, ChartOptions, Curve};
use crate::app::command::{Command, Outbox};
use crate::app::theme::theme;
use crate::app::widgets::{self, NumberForm};
use egui::{Align, Color32, Id, Label, Layout, RichText, Sense, Ui, WidgetInfo, vec2};
use egui_plot::{
    GridInput, GridMark, HoverPosition, Line, MarkerShape, Plot, PlotPoint, Points, VLine, uniform_grid_spacer,
};
use std::ops::RangeInclusive;

/// Share of its colour that the raw curve beneath the smoothed one has.
const RAW_STRENGTH: f32 = 0.5;
/// Width of the smoothing slider with its value.
const SMOOTHING_WIDTH: f32 = 190.0;
/// Strongest smoothing: the past weighs so much.
const MOST_SMOOTHING: f64 = 0.999;
/// Room for the numbers of the value axis.
const AXIS_WIDTH: f32 = 44.0;

/// Decades of an axis below which 1, 2 and 5 are too few marks, and above which they are too many.
const LEAST_DECADES: f64 = 0.5;
const MOST_FINE_DECADES: f64 = 4.0;

/// A run on a chart: its curves, its name, and its colour where several runs share the chart.
pub struct Drawn<'a> {
    /// The curves.
    pub history: &'a History,
    /// The run's name.
    pub name: &'a str,
    /// One colour for all its curves; each quantity has its own where absent.
    pub colour: Option<Color32>,
}

/// A chart in the theme's look, `height` points high.
pub fn plot<'a>(name: &str, height: f32) -> Plot<'a> {
    Plot::new(Id::unique(("chart", name)))
        .height(height.max(1.0))
        .set_margin_fraction(vec2(0.0, 0.0))
        .show_background(false)
        .y_axis_min_width(AXIS_WIDTH)
        .allow_boxed_zoom(false)
        .allow_axis_zoom_drag(false)
        .grid_color(theme().color.line)
}

/// Marks of a logarithmic axis at 1, 2 and 5 of each power of ten; evenly where so few would be seen.
fn log_marks(input: GridInput) -> Vec<GridMark> {
    let (low, high) = input.bounds;
    if high - low < LEAST_DECADES {
        let steps = [input.base_step_size, 2.0 * input.base_step_size, 10.0 * input.base_step_size];
        return uniform_grid_spacer(move |_| steps)(input);
    }
    let fine = high - low < MOST_FINE_DECADES;
    let decades = low.floor() as i32..=high.ceil() as i32;
    let marks =
        decades.flat_map(|k| [(1.0f64, 1.0), (2.0, 0.5), (5.0, 0.5)].map(|(d, s)| (f64::from(k) + d.log10(), s)));
    let marks = marks.filter(|(value, step)| (low..=high).contains(value) && (fine || *step == 1.0));
    marks.map(|(value, step_size)| GridMark { value, step_size }).collect()
}

/// Where the pointer is on a chart, at the nearest point of a curve where there is one.
pub fn position(at: &HoverPosition<'_>) -> PlotPoint {
    match at {
        HoverPosition::NearDataPoint { position, .. } | HoverPosition::Elsewhere { position } => *position,
    }
}

/// The colour of a quantity.
pub fn colour(quantity: Quantity) -> Color32 {
    let c = &theme().color;
    let all = [c.accent, c.curve_a, c.curve_b, c.curve_c, c.curve_d, c.curve_e, c.curve_f, c.curve_g, c.curve_h];
    all.get(quantity.index()).copied().unwrap_or(c.notice)
}

/// Curves of some quantities with raw values beneath, `height` points high. Dragging and the wheel move along the
/// steps, a double click shows all of them.
pub fn losses(
    ui: &mut Ui,
    name: &str,
    runs: &[Drawn<'_>],
    quantities: &[Quantity],
    options: &ChartOptions,
    height: f32,
) {
    let t = theme();
    let total = runs.iter().map(|r| r.history.len()).max().unwrap_or(0).max(1) as f64;
    let log = options.log;
    let chart = plot(name, height)
        .include_x(0.0)
        .include_x(total)
        .allow_drag([true, false])
        .allow_zoom([true, false])
        .allow_scroll(false)
        .y_axis_formatter(move |mark, _| value_text(lines::from_axis(mark.value, log)))
        .label_formatter(move |at| {
            let place = position(at);
            let value = value_text(lines::from_axis(place.y, log));
            Some(match at {
                HoverPosition::NearDataPoint { plot_name, .. } if !plot_name.is_empty() => {
                    format!("{plot_name}\nstep {:.0}: {value}", place.x)
                }
                _ => format!("step {:.0}: {value}", place.x),
            })
        });
    let chart = if log { chart.y_grid_spacer(log_marks) } else { chart };
    let runs: Vec<&Drawn> = runs.iter().collect();
    let response = chart.show(ui, |plot| {
        let visible = match plot.auto_bounds().x {
            true => 0.0..=total,
            false => plot.plot_bounds().range_x(),
        };
        let mut values: Vec<f64> = Vec::new();
        let mut soft = Vec::new();
        for run in &runs {
            for quantity in quantities.iter().filter(|q| run.history.has(**q)) {
                let ink = run.colour.unwrap_or_else(|| colour(*quantity));
                let raw = lines::raw(run.history, *quantity, &visible, log);
                let smooth = lines::smoothed(run.history, *quantity, &visible, log);
                values.extend(raw.values());
                draw(plot, &raw, "", ink.gamma_multiply(RAW_STRENGTH), 1.0);
                let label = if run.name.is_empty() { quantity.label().to_owned() } else { run.name.to_owned() };
                soft.push((smooth, label, ink));
            }
        }
        for (curve, label, ink) in &soft {
            draw(plot, curve, label, *ink, 2.0);
        }
        runs.first().into_iter().for_each(|run| divide(plot, run.history));
        let span = lines::span(values.into_iter(), options.ignore_outliers);
        plot.set_plot_bounds_y(span.unwrap_or(0.0..=1.0));
    });
    name_it(ui, &response.response, name);
    if runs.iter().all(|r| r.history.is_empty()) {
        let text = "No step yet";
        ui.painter().text(
            response.response.rect.center(),
            egui::Align2::CENTER_CENTER,
            text,
            t.body(),
            t.color.text_faint,
        );
    }
}

/// Validation errors, the best one marked.
pub fn validation(ui: &mut Ui, name: &str, runs: &[Drawn<'_>], height: f32) {
    let t = theme();
    if runs.iter().all(|r| r.history.validations().is_empty()) {
        let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), height.max(1.0)), Sense::hover());
        name_it(ui, &response, name);
        ui.painter().text(
            rect.center(),
            egui::Align2::CENTER_CENTER,
            "No validation yet",
            t.body(),
            t.color.text_faint,
        );
        return;
    }
    let total = runs.iter().map(|r| r.history.len()).max().unwrap_or(0).max(1) as f64;
    let chart = plot(name, height)
        .include_x(0.0)
        .include_x(total)
        .allow_drag(false)
        .allow_zoom(false)
        .allow_scroll(false)
        .y_axis_formatter(|mark, _| value_text(mark.value))
        .label_formatter(|at| Some(format!("step {:.0}: {:.1} HU", position(at).x, position(at).y)));
    let response = chart.show(ui, |plot| {
        let mut values = Vec::new();
        for run in runs {
            let ink = run.colour.unwrap_or(t.color.curve_b);
            let curve = lines::validation(run.history);
            values.extend(curve.values());
            draw(plot, &curve, run.name, ink, 2.0);
            let dots: Vec<[f64; 2]> = curve.parts.iter().flatten().copied().collect();
            plot.points(Points::new("", dots).radius(2.0).color(ink).allow_hover(false));
            if let Some(best) = run.history.best() {
                let place = vec![[run.history.place(best.phase, best.step), best.mae_hu]];
                let mark = Points::new("best", place).radius(5.0).shape(MarkerShape::Diamond);
                plot.points(mark.color(t.color.good).allow_hover(false));
            }
        }
        runs.first().into_iter().for_each(|run| divide(plot, run.history));
        plot.set_plot_bounds_y(lines::span(values.into_iter(), false).unwrap_or(0.0..=1.0));
    });
    name_it(ui, &response.response, name);
}

/// Tells assistive tools what the chart is.
fn name_it(ui: &Ui, response: &egui::Response, name: &str) {
    let enabled = ui.is_enabled();
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Image, enabled, name));
}

fn draw(plot: &mut egui_plot::PlotUi<'_>, curve: &Curve, name: &str, colour: Color32, width: f32) {
    for part in &curve.parts {
        let line = Line::new(name, part.clone()).color(colour).width(width).allow_hover(!name.is_empty());
        plot.line(line);
    }
}

/// A line where each phase begins.
fn divide(plot: &mut egui_plot::PlotUi<'_>, history: &History) {
    let t = theme();
    for start in history.phases().iter().skip(1) {
        let line = VLine::new("", start.at as f64 + 0.5).color(t.color.line_strong).width(1.0);
        plot.vline(line.allow_hover(false));
    }
}

/// A value with the digits that matter.
pub fn value_text(value: f64) -> String {
    match value.abs() {
        v if v == 0.0 || !v.is_finite() => "0".into(),
        v if v >= 1000.0 => format!("{value:.0}"),
        v if v >= 0.01 => {
            let digits = (2 - v.log10().floor() as i32).clamp(0, 4) as usize;
            format!("{value:.digits$}")
        }
        _ => super::fields::rate_text(value),
    }
}

/// Under what name, and how the losses are drawn: smoothing, log axis, outliers, and a chip for each of them.
pub fn controls(ui: &mut Ui, name: &str, history: &History, options: &ChartOptions, out: &mut Outbox) {
    let t = theme();
    let mut edited = options.clone();
    let size = vec2(ui.available_width(), t.size.control);
    ui.allocate_ui_with_layout(size, Layout::right_to_left(Align::Center), |ui| {
        ui.spacing_mut().item_spacing.x = t.space.small;
        for (label, on) in [("Ignore outliers", &mut edited.ignore_outliers), ("Log axis", &mut edited.log)] {
            if chip(ui, label, None, *on) {
                *on = !*on;
            }
        }
        ui.allocate_ui(vec2(SMOOTHING_WIDTH, t.size.control), |ui| {
            let form =
                NumberForm { name: "Smoothing", width: t.size.value * 0.8, speed: 0.001, decimals: 3, suffix: "" };
            if let Some(weight) = widgets::slider(ui, options.smoothing, 0.0..=MOST_SMOOTHING, form) {
                edited.smoothing = weight.clamp(0.0, MOST_SMOOTHING);
            }
        });
        ui.label(RichText::new("Smoothing").font(t.body()).color(t.color.text_secondary));
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
            ui.add(Label::new(RichText::new(name).font(t.title()).color(t.color.text)).truncate());
        });
    });
    // A row of their own: stage 2 has many parts, and in a narrow window they wrap.
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = vec2(t.space.small, t.space.tiny);
        {
            for quantity in Quantity::losses().filter(|q| history.has(*q) || *q == Quantity::Loss) {
                let on = edited.shown.contains(&quantity);
                if chip(ui, quantity.label(), Some(colour(quantity)), on) {
                    match on {
                        true => edited.shown.retain(|q| *q != quantity),
                        false => edited.shown.push(quantity),
                    }
                }
            }
        }
    });
    if edited != *options {
        out.send(Command::Train(TrainCommand::SetChart(edited)));
    }
}

/// A small switch with a dot of its curve's colour. True where it was pressed.
fn chip(ui: &mut Ui, label: &str, dot: Option<Color32>, on: bool) -> bool {
    let t = theme();
    let ink = if on { t.color.text } else { t.color.text_faint };
    let galley = ui.painter().layout_no_wrap(label.to_owned(), t.caption(), ink);
    let before = if dot.is_some() { t.space.large } else { 0.0 };
    let width = galley.size().x + before + 2.0 * t.space.small + t.space.tiny;
    let height = t.size.control - t.space.small;
    let (rect, response) = ui.allocate_exact_size(vec2(width, height), Sense::click());
    let enabled = ui.is_enabled();
    response.widget_info(|| WidgetInfo::selected(egui::Role::CheckBox, enabled, on, label));
    let fill = match (on, response.hovered()) {
        (true, _) => t.color.selection,
        (_, true) => t.color.control_hover,
        _ => t.color.control,
    };
    ui.painter().rect_filled(rect, t.small_corners(), fill);
    if response.has_focus() {
        let stroke = egui::Stroke::new(t.size.rule, t.color.accent);
        ui.painter().rect_stroke(rect, t.small_corners(), stroke, egui::StrokeKind::Outside);
    }
    if let Some(colour) = dot {
        let at = egui::pos2(rect.left() + t.space.medium, rect.center().y);
        let colour = if on { colour } else { colour.gamma_multiply(RAW_STRENGTH) };
        ui.painter().circle_filled(at, t.space.small, colour);
    }
    let left = rect.left() + t.space.small + t.space.tiny / 2.0 + before;
    ui.painter().galley(egui::pos2(left, rect.center().y - galley.size().y / 2.0), galley, ink);
    response.clicked()
}

/// A chart's head: its name, and the newest value on the right.
pub fn head(ui: &mut Ui, title: &str, value: &str) {
    let t = theme();
    let size = vec2(ui.available_width(), t.text.title);
    ui.allocate_ui_with_layout(size, Layout::left_to_right(Align::Center), |ui| {
        widgets::caption(ui, title);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.add(Label::new(RichText::new(value).font(t.caption()).color(t.color.text_secondary)).truncate());
        });
    });
}

/// Points that the loss chart of a run is drawn with: what a frame costs grows with them.
pub fn drawn_points(history: &History, options: &ChartOptions, visible: &RangeInclusive<f64>) -> usize {
    let shown = options.shown.iter().filter(|q| history.has(**q));
    let points = |q: &Quantity| {
        lines::raw(history, *q, visible, options.log).len() + lines::smoothed(history, *q, visible, options.log).len()
    };
    shown.map(points).sum()
}
