//! What is held against one another: a named model, or a floor that any model must beat. Knows no case.

use super::EvaluateError;
use crate::atlas::{AtlasSource, DEFAULT_COUNT, combination_state, plain_name};
use crate::nn::{DeviceChoice, ModelSource, NnError};
use crate::projection::SirtOptions;
use crate::registration::Bending;
use crate::train::prepare::manifest::sha256_hex;
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::str::FromStr;

/// The word for the built-in model of films of known distance and tone, as simulated ones are.
const BUNDLED: &str = "bundled";
/// The word for that model guided by the bundled atlases; after a model's name with [`AND`] for that model.
const GUIDED: &str = "guided";
/// Joins a model with what is done to its volume.
const AND: char = '+';
/// Longest name of a method: it heads columns and names files.
const MOST_LETTERS: usize = 32;
/// Joins case and method in names of files, so it stands in no method's name.
pub const JOINT: &str = "--";

/// What a method computes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Networks.
    Model(ModelSource),
    /// Networks whose volume is guided by the bundled atlases.
    Guided(ModelSource),
    /// A floor.
    Floor(Floor),
}

/// A method that has no networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Floor {
    /// The back-projected films, by one line to HU.
    BackProjection,
    /// The same volume for everybody: the mean of the training cases.
    MeanVolume,
    /// The two films solved for a volume of small total variation.
    SirtTv,
    /// The bundled atlas that fits the films best after an affine fit.
    BestAtlas,
}

/// Every floor with its word on the command line, what it is, and whether it learns from training cases.
const FLOORS: [(Floor, &str, &str, bool); 4] = [
    (
        Floor::BackProjection,
        "back-projection",
        "back-projected films, brought to HU by one line fitted on the training cases: no network",
        true,
    ),
    (
        Floor::MeanVolume,
        "mean-volume",
        "the mean of the training cases, the same for everybody: the films are not looked at",
        true,
    ),
    (
        Floor::SirtTv,
        "sirt-tv",
        "SIRT with total variation from the two films, beginning with air: nothing is learnt",
        false,
    ),
    (
        Floor::BestAtlas,
        "best-atlas",
        "the CT of another patient, of the bundled atlases the one that fits both films best, turned and scaled to them: no \
         network",
        false,
    ),
];

impl Floor {
    fn row(self) -> &'static (Self, &'static str, &'static str, bool) {
        FLOORS.iter().find(|(floor, ..)| *floor == self).unwrap_or(&FLOORS[0])
    }

    /// Its word on the command line.
    pub fn word(self) -> &'static str {
        self.row().1
    }

    /// What it is, in words.
    fn what(self) -> &'static str {
        self.row().2
    }

    /// Whether it learns from training cases.
    pub fn learns(self) -> bool {
        self.row().3
    }

    /// What changes with its results: the training cases it learns from, or how it is run.
    fn state(self, learnt_sha256: &str) -> String {
        match self {
            Self::BackProjection | Self::MeanVolume => format!("{} {learnt_sha256}", self.word()),
            Self::SirtTv => format!("{} {:?}", self.word(), SirtOptions::default()),
            Self::BestAtlas => {
                let atlases = AtlasSource::default().card().map(|card| card.state()).unwrap_or_default();
                format!("{} {atlases} {:?}", self.word(), Bending::ranking())
            }
        }
    }
}

/// One of the methods of a study.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Method {
    /// Its name in tables.
    pub name: String,
    /// What it is.
    pub kind: Kind,
}

impl FromStr for Method {
    type Err = String;

    /// `NAME=FOLDER`, `NAME=bundled`, `NAME=biplane-w16`, `NAME=mean-volume`, or a floor's word alone.
    fn from_str(text: &str) -> Result<Self, String> {
        let (name, model) = text.split_once('=').unwrap_or((text, text));
        let floor = FLOORS.iter().find(|(_, word, ..)| *word == model).map(|(floor, ..)| Kind::Floor(*floor));
        let kind = match floor {
            Some(kind) => kind,
            None if model == GUIDED => Kind::Guided(ModelSource::Automatic),
            None if !text.contains('=') => {
                let words: Vec<&str> = FLOORS.iter().map(|(_, word, ..)| *word).collect();
                return Err(format!(
                    "wanted is NAME=FOLDER, NAME={BUNDLED}, either with {AND}{GUIDED}, or one of {GUIDED}, {}",
                    words.join(", ")
                ));
            }
            None => match model.strip_suffix(GUIDED).and_then(|model| model.strip_suffix(AND)) {
                Some(model) => Kind::Guided(source(model)?),
                None => Kind::Model(source(model)?),
            },
        };
        check_name(name)?;
        Ok(Self { name: name.to_owned(), kind })
    }
}

fn source(model: &str) -> Result<ModelSource, String> {
    match model {
        "" => Err("names no model after `=`".to_owned()),
        BUNDLED => Ok(ModelSource::Automatic),
        other => Ok(ModelSource::of_argument(Path::new(other))),
    }
}

/// A name becomes part of files' names and heads columns.
fn check_name(name: &str) -> Result<(), String> {
    let sound = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.' | '+');
    let starts = name.chars().next().is_some_and(|letter| letter.is_ascii_alphanumeric());
    if starts && name.len() <= MOST_LETTERS && name.chars().all(sound) && !name.contains(JOINT) {
        return Ok(());
    }
    Err(format!("`{name}` cannot name a method: up to {MOST_LETTERS} letters, digits and - _ . +, no {JOINT}"))
}

