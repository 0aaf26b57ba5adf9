//! A film as it hangs, with orientation letters and the lines of the lungs, in any rectangle: small in its card, large
//! on the light box.

use crate::app::command::{Command, Outbox};
use crate::app::film::{Change, Film, Slot};
use crate::app::pair;
use crate::app::state::State;
use crate::app::theme::theme;
use crate::projection::matching::LungSpan;
use egui::{Align2, Color32, CursorIcon, FontId, Rect, Sense, Stroke, Ui, pos2, vec2};

/// How dark the shade behind lines, their names and letters is on a film.
const SHADE: f32 = 0.55;
/// From this width on a film has room for larger letters, points.
const LARGE: f32 = 250.0;

/// Draws the film into `rect`; sends what is dragged on it.
pub fn draw(ui: &mut Ui, rect: Rect, state: &State, film: &Film, slot: Slot, out: &mut Outbox) {
    let t = theme();
    ui.painter().rect_filled(rect, t.small_corners(), t.color.image);
    let inner = rect.shrink(t.space.tiny);
    let Some(texture) = &state.films[slot.index()].preview else {
        ui.painter().text(rect.center(), Align2::CENTER_CENTER, "preparing", t.caption(), t.color.text_faint);
        return;
    };
    let size = texture.size_vec2();
    // Pixels are square in mm: a film of other pitch along rows is stretched to its true shape.
    let [pitch_u, pitch_v] = film.settings.pitch_mm;
    let shape = vec2(size.x * pitch_u as f32, size.y * pitch_v as f32);
    let scale = (inner.width() / shape.x).min(inner.height() / shape.y);
    let fitted = Rect::from_center_size(inner.center(), shape * scale);
    ui.painter().image(texture.id(), fitted, Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0)), Color32::WHITE);
    if let Some(spans) = state.pair().and_then(|films| pair::lung_spans(films.map(AsRef::as_ref))) {
        let rows = film.radiograph.image.rows() as f64;
        if let Some(span) = lung_lines(ui, fitted, rows, spans[slot.index()], slot) {
            out.send(Command::Film(slot, Change::Lungs(span)));
        }
    }
    // Small, the letters keep to the corners of the card; large, they stand at the film itself.
    letters(ui, if rect.width() < LARGE { rect } else { fitted }, film.hung_letters());
}

/// The lines of the lungs' apex and diaphragm on a film of unknown scale, to be dragged; the span after a drag.
fn lung_lines(ui: &mut Ui, film: Rect, rows: f64, span: LungSpan, slot: Slot) -> Option<LungSpan> {
    let t = theme();
    let y_of = |row: f64| film.top() + (row / rows) as f32 * film.height();
    let mut dragged = None;
    for (name, row) in [("apex", span.apex_row), ("diaphragm", span.diaphragm_row)] {
        let y = y_of(row).clamp(film.top(), film.bottom());
        let grip = Rect::from_x_y_ranges(film.x_range(), (y - t.space.small)..=(y + t.space.small));
        let label = format!("{} {name} line", slot.title());
        let response = ui
            .interact(grip, ui.scope_id().with((slot, name)), Sense::drag())
            .on_hover_cursor(CursorIcon::ResizeVertical);
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Slider, true, &label));
        let colour = if response.hovered() || response.dragged() { t.color.text } else { t.color.letter };
        ui.painter().hline(film.x_range(), y, Stroke::new(3.0, shade()));
        ui.painter().hline(film.x_range(), y, Stroke::new(1.0, colour));
        let galley = ui.painter().layout_no_wrap(name.into(), t.caption(), colour);
        // Inside of the lungs' span, which is free of the letters at the film's upper and lower edge.
        let corner = if name == "apex" { Align2::LEFT_TOP } else { Align2::LEFT_BOTTOM };
        let at = corner.anchor_size(pos2(film.left() + t.space.tiny, y), galley.size());
        ui.painter().rect_filled(at.expand2(vec2(2.0, 0.0)), 2.0, shade());
        ui.painter().galley(at.min, galley, colour);
        if response.dragged() {
            let moved = (row + f64::from(response.drag_delta().y / film.height()) * rows).clamp(0.0, rows - 1.0);
            dragged = Some(if name == "apex" {
                LungSpan { apex_row: moved, ..span }
            } else {
                LungSpan { diaphragm_row: moved, ..span }
            });
        }
        response.on_hover_text(format!("Drag to the lungs' {name}: both films are brought to one scale by it"));
    }
    dragged
}

/// Patient directions at the four edges, readable on bone as on air.
fn letters(ui: &Ui, rect: Rect, [left, right, top, bottom]: [char; 4]) {
    let t = theme();
    let inset = rect.shrink(t.space.small);
    let font = if rect.width() < LARGE { t.overline() } else { FontId { size: t.text.letter, ..t.overline() } };
    for (at, align, letter) in [
        (inset.left_center(), Align2::LEFT_CENTER, left),
        (inset.right_center(), Align2::RIGHT_CENTER, right),
        (inset.center_top(), Align2::CENTER_TOP, top),
        (inset.center_bottom(), Align2::CENTER_BOTTOM, bottom),
    ] {
        let galley = ui.painter().layout_no_wrap(letter.to_string(), font.clone(), t.color.letter);
        let place = align.anchor_size(at, galley.size());
        ui.painter().rect_filled(place.expand2(vec2(t.space.tiny, 0.0)), t.small_corners(), shade());
        ui.painter().galley(place.min, galley, t.color.letter);
    }
}

fn shade() -> Color32 {
    theme().color.image.gamma_multiply(SHADE)
}
