"""Reference values for tests/suite/metrics.rs, by scikit-image and NumPy.

    pip install numpy scikit-image nibabel
    python tests/reference/metrics.py --golden tests/golden/metrics.json
    python tests/reference/metrics.py A.nii.gz B.nii.gz        # to hold against `biplane metrics A B --json`

The golden arrays come from a formula in whole numbers that the test computes as well.
"""

import argparse
import json

import numpy as np
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

LOW, HIGH = -1000, 1500
RANGE = HIGH - LOW


def golden_pair():
    """The same two volumes as `golden_pair` in tests/suite/metrics.rs, [z][y][x]."""
    nz, ny, nx = 18, 20, 24
    z, y, x = np.meshgrid(np.arange(nz), np.arange(ny), np.arange(nx), indexing="ij")
    a = -1024 + (37 * x + 53 * y + 71 * z + 3 * x * y + 5 * y * z) % 2700
    b = a + (31 * x + 17 * y * z + 7 * z) % 401 - 200
    return a.astype(np.int64), b.astype(np.int64)


def numbers(a, b):
    """All numbers of `biplane metrics` that scikit-image and NumPy know; a and b in HU, [z][y][x]."""
    truth_z = np.flatnonzero((b > -1024).any(axis=(1, 2)))
    first, last = (truth_z[0], truth_z[-1]) if truth_z.size else (0, b.shape[0] - 1)
    a, b = (np.clip(v, LOW, HIGH).astype(np.float64) for v in (a, b))
    mse = np.mean((a - b) ** 2)
    by_slice_psnr, by_slice_ssim = [], []
    for axis in range(3):
        for k in range(a.shape[axis]):
            if axis == 0 and not first <= k <= last:
                continue
            p, q = np.take(a, k, axis=axis), np.take(b, k, axis=axis)
            error = np.mean((p - q) ** 2)
            by_slice_psnr.append(100.0 if error == 0 else 10 * np.log10(4095.0**2 / error))
            by_slice_ssim.append(structural_similarity(p, q, data_range=RANGE))
    return {
        "mae_hu": float(np.mean(np.abs(a - b))),
        "mae_scanned_hu": float(np.mean(np.abs(a - b)[first : last + 1])),
        "psnr_db": float(peak_signal_noise_ratio(b, a, data_range=RANGE)),
        "psnr_4095_db": float(10 * np.log10(4095.0**2 / mse)),
        "psnr_slices_db": float(np.mean(by_slice_psnr)),
        "ssim": float(
            structural_similarity(
                a, b, data_range=RANGE, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
            )
        ),
        "ssim_uniform": float(structural_similarity(a, b, data_range=RANGE)),
        "ssim_slices": float(np.mean(by_slice_ssim)),
    }


def load(path):
    import nibabel

    image = nibabel.load(path)
    # NIfTI is [x][y][z]; mirrored axes change none of these numbers.
    return np.asarray(image.dataobj).astype(np.int64).transpose(2, 1, 0)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--golden", metavar="JSON", help="write the golden numbers and stop")
    parser.add_argument("volumes", nargs="*", metavar="NIFTI")
    args = parser.parse_args()
    if args.golden:
        with open(args.golden, "w") as out:
            json.dump(numbers(*golden_pair()), out, indent=2)
            out.write("\n")
        return
    recon, truth = args.volumes
    print(json.dumps(numbers(load(recon), load(truth)), indent=2))


if __name__ == "__main__":
    main()
