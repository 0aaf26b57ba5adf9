//! Unique identifiers out of content. Knows no file.

use sha2::{Digest, Sha256};

/// A UID under 2.25 (PS3.5 annex B.2) from a hash over `parts`: the same content has the same name everywhere.
pub(super) fn of(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        // The length keeps "ab", "c" and "a", "bc" apart.
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    let digest = hash.finalize();
    let half = digest.iter().take(16).fold(0u128, |number, &byte| number << 8 | u128::from(byte));
    format!("2.25.{half}")
}
