//! Opening one DICOM file: its header with few bytes read, its pixels when asked. Knows no meaning of a value.

use super::dataset::{self, Dataset};
use super::fault::Fault;
use super::walk::{PixelPlace, Stop};
use crate::io::IoError;
use crate::io::input::open_file;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Read of a file at first; headers of CT slices have 2 to 8 kB.
const FIRST_READ: u64 = 16 << 10;
/// A header longer than this is an attack, not an image (bytes).
const MAX_HEADER: u64 = 64 << 20;
/// Packed pixels longer than this are not one picture (bytes).
const MAX_PACKED: u64 = 1 << 30;

/// A DICOM file whose header has been read.
#[derive(Debug)]
pub(super) struct DicomFile {
    /// Where it lies.
    pub path: PathBuf,
    /// Its header.
    pub dataset: Dataset,
    /// Its length on disk, bytes.
    pub bytes_on_disk: u64,
}

impl DicomFile {
    /// Reads the header of `path`, no more of the file than it takes.
    ///
    /// # Errors
    /// What the system says, a file that is no DICOM, a header that is damaged, a packing that is not read.
    pub(super) fn open(path: &Path) -> Result<Self, IoError> {
        let (mut file, total) = open_file(path)?;
        let mut bytes = Vec::new();
        let mut wanted = FIRST_READ;
        loop {
            let more = wanted.min(total).saturating_sub(bytes.len() as u64);
            let got = (&mut file).take(more).read_to_end(&mut bytes).map_err(|e| IoError::from_read(path, e))?;
            // The file became shorter while it was read.
            let total = if (got as u64) < more { bytes.len() as u64 } else { total };
            match dataset::parse(bytes, total) {
                Ok(dataset) => return Ok(Self { path: path.to_path_buf(), dataset, bytes_on_disk: total }),
                Err((Stop::Fault(fault), _)) => return Err(fault.at(path)),
                Err((Stop::NeedMore, back)) if back.len() as u64 >= total => {
                    return Err(Fault::damaged("it is cut short").at(path));
                }
                Err((Stop::NeedMore, _)) if wanted >= MAX_HEADER => {
                    let cause = format!("its header is longer than {} MiB", MAX_HEADER >> 20);
                    return Err(Fault::damaged(cause).at(path));
                }
                Err((Stop::NeedMore, back)) => (bytes, wanted) = (back, wanted * 4),
            }
        }
    }

    /// Reads a data set that lies in memory; `path` only names it.
    pub(super) fn from_bytes(bytes: Vec<u8>, path: &Path) -> Result<Self, IoError> {
        let total = bytes.len() as u64;
        if total == 0 {
            return Err(IoError::Empty { file: path.to_path_buf() });
        }
        match dataset::parse(bytes, total) {
            Ok(dataset) => Ok(Self { path: path.to_path_buf(), dataset, bytes_on_disk: total }),
            Err((Stop::Fault(fault), _)) => Err(fault.at(path)),
            Err((Stop::NeedMore, _)) => Err(Fault::damaged("it is cut short").at(path)),
        }
    }

    /// Bytes from `at` to the end, or `most` of them, whichever is less.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn bytes_from(&self, at: u64, most: u64) -> Result<Vec<u8>, IoError> {
        let there = self.dataset.total.saturating_sub(at).min(most);
        if let Some(held) = self.held(at, there) {
            return Ok(held.to_vec());
        }
        let mut bytes = Vec::new();
        self.reader_at(at)?.take(there).read_to_end(&mut bytes).map_err(|e| IoError::from_read(&self.path, e))?;
        Ok(bytes)
    }

    /// Fills `target` from the bytes at `at`, straight from the disk.
    ///
    /// # Errors
    /// What the system says, and a file that became shorter.
    pub(super) fn fill_from(&self, at: u64, target: &mut [u8]) -> Result<(), IoError> {
        if let Some(held) = self.held(at, target.len() as u64) {
            target.copy_from_slice(held);
            return Ok(());
        }
        self.reader_at(at)?.read_exact(target).map_err(|e| match e.kind() {
            std::io::ErrorKind::UnexpectedEof => Fault::damaged("its pixels are cut short").at(&self.path),
            _ => IoError::from_read(&self.path, e),
        })
    }

    /// Bytes that were read along with the header, or that a deflated file unfolded to.
    fn held(&self, at: u64, len: u64) -> Option<&[u8]> {
        let (from, len) = (usize::try_from(at).ok()?, usize::try_from(len).ok()?);
        self.dataset.fields.bytes().get(from..from.checked_add(len)?)
    }

    fn reader_at(&self, at: u64) -> Result<File, IoError> {
        let mut file = File::open(&self.path).map_err(|e| IoError::from_read(&self.path, e))?;
        file.seek(SeekFrom::Start(at)).map_err(|e| IoError::from_read(&self.path, e))?;
        Ok(file)
    }

    /// The fragments of packed pixels, without the offset table.
    ///
    /// # Errors
    /// Fragments that run over the file's end, or too many bytes for a picture.
    pub(super) fn fragments(&self, at: u64) -> Result<Vec<Vec<u8>>, IoError> {
        let there = self.dataset.total.saturating_sub(at);
        if there > MAX_PACKED {
            return Err(IoError::TooLarge {
                file: self.path.clone(),
                what: "packed pixels",
                bytes: there,
                limit: MAX_PACKED,
            });
        }
        let bytes = self.bytes_from(at, there)?;
        let coding = self.dataset.syntax.coding();
        let mut walker = super::walk::Walker::new(&bytes, 0, bytes.len() as u64, coding);
        let items = walker.items().map_err(|stop| match stop {
            Stop::Fault(fault) => fault.at(&self.path),
            Stop::NeedMore => Fault::damaged("its packed pixels are cut short").at(&self.path),
        })?;
        let place = |item: &super::walk::Place| bytes.get(item.at..item.at.checked_add(item.len)?);
        Ok(items.iter().skip(1).filter_map(place).map(<[u8]>::to_vec).collect())
    }

    /// Where the pixels begin.
    ///
    /// # Errors
    /// A file without pixels (a report, a structure set), or with floating point ones.
    pub(super) fn pixel_place(&self) -> Result<PixelPlace, IoError> {
        let advice = "choose an image file";
        match self.dataset.fields.pixels() {
            Some(PixelPlace::Float) => {
                let cause = "its pixels are floating point numbers (parametric map)";
                Err(Fault::unsupported(cause, "export it as a CT or X-ray image").at(&self.path))
            }
            Some(place) => Ok(place),
            None => Err(Fault::wrong("it holds no pixel data (a report, plan or directory?)", advice).at(&self.path)),
        }
    }
}
