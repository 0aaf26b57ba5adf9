//! Calm messages: banners and tags.

use super::{icon_button, quiet_button};
use crate::app::theme::theme;
use egui::{Align, Color32, Frame, Label, Layout, Margin, RichText, Ui, vec2};
use egui_material_icons::icons::{ICON_CHECK_CIRCLE, ICON_CLOSE, ICON_ERROR, ICON_INFO, ICON_WARNING};

/// How much a message matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Worth knowing.
    Notice,
    /// Done.
    Good,
    /// To be checked.
    Warning,
    /// Did not work.
    Danger,
}

impl Tone {
    /// Ink and background.
    pub fn colors(self) -> (Color32, Color32) {
        let c = &theme().color;
        match self {
            Self::Notice => (c.notice, c.notice_fill),
            Self::Good => (c.good, c.notice_fill),
            Self::Warning => (c.warning, c.warning_fill),
            Self::Danger => (c.danger, c.danger_fill),
        }
    }

    /// The icon that goes with it, so that colour is not the only sign.
    pub fn icon(self) -> egui_material_icons::MaterialIcon {
        match self {
            Self::Notice => ICON_INFO,
            Self::Good => ICON_CHECK_CIRCLE,
            Self::Warning => ICON_WARNING,
            Self::Danger => ICON_ERROR,
        }
    }
}

/// What a person did about a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It was read.
    Dismiss,
    /// What it offers was wanted.
    Accept,
}

/// A message across the window's width: head and body, and a button where it offers something.
pub fn banner(ui: &mut Ui, tone: Tone, [head, body]: [&str; 2], offer: Option<&str>) -> Option<Answer> {
    let t = theme();
    let (ink, fill) = tone.colors();
    let margin = Margin::symmetric(t.space.large as i8, t.space.small as i8);
    let mut answer = None;
    Frame::new().fill(fill).inner_margin(margin).show(ui, |ui| {
        // As high as a control and no more: a layout that centres takes all the height it is offered, and a panel
        // offers what it had in the frame before, so that two messages would push each other over the whole window.
        let size = vec2(ui.available_width(), t.size.control);
        ui.allocate_ui_with_layout(size, Layout::right_to_left(Align::Center), |ui| {
            if icon_button(ui, ICON_CLOSE, "Dismiss", false).clicked() {
                answer = Some(Answer::Dismiss);
            }
            if offer.is_some_and(|label| quiet_button(ui, None, label, None).clicked()) {
                answer = Some(Answer::Accept);
            }
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                ui.add(Label::new(tone.icon().rich_text().size(t.text.icon).color(ink)));
                ui.add(Label::new(RichText::new(head).font(t.strong()).color(ink)));
                ui.add(Label::new(RichText::new(body).font(t.body()).color(t.color.text)).wrap().selectable(true));
            });
        });
    });
    answer
}

/// A word or two beside a title: 'header', 'assumed', 'simulated films'.
pub fn tag(ui: &mut Ui, text: &str, tone: Tone) {
    let t = theme();
    let (ink, fill) = tone.colors();
    let margin = Margin::symmetric((t.space.small + 1.0) as i8, 1);
    Frame::new().fill(fill).corner_radius(t.small_corners()).inner_margin(margin).show(ui, |ui| {
        ui.add(Label::new(RichText::new(text).font(t.caption()).color(ink)));
    });
}
