//! Pictures: PNG, TIFF and JPEG films in, PNG films and slices out. Knows grey values and EXIF, no geometry:
//! a picture's header says nothing that can be trusted about millimetres.

use super::input;
use super::output::{RESEARCH_USE, write_whole};
use super::{IoError, Progress, Radiograph, SourceInfo, Tone, ViewHints, Warning};
use crate::geometry::{Axis, Raster, Volume};
use crate::units::Hu;
use image::metadata::Orientation;
use image::{ColorType, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};
use std::fs::File;
use std::io::{BufReader, Seek, SeekFrom};
use std::path::Path;

/// Longest side that is taken (pixels); the largest X-ray detectors have 4300.
const MAX_SIDE_PX: u32 = 16384;
/// Most pixels that are taken: 8192 x 8192.
const MAX_PIXELS: u64 = 1 << 26;
/// Largest picture file (bytes): the JPEG decoder holds the whole file.
const MAX_FILE_BYTES: u64 = 512 << 20;
/// What a decoder may allocate (bytes): four channels of 16 bit at the most pixels.
const MAX_DECODED_BYTES: u64 = MAX_PIXELS * 8;
/// A picture may unpack to this much whatever its file's size (bytes).
const UNPACKED_ALWAYS: u64 = 16 << 20;
/// Beyond that, no deflate stream grows by more (RFC 1951: 1032).
const UNPACKED_RATIO: u64 = 1100;
/// Channels that differ by no more, of 1, are the same up to compression.
const GREY_TOLERANCE: f32 = 0.02;
/// Channels that differ by more, of 1, are a colour somebody meant.
const COLOUR_SPREAD: f32 = 0.08;
/// A film may hold so many coloured pixels of all: side markers, a logo.
const COLOURED_SHARE: f64 = 0.01;
/// Keyword of the text chunk of PNG files written here (the PNG specification registers "Comment").
const TEXT_KEY: &str = "Comment";
/// Marks a PNG film as made by the projector.
const SIMULATED_MARK: &str = "simulated film";

/// The picture formats, by their first bytes.
pub(crate) fn format_of(head: &[u8]) -> Option<ImageFormat> {
    match head {
        [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, ..] => Some(ImageFormat::Png),
        [0xff, 0xd8, 0xff, ..] => Some(ImageFormat::Jpeg),
        [b'I', b'I', 42, 0, ..] | [b'M', b'M', 0, 42, ..] => Some(ImageFormat::Tiff),
        _ => None,
    }
}

fn name_of(format: ImageFormat) -> &'static str {
    match format {
        ImageFormat::Png => "PNG",
        ImageFormat::Jpeg => "JPEG",
        _ => "TIFF",
    }
}

/// Reads a film from a PNG, TIFF or JPEG picture of 8 or 16 bit (told by content): grey, or three channels that are
/// nearly equal. White is taken as dense, EXIF orientation is obeyed, transparency lies on black.
///
/// # Errors
/// [`IoError`] naming the cause: not a picture, damaged, too large, a colour photo.
pub fn read(path: &Path, progress: &Progress) -> Result<Radiograph, IoError> {
    let (mut file, bytes) = input::open_file(path)?;
    progress.expect(bytes);
    let head = input::read_up_to(path, &mut file, 16)?;
    let Some(format) = format_of(&head) else {
        return Err(IoError::UnknownType { file: path.to_path_buf(), found: "no PNG, TIFF or JPEG picture".into() });
    };
    if bytes > MAX_FILE_BYTES {
        return Err(IoError::TooLarge { file: path.to_path_buf(), what: "a picture", bytes, limit: MAX_FILE_BYTES });
    }
    progress.check(path)?;
    let pixels = decode(path, file, bytes, format)?;
    progress.check(path)?;
    let mut warnings = vec![Warning::DisplayContrast];
    let grey = pixels.grey(path, &mut warnings)?;
    let simulated = format == ImageFormat::Png && is_marked_simulated(path);
    if simulated {
        warnings.retain(|w| *w != Warning::DisplayContrast);
    }
    progress.add(bytes);
    let fields = vec![("Matrix".to_string(), format!("{} x {}", grey.cols(), grey.rows()))];
    Ok(Radiograph {
        image: turned(grey, pixels.orientation),
        tone: if simulated { Tone::LineIntegral } else { Tone::Display },
        view: ViewHints::default(),
        bits: pixels.bits,
        simulated,
        warnings,
        info: SourceInfo {
            path: path.to_path_buf(),
            format: format!("{}, {} bit", name_of(format), pixels.bits),
            bytes,
            fields,
            ..SourceInfo::default()
        },
    })
}

