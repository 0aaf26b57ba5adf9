//! Pictures of a validation case as the networks see it now, beside the truth. Knows no file.

use super::TrainError;
use super::batch::Batch;
use crate::units::{DEFAULT_WINDOW, Hu};
use tch::{Kind, Tensor};

/// Middle slices of a validation case, HU.
#[derive(Clone, Debug, PartialEq)]
pub struct Preview {
    /// The case.
    pub case: String,
    /// Voxels along the side.
    pub side: usize,
    /// The middle axial slice of result and truth, `[y][x]`.
    pub axial: [Vec<f32>; 2],
    /// The middle coronal slice of result and truth, `[z][x]` with the head on top.
    pub coronal: [Vec<f32>; 2],
}

impl Preview {
    /// Of a result `[D, H, W]` in relative attenuation and the sample it came from.
    ///
    /// # Errors
    /// libtorch's.
    pub fn new(case: String, result: &Tensor, batch: &Batch) -> Result<Self, TrainError> {
        let truth = batch.target.f_select(0, 0)?.f_select(0, 0)?;
        let side = truth.size()[0];
        let axial = |volume: &Tensor| values(&volume.f_select(0, side / 2)?);
        let coronal = |volume: &Tensor| values(&volume.f_select(1, side / 2)?.f_flip([0])?);
        Ok(Self {
            case,
            side: side as usize,
            axial: [axial(result)?, axial(&truth)?],
            coronal: [coronal(result)?, coronal(&truth)?],
        })
    }

    /// Both planes of result (left) and truth (right), axial above coronal, in the default window: the size
    /// `[width, height]` in pixels and `rgba` bytes row by row.
    pub fn picture(&self) -> ([usize; 2], Vec<u8>) {
        let side = self.side;
        let [Hu(low), Hu(high)] = DEFAULT_WINDOW;
        let level = |hu: f32| ((hu - low) / (high - low) * 255.0).round() as u8;
        let row = |y: usize| {
            let [left, right] = if y < side { &self.axial } else { &self.coronal };
            let from = y % side * side;
            left[from..from + side].iter().chain(&right[from..from + side])
        };
        let rgba = (0..2 * side).flat_map(row).flat_map(|hu| {
            let v = level(*hu);
            [v, v, v, u8::MAX]
        });
        ([2 * side; 2], rgba.collect())
    }
}

fn values(plane: &Tensor) -> Result<Vec<f32>, TrainError> {
    let flat = plane.f_contiguous()?.f_view([-1])?.f_to_device(tch::Device::Cpu)?.f_to_kind(Kind::Float)?;
    let r = Vec::<f32>::try_from(&flat)?;
    Ok(r.into_iter().map(|r| Hu::from_relative_attenuation(r).0).collect())
}
