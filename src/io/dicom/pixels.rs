//! Stored samples of one picture: what the header says of them, whether the data fit, and decoding.
//! Knows neither Hounsfield units nor films.

use super::codestream;
use super::fault::Fault;
use super::file::DicomFile;
use super::syntax::Packing;
use super::walk::PixelPlace;
use crate::io::IoError;
use dicom_core::{DataElement, PrimitiveValue, VR, value::PixelFragmentSequence};
use dicom_dictionary_std::tags;
use dicom_object::{FileDicomObject, FileMetaTableBuilder, InMemDicomObject};
use dicom_pixeldata::PixelDecoder;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Largest picture accepted (pixels): three times a stitched long-leg film of 3,000 x 10,000.
const MAX_PIXELS: usize = 96 << 20;
/// Most samples a packed byte may stand for; real films have 2 to 30.
const MAX_SAMPLES_PER_BYTE: usize = 1000;

/// Channels that differ by more are a colour, not a rounding (grey levels of 255).
const COLOUR_SPREAD: i32 = 24;
/// A film may carry so large a part of coloured pixels (markers, annotations).
const MAX_COLOURED_PART: f64 = 0.02;
/// Chroma of grey in YBR (PS3.3 section C.7.6.3.1.2).
const CHROMA_ZERO: i32 = 128;

/// How samples are stored (PS3.3 section C.7.6.3).
#[derive(Clone, Debug, PartialEq)]
pub(super) struct PixelFormat {
    pub rows: usize,
    pub cols: usize,
    pub bits_allocated: u16,
    pub bits_stored: u16,
    pub high_bit: u16,
    pub signed: bool,
    pub samples: u16,
    /// Channels one after the other instead of pixel by pixel.
    pub planar: bool,
    pub photometric: String,
}

impl PixelFormat {
    /// Reads the description of the pixels out of a header.
    ///
    /// # Errors
    /// Missing or impossible Rows, Columns or bits, and pictures of a kind that is not read (palette, many frames).
    pub(super) fn of(file: &DicomFile) -> Result<Self, IoError> {
        Self::parse(file).map_err(|fault| fault.at(&file.path))
    }

    fn parse(file: &DicomFile) -> Result<Self, Fault> {
        let fields = &file.dataset.fields;
        let needed = |tag, name: &str| fields.short(tag).ok_or_else(|| Fault::damaged(format!("{name} is missing")));
        let rows = usize::from(needed(tags::ROWS, "Rows")?);
        let cols = usize::from(needed(tags::COLUMNS, "Columns")?);
        if rows < 2 || cols < 2 || rows * cols > MAX_PIXELS {
            return Err(Fault::damaged(format!("Rows {rows} and Columns {cols} are not those of a film or slice")));
        }
        let bits_allocated = needed(tags::BITS_ALLOCATED, "BitsAllocated")?;
        if bits_allocated != 8 && bits_allocated != 16 {
            let cause = format!("its pixels have {bits_allocated} bits");
            return Err(Fault::unsupported(cause, "export it with 8 or 16 bits a pixel"));
        }
        let bits_stored = fields.short(tags::BITS_STORED).unwrap_or(bits_allocated);
        let high_bit = fields.short(tags::HIGH_BIT).unwrap_or(bits_stored.saturating_sub(1));
        if bits_stored == 0 || bits_stored > bits_allocated || high_bit + 1 < bits_stored || high_bit >= bits_allocated
        {
            let cause = format!("BitsStored {bits_stored} and HighBit {high_bit} do not fit {bits_allocated} bits");
            return Err(Fault::damaged(cause));
        }
        let frames = fields.number(tags::NUMBER_OF_FRAMES).unwrap_or(1.0);
        if frames > 1.0 {
            let cause = format!("it holds {frames:.0} frames");
            return Err(Fault::unsupported(cause, "export the single frame or slices wanted"));
        }
        let photometric = fields.text(tags::PHOTOMETRIC_INTERPRETATION).unwrap_or_else(|| "MONOCHROME2".to_string());
        let signed = fields.short(tags::PIXEL_REPRESENTATION) == Some(1);
        let samples = fields.short(tags::SAMPLES_PER_PIXEL).unwrap_or(1);
        let planar = fields.short(tags::PLANAR_CONFIGURATION) == Some(1);
        let format = Self { rows, cols, bits_allocated, bits_stored, high_bit, signed, samples, planar, photometric };
        format.check_colour()?;
        Ok(format)
    }

