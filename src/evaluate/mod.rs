//! Methods held against one another on cases they never saw: floors, studies, and how far a volume can be trusted.
//! Knows no screen and no terminal: it sends events.

mod error;

pub use error::EvaluateError;
