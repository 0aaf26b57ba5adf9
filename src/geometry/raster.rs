//! A two-dimensional image of floats. Knows no unit of its values and no file.

/// `rows` x `cols` values, `[row][col]` (column fastest).
#[derive(Clone, Debug, PartialEq)]
pub struct Raster {
    cols: usize,
    rows: usize,
    values: Vec<f32>,
}

impl Raster {
    /// An image of the given values; `None` where their number is not `cols * rows` or the image is empty.
    pub fn new(cols: usize, rows: usize, values: Vec<f32>) -> Option<Self> {
        (values.len() == cols.checked_mul(rows)? && !values.is_empty()).then_some(Self { cols, rows, values })
    }

    /// An image of one value everywhere; sides of 0 become 1.
    pub fn filled(cols: usize, rows: usize, value: f32) -> Self {
        let (cols, rows) = (cols.max(1), rows.max(1));
        Self { cols, rows, values: vec![value; cols * rows] }
    }

    /// Columns.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// Rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// All values, `[row][col]`.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// All values, to change in place.
    pub fn values_mut(&mut self) -> &mut [f32] {
        &mut self.values
    }

    /// The value at (col, row), if there is such a pixel.
    pub fn at(&self, col: usize, row: usize) -> Option<f32> {
        (col < self.cols && row < self.rows).then(|| self.values[row * self.cols + col])
    }

    /// Bilinear sample at fractional (col, row), pixel centres at integers; `None` outside the outermost centres.
    pub fn sample(&self, col: f64, row: f64) -> Option<f32> {
        let inside = col >= 0.0 && row >= 0.0 && col <= (self.cols - 1) as f64 && row <= (self.rows - 1) as f64;
        if !inside {
            return None;
        }
        let (c0, r0) = (col as usize, row as usize);
        let (c1, r1) = ((c0 + 1).min(self.cols - 1), (r0 + 1).min(self.rows - 1));
        let (fc, fr) = ((col - c0 as f64) as f32, (row - r0 as f64) as f32);
        let at = |c: usize, r: usize| self.values[r * self.cols + c];
        let top = at(c0, r0) + fc * (at(c1, r0) - at(c0, r0));
        let bottom = at(c0, r1) + fc * (at(c1, r1) - at(c0, r1));
        Some(top + fr * (bottom - top))
    }

    /// Mirrored left to right.
    #[must_use]
    pub fn flipped_cols(mut self) -> Self {
        self.values.chunks_exact_mut(self.cols).for_each(<[f32]>::reverse);
        self
    }

    /// Mirrored top to bottom.
    #[must_use]
    pub fn flipped_rows(self) -> Self {
        let values = self.values.chunks_exact(self.cols).rev().flatten().copied().collect();
        Self { values, ..self }
    }

    /// Every value through `f`.
    #[must_use]
    pub fn map(mut self, f: impl Fn(f32) -> f32) -> Self {
        self.values.iter_mut().for_each(|v| *v = f(*v));
        self
    }

    /// The `q`-quantile (0 to 1) of the finite values, `None` where there are none.
    pub fn quantile(&self, q: f64) -> Option<f32> {
        let mut finite: Vec<f32> = self.values.iter().copied().filter(|v| v.is_finite()).collect();
        if finite.is_empty() {
            return None;
        }
        let k = ((finite.len() - 1) as f64 * q.clamp(0.0, 1.0)).round() as usize;
        Some(*finite.select_nth_unstable_by(k, f32::total_cmp).1)
    }
}
