//! The right column: window, mask, probe, what the volume is, export.

use crate::app::command::{Command, Outbox};
use crate::app::jobs::Lane;
use crate::app::state::{Case, ExportForm, Origin, Purpose, State};
use crate::app::theme::theme;
use crate::app::viewport::{MaskView, Scheme, ViewCommand, WINDOW_PRESETS};
use crate::app::widgets::{self, NumberForm, Tone};
use crate::geometry::{Frame, frame::direction_letter};
use crate::gpu::Window;
use egui::{Align, Color32, Label, Layout, RichText, Sense, Ui, vec2};
use egui_material_icons::icons::{
    ICON_CENTER_FOCUS_STRONG, ICON_DOWNLOAD, ICON_FIT_SCREEN, ICON_INVERT_COLORS, ICON_PHOTO_CAMERA, ICON_REDO,
    ICON_RESTART_ALT, ICON_UNDO,
};
use std::time::Duration;

/// Window centres on the slider, HU: air to dense bone.
const CENTRES_HU: std::ops::RangeInclusive<f64> = -1000.0..=1500.0;
/// Window widths on the slider, HU.
const WIDTHS_HU: std::ops::RangeInclusive<f64> = 5.0..=4000.0;
/// Thresholds of the lung mask that make sense, HU (the literature uses -320 to -500).
const THRESHOLDS_HU: std::ops::RangeInclusive<f64> = -700.0..=-200.0;
/// Short names of the window presets, in the order of the keys 1 to 5.
const PRESET_NAMES: [&str; 5] = ["Std", "Lung", "Med", "Bone", "Soft"];
/// What two films of the networks' working size hold at most (spec 12).
const MEASURED: usize = 2 * 256 * 256;

/// All sections of the column.
pub fn show(ui: &mut Ui, state: &State, out: &mut Outbox) {
    ui.add_enabled_ui(state.case.is_some(), |ui| {
        window(ui, state, out);
        widgets::divider(ui);
        mask(ui, state, out);
        widgets::divider(ui);
        if let Some(pair) = &state.pair {
            super::guidance::show(ui, state, pair, out);
            widgets::divider(ui);
        }
        if super::errors::is_offered(state) {
            super::errors::show(ui, state, out);
            widgets::divider(ui);
        }
        probe(ui, state);
    });
    widgets::divider(ui);
    volume(ui, state, out);
    widgets::divider(ui);
    ui.add_enabled_ui(state.case.is_some(), |ui| export(ui, state, out));
}

/// Presets, level, width, and the small tools of the view.
fn window(ui: &mut Ui, state: &State, out: &mut Outbox) {
    let t = theme();
    let view = &state.viewer.state;
    widgets::section(ui, "WINDOW", |ui| {
        let tips: Vec<String> = WINDOW_PRESETS
            .iter()
            .enumerate()
            .map(|(k, p)| {
                format!(
                    "{} window, width {} level {} HU (key {})",
                    p.name,
                    p.window.width_hu,
                    p.window.centre_hu,
                    k + 1
                )
            })
            .collect();
        let cells: Vec<(&str, &str)> = PRESET_NAMES.iter().copied().zip(tips.iter().map(String::as_str)).collect();
        let chosen = WINDOW_PRESETS.iter().position(|p| p.window == view.window);
        if let Some(k) = widgets::segmented(ui, &cells, chosen) {
            out.send(Command::View(ViewCommand::SetWindow(WINDOW_PRESETS[k].window)));
        }
        let Window { centre_hu, width_hu } = view.window;
        let form = |name| NumberForm { name, width: t.size.value, speed: 5.0, decimals: 0, suffix: "" };
        widgets::row(ui, "Level", |ui| {
            if let Some(v) = widgets::slider(ui, centre_hu, CENTRES_HU, form("Window level, HU")) {
                out.send(Command::View(ViewCommand::SetWindow(Window { centre_hu: v, width_hu })));
            }
        });
        widgets::row(ui, "Width", |ui| {
            if let Some(v) = widgets::slider(ui, width_hu, WIDTHS_HU, form("Window width, HU")) {
                out.send(Command::View(ViewCommand::SetWindow(Window { centre_hu, width_hu: v })));
            }
        });
        tools(ui, state, out);
    });
}

