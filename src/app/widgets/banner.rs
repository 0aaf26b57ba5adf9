//! Calm messages: banners and tags.

use super::icon_button;
use crate::app::theme::theme;
use egui::{Align, Color32, Frame, Label, Layout, Margin, RichText, Ui};
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

/// A message across the window's width. Gives true when it was dismissed.
pub fn banner(ui: &mut Ui, tone: Tone, head: &str, body: &str) -> bool {
    let t = theme();
    let (ink, fill) = tone.colors();
    let margin = Margin::symmetric(t.space.large as i8, t.space.small as i8);
    let mut dismissed = false;
    Frame::new().fill(fill).inner_margin(margin).show(ui, |ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            dismissed = icon_button(ui, ICON_CLOSE, "Dismiss", false).clicked();
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                ui.add(Label::new(tone.icon().rich_text().size(t.text.icon).color(ink)));
                ui.add(Label::new(RichText::new(head).font(t.strong()).color(ink)));
                ui.add(Label::new(RichText::new(body).font(t.body()).color(t.color.text)).wrap().selectable(true));
            });
        });
    });
    dismissed
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
