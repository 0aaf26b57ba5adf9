//! The picture size that a compressed stream states about itself. Decodes no picture.
//!
//! The decoders take memory by the stream's own word, so that word is compared with Rows and Columns first.

/// Width and height of the picture in `stream`, whichever of JPEG, JPEG 2000 or JPEG XL it is; `None` where it
/// is none of them or breaks off before the size.
pub(super) fn size(stream: &[u8]) -> Option<(u32, u32)> {
    match stream.get(..2)? {
        [0xFF, 0xD8] => jpeg(stream),
        [0xFF, 0x4F] => jpeg2000(stream),
        [0xFF, 0x0A] => jpeg_xl(stream.get(2..)?).map(|(size, _)| size),
        _ => boxed(stream),
    }
}

/// Bits a sample of a JPEG XL stream, 1 to 32; `None` where it is none, holds floats, or is animated or previewed.
pub(super) fn jpeg_xl_bits(stream: &[u8]) -> Option<u32> {
    let bare = match stream.get(..2)? {
        [0xFF, 0x0A] => stream.get(2..)?,
        _ => in_box(stream, &[(b"jxlc", 10), (b"jxlp", 14)])?,
    };
    let (_, mut bits) = jpeg_xl(bare)?;
    // Image metadata (ISO 18181-1 table A.16): all default means 8 bits.
    if bits.take(1)? == 1 {
        return Some(8);
    }
    if bits.take(1)? == 1 {
        bits.take(3)?;
        // Intrinsic size, preview, animation: not in a single film.
        if bits.take(3)? != 0 {
            return None;
        }
    }
    if bits.take(1)? == 1 {
        return None;
    }
    match bits.take(2)? {
        0 => Some(8),
        1 => Some(10),
        2 => Some(12),
        _ => bits.take(6).map(|more| more + 1),
    }
}

fn be16(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from(u16::from_be_bytes(<[u8; 2]>::try_from(bytes.get(at..at.checked_add(2)?)?).ok()?)))
}

fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(<[u8; 4]>::try_from(bytes.get(at..at.checked_add(4)?)?).ok()?))
}

/// ITU-T T.81: segments up to the first start-of-frame.
fn jpeg(stream: &[u8]) -> Option<(u32, u32)> {
    let mut at = 2;
    loop {
        let marker = *stream.get(at + 1)?;
        match marker {
            0xFF => at += 1,
            0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF => {
                return Some((be16(stream, at + 7)?, be16(stream, at + 5)?));
            }
            0xD8 | 0x01 => at += 2,
            _ => at = at.checked_add(2 + be16(stream, at + 2)? as usize)?,
        }
    }
}

/// ISO 15444-1 annex A.5.1: SIZ follows the start of the codestream.
fn jpeg2000(stream: &[u8]) -> Option<(u32, u32)> {
    if be16(stream, 2)? != 0xFF51 {
        return None;
    }
    let (right, bottom) = (be32(stream, 8)?, be32(stream, 12)?);
    let (left, top) = (be32(stream, 16)?, be32(stream, 20)?);
    Some((right.checked_sub(left)?, bottom.checked_sub(top)?))
}

/// ISO 18181-1 size header, least significant bit first.
fn jpeg_xl(stream: &[u8]) -> Option<((u32, u32), Bits<'_>)> {
    let mut bits = Bits { bytes: stream, at: 0 };
    let small = bits.take(1)? == 1;
    let side = |bits: &mut Bits| -> Option<u32> {
        if small {
            return Some((bits.take(5)? + 1) * 8);
        }
        let width = [9, 13, 18, 30].get(bits.take(2)? as usize).copied()?;
        bits.take(width)?.checked_add(1)
    };
    let height = side(&mut bits)?;
    let ratio = bits.take(3)?;
    let of = |over: u64, under: u64| u32::try_from(u64::from(height) * over / under).ok();
    let width = match ratio {
        0 => side(&mut bits),
        1 => Some(height),
        2 => of(12, 10),
        3 => of(4, 3),
        4 => of(3, 2),
        5 => of(16, 9),
        6 => of(5, 4),
        _ => of(2, 1),
    }?;
    Some(((width, height), bits))
}

/// JP2 and JPEG XL in boxes (ISO base media): the codestream lies in `jp2c`, `jxlc` or the first `jxlp`.
fn boxed(stream: &[u8]) -> Option<(u32, u32)> {
    if let Some(codestream) = in_box(stream, &[(b"jp2c", 8)]) {
        return jpeg2000(codestream);
    }
    jpeg_xl(in_box(stream, &[(b"jxlc", 10), (b"jxlp", 14)])?).map(|(size, _)| size)
}

/// What stands in the first box of one of these names, so many bytes after the box's start.
fn in_box<'a>(stream: &'a [u8], names: &[(&[u8; 4], usize)]) -> Option<&'a [u8]> {
    let mut at = 0usize;
    loop {
        let length = be32(stream, at)? as usize;
        let name = stream.get(at.checked_add(4)?..at.checked_add(8)?)?;
        if let Some((_, head)) = names.iter().find(|(wanted, _)| *wanted == name) {
            return stream.get(at.checked_add(*head)?..);
        }
        if length < 8 {
            return None;
        }
        at = at.checked_add(length)?;
    }
}

struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn take(&mut self, count: usize) -> Option<u32> {
        let mut value = 0u32;
        for k in 0..count {
            let byte = *self.bytes.get(self.at / 8)?;
            value |= u32::from(byte >> (self.at % 8) & 1) << k;
            self.at += 1;
        }
        Some(value)
    }
}
