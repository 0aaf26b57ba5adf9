//! How the two are put beside or into one another: way, plane, range, window, outlines.

use crate::app::command::{Command, Outbox};
use crate::app::state::State;
use crate::app::theme::theme;
use crate::app::viewport::compare_view::{RANGES_HU, TILES_MM};
use crate::app::viewport::{CompareLayout, CompareMode, CompareView, Pane, ViewCommand, WINDOW_PRESETS};
use crate::app::widgets::{self, NumberForm};
use crate::geometry::Axis;
use egui::{Align, Layout, Ui, vec2};

/// Ways to compare with their tips, in the order of [`CompareMode::ALL`].
const MODES: [(&str, &str); 4] = [
    ("Beside", "Reconstruction, truth and difference side by side (C: next way)"),
    ("Swipe", "Swipe: a divider between both (C: next way)"),
    ("Tiles", "Checkerboard of both (C: next way)"),
    ("Overlay", "Both through one another (C: next way)"),
];
/// Planes and layouts with their tips.
const PLANES: [(&str, &str); 5] = [
    ("Axial", "Axial plane (P: next)"),
    ("Cor.", "Coronal plane (P: next)"),
    ("Sag.", "Sagittal plane (P: next)"),
    ("All", "All three planes"),
    ("Results", "Every result in a column"),
];
/// Short names of the window presets, in the order of the keys 1 to 5.
const PRESETS: [&str; 5] = ["Std", "Lung", "Med", "Bone", "Soft"];

/// The section.
pub fn show(ui: &mut Ui, state: &State, out: &mut Outbox) {
    let t = theme();
    let view = state.viewer.state.compare;
    let set = |out: &mut Outbox, view: CompareView| out.send(Command::View(ViewCommand::SetCompare(view)));
    widgets::section(ui, "PICTURES", |ui| {
        ui.spacing_mut().item_spacing.y = t.space.small;
        let chosen = CompareMode::ALL.iter().position(|m| *m == view.mode);
        if let Some(k) = widgets::segmented(ui, &MODES, chosen) {
            set(out, CompareView { mode: CompareMode::ALL[k], ..view });
        }
        planes(ui, view, out);
        let form = |name, speed, suffix| NumberForm { name, width: t.size.value, speed, decimals: 0, suffix };
        match view.mode {
            CompareMode::SideBySide => {}
            CompareMode::Swipe => {
                widgets::row(ui, "Divider", |ui| {
                    let form = form("Divider, % of the width", 1.0, " %");
                    if let Some(v) = widgets::slider(ui, (view.divider * 100.0).round(), 0.0..=100.0, form) {
                        set(out, CompareView { divider: v / 100.0, ..view });
                    }
                });
            }
            CompareMode::Checkerboard => {
                widgets::row(ui, "Tiles", |ui| {
                    if let Some(v) = widgets::slider(ui, view.tile_mm, TILES_MM, form("Tile size, mm", 5.0, "")) {
                        set(out, CompareView { tile_mm: v, ..view });
                    }
                });
            }
            CompareMode::Overlay => overlay(ui, view, out),
        }
        widgets::row(ui, "Range ±", |ui| {
            if let Some(v) =
                widgets::slider(ui, view.range_hu, RANGES_HU, form("Range of the difference, HU", 10.0, ""))
            {
                set(out, CompareView { range_hu: v, ..view });
            }
        });
        window(ui, state, out);
        lungs(ui, state, out);
        if state.compare.entry().is_some_and(|e| e.scene.has_errors()) {
            crate::app::reconstruct::errors::show(ui, state, out);
        }
    });
}

/// Axial, coronal, sagittal, all three, every result.
fn planes(ui: &mut Ui, view: CompareView, out: &mut Outbox) {
    let choices = [
        (CompareLayout::Plane, Axis::Z),
        (CompareLayout::Plane, Axis::Y),
        (CompareLayout::Plane, Axis::X),
        (CompareLayout::Planes, view.axis),
        (CompareLayout::Results, view.axis),
    ];
    let chosen = choices.iter().position(|c| *c == (view.layout, view.axis));
    if let Some(k) = widgets::segmented(ui, &PLANES, chosen) {
        let (mut layout, axis) = choices[k];
        // Among the results the plane is changed and the columns stay; pressed again they go.
        if view.layout == CompareLayout::Results {
            layout = match layout {
                CompareLayout::Plane => CompareLayout::Results,
                CompareLayout::Results => CompareLayout::Plane,
                CompareLayout::Planes => CompareLayout::Planes,
            };
        }
        out.send(Command::View(ViewCommand::SetCompare(CompareView { layout, axis, ..view })));
        out.send(Command::View(ViewCommand::Activate(Pane::Plane(axis))));
    }
}

/// The truth's share, or both in colours.
fn overlay(ui: &mut Ui, view: CompareView, out: &mut Outbox) {
    let t = theme();
    let set = |out: &mut Outbox, view: CompareView| out.send(Command::View(ViewCommand::SetCompare(view)));
    ui.add_enabled_ui(!view.fused, |ui| {
        widgets::row(ui, "Truth", |ui| {
            let name = "Share of the truth in the overlay";
            let form = NumberForm { name, width: t.size.value, speed: 1.0, decimals: 0, suffix: " %" };
            if let Some(v) = widgets::slider(ui, (view.share * 100.0).round(), 0.0..=100.0, form) {
                set(out, CompareView { share: v / 100.0, ..view });
            }
        });
    });
    switch(ui, "In colours", view.fused, "Overlay in colours that add up to grey", || {
        set(out, CompareView { fused: !view.fused, ..view });
    });
}

/// A label and a switch.
fn switch(ui: &mut Ui, label: &str, on: bool, name: &str, pressed: impl FnOnce()) {
    let t = theme();
    let size = vec2(ui.available_width(), t.size.control);
    ui.allocate_ui_with_layout(size, Layout::right_to_left(Align::Center), |ui| {
        if widgets::toggle(ui, on, name).clicked() {
            pressed();
        }
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
            ui.label(egui::RichText::new(label).font(t.body()).color(t.color.text_secondary));
        });
    });
}

/// The grey values, by the presets of the keys.
fn window(ui: &mut Ui, state: &State, out: &mut Outbox) {
    let tips: Vec<String> = WINDOW_PRESETS
        .iter()
        .zip(1..)
        .map(|(p, key)| {
            format!("{} window, width {} level {} HU (key {key})", p.name, p.window.width_hu, p.window.centre_hu)
        })
        .collect();
    let cells: Vec<(&str, &str)> = PRESETS.iter().copied().zip(tips.iter().map(String::as_str)).collect();
    let chosen = WINDOW_PRESETS.iter().position(|p| p.window == state.viewer.state.window);
    if let Some(k) = widgets::segmented(ui, &cells, chosen) {
        out.send(Command::View(ViewCommand::SetWindow(WINDOW_PRESETS[k].window)));
    }
}

/// The outlines of both lungs.
fn lungs(ui: &mut Ui, state: &State, out: &mut Outbox) {
    let mask = state.viewer.state.mask;
    let label = format!("Lung outlines at {:.0} HU", mask.threshold_hu).replace('-', "−");
    switch(ui, &label, mask.on, "Lung outlines (M)", || out.send(Command::View(ViewCommand::ToggleMask)));
}
