//! What is written and drawn over pictures: letters, texts, crosshair, scale bar. Knows no input and no command.

use super::Look;
use super::geometry::{PlaneGeometry, Slices, position_text, scale_bar_mm};
use super::scene::Scene;
use super::style::Style;
use crate::geometry::{Axis, Vec3, dot};
use egui::{Align2, Color32, FontId, Painter, Pos2, Rect, Stroke, pos2, vec2};

/// Panes narrower than this (points) show letters and the slice's number only.
const ROOMY: f32 = 260.0;
/// Ends of the scale bar, points.
const TICK: f32 = 4.0;
/// Shift of the shadow that keeps text readable on white, points.
const SHADOW: f32 = 1.0;

/// Everything over a plane. `pointer` is where the pointer hovers.
pub(super) fn plane(
    painter: &Painter,
    rect: Rect,
    look: &Look<'_>,
    scene: &Scene,
    geometry: &PlaneGeometry,
    pointer: Option<Pos2>,
) {
    let ink = Ink { painter, rect, style: look.style };
    if look.state.crosshair_on {
        crosshair(&ink, look.state.cursor_mm, geometry);
    }
    ink.letters(geometry.edge_letters());
    let slices = Slices::of(scene.frame(), geometry.axis);
    let number = slices.index_of(look.state.cursor_mm) + 1;
    let place = position_text(geometry.axis, look.state.cursor_mm[geometry.axis.index()]);
    ink.line(Align2::LEFT_TOP, 0, geometry.axis.plane_name(), look.style.plane(geometry.axis));
    ink.line(Align2::LEFT_TOP, 1, &format!("{number} / {}", slices.count), look.style.text);
    if rect.width() < ROOMY {
        return;
    }
    ink.line(Align2::LEFT_TOP, 2, &place, look.style.text);
    window_text(&ink, look, Some(look.state.plane(geometry.axis).zoom));
    if let Some(at) = pointer {
        probe(&ink, scene, geometry, at);
    }
    let bar_rows = scale_bar(&ink, geometry.mm_per_px);
    let (text, colour) = convention(geometry, look.style);
    ink.line(Align2::RIGHT_BOTTOM, bar_rows, text, colour);
}

/// Everything over the 3D view.
pub(super) fn volume(painter: &Painter, rect: Rect, look: &Look<'_>, letters: [char; 4]) {
    let ink = Ink { painter, rect, style: look.style };
    ink.letters(letters);
    ink.line(Align2::LEFT_TOP, 0, "3D", look.style.text);
    ink.line(Align2::LEFT_TOP, 1, "Maximum intensity", look.style.faint);
    if rect.width() >= ROOMY {
        window_text(&ink, look, Some(look.state.camera.zoom));
    }
}

/// Name and a sentence in a pane without a picture.
pub(super) fn empty(painter: &Painter, rect: Rect, style: &Style, name: (&str, Color32), sentence: &str) {
    let ink = Ink { painter, rect, style };
    ink.line(Align2::LEFT_TOP, 0, name.0, name.1);
    let font = FontId::proportional(style.text_size);
    let width = (rect.width() - 4.0 * style.margin).max(1.0);
    let galley = painter.layout(sentence.into(), font, style.faint, width);
    painter.galley(rect.center() - galley.size() / 2.0, galley, style.faint);
}

/// A sentence at the lower edge's middle, for what is odd about a picture.
pub(super) fn notice(painter: &Painter, rect: Rect, style: &Style, sentence: &str) {
    let font = FontId::proportional(style.text_size);
    let galley = painter.layout(sentence.into(), font, style.warning, (rect.width() - 4.0 * style.margin).max(1.0));
    let at = pos2(rect.center().x - galley.size().x / 2.0, rect.max.y - galley.size().y - 3.0 * style.letter_size);
    painter.galley(at, galley, style.warning);
}

/// A pane's painter with its frame and style.
struct Ink<'a> {
    painter: &'a Painter,
    rect: Rect,
    style: &'a Style,
}

impl Ink<'_> {
    /// Text with a shadow, so that it reads on bone as on air.
    fn text(&self, at: Pos2, align: Align2, text: &str, font: FontId, colour: Color32) {
        let shadow = self.style.background.gamma_multiply(0.8);
        self.painter.text(at + vec2(SHADOW, SHADOW), align, text, font.clone(), shadow);
        self.painter.text(at, align, text, font, colour);
    }

    /// A line of text in a corner, counted from that corner.
    fn line(&self, corner: Align2, number: usize, text: &str, colour: Color32) {
        let inner = self.rect.shrink(self.style.margin);
        let down = number as f32 * self.style.text_size * 1.3;
        let at = corner.pos_in_rect(&inner);
        let towards_middle = if corner.y() == egui::Align::Max { -down } else { down };
        let at = at + vec2(0.0, towards_middle);
        self.text(at, corner, text, FontId::proportional(self.style.text_size), colour);
    }

    /// Letters at the middle of the left, right, top and bottom edge.
    fn letters(&self, letters: [char; 4]) {
        let inner = self.rect.shrink(self.style.margin);
        let sides = [Align2::LEFT_CENTER, Align2::RIGHT_CENTER, Align2::CENTER_TOP, Align2::CENTER_BOTTOM];
        for (side, letter) in sides.into_iter().zip(letters) {
            let font = FontId::proportional(self.style.letter_size);
            self.text(side.pos_in_rect(&inner), side, letter.encode_utf8(&mut [0; 4]), font, self.style.letter);
        }
    }

    /// From the pane's pixels (points here) to the screen.
    fn on_screen(&self, px: [f64; 2]) -> Pos2 {
        self.rect.min + vec2(px[0] as f32, px[1] as f32)
    }
}

