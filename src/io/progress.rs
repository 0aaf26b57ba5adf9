//! How far a load has come, and whether it should stop. Knows nothing of what is loaded or who looks.

use super::IoError;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

/// A counter that the loading threads raise and any thread may read; the other way runs the wish to cancel.
///
/// Share it by reference or in an `Arc`. Relaxed order is enough: nothing else is published through it.
#[derive(Debug, Default)]
pub struct Progress {
    done: AtomicU64,
    of: AtomicU64,
    cancelled: AtomicBool,
}

impl Progress {
    /// Nothing done of nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// There will be `of` pieces (bytes or files, the reader chooses).
    pub fn expect(&self, of: u64) {
        self.of.store(of, Relaxed);
    }

    /// `pieces` more are done.
    pub fn add(&self, pieces: u64) {
        self.done.fetch_add(pieces, Relaxed);
    }

    /// Pieces done.
    pub fn done(&self) -> u64 {
        self.done.load(Relaxed)
    }

    /// Pieces in all; 0 while that is not known.
    pub fn of(&self) -> u64 {
        self.of.load(Relaxed)
    }

    /// Done in [0, 1]; `None` while the whole is not known.
    pub fn fraction(&self) -> Option<f32> {
        let of = self.of();
        (of > 0).then(|| (self.done() as f32 / of as f32).min(1.0))
    }

    /// Asks the load to stop at its next look.
    pub fn cancel(&self) {
        self.cancelled.store(true, Relaxed);
    }

    /// Whether somebody asked to stop.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Relaxed)
    }

    /// Goes on, or stops where somebody asked for it.
    ///
    /// # Errors
    /// [`IoError::Cancelled`], naming `file`.
    pub fn check(&self, file: &Path) -> Result<(), IoError> {
        if self.is_cancelled() { Err(IoError::Cancelled { file: file.to_path_buf() }) } else { Ok(()) }
    }
}
