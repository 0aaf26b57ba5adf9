//! Opening files and taking samples out of them without trusting a header. Knows bytes and sample types, no format.

use super::{Bytes, IoError, Progress, Warning};
use crate::units::Hu;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

/// Most voxels that are taken: 1024^3, 2 GiB as 16 bit integers.
pub(crate) const MAX_VOXELS: u64 = 1 << 30;
/// Compressed data may unpack to this much whatever its size (bytes): a 512^3 phantom of constant parts.
const UNPACKED_ALWAYS: u64 = 512 << 20;
/// Beyond that, real scans never shrink by more (they reach 2 to 10, mostly air 50).
const UNPACKED_RATIO: u64 = 200;
/// Pieces in which data is read and converted (bytes; a multiple of every sample size).
const PIECE_BYTES: usize = 1 << 20;

/// Opens a regular file that is not empty; gives its length in bytes too.
pub(crate) fn open_file(path: &Path) -> Result<(File, u64), IoError> {
    let about = fs::metadata(path).map_err(|e| IoError::from_read(path, e))?;
    if about.is_dir() {
        return Err(IoError::IsFolder { file: path.to_path_buf(), wanted: "a file" });
    }
    if !about.is_file() {
        return Err(IoError::wrong_content(
            path,
            "is a device or pipe, not a file",
            "save its content to a file first",
        ));
    }
    if about.len() == 0 {
        return Err(IoError::Empty { file: path.to_path_buf() });
    }
    let file = File::open(path).map_err(|e| IoError::from_read(path, e))?;
    Ok((file, about.len()))
}

/// Up to `most` first bytes of a stream.
pub(crate) fn read_up_to(path: &Path, mut from: impl Read, most: usize) -> Result<Vec<u8>, IoError> {
    let mut bytes = Vec::new();
    from.by_ref().take(most as u64).read_to_end(&mut bytes).map_err(|e| IoError::from_read(path, e))?;
    Ok(bytes)
}

/// A reader that tells a [`Progress`] how many bytes have gone through.
pub(crate) struct Counted<'a, R> {
    pub(crate) inner: R,
    pub(crate) progress: &'a Progress,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.progress.add(count as u64);
        Ok(count)
    }
}

/// The number types in which volumes are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sample {
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    U64,
    I64,
    F32,
    F64,
}

impl Sample {
    pub(crate) fn bytes(self) -> usize {
        match self {
            Self::U8 | Self::I8 => 1,
            Self::U16 | Self::I16 => 2,
            Self::U32 | Self::I32 | Self::F32 => 4,
            Self::U64 | Self::I64 | Self::F64 => 8,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::U8 => "uint8",
            Self::I8 => "int8",
            Self::U16 => "uint16",
            Self::I16 => "int16",
            Self::U32 => "uint32",
            Self::I32 => "int32",
            Self::U64 => "uint64",
            Self::I64 => "int64",
            Self::F32 => "float32",
            Self::F64 => "float64",
        }
    }
}

/// How samples become Hounsfield units: value * slope + intercept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Scaling {
    pub(crate) slope: f64,
    pub(crate) intercept: f64,
}

impl Scaling {
    pub(crate) const NONE: Self = Self { slope: 1.0, intercept: 0.0 };
}

/// Where samples lie and of which sort they are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    pub(crate) format: &'static str,
    pub(crate) sample: Sample,
    pub(crate) big_endian: bool,
    pub(crate) scaling: Scaling,
    /// Voxels wanted.
    pub(crate) voxels: u64,
    /// Bytes on disk from which they come.
    pub(crate) stored_bytes: u64,
    /// Whether those bytes are compressed.
    pub(crate) compressed: bool,
}

/// What was met while converting.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    least: f64,
    largest: f64,
    clipped: u64,
    not_numbers: u64,
    /// Bytes after the voxels, as far as they were looked at.
    trailing: u64,
}

/// A scan that holds no air is none, or not in Hounsfield units.
const AIR_AT_MOST_HU: f64 = -500.0;

impl Tally {
    const EMPTY: Self =
        Self { least: f64::INFINITY, largest: f64::NEG_INFINITY, clipped: 0, not_numbers: 0, trailing: 0 };

    /// What is worth telling.
    pub(crate) fn warnings(&self) -> Vec<Warning> {
        let mut list = Vec::new();
        if self.not_numbers > 0 {
            list.push(Warning::NotNumbers { count: self.not_numbers });
        }
        if self.clipped > 0 {
            list.push(Warning::Clipped { count: self.clipped });
        }
        if self.trailing > 0 {
            list.push(Warning::TrailingBytes { count: self.trailing });
        }
        if !(self.least <= AIR_AT_MOST_HU) {
            list.push(Warning::NotHounsfield { least: self.least, largest: self.largest });
        }
        list
    }

    /// One value to the nearest 16 bit integer. Below the padding value stands only padding (-2000, -3024).
    fn hu(&mut self, value: f64) -> i16 {
        if value.is_nan() {
            self.not_numbers += 1;
            return Hu::PADDING.0 as i16;
        }
        self.least = self.least.min(value);
        self.largest = self.largest.max(value);
        if value > f64::from(i16::MAX) {
            self.clipped += 1;
        }
        (value.round() as i16).max(Hu::PADDING.0 as i16)
    }

