//! The pane of a plane through a volume and its truth: one of them, their difference, or both together, with the same
//! hands, keys and letters as the planes of one volume. Draws from a snapshot; knows no panel.

use super::bindings::{Action, Place};
use super::command::ViewCommand;
use super::compare_overlay;
use super::compare_view::{CompareLayout, CompareView};
use super::geometry::PlaneGeometry;
use super::hands::{self, Motion};
use super::paint::{ComparePaint, Ticket};
use super::scene::Scene;
use super::state::Pane;
use super::{Look, overlay, plane};
use crate::geometry::{Axis, Frame, Pose, Vec3, sub};
use crate::gpu::Together;
use crate::gpu::compare::{CompareColours, CompareParams, PlaneVoxels};
use egui::{Color32, CursorIcon, Pos2, Rect, Response, Sense, Stroke, Ui, WidgetInfo, pos2, vec2};

/// How far from the divider it can be taken, points.
const GRIP: f32 = 6.0;
/// Radius of a profile's handle, points.
const HANDLE: f32 = 5.0;

/// The truth beside a reconstruction.
#[derive(Clone, Copy)]
pub struct TruthLook<'a> {
    /// As it was resampled.
    pub scene: &'a Scene,
    /// How it was moved when it was: what it was moved by since is added while drawing.
    pub at: Pose,
}

/// What a pane shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Content {
    /// The reconstruction.
    Recon,
    /// The truth.
    Truth,
    /// Reconstruction minus truth.
    Difference,
    /// Both, with a divider between.
    Swipe,
    /// Both, in tiles.
    Checkerboard,
    /// Both, through one another.
    Overlay,
}

/// Everything a pane of a comparison is drawn from.
#[derive(Clone, Copy)]
pub struct ComparePane<'a> {
    /// The reconstruction and how it is looked at.
    pub look: Look<'a>,
    /// The truth, where it is there.
    pub truth: Option<TruthLook<'a>>,
    /// Across which axis.
    pub axis: Axis,
    /// What it shows.
    pub content: Content,
    /// What stands in its corner and is read by assistive tools.
    pub title: &'a str,
    /// The line profile can be drawn.
    pub measured: bool,
}

/// Draws a pane in `rect` and tells what the person wishes.
pub fn show(ui: &mut Ui, rect: Rect, pane: &ComparePane<'_>) -> Vec<ViewCommand> {
    let rect = super::on_pixels(ui, rect);
    let Some(recon) = pane.look.scene.filter(|_| rect.width() >= 1.0 && rect.height() >= 1.0) else {
        return Vec::new();
    };
    let (look, axis) = (&pane.look, pane.axis);
    let response = ui.interact(rect, ui.scope_id().with((pane.title, axis)), Sense::click_and_drag());
    let name = format!("{}, {}", axis.plane_name(), pane.title);
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Image, true, &name));
    let painter = ui.painter_at(rect);
    painter.rect_filled(rect, 0.0, look.style.background);
    let mut commands = super::activation(&response, Pane::Plane(axis), look);
    let size = [rect.width(), rect.height()].map(f64::from);
    let geometry = PlaneGeometry::new(recon.frame(), axis, look.state.plane(axis), look.state.cursor_mm, size);
    let needs_truth = pane.content != Content::Recon;
    if needs_truth && pane.truth.is_none() {
        overlay::empty(&painter, rect, look.style, (pane.title, look.style.text), look.empty);
    } else {
        paint(ui, &response, pane, recon, &geometry);
        super::progress(ui, rect, look, recon);
        if let Some(truth) = pane.truth.filter(|_| needs_truth) {
            super::progress(ui, rect, look, truth.scene);
        }
        compare_overlay::pane(&painter, rect, pane, recon, &geometry, response.hover_pos());
    }
    for (action, motion) in hands::read(ui, &response, Place::Plane, look.bindings) {
        commands.extend(obey(action, motion, rect, look, &geometry));
    }
    if response.drag_stopped() {
        commands.push(ViewCommand::EndGesture);
    }
    if pane.content == Content::Swipe && pane.truth.is_some() {
        commands.extend(divider(ui, rect, look));
    }
    if pane.measured {
        commands.extend(profile(ui, rect, pane, &geometry));
    }
    commands
}

