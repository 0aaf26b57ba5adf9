//! What a person changes in the table of bindings: which gesture an action takes, what clashes, and how changes are
//! remembered. Knows no widget and no file.

use super::bindings::{Action, Binding, Bindings, Gesture, Place, Scheme};
use super::gesture::NONE;
use std::collections::BTreeMap;

/// Stands for the action of a gesture that was taken away.
const NOTHING: &str = "none";

impl Action {
    /// Whether it can be done by such a gesture: what follows the pointer needs a button, what counts needs notches.
    pub fn takes(self, gesture: Gesture) -> bool {
        use Action::{Crosshair, Maximise, MoveTruth, Orbit, Pan, ScrollSlices, WindowLevel, Zoom};
        match gesture {
            Gesture::Key(..) => {
                !matches!(self, WindowLevel | Zoom | Pan | Crosshair | ScrollSlices | Orbit | MoveTruth)
            }
            Gesture::Drag(..) => matches!(self, WindowLevel | Zoom | Pan | Crosshair | Orbit | MoveTruth),
            Gesture::Click(..) => self == Crosshair,
            Gesture::Wheel(_) => matches!(self, Zoom | ScrollSlices),
            Gesture::Move(mods) => self == Crosshair && mods != NONE,
            Gesture::DoubleClick => self == Maximise,
        }
    }

    /// What it needs, in words.
    pub fn needs(self) -> &'static str {
        match self {
            Self::WindowLevel | Self::Pan | Self::Orbit | Self::Crosshair | Self::MoveTruth => "a mouse button",
            Self::Zoom => "a mouse button or the wheel",
            Self::ScrollSlices => "the wheel",
            Self::Maximise => "a key or a double click",
            _ => "a key",
        }
    }
}

impl Bindings {
    /// A scheme with gestures rebound: `gesture = action`, or `place/gesture = action` where that matters; the action
    /// `none` takes a gesture away. What cannot be read is returned to be shown.
    pub fn rebound(scheme: Scheme, changes: &BTreeMap<String, String>) -> (Self, Vec<String>) {
        let mut bindings = Self::of(scheme);
        let known: Vec<Action> = Scheme::ALL.into_iter().flat_map(|s| Self::of(s).table).map(|b| b.action).collect();
        let mut unread = Vec::new();
        // What is taken away goes first: a gesture may have found another place.
        let (away, set): (Vec<_>, Vec<_>) = changes.iter().partition(|(_, id)| *id == NOTHING);
        for (text, id) in away.into_iter().chain(set) {
            let (place, gesture) = match text.split_once('/') {
                Some((place, _)) if of_other_scheme(place, scheme) => continue,
                Some((place, gesture)) => (place_named(place, scheme), Gesture::parse(gesture)),
                None => (None, Gesture::parse(text)),
            };
            let action = known.iter().copied().find(|a| a.id() == *id);
            match (gesture, place, action) {
                (Some(gesture), Some(place), None) if id == NOTHING => {
                    bindings.table.retain(|b| (b.place, b.gesture) != (place, gesture));
                }
                (Some(gesture), Some(place), Some(action)) if action.takes(gesture) => {
                    bindings.put(Binding { place, gesture, action });
                }
                (Some(gesture), None, Some(action)) if !text.contains('/') => bindings.rebind(gesture, action),
                _ => unread.push(format!("{text} = {id}")),
            }
        }
        (bindings, unread)
    }

    /// Makes a gesture do another action wherever that action makes sense.
    pub fn rebind(&mut self, gesture: Gesture, action: Action) {
        let place = match gesture {
            Gesture::Key(..) => Place::Window,
            _ => self.table.iter().find(|b| b.action == action).map_or(Place::Plane, |b| b.place),
        };
        self.put(Binding { place, gesture, action });
    }

    /// Puts `new` where `old` stood; whatever else the gesture did where it counts, it does no more.
    pub fn replace(&mut self, old: Option<Gesture>, new: Binding) {
        self.table.retain(|b| !((b.place, b.action) == (new.place, new.action) && Some(b.gesture) == old));
        self.table.retain(|b| !(b.gesture == new.gesture && overlap(b.place, new.place)));
        self.table.insert(0, new);
    }

    /// What a gesture does already where it would count.
    pub fn clash(&self, new: Binding) -> Option<Action> {
        let same = |b: &&Binding| b.gesture == new.gesture && overlap(b.place, new.place) && b.action != new.action;
        self.table.iter().find(same).map(|b| b.action)
    }

    /// What differs from the scheme as it comes, as [`Bindings::rebound`] reads it.
    pub fn changes(&self) -> BTreeMap<String, String> {
        let as_it_comes = Self::of(self.scheme).table;
        let key = |b: &Binding| format!("{}/{}", place_name(b.place, self.scheme), b.gesture.text());
        let gone = as_it_comes.iter().filter(|b| !self.table.contains(b)).map(|b| (key(b), NOTHING.to_owned()));
        let new = self.table.iter().filter(|b| !as_it_comes.contains(b)).map(|b| (key(b), b.action.id()));
        gone.chain(new).collect()
    }

    /// `changes` of both schemes as they were remembered, with those of this scheme as they are now.
    pub fn remembered_with(&self, changes: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let other = changes
            .iter()
            .filter(|(text, _)| text.split_once('/').is_some_and(|(place, _)| of_other_scheme(place, self.scheme)));
        other.map(|(text, id)| (text.clone(), id.clone())).chain(self.changes()).collect()
    }

    fn put(&mut self, new: Binding) {
        self.table.retain(|b| (b.gesture, b.place) != (new.gesture, new.place));
        self.table.insert(0, new);
    }
}

/// Whether a gesture at one place is also made at the other.
fn overlap(a: Place, b: Place) -> bool {
    a == b || a == Place::Window || b == Place::Window
}

/// Keys are the same in both schemes, the mouse is each scheme's own.
fn place_name(place: Place, scheme: Scheme) -> String {
    let scheme = scheme.label().to_lowercase();
    match place {
        Place::Window => "window".into(),
        Place::Plane => format!("{scheme}-plane"),
        Place::Volume => format!("{scheme}-volume"),
    }
}

fn place_named(name: &str, scheme: Scheme) -> Option<Place> {
    [Place::Window, Place::Plane, Place::Volume].into_iter().find(|place| place_name(*place, scheme) == name)
}

fn of_other_scheme(name: &str, scheme: Scheme) -> bool {
    Scheme::ALL.into_iter().any(|other| other != scheme && place_named(name, other).is_some_and(|p| p != Place::Window))
}
