//! Tells the linker where the program finds libtorch, so that it starts from anywhere without
//! environment variables, and notes the commit the program is built from. Knows nothing of how libtorch got there
//! (`scripts/setup.py`).

use std::env;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    note_commit();
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

/// The commit, where this is a checkout and git is there: training runs tell it.
fn note_commit() {
    const COMMITS: &str = ".git/logs/HEAD";
    if std::path::Path::new(COMMITS).exists() {
        println!("cargo:rerun-if-changed={COMMITS}");
    }
    let asked = std::process::Command::new("git").args(["rev-parse", "--short=12", "HEAD"]).output();
    let told = asked.ok().filter(|o| o.status.success()).and_then(|o| String::from_utf8(o.stdout).ok());
    if let Some(commit) = told {
        println!("cargo:rustc-env=BIPLANE_COMMIT={}", commit.trim());
    }
}
