//! One table from what hands do to what happens, in two schemes. Panes handle it, the keyboard handles it, and the
//! help prints it: what is not in the table does not exist. Knows no pane's pixels.

use super::gesture::{CTRL, NONE, SHIFT};
pub use super::gesture::{Gesture, Mods};
use egui::{Key, PointerButton};
use serde::{Deserialize, Serialize};

/// Which habits the mouse follows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scheme {
    /// As image viewers (OHIF, Weasis): the left button sets the window.
    #[default]
    Viewer,
    /// As radiotherapy stations: the left button moves the crosshair.
    Planning,
}

impl Scheme {
    /// Both, in the order of menus.
    pub const ALL: [Self; 2] = [Self::Viewer, Self::Planning];

    /// The name on screen.
    pub fn label(self) -> &'static str {
        match self {
            Self::Viewer => "Viewer",
            Self::Planning => "Planning",
        }
    }
}

/// Where a gesture counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// On one of the three planes.
    Plane,
    /// On the 3D view.
    Volume,
    /// Everywhere.
    Window,
}

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Window by dragging.
    WindowLevel,
    /// Zoom by dragging or by the wheel.
    Zoom,
    /// Pan by dragging.
    Pan,
    /// The crosshair comes to the pointer.
    Crosshair,
    /// A slice a notch.
    ScrollSlices,
    /// One pane alone, and back.
    Maximise,
    /// The ground truth follows the pointer.
    MoveTruth,
    /// Shifts the ground truth by steps to the right and down.
    Nudge([i64; 2]),
    /// The next way to compare.
    NextMode,
    /// The next plane of a comparison.
    NextPlane,
    /// Turns the 3D view.
    Orbit,
    /// A window by its number in [`super::state::WINDOW_PRESETS`].
    Preset(usize),
    /// All as at first.
    Reset,
    /// Black and white exchanged.
    Invert,
    /// Mask on or off.
    Mask,
    /// The networks' volume, or the one guided by atlases.
    Guidance,
    /// Crosshair on or off.
    ShowCrosshair,
    /// All of the volume in every pane.
    Fit,
    /// Plays through the slices.
    Play,
    /// Slices in the order of reading.
    Step(i64),
    /// The first slice.
    First,
    /// The last slice.
    Last,
    /// Takes back.
    Undo,
    /// Does again.
    Redo,
    /// Opens files.
    Open,
    /// Exports.
    Export,
    /// Saves the session.
    SaveSession,
    /// Shows this table.
    Help,
    /// Full screen.
    FullScreen,
    /// Stops what runs, closes what is open.
    Cancel,
}

/// A line of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Binding {
    /// Where.
    pub place: Place,
    /// What hands do.
    pub gesture: Gesture,
    /// What happens.
    pub action: Action,
}

/// Keys that belong to a button or slider while it has the focus.
const WIDGET_KEYS: [Key; 6] = [Key::Space, Key::ArrowUp, Key::ArrowDown, Key::ArrowLeft, Key::ArrowRight, Key::Escape];
/// Slices for Page Up and Page Down.
const PAGE: i64 = 10;

use PointerButton::{Middle, Primary as Left, Secondary as Right};

const fn line(place: Place, gesture: Gesture, action: Action) -> Binding {
    Binding { place, gesture, action }
}

const fn plane(gesture: Gesture, action: Action) -> Binding {
    line(Place::Plane, gesture, action)
}

const fn volume(gesture: Gesture, action: Action) -> Binding {
    line(Place::Volume, gesture, action)
}

const fn key(key: Key, action: Action) -> Binding {
    line(Place::Window, Gesture::Key(key, NONE), action)
}

const fn shift(key: Key, action: Action) -> Binding {
    line(Place::Window, Gesture::Key(key, SHIFT), action)
}

const fn ctrl(key: Key, action: Action) -> Binding {
    line(Place::Window, Gesture::Key(key, CTRL), action)
}

const VIEWER: [Binding; 5] = [
    plane(Gesture::Drag(Left, NONE), Action::WindowLevel),
    plane(Gesture::Drag(Right, NONE), Action::Zoom),
    plane(Gesture::Click(Left, NONE), Action::Crosshair),
    volume(Gesture::Drag(Left, NONE), Action::Orbit),
    volume(Gesture::Drag(Right, NONE), Action::Zoom),
];

const PLANNING: [Binding; 4] = [
    plane(Gesture::Drag(Left, NONE), Action::Crosshair),
    plane(Gesture::Drag(Right, NONE), Action::WindowLevel),
    volume(Gesture::Drag(Left, NONE), Action::Orbit),
    volume(Gesture::Drag(Right, NONE), Action::Zoom),
];