/// Invert, crosshair, fit, reset, undo, redo.
fn tools(ui: &mut Ui, state: &State, out: &mut Outbox) {
    let view = &state.viewer.state;
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = theme().space.small;
        for (icon, name, on, command) in [
            (ICON_INVERT_COLORS, "Invert grey (I)", view.invert, ViewCommand::Invert),
            (ICON_CENTER_FOCUS_STRONG, "Crosshair (X)", view.crosshair_on, ViewCommand::ToggleCrosshair),
            (ICON_FIT_SCREEN, "Fit to panes (F)", false, ViewCommand::Fit),
            (ICON_RESTART_ALT, "Reset view (R)", false, ViewCommand::Reset),
        ] {
            if widgets::icon_button(ui, icon, name, on).clicked() {
                out.send(Command::View(command));
            }
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            for (icon, name, can, command) in [
                (ICON_REDO, "Redo (Ctrl+Y)", state.viewer.can_redo(), ViewCommand::Redo),
                (ICON_UNDO, "Undo (Ctrl+Z)", state.viewer.can_undo(), ViewCommand::Undo),
            ] {
                ui.add_enabled_ui(can, |ui| {
                    if widgets::icon_button(ui, icon, name, false).clicked() {
                        out.send(Command::View(command));
                    }
                });
            }
        });
    });
}

/// The lung mask: switch, threshold, opacity, volumes.
fn mask(ui: &mut Ui, state: &State, out: &mut Outbox) {
    let t = theme();
    let mask = state.viewer.state.mask;
    let size = vec2(ui.available_width(), t.size.control);
    ui.allocate_ui_with_layout(size, Layout::right_to_left(Align::Center), |ui| {
        if widgets::toggle(ui, mask.on, "Lung mask (M)").clicked() {
            out.send(Command::View(ViewCommand::ToggleMask));
        }
        if state.mask.busy {
            ui.add(egui::Spinner::new().size(t.text.body).color(t.color.accent));
        }
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| widgets::caption(ui, "LUNG MASK"));
    });
    if !mask.on && state.case.is_some() {
        return;
    }
    ui.scope(|ui| {
        let set = |out: &mut Outbox, mask: MaskView| out.send(Command::View(ViewCommand::SetMask(mask)));
        widgets::row(ui, "Threshold", |ui| {
            let form =
                NumberForm { name: "Mask threshold, HU", width: t.size.value, speed: 10.0, decimals: 0, suffix: "" };
            if let Some(v) = widgets::slider(ui, mask.threshold_hu, THRESHOLDS_HU, form) {
                set(out, MaskView { threshold_hu: v, ..mask });
            }
        });
        widgets::row(ui, "Opacity", |ui| {
            let form = NumberForm { name: "Mask opacity", width: t.size.value, speed: 1.0, decimals: 0, suffix: " %" };
            if let Some(v) = widgets::slider(ui, f64::from(mask.opacity * 100.0).round(), 0.0..=100.0, form) {
                set(out, MaskView { opacity: v as f32 / 100.0, ..mask });
            }
        });
        let [right, left] = [t.color.right_lung, t.color.left_lung];
        let volumes = state.mask.volumes.filter(|_| mask.on);
        let ml = |v: Option<f64>| v.map_or_else(|| "–".to_owned(), |v| format!("{v:.0} ml"));
        swatch_row(ui, Some(right), "Right lung", &ml(volumes.map(|v| v.right_ml)));
        swatch_row(ui, Some(left), "Left lung", &ml(volumes.map(|v| v.left_ml)));
        swatch_row(ui, None, "Both", &ml(volumes.map(|v| v.right_ml + v.left_ml)));
    });
}

/// A value with the colour it has on the pictures.
fn swatch_row(ui: &mut Ui, color: Option<Color32>, label: &str, value: &str) {
    let t = theme();
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = t.space.small;
        let (rect, _) = ui.allocate_exact_size(vec2(t.space.medium, t.text.body), Sense::hover());
        if let Some(color) = color {
            ui.painter().circle_filled(rect.center(), t.space.small, color);
        }
        widgets::value_row(ui, label, value);
    });
}