    fn check_colour(&self) -> Result<(), Fault> {
        let grey = self.samples == 1 && self.photometric.starts_with("MONOCHROME");
        let colour = self.samples == 3 && self.bits_allocated == 8;
        if grey || colour {
            return Ok(());
        }
        let cause = format!("its pixels are {} with {} samples", self.photometric, self.samples);
        Err(Fault::unsupported(cause, "export it as grey values (MONOCHROME1 or 2)"))
    }

    /// Pixels of the picture.
    pub(super) fn pixels(&self) -> usize {
        self.rows * self.cols
    }

    /// Bytes of the plain picture.
    pub(super) fn plain_bytes(&self) -> usize {
        self.pixels() * usize::from(self.samples) * usize::from(self.bits_allocated / 8)
    }

    /// The value of a stored 16 bit word: unused bits off, sign extended.
    pub(super) fn value(&self, word: u16) -> i32 {
        let shift = self.high_bit + 1 - self.bits_stored;
        let used = i32::from(word >> shift) & ((1 << self.bits_stored) - 1);
        if self.signed && used >> (self.bits_stored - 1) & 1 == 1 { used - (1 << self.bits_stored) } else { used }
    }
}

/// Where plain samples lie, after checking that they are there.
///
/// # Errors
/// Rows and Columns that do not fit the data, or a file cut short.
pub(super) fn plain_place(file: &DicomFile, format: &PixelFormat, at: u64, len: u64) -> Result<u64, IoError> {
    let needed = format.plain_bytes() as u64;
    let there = file.dataset.total.saturating_sub(at);
    let size = format!("{} x {} pixels of {} bits", format.cols, format.rows, format.bits_allocated);
    if there < needed.min(len) {
        let cause = format!("the pixels are cut short: {size} are {needed} bytes, {there} are there");
        return Err(Fault::damaged(cause).at(&file.path));
    }
    // One byte of padding makes an odd length even (PS3.5 section 8.1.1).
    if len < needed {
        let cause = format!("Rows and Columns do not fit the data: {size} are {needed} bytes, {len} are stored");
        return Err(Fault::damaged(cause).at(&file.path));
    }
    Ok(at)
}

/// Whether the rest of a file can hold a packed picture at all.
///
/// # Errors
/// Rows and Columns that no stream of this length unfolds to.
pub(super) fn check_packed_room(file: &DicomFile, format: &PixelFormat, at: u64) -> Result<(), IoError> {
    let packed = file.dataset.total.saturating_sub(at);
    if packed.saturating_mul(MAX_SAMPLES_PER_BYTE as u64) >= format.pixels() as u64 {
        return Ok(());
    }
    let cause = format!("{packed} packed bytes cannot hold {} x {} pixels", format.cols, format.rows);
    Err(Fault::damaged(cause).at(&file.path))
}

