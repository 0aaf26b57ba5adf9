//! The dialogs that explain: keys and mouse (made from the table that handles them, and changed there), and what this
//! program is.

use super::command::{Command, Outbox};
use super::rebind::{KeyChange, Rebinding, Verdict};
use super::reconstruct::scheme_choice;
use super::state::{Dialog, State};
use super::theme::{medium, theme};
use super::viewport::{Action, Gesture, HelpRow, Mods, Place, Way};
use super::widgets;
use egui::{Align, Event, Key, Label, Layout, RichText, Sense, Ui, WidgetInfo, vec2};

/// Whose data the bundled case is. CC BY 3.0 asks for this wherever it is shown.
pub const ATTRIBUTION: &str = "The bundled case is LIDC-IDRI-0001: Armato SG III et al., Data From LIDC-IDRI, The \
Cancer Imaging Archive, 2015, doi:10.7937/K9/TCIA.2015.LO9QL9SX, CC BY 3.0. Resampled to 2.8 mm; its films are \
simulated from that CT.";
/// How much of a line the words take.
const WORDS_PART: f32 = 0.47;
/// What the networks follow.
const PAPER: &str = "After Dong, Xiang, Geng, Tian, Zhao: Semantic contrastive learning for orthogonal X-ray computed \
tomography reconstruction.";
/// Other people's work in the window.
const PARTS: &str = "Typeface Roboto and Material Symbols by Google, Apache-2.0. Built with egui and wgpu.";

/// The dialog that is open, if it is one of these.
pub fn show(ui: &mut Ui, state: &State, out: &mut Outbox) {
    match state.dialog {
        Some(Dialog::Help) => {
            if let Some(waiting) = &state.rebinding {
                listen(ui, waiting, out);
            }
            dialog(ui, "Keys and mouse", theme().size.help, out, |ui, out| bindings(ui, state, out));
        }
        Some(Dialog::About) => dialog(ui, "About biplane", theme().size.dialog, out, |ui, _| about(ui)),
        _ => {}
    }
}

/// A dialog with a title and a button to close it.
fn dialog(ui: &mut Ui, title: &str, width: f32, out: &mut Outbox, contents: impl FnOnce(&mut Ui, &mut Outbox)) {
    let t = theme();
    let (closed, asked) = widgets::modal(ui, title, width, |ui| {
        let size = vec2(ui.available_width(), t.size.primary);
        let closed = ui.allocate_ui_with_layout(size, Layout::right_to_left(Align::Center), |ui| {
            let closed = widgets::quiet_button(ui, None, "Close", None).clicked();
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                ui.label(RichText::new(title).font(medium(t.text.display)).color(t.color.text));
            });
            closed
        });
        ui.add_space(t.space.medium);
        contents(ui, out);
        closed.inner
    });
    if closed || asked {
        out.send(Command::Show(None));
    }
}

/// Takes the next key for a binding that is set anew; Esc keeps the old one. Buttons and wheel count on the marked
/// place alone (see [`pad`]), so that the dialog itself can be used meanwhile.
fn listen(ui: &Ui, waiting: &Rebinding, out: &mut Outbox) {
    if matches!(waiting.pressed, Some((_, Verdict::Taken(_)))) && !ui.input(|i| i.key_pressed(Key::Escape)) {
        return;
    }
    ui.ctx().input_mut(|input| {
        input.events.retain(|event| {
            let Event::Key { key, pressed: true, modifiers, .. } = event else { return true };
            out.send(Command::Keys(match *key {
                Key::Escape => KeyChange::Stop,
                key => KeyChange::Press(Gesture::Key(key, (*modifiers).into())),
            }));
            false
        });
    });
}