/// Pixels as decoded, each channel in [0, 1] of its range.
struct Pixels {
    cols: usize,
    rows: usize,
    channels: usize,
    /// The last channel is transparency.
    alpha: bool,
    bits: u8,
    /// Largest storable value: 255 or 65535.
    largest: f32,
    values: Vec<f32>,
    orientation: Orientation,
}

fn decode(path: &Path, mut file: File, bytes: u64, format: ImageFormat) -> Result<Pixels, IoError> {
    let name = name_of(format);
    let broken = |e: ImageError| match e {
        ImageError::Limits(e) => {
            let advice = "save it with at most 8192 x 8192 pixels";
            IoError::unsupported(path, name, "it has more pixels than are taken", advice).because(e)
        }
        ImageError::Unsupported(e) => {
            let advice = "save it as grey PNG of 8 or 16 bit";
            IoError::unsupported(path, name, "a feature of it is not read here", advice).because(e)
        }
        e => IoError::damaged(path, name, "the picture cannot be decoded").because(e),
    };
    file.seek(SeekFrom::Start(0)).map_err(|e| IoError::from_read(path, e))?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE_PX);
    limits.max_image_height = Some(MAX_SIDE_PX);
    limits.max_alloc = Some(MAX_DECODED_BYTES);
    let mut reader = ImageReader::with_format(BufReader::new(file), format);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(broken)?;
    let (cols, rows) = decoder.dimensions();
    let decoded = decoder.total_bytes();
    if u64::from(cols) * u64::from(rows) > MAX_PIXELS {
        let limit = MAX_PIXELS;
        let needs = u64::from(cols) * u64::from(rows);
        return Err(IoError::TooLarge { file: path.to_path_buf(), what: "a picture", bytes: needs, limit });
    }
    if decoded > UNPACKED_ALWAYS.max(bytes.saturating_mul(UNPACKED_RATIO)) {
        let cause = format!("the header promises {cols} x {rows} pixels, the file is far too short for them");
        return Err(IoError::damaged(path, name, cause));
    }
    // A damaged EXIF block says nothing about the pixels: without it the picture is as stored.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let (channels, alpha, wide) = match decoder.color_type() {
        ColorType::L8 => (1, false, false),
        ColorType::La8 => (2, true, false),
        ColorType::Rgb8 => (3, false, false),
        ColorType::Rgba8 => (4, true, false),
        ColorType::L16 => (1, false, true),
        ColorType::La16 => (2, true, true),
        ColorType::Rgb16 => (3, false, true),
        ColorType::Rgba16 => (4, true, true),
        _ => {
            let advice = "save it as grey PNG of 8 or 16 bit";
            return Err(IoError::unsupported(path, name, "its pixels are neither 8 nor 16 bit integers", advice));
        }
    };
    let mut raw = vec![0u8; decoded as usize];
    decoder.read_image(&mut raw).map_err(broken)?;
    // The decoders give 16 bit samples in the machine's own byte order.
    let values = if wide {
        raw.as_chunks::<2>().0.iter().map(|b| f32::from(u16::from_ne_bytes(*b))).collect()
    } else {
        raw.iter().map(|&v| f32::from(v)).collect()
    };
    let (bits, largest) = if wide { (16, f32::from(u16::MAX)) } else { (8, f32::from(u8::MAX)) };
    Ok(Pixels { cols: cols as usize, rows: rows as usize, channels, alpha, bits, largest, values, orientation })
}

