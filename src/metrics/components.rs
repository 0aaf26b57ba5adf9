//! Connected parts and holes of a mask, by runs: rows become runs of voxels and overlapping runs of neighbouring
//! rows are joined. Faster than flooding voxel by voxel, and its work follows the surface. Knows no anatomy.

use super::mask::{Mask, Run, fill, runs};
use rayon::prelude::*;

/// The 6-connected components of a mask.
pub(crate) struct Components {
    dims: [usize; 3],
    /// Runs in the order of rows, and the component of each.
    runs: Vec<Run>,
    component: Vec<u32>,
    /// Where each row's runs begin, one more at the end.
    row_starts: Vec<usize>,
    /// Voxels of each component.
    pub sizes: Vec<usize>,
}

impl Components {
    /// Finds them.
    pub fn of(mask: &Mask) -> Self {
        let dims = mask.dims();
        let [_, ny, nz] = dims;
        let rows: Vec<Vec<Run>> =
            (0..ny * nz).into_par_iter().with_min_len(256).map(|r| runs(mask.row(r % ny, r / ny)).collect()).collect();
        let mut row_starts = Vec::with_capacity(rows.len() + 1);
        row_starts.push(0);
        rows.iter().for_each(|row| row_starts.push(row_starts[row_starts.len() - 1] + row.len()));
        let all: Vec<Run> = rows.into_iter().flatten().collect();
        let mut forest = Forest::new(all.len());
        for r in 0..ny * nz {
            let here = row_starts[r]..row_starts[r + 1];
            for before in [(r % ny > 0).then(|| r - 1), r.checked_sub(ny)].into_iter().flatten() {
                join_overlaps(&all, here.clone(), row_starts[before]..row_starts[before + 1], &mut forest);
            }
        }
        let (component, count) = forest.numbered();
        let mut sizes = vec![0; count];
        all.iter().zip(&component).for_each(|(run, &c)| sizes[c as usize] += (run.end - run.start) as usize);
        Self { dims, runs: all, component, row_starts, sizes }
    }

    /// Component numbers, largest first; equal sizes in the order of their first voxel.
    pub fn by_size(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.sizes.len()).collect();
        order.sort_by_key(|&c| std::cmp::Reverse(self.sizes[c]));
        order
    }

    /// One component as a mask.
    pub fn mask(&self, component: usize) -> Mask {
        let mut mask = Mask::empty(self.dims);
        let ny = self.dims[1];
        for (r, starts) in self.row_starts.windows(2).enumerate() {
            for k in starts[0]..starts[1] {
                if self.component[k] as usize == component {
                    mask.set_run(r % ny, r / ny, self.runs[k]);
                }
            }
        }
        mask
    }
}

/// Which part of a slice's border counts as closed when holes are filled.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Border {
    /// Whatever reaches the border is open.
    Open,
    /// Between the outermost set voxels of an edge the border is a wall: what the scan cuts stays inside.
    WallBetweenOutermost,
}

/// Fills the holes of every axial slice: voxels not set from which no 4-connected path of such leads out.
pub(crate) fn fill_slices(mask: &mut Mask, border: Border) {
    let dims = mask.dims();
    let width = mask.row_words();
    mask.par_slices_mut().for_each(|slice| fill_slice(slice, width, dims[0], border));
}

fn fill_slice(slice: &mut [u64], width: usize, nx: usize, border: Border) {
    if slice.iter().all(|&w| w == 0) {
        return;
    }
    let gaps: Vec<Vec<Run>> = slice.chunks_exact(width).map(|row| gaps(row, nx as u32)).collect();
    let walls = Walls::of(slice, width, nx, border);
    let all: Vec<Run> = gaps.iter().flatten().copied().collect();
    let mut forest = Forest::new(all.len());
    let mut open = vec![false; all.len()];
    let (mut start, mut before) = (0, 0..0);
    for (y, row) in gaps.iter().enumerate() {
        let here = start..start + row.len();
        join_overlaps(&all, here.clone(), before, &mut forest);
        here.clone().for_each(|k| open[k] = walls.leads_out(all[k], y));
        start = here.end;
        before = here;
    }
    let (component, count) = forest.numbered();
    let mut outside = vec![false; count];
    (0..all.len()).filter(|&k| open[k]).for_each(|k| outside[component[k] as usize] = true);
    let mut k = 0;
    for (row, gaps) in slice.chunks_exact_mut(width).zip(&gaps) {
        for &gap in gaps {
            if !outside[component[k] as usize] {
                fill(row, gap);
            }
            k += 1;
        }
    }
}

