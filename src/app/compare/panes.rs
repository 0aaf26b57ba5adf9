//! The pictures: which panes there are for a way to compare and a layout, and what each of them shows.

use super::state::Entry;
use crate::app::command::{Command, Outbox};
use crate::app::state::State;
use crate::app::theme::{panes_style, theme};
use crate::app::viewport::{
    self, CompareLayout, CompareMode, ComparePane, CompareView, Content, Look, TruthLook, ViewCommand,
};
use crate::geometry::Axis;
use egui::{Rect, Ui, pos2, vec2};

/// What a pane without a truth says.
const NO_TRUTH: &str = "No ground truth yet. Open the patient's CT on the left, or drop it here.";
/// The same while it comes.
const READING: &str = "Reading the ground truth";
/// The order of rows where all planes are seen.
const ROWS: [Axis; 3] = [Axis::Z, Axis::Y, Axis::X];
/// What stands over a difference.
pub const DIFFERENCE: &str = "Difference (reconstruction − truth), HU";
/// What stands over the truth.
pub const TRUTH: &str = "Ground truth";
/// What stands over the reconstruction.
pub const RECONSTRUCTION: &str = "Reconstruction";

/// All panes of the layout.
pub fn show(ui: &mut Ui, state: &State, out: &mut Outbox) {
    let t = theme();
    let rect = ui.available_rect_before_wrap();
    ui.painter().rect_filled(rect, 0.0, t.color.line);
    let commands = match state.viewer.state.compare.layout {
        CompareLayout::Plane => one_result(ui, rect, state, &[state.viewer.state.compare.axis]),
        CompareLayout::Planes => one_result(ui, rect, state, &ROWS),
        CompareLayout::Results => all_results(ui, rect, state),
    };
    commands.into_iter().for_each(|command| out.send(Command::View(command)));
}

/// What is seen of a result, from left to right.
fn contents(view: &CompareView) -> Vec<(Content, String)> {
    let together = |content, words: &str| vec![(content, words.to_owned()), (Content::Difference, DIFFERENCE.into())];
    match view.mode {
        CompareMode::SideBySide => vec![
            (Content::Recon, RECONSTRUCTION.into()),
            (Content::Truth, TRUTH.into()),
            (Content::Difference, DIFFERENCE.into()),
        ],
        CompareMode::Swipe => together(Content::Swipe, "Reconstruction left, ground truth right"),
        CompareMode::Checkerboard => together(Content::Checkerboard, "Reconstruction and ground truth in tiles"),
        CompareMode::Overlay => together(Content::Overlay, &overlay_title(view)),
    }
}

fn overlay_title(view: &CompareView) -> String {
    if view.fused {
        return "Reconstruction orange, ground truth blue".into();
    }
    let truth = (100.0 * view.share).round();
    format!("Reconstruction {:.0} %, ground truth {truth:.0} %", 100.0 - truth)
}

/// The chosen result: a row for each plane.
fn one_result(ui: &mut Ui, rect: Rect, state: &State, axes: &[Axis]) -> Vec<ViewCommand> {
    let Some(entry) = state.compare.entry() else { return Vec::new() };
    let contents = contents(&state.viewer.state.compare);
    let mut commands = Vec::new();
    for (row, axis) in axes.iter().enumerate() {
        for (column, (content, title)) in contents.iter().enumerate() {
            let cell = cell(rect, [contents.len(), axes.len()], [column, row]);
            commands.extend(pane(ui, cell, state, entry, (*axis, *content, title)));
        }
    }
    commands
}

/// The truth, and every result in a column: its picture above its difference.
fn all_results(ui: &mut Ui, rect: Rect, state: &State) -> Vec<ViewCommand> {
    let Some(first) = state.compare.entry() else { return Vec::new() };
    let view = &state.viewer.state.compare;
    let grid = [state.compare.results.len() + 1, 2];
    let mut commands = pane(ui, cell(rect, grid, [0, 0]), state, first, (view.axis, Content::Truth, TRUTH));
    legend(ui, cell(rect, grid, [0, 1]));
    let upper = match view.mode {
        CompareMode::SideBySide => Content::Recon,
        CompareMode::Swipe => Content::Swipe,
        CompareMode::Checkerboard => Content::Checkerboard,
        CompareMode::Overlay => Content::Overlay,
    };
    for (k, entry) in state.compare.results.iter().enumerate() {
        let difference = format!("{} − truth, HU", entry.name);
        for (row, content, title) in [(0, upper, &entry.name), (1, Content::Difference, &difference)] {
            let cell = cell(rect, grid, [k + 1, row]);
            commands.extend(pane(ui, cell, state, entry, (view.axis, content, title)));
        }
    }
    commands
}

/// What the second row is, where the truth has none.
fn legend(ui: &Ui, rect: Rect) {
    let t = theme();
    ui.painter().rect_filled(rect, 0.0, t.color.image);
    let width = rect.width() - 4.0 * t.space.medium;
    let text = "On the right, under each result: reconstruction − truth, HU, on one scale.";
    let galley = ui.painter().layout(text.into(), t.body(), t.color.text_secondary, width);
    ui.painter().galley(rect.center() - galley.size() / 2.0, galley, t.color.text_secondary);
}

fn pane(
    ui: &mut Ui,
    rect: Rect,
    state: &State,
    entry: &Entry,
    (axis, content, title): (Axis, Content, &str),
) -> Vec<ViewCommand> {
    let shown = entry.shown_pair(state.compare.truth.as_ref());
    let waits = state.compare.reading.is_some() || state.compare.truth.is_some();
    let look = Look {
        scene: Some(&entry.scene),
        state: &state.viewer.state,
        bindings: &state.bindings,
        style: panes_style(),
        empty: if waits { READING } else { NO_TRUTH },
    };
    let pane = ComparePane {
        look,
        truth: shown.map(|drawn| TruthLook { scene: &drawn.scene, at: drawn.pair.key.pose }),
        axis,
        content,
        title,
        measured: state.compare.evidence == super::state::Evidence::Profile && !state.compare.folded,
    };
    viewport::show_compared(ui, rect, &pane)
}

/// One of `grid` cells with a gap between them.
fn cell(rect: Rect, [columns, rows]: [usize; 2], [column, row]: [usize; 2]) -> Rect {
    let gap = theme().space.tiny;
    let size = vec2(
        (rect.width() - gap * (columns as f32 - 1.0)) / columns as f32,
        (rect.height() - gap * (rows as f32 - 1.0)) / rows as f32,
    );
    let at = pos2(rect.left() + column as f32 * (size.x + gap), rect.top() + row as f32 * (size.y + gap));
    Rect::from_min_size(at, size)
}
