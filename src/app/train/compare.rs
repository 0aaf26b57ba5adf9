//! Two runs beside one another: curves overlaid, and the lines in which their plans differ. Knows no file.

use super::charts::{self, Drawn};
use super::history::Quantity;
use super::run::area;
use crate::app::command::Outbox;
use crate::app::state::State;
use crate::app::theme::theme;
use crate::app::widgets;
use egui::{Color32, Label, RichText, ScrollArea, Ui, vec2};

/// The loss chart's part of the height.
const LOSS_PART: f32 = 0.5;

/// A line of a difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Differs {
    /// Only the first plan has it.
    First(String),
    /// Only the second one has it.
    Second(String),
}

/// The lines in which two texts differ, in order (longest common subsequence), each with the table it stands in.
pub fn difference(first: &[String], second: &[String]) -> Vec<Differs> {
    let (a, b) = (placed(first), placed(second));
    let mut common = vec![vec![0u32; b.len() + 1]; a.len() + 1];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            common[i][j] = if a[i] == b[j] { common[i + 1][j + 1] + 1 } else { common[i + 1][j].max(common[i][j + 1]) };
        }
    }
    let (mut i, mut j, mut found) = (0, 0, Vec::new());
    while i < a.len() || j < b.len() {
        if i < a.len() && j < b.len() && a[i] == b[j] {
            (i, j) = (i + 1, j + 1);
        } else if j == b.len() || (i < a.len() && common[i + 1][j] >= common[i][j + 1]) {
            found.push(Differs::First(a[i].clone()));
            i += 1;
        } else {
            found.push(Differs::Second(b[j].clone()));
            j += 1;
        }
    }
    found
}

/// `width = 4` under `[network]` as `network.width = 4`; phases are numbered. Blank lines and heads are left out.
fn placed(lines: &[String]) -> Vec<String> {
    let (mut table, mut phase, mut out) = (String::new(), 0, Vec::new());
    for line in lines.iter().map(|l| l.trim()).filter(|l| !l.is_empty() && !l.starts_with('#')) {
        if let Some(name) = line.strip_prefix("[[").and_then(|l| l.strip_suffix("]]")) {
            phase += 1;
            table = format!("{name} {phase}: ");
        } else if let Some(name) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            table = format!("{name}.");
        } else {
            out.push(format!("{table}{line}"));
        }
    }
    out
}

/// The page.
pub fn show(ui: &mut Ui, state: &State, out: &mut Outbox) {
    let t = theme();
    let train = &state.train;
    let views: Vec<_> = train.picked.iter().filter_map(|folder| train.view(folder)).collect();
    let [first, second] = views.as_slice() else {
        super::empty(ui, "Pick two runs", "Press the two arrows beside two runs on the left: their curves lie here.");
        return;
    };
    let colours = [t.color.accent, t.color.curve_b];
    let names = [first, second].map(|v| crate::app::apply::file_name(&v.folder));
    let drawn: Vec<Drawn> = [first, second]
        .into_iter()
        .zip(&names)
        .zip(colours)
        .map(|((view, name), colour)| Drawn { history: &view.history, name, colour: Some(colour) })
        .collect();
    charts::controls(ui, &names.join(" and "), &first.history, &train.chart, out);
    ui.add_space(t.space.tiny);
    let (width, height, gap) = (ui.available_width(), ui.available_height(), t.space.medium);
    let upper = ((height - gap) * LOSS_PART).floor();
    ui.spacing_mut().item_spacing = vec2(gap, gap);
    let head = t.text.title + t.space.small;
    area(ui, vec2(width, upper), |ui, inner| {
        legend(ui, "LOSS", &names, colours);
        charts::losses(ui, "Loss chart", &drawn, &shown(&train.chart.shown), &train.chart, inner - head);
    });
    ui.horizontal_top(|ui| {
        let half = vec2((width - gap) / 2.0, height - gap - upper);
        area(ui, half, |ui, inner| {
            legend(ui, "VALIDATION MAE, HU", &names, colours);
            charts::validation(ui, "Validation chart", &drawn, inner - head);
        });
        area(ui, half, |ui, _| {
            widgets::caption(ui, "DIFFERENCE OF THE PLANS");
            ScrollArea::vertical().id_salt("difference").show(ui, |ui| {
                ui.spacing_mut().item_spacing.y = t.space.tiny;
                differences(ui, &difference(&first.plan_lines, &second.plan_lines), colours);
            });
        });
    });
}

/// One quantity at a time is compared: the one switched on last.
fn shown(switched: &[Quantity]) -> Vec<Quantity> {
    switched.last().copied().into_iter().collect()
}

fn differences(ui: &mut Ui, lines: &[Differs], colours: [Color32; 2]) {
    let t = theme();
    if lines.is_empty() {
        ui.label(RichText::new("The plans are the same.").font(t.body()).color(t.color.text_secondary));
    }
    for line in lines {
        let (text, colour) = match line {
            Differs::First(text) => (text, colours[0]),
            Differs::Second(text) => (text, colours[1]),
        };
        ui.add(Label::new(RichText::new(text).font(t.body()).color(colour)).wrap().selectable(true));
    }
}

/// A head with the names of both runs in their colours.
fn legend(ui: &mut Ui, title: &str, names: &[String; 2], colours: [Color32; 2]) {
    let t = theme();
    ui.horizontal(|ui| {
        ui.set_height(t.text.title);
        widgets::caption(ui, title);
        for (name, colour) in names.iter().zip(colours) {
            ui.add(Label::new(RichText::new(name).font(t.overline()).color(colour)));
        }
    });
}
