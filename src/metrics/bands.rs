//! The error of each kind of tissue: voxels grouped by the truth's HU. Knows no anatomy beyond densities.

use super::clip;
use crate::geometry::Volume;
use rayon::prelude::*;
use serde::Serialize;

/// The definition in one line.
pub const DEFINITION: &str = "voxels by the truth's HU; recon - truth, HU clipped to [-1000, 1500]: mean (bias), mean \
    absolute and root mean square; padding outside the scan counts as air";

/// Name and lower end of each band, HU; each reaches to the next one's lower end. Lung below -950 HU is air trapped or
/// about the patient (Gevenois et al., AJRCCM 1996); aerated lung reaches to -500 (Gattinoni et al., AJRCCM 2001); what
/// lies between lung and fat are voxels that surfaces cut; fat reaches from -190 to -30 (Yoshizumi et al., Radiology
/// 1999) and muscle from -29 to 150 (Mitsiopoulos et al., J Appl Physiol 1998); cortical bone begins near 400, and
/// spongy bone and vessels with contrast medium share what is between. The first and the last band are open.
const BANDS: [(&str, i16); 7] = [
    ("air", i16::MIN),
    ("lung", -950),
    ("lung, partial", -500),
    ("fat", -200),
    ("soft tissue", -30),
    ("contrast, spongy bone", 150),
    ("bone", 400),
];

/// The error over the voxels of one band.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Band {
    /// What lies in this range.
    pub name: &'static str,
    /// Least HU of the truth; `i16::MIN` where the band is open.
    pub from_hu: i16,
    /// HU of the truth stay below this; the last band's `i16::MAX` is open and belongs to it.
    pub to_hu: i16,
    /// How many voxels there are, at least one.
    pub voxels: usize,
    /// Mean of recon - truth, HU.
    pub bias_hu: f64,
    /// Mean of |recon - truth|, HU.
    pub mae_hu: f64,
    /// Root of the mean of (recon - truth)^2, HU.
    pub rmse_hu: f64,
}

/// The error by bands of the truth's HU, from air to bone; a band without a voxel is left out. `None` where the volumes
/// differ in size.
pub fn by_bands(recon: &Volume, truth: &Volume) -> Option<Vec<Band>> {
    if recon.frame().dims() != truth.frame().dims() {
        return None;
    }
    let pairs = recon.hu().par_iter().zip(truth.hu()).with_min_len(1 << 14);
    let sums = pairs.fold(Sums::default, |sums, (&a, &b)| sums.with(a, b)).reduce(Sums::default, Sums::and);
    let ends = BANDS.iter().skip(1).map(|band| band.1).chain([i16::MAX]);
    let bands = BANDS.iter().zip(ends).zip(sums.0);
    Some(bands.filter_map(|(((name, from_hu), to_hu), sum)| sum.band(name, *from_hu, to_hu)).collect())
}

/// Count, sum, sum of sizes and of squares of the differences in one band. Whole numbers are exact.
#[derive(Clone, Copy, Default)]
struct Sum {
    voxels: usize,
    signed: i64,
    sizes: u64,
    squares: u64,
}

impl Sum {
    fn band(self, name: &'static str, from_hu: i16, to_hu: i16) -> Option<Band> {
        let n = self.voxels as f64;
        (self.voxels > 0).then(|| Band {
            name,
            from_hu,
            to_hu,
            voxels: self.voxels,
            bias_hu: self.signed as f64 / n,
            mae_hu: self.sizes as f64 / n,
            rmse_hu: (self.squares as f64 / n).sqrt(),
        })
    }
}

#[derive(Clone, Copy, Default)]
struct Sums([Sum; BANDS.len()]);

impl Sums {
    fn with(mut self, recon: i16, truth: i16) -> Self {
        // The first band has no lower end, so there is always one.
        let band = BANDS.iter().skip(1).take_while(|(_, from_hu)| truth >= *from_hu).count();
        let difference = i64::from(clip(recon)) - i64::from(clip(truth));
        let sum = &mut self.0[band];
        sum.voxels += 1;
        sum.signed += difference;
        sum.sizes += difference.unsigned_abs();
        sum.squares += difference.unsigned_abs().pow(2);
        self
    }

    fn and(mut self, other: Self) -> Self {
        for (sum, more) in self.0.iter_mut().zip(other.0) {
            sum.voxels += more.voxels;
            sum.signed += more.signed;
            sum.sizes += more.sizes;
            sum.squares += more.squares;
        }
        self
    }
}
