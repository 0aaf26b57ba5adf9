//! Both films large, side by side, where there is no volume yet or a person wishes to see them: letters and lines are
//! checked here, which a small preview does not allow.

use super::picture;
use crate::app::command::{Command, Outbox};
use crate::app::film::{Projection, Slot};
use crate::app::state::{Purpose, State};
use crate::app::theme::theme;
use crate::app::widgets;
use egui::{Align, Label, Layout, Rect, RichText, Ui, UiBuilder, vec2};
use egui_material_icons::icons::{ICON_CLOSE, ICON_FOLDER_OPEN};

/// Both films, and what to do with them.
pub fn show(ui: &mut Ui, state: &State, out: &mut Outbox) {
    let t = theme();
    let (pictures, foot) = ui.max_rect().split_top_bottom_at_y(ui.max_rect().bottom() - t.size.primary);
    let (left, right) = pictures.split_left_right_at_fraction(0.5);
    for (slot, half) in Slot::BOTH.into_iter().zip([left, right]) {
        let half = half.shrink(t.space.medium);
        ui.push_id(slot, |ui| ui.scope_builder(UiBuilder::new().max_rect(half), |ui| film(ui, state, slot, out)));
    }
    let layout = Layout::right_to_left(Align::Center);
    ui.scope_builder(UiBuilder::new().max_rect(foot.shrink2(vec2(t.space.large, 0.0))).layout(layout), |ui| {
        if state.scene.is_some() && widgets::quiet_button(ui, Some(ICON_CLOSE), "Back to the CT", None).clicked() {
            out.send(Command::ShowFilms(false));
        }
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
            let text = RichText::new(advice(state)).font(t.body()).color(t.color.text_secondary);
            ui.add(Label::new(text).truncate());
        });
    });
}

/// What to look at, in a sentence.
fn advice(state: &State) -> &'static str {
    let unscaled = state.pair().and_then(|films| crate::app::pair::lung_spans(films.map(AsRef::as_ref)));
    match (state.pair(), unscaled) {
        (None, _) => "Open the other film of this patient.",
        (Some(_), Some(_)) => {
            "Are R, L, A and P where they are on the patient? Drag the lines to the lungs' apex and diaphragm."
        }
        (Some(_), None) => {
            "Are R, L, A and P where they are on the patient? The buttons beside each film set it right."
        }
    }
}

/// One film under its name, or the way to it.
fn film(ui: &mut Ui, state: &State, slot: Slot, out: &mut Outbox) {
    let t = theme();
    let Some(film) = &state.films[slot.index()].film else {
        let which = slot.title().to_lowercase();
        let middle = Rect::from_center_size(ui.max_rect().center(), vec2(ui.max_rect().width(), t.size.control));
        let layout = Layout::centered_and_justified(egui::Direction::TopDown);
        ui.scope_builder(UiBuilder::new().max_rect(middle).layout(layout), |ui| {
            let width = ui.available_width() / 2.0;
            if widgets::quiet_button(ui, Some(ICON_FOLDER_OPEN), &format!("Open the {which}"), Some(width)).clicked() {
                out.send(Command::Ask(Purpose::Film(slot)));
            }
        });
        return;
    };
    let angle = film.settings.angle_deg;
    let view = match Projection::of_angle(angle) {
        Projection::Angle => format!("{angle:.1}°"),
        named => named.label().to_owned(),
    };
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = t.space.medium;
        ui.label(RichText::new(view).font(t.title()).color(t.color.text));
        ui.add(Label::new(RichText::new(film.name()).font(t.body()).color(t.color.text_faint)).truncate());
    });
    ui.add_space(t.space.tiny);
    let rect = ui.available_rect_before_wrap();
    picture::draw(ui, rect, state, film, slot, out);
}
