//! What a pickle may call for, and what stands for it here. Nothing is called: a storage, a tensor or a dictionary is
//! written down. Knows no opcode.

use super::machine::Machine;
use super::{Axes, Fault, Id, MOST_AXES, MOST_BYTES, Node, Sample, malformed};
use std::io::Read;

/// Most arguments of anything called.
const MOST_ARGUMENTS: usize = 16;

/// What a pickle may name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Global {
    OrderedDict,
    /// `torch.Size`, a tuple.
    Size,
    /// `_rebuild_tensor`, `_rebuild_tensor_v2`: (storage, offset, size, stride, ...).
    RebuildTensor,
    /// `_rebuild_parameter` and `Parameter` itself: (tensor, ...), or empty and then built from a state.
    Parameter,
    /// `torch.FloatTensor` and its like of the first versions: empty and then built from a state.
    OldTensor,
    Storage(Sample),
}

impl Global {
    pub(super) fn named(module: &str, name: &str) -> Option<Self> {
        Some(match (module, name) {
            ("collections", "OrderedDict") => Self::OrderedDict,
            ("torch", "Size") => Self::Size,
            ("torch._utils", "_rebuild_tensor" | "_rebuild_tensor_v2") => Self::RebuildTensor,
            ("torch._utils", "_rebuild_parameter" | "_rebuild_parameter_with_state") => Self::Parameter,
            ("torch.nn.parameter", "Parameter") => Self::Parameter,
            ("torch" | "torch.cuda", name) => match name.strip_suffix("Storage") {
                Some(kind) => Self::Storage(sample(kind)?),
                None => sample(name.strip_suffix("Tensor")?).map(|_| Self::OldTensor)?,
            },
            _ => return None,
        })
    }
}

fn sample(kind: &str) -> Option<Sample> {
    Some(match kind {
        "Half" => Sample::F16,
        "BFloat16" => Sample::Bf16,
        "Float" => Sample::F32,
        "Double" => Sample::F64,
        "Byte" | "Char" | "Bool" => Sample::Other(1),
        "Short" => Sample::Other(2),
        "Int" => Sample::Other(4),
        "Long" => Sample::Other(8),
        _ => return None,
    })
}

impl<R: Read> Machine<R> {
    /// `('storage', type, key, location, count[, view])` becomes a storage.
    pub(super) fn persistent(&mut self) -> Result<(), Fault> {
        let id = self.pop()?;
        let parts = self.arguments(id)?;
        let node = |at: usize| parts.get(at).and_then(|id| self.nodes.get(*id));
        let (Some(Node::Global(Global::Storage(sample))), Some(Node::Int(count))) = (node(1), node(4)) else {
            return malformed("a storage is described in a way that is not known");
        };
        if !matches!(node(5), None | Some(Node::None)) {
            return malformed("a storage is a part of another one, which is not supported");
        }
        let count = u64::try_from(*count).map_err(|_| Fault::Malformed("a storage of negative size".into()))?;
        let storage = Node::Storage { key: parts.get(2).copied().unwrap_or_default(), sample: *sample, count };
        self.push(storage)
    }

    /// What stands for a call: `args` and what is called are taken, the result is pushed.
    pub(super) fn call(&mut self) -> Result<(), Fault> {
        let (args, called) = (self.pop()?, self.pop()?);
        let args = self.arguments(args)?;
        let global = match self.nodes.get(called) {
            Some(Node::Global(global)) => *global,
            _ => return malformed("the pickle calls what cannot be called"),
        };
        let first = args.first().and_then(|id| self.nodes.get(*id));
        let made = match (global, first) {
            (Global::OrderedDict, None) => Node::Dict(Vec::new()),
            (Global::OrderedDict, Some(Node::List(list))) => {
                self.copied += list.len();
                if self.copied as u64 > MOST_BYTES {
                    return malformed("the pickle copies its lists over and over");
                }
                Node::Dict(self.pairs(list)?)
            }
            (Global::RebuildTensor, _) => self.tensor(&args)?,
            (Global::Parameter, Some(tensor @ Node::Tensor { .. })) => tensor.clone(),
            (Global::Parameter | Global::OldTensor, None) => Node::Blank,
            (Global::Size, Some(Node::Tuple(_))) => {
                self.stack.extend(args);
                return Ok(());
            }
            _ => return malformed("the pickle makes something that weights do not need"),
        };
        self.push(made)
    }

