//! Fields: numbers, sliders, choices, paths.

use crate::app::theme::theme;
use egui::text::{CCursor, CCursorRange};
use egui::{Align, ComboBox, DragValue, Key, Layout, Response, Slider, SliderClamping, TextEdit, Ui, vec2};
use std::ops::RangeInclusive;

/// A number that can be dragged or typed, `width` points wide. Gives the new value when it changed.
pub fn number(ui: &mut Ui, value: f64, range: RangeInclusive<f64>, form: NumberForm<'_>) -> Option<f64> {
    let t = theme();
    let mut edited = value;
    let field = DragValue::new(&mut edited)
        .range(range)
        .speed(form.speed)
        .max_decimals(form.decimals)
        .suffix(form.suffix)
        .update_while_editing(false);
    let response = ui.name_inputs(form.name, |ui| ui.add_sized(vec2(form.width, t.size.control), field));
    (response.changed() && edited.is_finite()).then_some(edited)
}

/// How a number field looks.
#[derive(Clone, Copy)]
pub struct NumberForm<'a> {
    /// Its name for assistive tools.
    pub name: &'a str,
    /// Width, points.
    pub width: f32,
    /// Change per point dragged.
    pub speed: f64,
    /// Digits after the point at most.
    pub decimals: usize,
    /// The unit, with a blank before it.
    pub suffix: &'a str,
}

/// A slider with its value in a field beside it. Gives the new value when it changed.
pub fn slider(ui: &mut Ui, value: f64, range: RangeInclusive<f64>, form: NumberForm<'_>) -> Option<f64> {
    let t = theme();
    let mut edited = value;
    let mut changed = false;
    let size = vec2(ui.available_width(), t.size.control);
    ui.allocate_ui_with_layout(size, Layout::right_to_left(Align::Center), |ui| {
        if let Some(typed) = number(ui, edited, range.clone(), form) {
            (edited, changed) = (typed, true);
        }
        ui.spacing_mut().slider_width = ui.available_width() - t.space.small;
        ui.spacing_mut().interact_size.y = t.size.knob;
        // Clamping edits only: a value outside of the slider's range that came by key or mouse must stay as it is.
        let mut slid = edited;
        let bar = Slider::new(&mut slid, range).show_value(false).clamping(SliderClamping::Edits);
        let response: Response = ui.name_inputs(form.name, |ui| ui.add(bar));
        if response.changed() {
            (edited, changed) = ((slid / form.speed).round() * form.speed, true);
        }
    });
    (changed && edited.is_finite()).then_some(edited)
}

/// A drop-down list. Gives the entry that was chosen.
pub fn choice(ui: &mut Ui, name: &str, entries: &[String], chosen: Option<usize>, width: f32) -> Option<usize> {
    let mut picked = None;
    let shown = chosen.and_then(|k| entries.get(k)).map_or("choose", String::as_str);
    let list = ComboBox::from_id_salt(name).width(width - theme().space.tiny).truncate().selected_text(shown);
    ui.name_inputs(name, |ui| {
        list.show_ui(ui, |ui| {
            for (k, entry) in entries.iter().enumerate() {
                if ui.selectable_label(chosen == Some(k), entry.as_str()).clicked() {
                    picked = Some(k);
                }
            }
        })
    });
    picked
}

/// A line in which a path can be typed or pasted; it takes the keyboard at once. Gives it when Enter is pressed.
pub fn path_field(ui: &mut Ui, text: &mut String, name: &str, hint: &str) -> Option<String> {
    let t = theme();
    let margin = egui::Margin::symmetric(t.space.medium as i8, ((t.size.primary - t.text.body) / 2.0 - 2.0) as i8);
    let edit = TextEdit::singleline(text).hint_text(hint).desired_width(f32::INFINITY).margin(margin);
    let response = ui.name_inputs(name, |ui| ui.add(edit));
    let done = response.lost_focus() && ui.input(|i| i.key_pressed(Key::Enter));
    if !done && !response.has_focus() {
        response.request_focus();
        // What was suggested is replaced by typing and kept by Enter.
        let mut state = TextEdit::load_state(ui.ctx(), response.id).unwrap_or_default();
        let all = CCursorRange::two(CCursor::new(0), CCursor::new(text.chars().count()));
        state.cursor.set_char_range(Some(all));
        state.store(ui.ctx(), response.id);
    }
    (done && !text.trim().is_empty()).then(|| text.trim().to_owned())
}
