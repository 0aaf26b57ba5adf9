//! The table of phases: a line each, to edit, add, remove and reorder. Knows no thread and no chart.

use super::fields;
use crate::app::theme::theme;
use crate::app::widgets;
use crate::train::TrainPlan;
use crate::train::plan::{Phase, Stage};
use egui::{Align, Label, Layout, RichText, Ui, vec2};
use egui_material_icons::icons::{ICON_ADD, ICON_ARROW_DOWNWARD, ICON_ARROW_UPWARD, ICON_DELETE};

/// Heads of the columns, their explanations, and their widths relative to one another.
const COLUMNS: [(&str, &str, f32); 9] = [
    ("Stage", "Stage 1 trains the coarse network, stage 2 the refining one", 1.35),
    ("Side", "Voxels along the cube's side", 0.95),
    ("Epochs", "Visits to every case", 0.95),
    ("Minutes", "Ends the phase earlier, its schedule compressed to fit", 0.95),
    ("Rate from", "Learning rate at the start", 1.0),
    ("to", "Learning rate at the end", 1.0),
    ("Check every", "Epochs between two validations", 1.05),
    ("Patience", "Validations without a better error after which the phase ends", 0.95),
    ("", "", 1.15),
];
/// Sides a phase may have.
const SIDES: [usize; 3] = [32, 64, 128];
/// Phases shown without scrolling.
const SHOWN_PHASES: f32 = 4.0;
/// Most epochs, minutes and validations that can be asked for.
const MOST: u64 = 1_000_000;

/// What is done to a line besides editing.
enum Move {
    Up(usize),
    Down(usize),
    Remove(usize),
}

/// The table.
pub fn show(ui: &mut Ui, plan: &mut TrainPlan) {
    let t = theme();
    let size = vec2(ui.available_width(), t.size.control);
    ui.allocate_ui_with_layout(size, Layout::left_to_right(Align::Center), |ui| {
        widgets::caption(ui, "SCHEDULE");
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if widgets::quiet_button(ui, Some(ICON_ADD), "Add phase", None).clicked() {
                plan.phase.push(next_phase(plan));
            }
        });
    });
    let gap = t.space.small;
    let total: f32 = COLUMNS.iter().map(|c| c.2).sum();
    let unit = (ui.available_width() - gap * COLUMNS.len() as f32) / total;
    let widths = COLUMNS.map(|c| c.2 * unit);
    ui.spacing_mut().item_spacing = vec2(gap, t.space.small);
    if plan.phase.is_empty() {
        fields::hint(ui, "No phase yet. Add one: stage 1 first, then stage 2.");
        return;
    }
    ui.horizontal(|ui| {
        for ((head, tip, _), width) in COLUMNS.iter().zip(widths) {
            ui.allocate_ui_with_layout(vec2(width, t.text.body), Layout::left_to_right(Align::Center), |ui| {
                ui.set_min_width(width);
                let text = RichText::new(*head).font(t.caption()).color(t.color.text_faint);
                ui.add(Label::new(text).truncate()).on_hover_text(*tip);
            });
        }
    });
    let mut moved = None;
    let most = SHOWN_PHASES * (t.size.control + t.space.small);
    egui::ScrollArea::vertical().max_height(most).id_salt("phases").show(ui, |ui| {
        let count = plan.phase.len();
        for (k, phase) in plan.phase.iter_mut().enumerate() {
            moved = line(ui, k, count, phase, &widths).or(moved.take());
        }
    });
    match moved {
        Some(Move::Up(k)) => plan.phase.swap(k, k - 1),
        Some(Move::Down(k)) => plan.phase.swap(k, k + 1),
        Some(Move::Remove(k)) => {
            plan.phase.remove(k);
        }
        None => {}
    }
}

/// A phase to go on with: the last one again, of stage 2.
fn next_phase(plan: &TrainPlan) -> Phase {
    let first = Phase {
        stage: Stage::Coarse,
        side: 64,
        epochs: 100,
        minutes: None,
        lr_high: 2e-4,
        lr_low: 1e-6,
        warm_up: 0,
        validate_every: 5,
        patience: None,
    };
    plan.phase.last().map_or(first, |last| Phase { stage: Stage::Refine, ..*last })
}

/// One phase.
fn line(ui: &mut Ui, k: usize, count: usize, phase: &mut Phase, widths: &[f32; 9]) -> Option<Move> {
    let t = theme();
    let name = |what: &str| format!("Phase {} {what}", k + 1);
    let mut moved = None;
    ui.push_id(k, |ui| {
        ui.horizontal(|ui| {
            let stages = ["1 coarse".to_owned(), "2 refining".to_owned()];
            let chosen = usize::from(phase.stage == Stage::Refine);
            if let Some(k) = widgets::choice(ui, &name("stage"), &stages, Some(chosen), widths[0]) {
                phase.stage = [Stage::Coarse, Stage::Refine][k];
            }
            let sides = SIDES.map(|s| s.to_string());
            let chosen = SIDES.iter().position(|s| *s == phase.side);
            if let Some(k) = widgets::choice(ui, &name("side"), &sides, chosen, widths[1]) {
                phase.side = SIDES[k];
            }
            fields::whole(ui, &name("epochs"), &mut phase.epochs, 0..=MOST, widths[2]);
            fields::optional(ui, &name("minutes"), &mut phase.minutes, MOST as f64, widths[3]);
            fields::rate(ui, &name("rate from"), &mut phase.lr_high, widths[4]);
            fields::rate(ui, &name("rate to"), &mut phase.lr_low, widths[5]);
            fields::whole(ui, &name("check every"), &mut phase.validate_every, 0..=MOST, widths[6]);
            let mut patience = phase.patience.map(|p| p as f64);
            fields::optional(ui, &name("patience"), &mut patience, MOST as f64, widths[7]);
            phase.patience = patience.map(|p| p.round().max(1.0) as u64);
            ui.spacing_mut().item_spacing.x = t.space.tiny;
            ui.add_enabled_ui(k > 0, |ui| {
                if widgets::icon_button(ui, ICON_ARROW_UPWARD, &name("earlier"), false).clicked() {
                    moved = Some(Move::Up(k));
                }
            });
            ui.add_enabled_ui(k + 1 < count, |ui| {
                if widgets::icon_button(ui, ICON_ARROW_DOWNWARD, &name("later"), false).clicked() {
                    moved = Some(Move::Down(k));
                }
            });
            if widgets::icon_button(ui, ICON_DELETE, &name("remove"), false).clicked() {
                moved = Some(Move::Remove(k));
            }
        });
    });
    moved
}
