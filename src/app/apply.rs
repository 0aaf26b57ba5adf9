//! The one place where commands change the state. What jobs give comes in through [`super::receive`].

use super::Workstation;
use super::command::Command;
use super::compare::command::ComparePurpose;
use super::estimate;
use super::film::{Film, FilmSettings, Slot};
use super::jobs::{self, Done, Lane};
use super::state::{Dialog, ExportForm, Loading, Purpose, Run};
use super::viewport::{Bindings, ViewCommand};
use super::widgets::Tone;
use crate::geometry::Preset;
use crate::io::{Progress, Subject};
use crate::nn::ModelSource;
use egui::{Context, ViewportCommand};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

impl Workstation {
    /// Obeys one command.
    pub(super) fn apply(&mut self, ctx: &Context, command: Command) {
        match command {
            Command::Open(paths) => self.open_all(paths),
            Command::OpenFilm(slot, path) => self.open_film(slot, path),
            Command::OpenAnyway(lane, path, fallback) => self.open_anyway(lane, path, fallback),
            Command::Ask(purpose) => self.ask(ctx, purpose),
            Command::Given(purpose, path) => self.given(purpose, path),
            Command::OpenBundled => self.open_bundled(),
            Command::CloseVolume => {
                (self.state.case, self.state.scene, self.state.pair) = (None, None, None);
                // Volumes of lungs that are no longer shown would be somebody else's next.
                self.jobs.cancel(Lane::Mask);
                self.state.mask = Default::default();
                self.stop_estimate();
                self.state.estimate = Default::default();
            }
            Command::SwapFilms => self.swap_films(),
            Command::CloseFilm(slot) => self.close_film(slot),
            Command::Film(slot, change) => self.change(slot, change),
            Command::SetPreset(preset) => self.set_preset(preset),
            Command::SetModel(k) => self.set_model(ctx, k),
            Command::SetDevice(k) => self.state.setup.device = k.min(self.state.setup.devices.len().saturating_sub(1)),
            Command::Reconstruct => self.reconstruct(),
            Command::Cancel => self.cancel(),
            Command::EstimateErrors => self.estimate_errors(),
            Command::StopEstimate => self.stop_estimate(),
            Command::SetExportForm(form) => self.state.export_form = form,
            Command::Export(form) => self.ask(ctx, Purpose::Export(form)),
            Command::View(command) => self.look(ctx, &command),
            Command::SetScheme(scheme) => {
                self.state.bindings = Bindings::rebound(scheme, &self.settings.remembered.keys).0;
                self.settings.remembered.mouse = scheme;
                self.state.rebinding = None;
            }
            Command::Keys(change) => self.change_keys(change),
            Command::SaveSession => match self.state.session_file.clone() {
                Some(file) => self.save_session(file),
                None => self.ask(ctx, Purpose::SaveSession),
            },
            Command::SetGuide(on) => self.state.setup.guide = on,
            Command::SwitchGuidance => self.switch_guidance(),
            Command::ShowFilms(large) => self.state.films_large = large,
            Command::ShowNames(shown) => self.state.names_shown = shown,
            Command::Show(dialog) => {
                self.state.typed_path.clear();
                self.state.rebinding = None;
                self.state.dialog = dialog;
            }
            Command::TypePath(text) => self.state.typed_path = text,
            Command::Dismiss(id) => self.state.notes.retain(|n| n.id != id),
            Command::GoTo(workspace) => self.go_to(workspace),
            Command::Compare(command) => self.apply_compare(ctx, command),
            Command::Train(command) => self.apply_train(ctx, command),
            Command::FullScreen => {
                let full = ctx.input(|i| i.viewport().fullscreen.unwrap_or(false));
                ctx.send_viewport_cmd(ViewportCommand::Fullscreen(!full));
            }
        }
    }

    /// Asks for a path by the system's dialog; the tests and the demo have none.
    pub(super) fn ask(&mut self, ctx: &Context, purpose: Purpose) {
        if !self.system_dialogs {
            return self.ask_for_path(purpose);
        }
        let waker = ctx.clone();
        self.dialogs.ask(purpose, move || waker.request_repaint());
    }

    /// Asks for a path by the line over the window; where something is to be written, a place and name stand in it.
    pub(super) fn ask_for_path(&mut self, purpose: Purpose) {
        let name = match purpose {
            Purpose::SaveSession => Some("session.biplane.toml"),
            Purpose::Export(form) => Some(form.file_name()),
            Purpose::Compare(ComparePurpose::Export) => Some("biplane-comparison"),
            _ => None,
        };
        let beside = |recent: &PathBuf| recent.parent().map(Path::to_path_buf);
        let folder = self.state.recent.first().and_then(beside).or_else(|| std::env::current_dir().ok());
        let suggested = name.zip(folder).map(|(name, folder)| folder.join(name));
        self.state.typed_path = suggested.map(|path| path.display().to_string()).unwrap_or_default();
        self.state.dialog = Some(Dialog::Path(purpose));
    }

