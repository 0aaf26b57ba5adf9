//! The page of the plan: preset or file, data, networks, losses, the phases and their learning rate. Draws a copy of
//! the plan, lets it be edited, and sends the copy where it changed.

use super::command::{TrainCommand, TrainPurpose};
use super::{fields, phases, schedule};
use crate::app::command::{Command, Outbox};
use crate::app::state::{Purpose, State};
use crate::app::theme::theme;
use crate::app::widgets;
use crate::nn::Method;
use crate::projection::BackProjection;
use crate::train::plan::{CoarseLossPlan, LossPlan, NetworkPlan};
use crate::train::{Preset, TrainPlan};
use egui::{Align, Label, Layout, RichText, Ui, vec2};
use egui_material_icons::icons::{ICON_FOLDER_OPEN, ICON_SAVE};

/// Width of the presets' bar.
const PRESETS_WIDTH: f32 = 260.0;
/// Width of the choice of a method.
const METHOD_WIDTH: f32 = 130.0;
/// Width of a number among the losses.
const WEIGHT_WIDTH: f32 = 58.0;
/// Greatest width of a network's first level that can be asked for.
const MOST_WIDTH: u64 = 256;

/// The page.
pub fn show(ui: &mut Ui, state: &State, out: &mut Outbox) {
    let t = theme();
    let Some(plan) = &state.train.draft.plan else {
        super::empty(ui, "No plan", "Open a plan in TOML, or choose a preset.");
        return;
    };
    let mut edited = plan.clone();
    head(ui, state, out);
    ui.add_space(t.space.small);
    let width = (ui.available_width() - t.space.medium) / 2.0;
    let high = 8.0 * (t.size.control + t.space.small) + t.size.control;
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = t.space.medium;
        half(ui, width, high, |ui| data(ui, &mut edited, out));
        half(ui, width, high, |ui| networks(ui, &mut edited));
    });
    ui.add_space(t.space.small);
    widgets::card(ui, |ui| phases::show(ui, &mut edited));
    ui.add_space(t.space.small);
    let rest = ui.available_height();
    ui.allocate_ui(vec2(ui.available_width(), rest), |ui| {
        widgets::card(ui, |ui| {
            let inner = rest - 2.0 * (t.space.medium + t.space.tiny) - t.size.rule;
            let now = state.train.active.as_ref().filter(|a| a.plan.as_ref() == Some(plan)).map(|a| a.epochs_done());
            schedule::show(ui, &edited, now, inner);
        });
    });
    if edited != *plan {
        out.send(Command::Train(TrainCommand::SetPlan(Box::new(edited))));
    }
}

/// A card of a given size.
fn half(ui: &mut Ui, width: f32, height: f32, contents: impl FnOnce(&mut Ui)) {
    ui.allocate_ui_with_layout(vec2(width, height), Layout::top_down(Align::Min), |ui| {
        widgets::card(ui, |ui| {
            ui.set_min_height(height - 2.0 * theme().space.large);
            ui.spacing_mut().item_spacing.y = theme().space.small;
            contents(ui);
        });
    });
}

/// Presets, and plans in files.
fn head(ui: &mut Ui, state: &State, out: &mut Outbox) {
    let t = theme();
    let size = vec2(ui.available_width(), t.size.control);
    ui.allocate_ui_with_layout(size, Layout::left_to_right(Align::Center), |ui| {
        ui.allocate_ui(vec2(PRESETS_WIDTH, t.size.control), |ui| {
            let tips = Preset::ALL.map(|p| format!("Preset {}: {}", p.name(), p.description()));
            let names = Preset::ALL.map(|p| title_case(p.name()));
            let cells: Vec<(&str, &str)> = names.iter().zip(&tips).map(|(n, t)| (n.as_str(), t.as_str())).collect();
            let chosen = state.train.draft.preset.and_then(|p| Preset::ALL.iter().position(|q| *q == p));
            if let Some(k) = widgets::segmented(ui, &cells, chosen) {
                out.send(Command::Train(TrainCommand::TakePreset(Preset::ALL[k])));
            }
        });
        if widgets::quiet_button(ui, Some(ICON_FOLDER_OPEN), "Open plan", None).clicked() {
            out.send(Command::Ask(Purpose::Train(TrainPurpose::OpenPlan)));
        }
        if widgets::quiet_button(ui, Some(ICON_SAVE), "Save plan", None).clicked() {
            out.send(Command::Ask(Purpose::Train(TrainPurpose::SavePlan)));
        }
        let about = state.train.draft.preset.map_or("", Preset::description);
        let text = if about.is_empty() { format!("From {}", state.train.draft.origin) } else { title_case(about) };
        let text = RichText::new(text).font(t.body()).color(t.color.text_secondary);
        ui.add(Label::new(text).truncate()).on_hover_text(about);
    });
}

