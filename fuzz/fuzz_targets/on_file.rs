//! The readers take paths: each input goes through one file in memory (or the temporary folder).

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Calls `read` with a file that holds `bytes`.
pub fn with_file(bytes: &[u8], read: impl FnOnce(&Path)) {
    static FILE: OnceLock<PathBuf> = OnceLock::new();
    let file = FILE.get_or_init(|| {
        let memory = Path::new("/dev/shm");
        let folder = if memory.is_dir() { memory.to_path_buf() } else { std::env::temp_dir() };
        folder.join(format!("biplane-fuzz-{}", std::process::id()))
    });
    if std::fs::write(file, bytes).is_ok() {
        read(file);
    }
}
