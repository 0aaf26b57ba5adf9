//! What an evaluation tells its observers. Knows none of them.

use super::EvaluateError;
use super::measure::Scores;
use crate::train::Control;
use serde::Serialize;

/// Who is told; called on the thread that called the evaluation.
pub type Observer<'a> = dyn FnMut(&Event) -> Control + 'a;

/// Tells, and passes a wish to stop on.
///
/// # Errors
/// [`EvaluateError::Cancelled`].
pub(super) fn tell(observer: &mut Observer, event: &Event) -> Result<(), EvaluateError> {
    match observer(event) {
        Control::Continue | Control::Save => Ok(()),
        Control::Stop => Err(EvaluateError::Cancelled),
    }
}

/// Something that could not be evaluated, though the rest was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// The case.
    pub case: String,
    /// The method; `None` where the case itself cannot be used.
    pub method: Option<String>,
    /// Why, in words.
    pub cause: String,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A method is being looked at: its weights are read.
    Checking {
        /// Its name.
        method: String,
    },
    /// The work begins.
    Started {
        /// Cases of this part.
        cases: usize,
        /// Methods on each.
        methods: usize,
        /// Of all pairs, those done by an earlier call.
        done: usize,
    },
    /// The floors learn from the training cases.
    Learning {
        /// Cases done.
        done: usize,
        /// Cases in all.
        of: usize,
    },
    /// A truth was read.
    Read {
        /// The case.
        case: String,
        /// What is odd about it and what was done.
        notes: Vec<String>,
    },
    /// A method is at work.
    Working {
        /// The case.
        case: String,
        /// The method.
        method: String,
        /// How far it is, 0 to 1.
        share: f64,
    },
    /// A method has its numbers on a case.
    Measured {
        /// The case.
        case: String,
        /// The method.
        method: String,
        /// The numbers.
        scores: Scores,
        /// Seconds it took in all.
        seconds: f64,
    },
    /// Something to know that does not end the work.
    Notice(String),
    /// Something could not be evaluated.
    Failed(Failure),
}

/// What an evaluation ended with.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Outcome {
    /// Pairs of case and method measured by this call.
    pub measured: usize,
    /// Pairs kept from earlier calls.
    pub kept: usize,
    /// What could not be evaluated.
    pub failures: Vec<Failure>,
}
