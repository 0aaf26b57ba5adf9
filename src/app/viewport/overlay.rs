//! What is written and drawn over pictures: letters, texts, crosshair, scale bar. Knows no input and no command.

use super::Look;
use super::geometry::{PlaneGeometry, Slices, position_text, scale_bar_mm};
use super::scene::Scene;
use super::style::Style;
use crate::geometry::{Axis, Vec3, dot};
use crate::gpu::slice::Window;
use egui::{Align2, Color32, FontId, Galley, Painter, Pos2, Rect, Stroke, Vec2, pos2, vec2};
use std::sync::Arc;

/// Panes narrower than this (points) show letters and the slice's number only.
pub(super) const ROOMY: f32 = 260.0;
/// Ends of the scale bar, points.
const TICK: f32 = 4.0;
/// How much of the picture the shade behind text takes away, so that text reads on bone as on air.
const SHADE: f32 = 0.78;
/// How far the shade reaches beyond text to its sides, and its roundness, points.
const SHADE_MARGIN: f32 = 3.0;
/// Rows of text that notices leave to the lower corners.
const CORNER_ROWS: f32 = 6.0;

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
    let mut corner = Corner::new(&ink, Align2::LEFT_TOP);
    corner.line(geometry.axis.plane_name(), look.style.plane(geometry.axis));
    corner.line(&format!("{number} / {}", slices.count), look.style.text);
    if rect.width() < ROOMY {
        return;
    }
    corner.line(&place, look.style.text);
    window_text(&ink, look, look.state.plane(geometry.axis).zoom);
    super::compare_overlay::overlay_bar(&ink, look, scene);
    if let Some(at) = pointer {
        probe(&ink, scene, geometry, at);
    }
    let mut corner = Corner::new(&ink, Align2::RIGHT_BOTTOM);
    scale_bar(&mut corner, geometry.mm_per_px);
    let (text, colour) = convention(geometry, look.style);
    corner.line(text, colour);
}

/// Everything over the 3D view. `window` is its own, which no preset changes.
pub(super) fn volume(painter: &Painter, rect: Rect, look: &Look<'_>, letters: [char; 4], window: &Window) {
    let ink = Ink { painter, rect, style: look.style };
    ink.letters(letters);
    let mut corner = Corner::new(&ink, Align2::LEFT_TOP);
    corner.line("3D", look.style.text);
    corner.line("Maximum intensity", look.style.faint);
    if rect.width() < ROOMY {
        return;
    }
    let mut corner = Corner::new(&ink, Align2::RIGHT_TOP);
    let [low, high] = [-0.5, 0.5].map(|part| window.centre_hu + part * window.width_hu);
    corner.line(&format!("Fixed, {low:.0} to {high:.0} HU"), look.style.faint);
    zoom_text(&mut corner, look, look.state.camera.zoom);
}

/// Name and a sentence in a pane without a picture.
pub(super) fn empty(painter: &Painter, rect: Rect, style: &Style, name: (&str, Color32), sentence: &str) {
    let ink = Ink { painter, rect, style };
    Corner::new(&ink, Align2::LEFT_TOP).line(name.0, name.1);
    let font = FontId::proportional(style.text_size);
    let width = (rect.width() - 4.0 * style.margin).max(1.0);
    let galley = painter.layout(sentence.into(), font, style.faint, width);
    painter.galley(rect.center() - galley.size() / 2.0, galley, style.faint);
}

/// A sentence above the lower corners, for what is odd about a picture.
pub(super) fn notice(painter: &Painter, rect: Rect, style: &Style, sentence: &str) {
    let ink = Ink { painter, rect, style };
    let galley = ink.laid_out(sentence, style.text_size, style.warning, (rect.width() - 4.0 * style.margin).max(1.0));
    let up = CORNER_ROWS * style.text_size * 1.3;
    let at = pos2(rect.center().x - galley.size().x / 2.0, rect.max.y - galley.size().y - up);
    ink.put(Rect::from_min_size(at, galley.size()), galley);
}