/// The value and place under the crosshair.
fn probe(ui: &mut Ui, state: &State) {
    let cursor = state.viewer.state.cursor_mm;
    let value = state.case.as_ref().and_then(|case| {
        let voxel = case.volume.frame().voxel_from_world(cursor).map(|v| v.round());
        let inside = voxel.iter().all(|v| *v >= 0.0);
        let [x, y, z] = voxel.map(|v| v as usize);
        case.volume.at(x, y, z).filter(|_| inside)
    });
    widgets::section(ui, "AT THE CROSSHAIR", |ui| {
        widgets::value_row(ui, "Value", &value.map_or_else(|| "–".into(), |v| format!("{v} HU").replace('-', "−")));
        let place = if state.case.is_some() { place(cursor) } else { "–".into() };
        widgets::value_row(ui, "Position", &place);
        if let Some(whose) = super::guidance::whose(state) {
            widgets::value_row(ui, "Source", &whose);
        }
    });
}

/// A point as people say it: "L 12  P 30  H 5 mm".
fn place(point_mm: [f64; 3]) -> String {
    let part = |k: usize| {
        let mut axis = [0.0; 3];
        axis[k] = if point_mm[k] < 0.0 { -1.0 } else { 1.0 };
        format!("{} {:.1}", direction_letter(axis), point_mm[k].abs())
    };
    format!("{}  {}  {} mm", part(0), part(1), part(2))
}

/// What is on screen and where it comes from.
fn volume(ui: &mut Ui, state: &State, out: &mut Outbox) {
    let t = theme();
    widgets::section(ui, "VOLUME", |ui| {
        loading(ui, state);
        let Some(case) = &state.case else {
            let text = "None yet. Reconstruct two films, or open a CT to look at it.";
            ui.add(Label::new(RichText::new(text).font(t.body()).color(t.color.text_faint)).wrap());
            if widgets::quiet_button(ui, None, "Open a CT", None).clicked() {
                out.send(Command::Ask(Purpose::Volume));
            }
            return;
        };
        frame_rows(ui, case.volume.frame());
        origin_rows(ui, case, state.names_shown);
    });
}

/// Files being read, with their progress.
fn loading(ui: &mut Ui, state: &State) {
    let t = theme();
    for file in state.loading.iter().filter(|l| matches!(l.lane, Lane::Open(_))) {
        let text = RichText::new(format!("Reading {}", file.name)).font(t.caption()).color(t.color.text_secondary);
        ui.add(Label::new(text).truncate());
        widgets::progress(ui, file.progress.fraction());
        ui.ctx().request_repaint_after(std::time::Duration::from_millis(50));
    }
}

fn frame_rows(ui: &mut Ui, frame: &Frame) {
    let ([nx, ny, nz], [sx, sy, sz]) = (frame.dims(), frame.spacing_mm());
    if [nx, ny, nz] == [nx; 3] && [sx, sy, sz] == [sx; 3] {
        // The networks' cube in one row: the column holds all that is told of a reconstruction without scrolling.
        return widgets::value_row(ui, "Voxels", &format!("{nx}³ of {sx:.2} mm"));
    }
    widgets::value_row(ui, "Voxels", &format!("{nx} × {ny} × {nz}"));
    widgets::value_row(ui, "Spacing", &format!("{sx:.2} × {sy:.2} × {sz:.2} mm"));
}

