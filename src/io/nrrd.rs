//! NRRD volumes in: raw or gzip, the data attached or beside the header. Knows the NRRD header
//! (teem.sourceforge.net/nrrd/format.html). No well-kept crate reads it with orientation and bounded memory.

use super::input::{self, Counted, Layout, Sample, Scaling};
use super::text_header::{data_file, numbers, read_lines, sides, voxels};
use super::{IoError, LoadedVolume, Progress, SourceInfo, Warning, grid};
use crate::geometry::{Frame, Vec3};
use flate2::read::GzDecoder;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

/// The format's name in messages.
const FORMAT: &str = "NRRD";
/// What every NRRD file begins with; the version's digit follows.
pub(crate) const MAGIC: &[u8] = b"NRRD000";

/// Reads an NRRD file (`.nrrd`, or a `.nhdr` with its data beside it) as Hounsfield units in LPS.
///
/// # Errors
/// [`IoError`] naming the cause: a missing or odd field, an encoding other than raw and gzip, more than one value
/// a voxel, a space other than LPS, RAS and LAS, a data file outside of the header's folder, data cut short.
pub fn read(path: &Path, progress: &Progress) -> Result<LoadedVolume, IoError> {
    let (file, file_bytes) = input::open_file(path)?;
    let mut from = BufReader::with_capacity(1 << 17, file);
    let (lines, _, header_bytes) = read_lines(path, &mut from, str::is_empty)?;
    let header = Header::parse(path, &lines)?;
    let mut warnings = Vec::new();
    let (dims, frame) = header.grid(path, &mut warnings)?;
    let sample = header.sample(path)?;
    let compressed = header.is_gzip(path)?;
    let (data, stored_bytes) = match header.get("data file").or_else(|| header.get("datafile")) {
        None => (from, file_bytes.saturating_sub(header_bytes)),
        Some(name) => open_detached(path, name)?,
    };
    progress.expect(stored_bytes);
    let mut layout = Layout {
        format: FORMAT,
        sample,
        big_endian: header.big_endian(path, sample)?,
        scaling: Scaling::NONE,
        voxels: voxels(dims),
        stored_bytes,
        compressed,
    };
    let mut data = data;
    let skipped = skip_before(path, &header, &mut data, &mut layout)?;
    layout.stored_bytes = layout.stored_bytes.saturating_sub(skipped);
    let data = Counted { inner: data, progress };
    let (hu, tally) = if compressed {
        let mut unpacked = GzDecoder::new(data);
        skip_bytes(path, &mut unpacked, header.byte_skip(path)?.unwrap_or(0))?;
        input::read_hu(path, unpacked, &layout, progress)?
    } else {
        input::read_hu(path, data, &layout, progress)?
    };
    warnings.extend(tally.warnings());
    let packed = if compressed { "gzip" } else { "raw" };
    let fields = vec![("Stored as".to_string(), sample.name().to_string())];
    let bytes = file_bytes.max(stored_bytes);
    let info = SourceInfo { format: format!("NRRD, {packed}"), bytes, fields, ..SourceInfo::default() };
    grid::finish(path, &frame, hu, warnings, info)
}

fn open_detached(path: &Path, name: &str) -> Result<(BufReader<File>, u64), IoError> {
    if name.starts_with("LIST") || name.contains('%') {
        let advice = "save the volume with one data file";
        return Err(IoError::unsupported(path, FORMAT, "its data are spread over several files", advice));
    }
    let data = data_file(path, name, FORMAT)?;
    let (file, bytes) = input::open_file(&data)?;
    Ok((BufReader::with_capacity(1 << 17, file), bytes))
}

/// Passes over what the header says to skip before the data (lines always lie before any compression; bytes of a
/// compressed file lie within it and are skipped later). Returns how many bytes that were.
fn skip_before(
    path: &Path,
    header: &Header,
    data: &mut (impl BufRead + Seek),
    layout: &mut Layout,
) -> Result<u64, IoError> {
    let lines: u32 = match header.get("line skip") {
        None => 0,
        Some(text) => text.parse().map_err(|e| header.odd(path, "line skip", text).because(e))?,
    };
    let mut skipped = 0;
    for _ in 0..lines {
        let mut line = Vec::new();
        let count = data.by_ref().take(MAX_SKIPPED_LINE).read_until(b'\n', &mut line);
        skipped += count.map_err(|e| IoError::from_read(path, e))? as u64;
    }
    match header.byte_skip(path)? {
        _ if layout.compressed => {}
        // -1: the data are the last bytes of the file.
        None => {
            let wanted = layout.voxels.saturating_mul(layout.sample.bytes() as u64).min(layout.stored_bytes);
            let back = i64::try_from(wanted).unwrap_or(i64::MAX);
            data.seek(SeekFrom::End(-back)).map_err(|e| IoError::from_read(path, e))?;
            layout.stored_bytes = wanted;
            skipped = 0;
        }
        Some(bytes) => {
            skip_bytes(path, data, bytes)?;
            skipped += bytes;
        }
    }
    Ok(skipped)
}