    pub(super) fn given(&mut self, purpose: Purpose, path: PathBuf) {
        match purpose {
            Purpose::Film(slot) => self.open_film(slot, path),
            Purpose::Open | Purpose::Volume | Purpose::Series | Purpose::OpenSession => self.open_all(vec![path]),
            Purpose::Model => self.add_model(path),
            Purpose::SaveSession => self.save_session(with_ending(path, ".biplane.toml")),
            Purpose::Export(ExportForm::Screenshot) => {
                self.state.dialog = None;
                self.screenshot = Some((path, SETTLE_FRAMES));
            }
            Purpose::Export(form) => self.export(form, path),
            Purpose::Compare(purpose) => self.given_for_comparison(purpose, path),
            Purpose::Train(purpose) => self.given_for_training(purpose, path),
        }
    }

    /// Each file on its own thread; what it is decides where it goes.
    pub(super) fn open_all(&mut self, paths: Vec<PathBuf>) {
        let several = paths.len() > 1;
        for (k, path) in paths.into_iter().enumerate() {
            let fallback = several.then_some(if k % 2 == 0 { Slot::First } else { Slot::Second });
            self.start_reading(Lane::Open(k), path, fallback, Subject::Chest);
        }
    }

    /// A person knows that the header names the wrong part of the body.
    pub(super) fn open_anyway(&mut self, lane: Lane, path: PathBuf, fallback: Option<Slot>) {
        self.state.notes.retain(|note| note.offer.is_none());
        if let Lane::Film(slot) = lane {
            self.state.films[slot.index()].loading = Some(file_name(&path));
        }
        self.start_reading(lane, path, fallback, Subject::Any);
    }

    pub(super) fn open_film(&mut self, slot: Slot, path: PathBuf) {
        self.state.films[slot.index()].loading = Some(file_name(&path));
        self.start_reading(Lane::Film(slot), path, Some(slot), Subject::Chest);
    }

    pub(super) fn start_reading(&mut self, lane: Lane, path: PathBuf, fallback: Option<Slot>, subject: Subject) {
        self.state.loading.retain(|l| {
            let replaced = l.lane == lane;
            if replaced {
                l.progress.cancel();
            }
            !replaced
        });
        let progress = Arc::new(Progress::new());
        self.state.loading.push(Loading { lane, name: file_name(&path), progress: Arc::clone(&progress) });
        self.jobs.start(lane, move |_| {
            let result = jobs::open(&path, subject, &progress);
            Done::Opened { path, fallback, result }
        });
    }

    /// The two films that come with the program.
    pub(super) fn open_bundled(&mut self) {
        for slot in Slot::BOTH {
            self.open_film(slot, PathBuf::from(jobs::BUNDLED).join(BUNDLED_FILMS[slot.index()]));
        }
    }

    /// Puts a film into a place and has its picture made.
    pub(super) fn put(&mut self, slot: Slot, film: Film) {
        let film = Arc::new(film);
        self.state.films[slot.index()].film = Some(Arc::clone(&film));
        self.jobs.start(Lane::Preview(slot), move |_| Done::Preview(jobs::preview(&film)));
    }

    fn close_film(&mut self, slot: Slot) {
        self.jobs.cancel(Lane::Preview(slot));
        self.state.films[slot.index()] = Default::default();
    }

    /// Changes settings of a film; its picture is made anew where the change shows in it.
    fn change(&mut self, slot: Slot, change: super::film::Change) {
        let Some(film) = self.state.film(slot).cloned() else { return };
        let mut changed = film.with(|s| s.change(change));
        if matches!(change, super::film::Change::MirrorCols) {
            changed.notice = None;
        }
        if change.shows() {
            self.put(slot, changed);
        } else {
            self.state.films[slot.index()].film = Some(Arc::new(changed));
        }
    }

    pub(super) fn set_preset(&mut self, preset: Preset) {
        self.state.setup.preset = preset;
        self.state.setup.preset_chosen = true;
        for slot in Slot::BOTH {
            if let Some(film) = self.state.film(slot).cloned() {
                self.put(slot, film.with(|s| s.apply_preset(&film.radiograph, slot, preset)));
            }
        }
    }

    /// Films keep their settings; what was only taken from the preset for the place is taken anew.
    fn swap_films(&mut self) {
        self.state.films.swap(0, 1);
        let preset = self.state.setup.preset;
        for slot in Slot::BOTH {
            if let Some(film) = self.state.film(slot).cloned() {
                self.put(slot, film.with(|s| s.apply_preset(&film.radiograph, slot, preset)));
            }
        }
    }

    fn set_model(&mut self, ctx: &Context, k: usize) {
        match self.state.setup.models.get(k) {
            Some(_) => self.state.setup.model = k,
            None => self.ask(ctx, Purpose::Model),
        }
    }

    /// Takes a model folder into the list, if it is one.
    pub(super) fn add_model(&mut self, folder: PathBuf) {
        self.add_named_model(folder, None);
    }

