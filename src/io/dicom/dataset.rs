//! One DICOM data set's header: file meta, transfer syntax, and typed access to values by tag.
//! Knows no image and no path.

use super::fault::Fault;
use super::syntax::Syntax;
use super::walk::{Coding, Layout, PixelPlace, Place, Stop, Walker};
use dicom_core::Tag;
use std::io::Read;

/// Bytes before the magic word (PS3.10 section 7.1).
const PREAMBLE: usize = 128;
/// The magic word.
const MAGIC: &[u8] = b"DICM";
/// Group of the file meta information.
const META_GROUP: u16 = 0x0002;
/// Most bytes a deflated data set may unfold to; the largest film accepted has half of that.
const MAX_INFLATED: u64 = 512 << 20;

/// The values of one data set (or of one item of a sequence).
#[derive(Debug)]
pub(super) struct Fields {
    bytes: Vec<u8>,
    layout: Layout,
    coding: Coding,
    utf8: bool,
}

/// A file's header.
#[derive(Debug)]
pub(super) struct Dataset {
    /// The transfer syntax.
    pub syntax: Syntax,
    /// The values before the pixel data.
    pub fields: Fields,
    /// Length of what the offsets count in: the file's, or what a deflated file unfolds to.
    pub total: u64,
}

/// Whether these first bytes of a file look like DICOM: the magic word, or a bare data set of old.
pub(super) fn looks_like_dicom(first: &[u8]) -> bool {
    first.get(PREAMBLE..PREAMBLE + MAGIC.len()) == Some(MAGIC) || is_bare(first)
}

/// A data set without preamble begins with group 2 or 8, a small element number, and a length or two capitals.
fn is_bare(first: &[u8]) -> bool {
    match first.get(..8) {
        Some(&[0x02 | 0x08, 0x00, e, 0x00, a, b, c, d]) => {
            let explicit = a.is_ascii_uppercase() && b.is_ascii_uppercase();
            let short = b == 0 && c == 0 && d == 0 && a % 2 == 0;
            (e <= 0x18) && (explicit || short)
        }
        _ => false,
    }
}

/// Reads the header out of `prefix`, the first bytes of a file of `total` bytes.
///
/// # Errors
/// [`Stop::NeedMore`] where the header is longer than `prefix`; [`Stop::Fault`] where it is none.
pub(super) fn parse(prefix: Vec<u8>, total: u64) -> Result<Dataset, (Stop, Vec<u8>)> {
    match outline(&prefix, total) {
        Ok((syntax, start)) if syntax.is_deflated() => {
            if (prefix.len() as u64) < total {
                return Err((Stop::NeedMore, prefix));
            }
            inflated(&prefix, start, syntax).map_err(|fault| (Stop::Fault(fault), prefix))
        }
        Ok((syntax, start)) => match Walker::new(&prefix, start, total, syntax.coding()).layout(None) {
            Ok(layout) => {
                let coding = syntax.coding();
                Ok(Dataset { syntax, fields: Fields::new(prefix, layout, coding), total })
            }
            Err(stop) => Err((stop, prefix)),
        },
        Err(stop) => Err((stop, prefix)),
    }
}

/// The transfer syntax, and where the data set begins.
fn outline(prefix: &[u8], total: u64) -> Result<(Syntax, usize), Stop> {
    if !looks_like_dicom(prefix) {
        return Err(Fault::NotDicom.into());
    }
    let start = if is_bare(prefix) && prefix.get(PREAMBLE..PREAMBLE + MAGIC.len()) != Some(MAGIC) {
        0
    } else {
        PREAMBLE + MAGIC.len()
    };
    let coding = Coding { implicit: false, big: false };
    let mut walker = Walker::new(prefix, start, total, coding);
    let meta = walker.layout(Some(META_GROUP))?;
    let end = walker.position();
    let meta = Fields::new(prefix.get(..end).unwrap_or_default().to_vec(), meta, coding);
    let syntax = match meta.text(dicom_dictionary_std::tags::TRANSFER_SYNTAX_UID) {
        Some(uid) => Syntax::of_uid(&uid)?,
        None => Syntax::guessed(prefix.get(end..).unwrap_or_default()),
    };
    Ok((syntax, end))
}

