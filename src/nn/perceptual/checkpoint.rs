//! Files of weights as others write them: PyTorch's `.pth` (a zip since version 1.6, a row of pickles before) and
//! safetensors. Opens by content, never by name; executes nothing; takes memory as data arrive. Knows no network.

use super::WeightsError;
use super::pickle::{Entry, Fault, Pickle, Sample};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use zip::ZipArchive;

/// How a zip begins (APPNOTE 4.3.7).
const ZIP: &[u8] = b"PK\x03\x04";
/// How a file of `torch.save` before version 1.6 begins: the number 0x1950a86a20f9469cfc6c as a pickle of its own.
const OLD: &[u8] = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.";
/// The version that such a file states.
const OLD_PROTOCOL: i64 = 1001;
/// How a pickle of any protocol in use begins.
const PICKLE: u8 = 0x80;
/// Longest safetensors file taken (bytes): those of all backbones and their classifiers stay below.
const MOST_SAFETENSORS: u64 = 2 << 30;

/// A tensor in plain memory.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// Its name, as `features.0.weight`.
    pub name: String,
    /// Its shape, the slowest axis first.
    pub shape: Vec<usize>,
    /// Its values, row by row.
    pub values: Vec<f32>,
}

/// A file of named tensors, its list read and its values not yet.
pub struct Checkpoint {
    path: PathBuf,
    content: Content,
}

enum Content {
    /// Entries, and what stands before `data/` in the archive.
    Zip(Vec<Entry>, String),
    /// Entries, and where every storage's samples begin.
    Old(Vec<Entry>, HashMap<String, u64>),
    /// Names and shapes.
    Safetensors(Vec<(String, Vec<usize>)>),
}

impl Checkpoint {
    /// Reads what a file holds.
    ///
    /// # Errors
    /// [`WeightsError::WouldExecute`] naming what a pickle would call; [`WeightsError::Damaged`];
    /// [`WeightsError::Read`].
    pub fn open(path: &Path) -> Result<Self, WeightsError> {
        let file = File::open(path).map_err(|cause| WeightsError::Read { path: path.to_owned(), cause })?;
        let mut reader = BufReader::new(file);
        let mut start = Vec::new();
        let read = reader.by_ref().take(OLD.len() as u64).read_to_end(&mut start).and_then(|_| reader.rewind());
        let content = read.map_err(Fault::Io).and_then(|()| match start.as_slice() {
            [] => damaged("is empty"),
            bytes if bytes.starts_with(ZIP) => open_zip(reader),
            bytes if bytes.starts_with(OLD) => open_old(reader),
            // Read on: what it calls for is worth telling.
            [PICKLE, ..] => Pickle::read(&mut reader).and_then(|_| damaged("is a pickle without tensors")),
            [_, _, _, _, _, _, _, _, b'{', ..] => open_safetensors(reader),
            _ => damaged("is neither a .pth of PyTorch nor a safetensors file"),
        });
        let content = content.map_err(|fault| fault.in_file(path))?;
        Ok(Self { path: path.to_owned(), content })
    }

    /// Names and shapes of its tensors.
    pub fn tensors(&self) -> Vec<(&str, &[usize])> {
        match &self.content {
            Content::Zip(entries, _) | Content::Old(entries, _) => {
                entries.iter().map(|entry| (entry.name.as_str(), entry.shape.as_slice())).collect()
            }
            Content::Safetensors(list) => list.iter().map(|(name, shape)| (name.as_str(), shape.as_slice())).collect(),
        }
    }

    /// The tensors whose names are wanted, widened or rounded to f32. No other values are read.
    ///
    /// # Errors
    /// As [`Checkpoint::open`].
    pub fn read(&self, wanted: &dyn Fn(&str) -> bool) -> Result<Vec<Array>, WeightsError> {
        self.read_wanted(wanted).map_err(|fault| fault.in_file(&self.path))
    }

    fn read_wanted(&self, wanted: &dyn Fn(&str) -> bool) -> Result<Vec<Array>, Fault> {
        let mut file = File::open(&self.path).map_err(Fault::Io)?;
        match &self.content {
            Content::Zip(entries, prefix) => {
                let length = length(&file)?;
                let mut archive = ZipArchive::new(BufReader::new(file)).map_err(zip_fault)?;
                let entries = entries.iter().filter(|entry| wanted(&entry.name));
                entries.map(|entry| zip_array(&mut archive, prefix, entry, length)).collect()
            }
            Content::Old(entries, starts) => {
                let entries = entries.iter().filter(|entry| wanted(&entry.name));
                entries.map(|entry| old_array(&mut file, starts, entry)).collect()
            }
            Content::Safetensors(_) => safetensors_arrays(&mut file, wanted),
        }
    }

