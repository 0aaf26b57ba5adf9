//! NIfTI-1 volumes, plain or gzipped, in and out. Knows RAS and how to turn it into LPS.
//!
//! The header is parsed by the `nifti` crate. Voxels are not: the crate allocates what the header promises and
//! reads the whole file, so a damaged header or a gzip bomb would take all memory; here they stream through
//! `io::input`. The crate's writer drops errors of the last flush, so writing is here too.

use super::dicom::says_guided;
use super::input::{self, Counted, Layout, Sample, Scaling};
use super::output::{RESEARCH_USE, write_i16_le, write_whole};
use super::{GeometryCause, IoError, LoadedVolume, Progress, SourceInfo, Warning, grid};
use crate::geometry::{Frame, Vec3, Volume, norm, sub};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use nifti::{Endianness, NiftiHeader};
use std::io::{self, BufReader, Read, Write};
use std::path::Path;

/// The format's name in messages.
const FORMAT: &str = "NIfTI";
/// Length of the NIfTI-1 header (nifti1.h).
const HEADER_BYTES: usize = 348;
/// Length of the NIfTI-2 header (nifti2.h), which is refused by name.
const HEADER_2_BYTES: i32 = 540;
/// Where the voxels of a single file begin at the earliest: header and four bytes of extension flags.
const DATA_OFFSET: usize = 352;
/// Extensions longer than this are no header any more (bytes).
const MAX_OFFSET: f32 = 64e6;
/// First bytes of a gzip stream (RFC 1952).
pub(crate) const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
/// qform and sform further apart than this contradict each other (mm, at the far corner).
const FORMS_AGREE_MM: f64 = 1.0;

/// Whether `head`, the first bytes of a file after any gzip, is a NIfTI header.
pub(crate) fn is_nifti(head: &[u8]) -> bool {
    let magic = head.get(344..348);
    let size = head.first_chunk::<4>().map(|b| (i32::from_le_bytes(*b), i32::from_be_bytes(*b)));
    matches!(magic, Some(b"n+1\0" | b"ni1\0"))
        || matches!(size, Some((HEADER_2_BYTES, _) | (_, HEADER_2_BYTES))) && head.get(4..6) == Some(b"n+")
}

/// Reads a NIfTI-1 file, plain or gzipped (told by content), as Hounsfield units in LPS.
///
/// Values are `scl_slope * stored + scl_inter`, rounded. The grid comes from sform, else qform, else pixdim.
///
/// # Errors
/// [`IoError`] naming the cause: not NIfTI, cut short, more than one frame, colours, an affine that is not a
/// number, singular or sheared, or more voxels than are taken.
pub fn read(path: &Path, progress: &Progress) -> Result<LoadedVolume, IoError> {
    let (file, bytes) = input::open_file(path)?;
    progress.expect(bytes);
    let mut file = BufReader::with_capacity(1 << 17, Counted { inner: file, progress });
    let gzipped = io::BufRead::fill_buf(&mut file).map_err(|e| IoError::from_read(path, e))?.starts_with(&GZIP_MAGIC);
    if gzipped {
        read_stream(path, GzDecoder::new(file), bytes, true, progress)
    } else {
        read_stream(path, file, bytes, false, progress)
    }
}

/// Reads a gzipped NIfTI-1 file that lies in memory; `path` only names it in messages.
///
/// # Errors
/// As [`read`].
pub fn from_bytes(packed: &[u8], path: &Path) -> Result<LoadedVolume, IoError> {
    read_stream(path, GzDecoder::new(packed), packed.len() as u64, true, &Progress::new())
}