/// The two other planes as lines in their colours, open around the cursor. Geometry here is in points.
fn crosshair(ink: &Ink<'_>, cursor_mm: Vec3, geometry: &PlaneGeometry) {
    let at = ink.on_screen(geometry.px_from_world(cursor_mm));
    let gap = ink.style.crosshair_gap;
    // The upright line is the plane across the screen's right direction, and so on.
    let across = |direction: Vec3| {
        let most = |a: &Axis, b: &Axis| direction[a.index()].abs().total_cmp(&direction[b.index()].abs());
        Axis::ALL.into_iter().max_by(most).unwrap_or(Axis::X)
    };
    let upright = Stroke::new(ink.style.line, ink.style.plane(across(geometry.right)));
    let level = Stroke::new(ink.style.line, ink.style.plane(across(geometry.down)));
    // The lines leave the edges to the letters.
    let r = ink.rect.shrink(ink.style.margin + ink.style.letter_size);
    if (r.min.x..=r.max.x).contains(&at.x) {
        ink.painter.line_segment([pos2(at.x, r.min.y), pos2(at.x, (at.y - gap).max(r.min.y))], upright);
        ink.painter.line_segment([pos2(at.x, (at.y + gap).min(r.max.y)), pos2(at.x, r.max.y)], upright);
    }
    if (r.min.y..=r.max.y).contains(&at.y) {
        ink.painter.line_segment([pos2(r.min.x, at.y), pos2((at.x - gap).max(r.min.x), at.y)], level);
        ink.painter.line_segment([pos2((at.x + gap).min(r.max.x), at.y), pos2(r.max.x, at.y)], level);
    }
}

/// Window values, the preset's name, zoom.
fn window_text(ink: &Ink<'_>, look: &Look<'_>, zoom: Option<f64>) {
    let window = look.state.window;
    let name = look.state.preset_name().map(|n| format!("{n}  ")).unwrap_or_default();
    let values = format!("{name}W {:.0}  C {:.0}", window.width_hu, window.centre_hu);
    ink.line(Align2::RIGHT_TOP, 0, &values, look.style.text);
    let mut row = 1;
    if let Some(zoom) = zoom.filter(|z| (z - 1.0).abs() > 0.005) {
        ink.line(Align2::RIGHT_TOP, row, &format!("Zoom {zoom:.2}"), look.style.faint);
        row += 1;
    }
    if look.state.invert {
        ink.line(Align2::RIGHT_TOP, row, "Inverted", look.style.warning);
    }
}

/// HU and position under the pointer.
fn probe(ink: &Ink<'_>, scene: &Scene, geometry: &PlaneGeometry, at: Pos2) {
    let from_corner = at - ink.rect.min;
    let point = geometry.world_from_px([f64::from(from_corner.x), f64::from(from_corner.y)]);
    let Some(hu) = hu_at(scene, point) else { return };
    let place: Vec<String> = Axis::ALL.iter().map(|a| position_text(*a, point[a.index()])).collect();
    ink.line(Align2::LEFT_BOTTOM, 0, &place.join("  "), ink.style.faint);
    ink.line(Align2::LEFT_BOTTOM, 1, &format!("{hu} HU"), ink.style.text);
}

/// The CT number of the voxel that holds a point, `None` outside.
pub fn hu_at(scene: &Scene, point_mm: Vec3) -> Option<i16> {
    let voxel = scene.frame().voxel_from_world(point_mm).map(|v| (v + 0.5).floor());
    let index = |v: f64| (v >= 0.0).then_some(v as usize);
    scene.volume.at(index(voxel[0])?, index(voxel[1])?, index(voxel[2])?)
}

/// A bar of a round length; returns the rows it takes in its corner.
fn scale_bar(ink: &Ink<'_>, mm_per_point: f64) -> usize {
    let most = f64::from(ink.style.scale_bar.min(ink.rect.width() / 3.0));
    let mm = scale_bar_mm(mm_per_point, most);
    let length = (mm / mm_per_point) as f32;
    let end = ink.rect.shrink(ink.style.margin).max - vec2(0.0, SHADOW);
    let start = end - vec2(length, 0.0);
    let stroke = Stroke::new(ink.style.line, ink.style.text);
    let shadow = Stroke::new(ink.style.line * 3.0, ink.style.background.gamma_multiply(0.6));
    for stroke in [shadow, stroke] {
        ink.painter.line_segment([start, end], stroke);
        for x in [start, end] {
            ink.painter.line_segment([x, x - vec2(0.0, TICK)], stroke);
        }
    }
    let text = if mm >= 10.0 { format!("{:.0} cm", mm / 10.0) } else { format!("{mm} mm") };
    let font = FontId::proportional(ink.style.text_size);
    ink.text(start - vec2(ink.style.margin, -TICK / 2.0), Align2::RIGHT_BOTTOM, &text, font, ink.style.text);
    1
}

/// The convention of the picture as it stands, told from its directions, so that a flip cannot make it lie.
fn convention<'a>(geometry: &PlaneGeometry, style: &Style) -> (&'a str, Color32) {
    let rightwards = dot(geometry.right, if geometry.axis == Axis::X { [0.0, 1.0, 0.0] } else { [1.0, 0.0, 0.0] });
    match (geometry.axis, rightwards > 0.0) {
        (Axis::X, true) => ("Front on the left", style.faint),
        (Axis::X, false) => ("Front on the right (flipped)", style.warning),
        (_, true) => ("Patient's right on the left", style.faint),
        (_, false) => ("Patient's right on the right (flipped)", style.warning),
    }
}
