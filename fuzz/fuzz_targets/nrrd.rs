#![no_main]
//! `io::nrrd::read` on any bytes: no panic, no memory beyond what the bytes can hold.

mod on_file;

use biplane::io::{Progress, nrrd};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    on_file::with_file(bytes, |path| {
        let _ = nrrd::read(path, &Progress::new());
    });
});
