//! A machine that reads the pickles of PyTorch's weights files and nothing else: dictionaries of tensors. It calls
//! no code: a global that is none of the few below ends the reading. Knows no container and no tensor's values.
//!
//! Opcodes are those of Python's `pickletools`; what is called for stands in PyTorch's `torch/_utils.py` and
//! `torch/serialization.py`. Nodes live in an arena and name each other by number, so that neither depth nor repetition
//! costs more than the bytes read.

mod calls;
mod machine;

use calls::Global;
use std::io::Read;

/// Longest pickle read (bytes); those of the largest published networks stay below.
pub(super) const MOST_BYTES: u64 = 1 << 20;
/// Most axes of a tensor.
const MOST_AXES: usize = 8;
/// Longest name of a tensor or storage (bytes).
const LONGEST_NAME: usize = 512;

/// Why a pickle is not taken.
#[derive(Debug)]
pub(super) enum Fault {
    /// It names code that is none of the few allowed.
    Foreign(String),
    /// It is cut off, damaged, or holds what weights do not.
    Malformed(String),
    /// The file cannot be read.
    Io(std::io::Error),
}

fn malformed<T>(what: impl Into<String>) -> Result<T, Fault> {
    Err(Fault::Malformed(what.into()))
}

/// Number types of storages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sample {
    F16,
    Bf16,
    F32,
    F64,
    /// Counts and masks, which are skipped; the size in bytes.
    Other(u64),
}

impl Sample {
    pub(super) fn bytes(self) -> u64 {
        match self {
            Self::F16 | Self::Bf16 => 2,
            Self::F32 => 4,
            Self::F64 => 8,
            Self::Other(bytes) => bytes,
        }
    }
}

/// A storage as the pickle names it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Storage {
    pub(super) key: String,
    pub(super) sample: Sample,
    /// Samples, by the file's word.
    pub(super) count: u64,
}

/// A tensor of the dictionary: where its samples lie in a storage, row by row.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) shape: Vec<usize>,
    pub(super) offset: u64,
    pub(super) storage: Storage,
}

type Id = usize;

#[derive(Clone, Debug)]
enum Node {
    None,
    /// Numbers and flags without meaning here.
    Plain,
    Int(i64),
    True,
    Text(String),
    List(Vec<Id>),
    Tuple(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    Global(Global),
    Storage {
        key: Id,
        sample: Sample,
        count: u64,
    },
    Tensor {
        storage: Id,
        offset: u64,
        axes: Axes,
    },
    /// A tensor that was made empty, to be built from its state.
    Blank,
}

#[derive(Clone, Copy, Debug)]
struct Axes {
    shape: [u64; MOST_AXES],
    count: usize,
}

/// What one pickle holds.
pub(super) struct Pickle {
    nodes: Vec<Node>,
    root: Id,
}

impl Pickle {
    /// Reads one pickle up to its STOP, taking no byte beyond it.
    pub(super) fn read(from: &mut impl Read) -> Result<Self, Fault> {
        machine::run(from.take(MOST_BYTES))
    }

    /// Whether it is the integer `value`.
    pub(super) fn is_int(&self, value: i64) -> bool {
        matches!(self.nodes.get(self.root), Some(Node::Int(found)) if *found == value)
    }

    /// Whether it is a dictionary that says True under `key`.
    pub(super) fn says_true(&self, key: &str) -> bool {
        let Some(Node::Dict(pairs)) = self.nodes.get(self.root) else { return false };
        pairs.iter().any(|(k, v)| self.text(*k) == Some(key) && matches!(self.nodes.get(*v), Some(Node::True)))
    }

    /// The texts of a list.
    pub(super) fn texts(&self) -> Result<Vec<String>, Fault> {
        let Some(Node::List(items)) = self.nodes.get(self.root) else {
            return malformed("its list of storages is none");
        };
        let text = |id: &Id| self.text(*id).map(str::to_owned);
        items.iter().map(text).collect::<Option<_>>().ok_or(Fault::Malformed("a storage's name is no text".into()))
    }

    /// The tensors of a dictionary, in its order; values that are no tensors are left out. A checkpoint that keeps
    /// them under `state_dict` is looked into.
    pub(super) fn tensors(&self) -> Result<Vec<Entry>, Fault> {
        let Some(Node::Dict(pairs)) = self.nodes.get(self.root) else {
            return malformed("holds no dictionary of tensors");
        };
        let inner = pairs.iter().find(|(key, _)| self.text(*key) == Some("state_dict"));
        let pairs = match inner.and_then(|(_, value)| self.nodes.get(*value)) {
            Some(Node::Dict(inner)) => inner,
            _ => pairs,
        };
        let mut entries = Vec::new();
        for (key, value) in pairs {
            let (Some(name), Some(Node::Tensor { storage, offset, axes })) = (self.text(*key), self.nodes.get(*value))
            else {
                continue;
            };
            let shape = axes.shape.iter().take(axes.count).map(|n| *n as usize).collect();
            entries.push(Entry { name: name.to_owned(), shape, offset: *offset, storage: self.storage(*storage)? });
        }
        Ok(entries)
    }

    fn storage(&self, id: Id) -> Result<Storage, Fault> {
        match self.nodes.get(id) {
            Some(Node::Storage { key, sample, count }) => match self.text(*key) {
                Some(key) => Ok(Storage { key: key.to_owned(), sample: *sample, count: *count }),
                None => malformed("a storage's name is no text"),
            },
            _ => malformed("a tensor without its storage"),
        }
    }

    fn text(&self, id: Id) -> Option<&str> {
        match self.nodes.get(id) {
            Some(Node::Text(text)) if text.len() <= LONGEST_NAME => Some(text),
            _ => None,
        }
    }
}
