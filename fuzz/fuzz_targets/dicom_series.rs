#![no_main]
//! `io::dicom::open_series` on a folder of two files, the halves of the input.

use biplane::io::{Progress, dicom};
use libfuzzer_sys::fuzz_target;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

// As in `dicom_film`: panics inside of the decoders are caught by the reader.
fuzz_target!(init: std::panic::set_hook(Box::new(|_| {})), |bytes: &[u8]| {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let memory = Path::new("/dev/shm");
        let place = if memory.is_dir() { memory.to_path_buf() } else { std::env::temp_dir() };
        let folder = place.join(format!("biplane-fuzz-series-{}", std::process::id()));
        let _ = std::fs::create_dir_all(&folder);
        folder
    });
    let (a, b) = bytes.split_at(bytes.len() / 2);
    if std::fs::write(folder.join("a"), a).and_then(|()| std::fs::write(folder.join("b"), b)).is_ok() {
        let _ = dicom::open_series(folder, &Progress::new());
    }
});