/// The runs of bits not set among the first `nx`.
fn gaps(row: &[u64], nx: u32) -> Vec<Run> {
    let mut at = 0;
    let mut gaps = Vec::new();
    for run in runs(row) {
        if run.start > at {
            gaps.push(Run { start: at, end: run.start });
        }
        at = run.end;
    }
    if at < nx {
        gaps.push(Run { start: at, end: nx });
    }
    gaps
}

/// The closed stretch of each edge of a slice: (first, last), empty where first > last.
struct Walls {
    last: [usize; 2],
    top: (usize, usize),
    bottom: (usize, usize),
    left: (usize, usize),
    right: (usize, usize),
}

const NO_WALL: (usize, usize) = (1, 0);

impl Walls {
    fn of(slice: &[u64], width: usize, nx: usize, border: Border) -> Self {
        let ny = slice.len() / width;
        let mut walls = Self { last: [nx - 1, ny - 1], top: NO_WALL, bottom: NO_WALL, left: NO_WALL, right: NO_WALL };
        if border == Border::WallBetweenOutermost {
            let set = |x: usize, y: usize| slice[y * width + x / 64] >> (x % 64) & 1 == 1;
            walls.top = outermost(nx, |x| set(x, 0));
            walls.bottom = outermost(nx, |x| set(x, ny - 1));
            walls.left = outermost(ny, |y| set(0, y));
            walls.right = outermost(ny, |y| set(nx - 1, y));
        }
        walls
    }

    /// Whether any voxel of the gap touches an edge outside of its wall.
    fn leads_out(&self, gap: Run, y: usize) -> bool {
        let (first, last) = (gap.start as usize, gap.end as usize - 1);
        let beside = |wall: (usize, usize)| first < wall.0 || last > wall.1 || wall.0 > wall.1;
        let off = |wall: (usize, usize)| y < wall.0 || y > wall.1;
        (y == 0 && beside(self.top))
            || (y == self.last[1] && beside(self.bottom))
            || (first == 0 && off(self.left))
            || (last == self.last[0] && off(self.right))
    }
}

fn outermost(n: usize, set: impl Fn(usize) -> bool) -> (usize, usize) {
    match ((0..n).find(|&k| set(k)), (0..n).rev().find(|&k| set(k))) {
        (Some(first), Some(last)) => (first, last),
        _ => NO_WALL,
    }
}

/// Joins the runs of two rows that share a column.
fn join_overlaps(all: &[Run], a: std::ops::Range<usize>, b: std::ops::Range<usize>, forest: &mut Forest) {
    let (mut i, mut j) = (a.start, b.start);
    while i < a.end && j < b.end {
        if all[i].start < all[j].end && all[j].start < all[i].end {
            forest.join(i, j);
        }
        if all[i].end <= all[j].end { i += 1 } else { j += 1 }
    }
}

/// Disjoint sets with path halving; the root is the least member.
struct Forest(Vec<u32>);

impl Forest {
    fn new(n: usize) -> Self {
        Self((0..n as u32).collect())
    }

    fn root(&mut self, mut k: usize) -> usize {
        while self.0[k] as usize != k {
            self.0[k] = self.0[self.0[k] as usize];
            k = self.0[k] as usize;
        }
        k
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        self.0[a.max(b)] = a.min(b) as u32;
    }

    /// The set of each member, numbered from 0 by first member, and how many there are.
    fn numbered(mut self) -> (Vec<u32>, usize) {
        let mut number = vec![0; self.0.len()];
        let mut count = 0;
        for k in 0..self.0.len() {
            let root = self.root(k);
            if root == k {
                number[k] = count;
                count += 1;
            } else {
                number[k] = number[root];
            }
        }
        (number, count as usize)
    }
}
