//! The numbers: volume, body and slice beside one another, further definitions, and the lungs; or a row for each
//! result. A number that belongs to something older is not shown.

use super::cells::{cell, computing, name, number_text, table};
use super::held::Shown;
use super::state::{Entry, VolumeNumbers};
use crate::app::state::State;
use crate::app::theme::theme;
use crate::app::viewport::CompareLayout;
use crate::app::widgets;
use crate::metrics::by_slice::{DEFINITION_BODY, DEFINITION_SLICE, Numbers};
use crate::metrics::detail::{self, Definition};
use crate::metrics::{Comparison, Line, LungDice, lung, mae, psnr, ssim};
use egui::{Align, Layout, ScrollArea, Ui, vec2};
use std::sync::Arc;

/// Widths of cells, points: a number, a number with its unit, two volumes.
const NUMBER: f32 = 72.0;
const UNIT: f32 = 100.0;
const VOLUMES: f32 = 98.0;
/// Width of a Dice, points.
const DICE: f32 = 48.0;
/// Parts of the width: volume, body and slice; other definitions; lungs.
const PARTS: [f32; 3] = [0.35, 0.26, 0.39];
/// Lines of [`Comparison::lines`] that stand in the first table already: MAE, PSNR, SSIM.
const PRIMARY: usize = 3;

/// The part.
pub fn show(ui: &mut Ui, state: &State) {
    if state.viewer.state.compare.layout == CompareLayout::Results {
        return by_results(ui, state);
    }
    let Some(entry) = state.compare.entry() else { return };
    let gap = theme().space.huge;
    let width = ui.available_width() - 2.0 * gap;
    let height = ui.available_height();
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = gap;
        column(ui, vec2(width * PARTS[0], height), "VOLUME, BODY AND SLICE", |ui| primary(ui, state, entry));
        let shown = of(state, entry);
        column(ui, vec2(width * PARTS[1], height), "OTHER DEFINITIONS", |ui| others(ui, shown));
        column(ui, vec2(width * PARTS[2], height), "LUNGS", |ui| lungs(ui, shown));
    });
}

fn column(ui: &mut Ui, size: egui::Vec2, title: &str, contents: impl FnOnce(&mut Ui)) {
    ui.allocate_ui_with_layout(size, Layout::top_down(Align::Min), |ui| {
        ui.set_width(size.x);
        widgets::caption(ui, title);
        contents(ui);
    });
}

/// The numbers of a result that belong to what is on screen.
fn of<'a>(state: &State, entry: &'a Entry) -> Shown<&'a Arc<VolumeNumbers>> {
    let key = state.compare.key_of(entry, state.viewer.state.compare.pose);
    entry.numbers.shown(key.as_ref())
}

/// MAE, PSNR, SSIM of volume, body and slice.
fn primary(ui: &mut Ui, state: &State, entry: &Entry) {
    let shown = of(state, entry);
    let volume = match shown {
        Shown::There(numbers) => numbers.comparison.as_ref().ok().map(of_volume),
        _ => None,
    };
    let body = if let Shown::There(numbers) = shown { Some(numbers.body) } else { None };
    let slice_key = state.slice_key();
    let slice = state.compare.slice.shown(slice_key.as_ref());
    let slice_numbers = if let Shown::There(numbers) = slice { *numbers } else { None };
    let slice_pending = slice.is_computing();
    let pending = shown.is_computing();
    let columns = [("Volume", volume, pending), ("Body", body, pending), ("This slice", slice_numbers, slice_pending)];
    type Pick = fn(&Numbers) -> Option<f64>;
    let rows: [(&str, usize, Pick, [&str; 3]); 3] = [
        ("MAE, HU", 1, |n| n.mae_hu, [mae::DEFINITION, DEFINITION_BODY, DEFINITION_SLICE]),
        ("PSNR, dB", 2, |n| n.psnr_db, [psnr::DEFINITION, DEFINITION_BODY, DEFINITION_SLICE]),
        ("SSIM", 4, |n| n.ssim, [ssim::DEFINITION, DEFINITION_BODY, DEFINITION_SLICE]),
    ];
    table("primary", 4).show(ui, |ui| {
        name(ui, "", "");
        columns.iter().for_each(|(head, ..)| cell(ui, NUMBER, head, true, ""));
        ui.end_row();
        for (label, digits, pick, tips) in rows {
            name(ui, label, tips[0]);
            for ((_, numbers, pending), tip) in columns.iter().zip(tips) {
                let text = match numbers {
                    Some(numbers) => number_text(pick(numbers), digits),
                    None if *pending => "…".into(),
                    None => "–".into(),
                };
                cell(ui, NUMBER, &text, false, tip);
            }
            ui.end_row();
        }
    });
    if pending || slice_pending {
        computing(ui);
    }
    if let Shown::There(numbers) = shown
        && let Err(cause) = &numbers.comparison
    {
        super::hint(ui, cause);
    }
}

