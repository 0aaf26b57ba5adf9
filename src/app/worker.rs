//! Named jobs on threads: one running and one waiting per lane, cancellable, every one ends in a message.
//! Knows nothing of what the jobs do.
//!
//! A lane is a place for a result (the first film, the mask, ...). A new job in a lane makes the one before it stale:
//! its cancel flag is raised and its result is discarded. So the queue can never grow beyond one job a lane.

use std::collections::HashMap;
use std::hash::Hash;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long closing waits for jobs that were told to stop. Longer than the slowest step between two looks at the
/// flag; a job that hangs in a dead network folder must not hold the program for ever.
const LAST_WORD: Duration = Duration::from_secs(10);
/// Between two looks at whether a thread has ended.
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// Asked by a job between steps of its work.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Whether the result is no longer wanted.
    pub fn is_raised(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Says that the result is no longer wanted.
    pub fn raise(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What a job gives back when it does not give its result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// It ended by a defect (a panic); the message went to the terminal.
    Broke,
    /// No thread could be started.
    NoThread,
}

/// A message from a job.
struct Report<L, T> {
    lane: L,
    ticket: u64,
    result: Result<T, Lost>,
}

type Work<T> = Box<dyn FnOnce(&Cancel) -> T + Send>;

/// What a lane is doing.
struct Lane<T> {
    ticket: u64,
    cancel: Cancel,
    running: bool,
    waiting: Option<Work<T>>,
}

/// The jobs of one owner. `L` names the lanes, `T` is what jobs give.
pub struct Workers<L, T> {
    lanes: HashMap<L, Lane<T>>,
    sender: Sender<Report<L, T>>,
    reports: Receiver<Report<L, T>>,
    wake: Arc<dyn Fn() + Send + Sync>,
    next_ticket: u64,
    threads: Vec<JoinHandle<()>>,
}

impl<L: Copy + Eq + Hash + Send + std::fmt::Debug + 'static, T: Send + 'static> Workers<L, T> {
    /// No jobs yet; `wake` is called from the job's thread whenever a result is ready.
    pub fn new(wake: impl Fn() + Send + Sync + 'static) -> Self {
        let (sender, reports) = channel();
        Self { lanes: HashMap::new(), sender, reports, wake: Arc::new(wake), next_ticket: 1, threads: Vec::new() }
    }

    /// Starts `work` in `lane`; what ran or waited there before is cancelled and its result will be discarded.
    pub fn start(&mut self, lane: L, work: impl FnOnce(&Cancel) -> T + Send + 'static) {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        let cancel = Cancel::default();
        let entry = self.lanes.entry(lane).or_insert_with(|| Lane {
            ticket,
            cancel: Cancel::default(),
            running: false,
            waiting: None,
        });
        entry.cancel.raise();
        entry.ticket = ticket;
        if entry.running {
            entry.waiting = Some(Box::new(work));
        } else {
            entry.running = true;
            entry.cancel = cancel.clone();
            self.launch(lane, ticket, cancel, Box::new(work));
        }
    }

    /// Cancels what runs or waits in `lane`; no result of it will come.
    pub fn cancel(&mut self, lane: L) {
        if let Some(entry) = self.lanes.get_mut(&lane) {
            entry.cancel.raise();
            entry.waiting = None;
            entry.ticket = 0;
        }
    }

    /// Whether `lane` is working on a result that is still wanted.
    pub fn is_busy(&self, lane: L) -> bool {
        self.lanes.get(&lane).is_some_and(|l| l.ticket != 0 && (l.running || l.waiting.is_some()))
    }

    /// Whether any lane is at work.
    pub fn any_busy(&self) -> bool {
        self.lanes.values().any(|l| l.running)
    }

    /// The results that have come and are still wanted. Never waits.
    pub fn poll(&mut self) -> Vec<(L, Result<T, Lost>)> {
        let mut wanted = Vec::new();
        while let Ok(report) = self.reports.try_recv() {
            let mut follow_up = None;
            if let Some(lane) = self.lanes.get_mut(&report.lane) {
                lane.running = false;
                if let Some(work) = lane.waiting.take() {
                    lane.running = true;
                    lane.cancel = Cancel::default();
                    follow_up = Some((lane.ticket, lane.cancel.clone(), work));
                } else if lane.ticket == report.ticket {
                    lane.ticket = 0;
                    wanted.push((report.lane, report.result));
                }
            }
            if let Some((ticket, cancel, work)) = follow_up {
                self.launch(report.lane, ticket, cancel, work);
            }
        }
        wanted
    }

    /// One thread, named after its lane, that ends in one message whatever happens.
    fn launch(&mut self, lane: L, ticket: u64, cancel: Cancel, work: Work<T>) {
        let (sender, wake) = (self.sender.clone(), Arc::clone(&self.wake));
        let name = format!("biplane {lane:?}");
        let started = std::thread::Builder::new().name(name).spawn(move || {
            // The closure owns all it touches, so nothing half-changed is seen after a panic.
            let result = catch_unwind(AssertUnwindSafe(|| work(&cancel))).map_err(|_| Lost::Broke);
            // The owner may be gone: the program is closing.
            let _ = sender.send(Report { lane, ticket, result });
            wake();
        });
        self.threads.retain(|thread| !thread.is_finished());
        match started {
            Ok(thread) => self.threads.push(thread),
            Err(_) => {
                let _ = self.sender.send(Report { lane, ticket, result: Err(Lost::NoThread) });
            }
        }
    }
}

impl<L, T> Drop for Workers<L, T> {
    /// Stops all jobs and sees their threads end: libtorch takes its statics down when the process ends, and a network
    /// that still runs then crashes.
    fn drop(&mut self) {
        self.lanes.values().for_each(|lane| lane.cancel.raise());
        let deadline = Instant::now() + LAST_WORD;
        for thread in self.threads.drain(..) {
            while !thread.is_finished() && Instant::now() < deadline {
                std::thread::sleep(LOOK_AGAIN);
            }
            if thread.is_finished() {
                // Panics were caught inside; there is nothing left to tell.
                let _ = thread.join();
            }
        }
    }
}
