//! Ctrl+C as a flag: the first asks for an orderly end, the second ends at once. Knows no job.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

static ASKED: AtomicBool = AtomicBool::new(false);

/// Whether Ctrl+C was pressed since [`watch`].
pub fn asked() -> bool {
    ASKED.load(Relaxed)
}

/// From here on Ctrl+C sets the flag.
#[cfg(unix)]
pub fn watch() {
    extern "C" fn note(_signal: libc::c_int) {
        ASKED.store(true, Relaxed);
        // SAFETY: signal() and an atomic store are async-signal-safe; a second Ctrl+C then ends the program.
        unsafe { libc::signal(libc::SIGINT, libc::SIG_DFL) };
    }
    let handler: extern "C" fn(libc::c_int) = note;
    // SAFETY: `note` is a function for the life of the program, of the type that signal() asks for, and calls
    // nothing but async-signal-safe functions.
    unsafe { libc::signal(libc::SIGINT, handler as libc::sighandler_t) };
}

/// Where there are no such signals, Ctrl+C ends the program as it always does.
#[cfg(not(unix))]
pub fn watch() {}