fn read_stream(
    path: &Path,
    mut from: impl Read,
    file_bytes: u64,
    compressed: bool,
    progress: &Progress,
) -> Result<LoadedVolume, IoError> {
    let head = input::read_up_to(path, &mut from, HEADER_BYTES).map_err(|e| as_damage(path, e))?;
    let header = parse(path, &head)?;
    let mut warnings = Vec::new();
    let dims = dims(path, &header)?;
    let frame = frame(&header, dims, &mut warnings).map_err(|e| IoError::geometry(path, e))?;
    let offset = offset(path, &header)?;
    skip(path, &mut from, offset - HEADER_BYTES)?;
    let layout = Layout {
        format: FORMAT,
        sample: sample(path, &header)?,
        big_endian: header.endianness == Endianness::Big,
        scaling: scaling(path, &header)?,
        voxels: dims.iter().map(|&n| n as u64).product(),
        stored_bytes: if compressed { file_bytes } else { file_bytes.saturating_sub(offset as u64) },
        compressed,
    };
    let (hu, tally) = input::read_hu(path, from, &layout, progress)?;
    warnings.extend(tally.warnings());
    let packed = if compressed { ", gzip" } else { "" };
    let fields = vec![("Stored as".to_string(), layout.sample.name().to_string())];
    let guided = says_guided(&String::from_utf8_lossy(&header.descrip));
    let format = format!("NIfTI-1{packed}");
    let info = SourceInfo { format, bytes: file_bytes, fields, guided, ..SourceInfo::default() };
    grid::finish(path, &frame, hu, warnings, info)
}

/// A gzip stream that breaks within the header is a damaged file, not a broken disk.
fn as_damage(path: &Path, e: IoError) -> IoError {
    match e {
        IoError::Read { source, .. } => {
            IoError::damaged(path, FORMAT, "the compressed data are damaged").because(source)
        }
        other => other,
    }
}

fn parse(path: &Path, head: &[u8]) -> Result<NiftiHeader, IoError> {
    if head
        .first_chunk::<4>()
        .is_some_and(|b| [i32::from_le_bytes(*b), i32::from_be_bytes(*b)].contains(&HEADER_2_BYTES))
    {
        return Err(IoError::unsupported(path, FORMAT, "this is NIfTI-2", "convert it to NIfTI-1"));
    }
    if head.len() < HEADER_BYTES {
        let cause = format!("it ends after {} bytes, the header alone has {HEADER_BYTES}", head.len());
        return Err(IoError::damaged(path, FORMAT, cause));
    }
    let header = NiftiHeader::from_reader(head)
        .map_err(|e| IoError::damaged(path, FORMAT, "the header cannot be read").because(e))?;
    match &header.magic {
        b"n+1\0" if header.sizeof_hdr == HEADER_BYTES as i32 => Ok(header),
        b"ni1\0" => {
            let advice = "join header and data into one .nii file";
            Err(IoError::unsupported(path, FORMAT, "the voxels lie in a second file (.img)", advice))
        }
        _ => Err(IoError::damaged(path, FORMAT, "the header does not begin and end as NIfTI-1 headers do")),
    }
}

/// The three sides; time, channels and so on must be 1.
fn dims(path: &Path, header: &NiftiHeader) -> Result<[usize; 3], IoError> {
    let all = header.dim().map_err(|e| {
        IoError::damaged(path, FORMAT, "the header's dimensions cannot be (a side of 0, or not 1 to 7 sides)")
            .because(e)
    })?;
    let mut sides = all.iter().map(|&n| usize::from(n)).chain(std::iter::repeat(1));
    let dims = [0; 3].map(|_| sides.next().unwrap_or(1));
    let frames: u64 = all.iter().skip(3).map(|&n| u64::from(n)).fold(1, u64::saturating_mul);
    if frames != 1 {
        let cause = format!("it holds {frames} frames or channels, wanted is one volume");
        return Err(IoError::unsupported(path, FORMAT, cause, "split it and open one of them"));
    }
    Ok(dims)
}

fn sample(path: &Path, header: &NiftiHeader) -> Result<Sample, IoError> {
    // Codes of nifti1.h, DT_*.
    Ok(match header.datatype {
        2 => Sample::U8,
        256 => Sample::I8,
        512 => Sample::U16,
        4 => Sample::I16,
        768 => Sample::U32,
        8 => Sample::I32,
        1280 => Sample::U64,
        1024 => Sample::I64,
        16 => Sample::F32,
        64 => Sample::F64,
        code => {
            let what = match code {
                128 | 2304 => "colours".to_string(),
                32 | 1792 | 2048 => "complex numbers".to_string(),
                code => format!("numbers of type {code}"),
            };
            let cause = format!("its voxels are {what}");
            return Err(IoError::unsupported(path, FORMAT, cause, "save the CT as int16 or float32 first"));
        }
    })
}