/// What a report says of a method; also what tells whether a record is still valid.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct About {
    /// Its name in tables.
    pub name: String,
    /// What it is, in a sentence.
    pub what: String,
    /// As it was named: a folder, `bundled`, or a floor's word.
    pub source: String,
    /// Changes whenever its results would: the hash of the weights; for a floor, of the cases it is learnt from.
    pub sha256: String,
    /// The model's own name, where it is one.
    pub model: Option<String>,
    /// Numbers the networks learnt, where there are any.
    pub parameters: Option<usize>,
    /// Licence of the weights.
    pub licence: Option<String>,
    /// Patients it is known to have learnt from.
    pub learnt_from: Vec<String>,
}

impl About {
    /// Where the model is; `None` for a floor.
    pub fn model_source(&self) -> Option<ModelSource> {
        self.model.as_ref()?;
        source(self.unguided().unwrap_or(&self.source)).ok()
    }

    /// Whether atlases guide it.
    pub fn is_guided(&self) -> bool {
        self.unguided().is_some()
    }

    fn unguided(&self) -> Option<&str> {
        self.source.strip_suffix(GUIDED)?.strip_suffix(AND)
    }

    /// Whether it learnt from the patient of a case, by its own card: told by number or name, in any spelling of capitals
    /// and joints.
    pub fn learnt_from_case(&self, patient: &str, case: &str) -> bool {
        let names = [patient, case].map(plain_name);
        self.learnt_from.iter().any(|learnt| names.contains(&plain_name(learnt)))
    }

    /// What to say of such a case.
    pub fn flattered_by(&self, case: &str) -> String {
        format!(
            "`{}` learnt from the patient of case `{case}`, by its own card: its numbers there flatter it",
            self.name
        )
    }
}

impl Method {
    /// Whether it needs training cases.
    pub fn learns(&self) -> bool {
        matches!(self.kind, Kind::Floor(floor) if floor.learns())
    }

    /// Looks at it before any work begins: a model is loaded whole, so that a missing or damaged one is told at once.
    /// `learnt_from` and `learnt_sha256` are those of the floors.
    ///
    /// # Errors
    /// [`EvaluateError::Network`] where the model cannot be used.
    pub fn about(&self, learnt_from: &[String], learnt_sha256: &str) -> Result<About, EvaluateError> {
        let floor = |floor: Floor| About {
            name: self.name.clone(),
            what: floor.what().to_owned(),
            source: floor.word().to_owned(),
            sha256: sha256_hex(floor.state(learnt_sha256).as_bytes()),
            model: None,
            parameters: None,
            licence: None,
            learnt_from: if floor.learns() { learnt_from.to_vec() } else { Vec::new() },
        };
        match &self.kind {
            Kind::Floor(kind) => Ok(floor(*kind)),
            Kind::Model(source) => self.about_model(source),
            Kind::Guided(source) => {
                let (model, atlases) = (self.about_model(source)?, AtlasSource::default().card()?);
                let (bending, combination) = (Bending::atlas(), combination_state());
                let state = format!("{} {DEFAULT_COUNT} {bending:?} {combination}", atlases.state());
                Ok(About {
                    what: format!("{} Guided by {DEFAULT_COUNT} of {} atlases.", model.what, atlases.atlases.len()),
                    source: format!("{}{AND}{GUIDED}", model.source),
                    sha256: sha256_hex(format!("{} {GUIDED} {state}", model.sha256).as_bytes()),
                    ..model
                })
            }
        }
    }

    fn about_model(&self, source: &ModelSource) -> Result<About, EvaluateError> {
        if let ModelSource::Folder(folder) = source
            && !folder.is_dir()
        {
            let cause = format!("method `{}`: no such model folder", self.name);
            return Err(NnError::File { path: folder.clone(), cause }.into());
        }
        let model = source.load(DeviceChoice::Cpu.device()?)?;
        let card = model.card();
        Ok(About {
            name: self.name.clone(),
            what: card.description.clone(),
            source: match source {
                ModelSource::Automatic => BUNDLED.to_owned(),
                ModelSource::BuiltIn(model) => model.name().to_owned(),
                ModelSource::Folder(folder) => folder.display().to_string(),
            },
            sha256: card.sha256.clone(),
            model: Some(card.name.clone()),
            parameters: Some(model.parameter_count()),
            licence: Some(card.licence.clone()),
            learnt_from: card.data.iter().flat_map(|data| data.training.iter().cloned()).collect(),
        })
    }
}

/// Refuses two methods of one name.
///
/// # Errors
/// [`EvaluateError::Input`] naming it.
pub fn check_names(methods: &[Method]) -> Result<(), EvaluateError> {
    if methods.is_empty() {
        return Err(EvaluateError::Input("no method; name one or more with --method NAME=MODEL".to_owned()));
    }
    for (place, method) in methods.iter().enumerate() {
        if methods[..place].iter().any(|other| other.name == method.name) {
            let cause = format!("two methods are named `{}`; give each a name of its own", method.name);
            return Err(EvaluateError::Input(cause));
        }
    }
    Ok(())
}
