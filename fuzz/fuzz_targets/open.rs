#![no_main]
//! `io::describe` on any bytes: whatever reader they lead to.

mod on_file;

use biplane::io::{self, Progress};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    on_file::with_file(bytes, |path| {
        let _ = io::describe(path, &Progress::new());
    });
});
