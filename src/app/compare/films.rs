//! The films beside what the reconstruction would have given: how well a volume agrees with its films, and why that
//! proves little.

use super::cells::computing;
use super::held::Shown;
use super::reproject::SPAN_PART;
use super::state::{FilmShown, FilmsShown};
use crate::app::film::Slot;
use crate::app::state::State;
use crate::app::theme::theme;
use crate::app::widgets;
use crate::evaluate::consistency::DEFINITION;
use egui::{Align, Align2, Color32, Label, Layout, Rect, RichText, Sense, Ui, WidgetInfo, pos2, vec2};

/// What must stand beside the pictures.
pub const MIRROR: &str = "A mirrored volume passes this test as well: agreement with two films proves little. Check the \
    letters on the films.";
/// What the three pictures of a film are.
const WORDS: [&str; 3] = ["Film", "Re-projected", "Film − re-projected"];

/// The part.
pub fn show(ui: &mut Ui, state: &State) {
    let t = theme();
    let key = state.films_key();
    let shown = match state.compare.films.shown(key.as_ref()) {
        Shown::Nothing => {
            return super::hint(ui, "Open both films in Reconstruct: they are compared here with the reconstruction.");
        }
        Shown::Computing => return computing(ui),
        Shown::There(Err(cause)) => return super::hint(ui, cause),
        Shown::There(Ok(shown)) => shown,
    };
    let foot = t.text.body + t.space.medium;
    let height = ui.available_height() - foot;
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = t.space.huge;
        let width = (ui.available_width() - t.space.huge) / 2.0;
        for slot in Slot::BOTH {
            ui.allocate_ui_with_layout(vec2(width, height), Layout::top_down(Align::Min), |ui| {
                ui.set_width(width);
                film(ui, height, slot, shown);
            });
        }
    });
    let text = RichText::new(MIRROR).font(t.caption()).color(t.color.warning);
    ui.add(Label::new(text).truncate()).on_hover_text(DEFINITION);
}

/// One film: its number, and the three pictures.
fn film(ui: &mut Ui, height: f32, slot: Slot, shown: &FilmsShown) {
    let t = theme();
    let film: &FilmShown = &shown.films[slot.index()];
    let size = vec2(ui.available_width(), t.text.title);
    ui.allocate_ui_with_layout(size, Layout::left_to_right(Align::Center), |ui| {
        widgets::caption(ui, &slot.title().to_uppercase());
        let text = format!("relative error {:.3}, correlation {:.4}", film.relative_error, film.correlation);
        let text = RichText::new(text.replace('-', "−")).font(t.body()).color(t.color.text);
        ui.add(Label::new(text).truncate()).on_hover_text(DEFINITION);
    });
    ui.add_space(t.space.tiny);
    let captions = t.text.caption + t.space.small;
    let room =
        vec2((ui.available_width() - 2.0 * t.space.small) / 3.0, height - t.text.title - captions - t.space.medium);
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = t.space.small;
        for (picture, word) in film.pictures.iter().zip(WORDS) {
            let (whole, response) = ui.allocate_exact_size(room + vec2(0.0, captions), Sense::hover());
            let name = format!("{}: {word}", slot.title());
            response.widget_info(|| WidgetInfo::labeled(egui::Role::Image, true, &name));
            let rect = Rect::from_min_size(whole.min, room);
            draw(ui, rect, picture, film);
            let below = pos2(rect.center().x, whole.bottom());
            ui.painter().text(below, Align2::CENTER_BOTTOM, word, t.caption(), t.color.text_secondary);
            if word == WORDS[2] {
                let tip = format!(
                    "Blue: the film is thinner, orange: denser; full colour at {:.0} % of the film's span",
                    100.0 * SPAN_PART
                );
                response.on_hover_text(tip);
            }
        }
    });
}

/// A picture in its true shape, with the patient's directions.
fn draw(ui: &Ui, rect: Rect, picture: &egui::TextureHandle, film: &FilmShown) {
    let t = theme();
    ui.painter().rect_filled(rect, t.small_corners(), t.color.image);
    let [width, height] = film.shape_mm.map(|v| v as f32);
    let scale = (rect.width() / width).min(rect.height() / height);
    let fitted = Rect::from_center_size(rect.center(), vec2(width, height) * scale);
    let uv = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
    ui.painter().image(picture.id(), fitted, uv, Color32::WHITE);
    let [left, right, ..] = film.letters;
    let inset = rect.shrink(t.space.small);
    for (at, align, letter) in
        [(inset.left_center(), Align2::LEFT_CENTER, left), (inset.right_center(), Align2::RIGHT_CENTER, right)]
    {
        let galley = ui.painter().layout_no_wrap(letter.to_string(), t.overline(), t.color.letter);
        let place = align.anchor_size(at, galley.size());
        ui.painter().rect_filled(place.expand(t.space.tiny), t.small_corners(), t.color.image.gamma_multiply(0.6));
        ui.painter().galley(place.min, galley, t.color.letter);
    }
}