/// A pane's painter with its frame and style.
pub(super) struct Ink<'a> {
    pub(super) painter: &'a Painter,
    pub(super) rect: Rect,
    pub(super) style: &'a Style,
}

impl Ink<'_> {
    /// Text on one or more rows, none of them wider than `width`.
    pub(super) fn laid_out(&self, text: &str, size: f32, colour: Color32, width: f32) -> Arc<Galley> {
        self.painter.layout(text.into(), FontId::proportional(size), colour, width)
    }

    /// Text on its shade.
    pub(super) fn put(&self, at: Rect, galley: Arc<Galley>) {
        self.shade(at);
        self.painter.galley(at.min, galley, self.style.text);
    }

    /// Darkens what lies behind text.
    fn shade(&self, at: Rect) {
        let at = at.expand2(vec2(SHADE_MARGIN, 0.0));
        self.painter.rect_filled(at, SHADE_MARGIN, self.style.background.gamma_multiply(SHADE));
    }

    /// Letters at the middle of the left, right, top and bottom edge.
    pub(super) fn letters(&self, letters: [char; 4]) {
        let inner = self.rect.shrink(self.style.margin);
        let sides = [Align2::LEFT_CENTER, Align2::RIGHT_CENTER, Align2::CENTER_TOP, Align2::CENTER_BOTTOM];
        for (side, letter) in sides.into_iter().zip(letters) {
            let galley = self.laid_out(&letter.to_string(), self.style.letter_size, self.style.letter, f32::INFINITY);
            self.put(side.anchor_size(side.pos_in_rect(&inner), galley.size()), galley);
        }
    }

    /// From the pane's pixels (points here) to the screen.
    pub(super) fn on_screen(&self, px: [f64; 2]) -> Pos2 {
        self.rect.min + vec2(px[0] as f32, px[1] as f32)
    }
}

/// Rows of one corner, from the pane's edge inwards. None reaches the letter at the edge's middle, so that nothing in
/// a pane lies over anything else.
pub(super) struct Corner<'a> {
    ink: &'a Ink<'a>,
    at: Align2,
    used: f32,
}

impl<'a> Corner<'a> {
    pub(super) fn new(ink: &'a Ink<'a>, at: Align2) -> Self {
        Self { ink, at, used: 0.0 }
    }

    /// The width that the letter leaves.
    fn width(&self) -> f32 {
        let style = self.ink.style;
        (self.ink.rect.width() / 2.0 - style.letter_size - style.margin).max(1.0)
    }

    /// The next row's place for something of this size.
    fn place(&mut self, size: Vec2) -> Rect {
        let corner = self.at.pos_in_rect(&self.ink.rect.shrink(self.ink.style.margin));
        let inwards = if self.at.y() == egui::Align::Max { -self.used } else { self.used };
        self.used += size.y;
        self.at.anchor_size(corner + vec2(0.0, inwards), size)
    }

    /// A line of text, on two rows where the pane is narrow.
    pub(super) fn line(&mut self, text: &str, colour: Color32) {
        let galley = self.ink.laid_out(text, self.ink.style.text_size, colour, self.width());
        let at = self.place(galley.size());
        self.ink.put(at, galley);
    }
}

