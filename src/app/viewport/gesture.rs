//! What hands do, and how it is written and read: "Ctrl+Wheel". Knows not what it means.

use egui::PointerButton::{Middle, Primary as Left, Secondary as Right};
use egui::{Key, Modifiers, PointerButton};

/// What hands do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gesture {
    /// A button is held and the pointer moves.
    Drag(PointerButton, Mods),
    /// A button is pressed and released in place.
    Click(PointerButton, Mods),
    /// The left button, twice.
    DoubleClick,
    /// A notch of the wheel.
    Wheel(Mods),
    /// The pointer moves, no button held.
    Move(Mods),
    /// A key.
    Key(Key, Mods),
}

/// Modifier keys that matter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Mods {
    /// Ctrl, or Cmd on a Mac.
    pub ctrl: bool,
    /// Shift.
    pub shift: bool,
}

pub(super) const NONE: Mods = Mods { ctrl: false, shift: false };
pub(super) const CTRL: Mods = Mods { ctrl: true, shift: false };
pub(super) const SHIFT: Mods = Mods { ctrl: false, shift: true };

impl From<Modifiers> for Mods {
    fn from(m: Modifiers) -> Self {
        Self { ctrl: m.command || m.ctrl, shift: m.shift }
    }
}

impl Gesture {
    /// As people read it: "Ctrl+Wheel".
    pub fn text(self) -> String {
        let (mods, what) = match self {
            Self::Drag(button, mods) => (mods, format!("{} drag", button_name(button))),
            Self::Click(button, mods) => (mods, format!("{} click", button_name(button))),
            Self::DoubleClick => (NONE, "Double click".into()),
            Self::Wheel(mods) => (mods, "Wheel".into()),
            Self::Move(mods) => (mods, "Move".into()),
            Self::Key(key, mods) => (mods, key_name(key).into()),
        };
        let ctrl = if mods.ctrl { "Ctrl+" } else { "" };
        let shift = if mods.shift { "Shift+" } else { "" };
        format!("{ctrl}{shift}{what}")
    }

    /// The gesture with this text, upper and lower case alike.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts: Vec<String> = text.split('+').map(|p| p.trim().to_lowercase()).collect();
        let what = parts.pop()?;
        let mut mods = NONE;
        for part in parts {
            match part.as_str() {
                "ctrl" => mods.ctrl = true,
                "shift" => mods.shift = true,
                _ => return None,
            }
        }
        let button = |name: &str| [Left, Right, Middle].into_iter().find(|b| button_name(*b).to_lowercase() == name);
        match what.split_once(' ') {
            Some(("double", "click")) if mods == NONE => Some(Self::DoubleClick),
            Some((name, "drag")) => Some(Self::Drag(button(name)?, mods)),
            Some((name, "click")) => Some(Self::Click(button(name)?, mods)),
            _ if what == "wheel" => Some(Self::Wheel(mods)),
            _ if what == "move" => Some(Self::Move(mods)),
            _ => Key::ALL.iter().find(|k| key_name(**k).to_lowercase() == what).map(|k| Self::Key(*k, mods)),
        }
    }
}

fn button_name(button: PointerButton) -> &'static str {
    match button {
        Left => "Left",
        Right => "Right",
        Middle => "Middle",
        PointerButton::Extra1 => "Extra 1",
        PointerButton::Extra2 => "Extra 2",
    }
}

fn key_name(key: Key) -> &'static str {
    match key {
        Key::ArrowUp => "Up",
        Key::ArrowDown => "Down",
        Key::ArrowLeft => "Left",
        Key::ArrowRight => "Right",
        Key::PageUp => "Page Up",
        Key::PageDown => "Page Down",
        Key::Escape => "Esc",
        other => other.name(),
    }
}
