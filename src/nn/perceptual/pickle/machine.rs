//! The opcodes. Knows no tensor and no name of a global.

use super::calls::Global;
use super::{Fault, Id, Node, Pickle, malformed};
use std::collections::HashMap;
use std::io::Read;

const STOP: u8 = b'.';

/// Reads one pickle.
pub(super) fn run(from: impl Read) -> Result<Pickle, Fault> {
    let (nodes, stack, marks) = (Vec::new(), Vec::new(), Vec::new());
    let mut machine = Machine { from, nodes, stack, marks, memo: HashMap::new(), copied: 0 };
    loop {
        let opcode = machine.byte()?;
        if opcode == STOP {
            let root = machine.pop()?;
            return Ok(Pickle { nodes: machine.nodes, root });
        }
        machine.step(opcode)?;
    }
}

/// A stack, its marks, and what was made.
pub(super) struct Machine<R> {
    from: R,
    pub(super) nodes: Vec<Node>,
    pub(super) stack: Vec<Id>,
    /// Heights of the stack at the open marks.
    marks: Vec<usize>,
    memo: HashMap<u32, Id>,
    /// Items copied from one container into another, which bytes do not bound.
    pub(super) copied: usize,
}

impl<R: Read> Machine<R> {
    /// Obeys one opcode.
    fn step(&mut self, opcode: u8) -> Result<(), Fault> {
        match opcode {
            0x80 => self.byte().map(drop),      // PROTO
            0x95 => self.take::<8>().map(drop), // FRAME
            b'(' => {
                self.marks.push(self.stack.len());
                Ok(())
            }
            b'0' => self.pop().map(drop), // POP
            b'N' => self.push(Node::None),
            0x88 => self.push(Node::True),                                 // NEWTRUE
            0x89 => self.push(Node::Plain),                                // NEWFALSE
            b'G' => self.take::<8>().and_then(|_| self.push(Node::Plain)), // BINFLOAT
            b'J' | b'K' | b'M' | 0x8a => self.integer(opcode),
            b'X' | b'T' | b'U' | 0x8c | b'B' | b'C' => self.string(opcode),
            b'q' | b'r' | 0x94 | b'h' | b'j' => self.remember(opcode),
            b']' => self.push(Node::List(Vec::new())),
            b'}' => self.push(Node::Dict(Vec::new())),
            b')' => self.push(Node::Tuple(Vec::new())),
            b't' | 0x85..=0x87 => self.tuple(opcode),
            b'a' | b'e' => self.append(opcode),
            b's' | b'u' => self.set_items(opcode),
            b'c' | 0x93 | b'i' => self.global(opcode),
            b'Q' => self.persistent(),  // BINPERSID
            b'R' | 0x81 => self.call(), // REDUCE, NEWOBJ
            b'b' => self.build(),
            _ => malformed(format!("the pickle's instruction {opcode:#04x} has no place in weights")),
        }
    }

    fn integer(&mut self, opcode: u8) -> Result<(), Fault> {
        let value = match opcode {
            b'J' => i64::from(i32::from_le_bytes(self.take()?)),
            b'K' => i64::from(self.byte()?),
            b'M' => i64::from(u16::from_le_bytes(self.take()?)),
            _ => {
                // LONG1: two's complement, little-endian; only what fits into 64 bits can be a size.
                let length = u64::from(self.byte()?);
                let bytes = self.bytes(length)?;
                let fill = if bytes.last().is_some_and(|b| b & 0x80 != 0) { 0xff } else { 0 };
                let mut wide = [fill; 8];
                if bytes.len() > wide.len() {
                    return self.push(Node::Plain);
                }
                wide.iter_mut().zip(&bytes).for_each(|(to, from)| *to = *from);
                i64::from_le_bytes(wide)
            }
        };
        self.push(Node::Int(value))
    }

    fn string(&mut self, opcode: u8) -> Result<(), Fault> {
        let length = match opcode {
            b'U' | 0x8c | b'C' => u64::from(self.byte()?),
            _ => u64::from(u32::from_le_bytes(self.take()?)),
        };
        let bytes = self.bytes(length)?;
        self.push(String::from_utf8(bytes).map_or(Node::Plain, Node::Text))
    }

    fn remember(&mut self, opcode: u8) -> Result<(), Fault> {
        let place = match opcode {
            b'q' | b'h' => u32::from(self.byte()?),
            b'r' | b'j' => u32::from_le_bytes(self.take()?),
            _ => self.memo.len() as u32,
        };
        if matches!(opcode, b'h' | b'j') {
            let id = self.memo.get(&place).copied();
            self.stack.push(id.ok_or(Fault::Malformed("the pickle recalls what it never stored".into()))?);
        } else {
            let top = self.top()?;
            self.memo.insert(place, top);
        }
        Ok(())
    }