/// All stored values of one picture, `[row][col]`. Grey pictures that were stored in three channels are taken as grey.
///
/// # Errors
/// Data that do not fit the header, that a decoder refuses, or that show colours.
pub(super) fn values(file: &DicomFile, format: &PixelFormat) -> Result<Vec<i32>, IoError> {
    let mut as_rgb = !format.photometric.starts_with("YBR");
    let mut planar = format.planar;
    let bytes = match file.pixel_place()? {
        PixelPlace::Native { at, len } => {
            let at = plain_place(file, format, at, len)?;
            let mut bytes = vec![0u8; format.plain_bytes()];
            file.fill_from(at, &mut bytes)?;
            if file.dataset.syntax.packing() == Packing::PlainBig && format.bits_allocated == 16 {
                bytes.chunks_exact_mut(2).for_each(<[u8]>::reverse);
            }
            bytes
        }
        PixelPlace::Encapsulated { at } => {
            check_packed_room(file, format, at)?;
            // The decoders give red, green, blue pixel by pixel; plain and run-length frames stay as they were.
            if !matches!(file.dataset.syntax.packing(), Packing::Rle | Packing::Fragments) {
                (as_rgb, planar) = (true, false);
            }
            if file.dataset.syntax.packing() == Packing::Rle {
                planar = false;
            }
            unpacked(file, format, file.fragments(at)?)?
        }
        PixelPlace::Float => return Err(Fault::damaged("its pixels are floating point numbers").at(&file.path)),
    };
    if bytes.len() < format.plain_bytes() {
        return Err(Fault::damaged("the decoded pixels are fewer than Rows x Columns").at(&file.path));
    }
    if format.samples == 3 {
        return grey(&bytes, format, planar, as_rgb).map_err(|fault| fault.at(&file.path));
    }
    Ok(samples(&bytes, format))
}

/// The grey of three equal channels (or the first of luma and two chromas).
fn grey(bytes: &[u8], format: &PixelFormat, planar: bool, as_rgb: bool) -> Result<Vec<i32>, Fault> {
    let n = format.pixels();
    let (mut values, mut coloured) = (Vec::with_capacity(n), 0usize);
    let at = |i: usize| bytes.get(i).map_or(0, |&b| i32::from(b));
    for i in 0..n {
        let [a, b, c] =
            if planar { [at(i), at(n + i), at(2 * n + i)] } else { [at(3 * i), at(3 * i + 1), at(3 * i + 2)] };
        let (spread, value) = if as_rgb {
            (a.max(b).max(c) - a.min(b).min(c), (a + b + c) / 3)
        } else {
            ((b - CHROMA_ZERO).abs().max((c - CHROMA_ZERO).abs()), a)
        };
        coloured += usize::from(spread > COLOUR_SPREAD);
        values.push(value);
    }
    if coloured as f64 > MAX_COLOURED_PART * n as f64 {
        return Err(Fault::wrong("it is a colour picture, not an X-ray film", "choose an X-ray film"));
    }
    Ok(values)
}

fn samples(bytes: &[u8], format: &PixelFormat) -> Vec<i32> {
    if format.bits_allocated == 8 {
        return bytes.iter().take(format.pixels()).map(|&b| format.value(u16::from(b))).collect();
    }
    let word = |two: &[u8]| u16::from_le_bytes(<[u8; 2]>::try_from(two).unwrap_or_default());
    bytes.chunks_exact(2).take(format.pixels()).map(|two| format.value(word(two))).collect()
}

/// Decodes fragments into plain samples, little end first.
fn unpacked(file: &DicomFile, format: &PixelFormat, fragments: Vec<Vec<u8>>) -> Result<Vec<u8>, IoError> {
    let fault = |cause: String| Fault::damaged(cause).at(&file.path);
    let packed: usize = fragments.iter().map(Vec::len).sum();
    if packed == 0 {
        return Err(fault("its packed pixels are empty".to_string()));
    }
    // One frame is one stream, however many fragments it came in (PS3.5 section A.4).
    let stream: Vec<u8> = fragments.concat();
    match file.dataset.syntax.packing() {
        Packing::Fragments => return Ok(stream),
        Packing::Rle => {}
        _ => check_stated_size(&stream, format).map_err(|f| f.at(&file.path))?,
    }
    let packing = file.dataset.syntax.packing();
    let stated_bits = if packing == Packing::JpegXl { codestream::jpeg_xl_bits(&stream) } else { None };
    let object = decodable(file, format, stream).map_err(|cause| fault(format!("cannot be decoded ({cause})")))?;
    // The decoders index into what they decode and panic on some damaged streams.
    let decoded = catch_unwind(AssertUnwindSafe(|| {
        object.decode_pixel_data().map(|pixels| pixels.data().to_vec()).map_err(|e| innermost(&e))
    }));
    match decoded {
        Ok(Ok(mut bytes)) => {
            unstretch(&mut bytes, format, stated_bits);
            Ok(bytes)
        }
        Ok(Err(cause)) => Err(fault(format!("its packed pixels cannot be decoded ({cause})"))),
        Err(_) => Err(fault("its packed pixels cannot be decoded (the decoder gave up)".to_string())),
    }
}

