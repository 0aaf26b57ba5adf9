//! Inputs of the plan: whole numbers, numbers that may be off, learning rates, lines and paths. They know the theme
//! and nothing of plans.

use super::command::TrainPurpose;
use crate::app::command::{Command, Outbox};
use crate::app::state::Purpose;
use crate::app::theme::theme;
use crate::app::widgets::{self, NumberForm};
use egui::{Align, Align2, DragValue, Key, Label, Layout, RichText, TextEdit, Ui, vec2};
use egui_material_icons::icons::ICON_FOLDER_OPEN;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

/// A learning rate changes by this share of itself a point dragged.
const RATE_SPEED: f64 = 0.01;
/// What a field shows that is off.
const OFF: &str = "off";

/// A whole number.
pub fn whole(ui: &mut Ui, name: &str, value: &mut u64, range: RangeInclusive<u64>, width: f32) {
    let form = NumberForm { name, width, speed: 0.1, decimals: 0, suffix: "" };
    let range = *range.start() as f64..=*range.end() as f64;
    if let Some(edited) = widgets::number(ui, *value as f64, range, form) {
        *value = edited.round() as u64;
    }
}

/// A number, 0 of which is written as off.
pub fn weight(ui: &mut Ui, name: &str, value: &mut f64, range: RangeInclusive<f64>, width: f32) {
    let shown = |v: f64, _: RangeInclusive<usize>| if v == 0.0 { OFF.to_owned() } else { trimmed(v) };
    let field = DragValue::new(value).range(range).speed(0.02).custom_formatter(shown).custom_parser(parsed);
    ui.name_inputs(name, |ui| ui.add_sized(vec2(width, theme().size.control), field.update_while_editing(false)));
}

/// A number that may be absent, which is written as off.
pub fn optional(ui: &mut Ui, name: &str, value: &mut Option<f64>, most: f64, width: f32) {
    let mut edited = value.unwrap_or(0.0);
    let before = edited;
    weight(ui, name, &mut edited, 0.0..=most, width);
    if edited != before {
        *value = (edited > 0.0).then_some(edited);
    }
}

/// A learning rate, written as 1e-4.
pub fn rate(ui: &mut Ui, name: &str, value: &mut f64, width: f32) {
    let speed = (*value * RATE_SPEED).max(1e-9);
    let field = DragValue::new(value)
        .range(0.0..=1.0)
        .speed(speed)
        .custom_formatter(|v, _| rate_text(v))
        .custom_parser(parsed)
        .update_while_editing(false);
    ui.name_inputs(name, |ui| ui.add_sized(vec2(width, theme().size.control), field));
}

/// 2e-4 for 0.0002.
pub fn rate_text(value: f64) -> String {
    let text = format!("{value:.2e}");
    match text.split_once('e') {
        Some((digits, power)) if digits.contains('.') => {
            format!("{}e{power}", digits.trim_end_matches('0').trim_end_matches('.'))
        }
        _ => text,
    }
}

fn trimmed(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn parsed(text: &str) -> Option<f64> {
    let text = text.trim();
    if text.eq_ignore_ascii_case(OFF) { Some(0.0) } else { text.parse().ok() }
}

/// A line of text, taken over when it is left or Enter is pressed, so that half a word is never obeyed.
pub fn line(ui: &mut Ui, name: &str, value: &str, hint: &str, width: f32) -> Option<String> {
    let t = theme();
    let id = ui.scope_id().with(("line", name));
    let kept: Option<String> = ui.data(|data| data.get_temp(id));
    let mut text = kept.clone().unwrap_or_else(|| value.to_owned());
    let faint = RichText::new(hint).color(t.color.text_faint);
    let edit = TextEdit::singleline(&mut text).hint_text(faint).align(Align2::LEFT_CENTER);
    let edit = edit.desired_width(width - 2.0 * t.space.small);
    let response = ui.name_inputs(name, |ui| ui.add_sized(vec2(width, t.size.control), edit)).on_hover_text(value);
    let given_up = response.has_focus() && ui.input(|i| i.key_pressed(Key::Escape));
    if given_up {
        ui.data_mut(|data| data.remove::<String>(id));
        return None;
    }
    if response.lost_focus() {
        ui.data_mut(|data| data.remove::<String>(id));
        return (text.trim() != value).then(|| text.trim().to_owned());
    }
    if response.changed() || (kept.is_none() && response.gained_focus()) {
        ui.data_mut(|data| data.insert_temp(id, text));
    }
    None
}

/// A path to type, and a button that asks for it.
pub fn path(ui: &mut Ui, name: &str, value: &mut Option<PathBuf>, hint: &str, out: &mut Outbox, purpose: TrainPurpose) {
    let t = theme();
    let size = vec2(ui.available_width(), t.size.control);
    ui.allocate_ui_with_layout(size, Layout::right_to_left(Align::Center), |ui| {
        if widgets::icon_button(ui, ICON_FOLDER_OPEN, purpose.title(), false).clicked() {
            out.send(Command::Ask(Purpose::Train(purpose)));
        }
        let shown = value.as_deref().map(Path::to_string_lossy).unwrap_or_default().into_owned();
        if let Some(typed) = line(ui, name, &shown, hint, ui.available_width()) {
            *value = (!typed.is_empty()).then(|| PathBuf::from(typed));
        }
    });
}

/// A quiet sentence under a control.
pub fn hint(ui: &mut Ui, text: &str) {
    let t = theme();
    let text = RichText::new(text).font(t.caption()).color(t.color.text_faint);
    ui.add(Label::new(text).wrap());
}

/// Seconds as people say them: 42 s, 12 min, 3 h 05 min, 4 d 2 h.
pub fn duration(secs: f64) -> String {
    if !secs.is_finite() || secs < 0.0 {
        return "unknown".into();
    }
    let whole = secs.round() as u64;
    let (minutes, hours) = (whole.div_ceil(60), whole / 3600);
    match whole {
        0..90 => format!("{whole} s"),
        90..3600 => format!("{minutes} min"),
        3600..172_800 => format!("{hours} h {:02} min", whole % 3600 / 60),
        _ => format!("{} d {} h", hours / 24, hours % 24),
    }
}

/// Bytes as GiB.
pub fn gib(bytes: u64) -> String {
    const GIB: f64 = (1u64 << 30) as f64;
    let value = bytes as f64 / GIB;
    if value < 9.95 { format!("{value:.1} GiB") } else { format!("{value:.0} GiB") }
}