/// Longest line that is passed over (bytes).
const MAX_SKIPPED_LINE: u64 = 1 << 16;

fn skip_bytes(path: &Path, from: &mut impl Read, bytes: u64) -> Result<(), IoError> {
    let skipped = io::copy(&mut from.take(bytes), &mut io::sink());
    let skipped = skipped.map_err(|e| IoError::damaged(path, FORMAT, "the data are damaged").because(e))?;
    if skipped < bytes {
        return Err(IoError::damaged(path, FORMAT, "it ends before the voxels begin"));
    }
    Ok(())
}

/// The fields of a header, keys in lower case.
struct Header(Vec<(String, String)>);

impl Header {
    fn parse(path: &Path, lines: &[String]) -> Result<Self, IoError> {
        if !lines.first().is_some_and(|line| line.as_bytes().starts_with(MAGIC)) {
            return Err(IoError::damaged(path, FORMAT, "the header does not begin with NRRD"));
        }
        let fields = lines.iter().skip(1).filter(|line| !line.starts_with('#') && !line.contains(":="));
        let fields = fields.filter_map(|line| line.split_once(':'));
        Ok(Self(fields.map(|(key, value)| (key.trim().to_lowercase(), value.trim().to_string())).collect()))
    }

    fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(k, _)| k == key).map(|(_, value)| value.as_str())
    }

    fn needed(&self, path: &Path, key: &str) -> Result<&str, IoError> {
        self.get(key).ok_or_else(|| IoError::damaged(path, FORMAT, format!("the header has no field \"{key}\"")))
    }

    fn odd(&self, path: &Path, key: &str, value: &str) -> IoError {
        let shown: String = value.chars().take(60).collect();
        IoError::damaged(path, FORMAT, format!("the field \"{key}\" cannot be \"{shown}\""))
    }

    fn sample(&self, path: &Path) -> Result<Sample, IoError> {
        let name = self.needed(path, "type")?;
        Ok(match name {
            "signed char" | "int8" | "int8_t" => Sample::I8,
            "uchar" | "unsigned char" | "uint8" | "uint8_t" => Sample::U8,
            "short" | "short int" | "signed short" | "signed short int" | "int16" | "int16_t" => Sample::I16,
            "ushort" | "unsigned short" | "unsigned short int" | "uint16" | "uint16_t" => Sample::U16,
            "int" | "signed int" | "int32" | "int32_t" => Sample::I32,
            "uint" | "unsigned int" | "uint32" | "uint32_t" => Sample::U32,
            "longlong"
            | "long long"
            | "long long int"
            | "signed long long"
            | "signed long long int"
            | "int64"
            | "int64_t" => Sample::I64,
            "ulonglong" | "unsigned long long" | "unsigned long long int" | "uint64" | "uint64_t" => Sample::U64,
            "float" => Sample::F32,
            "double" => Sample::F64,
            "block" => {
                let advice = "save the CT as int16 or float first";
                return Err(IoError::unsupported(path, FORMAT, "its voxels are blocks of bytes", advice));
            }
            other => return Err(self.odd(path, "type", other)),
        })
    }

    fn big_endian(&self, path: &Path, sample: Sample) -> Result<bool, IoError> {
        match self.get("endian") {
            Some("little") => Ok(false),
            Some("big") => Ok(true),
            None if sample.bytes() == 1 => Ok(false),
            None => Err(IoError::damaged(path, FORMAT, "the header has no field \"endian\"")),
            Some(other) => Err(self.odd(path, "endian", other)),
        }
    }

    fn is_gzip(&self, path: &Path) -> Result<bool, IoError> {
        match self.needed(path, "encoding")? {
            "raw" => Ok(false),
            "gz" | "gzip" => Ok(true),
            other => {
                let shown: String = other.chars().take(20).collect();
                let advice = "save it with encoding raw or gzip";
                Err(IoError::unsupported(path, FORMAT, format!("its encoding is {shown}"), advice))
            }
        }
    }

    /// Bytes to skip; `None` for -1, "the data end with the file".
    fn byte_skip(&self, path: &Path) -> Result<Option<u64>, IoError> {
        match self.get("byte skip") {
            None => Ok(Some(0)),
            Some("-1") => Ok(None),
            Some(text) => text.parse().map(Some).map_err(|e| self.odd(path, "byte skip", text).because(e)),
        }
    }

    /// The three sides and the grid; further axes must have one element.
    fn grid(&self, path: &Path, warnings: &mut Vec<Warning>) -> Result<([usize; 3], Frame), IoError> {
        let text = self.needed(path, "sizes")?;
        let all = sides(text).ok_or_else(|| self.odd(path, "sizes", text))?;
        let dimension = self.needed(path, "dimension")?;
        if dimension.parse() != Ok(all.len()) {
            return Err(self.odd(path, "dimension", dimension));
        }
        let directions = match self.get("space directions") {
            Some(text) => {
                let parsed = directions(text).filter(|d| d.len() == all.len());
                parsed.ok_or_else(|| self.odd(path, "space directions", text))?
            }
            None => self.directions_of_spacings(path, all.len(), warnings)?,
        };
        let extra = all.iter().zip(&directions).filter(|(_, d)| d.is_none()).map(|(&n, _)| n as u64);
        let values = extra.fold(1u64, u64::saturating_mul);
        if values != 1 {
            let cause = format!("it holds {values} values a voxel (colours, vectors or frames)");
            return Err(IoError::unsupported(path, FORMAT, cause, "save one of them as a volume of its own"));
        }
        let spatial = all.iter().zip(directions).filter_map(|(&n, d)| Some((n, d?)));
        let (dims, steps): (Vec<usize>, Vec<Vec3>) = spatial.unzip();
        let (Ok(dims), Ok(steps)) = (<[usize; 3]>::try_from(dims), <[Vec3; 3]>::try_from(steps)) else {
            let advice = "open a volume of three axes";
            return Err(IoError::unsupported(path, FORMAT, "it has not three axes in space", advice));
        };
        let signs = self.lps_signs(path, warnings)?;
        let turn = |[x, y, z]: Vec3| {
            let [sx, sy, sz] = signs;
            [x * sx, y * sy, z * sz]
        };
        let origin = match self.get("space origin") {
            Some(text) => vector(text).ok_or_else(|| self.odd(path, "space origin", text))?,
            None => [0.0; 3],
        };
        let frame = grid::frame_from_steps(dims, steps.map(turn), turn(origin));
        Ok((dims, frame.map_err(|e| IoError::geometry(path, e))?))
    }

    /// Axes along LPS where only spacings are given.
    fn directions_of_spacings(
        &self,
        path: &Path,
        axes: usize,
        warnings: &mut Vec<Warning>,
    ) -> Result<Vec<Option<Vec3>>, IoError> {
        warnings.push(Warning::Assumed { what: "orientation".into(), value: "left, back, head".into() });
        let Some(text) = self.get("spacings") else {
            let cause = "the header gives neither \"space directions\" nor \"spacings\"";
            return Err(IoError::damaged(path, FORMAT, cause));
        };
        let spacings: Option<Vec<f64>> = text.split_whitespace().map(|word| word.parse().ok()).collect();
        let spacings = spacings.filter(|s| s.len() == axes).ok_or_else(|| self.odd(path, "spacings", text))?;
        // Axes that are not in space have the spacing NaN.
        let mut units = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]].into_iter();
        let axis = |s: f64| if s.is_nan() { None } else { units.next().map(|u| u.map(|v| v * s)) };
        Ok(spacings.into_iter().map(axis).collect())
    }

    /// What turns the header's space into LPS.
    fn lps_signs(&self, path: &Path, warnings: &mut Vec<Warning>) -> Result<Vec3, IoError> {
        let Some(space) = self.get("space") else {
            if self.get("space directions").is_some() {
                warnings.push(Warning::Assumed { what: "space".into(), value: "left, back, head".into() });
            }
            return Ok([1.0; 3]);
        };
        match space.to_lowercase().as_str() {
            "left-posterior-superior" | "lps" => Ok([1.0, 1.0, 1.0]),
            "right-anterior-superior" | "ras" => Ok([-1.0, -1.0, 1.0]),
            "left-anterior-superior" | "las" => Ok([1.0, -1.0, 1.0]),
            other => {
                let shown: String = other.chars().take(40).collect();
                let advice = "save it in the space left-posterior-superior";
                Err(IoError::unsupported(path, FORMAT, format!("its space is {shown}"), advice))
            }
        }
    }
}

/// "(x,y,z)".
fn vector(text: &str) -> Option<Vec3> {
    let inner = text.trim().strip_prefix('(')?.strip_suffix(')')?;
    numbers(&inner.replace(',', " "))
}

/// "(x,y,z) none (x,y,z) ...": one entry an axis.
fn directions(text: &str) -> Option<Vec<Option<Vec3>>> {
    let mut all = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix("none") {
            all.push(None);
            rest = after.trim_start();
        } else {
            let (one, after) = rest.split_at(rest.find(')')? + 1);
            all.push(Some(vector(one)?));
            rest = after.trim_start();
        }
    }
    Some(all)
}
