//! The design tokens of `assets/theme.toml` and how they become egui's style. Knows no panel and no state.

use super::viewport::Style;
use egui::{Color32, CornerRadius, FontData, FontDefinitions, FontFamily, FontId, Margin, Stroke, TextStyle, Visuals};
use serde::{Deserialize, Deserializer};
use std::sync::{Arc, OnceLock};

/// The tokens as bundled.
const TOKENS: &str = include_str!("../../assets/theme.toml");
/// Text and numbers; its digits all have one width, so that columns of numbers align.
const REGULAR: &[u8] = include_bytes!("../../assets/fonts/Roboto-Regular.ttf");
/// Titles and the one main button.
const MEDIUM: &[u8] = include_bytes!("../../assets/fonts/Roboto-Medium.ttf");
/// The family name of the medium weight.
const MEDIUM_FAMILY: &str = "medium";

/// All design tokens.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Theme {
    /// Colours by their job.
    pub color: Colors,
    /// Text sizes, points.
    pub text: TextSizes,
    /// Sizes of controls and areas, points.
    pub size: Sizes,
    /// Distances, points.
    pub space: Spaces,
}

/// Declares a token table: every field is read from the file, none has a second value in the code.
macro_rules! tokens {
    ($(#[$doc:meta])* $name:ident { $($(#[$with:meta])* $field:ident: $kind:ty = $what:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $(#[doc = $what] $(#[$with])* pub $field: $kind,)*
        }
    };
}

tokens! {
    /// Colours by their job.
    Colors {
        #[serde(deserialize_with = "color")] window: Color32 = "Behind everything.",
        #[serde(deserialize_with = "color")] panel: Color32 = "The columns beside the pictures.",
        #[serde(deserialize_with = "color")] card: Color32 = "A group within a column.",
        #[serde(deserialize_with = "color")] field: Color32 = "Where something can be typed.",
        #[serde(deserialize_with = "color")] control: Color32 = "A button at rest.",
        #[serde(deserialize_with = "color")] control_hover: Color32 = "A button under the pointer.",
        #[serde(deserialize_with = "color")] control_active: Color32 = "A button held down.",
        #[serde(deserialize_with = "color")] line: Color32 = "Hairlines between areas.",
        #[serde(deserialize_with = "color")] line_strong: Color32 = "Outlines of cards and fields.",
        #[serde(deserialize_with = "color")] image: Color32 = "Behind pictures.",
        #[serde(deserialize_with = "color")] text: Color32 = "Text that matters.",
        #[serde(deserialize_with = "color")] text_secondary: Color32 = "Labels.",
        #[serde(deserialize_with = "color")] text_faint: Color32 = "Hints.",
        #[serde(deserialize_with = "color")] accent: Color32 = "The one colour that asks to be pressed.",
        #[serde(deserialize_with = "color")] accent_hover: Color32 = "The accent under the pointer.",
        #[serde(deserialize_with = "color")] accent_text: Color32 = "Text on the accent.",
        #[serde(deserialize_with = "color")] selection: Color32 = "Behind what is chosen.",
        #[serde(deserialize_with = "color")] notice: Color32 = "Something worth knowing.",
        #[serde(deserialize_with = "color")] notice_fill: Color32 = "Behind a notice.",
        #[serde(deserialize_with = "color")] warning: Color32 = "Something to check.",
        #[serde(deserialize_with = "color")] warning_fill: Color32 = "Behind a warning.",
        #[serde(deserialize_with = "color")] danger: Color32 = "Something that did not work.",
        #[serde(deserialize_with = "color")] danger_fill: Color32 = "Behind an error.",
        #[serde(deserialize_with = "color")] good: Color32 = "Something that did.",
        #[serde(deserialize_with = "color")] letter: Color32 = "Orientation letters on pictures.",
        #[serde(deserialize_with = "color")] plane_x: Color32 = "The sagittal plane and its line.",
        #[serde(deserialize_with = "color")] plane_y: Color32 = "The coronal plane and its line.",
        #[serde(deserialize_with = "color")] plane_z: Color32 = "The axial plane and its line.",
        #[serde(deserialize_with = "color")] right_lung: Color32 = "The patient's right lung.",
        #[serde(deserialize_with = "color")] left_lung: Color32 = "The patient's left lung.",
        #[serde(deserialize_with = "color")] scrim: Color32 = "Over the window while a dialog is open.",
        #[serde(deserialize_with = "color")] shadow: Color32 = "Under menus and dialogs.",
        #[serde(deserialize_with = "color")] curve_a: Color32 = "A curve beside the accent's.",
        #[serde(deserialize_with = "color")] curve_b: Color32 = "A second run; the refining stage; a curve.",
        #[serde(deserialize_with = "color")] curve_c: Color32 = "A curve.",
        #[serde(deserialize_with = "color")] curve_d: Color32 = "A curve.",
        #[serde(deserialize_with = "color")] curve_e: Color32 = "A curve.",
        #[serde(deserialize_with = "color")] curve_f: Color32 = "A curve.",
        #[serde(deserialize_with = "color")] curve_g: Color32 = "A curve.",
        #[serde(deserialize_with = "color")] curve_h: Color32 = "A curve.",
        #[serde(deserialize_with = "color")] recon: Color32 = "The reconstruction in a comparison.",
        #[serde(deserialize_with = "color")] truth: Color32 = "The ground truth in a comparison.",
        #[serde(deserialize_with = "color")] below: Color32 = "A difference far below zero.",
        #[serde(deserialize_with = "color")] zero: Color32 = "A difference of zero.",
        #[serde(deserialize_with = "color")] above: Color32 = "A difference far above zero.",
        #[serde(deserialize_with = "color")] errors: Color32 = "Where large errors are to be expected.",
    }
}

