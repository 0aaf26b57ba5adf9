//! What comes back: results of jobs, events of the reconstruction, answers of dialogs, pictures of the window.

use super::Workstation;
use super::apply::file_name;
use super::command::Command;
use super::dialogs::Answer;
use super::film::{Film, Glance, Slot};
use super::guided::borrowed_volume;
use super::jobs::{Done, Lane, OpenError, Opened};
use super::state::{Case, LungVolumes, Origin, Purpose};
use super::train::jobs::TrainLane;
use super::viewport::{Scene, Viewer};
use super::widgets::Tone;
use super::worker::Lost;
use crate::geometry::{Preset, Volume};
use crate::io::{self, FilmKind, IoError, LoadedVolume, Radiograph, ViewHints};
use crate::nn::{Event, Job, Reconstructor};
use egui::{Context, TextureOptions, ViewportCommand};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::TryRecvError;
use std::time::Duration;

/// How far the bar stands when the coarse network begins and when it has ended; the rest is the refining network's.
const COARSE_SPAN: (f32, f32) = (0.04, 0.6);

/// A window that is hidden gives no picture; then the export ends with an error.
const SCREENSHOT_PATIENCE: Duration = Duration::from_secs(10);

impl Workstation {
    /// Takes in all that has come since the last frame. Never waits.
    pub(super) fn receive(&mut self, ctx: &Context) {
        for (lane, result) in self.jobs.poll() {
            match result {
                Ok(done) => self.take(ctx, lane, done),
                Err(lost) => self.job_lost(lane, lost),
            }
        }
        match self.dialogs.poll() {
            Some(Answer::Chosen(Purpose::Open, paths)) => self.open_all(paths),
            Some(Answer::Chosen(purpose, paths)) => paths.into_iter().for_each(|path| self.given(purpose, path)),
            Some(Answer::NoDialog(purpose)) => self.ask_for_path(purpose),
            None => {}
        }
        self.follow_reconstruction();
        self.follow_comparison();
        self.follow_training(ctx);
        self.follow_screenshot(ctx);
        self.play(ctx);
    }

    fn take(&mut self, ctx: &Context, lane: Lane, done: Done) {
        match (lane, done) {
            (lane, Done::Opened { path, fallback, result }) => self.opened(lane, path, fallback, result),
            (Lane::Preview(slot), Done::Preview(image)) => {
                let texture = ctx.load_texture(format!("film {slot:?}"), image, TextureOptions::LINEAR);
                self.state.films[slot.index()].preview = Some(texture);
            }
            (_, Done::Compare(done)) => self.take_comparison(ctx, *done),
            (_, Done::Train(done)) => self.take_training_result(ctx, *done),
            (_, Done::Errors { case, result }) => self.take_errors(ctx, case, result),
            (_, Done::Prepared(Ok((job, kept)))) => {
                self.run_kept = kept;
                let waker = ctx.clone();
                self.handle = Some(Reconstructor::start(*job, move || waker.request_repaint()));
            }
            (_, Done::Prepared(Err(cause))) => {
                self.state.run = None;
                self.stop_queue();
                self.state.note(Tone::Danger, "The films cannot be reconstructed", cause.to_string());
            }
            (_, Done::Mask { case, threshold_hu, .. }) if self.state.mask.asked != Some((case, threshold_hu)) => {}
            (_, Done::Mask { mask, .. }) => {
                self.state.mask.busy = false;
                self.state.mask.volumes = Some(LungVolumes { right_ml: mask.right_ml, left_ml: mask.left_ml });
                self.state.scene = self.state.scene.take().map(|s| s.with_mask(Some(mask.labels.into())));
            }
            (lane, Done::Written { what, path, result }) => {
                if lane == Lane::Export {
                    self.state.exporting = None;
                }
                match result {
                    Ok(()) => self.state.note(Tone::Good, what, path.display().to_string()),
                    Err(cause) => self.state.note(
                        Tone::Danger,
                        format!("{} was not written", file_name(&path)),
                        cause.to_string(),
                    ),
                }
            }
            _ => {}
        }
    }

    fn opened(&mut self, lane: Lane, path: PathBuf, fallback: Option<Slot>, result: Result<Opened, OpenError>) {
        self.state.loading.retain(|l| l.lane != lane);
        if let Lane::Film(slot) = lane {
            self.state.films[slot.index()].loading = None;
        }
        match result {
            Err(OpenError::File(IoError::Cancelled { .. })) => {}
            Err(cause) => {
                let head = format!("{} was not opened", file_name(&path));
                match &cause {
                    OpenError::File(IoError::BodyPart { said, .. }) => {
                        let body = format!("Its header says that it shows the {said}, not the chest.");
                        self.state.note(Tone::Danger, head, body);
                        self.state.offer("Open anyway", Command::OpenAnyway(lane, path, fallback));
                    }
                    _ => self.state.note(Tone::Danger, head, without_path(&path, &cause.to_string())),
                }
            }
            Ok(Opened::Session(session)) => self.restore(path, *session),
            Ok(Opened::Films(films)) => self.open_all(films),
            Ok(Opened::Geometry(pair)) => self.take_geometry(&pair),
            Ok(Opened::Film(radiograph, glance)) => {
                let slot = match lane {
                    Lane::Film(slot) => slot,
                    _ => self.place_for(&path, &radiograph.view, fallback),
                };
                self.place_film(slot, path, radiograph, glance);
            }
            Ok(Opened::Volume(_)) if matches!(lane, Lane::Film(_)) => {
                let words = "It is a CT volume, not a film. Choose an X-ray picture, or open it with Open at the top.";
                self.state.note(Tone::Danger, format!("{} was not opened", file_name(&path)), words);
            }
            Ok(Opened::Volume(loaded)) => self.take_volume(&path, *loaded),
        }
    }