/// The mouse scheme, every binding, and what is being changed.
fn bindings(ui: &mut Ui, state: &State, out: &mut Outbox) {
    let t = theme();
    scheme_choice(ui, state.bindings.scheme(), out);
    ui.add_space(t.space.small);
    let rows = state.bindings.help();
    let width = (t.size.help - t.space.huge) / 2.0;
    let (window, pictures): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row.place == Place::Window);
    let (windows, keys): (Vec<_>, Vec<_>) =
        window.into_iter().partition(|row| row.ways.iter().any(|way| matches!(way.action, Action::Preset(_))));
    let compares = |way: &Way| matches!(way.action, Action::NextMode | Action::NextPlane | Action::Nudge(_));
    let (compare, keys): (Vec<_>, Vec<_>) = keys.into_iter().partition(|row| row.ways.iter().any(compares));
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = t.space.huge;
        for group in [
            vec![
                ("ON A PLANE", of(&pictures, Place::Plane)),
                ("ON THE 3D VIEW", of(&pictures, Place::Volume)),
                ("WINDOWS", windows),
                ("COMPARING", compare),
            ],
            vec![("EVERYWHERE", keys)],
        ] {
            ui.allocate_ui_with_layout(vec2(width, 0.0), Layout::top_down(Align::Min), |ui| {
                ui.set_width(width);
                ui.spacing_mut().item_spacing.y = 0.0;
                for (title, rows) in &group {
                    widgets::section(ui, title, |ui| rows.iter().for_each(|row| binding(ui, row, state, out)));
                }
            });
        }
    });
    ui.add_space(t.space.small);
    footer(ui, state, out);
}

fn of(rows: &[HelpRow], place: Place) -> Vec<HelpRow> {
    rows.iter().filter(|row| row.place == place).cloned().collect()
}

/// One line: what happens, and all ways to it, each of which can be pressed to be changed.
fn binding(ui: &mut Ui, row: &HelpRow, state: &State, out: &mut Outbox) {
    let t = theme();
    let (width, height) = (ui.available_width(), t.text.body + t.space.medium + t.space.tiny);
    ui.allocate_ui_with_layout(vec2(width, height), Layout::left_to_right(Align::Center), |ui| {
        ui.spacing_mut().item_spacing.x = t.space.small;
        let left = width * WORDS_PART;
        ui.allocate_ui_with_layout(vec2(left, height), Layout::left_to_right(Align::Center), |ui| {
            ui.set_min_width(left);
            let text = RichText::new(row.description).font(t.body()).color(t.color.text_secondary);
            ui.add(Label::new(text).truncate());
        });
        for way in &row.ways {
            let waiting = state.rebinding.as_ref().filter(|w| is_for(w, row.place, way));
            match waiting {
                Some(waiting) => pad(ui, waiting, out),
                None => chip(ui, row, way, out),
            }
        }
    });
}

fn is_for(waiting: &Rebinding, place: Place, way: &Way) -> bool {
    (waiting.place, waiting.action, waiting.old) == (place, way.action, way.gesture)
}

/// A gesture as a small key cap; a press begins to change it.
fn chip(ui: &mut Ui, row: &HelpRow, way: &Way, out: &mut Outbox) {
    let t = theme();
    let text = way.gesture.map_or_else(|| "not set".to_owned(), Gesture::text);
    let (rect, response) = cap(ui, &text);
    let name = format!("Change {text}: {}", row.description);
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Button, true, &name));
    let fill = if response.hovered() { t.color.control_hover } else { t.color.control };
    ui.painter().rect_filled(rect, t.small_corners(), fill);
    let ink = if way.gesture.is_some() { t.color.text } else { t.color.text_faint };
    ui.painter().text(rect.center(), egui::Align2::CENTER_CENTER, text, t.overline(), ink);
    if response.clicked() {
        out.send(Command::Keys(KeyChange::Begin { place: row.place, action: way.action, old: way.gesture }));
    }
    response.on_hover_text("Press to change");
}

/// Room for a cap with this text.
fn cap(ui: &mut Ui, text: &str) -> (egui::Rect, egui::Response) {
    let t = theme();
    let galley = ui.painter().layout_no_wrap(text.to_owned(), t.overline(), t.color.text);
    let size = vec2(galley.size().x + 2.0 * (t.space.small + t.space.tiny), t.text.body + t.space.small + t.space.tiny);
    ui.allocate_exact_size(size, Sense::click_and_drag())
}

