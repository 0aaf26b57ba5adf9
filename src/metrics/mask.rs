//! Yes-or-no volumes, a bit a voxel: the working form of body and lungs. Knows no Hounsfield units and no anatomy.

use rayon::prelude::*;

/// A voxel grid of bits, `[z][y][x]`, each row starting on a fresh word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mask {
    dims: [usize; 3],
    row_words: usize,
    words: Vec<u64>,
}

/// Voxels `start..end` of one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub start: u32,
    pub end: u32,
}

const WORD_BITS: usize = u64::BITS as usize;

impl Mask {
    /// No voxel set on a grid of `dims` (x, y, z); sides of 0 become 1.
    pub fn empty(dims: [usize; 3]) -> Self {
        let dims = dims.map(|side| side.max(1));
        let row_words = dims[0].div_ceil(WORD_BITS);
        Self { dims, row_words, words: vec![0; row_words * dims[1] * dims[2]] }
    }

    /// The voxels of `values`, `[z][y][x]`, for which `f` holds; missing values count as not.
    pub fn of<T: Copy + Sync>(dims: [usize; 3], values: &[T], f: impl Fn(T) -> bool + Sync) -> Self {
        let mut mask = Self::empty(dims);
        let nx = mask.dims[0];
        let rows = mask.words.par_chunks_mut(mask.row_words).zip(values.par_chunks(nx));
        rows.with_min_len(64).for_each(|(words, row)| {
            for (word, voxels) in words.iter_mut().zip(row.chunks(WORD_BITS)) {
                *word = voxels.iter().enumerate().fold(0, |bits, (k, &v)| bits | (u64::from(f(v)) << k));
            }
        });
        mask
    }

    /// Sides along (x, y, z).
    pub fn dims(&self) -> [usize; 3] {
        self.dims
    }

    /// Whether voxel (x, y, z) is set; never outside of the grid.
    pub fn at(&self, x: usize, y: usize, z: usize) -> bool {
        let [nx, ny, nz] = self.dims;
        x < nx && y < ny && z < nz && self.row(y, z)[x / WORD_BITS] >> (x % WORD_BITS) & 1 == 1
    }

    /// How many voxels are set.
    pub fn count(&self) -> usize {
        self.words.par_iter().with_min_len(4096).map(|w| w.count_ones() as usize).sum()
    }

    /// The voxels set in both. Grids of different size have none in common.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        let same = self.dims == other.dims;
        self.words.iter_mut().zip(&other.words).for_each(|(a, &b)| *a &= if same { b } else { 0 });
        self
    }

    /// 1 for each voxel set, 0 for others, `[z][y][x]`.
    pub fn to_bytes(&self) -> Vec<u8> {
        let nx = self.dims[0];
        let mut bytes = vec![0; self.dims.iter().product()];
        bytes.par_chunks_mut(nx).zip(self.words.par_chunks(self.row_words)).with_min_len(64).for_each(
            |(row, words)| {
                runs(words).for_each(|run| row[run.start as usize..run.end as usize].fill(1));
            },
        );
        bytes
    }

    /// The words of row (y, z).
    pub(crate) fn row(&self, y: usize, z: usize) -> &[u64] {
        let at = (z * self.dims[1] + y) * self.row_words;
        &self.words[at..at + self.row_words]
    }

    /// Words in a row.
    pub(crate) fn row_words(&self) -> usize {
        self.row_words
    }

    /// The rows of each axial slice, to change in parallel.
    pub(crate) fn par_slices_mut(&mut self) -> rayon::slice::ChunksMut<'_, u64> {
        let slice_words = self.row_words * self.dims[1];
        self.words.par_chunks_mut(slice_words)
    }

    /// Sets voxels of row (y, z).
    pub(crate) fn set_run(&mut self, y: usize, z: usize, run: Run) {
        let at = (z * self.dims[1] + y) * self.row_words;
        let width = self.row_words;
        fill(&mut self.words[at..at + width], run);
    }

    /// The mean voxel coordinate of the voxels set; `None` where none is.
    pub fn centroid_voxel(&self) -> Option<[f64; 3]> {
        let [_, ny, nz] = self.dims;
        let (mut count, mut sum) = (0f64, [0f64; 3]);
        for (y, z) in (0..nz).flat_map(|z| (0..ny).map(move |y| (y, z))) {
            for run in runs(self.row(y, z)) {
                let n = f64::from(run.end - run.start);
                let middle = f64::from(run.start + run.end - 1) / 2.0;
                count += n;
                for (total, part) in sum.iter_mut().zip([middle, y as f64, z as f64]) {
                    *total += n * part;
                }
            }
        }
        (count > 0.0).then(|| sum.map(|s| s / count))
    }
}

/// Sets the bits of `run` in one row.
pub(crate) fn fill(row: &mut [u64], run: Run) {
    let (start, end) = (run.start as usize, run.end as usize);
    for (k, word) in row.iter_mut().enumerate().take(end.div_ceil(WORD_BITS)).skip(start / WORD_BITS) {
        let low = start.saturating_sub(k * WORD_BITS);
        let high = (end - k * WORD_BITS).min(WORD_BITS);
        *word |= (u64::MAX >> (WORD_BITS - (high - low))) << low;
    }
}

/// The runs of set bits in a row, left to right.
pub(crate) fn runs(row: &[u64]) -> impl Iterator<Item = Run> + '_ {
    let total = row.len() * WORD_BITS;
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = next_equal(row, at, total, 0)?;
        let end = next_equal(row, start, total, u64::MAX).unwrap_or(total);
        at = end;
        Some(Run { start: start as u32, end: end as u32 })
    })
}

/// The first bit at or after `from` that is set once the words are XORed with `flip`.
fn next_equal(row: &[u64], from: usize, total: usize, flip: u64) -> Option<usize> {
    let mut word = from / WORD_BITS;
    if from >= total {
        return None;
    }
    let mut bits = (row[word] ^ flip) & (u64::MAX << (from % WORD_BITS));
    while bits == 0 {
        word += 1;
        bits = row.get(word)? ^ flip;
    }
    Some(word * WORD_BITS + bits.trailing_zeros() as usize)
}