tokens! {
    /// Text sizes, points.
    TextSizes {
        caption: f32 = "Section heads, tags, hints.",
        body: f32 = "Labels and controls.",
        title: f32 = "Titles of cards and dialogs.",
        number: f32 = "Values in columns.",
        icon: f32 = "Icons in buttons.",
        brand: f32 = "The program's name.",
        display: f32 = "Empty states of the whole window.",
        overlay: f32 = "Notes on the pictures.",
        letter: f32 = "Orientation letters on the pictures.",
    }
}

tokens! {
    /// Sizes of controls and areas, points.
    Sizes {
        top_bar: f32 = "Height of the top bar.",
        bottom_bar: f32 = "Height of the bar with the lasting note.",
        left_column: f32 = "Width of the films' column.",
        right_column: f32 = "Width of the view's column.",
        control: f32 = "Height of a control.",
        primary: f32 = "Height of the main button.",
        icon_button: f32 = "Side of an icon button.",
        left_column_wide: f32 = "The same in a large window.",
        wide_window: f32 = "From this width a window is large.",
        high_window: f32 = "From this height a window is large.",
        film_controls: f32 = "What the films' column has beside a preview.",
        label: f32 = "Width of the label column.",
        value: f32 = "Width of a number field.",
        radius: u8 = "Corners of cards.",
        radius_small: u8 = "Corners of controls.",
        rule: f32 = "Width of hairlines.",
        dialog: f32 = "Width of a dialog.",
        help: f32 = "Width of the list of keys.",
        start: f32 = "Width of the first steps, where there is no volume.",
        start_height: f32 = "Height of the first steps.",
        caption: f32 = "Height of the demonstration's line.",
        rail: f32 = "Height of a slider's rail.",
        knob: f32 = "Height of a slider, of which its knob takes four fifths.",
        progress: f32 = "Height of a progress bar.",
        runs_column: f32 = "Width of the list of runs.",
        train_column: f32 = "Width of the column beside a plan or run.",
        train_column_wide: f32 = "The same in a large window.",
        compare_column: f32 = "Width of the column beside a comparison.",
        evidence: f32 = "Height of the numbers and curves under a comparison.",
        evidence_high: f32 = "The same in a large window.",
    }
}

tokens! {
    /// Distances, points.
    Spaces {
        tiny: f32 = "Between a label and its value.",
        small: f32 = "Between parts of one control.",
        medium: f32 = "Between controls.",
        large: f32 = "Padding of cards, distance of groups.",
        huge: f32 = "Padding of dialogs.",
    }
}

/// The theme. Parsed once; a test keeps the bundled file readable.
pub fn theme() -> &'static Theme {
    static THEME: OnceLock<Theme> = OnceLock::new();
    THEME.get_or_init(|| Theme::parse(TOKENS).unwrap_or_default())
}