impl Pixels {
    /// One channel, in stored units (0 to 255 or 65535).
    fn grey(&self, path: &Path, warnings: &mut Vec<Warning>) -> Result<Raster, IoError> {
        let colours = self.channels - usize::from(self.alpha);
        let (mut tinted, mut coloured) = (0u64, 0u64);
        let mut grey = Vec::with_capacity(self.cols * self.rows);
        for pixel in self.values.chunks_exact(self.channels) {
            let (colour, alpha) = pixel.split_at(colours);
            let opacity = alpha.first().map_or(1.0, |a| a / self.largest);
            let mean = colour.iter().sum::<f32>() / colours as f32;
            let (least, most) = colour.iter().fold((f32::MAX, f32::MIN), |(a, b), &v| (a.min(v), b.max(v)));
            let spread = (most - least) * opacity / self.largest;
            tinted += u64::from(spread > GREY_TOLERANCE);
            coloured += u64::from(spread > COLOUR_SPREAD);
            grey.push(mean * opacity);
        }
        let all = (self.cols * self.rows) as f64;
        if coloured as f64 > COLOURED_SHARE * all {
            let percent = 100.0 * coloured as f64 / all;
            let cause = format!("is a colour picture ({percent:.0} % of its pixels are coloured), not an X-ray film");
            let advice = "open the film itself; if this is a tinted scan of one, save it as grey first";
            return Err(IoError::wrong_content(path, cause, advice));
        }
        if tinted > 0 {
            warnings.push(Warning::ColoursDropped);
        }
        Raster::new(self.cols, self.rows, grey)
            .ok_or_else(|| IoError::damaged(path, "picture", "its pixels do not fill its sides"))
    }
}

/// The picture as EXIF wants it seen (TIFF 6.0, tag 274).
fn turned(image: Raster, orientation: Orientation) -> Raster {
    match orientation {
        Orientation::NoTransforms => image,
        Orientation::FlipHorizontal => image.flipped_cols(),
        Orientation::FlipVertical => image.flipped_rows(),
        Orientation::Rotate180 => image.flipped_cols().flipped_rows(),
        Orientation::Rotate90 => transposed(&image).flipped_cols(),
        Orientation::Rotate270 => transposed(&image).flipped_rows(),
        Orientation::Rotate90FlipH => transposed(&image),
        Orientation::Rotate270FlipH => transposed(&image).flipped_cols().flipped_rows(),
    }
}

/// Rows become columns.
fn transposed(image: &Raster) -> Raster {
    let (cols, rows) = (image.cols(), image.rows());
    let values = (0..cols).flat_map(|c| (0..rows).filter_map(move |r| image.at(c, r))).collect();
    Raster::new(rows, cols, values).unwrap_or_else(|| image.clone())
}

/// Whether a PNG was written by [`write_film`] as simulated. Any trouble here means no.
fn is_marked_simulated(path: &Path) -> bool {
    let Ok(file) = File::open(path) else { return false };
    let limits = png::Limits { bytes: 1 << 20 };
    let reader = png::Decoder::new_with_limits(BufReader::new(file), limits).read_info();
    reader.is_ok_and(|reader| {
        let texts = &reader.info().uncompressed_latin1_text;
        texts.iter().any(|t| t.keyword == TEXT_KEY && t.text.contains(SIMULATED_MARK))
    })
}

/// Writes a film as grey PNG of 16 bit, white dense: the least finite value becomes 0, the largest 65535.
///
/// # Errors
/// [`IoError::Write`] or [`IoError::NoPermission`]; nothing half-written is left.
pub fn write_film(path: &Path, film: &Raster, simulated: bool) -> Result<(), IoError> {
    let finite = film.values().iter().copied().filter(|v| v.is_finite());
    let (least, most) = finite.fold((f32::MAX, f32::MIN), |(a, b), v| (a.min(v), b.max(v)));
    let span = if most > least { most - least } else { 1.0 };
    // `as` saturates and sends what is no number to 0.
    let level = |v: &f32| ((v - least) / span * f32::from(u16::MAX)).round() as u16;
    let bytes: Vec<u8> = film.values().iter().flat_map(|v| level(v).to_be_bytes()).collect();
    let mark = if simulated { format!("{RESEARCH_USE}; {SIMULATED_MARK}") } else { RESEARCH_USE.to_string() };
    let picture = Png { cols: film.cols(), rows: film.rows(), depth: png::BitDepth::Sixteen, pitch_mm: None, mark };
    picture.write(path, &bytes)
}

