//! A reconstruction as the terminal sees it: stages, Ctrl+C, times. The work itself is done by the reconstructor.

use super::atlas;
use super::error::CliError;
use super::films::FilmPair;
use super::interrupt;
use super::terminal::{Stages, notice};
use crate::atlas::{AtlasSource, DEFAULT_COUNT, Guidance};
use crate::geometry::Frame;
use crate::nn::guidance::Guide;
use crate::nn::reconstruct::{CONSISTENCY_STEPS, Event, Handle, Job, Reconstructor};
use crate::nn::{DeviceChoice, ModelSource, Reconstruction};
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::mpsc::TryRecvError;
use std::time::Duration;

/// How often a running job is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(15);

/// More atlases than this take longer than they are worth.
const MOST_ATLASES: usize = 8;

/// Which networks on which device.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Networks {
    /// A model folder, biplane-p16 or biplane-w16; without it the built-in one that suits the films.
    #[arg(long, value_name = "MODEL")]
    pub model: Option<PathBuf>,
    /// auto, cpu or cuda:N.
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    pub device: DeviceChoice,
    /// Updates that bring the networks' volume nearer to the films at the end.
    #[arg(long, value_name = "N", default_value_t = CONSISTENCY_STEPS)]
    pub consistency_steps: u32,
    /// How many atlases (CTs of other patients) lend their anatomy outside of the lungs: auto, none, or a number. auto lends
    /// where distances and tone of both films are known.
    #[arg(long, value_name = "auto|none|N", default_value = "auto")]
    pub guide: GuideChoice,
    /// A set of atlases that `biplane atlas make` made; without it the bundled one.
    #[arg(long, value_name = "FOLDER")]
    pub atlases: Option<PathBuf>,
}

/// Whether atlases lend anatomy, and how many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GuideChoice {
    /// As many as are best, where films allow it.
    #[default]
    Auto,
    /// None.
    Off,
    /// So many.
    Count(usize),
}

impl FromStr for GuideChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "none" => Ok(Self::Off),
            _ => match text.parse() {
                Ok(count) if (1..=MOST_ATLASES).contains(&count) => Ok(Self::Count(count)),
                _ => Err(format!("wanted is auto, none, or a number from 1 to {MOST_ATLASES}")),
            },
        }
    }
}

impl Networks {
    /// What lends anatomy to the volume of these films, with a notice where nothing can.
    fn guide(&self, films: &FilmPair) -> Result<Option<Arc<dyn Guide>>, CliError> {
        let count = match self.guide {
            GuideChoice::Off => return Ok(None),
            GuideChoice::Auto => DEFAULT_COUNT,
            GuideChoice::Count(count) => count,
        };
        let source = self.atlases.clone().map_or(AtlasSource::Bundled, AtlasSource::Folder);
        // An atlas of the same patient would flatter the result.
        let without = films.patient_id.as_ref().map(|id| id.reveal().to_owned());
        let guide = Guidance { source, count, without }.load().map_err(atlas::explain)?;
        match &films.uncalibrated {
            None => Ok(Some(Arc::new(guide))),
            Some(why) => {
                notice(&format!("no guidance by atlases: {why}"));
                Ok(None)
            }
        }
    }
}

/// Reconstructs two films onto `frame`, saying how far it is.
///
/// # Errors
/// What the job ends by; cancellation where Ctrl+C was pressed.
pub fn run(films: FilmPair, frame: Frame, networks: &Networks) -> Result<Arc<Reconstruction>, CliError> {
    // Asked here so that a missing device or model counts as bad arguments or input, not as a failed job.
    networks.device.device()?;
    let chosen = networks.model.as_deref().map_or(ModelSource::Automatic, ModelSource::of_argument);
    let model = chosen.clone().for_films(films.uncalibrated.is_some());
    let card = model.card()?;
    if let (ModelSource::Automatic, Some(why)) = (chosen, &films.uncalibrated) {
        notice(&format!("model {}, which is for such films: {why}", card.name));
    }
    let (device, consistency_steps) = (networks.device, networks.consistency_steps);
    let guide = networks.guide(&films)?;
    let job = Job { films: films.images, views: films.views, frame, model, device, consistency_steps, guide };
    let handle = Reconstructor::start(job, || {});
    let done = follow(&handle);
    handle.end();
    done
}

fn follow(handle: &Handle) -> Result<Arc<Reconstruction>, CliError> {
    let mut stages = Stages::new();
    let mut asked = false;
    loop {
        if interrupt::asked() && !asked {
            asked = true;
            handle.cancel();
            stages.notice("cancelling ...");
        }
        match handle.poll() {
            Ok(Event::BackProjection) => stages.show("Back-projection", 0, 1),
            Ok(Event::Coarse { done, of }) => stages.show("Coarse network", done as u64, of as u64),
            Ok(Event::Refine { done, of }) => stages.show("Refining network", done as u64, of as u64),
            Ok(Event::Consistency { done, of }) => stages.show("Consistency with the films", done as u64, of as u64),
            Ok(Event::Network(_)) => {}
            Ok(Event::Guiding { done, of }) => stages.show("Guidance by atlases", done as u64, of as u64),
            Ok(Event::Notice(text)) => stages.notice(&text),
            Ok(Event::Finished(result)) => {
                stages.end();
                return Ok(result);
            }
            Ok(Event::Cancelled) => return Err(CliError::cancelled()),
            Ok(Event::Failed(cause)) => {
                let (cause, advice) = cause.rsplit_once("; ").unwrap_or((&cause, "try --device cpu"));
                return Err(CliError::failure(cause, advice));
            }
            Err(TryRecvError::Empty) => std::thread::sleep(LOOK_EVERY),
            Err(TryRecvError::Disconnected) => {
                return Err(CliError::failure("the reconstruction ended without a result", "try again"));
            }
        }
    }
}

/// What each stage took, in one line.
pub fn times(result: &Reconstruction) -> String {
    let s = &result.seconds;
    let consistency =
        if s.consistency >= 0.01 { format!(", consistency {:.2} s", s.consistency) } else { String::new() };
    let guide = if s.guide > 0.0 { format!(", guidance {:.2} s", s.guide) } else { String::new() };
    format!(
        "{} on {}: model {:.2} s, back-projection {:.2} s, coarse {:.2} s, refine {:.2} s{consistency}{guide}, together {:.2} s",
        result.model,
        result.device,
        s.load,
        s.back_projection,
        s.coarse,
        s.refine,
        s.total()
    )
}