impl Theme {
    /// Reads tokens from TOML.
    ///
    /// # Errors
    /// Where a token is missing, unknown or not a colour or number.
    pub fn parse(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }

    /// The tokens as bundled, for checks.
    pub fn bundled_text() -> &'static str {
        TOKENS
    }

    /// Captions and hints.
    pub fn caption(&self) -> FontId {
        FontId::proportional(self.text.caption)
    }

    /// Labels and controls.
    pub fn body(&self) -> FontId {
        FontId::proportional(self.text.body)
    }

    /// Titles of cards and dialogs.
    pub fn title(&self) -> FontId {
        medium(self.text.title)
    }

    /// Body size, medium weight.
    pub fn strong(&self) -> FontId {
        medium(self.text.body)
    }

    /// Section heads: small, medium weight.
    pub fn overline(&self) -> FontId {
        medium(self.text.caption)
    }

    /// A hairline.
    pub fn rule(&self) -> Stroke {
        Stroke::new(self.size.rule, self.color.line)
    }

    /// The outline of cards and fields.
    pub fn outline(&self) -> Stroke {
        Stroke::new(self.size.rule, self.color.line_strong)
    }

    /// Width of the films' column in a window of this size.
    pub fn left_column(&self, window: egui::Vec2) -> f32 {
        let large = window.x >= self.size.wide_window && window.y >= self.size.high_window;
        if large { self.size.left_column_wide } else { self.size.left_column }
    }

    /// Width of the column beside a plan or run in a window of this size.
    pub fn train_column(&self, window: egui::Vec2) -> f32 {
        let large = window.x >= self.size.wide_window && window.y >= self.size.high_window;
        if large { self.size.train_column_wide } else { self.size.train_column }
    }

    /// Height of the numbers and curves under a comparison in a window of this size.
    pub fn evidence(&self, window: egui::Vec2) -> f32 {
        let large = window.x >= self.size.wide_window && window.y >= self.size.high_window;
        if large { self.size.evidence_high } else { self.size.evidence }
    }

    /// Corners of cards.
    pub fn corners(&self) -> CornerRadius {
        CornerRadius::same(self.size.radius)
    }

    /// Corners of controls.
    pub fn small_corners(&self) -> CornerRadius {
        CornerRadius::same(self.size.radius_small)
    }

    /// Installs fonts and style into a context. Idempotent.
    pub fn install(&self, ctx: &egui::Context) {
        ctx.set_fonts(fonts());
        egui_material_icons::initialize(ctx);
        ctx.set_theme(egui::Theme::Dark);
        ctx.all_styles_mut(|style| self.apply(style));
    }

    /// Writes the tokens into egui's style.
    fn apply(&self, style: &mut egui::Style) {
        style.text_styles = [
            (TextStyle::Small, self.caption()),
            (TextStyle::Body, self.body()),
            (TextStyle::Button, self.body()),
            (TextStyle::Heading, self.title()),
            (TextStyle::Monospace, FontId::monospace(self.text.body)),
        ]
        .into();
        style.drag_value_text_style = TextStyle::Body;
        style.visuals = self.visuals();
        style.interaction.selectable_labels = false;
        style.interaction.tooltip_delay = 0.4;
        style.url_in_tooltip = true;
        let spacing = &mut style.spacing;
        spacing.item_spacing = egui::vec2(self.space.medium, self.space.small);
        spacing.button_padding = egui::vec2(self.space.medium, self.space.tiny);
        spacing.interact_size = egui::vec2(self.size.icon_button, self.size.control);
        spacing.window_margin = Margin::same(self.space.huge as i8);
        spacing.menu_margin = Margin::same(self.space.small as i8);
        spacing.slider_rail_height = self.size.rail;
        spacing.icon_width = self.text.title;
        spacing.icon_width_inner = self.text.caption - 2.0;
        spacing.combo_height = 320.0;
        spacing.tooltip_width = 320.0;
        spacing.scroll = egui::style::ScrollStyle::thin();
    }

    /// Colours of egui's own widgets.
    fn visuals(&self) -> Visuals {
        let c = &self.color;
        let mut v = Visuals::dark();
        v.override_text_color = None;
        v.weak_text_color = Some(c.text_secondary);
        v.hyperlink_color = c.accent;
        v.faint_bg_color = c.card;
        v.extreme_bg_color = c.field;
        v.text_edit_bg_color = Some(c.field);
        v.code_bg_color = c.field;
        v.warn_fg_color = c.warning;
        v.error_fg_color = c.danger;
        v.panel_fill = c.panel;
        v.window_fill = c.card;
        v.window_stroke = self.outline();
        v.window_corner_radius = self.corners();
        v.menu_corner_radius = self.corners();
        v.selection.bg_fill = c.selection;
        v.selection.stroke = Stroke::new(self.size.rule, c.accent);
        v.slider_trailing_fill = true;
        v.handle_shape = egui::style::HandleShape::Circle;
        v.striped = false;
        v.collapsing_header_frame = false;
        v.indent_has_left_vline = false;
        let shadow = |blur: u8| egui::Shadow { offset: [0, 6], blur, spread: 0, color: c.shadow };
        v.window_shadow = shadow(28);
        v.popup_shadow = shadow(16);
        v.disabled_alpha = 0.45;
        let w = &mut v.widgets;
        for (visuals, fill, stroke, text) in [
            (&mut w.noninteractive, c.card, c.line, c.text),
            (&mut w.inactive, c.control, Color32::TRANSPARENT, c.text),
            (&mut w.hovered, c.control_hover, c.line_strong, c.text),
            (&mut w.active, c.control_active, c.accent, c.text),
            (&mut w.open, c.control_hover, c.line_strong, c.text),
        ] {
            visuals.bg_fill = fill;
            visuals.weak_bg_fill = fill;
            visuals.bg_stroke = Stroke::new(self.size.rule, stroke);
            visuals.fg_stroke = Stroke::new(self.size.rule, text);
            visuals.corner_radius = self.small_corners();
            visuals.expansion = 0.0;
        }
        v
    }
}