const COMMON: [Binding; 47] = [
    plane(Gesture::Drag(Middle, NONE), Action::Pan),
    plane(Gesture::Wheel(NONE), Action::ScrollSlices),
    plane(Gesture::Wheel(CTRL), Action::Zoom),
    plane(Gesture::Move(SHIFT), Action::Crosshair),
    volume(Gesture::Drag(Middle, NONE), Action::Pan),
    volume(Gesture::Wheel(NONE), Action::Zoom),
    volume(Gesture::Wheel(CTRL), Action::Zoom),
    line(Place::Window, Gesture::DoubleClick, Action::Maximise),
    key(Key::Num1, Action::Preset(0)),
    key(Key::Num2, Action::Preset(1)),
    key(Key::Num3, Action::Preset(2)),
    key(Key::Num4, Action::Preset(3)),
    key(Key::Num5, Action::Preset(4)),
    key(Key::R, Action::Reset),
    key(Key::I, Action::Invert),
    key(Key::M, Action::Mask),
    key(Key::G, Action::Guidance),
    key(Key::X, Action::ShowCrosshair),
    key(Key::F, Action::Fit),
    key(Key::Space, Action::Play),
    key(Key::ArrowUp, Action::Step(-1)),
    key(Key::ArrowLeft, Action::Step(-1)),
    key(Key::ArrowDown, Action::Step(1)),
    key(Key::ArrowRight, Action::Step(1)),
    key(Key::PageUp, Action::Step(-PAGE)),
    key(Key::PageDown, Action::Step(PAGE)),
    key(Key::Home, Action::First),
    key(Key::End, Action::Last),
    ctrl(Key::O, Action::Open),
    ctrl(Key::E, Action::Export),
    ctrl(Key::S, Action::SaveSession),
    ctrl(Key::Z, Action::Undo),
    ctrl(Key::Y, Action::Redo),
    line(Place::Window, Gesture::Key(Key::Z, Mods { ctrl: true, shift: true }), Action::Redo),
    key(Key::F1, Action::Help),
    key(Key::F11, Action::FullScreen),
    key(Key::Escape, Action::Cancel),
    // Touch pads have no middle button.
    plane(Gesture::Drag(Left, CTRL), Action::Pan),
    volume(Gesture::Drag(Left, CTRL), Action::Pan),
    plane(Gesture::Drag(Left, SHIFT), Action::Crosshair),
    plane(Gesture::Drag(Left, Mods { ctrl: true, shift: true }), Action::MoveTruth),
    key(Key::C, Action::NextMode),
    key(Key::P, Action::NextPlane),
    shift(Key::ArrowLeft, Action::Nudge([-1, 0])),
    shift(Key::ArrowRight, Action::Nudge([1, 0])),
    shift(Key::ArrowUp, Action::Nudge([0, -1])),
    shift(Key::ArrowDown, Action::Nudge([0, 1])),
];

impl Action {
    /// What it does, for the help.
    pub fn description(self) -> &'static str {
        match self {
            Self::WindowLevel => "Window: width across, centre down",
            Self::Zoom => "Zoom",
            Self::Pan => "Pan",
            Self::Crosshair => "Crosshair to the pointer",
            Self::ScrollSlices => "Through the slices",
            Self::Maximise => "One picture alone, and back",
            Self::MoveTruth => "Compare: shift the truth",
            Self::Nudge([0, _]) => "Truth up or down by 1 mm",
            Self::Nudge(_) => "Truth to the side by 1 mm",
            Self::NextMode => "Next way to compare",
            Self::NextPlane => "Next plane to compare",
            Self::Orbit => "Turn the 3D view",
            Self::Preset(0) => "Default window, -500 to 800 HU",
            Self::Preset(1) => "Lung window, 1500 / -600",
            Self::Preset(2) => "Mediastinum window, 350 / 50",
            Self::Preset(3) => "Bone window, 1800 / 400",
            Self::Preset(_) => "Soft tissue window, 400 / 40",
            Self::Reset => "Reset the view",
            Self::Invert => "Exchange black and white",
            Self::Mask => "Lung mask on or off",
            Self::Guidance => "Network alone, or guided by atlases",
            Self::ShowCrosshair => "Crosshair on or off",
            Self::Fit => "Fit all pictures",
            Self::Play => "Play through the slices",
            Self::Step(n) if n.abs() == PAGE => "Ten slices on or back",
            Self::Step(_) => "A slice on or back",
            Self::First => "First slice",
            Self::Last => "Last slice",
            Self::Undo => "Undo view and mask settings",
            Self::Redo => "Redo",
            Self::Open => "Open films, a CT or a session",
            Self::Export => "Export",
            Self::SaveSession => "Save the session",
            Self::Help => "This list",
            Self::FullScreen => "Full screen",
            Self::Cancel => "Stop what runs, close what is open",
        }
    }

    /// The name in settings files.
    pub fn id(self) -> String {
        match self {
            Self::Preset(n) => format!("preset-{}", n + 1),
            Self::Step(n) => format!("step{n:+}"),
            Self::Nudge([right, down]) => format!("nudge{right:+}{down:+}"),
            other => {
                let camel = format!("{other:?}");
                let dashed = camel.char_indices().flat_map(|(i, c)| {
                    let dash = (i > 0 && c.is_uppercase()).then_some('-');
                    dash.into_iter().chain(c.to_lowercase())
                });
                dashed.collect()
            }
        }
    }
}