/// nifti1.h: a slope of 0 means that the stored values are the values.
fn scaling(path: &Path, header: &NiftiHeader) -> Result<Scaling, IoError> {
    let (slope, intercept) = (f64::from(header.scl_slope), f64::from(header.scl_inter));
    match (slope == 0.0 || !slope.is_finite(), intercept.is_finite()) {
        (true, _) => Ok(Scaling::NONE),
        (false, true) => Ok(Scaling { slope, intercept }),
        (false, false) => Err(IoError::damaged(path, FORMAT, "scl_inter is not a finite number")),
    }
}

fn offset(path: &Path, header: &NiftiHeader) -> Result<usize, IoError> {
    let offset = header.vox_offset;
    // Some writers leave 0 where 352 is meant; nothing between the header and 352 can be voxels.
    if offset == 0.0 {
        return Ok(DATA_OFFSET);
    }
    if !(offset >= HEADER_BYTES as f32 && offset <= MAX_OFFSET) {
        return Err(IoError::damaged(path, FORMAT, format!("vox_offset {offset} cannot be")));
    }
    Ok(offset as usize)
}

fn skip(path: &Path, from: &mut impl Read, bytes: usize) -> Result<(), IoError> {
    let skipped = io::copy(&mut from.by_ref().take(bytes as u64), &mut io::sink());
    let skipped = skipped.map_err(|e| IoError::damaged(path, FORMAT, "the data are damaged").because(e))?;
    if skipped < bytes as u64 {
        return Err(IoError::damaged(path, FORMAT, "it ends before the voxels begin"));
    }
    Ok(())
}

/// A 32 bit float as the shortest decimal that names it: 2.8, not 2.799999952316284. Lengths are written so.
fn widened(value: f32) -> f64 {
    value.to_string().parse().unwrap_or(f64::from(value))
}

/// Rows of an affine, RAS, in the header's unit of length.
type Affine = [[f64; 4]; 3];

fn frame(header: &NiftiHeader, dims: [usize; 3], warnings: &mut Vec<Warning>) -> Result<Frame, GeometryCause> {
    let affine = match (header.sform_code > 0, header.qform_code > 0) {
        (true, other) => {
            let sform = [header.srow_x, header.srow_y, header.srow_z].map(|row| row.map(widened));
            if other && qform(header).is_ok_and(|q| !agree(&sform, &q, dims)) {
                warnings.push(Warning::Contradiction { what: "its position".into(), taken: "sform".into() });
            }
            sform
        }
        (false, true) => qform(header)?,
        (false, false) => {
            warnings.push(Warning::Assumed { what: "orientation".into(), value: "right, front, head".into() });
            let [_, dx, dy, dz, ..] = header.pixdim.map(widened);
            [[dx, 0.0, 0.0, 0.0], [0.0, dy, 0.0, 0.0], [0.0, 0.0, dz, 0.0]]
        }
    };
    let mm = unit_mm(header, warnings)?;
    // RAS to LPS: x and y change sign.
    let [x, y, z] = affine;
    let lps = |k: fn(&[f64; 4]) -> f64| [-k(&x) * mm, -k(&y) * mm, k(&z) * mm];
    let steps = [lps(|r| r[0]), lps(|r| r[1]), lps(|r| r[2])];
    grid::frame_from_steps(dims, steps, lps(|r| r[3]))
}

/// Length of the header's unit in mm (nifti1.h, NIFTI_UNITS_*).
fn unit_mm(header: &NiftiHeader, warnings: &mut Vec<Warning>) -> Result<f64, GeometryCause> {
    match header.xyzt_units & 7 {
        1 => Ok(1000.0),
        2 => Ok(1.0),
        3 => Ok(1e-3),
        0 => {
            warnings.push(Warning::Assumed { what: "unit of length".into(), value: "mm".into() });
            Ok(1.0)
        }
        code => Err(GeometryCause::Matrix(format!("the unit of length has the unknown code {code}"))),
    }
}