fn origin_rows(ui: &mut Ui, case: &Case, names_shown: bool) {
    let t = theme();
    match &case.origin {
        Origin::Films { stages, device, model, detectability, simulated, .. } => {
            widgets::value_row(ui, "Model", model);
            widgets::value_row(ui, "Device", device);
            time_row(ui, stages);
            let films = if *simulated { "Simulated films. " } else { "" };
            let voxels = case.volume.frame().len();
            let text = format!(
                "{films}Two films measure at most {} numbers of {}: most of this is prior knowledge.",
                grouped(MEASURED),
                grouped(voxels)
            );
            ui.add(Label::new(RichText::new(text).font(t.caption()).color(t.color.notice)).wrap());
            if let Some(sentence) = detectability {
                // The conclusion stands before the bracket; what it rests on is there when pointed at.
                let short = sentence.split(" (").next().unwrap_or(sentence);
                let text = RichText::new(format!("{short}.")).font(t.caption()).color(t.color.notice);
                ui.add(Label::new(text).wrap()).on_hover_text(sentence);
            }
        }
        Origin::File { info, warnings } => {
            widgets::value_row(ui, "Format", &info.format);
            let name = info.patient_name.as_ref().map_or("–", |n| if names_shown { n.reveal() } else { "hidden" });
            widgets::value_row(ui, "Patient", name);
            let shown = |key: &str| !matches!(key, "Matrix" | "Spacing" | "Voxels" | "Size");
            for (key, value) in info.fields.iter().filter(|(key, _)| shown(key)).take(2) {
                widgets::value_row(ui, key, value);
            }
            if let Some(first) = warnings.first() {
                let more = if warnings.len() > 1 { format!("  +{}", warnings.len() - 1) } else { String::new() };
                let (ink, _) = Tone::Warning.colors();
                let text = RichText::new(format!("{first}{more}")).font(t.caption()).color(ink);
                ui.add(Label::new(text).wrap()).on_hover_text(warnings.join("\n"));
            }
        }
    }
}

/// What the reconstruction took; its stages where it is pointed at.
fn time_row(ui: &mut Ui, stages: &[(String, Duration)]) {
    let total: f64 = stages.iter().map(|(_, time)| time.as_secs_f64()).sum();
    let lines: Vec<String> =
        stages.iter().map(|(stage, time)| format!("{stage} {:.2} s", time.as_secs_f64())).collect();
    let row = ui.scope(|ui| widgets::value_row(ui, "Time", &format!("{total:.2} s")));
    row.response.on_hover_text(lines.join("\n"));
}

/// Digits in groups of three, with narrow gaps.
fn grouped(n: usize) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (k, digit) in digits.chars().enumerate() {
        if k > 0 && (digits.len() - k).is_multiple_of(3) {
            text.push('\u{a0}');
        }
        text.push(digit);
    }
    text
}

/// Writing what is on screen.
fn export(ui: &mut Ui, state: &State, out: &mut Outbox) {
    widgets::section(ui, "EXPORT", |ui| {
        let forms: Vec<String> = ExportForm::VOLUMES.iter().map(|f| f.label().to_owned()).collect();
        ui.horizontal(|ui| {
            let t = theme();
            ui.spacing_mut().item_spacing.x = t.space.small;
            let width = ui.available_width() - 2.0 * (t.size.icon_button + t.space.small);
            let chosen = ExportForm::VOLUMES.iter().position(|f| *f == state.export_form);
            if let Some(k) = widgets::choice(ui, "Export format", &forms, chosen, width) {
                out.send(Command::SetExportForm(ExportForm::VOLUMES[k]));
            }
            if widgets::icon_button(ui, ICON_DOWNLOAD, "Export the volume (Ctrl+E)", false).clicked() {
                out.send(Command::Export(state.export_form));
            }
            if widgets::icon_button(ui, ICON_PHOTO_CAMERA, "Screenshot", false).clicked() {
                out.send(Command::Export(ExportForm::Screenshot));
            }
        });
        if let Some(what) = &state.exporting {
            let t = theme();
            ui.label(RichText::new(what).font(t.caption()).color(t.color.text_secondary));
            widgets::progress(ui, None);
        }
    });
}

/// The mouse scheme, for the help.
pub fn scheme_choice(ui: &mut Ui, scheme: Scheme, out: &mut Outbox) {
    let cells = [
        ("Viewer, as OHIF and Weasis", "Mouse as image viewers"),
        ("Planning, as radiotherapy stations", "Mouse as planning stations"),
    ];
    let chosen = Scheme::ALL.iter().position(|s| *s == scheme);
    if let Some(k) = widgets::segmented(ui, &cells, chosen) {
        out.send(Command::SetScheme(Scheme::ALL[k]));
    }
}
