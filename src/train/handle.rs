//! Training on a thread of its own, with pause, save and stop. Knows no screen: whoever holds the handle observes.

use super::session::{Control, Job, train};
use super::{Event, TrainError};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;

/// What a running job says. The last message is always one of the three ends.
#[derive(Clone, Debug)]
pub enum Message {
    /// Something happened.
    Event(Event),
    /// The plan was followed to its end.
    Finished,
    /// Stopped as asked, its checkpoint written.
    Stopped,
    /// Ended by an error: cause and what to do.
    Failed(String),
}

/// What the holder wants of the job.
#[derive(Default)]
struct Wishes {
    paused: bool,
    save: bool,
    stop: bool,
    /// The job waits after a step.
    held: bool,
}

#[derive(Default)]
struct Desk {
    wishes: Mutex<Wishes>,
    changed: Condvar,
}

/// A running training job; dropping it stops the job and waits until its checkpoint is written.
pub struct TrainHandle {
    messages: Receiver<Message>,
    desk: Arc<Desk>,
    thread: Option<JoinHandle<()>>,
}

impl TrainHandle {
    /// Starts a job; `wake` is called from its thread after every message.
    ///
    /// # Errors
    /// [`TrainError::Plan`] where the system gives no thread.
    pub fn start(job: Job, wake: impl Fn() + Send + 'static) -> Result<Self, TrainError> {
        let (send, messages) = channel();
        let desk = Arc::new(Desk::default());
        let known = desk.clone();
        let work = move || {
            let end = catch_unwind(AssertUnwindSafe(|| observe(&job, &send, &known, &wake)));
            let last = match end {
                Ok(Ok(())) => Message::Finished,
                Ok(Err(TrainError::Stopped)) => Message::Stopped,
                Ok(Err(error)) => Message::Failed(error.to_string()),
                Err(_) => Message::Failed("the trainer broke by a defect; resume from its checkpoint".into()),
            };
            // Nobody may listen any more.
            let _ = send.send(last);
            wake();
        };
        let thread = std::thread::Builder::new().name("trainer".into()).spawn(work);
        let thread = thread.map_err(|e| TrainError::Plan(format!("no thread for the trainer ({e})")))?;
        Ok(Self { messages, desk, thread: Some(thread) })
    }

    /// The next message, if one has come.
    pub fn poll(&self) -> Option<Message> {
        self.messages.try_recv().ok()
    }

    /// Waits for the next message; `None` after the last.
    pub fn wait(&self) -> Option<Message> {
        self.messages.recv().ok()
    }

    /// Holds the job after its present step, or lets it go on.
    pub fn pause(&self, paused: bool) {
        self.wish(|wishes| wishes.paused = paused);
    }

    /// Whether the job is held, or will be after its present step.
    pub fn is_paused(&self) -> bool {
        self.desk.wishes.lock().unwrap_or_else(PoisonError::into_inner).paused
    }

    /// Whether the job waits; its last step has been told then.
    pub fn is_held(&self) -> bool {
        self.desk.wishes.lock().unwrap_or_else(PoisonError::into_inner).held
    }

    /// Asks for a checkpoint after the present step; a paused job writes it at once and takes one step more.
    pub fn save(&self) {
        self.wish(|wishes| wishes.save = true);
    }

    /// Asks the job to write a checkpoint and end, with [`Message::Stopped`]. Answers at once.
    pub fn stop(&self) {
        self.wish(|wishes| wishes.stop = true);
    }

    /// Whether the job's thread still works.
    pub fn is_running(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }

    fn wish(&self, change: impl FnOnce(&mut Wishes)) {
        change(&mut self.desk.wishes.lock().unwrap_or_else(PoisonError::into_inner));
        self.desk.changed.notify_all();
    }
}

impl Drop for TrainHandle {
    fn drop(&mut self) {
        self.stop();
        if let Some(thread) = self.thread.take() {
            // Its last message told how it ended.
            let _ = thread.join();
        }
    }
}

fn observe(job: &Job, send: &Sender<Message>, desk: &Desk, wake: &dyn Fn()) -> Result<(), TrainError> {
    train(job, &mut |event| {
        let stepped = matches!(event, Event::Step(_));
        let _ = send.send(Message::Event(event.clone()));
        wake();
        let mut wishes = desk.wishes.lock().unwrap_or_else(PoisonError::into_inner);
        while stepped && wishes.paused && !wishes.stop && !wishes.save {
            if !std::mem::replace(&mut wishes.held, true) {
                wake();
            }
            wishes = desk.changed.wait(wishes).unwrap_or_else(PoisonError::into_inner);
        }
        wishes.held = false;
        if wishes.stop {
            Control::Stop
        } else if stepped && std::mem::take(&mut wishes.save) {
            Control::Save
        } else {
            Control::Continue
        }
    })
}