    fn tuple(&mut self, opcode: u8) -> Result<(), Fault> {
        let items = match opcode {
            b't' => self.since_mark()?,
            _ => {
                let count = usize::from(opcode - 0x84);
                let from = self.stack.len().checked_sub(count).ok_or(Fault::Malformed(STACK.into()))?;
                self.stack.split_off(from)
            }
        };
        self.push(Node::Tuple(items))
    }

    fn append(&mut self, opcode: u8) -> Result<(), Fault> {
        let items = if opcode == b'a' { vec![self.pop()?] } else { self.since_mark()? };
        let top = self.top()?;
        match self.nodes.get_mut(top) {
            Some(Node::List(list)) => list.extend(items),
            _ => return malformed("the pickle appends to what is no list"),
        }
        Ok(())
    }

    fn set_items(&mut self, opcode: u8) -> Result<(), Fault> {
        let items = match opcode {
            b's' => {
                let value = self.pop()?;
                vec![self.pop()?, value]
            }
            _ => self.since_mark()?,
        };
        let top = self.top()?;
        match self.nodes.get_mut(top) {
            Some(Node::Dict(pairs)) => pairs.extend(items.as_chunks::<2>().0.iter().map(|[key, value]| (*key, *value))),
            _ => return malformed("the pickle sets items of what is no dictionary"),
        }
        Ok(())
    }

    fn global(&mut self, opcode: u8) -> Result<(), Fault> {
        let [module, name] = if opcode == 0x93 {
            let (name, module) = (self.pop()?, self.pop()?);
            [module, name].map(|id| match self.nodes.get(id) {
                Some(Node::Text(text)) => text.clone(),
                _ => String::from("?"),
            })
        } else {
            [self.line()?, self.line()?]
        };
        match Global::named(&module, &name) {
            // INST calls what it names at once; nothing sound has written it for twenty years.
            Some(global) if opcode != b'i' => self.push(Node::Global(global)),
            _ => Err(Fault::Foreign(format!("{module}.{name}").chars().filter(|c| !c.is_control()).take(80).collect())),
        }
    }

    pub(super) fn push(&mut self, node: Node) -> Result<(), Fault> {
        self.nodes.push(node);
        self.stack.push(self.nodes.len() - 1);
        Ok(())
    }

    pub(super) fn pop(&mut self) -> Result<Id, Fault> {
        // What lies below an open mark belongs to it.
        if self.stack.len() <= self.marks.last().copied().unwrap_or(0) {
            return malformed(STACK);
        }
        self.stack.pop().ok_or(Fault::Malformed(STACK.into()))
    }

    pub(super) fn top(&self) -> Result<Id, Fault> {
        self.stack.last().copied().ok_or(Fault::Malformed(STACK.into()))
    }

    fn since_mark(&mut self) -> Result<Vec<Id>, Fault> {
        let mark = self.marks.pop().filter(|mark| *mark <= self.stack.len());
        Ok(self.stack.split_off(mark.ok_or(Fault::Malformed(STACK.into()))?))
    }

    fn byte(&mut self) -> Result<u8, Fault> {
        Ok(self.take::<1>()?[0])
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let mut bytes = [0; N];
        self.from.read_exact(&mut bytes).map_err(broken)?;
        Ok(bytes)
    }

    /// `length` bytes, memory growing with what arrives.
    fn bytes(&mut self, length: u64) -> Result<Vec<u8>, Fault> {
        let mut bytes = Vec::new();
        let read = self.from.by_ref().take(length).read_to_end(&mut bytes).map_err(broken)?;
        if (read as u64) < length { malformed(CUT) } else { Ok(bytes) }
    }

    fn line(&mut self) -> Result<String, Fault> {
        let mut bytes = Vec::new();
        loop {
            match self.byte()? {
                b'\n' => return Ok(String::from_utf8_lossy(&bytes).into_owned()),
                byte => bytes.push(byte),
            }
        }
    }
}

/// The stack held less than an instruction takes.
const STACK: &str = "the pickle takes what it never gave";
/// The data end, or are longer than [`MOST_BYTES`].
const CUT: &str = "the pickle is cut off, or far longer than weights need";

fn broken(error: std::io::Error) -> Fault {
    match error.kind() {
        std::io::ErrorKind::UnexpectedEof => Fault::Malformed(CUT.into()),
        _ => Fault::Io(error),
    }
}