/// The header of a deflated data set, unfolded within bounds.
fn inflated(file: &[u8], start: usize, syntax: Syntax) -> Result<Dataset, Fault> {
    let packed = file.get(start..).unwrap_or_default();
    let mut bytes = Vec::new();
    let mut reader = flate2::read::DeflateDecoder::new(packed).take(MAX_INFLATED + 1);
    reader
        .read_to_end(&mut bytes)
        .map_err(|e| Fault::damaged(format!("its deflated data cannot be unfolded ({e})")))?;
    let total = bytes.len() as u64;
    if total > MAX_INFLATED {
        return Err(Fault::damaged(format!("its deflated data unfold to more than {} MiB", MAX_INFLATED >> 20)));
    }
    match Walker::new(&bytes, 0, total, syntax.coding()).layout(None) {
        Ok(layout) => {
            let coding = syntax.coding();
            Ok(Dataset { syntax, fields: Fields::new(bytes, layout, coding), total })
        }
        Err(Stop::NeedMore) => Err(Fault::damaged("its deflated data end early")),
        Err(Stop::Fault(fault)) => Err(fault),
    }
}

impl Fields {
    fn new(bytes: Vec<u8>, layout: Layout, coding: Coding) -> Self {
        let mut fields = Self { bytes, layout, coding, utf8: false };
        let charset = fields.text(dicom_dictionary_std::tags::SPECIFIC_CHARACTER_SET);
        fields.utf8 = charset.is_some_and(|name| name.contains("192") || name.contains("GB18030"));
        fields
    }

    /// Where the pixel data begin, if there are any.
    pub(super) fn pixels(&self) -> Option<PixelPlace> {
        self.layout.pixels
    }

    /// The bytes at hand: the first of the file, or all.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The element's value as it lies in the file.
    pub(super) fn raw(&self, tag: Tag) -> Option<&[u8]> {
        self.place(tag).and_then(|(_, raw)| (!raw.is_empty()).then_some(raw))
    }

    fn place(&self, tag: Tag) -> Option<(Place, &[u8])> {
        let place = *self.layout.places.get(&(u32::from(tag.0) << 16 | u32::from(tag.1)))?;
        Some((place, self.bytes.get(place.at..place.at.checked_add(place.len)?)?))
    }

    /// The text, trimmed; `None` where empty or missing. Control characters become spaces.
    pub(super) fn text(&self, tag: Tag) -> Option<String> {
        let raw = self.raw(tag)?;
        let text = match std::str::from_utf8(raw) {
            Ok(text) if self.utf8 || text.is_ascii() => text.to_string(),
            // Latin 1; wrong for Asian names, which are shown nowhere by default.
            _ => raw.iter().map(|&b| char::from(b)).collect(),
        };
        let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let trimmed = clean.trim();
        (!trimmed.is_empty()).then(|| trimmed.to_string())
    }

    /// The values of a text with several, each trimmed.
    pub(super) fn texts(&self, tag: Tag) -> Vec<String> {
        self.text(tag).map(|t| t.split('\\').map(|v| v.trim().to_string()).collect()).unwrap_or_default()
    }