/// The two other planes as lines in their colours, open around the cursor. Geometry here is in points.
pub(super) fn crosshair(ink: &Ink<'_>, cursor_mm: Vec3, geometry: &PlaneGeometry) {
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
pub(super) fn window_text(ink: &Ink<'_>, look: &Look<'_>, zoom: f64) {
    let window = look.state.window;
    let name = look.state.preset_name().map(|n| format!("{n}  ")).unwrap_or_default();
    let mut corner = Corner::new(ink, Align2::RIGHT_TOP);
    corner.line(&format!("{name}W {:.0}  C {:.0}", window.width_hu, window.centre_hu), look.style.text);
    zoom_text(&mut corner, look, zoom);
}

/// What is unusual: enlarged, black and white exchanged.
fn zoom_text(corner: &mut Corner<'_>, look: &Look<'_>, zoom: f64) {
    if (zoom - 1.0).abs() > 0.005 {
        corner.line(&format!("Zoom {zoom:.2}"), look.style.faint);
    }
    if look.state.invert {
        corner.line("Inverted", look.style.warning);
    }
}

/// HU and position under the pointer; a row for each direction where they do not fit beside each other.
fn probe(ink: &Ink<'_>, scene: &Scene, geometry: &PlaneGeometry, at: Pos2) {
    let from_corner = at - ink.rect.min;
    let point = geometry.world_from_px([f64::from(from_corner.x), f64::from(from_corner.y)]);
    let Some(hu) = hu_at(scene, point) else { return };
    let place: Vec<String> = Axis::ALL.iter().map(|a| position_text(*a, point[a.index()])).collect();
    let mut corner = Corner::new(ink, Align2::LEFT_BOTTOM);
    let beside = place.join("  ");
    let galley = ink.laid_out(&beside, ink.style.text_size, ink.style.faint, f32::INFINITY);
    if galley.size().x <= corner.width() {
        corner.line(&beside, ink.style.faint);
    } else {
        place.iter().rev().for_each(|line| corner.line(line, ink.style.faint));
    }
    corner.line(&format!("{hu} HU"), ink.style.text);
}

/// The CT number of the voxel that holds a point, `None` outside.
pub fn hu_at(scene: &Scene, point_mm: Vec3) -> Option<i16> {
    let voxel = scene.frame().voxel_from_world(point_mm).map(|v| (v + 0.5).floor());
    let index = |v: f64| (v >= 0.0).then_some(v as usize);
    scene.volume.at(index(voxel[0])?, index(voxel[1])?, index(voxel[2])?)
}

/// A bar of a round length with what it measures, as a row of its corner.
pub(super) fn scale_bar(corner: &mut Corner<'_>, mm_per_point: f64) {
    let ink = corner.ink;
    let most = f64::from(ink.style.scale_bar.min(corner.width() / 2.0));
    let mm = scale_bar_mm(mm_per_point, most);
    let length = (mm / mm_per_point) as f32;
    let text = if mm >= 10.0 { format!("{:.0} cm", mm / 10.0) } else { format!("{mm} mm") };
    let galley = ink.laid_out(&text, ink.style.text_size, ink.style.text, f32::INFINITY);
    let size = galley.size() + vec2(length + ink.style.margin, 0.0);
    let row = corner.place(size);
    ink.shade(row);
    ink.painter.galley(row.min, galley, ink.style.text);
    let end = row.right_center() + vec2(0.0, TICK / 2.0);
    let start = end - vec2(length, 0.0);
    let stroke = Stroke::new(ink.style.line, ink.style.text);
    ink.painter.line_segment([start, end], stroke);
    for x in [start, end] {
        ink.painter.line_segment([x, x - vec2(0.0, TICK)], stroke);
    }
}

/// The convention of the picture as it stands, told from its directions, so that a flip cannot make it lie.
pub(super) fn convention<'a>(geometry: &PlaneGeometry, style: &Style) -> (&'a str, Color32) {
    let rightwards = dot(geometry.right, if geometry.axis == Axis::X { [0.0, 1.0, 0.0] } else { [1.0, 0.0, 0.0] });
    match (geometry.axis, rightwards > 0.0) {
        (Axis::X, true) => ("Front on the left", style.faint),
        (Axis::X, false) => ("Front on the right (flipped)", style.warning),
        (_, true) => ("Patient's right on the left", style.faint),
        (_, false) => ("Patient's right on the right (flipped)", style.warning),
    }
}
