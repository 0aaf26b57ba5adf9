//! Writing files whole or not at all: under a temporary name beside the target, then renamed. Knows no format.

use super::IoError;
use std::collections::hash_map::RandomState;
use std::fs::{self, File};
use std::hash::{BuildHasher, Hasher};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What every written file says of itself.
pub const RESEARCH_USE: &str = "biplane research use only";

/// Keeps the temporary names of threads that write to one folder apart.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// Writes `path` through `fill`; on any error nothing is left and an older file under that name stays.
///
/// # Errors
/// [`IoError::Write`] or [`IoError::NoPermission`] with what the system said.
pub(crate) fn write_whole(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> Result<(), IoError> {
    let temporary = beside(path);
    let written = File::create(&temporary).and_then(|file| {
        let mut out = BufWriter::new(file);
        fill(&mut out)?;
        out.flush()?;
        fs::rename(&temporary, path)
    });
    written.map_err(|e| {
        // The first error is the one to tell; a temporary file that cannot be removed changes nothing.
        let _ = fs::remove_file(&temporary);
        IoError::from_write(path, e)
    })
}

/// Writes a file whole or not at all; its bytes are on the disk before its name is, so that not even a power cut
/// leaves a part of it.
///
/// # Errors
/// [`IoError::Write`] or [`IoError::NoPermission`] with what the system said.
pub fn write_bytes(path: &Path, bytes: &[u8]) -> Result<(), IoError> {
    write_whole(path, |out| {
        out.write_all(bytes)?;
        out.flush()?;
        out.get_ref().sync_all()
    })
}

fn beside(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}-{:x}-{}.part", std::process::id(), token(), NEXT.fetch_add(1, Relaxed)));
    path.with_file_name(name)
}

/// Tells processes of one number apart that share a disk from several machines or containers.
fn token() -> u64 {
    static TOKEN: OnceLock<u64> = OnceLock::new();
    *TOKEN.get_or_init(|| RandomState::new().build_hasher().finish())
}

/// 16 bit integers as little-endian bytes, in pieces, to `out`.
pub(crate) fn write_i16_le(out: &mut impl Write, values: &[i16]) -> io::Result<()> {
    const PIECE: usize = 1 << 16;
    let mut bytes = Vec::with_capacity(2 * PIECE.min(values.len()));
    for piece in values.chunks(PIECE) {
        bytes.clear();
        bytes.extend(piece.iter().flat_map(|v| v.to_le_bytes()));
        out.write_all(&bytes)?;
    }
    Ok(())
}
