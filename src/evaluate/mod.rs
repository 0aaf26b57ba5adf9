//! Methods held against one another on cases they never saw: floors, studies, and how far a volume can be trusted.
//! Knows no screen and no terminal: it sends events.

pub mod baselines;
pub mod cases;
pub mod consistency;
pub mod event;
pub mod figure;
pub mod films;
pub mod measure;
pub mod method;
pub mod nodules;
pub mod pictures;
pub mod record;
pub mod report;
pub mod results;
pub mod statistics;
pub mod study;
pub mod table;
pub mod uncertainty;

mod error;
mod floors;
mod lettering;
mod run;

pub use error::EvaluateError;