/// A line of the help: all that does the same at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HelpRow {
    /// Where.
    pub place: Place,
    /// What happens.
    pub description: &'static str,
    /// What hands do for it.
    pub ways: Vec<Way>,
}

/// One way to an action, and the place of another where there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Way {
    /// What happens.
    pub action: Action,
    /// What hands do; `None` where the person took it away.
    pub gesture: Option<Gesture>,
}

impl HelpRow {
    /// "Ctrl+Wheel, Right drag".
    pub fn text(&self) -> String {
        let texts: Vec<String> = self.ways.iter().filter_map(|way| way.gesture).map(Gesture::text).collect();
        texts.join(", ")
    }
}

/// A scheme with what the person changed in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bindings {
    pub(super) scheme: Scheme,
    pub(super) table: Vec<Binding>,
}

impl Default for Bindings {
    fn default() -> Self {
        Self::of(Scheme::default())
    }
}

impl Bindings {
    /// A scheme as it comes.
    pub fn of(scheme: Scheme) -> Self {
        let own: &[Binding] = match scheme {
            Scheme::Viewer => &VIEWER,
            Scheme::Planning => &PLANNING,
        };
        Self { scheme, table: own.iter().chain(&COMMON).copied().collect() }
    }

    /// The scheme it started from.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// All lines.
    pub fn table(&self) -> &[Binding] {
        &self.table
    }

    /// What a gesture does at a place.
    pub fn action(&self, place: Place, gesture: Gesture) -> Option<Action> {
        let fits = |b: &&Binding| b.gesture == gesture && (b.place == place || b.place == Place::Window);
        self.table.iter().find(fits).map(|b| b.action)
    }

    /// Actions of the keys pressed since the last frame, taken out of the input; none while text is being typed.
    pub fn pressed(&self, ctx: &egui::Context) -> Vec<Action> {
        if ctx.text_edit_focused() {
            return Vec::new();
        }
        let focused = ctx.egui_wants_keyboard_input();
        let mut actions = Vec::new();
        ctx.input_mut(|input| {
            input.events.retain(|event| {
                let egui::Event::Key { key, pressed: true, modifiers, .. } = event else { return true };
                if focused && WIDGET_KEYS.contains(key) {
                    return true;
                }
                let action = self.action(Place::Window, Gesture::Key(*key, (*modifiers).into()));
                actions.extend(action);
                action.is_none()
            });
        });
        actions
    }

    /// The help: one row for all that does the same at a place, in the table's order as it comes.
    pub fn help(&self) -> Vec<HelpRow> {
        let as_it_comes = Self::of(self.scheme).table;
        let mut rows: Vec<HelpRow> = Vec::new();
        let mut seen = Vec::new();
        for (place, action) in as_it_comes.iter().chain(&self.table).map(|b| (b.place, b.action)) {
            if seen.contains(&(place, action)) {
                continue;
            }
            seen.push((place, action));
            let bound = self.table.iter().filter(|b| (b.place, b.action) == (place, action));
            let mut ways: Vec<Way> = bound.map(|b| Way { action, gesture: Some(b.gesture) }).collect();
            if ways.is_empty() {
                ways.push(Way { action, gesture: None });
            }
            let description = action.description();
            match rows.iter_mut().find(|row| row.place == place && row.description == description) {
                Some(row) => row.ways.extend(ways),
                None => rows.push(HelpRow { place, description, ways }),
            }
        }
        rows
    }
}