    /// Puts a file on top of the recent ones, on the disk too.
    pub(super) fn remember(&mut self, path: &Path) {
        self.settings.opened(path);
        self.state.recent = self.settings.remembered.recent.clone();
        self.save_settings();
    }

    /// Writes what is remembered, in the background.
    pub(super) fn save_settings(&mut self) {
        let settings = self.settings.clone();
        self.jobs.start(Lane::Settings, move |_| {
            if let Err(cause) = settings.save() {
                eprintln!("biplane: settings were not saved: {cause}");
            }
            Done::Nothing
        });
    }

    fn take_volume(&mut self, path: &Path, loaded: LoadedVolume) {
        self.remember(path);
        let warnings = loaded.warnings.iter().map(ToString::to_string).collect();
        self.show_volume(Arc::new(loaded.volume), Origin::File { info: Box::new(loaded.info), warnings });
        if let Some(view) = self.awaited_view.take() {
            self.state.viewer = Viewer::new(view);
            self.want_mask();
        }
    }

    fn job_lost(&mut self, lane: Lane, lost: Lost) {
        let cause = match lost {
            Lost::Broke => "A defect in this program stopped it; the terminal says more. Nothing loaded is lost.",
            Lost::NoThread => "The system gave no thread. Close other programs and try again.",
        };
        match lane {
            Lane::Film(slot) => self.state.films[slot.index()].loading = None,
            Lane::Prepare => self.state.run = None,
            Lane::Export => self.state.exporting = None,
            Lane::Mask => self.state.mask.busy = false,
            Lane::Errors => self.state.estimate.busy = false,
            Lane::Compare(lane) => self.comparison_lost(lane),
            Lane::Train(TrainLane::Check) => self.state.train.check = Default::default(),
            _ => {}
        }
        self.state.loading.retain(|l| l.lane != lane);
        self.state.note(Tone::Danger, format!("{} did not finish", lane.label()), cause);
    }

    /// Where a film goes: by its header, by its name, by its order among several, into a free place.
    fn place_for(&self, path: &Path, view: &ViewHints, fallback: Option<Slot>) -> Slot {
        let kind = view.kind.map(|k| k.value).or(view.angle.map(|a| FilmKind::of_angle(a.value)));
        match kind.or_else(|| kind_by_name(&file_name(path))) {
            Some(FilmKind::Frontal) => Slot::First,
            Some(FilmKind::Lateral) => Slot::Second,
            None => fallback
                .or_else(|| Slot::BOTH.into_iter().find(|s| self.state.film(*s).is_none()))
                .unwrap_or(Slot::First),
        }
    }

    fn place_film(&mut self, slot: Slot, path: PathBuf, radiograph: Arc<Radiograph>, glance: Glance) {
        if !path.starts_with(super::jobs::BUNDLED) {
            self.remember(&path);
        }
        if !self.state.setup.preset_chosen && radiograph.view == ViewHints::default() {
            // Pictures without a header come from a chest stand more often than from anything else.
            self.set_preset(Preset::ChestRoom);
            self.state.setup.preset_chosen = false;
        }
        let awaited = self.awaited_settings[slot.index()].take().filter(|(p, _)| *p == path);
        let mut film = Film::new(path, radiograph, slot, self.state.setup.preset);
        film.take_in(glance);
        if let Some((_, settings)) = awaited {
            (film.settings, film.notice) = (settings, None);
        }
        self.put(slot, film);
    }

    /// Puts a volume on the planes.
    pub fn show_volume(&mut self, volume: Arc<Volume>, origin: Origin) {
        self.state.pair = None;
        self.put_on_screen(Arc::new(Case::new(volume, origin, None)), None);
    }

    /// Puts a volume on the planes whose errors can be estimated by a job.
    pub(super) fn put_on_screen(&mut self, case: Arc<Case>, job: Option<Arc<Job>>) {
        self.state.viewer.state.meet(case.volume.frame());
        self.state.films_large = false;
        let borrowed = case.guided.as_ref().and_then(|guided| borrowed_volume(&case.volume, &guided.borrowed));
        let scene = Scene::new(Arc::clone(&case.volume)).with_borrowed(borrowed);
        self.state.scene = Some(scene.with_errors(case.errors.get().cloned()));
        self.state.case = Some(case);
        self.state.mask.volumes = None;
        self.stop_estimate();
        self.state.estimate.job = job;
        self.want_mask();
    }