/// The panes' colours and sizes, from the theme.
pub fn panes_style() -> &'static Style {
    static STYLE: OnceLock<Style> = OnceLock::new();
    STYLE.get_or_init(|| {
        let t = theme();
        let c = &t.color;
        Style {
            background: c.image,
            text: c.text,
            faint: c.text_secondary,
            warning: c.warning,
            letter: c.letter,
            gap_colour: c.line,
            active: c.line_strong,
            planes: [c.plane_x, c.plane_y, c.plane_z],
            right_lung: c.right_lung,
            left_lung: c.left_lung,
            recon: c.recon,
            truth: c.truth,
            difference: [c.below, c.zero, c.above],
            errors: c.errors,
            text_size: t.text.overlay,
            letter_size: t.text.letter,
            margin: t.space.medium,
            gap: t.space.tiny,
            line: t.size.rule,
            ..Style::default()
        }
    })
}

/// The medium weight at `size` points.
pub fn medium(size: f32) -> FontId {
    FontId::new(size, FontFamily::Name(MEDIUM_FAMILY.into()))
}

/// Roboto in two weights; egui's own fonts stand behind it for rare characters. No system fonts: pictures repeat.
fn fonts() -> FontDefinitions {
    let mut fonts = FontDefinitions::default();
    for (name, data) in [("roboto", REGULAR), ("roboto-medium", MEDIUM)] {
        fonts.font_data.insert(name.to_owned(), Arc::new(FontData::from_static(data)));
    }
    let fallback = fonts.families.get(&FontFamily::Proportional).cloned().unwrap_or_default();
    let behind = |first: &str| std::iter::once(first.to_owned()).chain(fallback.clone()).collect::<Vec<_>>();
    fonts.families.insert(FontFamily::Proportional, behind("roboto"));
    fonts.families.insert(FontFamily::Name(MEDIUM_FAMILY.into()), behind("roboto-medium"));
    fonts
}

/// A colour written #rrggbb or #rrggbbaa.
fn color<'de, D: Deserializer<'de>>(input: D) -> Result<Color32, D::Error> {
    let text = String::deserialize(input)?;
    Color32::from_hex(&text).map_err(|_| serde::de::Error::custom(format!("{text} is not a colour like #22272e")))
}
