//! MetaImage volumes (.mha, .mhd with its data beside it) in and out. Knows the header of ITK's MetaIO
//! (itk.org/Wiki/MetaIO/Documentation). No well-kept crate reads it.

use super::dicom::says_guided;
use super::input::{self, Counted, Layout, Sample, Scaling};
use super::output::{RESEARCH_USE, write_i16_le, write_whole};
use super::text_header::{data_file, numbers, read_lines, sides, voxels};
use super::{IoError, LoadedVolume, Progress, SourceInfo, Warning, grid};
use crate::geometry::{Frame, Volume};
use flate2::read::ZlibDecoder;
use std::fmt::Write as _;
use std::io::{self, BufReader, Seek, SeekFrom, Write};
use std::path::Path;

/// The format's name in messages.
const FORMAT: &str = "MetaImage";
/// The field that ends a header.
const LAST: &str = "ElementDataFile";

/// Whether `head`, the first bytes of a file, is a MetaImage header.
pub(crate) fn is_metaimage(head: &[u8]) -> bool {
    let text = String::from_utf8_lossy(head);
    let first = text.split_once('=').map(|(key, _)| key.trim());
    first.is_some_and(|key| KEYS.contains(&key)) && (text.contains("DimSize") || text.contains("NDims"))
}

/// Keys with which headers begin.
const KEYS: [&str; 4] = ["ObjectType", "NDims", "Comment", "ObjectSubType"];

/// Reads a MetaImage, raw or zlib-compressed, as Hounsfield units in LPS.
///
/// # Errors
/// [`IoError`] naming the cause: a missing or odd field, other than three axes, more than one value a voxel, text
/// data, several data files, a data file outside of the header's folder, data cut short.
pub fn read(path: &Path, progress: &Progress) -> Result<LoadedVolume, IoError> {
    let (file, file_bytes) = input::open_file(path)?;
    let mut from = BufReader::with_capacity(1 << 17, file);
    let (lines, last, header_bytes) =
        read_lines(path, &mut from, |line| key_value(line).is_some_and(|(k, _)| k == LAST))?;
    let header = Header(lines.iter().filter_map(|line| key_value(line)).collect());
    let Some((_, data_name)) = last.as_deref().and_then(key_value) else {
        return Err(IoError::damaged(path, FORMAT, format!("the header has no field {LAST}")));
    };
    let mut warnings = Vec::new();
    let frame = header.frame(path, &mut warnings)?;
    let (mut data, mut stored_bytes) = match data_name {
        "LOCAL" => (from, file_bytes.saturating_sub(header_bytes)),
        name => open_detached(path, name)?,
    };
    let compressed = header.flag(path, "CompressedData")?;
    let mut layout = Layout {
        format: FORMAT,
        sample: header.sample(path)?,
        big_endian: header.flag(path, "BinaryDataByteOrderMSB")? || header.flag(path, "ElementByteOrderMSB")?,
        scaling: Scaling::NONE,
        voxels: voxels(frame.dims()),
        stored_bytes,
        compressed,
    };
    if data_name != "LOCAL" {
        stored_bytes = skip_header(path, &header, &mut data, &layout)?;
        layout.stored_bytes = stored_bytes;
    }
    progress.expect(stored_bytes);
    let data = Counted { inner: data, progress };
    let (hu, tally) = if compressed {
        input::read_hu(path, ZlibDecoder::new(data), &layout, progress)?
    } else {
        input::read_hu(path, data, &layout, progress)?
    };
    warnings.extend(tally.warnings());
    let packed = if compressed { "zlib" } else { "raw" };
    let fields = vec![("Stored as".to_string(), layout.sample.name().to_string())];
    let bytes = file_bytes.max(stored_bytes);
    let guided = header.get("Comment").is_some_and(says_guided);
    let info = SourceInfo { format: format!("MetaImage, {packed}"), bytes, fields, guided, ..SourceInfo::default() };
    grid::finish(path, &frame, hu, warnings, info)
}