    /// The parts of a tuple that is an argument list, a description or a state.
    fn arguments(&self, id: Id) -> Result<Vec<Id>, Fault> {
        match self.nodes.get(id) {
            Some(Node::Tuple(parts)) if parts.len() <= MOST_ARGUMENTS => Ok(parts.clone()),
            _ => malformed("the pickle calls something in a way that is not known"),
        }
    }

    /// Pairs as Python 2 stored an ordered dictionary: a list of lists or tuples of two.
    fn pairs(&self, list: &[Id]) -> Result<Vec<(Id, Id)>, Fault> {
        let pair = |id: &Id| match self.nodes.get(*id) {
            Some(Node::List(two) | Node::Tuple(two)) => match two.as_slice() {
                [key, value] => Ok((*key, *value)),
                _ => malformed("a dictionary of no pairs"),
            },
            _ => malformed("a dictionary of no pairs"),
        };
        list.iter().map(pair).collect()
    }

    /// (storage, offset, size, stride, ...) as a tensor, which must lie row by row.
    fn tensor(&self, args: &[Id]) -> Result<Node, Fault> {
        let [storage, offset, size, stride, ..] = args else { return malformed("a tensor of too few parts") };
        if !matches!(self.nodes.get(*storage), Some(Node::Storage { .. })) {
            return malformed("a tensor without its storage");
        }
        let offset = match self.nodes.get(*offset) {
            Some(Node::Int(offset)) => u64::try_from(*offset).ok(),
            _ => None,
        };
        let offset = offset.ok_or(Fault::Malformed("a tensor that begins nowhere".into()))?;
        let (axes, strides) = (self.axes(*size)?, self.axes(*stride)?);
        let mut expected = 1u64;
        for axis in (0..axes.count).rev() {
            if axes.count != strides.count || (axes.shape[axis] > 1 && strides.shape[axis] != expected) {
                return malformed("a tensor does not lie row by row; save it with .contiguous()");
            }
            expected = expected.saturating_mul(axes.shape[axis]);
        }
        Ok(Node::Tensor { storage: *storage, offset, axes })
    }

    fn axes(&self, id: Id) -> Result<Axes, Fault> {
        let items: &[Id] = match self.nodes.get(id) {
            Some(Node::Tuple(items) | Node::List(items)) if items.len() <= MOST_AXES => items,
            _ => return malformed("a tensor's shape is none"),
        };
        let mut axes = Axes { shape: [0; MOST_AXES], count: items.len() };
        for (to, item) in axes.shape.iter_mut().zip(items) {
            match self.nodes.get(*item) {
                Some(Node::Int(n)) if *n >= 0 => *to = *n as u64,
                _ => return malformed("a tensor's shape is none"),
            }
        }
        Ok(axes)
    }

    /// Gives an object its state. That of dictionaries and finished tensors (hooks, versions) has no meaning here.
    pub(super) fn build(&mut self) -> Result<(), Fault> {
        let state = self.pop()?;
        let object = self.top()?;
        if !matches!(self.nodes.get(object), Some(Node::Blank)) {
            return match self.nodes.get(object) {
                Some(Node::Dict(_) | Node::Tensor { .. }) => Ok(()),
                _ => malformed("the pickle gives a state to what has none"),
            };
        }
        let parts = self.arguments(state)?;
        let built = match parts.first().and_then(|id| self.nodes.get(*id)) {
            // A tensor of the first versions: (storage, offset, size, stride).
            Some(Node::Storage { .. }) => self.tensor(&parts)?,
            // A parameter of the first versions: (tensor, gradient, hooks, ...).
            Some(tensor @ Node::Tensor { .. }) => tensor.clone(),
            _ => return malformed("a tensor is described in a way that is not known"),
        };
        if let Some(place) = self.nodes.get_mut(object) {
            *place = built;
        }
        Ok(())
    }
}
