//! The joint histogram as a picture: where the reconstruction has which value when the truth has which.

use super::cells::{computing, number_text};
use super::held::Shown;
use crate::app::state::State;
use crate::app::theme::theme;
use crate::app::widgets;
use crate::metrics::joint::{DEFINITION, DEFINITION_CORRELATION, DEFINITION_MUTUAL_INFORMATION, JointHistogram};
use egui::{Align, Align2, Color32, Layout, Rect, Sense, Stroke, Ui, WidgetInfo, pos2, vec2};

/// Marks on both axes, HU.
const MARKS_HU: [f64; 6] = [-1000.0, -500.0, 0.0, 500.0, 1000.0, 1500.0];
/// Room for the numbers beside the picture and below it, points.
const ROOM: [f32; 2] = [48.0, 30.0];
/// Width of what stands beside it, points.
const SIDE: f32 = 300.0;

/// The part.
pub fn show(ui: &mut Ui, state: &State) {
    let Some(entry) = state.compare.entry() else { return };
    let key = state.compare.key_of(entry, state.viewer.state.compare.pose);
    let details = match entry.details.shown(key.as_ref()) {
        Shown::There(details) => details,
        Shown::Computing => return computing(ui),
        Shown::Nothing => return,
    };
    let (Some(joint), Some(picture)) = (&details.joint, &details.picture) else {
        return super::hint(ui, "The grids differ in size: there is no joint histogram.");
    };
    let height = ui.available_height();
    ui.horizontal_top(|ui| {
        draw(ui, height, joint, picture);
        ui.add_space(theme().space.huge);
        ui.allocate_ui_with_layout(vec2(SIDE, height), Layout::top_down(Align::Min), |ui| side(ui, joint));
    });
}

/// The picture with its axes and the line on which both are the same.
fn draw(ui: &mut Ui, height: f32, joint: &JointHistogram, picture: &egui::TextureHandle) {
    let t = theme();
    let side = height - ROOM[1] - t.space.small;
    let (whole, response) = ui.allocate_exact_size(vec2(side + ROOM[0] + t.space.huge, height), Sense::hover());
    response
        .widget_info(|| WidgetInfo::labeled(egui::Role::Image, true, "Joint histogram of truth and reconstruction"));
    let rect = Rect::from_min_size(whole.min + vec2(ROOM[0], t.space.small), vec2(side, side));
    let uv = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
    ui.painter().image(picture.id(), rect, uv, Color32::WHITE);
    ui.painter().rect_stroke(rect, 0.0, t.outline(), egui::StrokeKind::Outside);
    let line = Stroke::new(t.size.rule, t.color.letter);
    ui.painter().line_segment([rect.left_bottom(), rect.right_top()], line);
    let (low, high) = (f64::from(joint.range_hu.0), f64::from(joint.range_hu.1));
    for hu in MARKS_HU {
        let part = ((hu - low) / (high - low)) as f32;
        let text = format!("{hu:.0}").replace('-', "−");
        let ink = t.color.text_faint;
        let across = pos2(rect.left() + part * side, rect.bottom() + t.space.tiny);
        ui.painter().text(across, Align2::CENTER_TOP, &text, t.caption(), ink);
        let up = pos2(rect.left() - t.space.small, rect.bottom() - part * side);
        // In the corner one number stands for both axes.
        if hu > low {
            ui.painter().text(up, Align2::RIGHT_CENTER, &text, t.caption(), ink);
        }
    }
    let below = pos2(rect.center().x, whole.bottom());
    ui.painter().text(below, Align2::CENTER_BOTTOM, "Ground truth, HU", t.caption(), t.color.truth);
    let words = pos2(rect.left() + t.space.small, rect.top() + t.space.tiny);
    ui.painter().text(words, Align2::LEFT_TOP, "Reconstruction, HU (up)", t.caption(), t.color.recon);
    if let Some(at) = response.hover_pos().filter(|at| rect.contains(*at)) {
        let bin = |part: f32| ((part * joint.bins as f32) as usize).min(joint.bins - 1);
        let (truth, recon) = (bin((at.x - rect.left()) / side), bin((rect.bottom() - at.y) / side));
        let count = joint.counts.get(truth * joint.bins + recon).copied().unwrap_or(0);
        let text = format!(
            "Truth {:.0} HU, reconstruction {:.0} HU: {count} voxels",
            joint.middle_hu(truth),
            joint.middle_hu(recon)
        );
        response.on_hover_text_at_pointer(text.replace('-', "−"));
    }
}

/// What is told from it.
fn side(ui: &mut Ui, joint: &JointHistogram) {
    widgets::caption(ui, "JOINT HISTOGRAM");
    for (label, value, definition) in [
        ("Correlation", number_text(joint.correlation(), 4), DEFINITION_CORRELATION),
        ("Mutual information, nats", number_text(joint.mutual_information_nats(), 3), DEFINITION_MUTUAL_INFORMATION),
    ] {
        ui.scope(|ui| widgets::value_row(ui, label, &value)).response.on_hover_text(definition);
    }
    super::hint(
        ui,
        "On the line both are the same. Below it the reconstruction is too thin, above it too dense. Brightness is the \
         logarithm of the count.",
    );
    super::hint(ui, DEFINITION);
}
