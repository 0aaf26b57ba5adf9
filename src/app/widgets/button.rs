//! Buttons: icon, quiet, primary, toggle, segmented. Each has a name that assistive tools and tests read.

use crate::app::theme::theme;
use egui::{Align2, Color32, FontId, Response, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, vec2};
use egui_material_icons::MaterialIcon;

/// A square button with an icon; `name` is its tooltip and its name for assistive tools.
pub fn icon_button(ui: &mut Ui, icon: MaterialIcon, name: &str, selected: bool) -> Response {
    let t = theme();
    let (rect, response) = ui.allocate_exact_size(vec2(t.size.icon_button, t.size.control), Sense::click());
    let enabled = ui.is_enabled();
    response.widget_info(|| WidgetInfo::selected(Role::Button, enabled, selected, name));
    let (fill, ink) = match (selected, enabled && response.hovered(), response.is_pointer_button_down_on()) {
        (true, _, _) => (t.color.selection, t.color.accent_hover),
        (_, _, true) => (t.color.control_active, t.color.text),
        (_, true, _) => (t.color.control_hover, t.color.text),
        _ => (Color32::TRANSPARENT, t.color.text_secondary),
    };
    ui.painter().rect_filled(rect, t.small_corners(), fill);
    focus_ring(ui, &response);
    let font = FontId::new(t.text.icon, icon.font_family());
    ui.painter().text(rect.center(), Align2::CENTER_CENTER, icon.codepoint, font, ink);
    response.on_hover_text(name)
}

/// A button of the accent colour, as wide as the column.
pub fn primary_button(ui: &mut Ui, label: &str, enabled: bool) -> Response {
    let t = theme();
    let sense = if enabled { Sense::click() } else { Sense::hover() };
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), t.size.primary), sense);
    response.widget_info(|| WidgetInfo::labeled(Role::Button, enabled, label));
    let (fill, ink) = match (enabled, response.hovered()) {
        (false, _) => (t.color.control, t.color.text_faint),
        (true, true) => (t.color.accent_hover, t.color.accent_text),
        (true, false) => (t.color.accent, t.color.accent_text),
    };
    ui.painter().rect_filled(rect, t.corners(), fill);
    focus_ring(ui, &response);
    ui.painter().text(rect.center(), Align2::CENTER_CENTER, label, t.strong(), ink);
    response
}

/// An ordinary button with a label and perhaps an icon before it; as wide as `width` says, else as its text needs.
pub fn quiet_button(ui: &mut Ui, icon: Option<MaterialIcon>, label: &str, width: Option<f32>) -> Response {
    let t = theme();
    let text = ui.painter().layout_no_wrap(label.to_owned(), t.body(), t.color.text);
    let icon_width = if icon.is_some() { t.text.icon + t.space.small } else { 0.0 };
    let natural = text.size().x + icon_width + 2.0 * (t.space.medium + t.space.tiny);
    let size = vec2(width.unwrap_or(natural), t.size.control);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    let enabled = ui.is_enabled();
    response.widget_info(|| WidgetInfo::labeled(Role::Button, enabled, label));
    let fill = match (enabled && response.hovered(), response.is_pointer_button_down_on()) {
        (_, true) => t.color.control_active,
        (true, _) => t.color.control_hover,
        _ => t.color.control,
    };
    ui.painter().rect_filled(rect, t.small_corners(), fill);
    focus_ring(ui, &response);
    let start = rect.center().x - (text.size().x + icon_width) / 2.0;
    if let Some(icon) = icon {
        let font = FontId::new(t.text.icon - 1.0, icon.font_family());
        let at = egui::pos2(start, rect.center().y);
        ui.painter().text(at, Align2::LEFT_CENTER, icon.codepoint, font, t.color.text_secondary);
    }
    let at = egui::pos2(start + icon_width, rect.center().y - text.size().y / 2.0);
    ui.painter().galley(at, text, t.color.text);
    response
}