    /// Takes in the events of the reconstruction.
    fn follow_reconstruction(&mut self) {
        let Some(handle) = self.handle.take() else { return };
        loop {
            match handle.poll() {
                Ok(event) => {
                    if self.take_event(event) {
                        return;
                    }
                }
                Err(TryRecvError::Empty) => {
                    self.handle = Some(handle);
                    return;
                }
                Err(TryRecvError::Disconnected) => {
                    self.state.run = None;
                    return;
                }
            }
        }
    }

    /// One event; true where it was the last.
    fn take_event(&mut self, event: Event) -> bool {
        let (start, end) = COARSE_SPAN;
        let part = |done: usize, of: usize| done as f32 / of.max(1) as f32;
        let (stage, fraction) = match event {
            Event::BackProjection => ("Back-projection".to_owned(), start / 2.0),
            Event::Coarse { done, of } => ("Coarse network".into(), start + (end - start) * part(done, of)),
            Event::Refine { done, of } => (format!("Refining {done} / {of}"), end + (1.0 - end) * part(done, of)),
            Event::Consistency { done, of } => (format!("Consistency {done} / {of}"), 1.0),
            Event::Network(result) => {
                self.network_came(&result);
                return false;
            }
            Event::Guiding { done, of } => ("Bending atlases".to_owned(), part(done, of)),
            Event::Notice(text) => {
                self.state.note(Tone::Warning, "Reconstruction", text);
                return false;
            }
            Event::Finished(result) => {
                self.state.run = None;
                let shown = self.finished(result);
                self.queued_model_ended(shown);
                return true;
            }
            Event::Cancelled => {
                self.state.run = None;
                self.stop_queue();
                let stays =
                    if self.run_network.take().is_some() { "the networks' volume" } else { "what was on screen" };
                self.state.note(Tone::Notice, "Cancelled", format!("The reconstruction was stopped; {stays} stays."));
                return true;
            }
            Event::Failed(cause) => {
                self.state.run = None;
                self.state.note(Tone::Danger, "The reconstruction failed", cause);
                self.queued_model_ended(false);
                return true;
            }
        };
        if let Some(run) = &mut self.state.run {
            (run.stage, run.fraction) = (stage, Some(fraction));
        }
        false
    }

    /// Takes a picture of the window once its dialogs are gone, and writes it.
    fn follow_screenshot(&mut self, ctx: &Context) {
        match &mut self.screenshot {
            None => {}
            Some((_, 0)) => self.take_screenshot(ctx),
            Some((_, frames)) => {
                *frames -= 1;
                ctx.request_repaint();
            }
        }
    }

    fn take_screenshot(&mut self, ctx: &Context) {
        let Some((path, _)) = self.screenshot.take() else { return };
        let path = if path.extension().is_some() { path } else { path.with_extension("png") };
        let (sender, picture) = std::sync::mpsc::channel::<Arc<egui::ColorImage>>();
        ctx.send_viewport_cmd(ViewportCommand::Screenshot(egui::ScreenshotCallback::new(move |image| {
            // The job that waits may be gone: the program is closing.
            let _ = sender.send(image);
        })));
        self.jobs.start(Lane::Export, move |_| {
            let result = match picture.recv_timeout(SCREENSHOT_PATIENCE) {
                Ok(image) => {
                    let rgba: Vec<u8> = image.pixels.iter().flat_map(egui::Color32::to_array).collect();
                    io::screen::write(&path, image.size, &rgba)
                }
                Err(_) => {
                    Err(IoError::from_write(&path, std::io::Error::other("the window gave no picture of itself")))
                }
            };
            Done::Written { what: "Screenshot saved".into(), path, result: result.map_err(Into::into) }
        });
        ctx.request_repaint();
    }

    /// Plays through the slices.
    fn play(&mut self, ctx: &Context) {
        let now = ctx.input(|i| i.time);
        let Some(frame) = self.state.frame_on_screen() else { return };
        let state = &self.state.viewer.state;
        if state.playing {
            ctx.request_repaint();
        }
        if let Some(command) = super::viewport::play(state, frame, &mut self.playing_since, now) {
            self.look(ctx, &command);
        }
    }
}

/// What people call their files: "...-lateral.jpg", "PA_chest.png".
fn kind_by_name(name: &str) -> Option<FilmKind> {
    let name = name.to_lowercase();
    let mut words = name.split(|c: char| !c.is_alphanumeric());
    words.find_map(|word| match word {
        _ if word.starts_with("lat") => Some(FilmKind::Lateral),
        "pa" | "ap" | "frontal" | "front" => Some(FilmKind::Frontal),
        _ => None,
    })
}

/// The message without the path at its start: the banner's head names the file already.
pub(super) fn without_path(path: &Path, message: &str) -> String {
    let rest = message.strip_prefix(&format!("{}: ", path.display())).unwrap_or(message);
    let mut letters = rest.chars();
    let first = letters.next().map(|c| c.to_uppercase().collect::<String>()).unwrap_or_default();
    format!("{first}{}.", letters.as_str().trim_end_matches('.'))
}