/// What a gesture means here: as on every plane, but that the truth can be moved, and one plane alone is a layout.
fn obey(action: Action, motion: Motion, rect: Rect, look: &Look<'_>, geometry: &PlaneGeometry) -> Option<ViewCommand> {
    let compare = look.state.compare;
    let world = |at: Pos2| point_at(rect, geometry, at);
    match (action, motion) {
        (Action::MoveTruth, Motion::Drag { by, at, .. }) => {
            Some(ViewCommand::MoveTruth(sub(world(at), world(at - by))))
        }
        (Action::Maximise, _) => {
            let layout = match compare.layout {
                CompareLayout::Plane => CompareLayout::Planes,
                CompareLayout::Planes | CompareLayout::Results => CompareLayout::Plane,
            };
            Some(ViewCommand::SetCompare(CompareView { layout, axis: geometry.axis, ..compare }))
        }
        _ => plane::obey(action, motion, rect, look, geometry),
    }
}

/// The point of the plane under a place on screen.
fn point_at(rect: Rect, geometry: &PlaneGeometry, at: Pos2) -> Vec3 {
    let d = at - rect.min;
    geometry.world_from_px([f64::from(d.x), f64::from(d.y)])
}

/// The divider, to be dragged.
fn divider(ui: &mut Ui, rect: Rect, look: &Look<'_>) -> Vec<ViewCommand> {
    let compare = look.state.compare;
    let x = rect.left() + rect.width() * compare.divider as f32;
    let grip = Rect::from_x_y_ranges(x - GRIP..=x + GRIP, rect.y_range()).intersect(rect);
    let response =
        ui.interact(grip, ui.scope_id().with("divider"), Sense::drag()).on_hover_cursor(CursorIcon::ResizeHorizontal);
    response.widget_info(|| WidgetInfo::slider(true, compare.divider, "Swipe divider"));
    let painter = ui.painter_at(rect);
    let held = response.hovered() || response.dragged();
    let ink = if held { look.style.text } else { look.style.letter };
    painter.vline(x, rect.y_range(), Stroke::new(3.0 * look.style.line, look.style.background));
    painter.vline(x, rect.y_range(), Stroke::new(look.style.line, ink));
    let at = pos2(x, rect.top() + rect.height() * 0.75);
    let knob = Rect::from_center_size(at, vec2(GRIP * 2.0, GRIP * 4.0));
    painter.rect_filled(knob, GRIP, look.style.gap_colour);
    painter.rect_stroke(knob, GRIP, Stroke::new(look.style.line, ink), egui::StrokeKind::Inside);
    let mut commands = Vec::new();
    if let Some(at) = response.interact_pointer_pos().filter(|_| response.dragged()) {
        let divider = f64::from(((at.x - rect.left()) / rect.width()).clamp(0.0, 1.0));
        commands.push(ViewCommand::SetCompare(CompareView { divider, ..compare }));
    }
    if response.drag_stopped() {
        commands.push(ViewCommand::EndGesture);
    }
    commands
}

/// The line of the profile with its two handles, to be dragged.
fn profile(ui: &mut Ui, rect: Rect, pane: &ComparePane<'_>, geometry: &PlaneGeometry) -> Vec<ViewCommand> {
    let look = &pane.look;
    let compare = look.state.compare;
    let Some(ends_mm) = compare.profile_mm else { return Vec::new() };
    let on_screen = |point: Vec3| {
        let [x, y] = geometry.px_from_world(point);
        rect.min + vec2(x as f32, y as f32)
    };
    let painter = ui.painter_at(rect);
    let ends = ends_mm.map(on_screen);
    painter.line_segment(ends, Stroke::new(3.0 * look.style.line, look.style.background));
    painter.line_segment(ends, Stroke::new(look.style.line, look.style.letter));
    let mut commands = Vec::new();
    for (k, word) in ["start", "end"].into_iter().enumerate() {
        // A handle that was zoomed out of the picture waits at its edge.
        let at = ends[k].clamp(rect.min + vec2(HANDLE, HANDLE), rect.max - vec2(HANDLE, HANDLE));
        let grip = Rect::from_center_size(at, vec2(HANDLE, HANDLE) * 3.0);
        let id = ui.scope_id().with(("profile", word, pane.title, pane.axis));
        let response = ui.interact(grip, id, Sense::drag()).on_hover_cursor(CursorIcon::Grab);
        let name = format!("Profile {word}, {}, {}", geometry.axis.plane_name(), pane.title);
        response.widget_info(|| WidgetInfo::labeled(egui::Role::Slider, true, &name));
        let ink = if response.hovered() || response.dragged() { look.style.text } else { look.style.letter };
        painter.circle(at, HANDLE, look.style.background.gamma_multiply(0.5), Stroke::new(1.5 * look.style.line, ink));
        painter.text(
            at + vec2(HANDLE + 2.0, 0.0),
            egui::Align2::LEFT_BOTTOM,
            ["A", "B"][k],
            egui::FontId::proportional(look.style.text_size),
            ink,
        );
        if let Some(pointer) = response.interact_pointer_pos().filter(|_| response.dragged()) {
            let mut moved = ends_mm;
            moved[k] = point_at(rect, geometry, pointer);
            commands.push(ViewCommand::SetCompare(CompareView { profile_mm: Some(moved), ..compare }));
        }
        if response.drag_stopped() {
            commands.push(ViewCommand::EndGesture);
        }
    }
    commands
}

