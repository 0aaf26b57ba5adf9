//! What is written over the pictures of a comparison: what they show, letters, scale, convention, the values under the
//! pointer, and the colour bar of the difference. Knows no input and no command.

use super::Look;
use super::compare::{ComparePane, Content};
use super::geometry::{PlaneGeometry, Slices, position_text};
use super::overlay::{Corner, Ink, ROOMY, convention, crosshair, hu_at, scale_bar, window_text};
use super::plane::{BORROWED_OPACITY, ERROR_OPACITY};
use super::scene::Scene;
use crate::geometry::Vec3;
use egui::{Align2, Color32, Mesh, Painter, Pos2, Rect, Shape, pos2, vec2};

/// Width of the colour bar, points.
const BAR_WIDTH: f32 = 10.0;
/// The bar's part of the pane's height, and its most, points.
const BAR_PART: f32 = 0.34;
const BAR_MOST: f32 = 150.0;
/// Rows of text that the window's values take.
const WINDOW_ROWS: f32 = 2.0;

/// Everything over a pane. `pointer` is where the pointer hovers.
pub(super) fn pane(
    painter: &Painter,
    rect: Rect,
    pane: &ComparePane<'_>,
    recon: &Scene,
    geometry: &PlaneGeometry,
    pointer: Option<Pos2>,
) {
    let look = &pane.look;
    let ink = Ink { painter, rect, style: look.style };
    if look.state.crosshair_on {
        crosshair(&ink, look.state.cursor_mm, geometry);
    }
    ink.letters(geometry.edge_letters());
    let slices = Slices::of(recon.frame(), geometry.axis);
    let number = slices.index_of(look.state.cursor_mm) + 1;
    let mut corner = Corner::new(&ink, Align2::LEFT_TOP);
    corner.line(pane.title, look.style.text);
    let slice = format!("{} {number} / {}", geometry.axis.plane_name(), slices.count);
    corner.line(&slice, look.style.plane(geometry.axis));
    let roomy = rect.width() >= ROOMY;
    if roomy {
        corner.line(&position_text(geometry.axis, look.state.cursor_mm[geometry.axis.index()]), look.style.text);
    }
    match pane.content {
        Content::Difference => {
            difference_bar(&ink, look.style.difference, look.state.compare.range_hu);
        }
        _ if roomy => window_text(&ink, look, look.state.plane(geometry.axis).zoom),
        _ => {}
    }
    if pane.content == Content::Recon {
        overlay_bar(&ink, look, recon);
    }
    if let Some(at) = pointer {
        probe(&ink, pane, recon, geometry, at);
    }
    let mut corner = Corner::new(&ink, Align2::RIGHT_BOTTOM);
    scale_bar(&mut corner, geometry.mm_per_px);
    let (text, colour) = convention(geometry, look.style);
    corner.line(text, colour);
}

/// The values of both under the pointer, and their difference.
fn probe(ink: &Ink<'_>, pane: &ComparePane<'_>, recon: &Scene, geometry: &PlaneGeometry, at: Pos2) {
    let from_corner = at - ink.rect.min;
    let point = geometry.world_from_px([f64::from(from_corner.x), f64::from(from_corner.y)]);
    let ours = hu_at(recon, point);
    let theirs = pane.truth.and_then(|t| hu_at(t.scene, truth_point(pane, recon, point)));
    let text = |hu: Option<i16>| hu.map_or_else(|| "–".to_owned(), |v| signed(i32::from(v), false));
    let mut corner = Corner::new(ink, Align2::LEFT_BOTTOM);
    if let Some((a, b)) = ours.zip(theirs) {
        let difference = signed(i32::from(a) - i32::from(b), true);
        corner.line(&format!("Difference {difference} HU"), ink.style.text);
    }
    if pane.truth.is_some() {
        corner.line(&format!("Truth {} HU", text(theirs)), ink.style.text);
    }
    corner.line(&format!("Recon. {} HU", text(ours)), ink.style.text);
}

