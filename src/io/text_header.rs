//! What NRRD and MetaImage share: a header of text lines, numbers in it, and a data file it may name.
//! Knows neither format's keys.

use super::IoError;
use std::fs;
use std::io::{BufRead, ErrorKind};
use std::path::{Component, Path, PathBuf};

/// A text header is a few hundred bytes; this is far beyond any (bytes).
const MAX_HEADER_BYTES: u64 = 1 << 16;

/// Reads lines until one of which `last` says that it ends the header (given to `last` without its line end).
/// Returns all lines before it, that line, and the bytes taken; `None` for the last line where the file ends first.
pub(crate) fn read_lines(
    path: &Path,
    from: &mut impl BufRead,
    last: impl Fn(&str) -> bool,
) -> Result<(Vec<String>, Option<String>, u64), IoError> {
    let mut lines = Vec::new();
    let mut taken = 0;
    loop {
        let mut bytes = Vec::new();
        let mut rest = std::io::Read::take(&mut *from, MAX_HEADER_BYTES.saturating_sub(taken));
        let count = rest.read_until(b'\n', &mut bytes).map_err(|e| IoError::from_read(path, e))?;
        taken += count as u64;
        if count == 0 {
            return Ok((lines, None, taken));
        }
        let line = String::from_utf8_lossy(&bytes).trim_end_matches(['\r', '\n']).to_string();
        if last(&line) {
            return Ok((lines, Some(line), taken));
        }
        lines.push(line);
    }
}

/// Numbers parted by blanks, exactly `N` of them.
pub(crate) fn numbers<const N: usize>(text: &str) -> Option<[f64; N]> {
    let all: Option<Vec<f64>> = text.split_whitespace().map(|word| word.parse().ok()).collect();
    all?.try_into().ok()
}

/// Sides of a grid: whole numbers above 0.
pub(crate) fn sides(text: &str) -> Option<Vec<usize>> {
    text.split_whitespace().map(|word| word.parse().ok().filter(|&n| n > 0)).collect()
}

/// The number of voxels of a grid; saturates, for a check against a limit.
pub(crate) fn voxels(dims: [usize; 3]) -> u64 {
    dims.iter().fold(1u64, |product, &n| product.saturating_mul(n as u64))
}

/// The data file that a header names. It must lie in the header's folder or below, links followed: a header from
/// a stranger shall not make this program read a file elsewhere.
pub(crate) fn data_file(header: &Path, name: &str, format: &'static str) -> Result<PathBuf, IoError> {
    let outside = || {
        let advice = "put the data file beside the header and name it without a folder";
        IoError::unsupported(header, format, "its data file lies outside of the header's folder", advice)
    };
    let name = Path::new(name.trim());
    if !name.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
        return Err(outside());
    }
    let folder = match header.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let data = folder.join(name);
    let real_folder = fs::canonicalize(folder).map_err(|e| IoError::from_read(folder, e))?;
    let real = fs::canonicalize(&data).map_err(|e| match e.kind() {
        ErrorKind::NotFound => IoError::Damaged {
            file: header.to_path_buf(),
            format,
            cause: format!("its data file {} is not there", name.display()),
            advice: "copy it beside the header".to_string(),
            source: Some(e.into()),
        },
        _ => IoError::from_read(&data, e),
    })?;
    if real.starts_with(&real_folder) { Ok(data) } else { Err(outside()) }
}
