//! Rebinding keys and mouse on screen: a binding is chosen, the next gesture takes its place, clashes are said before
//! anything is lost. Knows the table of bindings; draws nothing, the help dialog does.

use super::Workstation;
use super::viewport::{Action, Binding, Bindings, Gesture, Place};

/// A step of rebinding.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum KeyChange {
    /// The next gesture takes the place of `old`, or is added where there is none.
    Begin {
        /// Where.
        place: Place,
        /// What is to happen.
        action: Action,
        /// What hands do for it now.
        old: Option<Gesture>,
    },
    /// The gesture that was made.
    Press(Gesture),
    /// Takes a gesture away from what it does now.
    TakeOver,
    /// All stays as it was.
    Stop,
    /// The scheme as it comes.
    Reset,
}

/// A binding that waits for its new gesture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rebinding {
    /// Where.
    pub place: Place,
    /// What is to happen.
    pub action: Action,
    /// What hands do for it now.
    pub old: Option<Gesture>,
    /// What was pressed, and is something else already or cannot be.
    pub pressed: Option<(Gesture, Verdict)>,
}

/// Why a gesture was not taken at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The action cannot be done so.
    Unfit,
    /// It does this already.
    Taken(Action),
}

impl Workstation {
    /// Obeys a step of rebinding.
    pub(super) fn change_keys(&mut self, change: KeyChange) {
        match (change, self.state.rebinding) {
            (KeyChange::Begin { place, action, old }, _) => {
                self.state.rebinding = Some(Rebinding { place, action, old, pressed: None });
            }
            (KeyChange::Press(gesture), Some(waiting)) => self.press(gesture, waiting),
            (
                KeyChange::TakeOver,
                Some(Rebinding { pressed: Some((gesture, Verdict::Taken(_))), place, action, old }),
            ) => {
                self.bind(old, Binding { place, gesture, action });
            }
            (KeyChange::Reset, _) => {
                self.state.rebinding = None;
                self.state.bindings = Bindings::of(self.state.bindings.scheme());
                self.remember_keys();
            }
            _ => self.state.rebinding = None,
        }
    }

    fn press(&mut self, gesture: Gesture, waiting: Rebinding) {
        let Rebinding { place, action, old, .. } = waiting;
        let new = Binding { place, gesture, action };
        let verdict = match self.state.bindings.clash(new) {
            _ if !action.takes(gesture) => Verdict::Unfit,
            Some(other) => Verdict::Taken(other),
            None => return self.bind(old, new),
        };
        self.state.rebinding = Some(Rebinding { pressed: Some((gesture, verdict)), ..waiting });
    }

    fn bind(&mut self, old: Option<Gesture>, new: Binding) {
        self.state.rebinding = None;
        self.state.bindings.replace(old, new);
        self.remember_keys();
    }

    fn remember_keys(&mut self) {
        let remembered = &mut self.settings.remembered;
        remembered.keys = self.state.bindings.remembered_with(&remembered.keys);
        self.save_settings();
    }
}