/// Where the new gesture is made: buttons and the wheel count here, keys everywhere.
fn pad(ui: &mut Ui, waiting: &Rebinding, out: &mut Outbox) {
    let t = theme();
    let text = match waiting.pressed {
        Some((gesture, _)) => gesture.text(),
        None if waiting.place == Place::Window => "press a key".into(),
        None => "here".into(),
    };
    let (rect, response) = cap(ui, &text);
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Button, true, "The new gesture"));
    ui.painter().rect_filled(rect, t.small_corners(), t.color.selection);
    let stroke = egui::Stroke::new(t.size.rule, t.color.accent);
    ui.painter().rect_stroke(rect, t.small_corners(), stroke, egui::StrokeKind::Inside);
    ui.painter().text(rect.center(), egui::Align2::CENTER_CENTER, text, t.overline(), t.color.accent_hover);
    if matches!(waiting.pressed, Some((_, Verdict::Taken(_)))) {
        return;
    }
    let made = ui.input(|i| i.events.iter().find_map(|event| made_here(event, rect, waiting)));
    let double = response.double_clicked().then_some(Gesture::DoubleClick).filter(|g| waiting.action.takes(*g));
    if let Some(gesture) = double.or(made) {
        out.send(Command::Keys(KeyChange::Press(gesture)));
    }
}

/// The gesture of a mouse event on the pad, in the kind that the old one had where that was a click.
fn made_here(event: &Event, pad: egui::Rect, waiting: &Rebinding) -> Option<Gesture> {
    let mods = |m: egui::Modifiers| Mods::from(m);
    match event {
        // What is double-clicked is not dragged.
        Event::PointerButton { .. } if waiting.place == Place::Window => None,
        Event::PointerButton { pos, button, pressed: true, modifiers } if pad.contains(*pos) => {
            Some(match waiting.old {
                Some(Gesture::Click(..)) => Gesture::Click(*button, mods(*modifiers)),
                _ => Gesture::Drag(*button, mods(*modifiers)),
            })
        }
        Event::MouseWheel { modifiers, .. } if waiting.place != Place::Window => Some(Gesture::Wheel(mods(*modifiers))),
        _ => None,
    }
}

/// What can be done, what is being done, or what stands against it.
fn footer(ui: &mut Ui, state: &State, out: &mut Outbox) {
    let t = theme();
    let size = vec2(ui.available_width(), t.size.control);
    ui.allocate_ui_with_layout(size, Layout::right_to_left(Align::Center), |ui| {
        ui.spacing_mut().item_spacing.x = t.space.medium;
        let offers: &[(&str, KeyChange)] = match &state.rebinding {
            Some(Rebinding { pressed: Some((_, Verdict::Taken(_))), .. }) => {
                &[("Keep as it was", KeyChange::Stop), ("Use it here", KeyChange::TakeOver)]
            }
            Some(_) => &[("Keep as it was", KeyChange::Stop)],
            None if state.bindings.changes().is_empty() => &[],
            None => &[("Reset keys and mouse", KeyChange::Reset)],
        };
        for (label, change) in offers {
            if widgets::quiet_button(ui, None, label, None).clicked() {
                out.send(Command::Keys(*change));
            }
        }
        let (text, color) = advice(state.rebinding.as_ref());
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
            ui.add(Label::new(RichText::new(text).font(t.body()).color(color)).truncate());
        });
    });
}

/// The sentence under the list.
fn advice(waiting: Option<&Rebinding>) -> (String, egui::Color32) {
    let c = &theme().color;
    let Some(waiting) = waiting else {
        return ("Press a key or gesture in this list to change it.".into(), c.text_faint);
    };
    let (what, needs) = (waiting.action.description(), waiting.action.needs());
    match waiting.pressed {
        None if waiting.place == Place::Window => (format!("{what}: press {needs}; Esc keeps the old one."), c.text),
        None => (format!("{what}: use {needs} on the marked place, with Ctrl or Shift if you like."), c.text),
        Some((gesture, Verdict::Unfit)) => {
            (format!("{what}: needs {needs}, {} cannot do it.", gesture.text()), c.warning)
        }
        Some((gesture, Verdict::Taken(other))) => {
            (format!("{} is in use: {}.", gesture.text(), other.description()), c.warning)
        }
    }
}

fn about(ui: &mut Ui) {
    let t = theme();
    let version = env!("CARGO_PKG_VERSION");
    for (text, color) in [
        (format!("Version {version}, MIT or Apache-2.0. Two X-ray projections in, a CT on screen."), t.color.text),
        (format!("{}.", super::bars::RESEARCH_ONLY), t.color.warning),
        (PAPER.into(), t.color.text_secondary),
        (ATTRIBUTION.into(), t.color.text_secondary),
        (PARTS.into(), t.color.text_faint),
    ] {
        ui.add(Label::new(RichText::new(text).font(t.body()).color(color)).wrap());
        ui.add_space(t.space.small);
    }
}