fn title_case(text: &str) -> String {
    super::state::plan_fault(text)
}

/// What is learnt from.
fn data(ui: &mut Ui, plan: &mut TrainPlan, out: &mut Outbox) {
    let t = theme();
    widgets::caption(ui, "DATA");
    let data = &mut plan.data;
    widgets::row(ui, "Cases", |ui| {
        fields::path(ui, "Data folder", &mut data.folder, "a data set, or 128^3 cubes", out, TrainPurpose::Data);
    });
    widgets::row(ui, "Validation", |ui| {
        names(ui, "Validation cases", &mut data.validation, "names, parted by commas");
    });
    widgets::row(ui, "Left out", |ui| names(ui, "Excluded cases", &mut data.excluded, "names, parted by commas"));
    widgets::row(ui, "Synthetic", |ui| {
        let mut count = [data.synthetic_cases as u64, data.synthetic_validation as u64];
        fields::whole(ui, "Synthetic training cases", &mut count[0], 0..=100_000, t.size.value);
        ui.label(RichText::new("to learn,").font(t.body()).color(t.color.text_secondary));
        fields::whole(ui, "Synthetic validation cases", &mut count[1], 0..=1000, t.size.value);
        ui.label(RichText::new("to check").font(t.body()).color(t.color.text_secondary));
        (data.synthetic_cases, data.synthetic_validation) = (count[0] as usize, count[1] as usize);
    });
    widgets::row(ui, "Film looks", |ui| {
        share(ui, "Share of film looks", &mut data.radiograph_share);
        let about = "of samples look like chest radiographs";
        ui.add(Label::new(RichText::new(about).font(t.caption()).color(t.color.text_faint)).truncate());
    });
    widgets::row(ui, "Shapes", |ui| {
        share(ui, "Share of mirrored samples", &mut data.mirror_share);
        faint(ui, "mirrored,");
        share(ui, "Share of samples between patients", &mut data.between_share);
        faint(ui, "blended");
    });
    widgets::row(ui, "Start from", |ui| {
        fields::path(ui, "Start from", &mut plan.start_from, "fresh weights", out, TrainPurpose::StartFrom);
    });
    widgets::row(ui, "Seed", |ui| {
        fields::whole(ui, "Seed", &mut plan.seed, 0..=u64::from(u32::MAX), t.size.value);
        let about = "same seed, same run";
        ui.add(Label::new(RichText::new(about).font(t.caption()).color(t.color.text_faint)).truncate());
    });
}

/// Case names, parted by commas.
fn names(ui: &mut Ui, name: &str, list: &mut Vec<String>, hint: &str) {
    if let Some(typed) = fields::line(ui, name, &list.join(", "), hint, ui.available_width()) {
        *list = typed.split(',').map(|n| n.trim().to_owned()).filter(|n| !n.is_empty()).collect();
    }
}

/// Whose networks are trained, beside the card's head. Another method keeps films, samples, steps and rates.
fn method(ui: &mut Ui, plan: &mut TrainPlan) {
    let size = vec2(ui.available_width(), theme().size.control);
    ui.allocate_ui_with_layout(size, Layout::right_to_left(Align::Center), |ui| {
        let titles = Method::ALL.map(|method| method.title().to_owned());
        let chosen = Method::ALL.iter().position(|method| *method == plan.network.method);
        if let Some(k) = widgets::choice(ui, "Method", &titles, chosen, METHOD_WIDTH) {
            *plan = plan.clone().with_method(Method::ALL[k]);
        }
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| widgets::caption(ui, "NETWORKS AND LOSSES"));
    });
}

