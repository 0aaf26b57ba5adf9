//! The middle: four linked pictures, and what to do where there is no volume.

use super::light_box;
use crate::app::command::{Command, Outbox};
use crate::app::state::{Purpose, State};
use crate::app::theme::{medium, panes_style, theme};
use crate::app::viewport::{self, Look};
use crate::app::widgets;
use egui::{Align, CentralPanel, Frame, Label, Layout, Margin, Panel, Rect, RichText, Ui, UiBuilder, vec2};
use egui_material_icons::icons::{ICON_CHECK, ICON_DEPLOYED_CODE, ICON_FOLDER_OPEN, ICON_PLAY_CIRCLE};

/// What leads from nothing to a CT: title and explanation.
const STEPS: [(&str, &str); 3] = [
    (
        "Open two films",
        "A frontal and a lateral chest film: DICOM, PNG, TIFF or JPEG. Drop them anywhere in this window.",
    ),
    (
        "Check the letters",
        "R, L, A and P must be where they are on the patient. One click mirrors, inverts or swaps a film.",
    ),
    ("Reconstruct", "The CT appears here in three planes and in 3D, with window presets, lung mask and export."),
];

/// The panes, the films where there is no volume yet, or the way to both.
pub fn show(ui: &mut Ui, state: &State, out: &mut Outbox) {
    CentralPanel::default().frame(Frame::new().fill(theme().color.image)).show(ui, |ui| {
        let films = state.films.iter().any(|place| place.film.is_some());
        if films && (state.films_large || state.scene.is_none()) {
            return light_box::show(ui, state, out);
        }
        if state.scene.is_none() {
            return start(ui, state, out);
        }
        let look = Look {
            scene: state.scene.as_ref(),
            state: &state.viewer.state,
            bindings: &state.bindings,
            style: panes_style(),
            empty: "",
        };
        for command in viewport::show(ui, &look) {
            out.send(Command::View(command));
        }
    });
}

/// A line of the demonstration above the pictures.
pub fn caption(ui: &mut Ui, text: &str) {
    let t = theme();
    let frame = Frame::new().fill(t.color.panel).inner_margin(Margin::symmetric(t.space.large as i8, 0));
    Panel::top("caption").exact_size(t.size.caption).resizable(false).frame(frame).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = t.space.tiny;
        ui.add_space(t.space.small);
        ui.add(Label::new(RichText::new(text).font(medium(t.text.display)).color(t.color.text)).truncate());
        let hint = "Touch the screen or press a key to take over";
        ui.add(Label::new(RichText::new(hint).font(t.body()).color(t.color.text_faint)).truncate());
    });
}

/// Three steps and three buttons in the middle of the window.
fn start(ui: &mut Ui, state: &State, out: &mut Outbox) {
    let t = theme();
    let size = vec2(t.size.start.min(ui.available_width()), t.size.start_height);
    let place = Rect::from_center_size(ui.max_rect().center(), size);
    ui.scope_builder(UiBuilder::new().max_rect(place).layout(Layout::top_down(Align::Min)), |ui| {
        ui.add(Label::new(
            RichText::new("Two X-rays in, a CT on screen").font(medium(t.text.display)).color(t.color.text),
        ));
        ui.add_space(t.space.large);
        let done = [state.pair().is_some(), false, false];
        for (k, (title, text)) in STEPS.into_iter().enumerate() {
            step(ui, k + 1, title, text, done[k]);
        }
        ui.add_space(t.space.large);
        ui.horizontal(|ui| {
            for (icon, label, command) in [
                (ICON_FOLDER_OPEN, "Open films", Command::Ask(Purpose::Open)),
                (ICON_DEPLOYED_CODE, "Open a CT folder", Command::Ask(Purpose::Series)),
                (ICON_PLAY_CIRCLE, "Open the demo case", Command::OpenBundled),
            ] {
                if widgets::quiet_button(ui, Some(icon), label, None).clicked() {
                    out.send(command);
                }
            }
        });
    });
}

/// A numbered line.
fn step(ui: &mut Ui, number: usize, title: &str, text: &str, done: bool) {
    let t = theme();
    ui.horizontal_top(|ui| {
        let (rect, _) = ui.allocate_exact_size(vec2(t.size.control, t.size.control), egui::Sense::hover());
        let (fill, ink) =
            if done { (t.color.selection, t.color.accent) } else { (t.color.control, t.color.text_secondary) };
        ui.painter().circle_filled(rect.center(), t.size.control / 2.0, fill);
        let (mark, font) = if done {
            (ICON_CHECK.codepoint.to_owned(), egui::FontId::new(t.text.title, ICON_CHECK.font_family()))
        } else {
            (number.to_string(), t.strong())
        };
        ui.painter().text(rect.center(), egui::Align2::CENTER_CENTER, mark, font, ink);
        ui.vertical(|ui| {
            ui.spacing_mut().item_spacing.y = t.space.tiny;
            ui.add(Label::new(RichText::new(title).font(t.title()).color(t.color.text)));
            ui.add(Label::new(RichText::new(text).font(t.body()).color(t.color.text_secondary)).wrap());
            ui.add_space(t.space.medium);
        });
    });
}