fn open_detached(path: &Path, name: &str) -> Result<(BufReader<std::fs::File>, u64), IoError> {
    if name.starts_with("LIST") || name.contains('%') {
        let advice = "save the volume with one data file";
        return Err(IoError::unsupported(path, FORMAT, "its data are spread over several files", advice));
    }
    let data = data_file(path, name, FORMAT)?;
    let (file, bytes) = input::open_file(&data)?;
    Ok((BufReader::with_capacity(1 << 17, file), bytes))
}

/// Passes over a foreign header at the start of a data file; -1 means that the data end with the file.
/// Returns the bytes left.
fn skip_header(path: &Path, header: &Header, data: &mut impl Seek, layout: &Layout) -> Result<u64, IoError> {
    let text = header.get("HeaderSize").unwrap_or("0");
    let size: i64 = text.parse().map_err(|e| header.odd(path, "HeaderSize", text).because(e))?;
    let wanted = layout.voxels.saturating_mul(layout.sample.bytes() as u64);
    let skipped = match u64::try_from(size) {
        Ok(size) => size.min(layout.stored_bytes),
        Err(_) if layout.compressed => 0,
        Err(_) => layout.stored_bytes.saturating_sub(wanted),
    };
    data.seek(SeekFrom::Start(skipped)).map_err(|e| IoError::from_read(path, e))?;
    Ok(layout.stored_bytes - skipped)
}

fn key_value(line: &str) -> Option<(&str, &str)> {
    line.split_once('=').map(|(key, value)| (key.trim(), value.trim()))
}

/// The fields of a header.
struct Header<'a>(Vec<(&'a str, &'a str)>);

impl Header<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(k, _)| *k == key).map(|(_, value)| *value)
    }

    /// The first of several names for one field.
    fn any(&self, keys: [&str; 3]) -> Option<&str> {
        keys.into_iter().find_map(|key| self.get(key))
    }

    fn odd(&self, path: &Path, key: &str, value: &str) -> IoError {
        let shown: String = value.chars().take(60).collect();
        IoError::damaged(path, FORMAT, format!("the field {key} cannot be \"{shown}\""))
    }

    fn flag(&self, path: &Path, key: &str) -> Result<bool, IoError> {
        match self.get(key).map(str::to_lowercase).as_deref() {
            None | Some("false" | "0") => Ok(false),
            Some("true" | "1") => Ok(true),
            Some(other) => Err(self.odd(path, key, other)),
        }
    }

    fn sample(&self, path: &Path) -> Result<Sample, IoError> {
        let channels = self.get("ElementNumberOfChannels").unwrap_or("1");
        let name = self.get("ElementType").unwrap_or("MET_NONE");
        if channels != "1" || name.ends_with("_ARRAY") {
            let cause = format!("it holds {channels} values a voxel");
            return Err(IoError::unsupported(path, FORMAT, cause, "save one of them as a volume of its own"));
        }
        if self.get("BinaryData").is_some_and(|flag| flag.eq_ignore_ascii_case("false")) {
            return Err(IoError::unsupported(path, FORMAT, "its voxels are text", "save it as binary data"));
        }
        Ok(match name {
            "MET_CHAR" => Sample::I8,
            "MET_UCHAR" => Sample::U8,
            "MET_SHORT" => Sample::I16,
            "MET_USHORT" => Sample::U16,
            "MET_INT" => Sample::I32,
            "MET_UINT" => Sample::U32,
            "MET_LONG_LONG" => Sample::I64,
            "MET_ULONG_LONG" => Sample::U64,
            "MET_FLOAT" => Sample::F32,
            "MET_DOUBLE" => Sample::F64,
            other => return Err(self.odd(path, "ElementType", other)),
        })
    }

    fn frame(&self, path: &Path, warnings: &mut Vec<Warning>) -> Result<Frame, IoError> {
        let missing = |key: &str| IoError::damaged(path, FORMAT, format!("the header has no field {key}"));
        let axes = self.get("NDims").ok_or_else(|| missing("NDims"))?;
        let text = self.get("DimSize").ok_or_else(|| missing("DimSize"))?;
        let dims = sides(text).ok_or_else(|| self.odd(path, "DimSize", text))?;
        if axes.parse() != Ok(dims.len()) {
            return Err(self.odd(path, "NDims", axes));
        }
        let dims = <[usize; 3]>::try_from(dims).map_err(|dims| {
            let cause = format!("it has {} axes", dims.len());
            IoError::unsupported(path, FORMAT, cause, "open a volume of three axes")
        })?;
        let spacing: [f64; 3] = match self.get("ElementSpacing").or_else(|| self.get("ElementSize")) {
            Some(text) => numbers(text).ok_or_else(|| self.odd(path, "ElementSpacing", text))?,
            None => return Err(missing("ElementSpacing")),
        };
        let origin: [f64; 3] = match self.any(["Offset", "Position", "Origin"]) {
            Some(text) => numbers(text).ok_or_else(|| self.odd(path, "Offset", text))?,
            None => [0.0; 3],
        };
        let axes: [f64; 9] = match self.any(["TransformMatrix", "Rotation", "Orientation"]) {
            Some(text) => numbers(text).ok_or_else(|| self.odd(path, "TransformMatrix", text))?,
            None => {
                warnings.push(Warning::Assumed { what: "orientation".into(), value: "left, back, head".into() });
                [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
            }
        };
        // Three numbers an axis: its direction in LPS.
        let [ax, ay, az, bx, by, bz, cx, cy, cz] = axes;
        let [sa, sb, sc] = spacing;
        let steps = [[ax, ay, az].map(|v| v * sa), [bx, by, bz].map(|v| v * sb), [cx, cy, cz].map(|v| v * sc)];
        grid::frame_from_steps(dims, steps, origin).map_err(|e| IoError::geometry(path, e))
    }
}

