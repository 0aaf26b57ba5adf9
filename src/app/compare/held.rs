//! A value that belongs to something: it is given out only beside what it belongs to, so that no number of an older
//! volume, shift or slice is ever shown beside a new one. Knows neither numbers nor volumes.

/// A value and what it was made for, with what was asked for last.
pub struct Held<K, T> {
    asked: Option<K>,
    there: Option<(K, T)>,
}

impl<K, T> Default for Held<K, T> {
    fn default() -> Self {
        Self { asked: None, there: None }
    }
}

/// What can be said of a value now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown<T> {
    /// Nobody can know it: there is nothing it would belong to.
    Nothing,
    /// It is being computed.
    Computing,
    /// It is there.
    There(T),
}

impl<T> Shown<T> {
    /// Whether it will come.
    pub fn is_computing(&self) -> bool {
        matches!(self, Self::Computing)
    }
}

impl<K: Clone + PartialEq, T> Held<K, T> {
    /// Asks for the value that belongs to `key`; true where somebody has to start computing it.
    pub fn ask(&mut self, key: &K) -> bool {
        let fresh = self.asked.as_ref() != Some(key);
        if fresh {
            self.asked = Some(key.clone());
        }
        fresh
    }

    /// Takes a value in, unless something else was asked for since.
    pub fn take(&mut self, key: K, value: T) {
        if self.asked.as_ref() == Some(&key) {
            self.there = Some((key, value));
        }
    }

    /// Forgets what was asked for, so that it is asked for again: a job was lost.
    pub fn lose(&mut self) {
        self.asked = None;
    }

    /// The value that belongs to `now`, and to nothing else.
    pub fn get(&self, now: Option<&K>) -> Option<&T> {
        self.there.as_ref().filter(|(key, _)| Some(key) == now).map(|(_, value)| value)
    }

    /// The same with the reason why it is not there.
    pub fn shown(&self, now: Option<&K>) -> Shown<&T> {
        match (now, self.get(now)) {
            (None, _) => Shown::Nothing,
            (Some(_), Some(value)) => Shown::There(value),
            (Some(_), None) => Shown::Computing,
        }
    }
}