    /// The same for integers as they are, which most scans are.
    fn hu_of_i16(&mut self, values: impl Iterator<Item = i16>, out: &mut Vec<i16>) {
        let (mut least, mut largest) = (i16::MAX, i16::MIN);
        out.extend(values.map(|v| {
            (least, largest) = (least.min(v), largest.max(v));
            v.max(Hu::PADDING.0 as i16)
        }));
        self.least = self.least.min(f64::from(least));
        self.largest = self.largest.max(f64::from(largest));
    }
}

/// Takes `layout.voxels` samples from `data` as Hounsfield units. Memory grows with what really arrives.
///
/// # Errors
/// [`IoError::TooLarge`] and [`IoError::Damaged`] before reading where the file cannot hold what is promised,
/// or while reading where the data end early; [`IoError::Cancelled`].
pub(crate) fn read_hu(
    path: &Path,
    mut data: impl Read,
    layout: &Layout,
    progress: &Progress,
) -> Result<(Vec<i16>, Tally), IoError> {
    check_promise(path, layout)?;
    let size = layout.sample.bytes() as u64;
    let mut left = layout.voxels * size;
    // Compressed scans hold at most some ten times their size: more is taken only as it arrives.
    let likely = if layout.compressed { layout.stored_bytes.saturating_mul(16) } else { layout.stored_bytes };
    let mut hu = Vec::with_capacity((likely / size).min(layout.voxels) as usize);
    let mut tally = Tally::EMPTY;
    let mut piece = Vec::with_capacity(PIECE_BYTES);
    while left > 0 {
        progress.check(path)?;
        piece.clear();
        let wanted = left.min(PIECE_BYTES as u64);
        let read = data.by_ref().take(wanted).read_to_end(&mut piece);
        let count = read.map_err(|e| broken_stream(path, layout, e))? as u64;
        if count < wanted {
            let missing = Bytes(left - count);
            return Err(IoError::damaged(path, layout.format, format!("the data end early, {missing} are missing")));
        }
        convert(&piece, layout, &mut tally, &mut hu);
        left -= count;
    }
    tally.trailing = if layout.compressed {
        // Reading on to the end makes the decoder compare its checksum. What follows for longer than a piece is
        // not waited for: it may be a bomb.
        let rest = io::copy(&mut data.take(PIECE_BYTES as u64), &mut io::sink());
        rest.map_err(|e| broken_stream(path, layout, e))?
    } else {
        layout.stored_bytes.saturating_sub(layout.voxels * size)
    };
    Ok((hu, tally))
}

fn broken_stream(path: &Path, layout: &Layout, e: io::Error) -> IoError {
    use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
    match e.kind() {
        UnexpectedEof => IoError::damaged(path, layout.format, "the compressed data end early").because(e),
        InvalidData | InvalidInput => {
            IoError::damaged(path, layout.format, "the compressed data are damaged").because(e)
        }
        _ => IoError::from_read(path, e),
    }
}

/// Refuses, before anything is allocated, what the file cannot hold.
fn check_promise(path: &Path, layout: &Layout) -> Result<(), IoError> {
    let file = path.to_path_buf();
    let bytes = layout.voxels.saturating_mul(layout.sample.bytes() as u64);
    if layout.voxels > MAX_VOXELS {
        return Err(IoError::TooLarge {
            file,
            what: "a volume",
            bytes: layout.voxels.saturating_mul(2),
            limit: MAX_VOXELS * 2,
        });
    }
    let held = if layout.compressed {
        layout.stored_bytes.saturating_mul(UNPACKED_RATIO).max(UNPACKED_ALWAYS)
    } else {
        layout.stored_bytes
    };
    if bytes > held {
        let (promised, there) = (Bytes(bytes), Bytes(layout.stored_bytes));
        let packed = if layout.compressed { "compressed " } else { "" };
        let cause = format!("the header promises {promised} of voxels, the file holds {there} of {packed}data");
        return Err(IoError::damaged(path, layout.format, cause));
    }
    Ok(())
}

fn convert(piece: &[u8], layout: &Layout, tally: &mut Tally, hu: &mut Vec<i16>) {
    let Scaling { slope, intercept } = layout.scaling;
    // One loop for each number type and byte order, so that each compiles to straight code.
    macro_rules! each {
        ($number:ty) => {{
            let (values, _) = piece.as_chunks::<{ size_of::<$number>() }>();
            if layout.big_endian {
                hu.extend(values.iter().map(|b| tally.hu(<$number>::from_be_bytes(*b) as f64 * slope + intercept)));
            } else {
                hu.extend(values.iter().map(|b| tally.hu(<$number>::from_le_bytes(*b) as f64 * slope + intercept)));
            }
        }};
    }
    match layout.sample {
        Sample::I16 if layout.scaling == Scaling::NONE => {
            let (values, _) = piece.as_chunks::<2>();
            if layout.big_endian {
                tally.hu_of_i16(values.iter().map(|b| i16::from_be_bytes(*b)), hu);
            } else {
                tally.hu_of_i16(values.iter().map(|b| i16::from_le_bytes(*b)), hu);
            }
        }
        Sample::U8 => each!(u8),
        Sample::I8 => each!(i8),
        Sample::U16 => each!(u16),
        Sample::I16 => each!(i16),
        Sample::U32 => each!(u32),
        Sample::I32 => each!(i32),
        Sample::U64 => each!(u64),
        Sample::I64 => each!(i64),
        Sample::F32 => each!(f32),
        Sample::F64 => each!(f64),
    }
}