/// Shapes and losses.
fn networks(ui: &mut Ui, plan: &mut TrainPlan) {
    let t = theme();
    method(ui, plan);
    let refines = plan.network.method.refines();
    let network = &mut plan.network;
    widgets::row(ui, "Width", |ui| {
        for (name, width, after) in [
            ("Coarse width", &mut network.coarse_width, "coarse,"),
            ("Refine width", &mut network.refine_width, "refining"),
        ] {
            let mut wide = *width as u64;
            fields::whole(ui, name, &mut wide, 0..=MOST_WIDTH, t.size.value);
            *width = wide as i64;
            faint(ui, after);
        }
    });
    widgets::row(ui, "Films", |ui| {
        let inputs = [BackProjection::Sum, BackProjection::PerView, BackProjection::Packed];
        let cells = [
            ("Sum", "Films: sum, one channel, as the paper"),
            ("Apart", "Films: kept apart, two channels"),
            ("Packed", "Films: with bands of detail, for the packed network"),
        ];
        let chosen = inputs.iter().position(|input| *input == network.input);
        if let Some(k) = widgets::segmented(ui, &cells, chosen) {
            network.input = inputs[k];
            network.late_input = inputs[k] == BackProjection::Packed;
        }
    });
    coarse_losses(ui, &mut plan.losses.coarse);
    ui.add_enabled_ui(refines, |ui| refining(ui, network, &mut plan.losses));
    let steps = &mut plan.steps;
    let losses = &mut plan.losses;
    widgets::row(ui, "Adversarial", |ui| {
        ui.add_enabled_ui(refines, |ui| {
            fields::weight(ui, "Adversarial weight", &mut losses.adversarial, 0.0..=1000.0, WEIGHT_WIDTH);
        });
        ui.add_space(t.space.medium);
        pair_label(ui, "Slices a step");
        let mut slices = steps.slices as u64;
        fields::whole(ui, "Slices a step", &mut slices, 0..=128, WEIGHT_WIDTH);
        steps.slices = slices as usize;
    });
    widgets::row(ui, "Checkpoint", |ui| {
        fields::whole(ui, "Checkpoint every", &mut steps.checkpoint_every, 0..=1_000_000, WEIGHT_WIDTH);
        ui.add_space(t.space.medium);
        pair_label(ui, "Accumulate");
        fields::whole(ui, "Volumes a step", &mut steps.accumulate, 0..=64, WEIGHT_WIDTH);
    });
}

fn faint(ui: &mut Ui, text: &str) {
    let t = theme();
    ui.add(Label::new(RichText::new(text).font(t.body()).color(t.color.text_secondary)).truncate());
}

/// A share of the samples, in percent.
fn share(ui: &mut Ui, name: &str, share: &mut f64) {
    let form = widgets::NumberForm { name, width: theme().size.value, speed: 1.0, decimals: 0, suffix: " %" };
    if let Some(percent) = widgets::number(ui, 100.0 * *share, 0.0..=100.0, form) {
        *share = percent / 100.0;
    }
}

/// Where stage 1's squared error counts more.
fn coarse_losses(ui: &mut Ui, losses: &mut CoarseLossPlan) {
    let weight = |ui: &mut Ui, name: &str, weight: &mut f64| {
        fields::weight(ui, &format!("{name} weight"), weight, 0.0..=1000.0, WEIGHT_WIDTH);
    };
    widgets::row(ui, "Coarse bone", |ui| {
        weight(ui, "Coarse bone", &mut losses.bone);
        ui.add_space(theme().space.medium);
        pair_label(ui, "Coarse lung");
        weight(ui, "Coarse lung", &mut losses.lung);
    });
    widgets::row(ui, "Coarse detail", |ui| weight(ui, "Coarse detail", &mut losses.detail));
}

/// What the second network sees, and its losses.
fn refining(ui: &mut Ui, network: &mut NetworkPlan, losses: &mut LossPlan) {
    let t = theme();
    widgets::row(ui, "Refining", |ui| {
        let mut near = network.refine.neighbours as u64;
        fields::whole(ui, "Neighbouring slices", &mut near, 0..=8, t.size.value);
        network.refine.neighbours = near as _;
        faint(ui, "slices more,");
        if widgets::toggle(ui, network.refine.residual, "Residual output").clicked() {
            network.refine.residual = !network.refine.residual;
        }
        faint(ui, "residual");
    });
    widgets::row(ui, "Sees films", |ui| {
        if widgets::toggle(ui, network.refine.films, "Refining network sees the films").clicked() {
            network.refine.films = !network.refine.films;
        }
        faint(ui, "the refining network, beside its slices");
    });
    for (left, right) in [
        (("L1", &mut losses.l1), ("L2", &mut losses.l2)),
        (("Bone", &mut losses.bone), ("Perceptual", &mut losses.perceptual)),
        (("Semantic", &mut losses.semantic), ("Anatomy", &mut losses.anatomy)),
    ] {
        widgets::row(ui, left.0, |ui| {
            fields::weight(ui, &format!("{} weight", left.0), left.1, 0.0..=1000.0, WEIGHT_WIDTH);
            ui.add_space(t.space.medium);
            pair_label(ui, right.0);
            fields::weight(ui, &format!("{} weight", right.0), right.1, 0.0..=1000.0, WEIGHT_WIDTH);
        });
    }
}

/// The label of a row's second number.
fn pair_label(ui: &mut Ui, text: &str) {
    let t = theme();
    ui.allocate_ui_with_layout(vec2(t.size.label, t.size.control), Layout::left_to_right(Align::Center), |ui| {
        ui.set_min_width(t.size.label);
        ui.add(Label::new(RichText::new(text).font(t.body()).color(t.color.text_secondary)).truncate());
    });
}
