//! Cards, sections and rows on the grid.

use crate::app::theme::theme;
use egui::{Align, Frame, Label, Layout, Margin, RichText, Sense, Ui, vec2};

/// A group with its own background.
pub fn card<R>(ui: &mut Ui, contents: impl FnOnce(&mut Ui) -> R) -> R {
    let t = theme();
    Frame::new()
        .fill(t.color.card)
        .stroke(t.rule())
        .corner_radius(t.corners())
        .inner_margin(Margin::same((t.space.medium + t.space.tiny) as i8))
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            contents(ui)
        })
        .inner
}

/// A dialog over the window: dimmed background, padding, the theme's frame. Gives what `contents` gives, and true
/// where the person asked to close it (Esc, or a press outside).
pub fn modal<R>(ui: &Ui, name: &str, width: f32, contents: impl FnOnce(&mut Ui) -> R) -> (R, bool) {
    let t = theme();
    let frame = Frame::new()
        .fill(t.color.card)
        .stroke(t.outline())
        .corner_radius(t.corners())
        .inner_margin(Margin::same(t.space.huge as i8));
    let modal = egui::Modal::new(egui::Id::unique(name)).backdrop_color(t.color.scrim).frame(frame);
    let response = modal.show(ui.ctx(), |ui| {
        ui.set_width(width);
        contents(ui)
    });
    // A dialog is centred by the size it had; where that was another one it is drawn again before it is seen.
    let size = response.response.rect.size();
    let before =
        ui.ctx().data_mut(|d| std::mem::replace(d.get_temp_mut_or(egui::Id::unique((name, "size")), size), size));
    if before != size {
        ui.ctx().request_discard("a dialog's size changed");
    }
    let close = response.should_close();
    (response.inner, close)
}

/// A titled group in a column, a hairline above its next neighbour.
pub fn section<R>(ui: &mut Ui, title: &str, contents: impl FnOnce(&mut Ui) -> R) -> R {
    let t = theme();
    ui.add_space(t.space.small);
    caption(ui, title);
    ui.add_space(t.space.tiny);
    let inner = contents(ui);
    ui.add_space(t.space.small);
    inner
}

/// A small head in quiet colour.
pub fn caption(ui: &mut Ui, text: &str) {
    let t = theme();
    ui.add(Label::new(RichText::new(text).font(t.overline()).color(t.color.text_faint)).truncate());
}

/// A hairline across the column.
pub fn divider(ui: &mut Ui) {
    let t = theme();
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), t.space.medium), Sense::hover());
    ui.painter().hline(rect.x_range(), rect.center().y, t.rule());
}

/// A label on the left, a control that fills the rest. Inputs inside are named by the label for assistive tools.
pub fn row<R>(ui: &mut Ui, label: &str, contents: impl FnOnce(&mut Ui) -> R) -> R {
    let t = theme();
    let size = vec2(ui.available_width(), t.size.control);
    ui.allocate_ui_with_layout(size, Layout::left_to_right(Align::Center), |ui| {
        let text = RichText::new(label).font(t.body()).color(t.color.text_secondary);
        ui.allocate_ui_with_layout(vec2(t.size.label, t.size.control), Layout::left_to_right(Align::Center), |ui| {
            ui.set_min_width(t.size.label);
            ui.add(Label::new(text).truncate());
        });
        ui.name_inputs(label, contents)
    })
    .inner
}

/// A label on the left and its value, aligned right, in one line.
pub fn value_row(ui: &mut Ui, label: &str, value: &str) {
    let t = theme();
    let size = vec2(ui.available_width(), t.text.body + t.space.small + t.space.tiny);
    ui.allocate_ui_with_layout(size, Layout::left_to_right(Align::Center), |ui| {
        ui.add(Label::new(RichText::new(label).font(t.body()).color(t.color.text_secondary)));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let text = RichText::new(value).font(t.body()).color(t.color.text);
            ui.add(Label::new(text).truncate().selectable(true)).on_hover_text(value);
        });
    });
}

/// A progress bar of the column's width; `None` where the end is not known.
pub fn progress(ui: &mut Ui, fraction: Option<f32>) {
    let t = theme();
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), t.size.progress), Sense::hover());
    let part = fraction.unwrap_or(0.0).clamp(0.0, 1.0);
    response.widget_info(|| {
        let mut info = egui::WidgetInfo::labeled(egui::Role::ProgressIndicator, true, "Progress");
        info.value = fraction.map(f64::from);
        info
    });
    let radius = egui::CornerRadius::same((t.size.progress / 2.0) as u8);
    ui.painter().rect_filled(rect, radius, t.color.field);
    let mut done = rect;
    match fraction {
        Some(_) => done.set_width(rect.width() * part),
        None => {
            let phase = ui.input(|i| i.time).rem_euclid(1.6) as f32 / 1.6;
            done = egui::Rect::from_min_size(
                rect.lerp_inside(vec2(phase * 0.75, 0.0)),
                vec2(rect.width() / 4.0, rect.height()),
            );
        }
    }
    ui.painter().rect_filled(done, radius, t.color.accent);
}
