//! Between volumes and tensors. Knows no network.

use super::NnError;
use tch::{Device, Kind, Tensor};

/// Values `[c][z][y][x]` of a cube as `[1, C, D, H, W]` f32 on `device`.
///
/// # Errors
/// Where the number of values does not fit, or the device cannot hold them.
pub fn from_channels(values: &[f32], channels: usize, dims: [usize; 3], device: Device) -> Result<Tensor, NnError> {
    let [nx, ny, nz] = dims.map(|n| n as i64);
    Ok(Tensor::f_from_slice(values)?.f_reshape([1, channels as i64, nz, ny, nx])?.f_to_device(device)?)
}

/// All values of a tensor in order, as f32 on the CPU.
///
/// # Errors
/// libtorch's, as out of memory.
pub fn to_values(tensor: &Tensor) -> Result<Vec<f32>, NnError> {
    let flat = tensor.f_to_device(Device::Cpu)?.f_to_kind(Kind::Float)?.f_contiguous()?.f_view([-1])?;
    let mut values = vec![0f32; flat.numel()];
    let n = values.len();
    flat.f_copy_data(&mut values, n)?;
    Ok(values)
}