fn of_volume(c: &Comparison) -> Numbers {
    Numbers { mae_hu: c.mae_hu, psnr_db: c.psnr_db, ssim: c.ssim }
}

/// The variants that others print, each with its definition.
fn others(ui: &mut Ui, shown: Shown<&Arc<VolumeNumbers>>) {
    let Shown::There(numbers) = shown else { return waiting(ui, shown) };
    let lines = numbers.comparison.as_ref().map(Comparison::lines).unwrap_or_default();
    ScrollArea::vertical().id_salt("others").show(ui, |ui| {
        table("others", 2).show(ui, |ui| {
            for Line { name: label, value, definition } in lines.iter().skip(PRIMARY).filter(|l| !is_elsewhere(l)) {
                name(ui, label, definition);
                cell(ui, UNIT, value, false, definition);
                ui.end_row();
            }
        });
    });
}

/// What stands in a table of its own.
fn is_elsewhere(line: &Line) -> bool {
    line.name.starts_with("Lung Dice") || line.name.ends_with(", body")
}

fn waiting(ui: &mut Ui, shown: Shown<&Arc<VolumeNumbers>>) {
    if shown.is_computing() {
        computing(ui);
    }
}

/// Dice at each threshold and the volumes of both.
fn lungs(ui: &mut Ui, shown: Shown<&Arc<VolumeNumbers>>) {
    let Shown::There(numbers) = shown else { return waiting(ui, shown) };
    let all = numbers.comparison.as_ref().map_or(&[][..], |c| c.lung.as_slice());
    table("lungs", 5).show(ui, |ui| {
        name(ui, "", "");
        for (width, head) in [(DICE, "Dice"), (VOLUMES, "Recon. R + L"), (VOLUMES, "Truth R + L")] {
            cell(ui, width, head, true, "");
        }
        ui.end_row();
        for LungDice { threshold_hu, dice, recon_ml, truth_ml } in all {
            let label = format!("at {threshold_hu:.0} HU").replace('-', "−");
            let tip =
                format!("2 |A and B| / (|A| + |B|) of both lungs; {}, T = {threshold_hu:.0} HU", lung::DEFINITION);
            name(ui, &label, &tip);
            cell(ui, DICE, &format!("{dice:.4}"), false, &tip);
            for [right, left] in [recon_ml, truth_ml] {
                cell(ui, VOLUMES, &format!("{right:.0} + {left:.0} ml"), false, &tip);
            }
            ui.end_row();
        }
    });
}

/// A row for each result.
fn by_results(ui: &mut Ui, state: &State) {
    let bone = detail::DEFINITIONS.iter().find(|m| m.key == "bone_contrast").map_or(String::new(), Definition::text);
    let heads = [
        ("MAE, HU", mae::DEFINITION),
        ("PSNR, dB", psnr::DEFINITION),
        ("SSIM", ssim::DEFINITION),
        ("MAE body, HU", DEFINITION_BODY),
        ("Dice −400", lung::DEFINITION),
        ("Bone contrast", bone.as_str()),
    ];
    widgets::caption(ui, "EVERY RESULT AGAINST THE GROUND TRUTH");
    ScrollArea::vertical().id_salt("results").show(ui, |ui| {
        table("results", 1 + heads.len()).show(ui, |ui| {
            name(ui, "", "");
            heads.iter().for_each(|(head, tip)| cell(ui, UNIT, head, true, tip));
            ui.end_row();
            for entry in &state.compare.results {
                name(ui, &entry.name, "");
                let shown = of(state, entry);
                for (k, (_, tip)) in heads.iter().enumerate() {
                    cell(ui, UNIT, &result_cell(shown, k), false, tip);
                }
                ui.end_row();
            }
        });
    });
}

/// The number of a result in a column of [`by_results`].
fn result_cell(shown: Shown<&Arc<VolumeNumbers>>, column: usize) -> String {
    let numbers = match shown {
        Shown::Nothing => return "–".into(),
        Shown::Computing => return "…".into(),
        Shown::There(numbers) => numbers,
    };
    let Ok(c) = &numbers.comparison else { return "–".into() };
    match column {
        0 => number_text(c.mae_hu, 1),
        1 => number_text(c.psnr_db, 2),
        2 => number_text(c.ssim, 4),
        3 => number_text(numbers.body.mae_hu, 1),
        5 => number_text(c.detail.bone_contrast, 3),
        _ => number_text(c.lung.iter().find(|l| l.threshold_hu == -400.0).map(|l| l.dice), 4),
    }
}