    /// The same under another name than the card's; whether it was taken.
    pub(super) fn add_named_model(&mut self, folder: PathBuf, label: Option<String>) -> bool {
        match ModelSource::Folder(folder.clone()).card() {
            Ok(card) => {
                let (label, source) = (label.unwrap_or(card.name), ModelSource::Folder(folder.clone()));
                self.state.setup.model = self.state.setup.add_model(label, source);
                self.settings.remembered.model = Some(folder);
                true
            }
            Err(cause) => {
                self.state.note(Tone::Danger, "The model was not taken", cause.to_string());
                false
            }
        }
    }

    pub(super) fn reconstruct(&mut self) {
        let Some([first, second]) = self.state.pair().map(|pair| pair.map(Arc::clone)) else { return };
        if self.state.run.is_some() || self.state.obstacle().is_some() {
            return;
        }
        self.state.run =
            Some(Run { started: Instant::now(), stage: "Preparing".into(), fraction: None, cancelling: false });
        self.run_network = None;
        self.run_simulated = first.radiograph.simulated && second.radiograph.simulated;
        self.run_placement = super::pair::placement([&first.radiograph, &second.radiograph]);
        self.run_patient = super::pair::patient_id([&first.radiograph, &second.radiograph]);
        let setup = &self.state.setup;
        let model = setup.models.get(setup.model).map(|m| m.source.clone()).unwrap_or_default();
        let device = setup.devices.get(setup.device).copied().unwrap_or_default();
        let guide = setup.guide;
        self.jobs.start(Lane::Prepare, move |_| {
            let job = jobs::prepare([&first, &second], model, device, guide);
            Done::Prepared(job.map(|job| {
                let kept = estimate::kept(&job);
                (job, kept)
            }))
        });
    }

    /// The button answers at once; the networks stop at their next block.
    fn cancel(&mut self) {
        self.jobs.cancel(Lane::Prepare);
        match &self.handle {
            Some(handle) => {
                handle.cancel();
                if let Some(run) = &mut self.state.run {
                    run.cancelling = true;
                }
            }
            None => {
                self.state.run = None;
                self.stop_queue();
            }
        }
    }

    /// Changes how the volume is looked at.
    pub(super) fn look(&mut self, ctx: &Context, command: &ViewCommand) {
        let now = ctx.input(|i| i.time);
        let frame = self.state.frame_on_screen().cloned();
        self.state.viewer.apply(command, frame.as_ref(), now);
        self.want_mask();
    }

    /// Has the mask computed where it is wanted and not there for this volume and threshold.
    pub(super) fn want_mask(&mut self) {
        let mask = self.state.viewer.state.mask;
        let Some(case) = self.state.case.clone().filter(|_| mask.on) else { return };
        let wanted = Some((case.id, mask.threshold_hu));
        if self.state.mask.asked == wanted {
            return;
        }
        self.state.mask.asked = wanted;
        self.state.mask.busy = true;
        self.jobs.start(Lane::Mask, move |_| jobs::mask(&case, mask.threshold_hu));
    }

    fn export(&mut self, form: ExportForm, path: PathBuf) {
        let Some(case) = self.state.case.clone() else { return };
        if self.jobs.is_busy(Lane::Export) {
            self.state.note(Tone::Warning, "An export is running", "Wait for it to end, then export again.");
            return;
        }
        let path = with_ending(path, form.ending());
        self.state.exporting = Some(format!("Writing {}", file_name(&path)));
        let window = self.state.viewer.state.window;
        self.jobs.start(Lane::Export, move |_| {
            let result = jobs::export(form, &path, &case, window).map_err(Into::into);
            Done::Written { what: "Exported".into(), path, result }
        });
    }

    /// Geometry of both views from a file, for films that are there.
    pub(super) fn take_geometry(&mut self, pair: &crate::geometry::ViewPair) {
        let mut taken = false;
        for slot in Slot::BOTH {
            if let Some(film) = self.state.film(slot).cloned() {
                let changed: Film =
                    film.with(|s: &mut FilmSettings| jobs::settings_from_view(s, &pair.views[slot.index()]));
                self.put(slot, changed);
                taken = true;
            }
        }
        match taken {
            true => self.state.note(Tone::Good, "Geometry taken", "Both films follow the file now."),
            false => {
                self.state.note(Tone::Warning, "No film to apply it to", "Open the two films, then the geometry file.")
            }
        }
    }
}

/// The names of the bundled films in their places.
const BUNDLED_FILMS: [&str; 2] = ["ap.dcm", "lateral.dcm"];
/// Frames drawn before a picture of the window is taken, so that the dialog is gone from it.
const SETTLE_FRAMES: u32 = 3;

/// The last part of a path, for messages.
pub(super) fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |n| n.to_string_lossy().into_owned())
}

/// The path with this ending, put on where it has none of its own.
fn with_ending(path: PathBuf, ending: &str) -> PathBuf {
    let name = file_name(&path);
    if ending.is_empty() || name.ends_with(ending) || (path.extension().is_some() && ending != ".biplane.toml") {
        return path;
    }
    path.with_file_name(format!("{}{ending}", name.trim_end_matches(".toml")))
}