    /// SHA-256 of the whole file, hexadecimal.
    ///
    /// # Errors
    /// [`WeightsError::Read`].
    pub fn sha256(&self) -> Result<String, WeightsError> {
        sha256_of(&self.path).map_err(|cause| WeightsError::Read { path: self.path.clone(), cause })
    }
}

/// SHA-256 of a file, hexadecimal.
pub(super) fn sha256_of(path: &Path) -> std::io::Result<String> {
    let mut hasher = Sha256::new();
    std::io::copy(&mut BufReader::with_capacity(1 << 20, File::open(path)?), &mut hasher)?;
    Ok(hex(&hasher.finalize()))
}

/// Bytes as hexadecimal letters.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

impl Fault {
    fn in_file(self, path: &Path) -> WeightsError {
        let path = path.to_owned();
        match self {
            Self::Foreign(global) => WeightsError::WouldExecute { path, global },
            Self::Malformed(cause) => WeightsError::Damaged { path, cause },
            Self::Io(cause) if cause.kind() == std::io::ErrorKind::UnexpectedEof => {
                WeightsError::Damaged { path, cause: "is cut off".into() }
            }
            Self::Io(cause) => WeightsError::Read { path, cause },
        }
    }
}

fn damaged<T>(cause: impl Into<String>) -> Result<T, Fault> {
    Err(Fault::Malformed(cause.into()))
}

fn length(file: &File) -> Result<u64, Fault> {
    Ok(file.metadata().map_err(Fault::Io)?.len())
}

fn zip_fault(error: zip::result::ZipError) -> Fault {
    match error {
        zip::result::ZipError::Io(e) => Fault::Io(e),
        other => Fault::Malformed(format!("is no sound zip ({other})")),
    }
}

fn open_zip(reader: BufReader<File>) -> Result<Content, Fault> {
    const PICKLE_NAME: &str = "data.pkl";
    let length = length(reader.get_ref())?;
    let mut archive = ZipArchive::new(reader).map_err(zip_fault)?;
    let name = archive.file_names().find(|name| *name == PICKLE_NAME || name.ends_with("/data.pkl")).map(str::to_owned);
    let Some(name) = name else { return damaged("is a zip without data.pkl, so nothing that PyTorch saved") };
    let prefix = name.strip_suffix(PICKLE_NAME).unwrap_or_default().to_owned();
    if let Ok(order) = zip_bytes(&mut archive, &format!("{prefix}byteorder"), length)
        && order != b"little"
    {
        return damaged("was saved on a big-endian machine, which is not supported");
    }
    let mut pickle = archive.by_name(&name).map_err(zip_fault)?;
    let entries = Pickle::read(&mut pickle)?.tensors()?;
    drop(pickle);
    Ok(Content::Zip(entries, prefix))
}

/// A whole member, whose promised size the file must be able to hold: PyTorch stores, it does not compress.
fn zip_bytes(archive: &mut ZipArchive<BufReader<File>>, name: &str, file_length: u64) -> Result<Vec<u8>, Fault> {
    let member = archive.by_name(name).map_err(zip_fault)?;
    let size = member.size();
    if size > file_length {
        return damaged(format!("promises {size} bytes in `{name}`, more than the file has"));
    }
    let mut bytes = Vec::new();
    member.take(size).read_to_end(&mut bytes).map_err(Fault::Io)?;
    if (bytes.len() as u64) < size { damaged("is cut off") } else { Ok(bytes) }
}

fn zip_array(
    archive: &mut ZipArchive<BufReader<File>>,
    prefix: &str,
    entry: &Entry,
    file_length: u64,
) -> Result<Array, Fault> {
    let (skip, take) = span(entry)?;
    let storage = zip_bytes(archive, &format!("{prefix}data/{}", entry.storage.key), file_length)?;
    let end = skip.checked_add(take).and_then(|end| usize::try_from(end).ok());
    match end.and_then(|end| storage.get(skip as usize..end)) {
        Some(bytes) => array(entry, bytes),
        None => damaged(format!("`{}` reaches beyond its storage", entry.name)),
    }
}

fn open_old(mut reader: BufReader<File>) -> Result<Content, Fault> {
    let end = length(reader.get_ref())?;
    Pickle::read(&mut reader)?;
    if !Pickle::read(&mut reader)?.is_int(OLD_PROTOCOL) {
        return damaged("was saved by a version of PyTorch that is not known");
    }
    if !Pickle::read(&mut reader)?.says_true("little_endian") {
        return damaged("was saved on a big-endian machine, which is not supported");
    }
    let entries = Pickle::read(&mut reader)?.tensors()?;
    let keys = Pickle::read(&mut reader)?.texts()?;
    let samples: HashMap<&str, Sample> =
        entries.iter().map(|entry| (entry.storage.key.as_str(), entry.storage.sample)).collect();
    let mut starts = HashMap::new();
    let mut place = reader.stream_position().map_err(Fault::Io)?;
    for key in keys {
        // Each storage: its number of samples, then the samples.
        let mut count = [0; 8];
        reader.read_exact(&mut count).map_err(Fault::Io)?;
        place += 8;
        let Some(sample) = samples.get(key.as_str()) else {
            return damaged(format!("holds a storage `{key}` that no tensor uses"));
        };
        let bytes =
            u64::from_le_bytes(count).checked_mul(sample.bytes()).filter(|bytes| *bytes <= end - place.min(end));
        let Some(bytes) = bytes else { return damaged("is cut off, or promises more than it holds") };
        starts.insert(key, place);
        place += bytes;
        reader.seek(SeekFrom::Start(place)).map_err(Fault::Io)?;
    }
    Ok(Content::Old(entries, starts))
}