/// The affine of the quaternion (nifti1.h, method 2).
fn qform(header: &NiftiHeader) -> Result<Affine, GeometryCause> {
    let [b, c, d] = [header.quatern_b, header.quatern_c, header.quatern_d].map(f64::from);
    let rest = 1.0 - (b * b + c * c + d * d);
    // Rounding of 32 bit floats may bring the sum a little over 1.
    if !(rest > -1e-4) {
        return Err(GeometryCause::Matrix("the quaternion is longer than 1 or not a number".into()));
    }
    let a = rest.max(0.0).sqrt();
    let [qfac, dx, dy, dz, ..] = header.pixdim.map(widened);
    let dz = if qfac < 0.0 { -dz } else { dz };
    let [tx, ty, tz] = [header.quatern_x, header.quatern_y, header.quatern_z].map(widened);
    Ok([
        [(a * a + b * b - c * c - d * d) * dx, 2.0 * (b * c - a * d) * dy, 2.0 * (b * d + a * c) * dz, tx],
        [2.0 * (b * c + a * d) * dx, (a * a + c * c - b * b - d * d) * dy, 2.0 * (c * d - a * b) * dz, ty],
        [2.0 * (b * d - a * c) * dx, 2.0 * (c * d + a * b) * dy, (a * a + d * d - b * b - c * c) * dz, tz],
    ])
}

/// Whether two affines put the first and the last voxel to the same place.
fn agree(one: &Affine, other: &Affine, dims: [usize; 3]) -> bool {
    let last = dims.map(|n| n as f64 - 1.0);
    let place = |affine: &Affine, [i, j, k]: Vec3| affine.map(|[a, b, c, t]| a * i + b * j + c * k + t);
    [[0.0; 3], last].into_iter().all(|voxel| norm(sub(place(one, voxel), place(other, voxel))) <= FORMS_AGREE_MM)
}

/// Writes a volume as int16 NIfTI-1 with sform and qform, gzipped where the name ends in `.gz`.
///
/// # Errors
/// [`IoError::Write`] or [`IoError::NoPermission`]; nothing half-written is left.
pub fn write(path: &Path, volume: &Volume) -> Result<(), IoError> {
    write_noted(path, volume, RESEARCH_USE)
}

/// As [`write()`], with another line in `descrip`; what goes beyond its 79 bytes is cut.
///
/// # Errors
/// As [`write()`].
pub fn write_noted(path: &Path, volume: &Volume, note: &str) -> Result<(), IoError> {
    let gzipped = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("gz"));
    let header = header_bytes(volume.frame(), note);
    write_whole(path, |out| {
        if gzipped {
            let mut packer = GzEncoder::new(out, Compression::fast());
            packer.write_all(&header)?;
            write_i16_le(&mut packer, volume.hu())?;
            packer.finish()?.flush()
        } else {
            out.write_all(&header)?;
            write_i16_le(out, volume.hu())
        }
    })
}

/// A volume as the bytes of a gzipped int16 NIfTI-1 file, the same for the same volume.
///
/// # Errors
/// None of a disk; [`IoError::Write`] where there is no memory to write to. `path` only names it in messages.
pub fn to_bytes(volume: &Volume, path: &Path) -> Result<Vec<u8>, IoError> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    let packed = packer
        .write_all(&header_bytes(volume.frame(), RESEARCH_USE))
        .and_then(|()| write_i16_le(&mut packer, volume.hu()));
    packed.and_then(|()| packer.finish()).map_err(|e| IoError::from_write(path, e))
}

/// Bytes of `descrip` in the header.
const DESCRIP_BYTES: usize = 80;
/// NIFTI_XFORM_SCANNER_ANAT: world coordinates of the scanner.
const SCANNER_ANATOMICAL: i16 = 1;

