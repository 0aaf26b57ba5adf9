//! One CT slice: what its header says of place and scale, and its pixels as Hounsfield units.
//! Knows nothing of its neighbours.

use super::fault::Fault;
use super::file::DicomFile;
use super::pixels::{self, PixelFormat};
use super::syntax::Packing;
use super::walk::PixelPlace;
use crate::geometry::{Vec3, dot, norm};
use crate::io::IoError;
use crate::units::Hu;
use dicom_dictionary_std::tags;

/// Padding that would stand for a CT number in this range is tissue or air, so the tag is wrong (HU).
const IMPLAUSIBLE_PADDING_HU: std::ops::Range<f64> = -500.0..3071.0;
/// Direction cosines carry six digits; more than this off a unit vector or right angle is damage.
const COSINE_TOLERANCE: f64 = 1e-3;

/// The header of one CT slice.
#[derive(Debug)]
pub(super) struct Slice {
    pub file: DicomFile,
    pub format: PixelFormat,
    pub series: String,
    pub frame_of_reference: Option<String>,
    pub instance: Option<f64>,
    pub position_mm: Vec3,
    /// Direction of growing column, then of growing row.
    pub row_mm: Vec3,
    pub column_mm: Vec3,
    /// Between columns (x) and between rows (y).
    pub spacing_mm: [f64; 2],
    pub scale: Scale,
}

/// From stored values to Hounsfield units (PS3.3 section C.11.1).
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Scale {
    pub slope: f64,
    pub intercept: f64,
    /// Stored values that stand for "nothing was measured".
    pub padding: Option<(i32, i32)>,
    /// The padding tag names tissue and is not believed.
    pub padding_ignored: bool,
    /// The header gives no rescale.
    pub assumed: bool,
}

/// Values above the ceiling, counted while a slice is read.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Seen {
    pub clipped: u64,
}

impl Slice {
    /// Reads place and scale out of a CT slice's header.
    ///
    /// # Errors
    /// Missing position, orientation or spacing, and pixels that are not read.
    pub(super) fn of(file: DicomFile) -> Result<Self, IoError> {
        let format = PixelFormat::of(&file)?;
        Self::parse(&file, &format).map_err(|fault| fault.at(&file.path)).map(|place| {
            let fields = &file.dataset.fields;
            Self {
                series: fields.text(tags::SERIES_INSTANCE_UID).unwrap_or_default(),
                frame_of_reference: fields.text(tags::FRAME_OF_REFERENCE_UID),
                instance: fields.number(tags::INSTANCE_NUMBER),
                scale: Scale::of(&file, &format),
                position_mm: place.0,
                row_mm: place.1,
                column_mm: place.2,
                spacing_mm: place.3,
                format,
                file,
            }
        })
    }

    fn parse(file: &DicomFile, format: &PixelFormat) -> Result<(Vec3, Vec3, Vec3, [f64; 2]), Fault> {
        let fields = &file.dataset.fields;
        if format.samples != 1 || format.photometric != "MONOCHROME2" {
            let cause = format!("a CT slice of {} pixels", format.photometric);
            return Err(Fault::unsupported(cause, "choose the original CT slices"));
        }
        let missing = |what: &str| Fault::damaged(format!("{what} is missing or no number"));
        let position = fields.array::<3>(tags::IMAGE_POSITION_PATIENT);
        let position = position.ok_or_else(|| missing("ImagePositionPatient"))?;
        let [a, b, c, d, e, f] =
            fields.array::<6>(tags::IMAGE_ORIENTATION_PATIENT).ok_or_else(|| missing("ImageOrientationPatient"))?;
        let (row, column) = ([a, b, c], [d, e, f]);
        let off = [norm(row) - 1.0, norm(column) - 1.0, dot(row, column)];
        if !off.iter().all(|v| v.abs() <= COSINE_TOLERANCE) {
            return Err(Fault::damaged("ImageOrientationPatient is not two unit vectors at a right angle"));
        }
        let [down, across] = fields.array::<2>(tags::PIXEL_SPACING).ok_or_else(|| missing("PixelSpacing"))?;
        if !(down > 0.0 && across > 0.0) {
            return Err(Fault::damaged(format!("PixelSpacing {down} x {across} mm cannot be")));
        }
        Ok((position, row, column, [across, down]))
    }

    /// The slice's normal: rows x columns.
    pub(super) fn normal(&self) -> Vec3 {
        cross(self.row_mm, self.column_mm)
    }

    /// Reads the pixels as Hounsfield units into `target`, `[y][x]`, clipped to what a scanner gives.
    ///
    /// # Errors
    /// Pixels that do not fit the header or cannot be decoded.
    pub(super) fn read_into(&self, target: &mut [i16]) -> Result<Seen, IoError> {
        if let PixelPlace::Native { at, len } = self.file.pixel_place()?
            && self.format.bits_allocated == 16
            && self.file.dataset.syntax.packing() != Packing::PlainBig
        {
            let at = pixels::plain_place(&self.file, &self.format, at, len)?;
            self.file.fill_from(at, bytemuck::cast_slice_mut(target))?;
            return Ok(self.scale.convert_words(&self.format, target));
        }
        let values = pixels::values(&self.file, &self.format)?;
        let mut seen = Seen::default();
        for (out, value) in target.iter_mut().zip(values) {
            *out = self.scale.hu(value, &mut seen);
        }
        Ok(seen)
    }
}