    /// The numbers of an element, decimal strings or binary; empty where missing or any is no finite number.
    pub(super) fn numbers(&self, tag: Tag) -> Vec<f64> {
        let Some((place, raw)) = self.place(tag) else { return Vec::new() };
        let values: Vec<f64> = match place.vr.as_ref() {
            Some(b"FD") => self.chunked(raw, f64::from_le_bytes, f64::from_be_bytes),
            Some(b"FL") => {
                self.chunked(raw, |b| f64::from(f32::from_le_bytes(b)), |b| f64::from(f32::from_be_bytes(b)))
            }
            Some(b"US") => {
                self.chunked(raw, |b| f64::from(u16::from_le_bytes(b)), |b| f64::from(u16::from_be_bytes(b)))
            }
            Some(b"SS") => {
                self.chunked(raw, |b| f64::from(i16::from_le_bytes(b)), |b| f64::from(i16::from_be_bytes(b)))
            }
            Some(b"UL") => {
                self.chunked(raw, |b| f64::from(u32::from_le_bytes(b)), |b| f64::from(u32::from_be_bytes(b)))
            }
            Some(b"SL") => {
                self.chunked(raw, |b| f64::from(i32::from_le_bytes(b)), |b| f64::from(i32::from_be_bytes(b)))
            }
            _ => self.texts(tag).iter().map(|t| t.parse().unwrap_or(f64::NAN)).collect(),
        };
        if values.iter().all(|v| v.is_finite()) { values } else { Vec::new() }
    }

    fn chunked<const N: usize>(
        &self,
        raw: &[u8],
        little: impl Fn([u8; N]) -> f64,
        big: impl Fn([u8; N]) -> f64,
    ) -> Vec<f64> {
        let of = |chunk: &[u8]| {
            let bytes = <[u8; N]>::try_from(chunk).unwrap_or([0; N]);
            if self.coding.big { big(bytes) } else { little(bytes) }
        };
        raw.chunks_exact(N).map(of).collect()
    }

    /// The first number of an element.
    pub(super) fn number(&self, tag: Tag) -> Option<f64> {
        self.numbers(tag).first().copied()
    }

    /// `N` numbers, where the element has at least so many.
    pub(super) fn array<const N: usize>(&self, tag: Tag) -> Option<[f64; N]> {
        self.numbers(tag).get(..N).and_then(|v| <[f64; N]>::try_from(v).ok())
    }

    /// A whole number of an element that is US (or US/SS) in the dictionary, whatever the file's syntax.
    pub(super) fn short(&self, tag: Tag) -> Option<u16> {
        let (place, raw) = self.place(tag)?;
        if matches!(place.vr.as_ref(), Some(b"IS" | b"DS" | b"UL" | b"SL")) {
            let value = self.number(tag)?;
            return (value.fract() == 0.0 && (0.0..=65535.0).contains(&value)).then_some(value as u16);
        }
        let two = <[u8; 2]>::try_from(raw.get(..2)?).ok()?;
        Some(if self.coding.big { u16::from_be_bytes(two) } else { u16::from_le_bytes(two) })
    }

    /// All 16 bit words of an element (lookup tables).
    pub(super) fn words(&self, tag: Tag) -> Vec<u16> {
        let raw = self.raw(tag).unwrap_or_default();
        let of = |chunk: &[u8]| {
            let two = <[u8; 2]>::try_from(chunk).unwrap_or_default();
            if self.coding.big { u16::from_be_bytes(two) } else { u16::from_le_bytes(two) }
        };
        raw.chunks_exact(2).map(of).collect()
    }

    /// A double by tag in a private block, for files without value representations too.
    pub(super) fn doubles(&self, tag: Tag) -> Vec<f64> {
        let raw = self.raw(tag).unwrap_or_default();
        self.chunked(raw, f64::from_le_bytes, f64::from_be_bytes)
    }

    /// The first item of a sequence.
    pub(super) fn first_item(&self, tag: Tag) -> Option<Fields> {
        let (place, raw) = self.place(tag)?;
        let coding = if place.vr == Some(*b"UN") { Coding { implicit: true, big: false } } else { self.coding };
        let first = *Walker::new(raw, 0, raw.len() as u64, coding).items().ok()?.first()?;
        let bytes = raw.get(first.at..first.at.checked_add(first.len)?)?.to_vec();
        let layout = Walker::new(&bytes, 0, bytes.len() as u64, coding).layout(None).ok()?;
        Some(Self::new(bytes, layout, coding))
    }
}