/// Writes a volume as int16 MetaImage: one file where the name ends in `.mha`, else `.mhd` with a `.raw` beside it.
///
/// # Errors
/// [`IoError::Write`] or [`IoError::NoPermission`]; no half-written file is left.
pub fn write(path: &Path, volume: &Volume) -> Result<(), IoError> {
    write_noted(path, volume, RESEARCH_USE)
}

/// As [`write()`], with another line as comment.
///
/// # Errors
/// As [`write()`].
pub fn write_noted(path: &Path, volume: &Volume, note: &str) -> Result<(), IoError> {
    let one_file = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("mha"));
    if one_file {
        let header = header_text(volume.frame(), "LOCAL", note);
        return write_whole(path, |out| {
            out.write_all(header.as_bytes())?;
            write_i16_le(out, volume.hu())
        });
    }
    let data = path.with_extension("raw");
    let name = data.file_name().and_then(|name| name.to_str()).ok_or_else(|| {
        let source = io::Error::new(io::ErrorKind::InvalidFilename, "the name is not Unicode");
        IoError::from_write(path, source)
    })?;
    let header = header_text(volume.frame(), name, note);
    write_whole(&data, |out| write_i16_le(out, volume.hu()))?;
    write_whole(path, |out| out.write_all(header.as_bytes()))
}

fn header_text(frame: &Frame, data_name: &str, note: &str) -> String {
    let list = |numbers: &[f64]| numbers.iter().map(f64::to_string).collect::<Vec<_>>().join(" ");
    let matrix: Vec<f64> = (0..3).flat_map(|k| frame.axis_direction(k)).collect();
    let [nx, ny, nz] = frame.dims();
    let mut text = String::new();
    // Writing into a String cannot fail.
    let _ = write!(
        text,
        "ObjectType = Image\nNDims = 3\nComment = {note}\nBinaryData = True\n\
         BinaryDataByteOrderMSB = False\nCompressedData = False\nTransformMatrix = {}\nOffset = {}\n\
         CenterOfRotation = 0 0 0\nElementSpacing = {}\nDimSize = {nx} {ny} {nz}\nElementType = MET_SHORT\n\
         {LAST} = {data_name}\n",
        list(&matrix),
        list(&frame.origin_mm()),
        list(&frame.spacing_mm()),
    );
    text
}
