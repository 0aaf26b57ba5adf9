//! A walk over the elements of a DICOM data set: which tag lies where. Decodes no value and copies none.
//!
//! Written by hand although `dicom-object` reads data sets, for two reasons: its reader reserves and zeroes the
//! length that an element declares before it reads (4 GB on a header's word), and it copies every value, where a
//! CT slice needs a dozen numbers and the place of its pixels. Here a length is compared with the file's first.

use super::fault::Fault;
use std::collections::BTreeMap;

/// Length that stands for "until the delimiter" (PS3.5 section 7.1.1).
const UNDEFINED: u32 = u32::MAX;
/// Sequences nested deeper than this are an attack, not an image.
const MAX_DEPTH: usize = 16;
/// Group of items and delimiters (PS3.5 section 7.5).
const ITEM_GROUP: u32 = 0xFFFE;
/// An item of a sequence.
pub(super) const ITEM: u32 = 0xFFFE_E000;
/// The end of an item of undefined length.
const ITEM_END: u32 = 0xFFFE_E00D;
/// The end of a sequence of undefined length.
pub(super) const SEQUENCE_END: u32 = 0xFFFE_E0DD;
/// Pixel Data.
const PIXEL_DATA: u32 = 0x7FE0_0010;
/// Float and double float pixel data, which stop the walk as well.
const FLOAT_PIXEL_DATA: [u32; 2] = [0x7FE0_0008, 0x7FE0_0009];
/// Value representations with a 32 bit length in explicit syntaxes (PS3.5 table 7.1-1).
const LONG_VRS: [&[u8; 2]; 13] =
    [b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"];

/// Why a walk ended early.
#[derive(Debug)]
pub(super) enum Stop {
    /// The bytes at hand end before the data do; read more and start again.
    NeedMore,
    /// The data are wrong.
    Fault(Fault),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// How elements are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Coding {
    /// Without value representations.
    pub implicit: bool,
    /// Big end first (retired).
    pub big: bool,
}

/// Where an element's value lies, and its value representation where the file says it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub vr: Option<[u8; 2]>,
    pub at: usize,
    pub len: usize,
}

/// Where the pixel data begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PixelPlace {
    /// Plain samples; `len` is what the header says, not what is there.
    Native { at: u64, len: u64 },
    /// Fragments; `at` is the first item (the offset table).
    Encapsulated { at: u64 },
    /// Floating point samples.
    Float,
}

/// The elements of one data set.
#[derive(Debug, Default)]
pub(super) struct Layout {
    pub places: BTreeMap<u32, Place>,
    pub pixels: Option<PixelPlace>,
}

/// An element's tag, representation and declared length.
struct Head {
    tag: u32,
    vr: Option<[u8; 2]>,
    len: u32,
}

/// A position in the first bytes of a file of `total` bytes.
pub(super) struct Walker<'a> {
    bytes: &'a [u8],
    at: usize,
    total: u64,
    coding: Coding,
}

impl<'a> Walker<'a> {
    /// Starts at `at` in `bytes`, the first bytes of a file of `total` bytes.
    pub(super) fn new(bytes: &'a [u8], at: usize, total: u64, coding: Coding) -> Self {
        Self { bytes, at, total, coding }
    }

    /// Where the walk stands.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// The group of the next element, `None` at the end.
    fn next_group(&self) -> Option<u16> {
        let two = self.bytes.get(self.at..self.at.checked_add(2)?)?;
        Some(self.u16_of(two))
    }

    /// All elements up to the pixel data or the end; with `only_group`, up to the first of another group.
    pub(super) fn layout(&mut self, only_group: Option<u16>) -> Result<Layout, Stop> {
        let mut layout = Layout::default();
        while (self.at as u64) < self.total {
            if let Some(wanted) = only_group
                && self.next_group() != Some(wanted)
            {
                if self.at + 2 > self.bytes.len() && (self.at + 2) as u64 <= self.total {
                    return Err(Stop::NeedMore);
                }
                break;
            }
            let head = self.head()?;
            if head.tag == PIXEL_DATA {
                layout.pixels = Some(self.pixel_place(head.len));
                break;
            }
            if FLOAT_PIXEL_DATA.contains(&head.tag) {
                layout.pixels = Some(PixelPlace::Float);
                break;
            }
            let place = self.value(&head, 0)?;
            layout.places.entry(head.tag).or_insert(place);
        }
        Ok(layout)
    }

