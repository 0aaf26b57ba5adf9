//! The program: parses, runs, maps to an exit code.

fn main() {}
