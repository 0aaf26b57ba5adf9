#![no_main]
//! `io::geometry_file::parse` on any text; what it takes must come back from what it writes.

use biplane::io::geometry_file;
use libfuzzer_sys::fuzz_target;
use std::path::Path;

fuzz_target!(|text: &str| {
    let path = Path::new("geometry.toml");
    if let Ok(pair) = geometry_file::parse(path, text) {
        assert!(geometry_file::parse(path, &geometry_file::text(&pair, None)).is_ok());
    }
});