/// Hands the picture to the card.
fn paint(ui: &Ui, response: &Response, pane: &ComparePane<'_>, recon: &Scene, geometry: &PlaneGeometry) {
    let rect = response.rect;
    let px_per_point = f64::from(ui.pixels_per_point());
    let in_px = geometry.at_scale(px_per_point);
    let paint = ComparePaint {
        recon: recon.clone(),
        truth: pane.truth.map_or(recon, |t| t.scene).clone(),
        ticket: Ticket { slot: response.id.value(), frame: ui.ctx().cumulative_pass_nr() },
        params: params(pane, recon.frame(), &in_px, px_per_point),
        // Of the reconstruction alone: what is known, or is a difference, needs no error bar.
        over: plane::overlay_over(recon, &pane.look, &in_px).filter(|_| pane.content == Content::Recon),
        corner_px: [rect.min.x, rect.min.y].map(|v| (v * px_per_point as f32).round()),
        size_px: in_px.size_px.map(|side| side.round() as u32),
    };
    ui.painter_at(rect).add(egui_wgpu::Callback::new_paint_callback(rect, paint));
}

/// The picture's parameters.
fn params(pane: &ComparePane<'_>, frame: &Frame, in_px: &PlaneGeometry, px_per_point: f64) -> CompareParams {
    let (state, style) = (pane.look.state, pane.look.style);
    let compare = state.compare;
    let together = match pane.content {
        Content::Recon => Together::Recon,
        Content::Truth => Together::Truth,
        Content::Difference => Together::Difference(compare.range_hu),
        Content::Swipe => Together::Swipe((compare.divider * in_px.size_px[0]).round()),
        Content::Checkerboard => Together::Checkerboard((compare.tile_mm / in_px.mm_per_px).round()),
        Content::Overlay if compare.fused => Together::Fused,
        Content::Overlay => Together::Blend(compare.share),
    };
    CompareParams {
        recon: plane_voxels(in_px, |point| frame.voxel_from_world(point)),
        truth: match pane.truth {
            Some(truth) => truth_voxels(in_px, truth.scene.frame(), [truth.at, compare.pose], frame.centre_mm()),
            None => plane_voxels(in_px, |point| frame.voxel_from_world(point)),
        },
        together,
        window: state.window,
        invert: state.invert,
        interpolation: state.interpolation,
        outline_px: state.mask.on.then_some(style.outline * px_per_point as f32),
        colours: colours(style),
    }
}

/// The colours of a comparison in a style.
pub fn colours(style: &super::Style) -> CompareColours {
    let rgb = |c: Color32| [c.r(), c.g(), c.b()].map(|v| f32::from(v) / 255.0);
    CompareColours { recon: rgb(style.recon), truth: rgb(style.truth), difference: style.difference.map(rgb) }
}

/// Where the plane lies in the truth as it was resampled at the pose `at`, while it is to be seen at the pose `now`.
fn truth_voxels(in_px: &PlaneGeometry, truth: &Frame, [at, now]: [Pose; 2], about_mm: Vec3) -> PlaneVoxels {
    plane_voxels(in_px, |point| {
        let resampled = if at == now { point } else { at.moved(now.back(point, about_mm), about_mm) };
        truth.voxel_from_world(resampled)
    })
}

/// A plane in the voxels that `voxel_from_world` gives, which must be affine.
fn plane_voxels(in_px: &PlaneGeometry, voxel_from_world: impl Fn(Vec3) -> Vec3) -> PlaneVoxels {
    let at = |px| voxel_from_world(in_px.world_from_px(px));
    let origin = at([0.5, 0.5]);
    PlaneVoxels { origin, per_column: sub(at([1.5, 0.5]), origin), per_row: sub(at([0.5, 1.5]), origin) }
}