/// A switch with its state in colour and place.
pub fn toggle(ui: &mut Ui, on: bool, name: &str) -> Response {
    let t = theme();
    let height = t.text.body + t.space.small;
    let (rect, response) = ui.allocate_exact_size(vec2(height * 1.75, height), Sense::click());
    let enabled = ui.is_enabled();
    response.widget_info(|| WidgetInfo::selected(Role::CheckBox, enabled, on, name));
    let place = ui.ctx().animate_bool_with_time(response.id, on, 0.12);
    let fill = if on { t.color.accent } else { t.color.control_active };
    let radius = height / 2.0;
    ui.painter().rect_filled(rect, radius, fill);
    focus_ring(ui, &response);
    let x = egui::lerp(rect.left() + radius..=rect.right() - radius, place);
    ui.painter().circle_filled(egui::pos2(x, rect.center().y), radius - t.space.tiny, t.color.text);
    response.on_hover_text(name)
}

/// Equal cells in one bar, one of them chosen: (label, tooltip) each. Gives the cell that was pressed.
pub fn segmented(ui: &mut Ui, cells: &[(&str, &str)], chosen: Option<usize>) -> Option<usize> {
    let t = theme();
    let (bar, _) = ui.allocate_exact_size(vec2(ui.available_width(), t.size.control), Sense::hover());
    ui.painter().rect_filled(bar, t.small_corners(), t.color.control);
    let width = bar.width() / cells.len().max(1) as f32;
    let mut pressed = None;
    for (k, (label, tip)) in cells.iter().enumerate() {
        let left = egui::pos2(bar.left() + width * k as f32, bar.top());
        let rect = egui::Rect::from_min_size(left, vec2(width, bar.height()));
        let response = ui.interact(rect, ui.scope_id().with(("segment", *tip)), Sense::click());
        let on = chosen == Some(k);
        let enabled = ui.is_enabled();
        response.widget_info(|| WidgetInfo::selected(Role::Button, enabled, on, *tip));
        if on || response.hovered() {
            let fill = if on { t.color.selection } else { t.color.control_hover };
            ui.painter().rect_filled(rect, t.small_corners(), fill);
        }
        focus_ring(ui, &response);
        let ink = if on { t.color.accent_hover } else { t.color.text };
        ui.painter().text(rect.center(), Align2::CENTER_CENTER, *label, t.body(), ink);
        if response.clicked() {
            pressed = Some(k);
        }
        response.on_hover_text(*tip);
    }
    pressed
}

/// A workspace's tab with a note beside its name; the chosen one is underlined.
pub fn tab(ui: &mut Ui, label: &str, note: Option<&str>, chosen: bool) -> Response {
    let t = theme();
    let ink = if chosen { t.color.accent } else { t.color.text_secondary };
    let name = ui.painter().layout_no_wrap(label.to_owned(), t.strong(), ink);
    let note = ui.painter().layout_no_wrap(note.unwrap_or_default().to_owned(), t.caption(), t.color.text_faint);
    let gap = if note.text().is_empty() { 0.0 } else { t.space.small };
    let width = name.size().x + gap + note.size().x + 2.0 * t.space.large;
    let (rect, response) = ui.allocate_exact_size(vec2(width, t.size.top_bar), Sense::click());
    let enabled = ui.is_enabled();
    response.widget_info(|| WidgetInfo::selected(Role::Tab, enabled, chosen, label));
    if response.hovered() && !chosen {
        ui.painter().rect_filled(rect, 0.0, t.color.control);
    }
    if chosen {
        let stroke = Stroke::new(2.0 * t.size.rule, t.color.accent);
        ui.painter().hline(rect.x_range(), rect.bottom() - t.size.rule, stroke);
    }
    if response.has_focus() {
        let stroke = Stroke::new(t.size.rule, t.color.accent);
        ui.painter().rect_stroke(rect.shrink(t.space.tiny), t.small_corners(), stroke, StrokeKind::Inside);
    }
    let left = rect.left() + t.space.large;
    let right = left + name.size().x + gap;
    ui.painter().galley(egui::pos2(left, rect.center().y - name.size().y / 2.0), name, ink);
    ui.painter().galley(egui::pos2(right, rect.center().y - note.size().y / 2.0), note, t.color.text_faint);
    response
}

/// Shows where the keyboard is.
fn focus_ring(ui: &Ui, response: &Response) {
    let t = theme();
    if response.has_focus() {
        let stroke = Stroke::new(t.size.rule, t.color.accent);
        ui.painter().rect_stroke(response.rect, t.small_corners(), stroke, StrokeKind::Outside);
    }
}
