//! Tells the linker where the program finds libtorch, so that it starts from anywhere without
//! environment variables. Knows nothing of how libtorch got there (`scripts/setup.py`).

use std::env;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // torch-sys passes on the folder it linked against; tch's own rpath does not reach us.
    let built_against = env::var("DEP_TCH_LIBTORCH_LIB").unwrap_or_default();
    let system = env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    // A folder `libtorch` beside the program, or `lib` beside its `bin`, goes first: so a program
    // that was moved with its libraries does not depend on the builder's cache.
    let beside_program = match system.as_str() {
        "linux" => "$ORIGIN",
        "macos" => "@executable_path",
        _ => return,
    };
    let mut folders = vec![format!("{beside_program}/libtorch/lib"), format!("{beside_program}/../lib")];
    if !built_against.is_empty() {
        folders.push(built_against);
    }
    for folder in folders {
        println!("cargo:rustc-link-arg=-Wl,-rpath,{folder}");
    }
}