/// Writes one slice as grey PNG of 8 bit: `low` and below black, `high` and above white. It is seen as radiologists
/// see it (patient's right or front on the left, head or front on top); the pixels' sizes are in the file.
///
/// # Errors
/// [`IoError::Write`] where there is no such slice or the system refuses; nothing half-written is left.
pub fn write_slice(path: &Path, volume: &Volume, axis: Axis, index: usize, window: [Hu; 2]) -> Result<(), IoError> {
    let [nx, ny, nz] = volume.frame().dims();
    let [dx, dy, dz] = volume.frame().spacing_mm();
    // Sagittal and coronal slices hang with the head on top: rows against z.
    let (cols, rows, pitch_mm) = match axis {
        Axis::X => (ny, nz, [dy, dz]),
        Axis::Y => (nx, nz, [dx, dz]),
        Axis::Z => (nx, ny, [dx, dy]),
    };
    let voxel = |col: usize, row: usize| match axis {
        Axis::X => volume.at(index, col, nz - 1 - row),
        Axis::Y => volume.at(col, index, nz - 1 - row),
        Axis::Z => volume.at(col, row, index),
    };
    let [Hu(low), Hu(high)] = window;
    let span = (high - low).max(1.0);
    let level = |hu: i16| ((f32::from(hu) - low) / span * f32::from(u8::MAX)).round() as u8;
    let bytes: Option<Vec<u8>> =
        (0..rows).flat_map(|row| (0..cols).map(move |col| (col, row))).map(|(c, r)| voxel(c, r).map(level)).collect();
    let bytes = bytes.ok_or_else(|| {
        let words = format!("the volume has no {} slice {index}", axis.plane_name().to_lowercase());
        IoError::from_write(path, std::io::Error::new(std::io::ErrorKind::InvalidInput, words))
    })?;
    let mark = RESEARCH_USE.to_string();
    Png { cols, rows, depth: png::BitDepth::Eight, pitch_mm: Some(pitch_mm), mark }.write(path, &bytes)
}

/// Writes grey pixels of 8 bit, row by row, `[cols, rows]` of them, as PNG.
///
/// # Errors
/// [`IoError::Write`] where their number does not fit or the system refuses; nothing half-written is left.
pub fn write_grey(path: &Path, [cols, rows]: [usize; 2], pixels: &[u8]) -> Result<(), IoError> {
    let mark = RESEARCH_USE.to_string();
    Png { cols, rows, depth: png::BitDepth::Eight, pitch_mm: None, mark }.write(path, pixels)
}

/// The frame of a grey PNG file.
struct Png {
    cols: usize,
    rows: usize,
    depth: png::BitDepth,
    pitch_mm: Option<[f64; 2]>,
    mark: String,
}

impl Png {
    fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), IoError> {
        let mut info = png::Info::with_size(self.cols as u32, self.rows as u32);
        info.color_type = png::ColorType::Grayscale;
        info.bit_depth = self.depth;
        info.pixel_dims = self.pitch_mm.map(|[u, v]| {
            let per_metre = |mm: f64| (1000.0 / mm).round() as u32;
            png::PixelDimensions { xppu: per_metre(u), yppu: per_metre(v), unit: png::Unit::Meter }
        });
        write_whole(path, |out| {
            let mut encoder = png::Encoder::with_info(out, info)?;
            encoder.add_text_chunk(TEXT_KEY.to_string(), self.mark.clone())?;
            let mut writer = encoder.write_header()?;
            writer.write_image_data(bytes)?;
            Ok(writer.finish()?)
        })
    }
}