/// Where a point of the plane lies in the truth as it was resampled.
fn truth_point(pane: &ComparePane<'_>, recon: &Scene, point: Vec3) -> Vec3 {
    let (now, about) = (pane.look.state.compare.pose, recon.frame().centre_mm());
    pane.truth.map_or(point, |t| if t.at == now { point } else { t.at.moved(now.back(point, about), about) })
}

/// A number with a true minus sign; a plus where it is a difference.
pub(in crate::app) fn signed(value: i32, plus: bool) -> String {
    let sign = match value {
        v if v < 0 => "−",
        v if v > 0 && plus => "+",
        _ => "",
    };
    format!("{sign}{}", value.unsigned_abs())
}

/// The colours of the difference with their HU, in the upper right corner.
fn difference_bar(ink: &Ink<'_>, [low, zero, high]: [Color32; 3], range_hu: f64) {
    let end = range_hu.round() as i32;
    let texts = [signed(end, true), "0 HU".into(), signed(-end, true)];
    bar(ink, [high, zero, low], texts, 0.0);
}

/// What the colour over the pictures stands for, under the window's values, where there is one.
pub(super) fn overlay_bar(ink: &Ink<'_>, look: &Look<'_>, scene: &Scene) {
    if scene.has_borrowed() && look.state.borrowed_on {
        borrowed_bar(ink, look);
    } else if scene.has_errors() && look.state.errors.on {
        error_bar(ink, look);
    }
}

/// The colour of what is borrowed.
fn borrowed_bar(ink: &Ink<'_>, look: &Look<'_>) {
    let full = look.style.borrowed.gamma_multiply(BORROWED_OPACITY as f32);
    let texts = ["half from atlases", "a quarter", "from the films"].map(str::to_owned);
    let down = WINDOW_ROWS * look.style.text_size * 1.3;
    bar(ink, [full, full.gamma_multiply(0.5), Color32::TRANSPARENT], texts, down);
}

/// The colour of expected errors with their HU.
fn error_bar(ink: &Ink<'_>, look: &Look<'_>) {
    let full = look.style.errors.gamma_multiply(ERROR_OPACITY as f32);
    let (half, end) = (look.state.errors.full_hu / 2.0, look.state.errors.full_hu);
    let texts = [format!("expected error ≥ {end:.0}"), format!("{half:.0} HU"), "0".into()];
    let down = WINDOW_ROWS * look.style.text_size * 1.3;
    bar(ink, [full, full.gamma_multiply(0.5), Color32::TRANSPARENT], texts, down);
}

/// Colours from top to bottom, with what they stand for, `down` points below the upper right corner.
fn bar(ink: &Ink<'_>, colours: [Color32; 3], texts: [String; 3], down: f32) {
    let style = ink.style;
    let height = (ink.rect.height() * BAR_PART).min(BAR_MOST) - down;
    let corner = ink.rect.right_top() + vec2(-style.margin, style.margin + down);
    let bar = Rect::from_min_max(corner - vec2(BAR_WIDTH, 0.0), corner + vec2(0.0, height));
    ink.painter.rect_filled(bar, 0.0, style.background);
    let mut mesh = Mesh::default();
    for (y, colour) in [bar.top(), bar.center().y, bar.bottom()].into_iter().zip(colours) {
        mesh.colored_vertex(pos2(bar.left(), y), colour);
        mesh.colored_vertex(pos2(bar.right(), y), colour);
    }
    for k in [0u32, 2] {
        mesh.add_triangle(k, k + 1, k + 2);
        mesh.add_triangle(k + 1, k + 2, k + 3);
    }
    ink.painter.add(Shape::mesh(mesh));
    let aligns = [Align2::RIGHT_TOP, Align2::RIGHT_CENTER, Align2::RIGHT_BOTTOM];
    for ((part, align), text) in [0.0, 0.5, 1.0].into_iter().zip(aligns).zip(texts) {
        let galley = ink.laid_out(&text, style.text_size, style.text, f32::INFINITY);
        let at = pos2(bar.left() - style.margin / 2.0, bar.top() + bar.height() * part);
        ink.put(align.anchor_size(at, galley.size()), galley);
    }
}
