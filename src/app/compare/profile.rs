//! Both volumes along the line that is drawn on the pictures.

use crate::app::command::{Command, Outbox};
use crate::app::state::State;
use crate::app::theme::theme;
use crate::app::train::charts::{plot, position};
use crate::app::viewport::geometry::position_text;
use crate::app::viewport::{CompareView, ViewCommand};
use crate::app::widgets;
use crate::geometry::{Axis, Vec3, Volume, norm, sub};
use crate::metrics::profile::{DEFINITION, profile};
use egui::{Align, Label, Layout, RichText, Ui, WidgetInfo, vec2};
use egui_plot::{HoverPosition, Legend, Line};

/// Places along the line: finer than the cube's voxels over its diagonal.
pub const SAMPLES: usize = 320;
/// Lines of the chart's grid fade in between these distances, points.
const GRID: [f32; 2] = [14.0, 120.0];
/// Width of what stands beside the chart, points.
const SIDE: f32 = 190.0;

/// The part.
pub fn show(ui: &mut Ui, state: &State, out: &mut Outbox) {
    let view = state.viewer.state.compare;
    let Some(ends_mm) = view.profile_mm else { return };
    let size = vec2(ui.available_width(), ui.available_height());
    ui.allocate_ui_with_layout(size, Layout::right_to_left(Align::Min), |ui| {
        ui.allocate_ui_with_layout(vec2(SIDE, size.y), Layout::top_down(Align::Min), |ui| {
            side(ui, view, ends_mm, state, out);
        });
        chart(ui, state, ends_mm);
    });
}

/// Where the line runs, and two lines that are asked for most.
fn side(ui: &mut Ui, view: CompareView, ends_mm: [Vec3; 2], state: &State, out: &mut Outbox) {
    let t = theme();
    widgets::caption(ui, "LINE");
    for (word, end) in ["A", "B"].into_iter().zip(ends_mm) {
        let text = Axis::ALL.map(|a| position_text(a, end[a.index()]).replace(" mm", "")).join("  ");
        ui.add(Label::new(RichText::new(format!("{word}  {text} mm")).font(t.caption()).color(t.color.text)));
    }
    let length = norm(sub(ends_mm[1], ends_mm[0]));
    ui.label(RichText::new(format!("{length:.1} mm long")).font(t.caption()).color(t.color.text_secondary));
    super::hint(ui, "Drag A and B on any picture.");
    ui.add_space(t.space.small);
    let [across, down] = crate::app::viewport::geometry::screen_axes(view.axis);
    for (label, along) in [("Level through the crosshair", across), ("Upright through the crosshair", down)] {
        if widgets::quiet_button(ui, None, label, Some(SIDE)).clicked() {
            let profile_mm = state.frame_on_screen().map(|frame| through(frame, state.viewer.state.cursor_mm, along));
            out.send(Command::View(ViewCommand::SetCompare(CompareView { profile_mm, ..view })));
        }
    }
}

/// A line through a point along an axis of the patient, over most of the grid.
fn through(frame: &crate::geometry::Frame, point: Vec3, along: Vec3) -> [Vec3; 2] {
    let centre = frame.centre_mm();
    let half = frame.extent_mm().into_iter().fold(0.0, f64::max) * 0.45;
    [-1.0, 1.0].map(|side| {
        std::array::from_fn(|k| if along[k] == 0.0 { point[k] } else { centre[k] + side * half * along[k].abs() })
    })
}

/// Both curves over mm.
fn chart(ui: &mut Ui, state: &State, ends_mm: [Vec3; 2]) {
    let t = theme();
    let Some(entry) = state.compare.entry() else { return };
    let pair = state.compare.present_pair(entry.id, state.viewer.state.compare.pose);
    let mut curves = vec![(super::panes::RECONSTRUCTION, t.color.recon, &entry.case.volume)];
    if let Some(pair) = &pair {
        curves.push((super::panes::TRUTH, t.color.truth, &pair.truth));
    }
    let length = norm(sub(ends_mm[1], ends_mm[0]));
    let response = plot("profile", ui.available_height())
        .include_x(0.0)
        .grid_spacing(egui::Rangef::new(GRID[0], GRID[1]))
        .include_x(length)
        .allow_drag(false)
        .allow_zoom(false)
        .allow_scroll(false)
        .set_margin_fraction(vec2(0.0, 0.06))
        .legend(Legend::default().position(egui_plot::Corner::RightTop))
        .x_axis_formatter(|mark, _| format!("{:.0} mm", mark.value))
        .y_axis_formatter(|mark, _| format!("{:.0}", mark.value).replace('-', "−"))
        .label_formatter(|at| Some(words(at)))
        .show(ui, |plot| {
            for (name, colour, volume) in &curves {
                for part in parts(volume, ends_mm) {
                    plot.line(Line::new(*name, part).color(*colour).width(1.5));
                }
            }
        });
    let enabled = ui.is_enabled();
    response.response.widget_info(|| WidgetInfo::labeled(egui::Role::Image, enabled, "Line profile, HU over mm"));
    let corner = response.response.rect.left_top() + vec2(t.space.huge * 4.0, t.space.tiny);
    let head = "HU, from A to B";
    ui.painter().text(corner, egui::Align2::LEFT_TOP, head, t.caption(), t.color.text_faint);
    response.response.on_hover_text_at_pointer(DEFINITION);
    if pair.is_none() {
        let place = ui.min_rect().center();
        let text = "The ground truth's curve is being computed";
        ui.painter().text(place, egui::Align2::CENTER_CENTER, text, t.body(), t.color.text_faint);
    }
}

/// What stands at the pointer.
fn words(at: &HoverPosition<'_>) -> String {
    let place = position(at);
    format!("{:.1} mm: {:.0} HU", place.x, place.y).replace('-', "−")
}

/// The curve in pieces without a gap.
fn parts(volume: &Volume, [from, to]: [Vec3; 2]) -> Vec<Vec<[f64; 2]>> {
    let step = norm(sub(to, from)) / (SAMPLES - 1) as f64;
    let mut parts: Vec<Vec<[f64; 2]>> = vec![Vec::new()];
    for (k, value) in profile(volume, from, to, SAMPLES).into_iter().enumerate() {
        match (value, parts.last_mut()) {
            (Some(hu), Some(part)) => part.push([k as f64 * step, f64::from(hu)]),
            (None, Some(part)) if !part.is_empty() => parts.push(Vec::new()),
            _ => {}
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}
