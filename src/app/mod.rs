//! The workstation: a window on two films and a volume. Drawing reads snapshots and sends commands; files, networks
//! and waiting belong to worker threads. Knows nothing of the command line.
//!
//! Where to begin reading: [`Workstation::ui`] is one frame, [`command::Command`] is everything a person can do,
//! `apply` obeys, `jobs` holds what runs on threads, `receive` takes their results in, [`state::State`] is what is
//! drawn.

pub mod command;
pub mod compare;
pub mod concerns;
pub mod demo;
pub mod estimate;
pub mod film;
pub mod film_settings;
pub mod jobs;
pub mod offscreen;
pub mod pair;
pub mod purpose;
pub mod rebind;
pub mod reconstruct;
pub mod session;
pub mod settings;
pub mod setup;
pub mod state;
pub mod theme;
pub mod train;
pub mod viewport;
pub mod widgets;
pub mod worker;

mod apply;
mod bars;
mod dialogs;
pub mod guided;
mod help;
mod keep;
mod keys;
mod receive;
mod screenshot;
mod window;

pub use screenshot::{ScreenshotError, screenshot};
pub use window::{AppError, run};

use crate::io::{Placement, Sensitive};
use crate::nn::{DeviceChoice, Handle, Job, ModelSource};
use crate::train::TrainHandle;
use command::{Command, Outbox};
use demo::Demo;
use dialogs::Dialogs;
use egui::Ui;
use film::FilmSettings;
use jobs::{Done, Lane};
use settings::{Settings, Workspace};
use state::State;
use std::path::PathBuf;
use std::sync::Arc;
use viewport::{Bindings, ViewState};
use widgets::Tone;
use worker::Workers;

/// How the workstation starts.
#[derive(Clone, Debug, Default)]
pub struct LaunchOptions {
    /// Films, a volume, or a session to open at once.
    pub files: Vec<PathBuf>,
    /// Open the films of the bundled case.
    pub bundled: bool,
    /// Show the bundled case in a loop, full screen; a touch or a key takes over, after 60 s without it begins anew.
    pub demo: bool,
    /// Where window, layout and recent files are remembered; `None` is the usual place in [`run`], and nothing is
    /// remembered by a [`Workstation`] made by hand.
    pub settings: Option<PathBuf>,
    /// Where training runs are kept; `None` is the user's data folder in [`run`], and none in a [`Workstation`] made by
    /// hand.
    pub runs: Option<PathBuf>,
}

/// The whole application, independent of the window it is shown in: the window, the off-screen renderer and the
/// tests all call [`Workstation::ui`].
pub struct Workstation {
    state: State,
    jobs: Workers<Lane, Done>,
    dialogs: Dialogs,
    /// Whether the system is asked for paths, or the path field alone.
    system_dialogs: bool,
    settings: Settings,
    outbox: Outbox,
    handle: Option<Handle>,
    /// The run that trains in this window.
    training: Option<TrainHandle>,
    /// The films of the running reconstruction are simulated.
    run_simulated: bool,
    /// Where the running reconstruction will stand.
    run_placement: Option<Placement>,
    /// Whose films the running reconstruction is made of, where they say it.
    run_patient: Option<Sensitive>,
    /// The running reconstruction's job, as it is kept beside its result.
    run_kept: Option<Arc<Job>>,
    /// The networks' volume of the run, once it is on screen.
    run_network: Option<Arc<state::Case>>,
    /// Settings of a session that wait for their films.
    awaited_settings: [Option<(PathBuf, FilmSettings)>; 2],
    /// The view of a session that waits for its volume.
    awaited_view: Option<ViewState>,
    /// A picture of the window that is to be written, and the frames until it is taken.
    screenshot: Option<(PathBuf, u32)>,
    playing_since: Option<f64>,
    demo: Option<Demo>,
}

