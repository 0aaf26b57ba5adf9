//! The attract loop: the bundled films are reconstructed and shown, over and over. A touch or a key takes over; after
//! a minute without one it begins anew. Sends commands like a person; knows no panel.

use super::command::Command;
use super::state::State;
use super::viewport::geometry::Slices;
use super::viewport::{Layout, Pane, ViewCommand, WINDOW_PRESETS};
use crate::geometry::Axis;

/// Without a touch for this long, the loop begins anew, seconds.
pub const IDLE_SECS: f64 = 60.0;
/// The films are shown for this long before the reconstruction starts, seconds.
const FILMS_SECS: f64 = 3.0;
/// Going through the slices of one plane takes this long, seconds.
const SWEEP_SECS: f64 = 7.0;
/// The 3D view turns once in this time, seconds.
const TURN_SECS: f64 = 10.0;
/// The picture stands still for this long at the end, seconds.
const PAUSE_SECS: f64 = 2.0;

/// One part of the show.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Scene {
    /// Films are being read, then shown.
    Films,
    /// The networks work.
    Reconstruction,
    /// Through the slices across an axis.
    Sweep(Axis),
    /// The 3D view turns.
    Turn,
    /// Nothing moves.
    Pause,
}

impl Scene {
    fn next(self) -> Self {
        match self {
            Self::Films => Self::Reconstruction,
            Self::Reconstruction => Self::Sweep(Axis::Z),
            Self::Sweep(Axis::Z) => Self::Sweep(Axis::Y),
            Self::Sweep(Axis::Y) => Self::Sweep(Axis::X),
            Self::Sweep(Axis::X) => Self::Turn,
            Self::Turn => Self::Pause,
            Self::Pause => Self::Films,
        }
    }

    /// What stands over the pictures.
    fn caption(self) -> &'static str {
        match self {
            Self::Films => "Two X-ray films, simulated from one CT",
            Self::Reconstruction => "From both films the networks work out a CT",
            Self::Sweep(Axis::Z) => "The result, slice by slice from head to foot",
            Self::Sweep(_) => "Lungs found in the result, in colour",
            Self::Turn | Self::Pause => "The same volume from all sides",
        }
    }
}

/// The show and who leads it.
#[derive(Clone, Debug)]
pub struct Demo {
    scene: Scene,
    /// When the scene began; `None` before its first frame.
    since: Option<f64>,
    turned_until: f64,
    /// When the person last touched anything, while the person leads.
    touched: Option<f64>,
}

impl Default for Demo {
    fn default() -> Self {
        Self { scene: Scene::Films, since: None, turned_until: 0.0, touched: None }
    }
}

impl Demo {
    /// What stands over the pictures; `None` while the person leads.
    pub fn caption(&self) -> Option<&'static str> {
        self.touched.is_none().then(|| self.scene.caption())
    }

    /// The commands of this frame. `touched` says whether the person did anything since the last one.
    pub fn step(&mut self, state: &State, touched: bool, now_secs: f64) -> Vec<Command> {
        if touched {
            self.touched = Some(now_secs);
        }
        if let Some(at) = self.touched {
            if now_secs - at < IDLE_SECS {
                return Vec::new();
            }
            *self = Self::default();
        }
        let first = self.since.is_none();
        let elapsed = now_secs - *self.since.get_or_insert(now_secs);
        let (commands, over) = self.play(state, first, elapsed);
        if over {
            *self = Self { scene: self.scene.next(), ..Self::default() };
        }
        commands
    }

    /// Commands of the scene that runs, and whether it is over.
    fn play(&mut self, state: &State, first: bool, elapsed: f64) -> (Vec<Command>, bool) {
        let view = |command| Command::View(command);
        match self.scene {
            Scene::Films if first => {
                let fresh = [Command::CloseVolume, Command::Show(None), Command::OpenBundled];
                (
                    fresh
                        .into_iter()
                        .chain([view(ViewCommand::Reset), view(ViewCommand::SetLayout(Layout::Quad))])
                        .collect(),
                    false,
                )
            }
            Scene::Films => (Vec::new(), elapsed >= FILMS_SECS && state.pair().is_some()),
            Scene::Reconstruction if first => (vec![Command::Reconstruct], false),
            Scene::Reconstruction => (Vec::new(), state.run.is_none()),
            Scene::Sweep(axis) => {
                let mut commands = if first { opening(axis, state) } else { Vec::new() };
                commands.extend(slice_at(axis, elapsed / SWEEP_SECS, state));
                (commands, elapsed >= SWEEP_SECS)
            }
            Scene::Turn if first => {
                (Axis::ALL.into_iter().filter_map(|axis| slice_at(axis, 0.5, state)).collect(), false)
            }
            Scene::Turn => {
                let by = (elapsed - self.turned_until) / TURN_SECS * std::f64::consts::TAU;
                self.turned_until = elapsed;
                (
                    vec![view(ViewCommand::Activate(Pane::Volume)), view(ViewCommand::Orbit([by, 0.0]))],
                    elapsed >= TURN_SECS,
                )
            }
            Scene::Pause => (Vec::new(), elapsed >= PAUSE_SECS),
        }
    }
}

/// What changes as a plane's sweep begins: the lung window, then the mask.
fn opening(axis: Axis, state: &State) -> Vec<Command> {
    let mut commands = vec![Command::View(ViewCommand::Activate(Pane::Plane(axis)))];
    if axis == Axis::Y {
        commands.push(Command::View(ViewCommand::SetWindow(WINDOW_PRESETS[1].window)));
        let on = super::viewport::MaskView { on: true, ..state.viewer.state.mask };
        commands.push(Command::View(ViewCommand::SetMask(on)));
    }
    commands
}

/// The slice at a part of the way through the middle of the volume, where the body is.
fn slice_at(axis: Axis, part: f64, state: &State) -> Option<Command> {
    let case = state.case.as_ref()?;
    let count = Slices::of(case.volume.frame(), axis).count;
    let index = (count as f64 * (0.15 + 0.7 * part.clamp(0.0, 1.0))) as usize;
    Some(Command::View(ViewCommand::GoToSlice { axis, index }))
}
