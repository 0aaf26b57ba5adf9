//! What the commands say: results on standard output, progress and notices on standard error. A bar where that is
//! a terminal, one line a stage where it is not. Knows no command.

use super::error::CliError;
use super::interrupt;
use crate::io::{Progress, Warning};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{ErrorKind, IsTerminal, Write};
use std::time::{Duration, Instant};

/// How often a waiting command looks at progress and Ctrl+C.
const LOOK_EVERY: Duration = Duration::from_millis(40);
/// Loading that takes less needs no bar.
const SILENT: Duration = Duration::from_millis(300);

/// Prints a result. A reader who has seen enough (`| head`) is no error.
///
/// # Errors
/// Where standard output cannot be written.
pub fn print(text: &str) -> Result<(), CliError> {
    let mut out = std::io::stdout().lock();
    let end = if text.ends_with('\n') { "" } else { "\n" };
    match write!(out, "{text}{end}").and_then(|()| out.flush()) {
        Err(e) if e.kind() == ErrorKind::BrokenPipe => Ok(()),
        done => Ok(done?),
    }
}

/// Prints a result as JSON.
///
/// # Errors
/// Where standard output cannot be written.
pub fn print_json(value: &impl serde::Serialize) -> Result<(), CliError> {
    print(&to_json(value)?)
}

/// A result as JSON text.
///
/// # Errors
/// Where a value has no JSON form.
pub fn to_json(value: &impl serde::Serialize) -> Result<String, CliError> {
    serde_json::to_string_pretty(value).map_err(|e| CliError::failure(format!("no JSON of the result ({e})"), ""))
}

/// Tells something beside the result.
pub fn notice(text: &str) {
    // Standard error that is closed leaves nobody to tell.
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Tells what is odd about a file.
pub fn warnings(about: &std::path::Path, list: &[Warning]) {
    for warning in list {
        notice(&format!("{}: note: {warning}", about.display()));
    }
}

/// One stage of work after another.
pub struct Stages {
    bar: ProgressBar,
    on_terminal: bool,
    current: Option<(String, Instant)>,
}

impl Stages {
    /// Nothing begun.
    pub fn new() -> Self {
        Self::styled("{msg:<28} [{wide_bar}] {pos}/{len} {elapsed}")
    }

    /// Nothing begun; says how long it will still take, for work of many like parts.
    pub fn with_eta() -> Self {
        Self::styled("{msg:<20} [{wide_bar}] {pos}/{len} {elapsed}, {eta} left")
    }

    fn styled(template: &str) -> Self {
        let on_terminal = std::io::stderr().is_terminal();
        let target = if on_terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(1), target);
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        Self { bar, on_terminal, current: None }
    }

    /// `done` of `of` parts of the stage `name`; a new name ends the stage before.
    pub fn show(&mut self, name: &str, done: u64, of: u64) {
        if self.current.as_ref().is_none_or(|(current, _)| current != name) {
            self.end();
            self.current = Some((name.to_owned(), Instant::now()));
            self.bar.set_message(name.to_owned());
            self.bar.reset_elapsed();
            self.bar.reset_eta();
        }
        self.bar.set_length(of.max(1));
        self.bar.set_position(done);
    }

    /// A line between the bars.
    pub fn notice(&self, text: &str) {
        self.bar.suspend(|| notice(text));
    }

    /// Ends the stage at work; off a terminal this is where its one line is printed.
    pub fn end(&mut self) {
        if let Some((name, start)) = self.current.take() {
            let line = format!("{name}: {:.2} s", start.elapsed().as_secs_f64());
            if self.on_terminal {
                self.bar.suspend(|| notice(&line));
            } else {
                notice(&line);
            }
        }
    }
}

impl Default for Stages {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Stages {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// Reads or writes something on another thread while a bar shows how far it is and Ctrl+C cancels it.
///
/// # Errors
/// Those of `work`, and cancellation.
pub fn load<T: Send, E: Into<CliError> + Send>(
    what: &std::path::Path,
    work: impl FnOnce(&std::path::Path, &Progress) -> Result<T, E> + Send,
) -> Result<T, CliError> {
    let progress = Progress::new();
    let name = what.file_name().unwrap_or(what.as_os_str()).to_string_lossy().into_owned();
    let start = Instant::now();
    let done = std::thread::scope(|scope| {
        let worker = scope.spawn(|| work(what, &progress));
        let mut stages = None;
        while !worker.is_finished() {
            std::thread::sleep(LOOK_EVERY.min(start.elapsed() / 4));
            if interrupt::asked() {
                progress.cancel();
            }
            if start.elapsed() > SILENT && progress.of() > 0 {
                stages.get_or_insert_with(Stages::new).show(&name, progress.done(), progress.of());
            }
        }
        worker.join()
    });
    match done {
        Ok(result) => result.map_err(Into::into),
        Err(_) => {
            Err(CliError::failure(format!("{}: the work on it broke off", what.display()), "report the file as a bug"))
        }
    }
}
