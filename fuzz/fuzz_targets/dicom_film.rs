#![no_main]
//! `io::dicom::radiograph_from_bytes` on any bytes: no panic of ours, no memory beyond what the bytes can hold.

use biplane::io::dicom;
use libfuzzer_sys::fuzz_target;
use std::path::Path;

// The decoders beneath may panic; the reader catches that, so the hook that would abort at once is taken off.
// A panic of ours still ends the run, when it leaves the target.
fuzz_target!(init: std::panic::set_hook(Box::new(|_| {})), |bytes: &[u8]| {
    let _ = dicom::radiograph_from_bytes(bytes.to_vec(), Path::new("film.dcm"));
});