impl Scale {
    fn of(file: &DicomFile, format: &PixelFormat) -> Self {
        let fields = &file.dataset.fields;
        let (slope, intercept) = (fields.number(tags::RESCALE_SLOPE), fields.number(tags::RESCALE_INTERCEPT));
        let usable = slope.is_some_and(|s| s != 0.0) && intercept.is_some();
        let (slope, intercept) = if usable { (slope.unwrap_or(1.0), intercept.unwrap_or(0.0)) } else { (1.0, 0.0) };
        // Written as US or SS as the pixels are; taken by the pixels' sign whatever the tag's.
        let stored = |tag| fields.short(tag).map(|v| if format.signed { i32::from(v as i16) } else { i32::from(v) });
        let padding = stored(tags::PIXEL_PADDING_VALUE).map(|v| {
            let limit = stored(tags::PIXEL_PADDING_RANGE_LIMIT).unwrap_or(v);
            (v.min(limit), v.max(limit))
        });
        let implausible = |p: (i32, i32)| {
            [p.0, p.1].iter().any(|&v| IMPLAUSIBLE_PADDING_HU.contains(&(f64::from(v) * slope + intercept)))
        };
        let ignored = padding.is_some_and(implausible);
        Self { slope, intercept, padding: padding.filter(|_| !ignored), padding_ignored: ignored, assumed: !usable }
    }

    /// The CT number of one stored value.
    fn hu(&self, stored: i32, seen: &mut Seen) -> i16 {
        if self.padding.is_some_and(|(low, high)| (low..=high).contains(&stored)) {
            return Hu::PADDING.0 as i16;
        }
        let hu = f64::from(stored) * self.slope + self.intercept;
        seen.clipped += u64::from(hu > f64::from(Hu::CEILING.0));
        hu.round().clamp(f64::from(Hu::PADDING.0), f64::from(Hu::CEILING.0)) as i16
    }

    /// Stored words, in place, to CT numbers. Whole slopes and intercepts (all scanners) go through integers.
    fn convert_words(&self, format: &PixelFormat, words: &mut [i16]) -> Seen {
        if let Some(integer) = Integer::of(self, format) {
            let shifted = integer.left + integer.right > 0;
            let clipped = match (format.signed, shifted) {
                (true, true) => integer.convert::<true, true>(words),
                (true, false) => integer.convert::<true, false>(words),
                (false, true) => integer.convert::<false, true>(words),
                (false, false) => integer.convert::<false, false>(words),
            };
            return Seen { clipped };
        }
        let mut seen = Seen::default();
        for word in words {
            *word = self.hu(format.value(u16::from_le(*word as u16)), &mut seen);
        }
        seen
    }
}

/// A scale that adds a whole number, in 16 bit steps, which every processor does eight at a time.
struct Integer {
    /// Shifts that leave the used bits.
    left: u32,
    right: u32,
    /// To add; for unsigned values to the value less 32768, so that both fit 16 bits.
    add: i16,
    /// The least and the largest value kept, in the terms of what is added to.
    kept: (i16, i16),
    /// Padding in the same terms, an empty range for none.
    padding: (i16, i16),
}

/// The sign bit of a word: turning it over takes 32768 from an unsigned value.
const SIGN: u16 = 0x8000;
/// Words counted at a time, so that a 16 bit count cannot run over.
const COUNTED: usize = 1 << 14;

impl Integer {
    /// This scale as integers, where it is one and fits.
    fn of(scale: &Scale, format: &PixelFormat) -> Option<Self> {
        let fits = |value: f64| (value.fract() == 0.0 && value.abs() <= 65536.0).then_some(value as i32);
        let bias = if format.signed { 0 } else { i32::from(i16::MIN) };
        let add = i16::try_from(fits(scale.intercept)? - bias).ok()?;
        let padding = match scale.padding {
            Some((low, high)) => (i16::try_from(low + bias).ok()?, i16::try_from(high + bias).ok()?),
            None => (i16::MAX, i16::MIN),
        };
        // Clamping comes before the addition, so that it cannot run over and every step is one instruction.
        let limit = |hu: Hu| (hu.0 as i32 - i32::from(add)).clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16;
        let kept = (limit(Hu::PADDING), limit(Hu::CEILING));
        let reachable = |value: i16, hu: Hu| i32::from(value) + i32::from(add) == hu.0 as i32;
        if !(reachable(kept.0, Hu::PADDING) || kept.0 == i16::MIN)
            || !(reachable(kept.1, Hu::CEILING) || kept.1 == i16::MAX)
        {
            return None;
        }
        let left = u32::from(15u16.checked_sub(format.high_bit)?);
        let right = u32::from(16u16.checked_sub(format.bits_stored)?);
        (scale.slope == 1.0).then_some(Self { left, right, add, kept, padding })
    }

    /// Converts in place; how many values were above the ceiling.
    fn convert<const SIGNED: bool, const SHIFTED: bool>(&self, words: &mut [i16]) -> u64 {
        let low = Hu::PADDING.0 as i16;
        let Self { left, right, add, kept: (least, most), padding: (first, last) } = *self;
        let mut clipped = 0u64;
        for part in words.chunks_mut(COUNTED) {
            let mut above = 0u16;
            for word in part {
                let mut used = u16::from_le(*word as u16);
                if SHIFTED {
                    used <<= left;
                }
                let stored = match (SIGNED, SHIFTED) {
                    (true, true) => used as i16 >> right,
                    (true, false) => used as i16,
                    (false, true) => ((used >> right) ^ SIGN) as i16,
                    (false, false) => (used ^ SIGN) as i16,
                };
                let hu = stored.clamp(least, most).wrapping_add(add);
                let padded = (stored >= first) & (stored <= last);
                above += u16::from((stored > most) & !padded);
                *word = if padded { low } else { hu };
            }
            clipped += u64::from(above);
        }
        clipped
    }
}

/// The vector product.
pub(super) fn cross(a: Vec3, b: Vec3) -> Vec3 {
    let ([ax, ay, az], [bx, by, bz]) = (a, b);
    [ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx]
}