impl Workstation {
    /// A workstation in `ctx`, with the files of `options` already being read. Where pictures are to be seen,
    /// [`viewport::install`] must have been called on the render state.
    pub fn new(ctx: &egui::Context, options: &LaunchOptions) -> Self {
        theme::theme().install(ctx);
        let settings = Settings::load(options.settings.as_deref());
        let waker = ctx.clone();
        let remembered = settings.remembered.clone();
        let (bindings, unread) = Bindings::rebound(remembered.mouse, &remembered.keys);
        let mut workstation = Self {
            state: State { recent: remembered.recent, bindings, ..State::default() },
            jobs: Workers::new(move || waker.request_repaint()),
            dialogs: Dialogs::default(),
            system_dialogs: false,
            settings,
            outbox: Outbox::default(),
            handle: None,
            training: None,
            run_simulated: false,
            run_placement: None,
            run_patient: None,
            run_kept: None,
            run_network: None,
            awaited_settings: [None, None],
            awaited_view: None,
            screenshot: None,
            playing_since: None,
            demo: options.demo.then(Demo::default),
        };
        workstation.state.setup.devices = DeviceChoice::available();
        if !unread.is_empty() {
            let advice = format!("Not understood in the settings: {}. F1 sets keys anew.", unread.join(", "));
            workstation.state.note(Tone::Warning, "Some keys are as they come", advice);
        }
        workstation.begin_training_workspace(options.runs.clone(), remembered.runs);
        if options.files.is_empty() && !options.bundled && !options.demo {
            workstation.state.workspace = remembered.workspace;
        }
        if let Some(folder) = remembered.model.filter(|f| ModelSource::Folder(f.clone()).card().is_ok()) {
            workstation.add_model(folder);
            workstation.state.setup.model = 0;
        }
        if options.bundled {
            workstation.outbox.send(Command::OpenBundled);
        }
        if !options.files.is_empty() {
            workstation.outbox.send(Command::Open(options.files.clone()));
        }
        workstation
    }

    /// What is drawn; for tests and for the window's title.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Sends a command as a panel would; it is obeyed at the end of the next frame.
    pub fn send(&mut self, command: Command) {
        self.outbox.send(command);
    }

    /// Whether anything is at work in the background.
    pub fn is_busy(&self) -> bool {
        self.jobs.any_busy() || self.state.run.is_some() || self.training.is_some() || self.screenshot.is_some()
    }

    /// One frame: results of jobs, keys, panels, then the commands they sent.
    pub fn ui(&mut self, ui: &mut Ui) {
        let ctx = ui.ctx().clone();
        self.receive(&ctx);
        self.take_dropped_files(&ctx);
        self.lead_demo(&ctx);
        let caption = self.demo.as_ref().and_then(Demo::caption);
        let Self { state, outbox, .. } = self;
        for command in keys::commands(&ctx, state) {
            outbox.send(command);
        }
        bars::top(ui, state, outbox);
        bars::bottom(ui, state);
        match state.workspace {
            Workspace::Reconstruct => {
                reconstruct::left_column(ui, state, outbox);
                reconstruct::right_column(ui, state, outbox);
                // Messages stand over the pictures alone, so that no column moves or is cut.
                bars::banners(ui, state, outbox);
                if let Some(text) = caption {
                    reconstruct::caption(ui, text);
                }
                reconstruct::planes(ui, state, outbox);
            }
            Workspace::Compare => {
                compare::column(ui, state, outbox);
                bars::banners(ui, state, outbox);
                compare::middle(ui, state, outbox);
            }
            Workspace::Train => {
                train::columns(ui, state, outbox);
                bars::banners(ui, state, outbox);
                train::middle(ui, state, outbox);
            }
        }
        train::closing(ui, state, outbox);
        help::show(ui, state, outbox);
        dialogs::path_dialog(ui, state, outbox);
        bars::drop_hint(ui, state);
        let commands = self.outbox.take();
        if !commands.is_empty() {
            // They are obeyed after the frame is drawn: the next one shows what they did.
            ctx.request_repaint();
        }
        for command in commands {
            self.apply(&ctx, command);
        }
    }

    /// The attract loop, while it leads.
    fn lead_demo(&mut self, ctx: &egui::Context) {
        let Some(demo) = &mut self.demo else { return };
        let (touched, now) = ctx.input(|i| {
            let touch = |e: &egui::Event| {
                use egui::Event::{Key, MouseWheel, PointerButton, Touch};
                matches!(e, Key { .. } | PointerButton { .. } | Touch { .. } | MouseWheel { .. })
            };
            (i.events.iter().any(touch), i.time)
        });
        for command in demo.step(&self.state, touched, now) {
            self.outbox.send(command);
        }
        ctx.request_repaint();
    }

    /// Files dropped on the window.
    fn take_dropped_files(&mut self, ctx: &egui::Context) {
        let paths: Vec<PathBuf> = ctx.input(|i| i.raw.dropped_files.iter().map(|f| f.path().to_path_buf()).collect());
        match self.state.workspace {
            _ if paths.is_empty() => {}
            Workspace::Compare => self.dropped_on_comparison(paths),
            Workspace::Reconstruct | Workspace::Train => self.outbox.send(Command::Open(paths)),
        }
    }
}
