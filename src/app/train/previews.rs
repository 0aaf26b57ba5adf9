//! Pictures of a validation case as the networks saw it: the newest, and the earlier ones of the run.

use super::command::TrainCommand;
use super::state::RunView;
use crate::app::command::{Command, Outbox};
use crate::app::theme::theme;
use crate::app::widgets;
use egui::{Align, Label, Layout, Rect, RichText, Sense, Ui, WidgetInfo, pos2, vec2};
use egui_material_icons::icons::{ICON_CHEVRON_LEFT, ICON_CHEVRON_RIGHT, ICON_LAST_PAGE};

/// Least side of a picture, points: below that the column scrolls.
const LEAST_SIDE: f32 = 160.0;

/// The newest picture, or the one gone back to, in `height` points.
pub fn show(ui: &mut Ui, view: &RunView, height: f32, out: &mut Outbox) {
    let t = theme();
    let top = ui.cursor().top();
    ui.spacing_mut().item_spacing.y = t.space.small;
    let size = vec2(ui.available_width(), t.size.control);
    ui.allocate_ui_with_layout(size, Layout::right_to_left(Align::Center), |ui| {
        ui.spacing_mut().item_spacing.x = t.space.tiny;
        history(ui, view, out);
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| widgets::caption(ui, "VALIDATION PREVIEW"));
    });
    let Some((texture, (phase, step))) = &view.picture else {
        super::fields::hint(ui, "Result and truth of the first validation case appear here after a validation.");
        return;
    };
    let foot = t.text.caption + 2.0 * t.space.medium;
    let rest = height - (ui.cursor().top() - top) - foot;
    let side = rest.max(LEAST_SIDE).min(ui.available_width());
    let (area, _) = ui.allocate_exact_size(vec2(ui.available_width(), side), Sense::hover());
    let rect = Rect::from_center_size(area.center(), vec2(side, side));
    let whole = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
    ui.painter().rect_filled(area, t.small_corners(), t.color.image);
    ui.painter().image(texture.id(), rect, whole, egui::Color32::WHITE);
    let picture = ui.interact(rect, ui.scope_id().with("preview"), Sense::hover());
    picture.widget_info(|| WidgetInfo::labeled(egui::Role::Image, true, "Validation preview"));
    let at = |x: f32| pos2(rect.lerp_inside(vec2(x, 0.0)).x, rect.top() + t.space.tiny);
    for (x, word) in [(0.25, "result"), (0.75, "truth")] {
        ui.painter().text(at(x), egui::Align2::CENTER_TOP, word, t.caption(), t.color.letter);
    }
    let checked = view.history.validations().iter().find(|v| (v.phase, v.step) == (*phase, *step));
    let case = checked.map_or(String::new(), |v| format!("{}: ", v.case));
    let error = checked.map_or(String::new(), |v| format!(", {:.1} HU over all cases", v.mae_hu));
    let text = format!("{case}phase {}, step {step}{error}", phase + 1);
    let text = RichText::new(text).font(t.caption()).color(t.color.text_secondary);
    let detail = checked.map_or(String::new(), |v| v.detail.text().replace("; ", "\n"));
    let tip = format!("Axial above coronal, window -500 to 800 HU\n{detail}");
    ui.add(Label::new(text).truncate()).on_hover_text(tip.trim_end());
}

/// Back and forth through the run's pictures.
fn history(ui: &mut Ui, view: &RunView, out: &mut Outbox) {
    let t = theme();
    let count = view.previews.len();
    let place = view.preview.unwrap_or(count.saturating_sub(1));
    let mut go = |to: Option<usize>| out.send(Command::Train(TrainCommand::ShowPreview(view.folder.clone(), to)));
    let newest = place + 1 >= count;
    ui.add_enabled_ui(!newest, |ui| {
        if widgets::icon_button(ui, ICON_LAST_PAGE, "Newest preview", false).clicked() {
            go(None);
        }
        if widgets::icon_button(ui, ICON_CHEVRON_RIGHT, "Later preview", false).clicked() {
            go((place + 2 < count).then_some(place + 1));
        }
    });
    if count > 0 {
        let text = format!("{} / {count}", place.min(count - 1) + 1);
        ui.label(RichText::new(text).font(t.caption()).color(t.color.text_secondary));
    }
    ui.add_enabled_ui(place > 0 && count > 0, |ui| {
        if widgets::icon_button(ui, ICON_CHEVRON_LEFT, "Earlier preview", false).clicked() {
            go(Some(place - 1));
        }
    });
}
