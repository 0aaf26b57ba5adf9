//! The order of the rooms and which outside crate may appear where. A module uses only what stands left of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The rooms, each using only those before it. ARCHITECTURE.md prints the same line.
const ROOMS: [&str; 14] = [
    "units",
    "geometry",
    "io",
    "projection",
    "registration",
    "nn",
    "metrics",
    "atlas",
    "train",
    "evaluate",
    "gpu",
    "app",
    "cli",
    "main",
];

/// Outside crates that may appear only in some rooms.
const CRATES: [(&str, &[&str]); 23] = [
    ("egui", &["app"]),
    ("eframe", &["app"]),
    ("egui_extras", &["app"]),
    ("egui_plot", &["app"]),
    ("egui_material_icons", &["app"]),
    ("rfd", &["app"]),
    ("poll_promise", &["app"]),
    ("egui_wgpu", &["app"]),
    ("wgpu", &["gpu", "app"]),
    ("tch", &["nn", "metrics", "train", "evaluate"]),
    ("dicom_core", &["io"]),
    ("dicom_object", &["io"]),
    ("dicom_pixeldata", &["io"]),
    ("dicom_dictionary_std", &["io"]),
    ("nifti", &["io"]),
    ("image", &["io"]),
    ("zip", &["nn"]),
    ("ureq", &["nn"]),
    ("skrifa", &["evaluate"]),
    ("vello_cpu", &["evaluate"]),
    ("base64", &["evaluate"]),
    ("clap", &["cli"]),
    ("indicatif", &["cli"]),
];

/// Every breach of either table in a source file of a room.
fn breaches(room: &str, file: &Path, text: &str) -> Vec<String> {
    let place = ROOMS.iter().position(|r| *r == room).unwrap();
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let code = line.split("//").next().unwrap_or("");
        let mut report = |what: &str| found.push(format!("{}:{}: {room} uses {what}", file.display(), number + 1));
        for used in rooms_in(code) {
            if ROOMS.iter().position(|r| *r == used).is_some_and(|at| at > place) {
                report(&used);
            }
        }
        for (name, rooms) in CRATES {
            if !rooms.contains(&room) && names_crate(code, name) {
                report(name);
            }
        }
    }
    found
}

/// The rooms that a line names by `crate::` or `biplane::`; also inside `use crate::{a, b}`.
fn rooms_in(code: &str) -> Vec<String> {
    let mut rooms = Vec::new();
    for root in ["crate::", "biplane::"] {
        for (at, _) in code.match_indices(root) {
            let rest = &code[at + root.len()..];
            match rest.strip_prefix('{') {
                Some(list) => rooms.extend(top_level_names(list)),
                None => rooms.push(first_name(rest)),
            }
        }
    }
    rooms
}

/// The names at the top of a `{a::b, c}` list.
fn top_level_names(list: &str) -> Vec<String> {
    let (mut depth, mut names, mut fresh) = (0, Vec::new(), true);
    for (at, letter) in list.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => fresh = true,
            _ if fresh && !letter.is_whitespace() => {
                names.push(first_name(&list[at..]));
                fresh = false;
            }
            _ => {}
        }
    }
    names
}

fn first_name(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// Whether the code names an outside crate: `name::` that is no part of a longer path or word.
fn names_crate(code: &str, name: &str) -> bool {
    code.match_indices(name).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        let starts = !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':');
        starts && code[at + name.len()..].starts_with("::")
    })
}

/// Every source file with its room. `lib.rs` belongs to none: it names them all.
fn sources() -> Vec<(String, PathBuf)> {
    fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, files);
            } else if path.extension().is_some_and(|e| e == "rs") {
                files.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    walk(&root, &mut files);
    files.sort();
    let room = |path: &PathBuf| {
        let first = path.strip_prefix(&root).unwrap().components().next().unwrap();
        first.as_os_str().to_string_lossy().trim_end_matches(".rs").to_owned()
    };
    files.iter().map(|path| (room(path), path.clone())).filter(|(room, _)| room != "lib").collect()
}

#[test]
fn every_room_uses_only_what_stands_before_it() {
    let mut found = Vec::new();
    for (room, path) in sources() {
        assert!(ROOMS.contains(&room.as_str()), "{room} is no room of the list in tests/suite/layers.rs");
        found.extend(breaches(&room, &path, &std::fs::read_to_string(&path).unwrap()));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_planted_breach_is_found() {
    let plant = |room: &str, text: &str| breaches(room, Path::new("planted.rs"), text).len();
    assert_eq!(plant("io", "use crate::nn::Model;"), 1);
    assert_eq!(plant("geometry", "use crate::{units::Mm, cli};"), 1);
    assert_eq!(plant("nn", "let x = crate::app::run();"), 1);
    assert_eq!(plant("train", "let c = egui::Color32::RED;"), 1);
    assert_eq!(plant("app", "let t = tch::Tensor::new();"), 1);
    assert_eq!(plant("io", "use image::DynamicImage;\nuse crate::geometry::Volume;"), 0);
    assert_eq!(plant("cli", "use crate::io::image::x; // tch::Tensor"), 0);
    assert_eq!(plant("units", "    use wgpu::Device;"), 1);
}

#[test]
fn only_the_surface_prints() {
    let speaks = ["println!", "eprintln!", "print!", "eprint!", "dbg!"];
    for (room, path) in sources().into_iter().filter(|(room, _)| !["app", "cli", "main"].contains(&room.as_str())) {
        let text = std::fs::read_to_string(&path).unwrap();
        let code = text.lines().map(|line| line.split("//").next().unwrap_or("")).collect::<String>();
        assert!(!speaks.iter().any(|word| code.contains(word)), "{room} prints: {}", path.display());
    }
}

#[test]
fn the_architecture_prints_the_same_order() {
    let text = include_str!("../../ARCHITECTURE.md");
    assert!(text.contains(&ROOMS.join(" -> ")), "ARCHITECTURE.md must print: {}", ROOMS.join(" -> "));
    for (room, path) in sources() {
        let named = room == "main" || text.contains(&format!("`{room}`"));
        assert!(named, "ARCHITECTURE.md has no paragraph on `{room}` ({})", path.display());
    }
}

#[test]
fn files_stay_short_and_say_what_they_own() {
    // Long files that are one table each, or one argument: the limit with its exceptions in one place.
    let excused = BTreeMap::from([("src/app/viewport/bindings.rs", 480)]);
    let mut long = Vec::new();
    for (_, path) in sources() {
        let text = std::fs::read_to_string(&path).unwrap();
        let name = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap().display().to_string();
        assert!(text.starts_with("//!"), "{name} does not say what it owns");
        let limit = excused.get(name.as_str()).copied().unwrap_or(400);
        if text.lines().count() > limit {
            long.push(format!("{name}: {} lines, {limit} allowed", text.lines().count()));
        }
    }
    assert!(long.is_empty(), "{}", long.join("\n"));
}