fn old_array(file: &mut File, starts: &HashMap<String, u64>, entry: &Entry) -> Result<Array, Fault> {
    let (skip, take) = span(entry)?;
    let Some(start) = starts.get(&entry.storage.key) else {
        return damaged(format!("`{}` has no storage in the file", entry.name));
    };
    file.seek(SeekFrom::Start(start.saturating_add(skip))).map_err(Fault::Io)?;
    let mut bytes = Vec::new();
    file.take(take).read_to_end(&mut bytes).map_err(Fault::Io)?;
    if (bytes.len() as u64) < take { damaged("is cut off") } else { array(entry, &bytes) }
}

/// Where an entry lies in its storage: bytes before it and bytes of it, within what the storage is said to hold.
fn span(entry: &Entry) -> Result<(u64, u64), Fault> {
    let count = entry.shape.iter().try_fold(1u64, |n, side| n.checked_mul(*side as u64));
    let end = count.and_then(|count| count.checked_add(entry.offset));
    match (count, end) {
        (Some(count), Some(end)) if end <= entry.storage.count => {
            let bytes = |n: u64| n.checked_mul(entry.storage.sample.bytes());
            bytes(entry.offset).zip(bytes(count)).ok_or(Fault::Malformed("its sizes are absurd".into()))
        }
        _ => damaged(format!("`{}` reaches beyond its storage", entry.name)),
    }
}

fn array(entry: &Entry, bytes: &[u8]) -> Result<Array, Fault> {
    let values = values(bytes, entry.storage.sample);
    let Some(values) = values else { return damaged(format!("`{}` holds no real numbers", entry.name)) };
    Ok(Array { name: entry.name.clone(), shape: entry.shape.clone(), values })
}

/// Little-endian samples as f32.
fn values(bytes: &[u8], sample: Sample) -> Option<Vec<f32>> {
    Some(match sample {
        Sample::F16 => bytes.as_chunks().0.iter().map(|b| half::f16::from_le_bytes(*b).to_f32()).collect(),
        Sample::Bf16 => bytes.as_chunks().0.iter().map(|b| half::bf16::from_le_bytes(*b).to_f32()).collect(),
        Sample::F32 => bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect(),
        Sample::F64 => bytes.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b) as f32).collect(),
        Sample::Other(_) => return None,
    })
}

fn read_all(file: &mut impl Read) -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::new();
    let read = file.take(MOST_SAFETENSORS + 1).read_to_end(&mut bytes).map_err(Fault::Io)?;
    if read as u64 > MOST_SAFETENSORS { damaged("is over 2 GiB, far more than these weights need") } else { Ok(bytes) }
}

fn open_safetensors(mut reader: BufReader<File>) -> Result<Content, Fault> {
    let bytes = read_all(&mut reader)?;
    let parsed = safetensors::SafeTensors::deserialize(&bytes);
    let parsed = parsed.map_err(|e| Fault::Malformed(format!("is no sound safetensors file ({e})")))?;
    let mut list: Vec<_> = parsed.iter().map(|(name, view)| (name.to_owned(), view.shape().to_vec())).collect();
    list.sort();
    Ok(Content::Safetensors(list))
}

fn safetensors_arrays(file: &mut File, wanted: &dyn Fn(&str) -> bool) -> Result<Vec<Array>, Fault> {
    let bytes = read_all(file)?;
    let parsed = safetensors::SafeTensors::deserialize(&bytes);
    let parsed = parsed.map_err(|e| Fault::Malformed(format!("is no sound safetensors file ({e})")))?;
    let mut arrays = Vec::new();
    for (name, view) in parsed.iter().filter(|(name, _)| wanted(name)) {
        let sample = match view.dtype() {
            safetensors::Dtype::F16 => Sample::F16,
            safetensors::Dtype::BF16 => Sample::Bf16,
            safetensors::Dtype::F32 => Sample::F32,
            safetensors::Dtype::F64 => Sample::F64,
            _ => Sample::Other(0),
        };
        let values = values(view.data(), sample);
        let Some(values) = values else { return damaged(format!("`{name}` holds no real numbers")) };
        arrays.push(Array { name: name.to_owned(), shape: view.shape().to_vec(), values });
    }
    arrays.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(arrays)
}
