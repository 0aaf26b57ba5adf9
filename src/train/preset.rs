//! Plans that come with the program. Knows no tensor.

use super::{TrainError, TrainPlan};
use std::str::FromStr;

/// A plan by name; its data folder is the user's to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// The paper's networks and schedule.
    Paper,
    /// A small model in hours on a processor.
    Compact,
    /// Both stages on synthetic thoraxes in minutes.
    Smoke,
}

impl Preset {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Paper, Self::Compact, Self::Smoke];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Paper => "paper",
            Self::Compact => "compact",
            Self::Smoke => "smoke",
        }
    }

    /// What it is for, in a few words.
    pub fn description(self) -> &'static str {
        match self {
            Self::Paper => "width 64, 220 + 100 epochs, as published",
            Self::Compact => "width 16, packed, for small machines",
            Self::Smoke => "synthetic thoraxes, minutes, to see that training works",
        }
    }

    /// The plan. It is not checked: paper and compact have no data yet.
    ///
    /// # Errors
    /// [`TrainError::Plan`] only where the program was built with a broken preset.
    pub fn plan(self) -> Result<TrainPlan, TrainError> {
        let text = match self {
            Self::Paper => include_str!("../../assets/plans/paper.toml"),
            Self::Compact => include_str!("../../assets/plans/compact.toml"),
            Self::Smoke => include_str!("../../assets/plans/smoke.toml"),
        };
        toml::from_str(text).map_err(|e| TrainError::Plan(e.to_string()))
    }
}

impl FromStr for Preset {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = Self::ALL.into_iter().find(|preset| preset.name() == text);
        named.ok_or_else(|| format!("`{text}` is no preset; there are paper, compact and smoke"))
    }
}