    /// Items of a sequence whose value is all of `bytes`: where each one's content lies.
    pub(super) fn items(&mut self) -> Result<Vec<Place>, Stop> {
        let mut items = Vec::new();
        while (self.at as u64) < self.total {
            let head = self.head()?;
            if head.tag != ITEM {
                break;
            }
            items.push(self.item_content(&head, 0)?);
        }
        Ok(items)
    }

    fn pixel_place(&self, len: u32) -> PixelPlace {
        let at = self.at as u64;
        if len == UNDEFINED { PixelPlace::Encapsulated { at } } else { PixelPlace::Native { at, len: u64::from(len) } }
    }

    /// Steps over a value and tells where it lies.
    fn value(&mut self, head: &Head, depth: usize) -> Result<Place, Stop> {
        let at = self.at;
        if head.len != UNDEFINED {
            self.skip(head.len as usize)?;
            return Ok(Place { vr: head.vr, at, len: self.at - at });
        }
        let outer = self.coding;
        // A sequence of unknown representation is written without representations (PS3.5 section 6.2.2, note 2).
        if head.vr == Some(*b"UN") {
            self.coding = Coding { implicit: true, big: false };
        }
        let len = self.sequence(depth)?;
        self.coding = outer;
        Ok(Place { vr: head.vr, at, len })
    }

    /// Steps over the items of a sequence of undefined length; the length of its content.
    fn sequence(&mut self, depth: usize) -> Result<usize, Stop> {
        if depth >= MAX_DEPTH {
            return Err(Fault::damaged("sequences are nested too deeply").into());
        }
        let start = self.at;
        loop {
            let end = self.at;
            let head = self.head()?;
            match head.tag {
                SEQUENCE_END => return Ok(end - start),
                ITEM => self.item_content(&head, depth + 1)?,
                _ => return Err(Fault::damaged("a sequence holds something that is no item").into()),
            };
        }
    }

    /// Steps over an item; where its content lies.
    fn item_content(&mut self, head: &Head, depth: usize) -> Result<Place, Stop> {
        let at = self.at;
        if head.len != UNDEFINED {
            self.skip(head.len as usize)?;
            return Ok(Place { vr: None, at, len: self.at - at });
        }
        if depth >= MAX_DEPTH {
            return Err(Fault::damaged("sequences are nested too deeply").into());
        }
        loop {
            let end = self.at;
            let inner = self.head()?;
            if inner.tag == ITEM_END {
                return Ok(Place { vr: None, at, len: end - at });
            }
            self.value(&inner, depth + 1)?;
        }
    }

    /// Reads a tag, its representation and its length.
    fn head(&mut self) -> Result<Head, Stop> {
        let group = u32::from(self.u16()?);
        let tag = group << 16 | u32::from(self.u16()?);
        if group == ITEM_GROUP || self.coding.implicit {
            return Ok(Head { tag, vr: None, len: self.u32()? });
        }
        let vr = self.take(2)?;
        let vr: [u8; 2] = [vr.first().copied().unwrap_or(0), vr.last().copied().unwrap_or(0)];
        if !vr.iter().all(u8::is_ascii_uppercase) {
            // Some writers mix: an element without representation inside an explicit syntax.
            self.at -= 2;
            return Ok(Head { tag, vr: None, len: self.u32()? });
        }
        if LONG_VRS.contains(&&vr) {
            self.take(2)?;
            return Ok(Head { tag, vr: Some(vr), len: self.u32()? });
        }
        Ok(Head { tag, vr: Some(vr), len: u32::from(self.u16()?) })
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], Stop> {
        let start = self.at;
        self.skip(count)?;
        self.bytes.get(start..self.at).ok_or(Stop::NeedMore)
    }

    fn skip(&mut self, count: usize) -> Result<(), Stop> {
        let end = self.at.saturating_add(count);
        if end as u64 > self.total {
            let cause =
                format!("an element at byte {} says {count} bytes, the file ends after {}", self.at, self.total);
            return Err(Fault::damaged(cause).into());
        }
        if end > self.bytes.len() {
            return Err(Stop::NeedMore);
        }
        self.at = end;
        Ok(())
    }

    fn u16(&mut self) -> Result<u16, Stop> {
        let two = self.take(2)?;
        Ok(self.u16_of(two))
    }

    fn u16_of(&self, two: &[u8]) -> u16 {
        let two = <[u8; 2]>::try_from(two).unwrap_or_default();
        if self.coding.big { u16::from_be_bytes(two) } else { u16::from_le_bytes(two) }
    }

    fn u32(&mut self) -> Result<u32, Stop> {
        let four = <[u8; 4]>::try_from(self.take(4)?).unwrap_or_default();
        Ok(if self.coding.big { u32::from_be_bytes(four) } else { u32::from_le_bytes(four) })
    }
}