/// Header and extension flags, 352 bytes, in the order of nifti1.h.
fn header_bytes(frame: &Frame, note: &str) -> Vec<u8> {
    let [nx, ny, nz] = frame.dims();
    let spacing = frame.spacing_mm();
    let [dx, dy, dz] = spacing;
    // LPS to RAS: rows 0 and 1 change sign, a half turn about z, so the handedness stays.
    let [x, y, z] = frame.direction();
    let ras = [x.map(|v| -v), y.map(|v| -v), z];
    let [ox, oy, oz] = frame.origin_mm();
    let origin = [-ox, -oy, oz];
    let (quaternion, qfac) = quaternion(ras);
    let mut out = Vec::with_capacity(DATA_OFFSET);
    out.extend((HEADER_BYTES as i32).to_le_bytes());
    out.extend([0; 36]);
    [3, nx, ny, nz, 1, 1, 1, 1].iter().for_each(|&n| out.extend((n as i16).to_le_bytes()));
    out.extend([0; 14]);
    // DT_INT16, 16 bits, slice_start.
    [4i16, 16, 0].iter().for_each(|v| out.extend(v.to_le_bytes()));
    // pixdim, vox_offset, scl_slope, scl_inter.
    let numbers = [qfac, dx, dy, dz, 0.0, 0.0, 0.0, 0.0, DATA_OFFSET as f64, 1.0, 0.0];
    numbers.iter().for_each(|v| out.extend((*v as f32).to_le_bytes()));
    // slice_end, slice_code, xyzt_units = mm, and the unused cal_*, slice_duration, toffset, glmax, glmin.
    out.extend([0, 0, 0, 2]);
    out.extend([0; 24]);
    // descrip, which ends with a 0, and aux_file.
    let mut text: Vec<u8> = note.bytes().take(DESCRIP_BYTES - 1).collect();
    text.resize(DESCRIP_BYTES + 24, 0);
    out.extend(text);
    out.extend(SCANNER_ANATOMICAL.to_le_bytes());
    out.extend(SCANNER_ANATOMICAL.to_le_bytes());
    quaternion.iter().chain(&origin).for_each(|v| out.extend((*v as f32).to_le_bytes()));
    for (row, offset) in ras.iter().zip(origin) {
        let [a, b, c] = *row;
        [a * dx, b * dy, c * dz, offset].iter().for_each(|v| out.extend((*v as f32).to_le_bytes()));
    }
    out.extend([0; 16]);
    out.extend(b"n+1\0");
    out.extend([0; 4]);
    out
}

/// The quaternion (b, c, d) of a direction matrix and qfac, -1 where the axes are left-handed
/// (nifti_mat44_to_quatern of nifti1_io.c).
fn quaternion(direction: [Vec3; 3]) -> (Vec3, f64) {
    let [[r11, r12, r13], [r21, r22, r23], [r31, r32, r33]] = direction;
    let determinant = r11 * (r22 * r33 - r23 * r32) - r12 * (r21 * r33 - r23 * r31) + r13 * (r21 * r32 - r22 * r31);
    let qfac = if determinant < 0.0 { -1.0 } else { 1.0 };
    let (r13, r23, r33) = (r13 * qfac, r23 * qfac, r33 * qfac);
    let trace = r11 + r22 + r33 + 1.0;
    let largest = 1.0 + r11 - (r22 + r33);
    let second = 1.0 + r22 - (r11 + r33);
    let third = 1.0 + r33 - (r11 + r22);
    let (a, bcd) = if trace > 0.5 {
        let a = 0.5 * trace.sqrt();
        (a, [0.25 * (r32 - r23) / a, 0.25 * (r13 - r31) / a, 0.25 * (r21 - r12) / a])
    } else if largest > 1.0 {
        let b = 0.5 * largest.sqrt();
        (0.25 * (r32 - r23) / b, [b, 0.25 * (r12 + r21) / b, 0.25 * (r13 + r31) / b])
    } else if second > 1.0 {
        let c = 0.5 * second.sqrt();
        (0.25 * (r13 - r31) / c, [0.25 * (r12 + r21) / c, c, 0.25 * (r23 + r32) / c])
    } else {
        let d = 0.5 * third.max(0.0).sqrt();
        (0.25 * (r21 - r12) / d, [0.25 * (r13 + r31) / d, 0.25 * (r23 + r32) / d, d])
    };
    // The scalar part is not stored and taken as positive.
    (if a < 0.0 { bcd.map(|v| -v) } else { bcd }, qfac)
}