/// The JPEG XL decoder stretches samples of fewer than 16 bits to the full range; this takes it back, exactly.
fn unstretch(bytes: &mut [u8], format: &PixelFormat, stated_bits: Option<u32>) {
    let Some(bits) = stated_bits.filter(|bits| *bits < 16 && format.bits_allocated == 16) else { return };
    let top = f64::from((1u32 << bits) - 1);
    for two in bytes.chunks_exact_mut(2) {
        let stretched = u16::from_le_bytes(<[u8; 2]>::try_from(&*two).unwrap_or_default());
        let value = (f64::from(stretched) * top / f64::from(u16::MAX)).round() as u16;
        two.copy_from_slice(&value.to_le_bytes());
    }
}

/// The last error of a chain, which says what happened.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut deepest = error;
    while let Some(next) = deepest.source() {
        deepest = next;
    }
    deepest.to_string()
}

fn check_stated_size(stream: &[u8], format: &PixelFormat) -> Result<(), Fault> {
    match codestream::size(stream) {
        Some((cols, rows)) if (cols as usize, rows as usize) == (format.cols, format.rows) => Ok(()),
        Some((cols, rows)) => Err(Fault::damaged(format!(
            "Rows and Columns do not fit the data: {} x {} in the header, {cols} x {rows} in the packed picture",
            format.cols, format.rows
        ))),
        None => Err(Fault::damaged("its packed pixels are not what the transfer syntax says")),
    }
}

/// The least object that the decoders need, so that nothing else of a hostile header reaches them.
fn decodable(
    file: &DicomFile,
    format: &PixelFormat,
    stream: Vec<u8>,
) -> Result<FileDicomObject<InMemDicomObject>, String> {
    let short = |tag, value: u16| DataElement::new(tag, VR::US, PrimitiveValue::from(value));
    let mut object = InMemDicomObject::from_element_iter([
        short(tags::SAMPLES_PER_PIXEL, format.samples),
        short(tags::ROWS, format.rows as u16),
        short(tags::COLUMNS, format.cols as u16),
        short(tags::BITS_ALLOCATED, format.bits_allocated),
        short(tags::BITS_STORED, format.bits_stored),
        short(tags::HIGH_BIT, format.high_bit),
        short(tags::PIXEL_REPRESENTATION, u16::from(format.signed)),
        short(tags::PLANAR_CONFIGURATION, 0),
        DataElement::new(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, PrimitiveValue::from(format.photometric.as_str())),
        DataElement::new(tags::NUMBER_OF_FRAMES, VR::IS, PrimitiveValue::from("1")),
    ]);
    let fragments = PixelFragmentSequence::new_fragments(vec![stream]);
    object.put(DataElement::new(tags::PIXEL_DATA, VR::OB, fragments));
    let meta = FileMetaTableBuilder::new()
        .transfer_syntax(file.dataset.syntax.uid())
        .media_storage_sop_class_uid(dicom_dictionary_std::uids::SECONDARY_CAPTURE_IMAGE_STORAGE)
        .media_storage_sop_instance_uid("2.25.1");
    object.with_meta(meta).map_err(|e| innermost(&e))
}
