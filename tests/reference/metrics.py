"""The metrics of `biplane metrics` beside their reference implementations: scikit-image, sewar, piq, lpips, SciPy.

    python3 -m venv VENV
    VENV/bin/pip install numpy scipy scikit-image nibabel sewar piq lpips safetensors    # brings torch and torchvision
    VENV/bin/python tests/reference/metrics.py RECON.nii.gz TRUTH.nii.gz [--biplane PROGRAM] [--weights FOLDER]
    VENV/bin/python tests/reference/metrics.py --golden tests/golden/metrics.json

The first form runs `biplane metrics RECON TRUTH --json`, computes the same numbers by the packages from the same two
files, and prints both with their difference and PASS or FAIL; it ends with 1 if any failed. Both volumes must lie on one
grid, as `biplane project` and `biplane reconstruct` write them. LPIPS is compared where FOLDER holds
alexnet_features.safetensors (or vgg16_features.safetensors, with all convolutions) and the heads
lpips_alex_heads.safetensors (lpips_vgg_heads.safetensors); they are imported into a store of their own. The package
`lpips` is built with pnet_rand=True and given these weights; its heads are its own.

The second form writes the golden numbers of tests/suite/metrics.rs. Their arrays and weights come from formulas in whole
numbers that the tests compute as well.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile

import lpips
import numpy as np
import piq
import torch
from scipy import ndimage
from sewar.full_ref import vifp
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

LOW, HIGH = -1000, 1500
RANGE = HIGH - LOW
PADDING = -1024
THRESHOLDS = (-320, -400, -500)
LEAST_LUNG_ML = 50.0
JOINED_SHARE = 0.2
# sewar and piq need windows of 17 pixels at the first scale and 3 at the fourth.
LEAST_VIF_SIDE = 41
# How far a number may be from its reference, by the beginning of its name; of LPIPS as a share of it.
TOLERANCES = (
    *(("mae", 0.01), ("psnr", 1e-3), ("ssim", 1e-4), ("vif", 1e-3), ("lpips", 1e-3), ("dice", 1e-6), ("ml", 0.01)),
    *(("detail", 1e-4), ("lung", 1e-4), ("bone", 1e-4)),
)
RELATIVE = "lpips"


def grid(*sides):
    return np.meshgrid(*(np.arange(n) for n in sides), indexing="ij")


def small_pair():
    """The same two volumes as `small_pair` in tests/suite/metrics.rs, [z][y][x]."""
    z, y, x = grid(18, 20, 24)
    truth = -1024 + (37 * x + 53 * y + 71 * z + 3 * x * y + 5 * y * z) % 2700
    recon = truth + (31 * x + 17 * y * z + 7 * z) % 401 - 200
    return recon, truth


def torso_pair():
    """The same two volumes as `torso_pair` in tests/suite/metrics.rs: a body with two lungs, 6 mm voxels. The truth's
    first slice is padding, its second is air; the reconstruction's lungs stand a voxel aside."""
    z, y, x = grid(12, 43, 47)
    texture = 37 * x + 53 * y + 71 * z + 3 * x * y + 5 * y * z

    def torso(aside):
        u, v = 2 * x - 46, 2 * y - 42
        lung = 4 * (abs(u + 2 * aside) - 20) ** 2 + v**2 <= 500
        body = 1764 * u**2 + 2116 * v**2 <= 2986000
        return np.where(lung, -650 + texture % 300, np.where(body, 20 + texture % 90, -1000 - texture % 24))

    truth, recon = torso(0), torso(1) + (31 * x + 17 * y * z + 7 * z) % 161 - 80
    truth[0], truth[1] = PADDING, -1010
    return recon, truth


def body_of(truth):
    """> -500 HU, largest 6-connected component, filled per slice, edges between its outermost voxels as walls."""
    parts, _ = ndimage.label(truth > -500)
    sizes = np.bincount(parts.ravel())[1:]
    if not sizes.size:
        return np.zeros(truth.shape, bool)
    mask = parts == 1 + np.argmax(sizes)
    return np.stack([filled_within_walls(piece) for piece in mask])


def filled_within_walls(piece):
    rows, cols = piece.shape
    around = np.zeros((rows + 2, cols + 2), bool)
    around[1:-1, 1:-1] = piece
    for edge, wall in (
        (piece[0], around[0, 1:-1]),
        (piece[-1], around[-1, 1:-1]),
        (piece[:, 0], around[1:-1, 0]),
        (piece[:, -1], around[1:-1, -1]),
    ):
        ends = np.flatnonzero(edge)
        if ends.size:
            wall[ends[0] : ends[-1] + 1] = True
    # Walls are closed, but what they hold back is filled, not they themselves; corners leave the way round open.
    outside, _ = ndimage.label(np.pad(~around, 1, constant_values=True))
    return outside[2:-2, 2:-2] != outside[0, 0]


def lungs_of(hu, body, threshold, voxel_ml):
    """Right, left and both lungs; x runs to the patient's left."""
    air = np.stack([ndimage.binary_fill_holes(piece) for piece in (hu <= threshold) & body])
    reach = np.arange(-2, 3)
    ball = sum(np.meshgrid(reach**2, reach**2, reach**2)) <= 4
    padded = np.pad(air, 4)
    closed = ndimage.binary_erosion(ndimage.binary_dilation(padded, ball), ball)[4:-4, 4:-4, 4:-4]
    parts, _ = ndimage.label(closed)
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    largest = [k for k in np.argsort(-sizes, kind="stable")[:2] if sizes[k] * voxel_ml > LEAST_LUNG_ML]
    middle = np.argwhere(body)[:, 2].mean() if body.any() else (hu.shape[2] - 1) / 2
    left_side = np.arange(hu.shape[2]) > middle
    masks = [parts == k for k in largest]
    joined = [min((m & left_side).sum(), (m & ~left_side).sum()) >= JOINED_SHARE * m.sum() for m in masks]
    nothing = np.zeros(hu.shape, bool)
    if masks and joined[0]:
        return masks[0] & ~left_side, masks[0] & left_side
    where = [np.argwhere(m)[:, 2].mean() for m in masks]
    if len(masks) == 2:
        return (masks[0], masks[1]) if where[0] < where[1] else (masks[1], masks[0])
    if len(masks) == 1:
        return (masks[0], nothing) if where[0] < middle else (nothing, masks[0])
    return nothing, nothing


def by_slices(a, b, first, last):
    """Mean PSNR (peak 4095) and 2D SSIM over the slices of three axes."""
    psnr, ssim = [], []
    for axis in range(3):
        for k in range(a.shape[axis]):
            if axis == 0 and not first <= k <= last:
                continue
            p, q = np.take(a, k, axis=axis), np.take(b, k, axis=axis)
            error = np.mean((p - q) ** 2)
            psnr.append(100.0 if error == 0 else 10 * np.log10(4095.0**2 / error))
            ssim.append(structural_similarity(p, q, data_range=RANGE))
    return float(np.mean(psnr)), float(np.mean(ssim))


def by_x2ct(a, b):
    """PSNR and SSIM as metrics_np.py of X2CT-GAN's code has them: means over all slices of an axis, then over axes."""
    psnr, ssim = [], []
    for axis in range(3):
        pairs = [(np.take(a, k, axis=axis), np.take(b, k, axis=axis)) for k in range(a.shape[axis])]
        errors = [np.mean((p - q) ** 2) for p, q in pairs]
        psnr.append(np.mean([100.0 if e == 0 else 20 * np.log10(4095.0 / np.sqrt(e)) for e in errors]))
        ssim.append(np.mean([structural_similarity(p, q, data_range=RANGE) for p, q in pairs]))
    return float(np.mean(psnr)), float(np.mean(ssim))


def detail_numbers(recon, truth, spacing_mm):
    """Fine detail and bone by SciPy; standard deviations are 2 and 3 voxels of 2.8 mm on any grid."""
    smooth = lambda v, voxels: ndimage.gaussian_filter(v.astype(np.float64), voxels * 2.8 / spacing_mm)
    r, t = (np.clip(1 + v / 1000, 0, 2.5) for v in (recon, truth))
    dr, dt = r - smooth(r, 3), t - smooth(t, 3)
    body = smooth(t > 0.5, 2) > 0.3
    bone, lung = (t > 1.2) & body, (t < 0.6) & body
    near_bone = smooth(bone, 3) > 0.05
    mean = lambda where: 1000 * float(np.abs(r - t)[where].mean()) if where.any() else None
    varies = lambda where: where.any() and np.ptp(dr[where]) > 0 and np.ptp(dt[where]) > 0
    correlation = lambda where: float(np.corrcoef(dr[where], dt[where])[0, 1]) if varies(where) else None
    found = bone.sum() + (r > 1.2).sum()
    return {
        "mae_body_skin_hu": mean(body),
        "mae_bone_hu": mean(bone),
        "detail_correlation": correlation(body),
        "lung_detail": correlation(lung),
        "bone_contrast": float((dr * dt)[near_bone].sum() / (dt[near_bone] ** 2).sum()) if near_bone.any() else None,
        "bone_dice": float(2 * (bone & (r > 1.2)).sum() / found) if found else 1.0,
    }


def gaussian_ssim(a, b):
    """The mean and the map without its margins."""
    if min(a.shape) < 11:
        return None, None
    mean, full = structural_similarity(
        a, b, data_range=RANGE, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, full=True
    )
    return float(mean), full[5:-5, 5:-5, 5:-5]


def vif_numbers(recon, truth, first, last):
    """recon and truth in [0, 255]. piq sees all slices, sewar those with data that are not constant in the truth."""
    if min(truth.shape[1:]) < LEAST_VIF_SIDE:
        return {"vif": None, "vif_piq": None, "vif_slices_left_out": 0}
    kept = [z for z in range(first, last + 1) if truth[z].min() < truth[z].max()]
    own = [vifp(truth[z], recon[z]) for z in kept]
    x, y = (torch.from_numpy(v).float()[:, None] for v in (recon, truth))
    return {
        "vif": float(np.mean(own)) if own else None,
        "vif_piq": float(piq.vif_p(x, y, data_range=255)),
        "vif_slices_left_out": last + 1 - first - len(kept),
    }


def numbers(recon, truth, voxel_ml):
    """All numbers of `biplane metrics` that need no weights; HU in whole numbers, [z][y][x], LPS."""
    with_data = np.flatnonzero((truth > PADDING).any(axis=(1, 2)))
    first, last = (int(with_data[0]), int(with_data[-1])) if with_data.size else (0, truth.shape[0] - 1)
    a, b = (np.clip(v, LOW, HIGH).astype(np.float64) for v in (recon, truth))
    scanned_a, scanned_b = a[first : last + 1], b[first : last + 1]
    body, recon_body = body_of(truth), body_of(recon)
    psnr = lambda p, q: float(peak_signal_noise_ratio(q, p, data_range=RANGE))
    psnr_slices, ssim_slices = by_slices(a, b, first, last)
    psnr_x2ct, ssim_x2ct = by_x2ct(a, b)
    ssim, ssim_map = gaussian_ssim(a, b)
    inner = body[5:-5, 5:-5, 5:-5]
    found = {
        "mae_hu": float(np.mean(np.abs(a - b))),
        "mae_scanned_hu": float(np.mean(np.abs(scanned_a - scanned_b))),
        "mae_body_hu": float(np.mean(np.abs(a - b)[body])) if body.any() else None,
        "psnr_db": psnr(a, b),
        "psnr_scanned_db": psnr(scanned_a, scanned_b),
        "psnr_body_db": psnr(a[body], b[body]) if body.any() else None,
        "psnr_4095_db": float(10 * np.log10(4095.0**2 / np.mean((a - b) ** 2))),
        "psnr_slices_db": psnr_slices,
        "ssim": ssim,
        "ssim_scanned": gaussian_ssim(scanned_a, scanned_b)[0],
        "ssim_body": float(ssim_map[inner].mean()) if ssim is not None and inner.any() else None,
        "ssim_uniform": float(structural_similarity(a, b, data_range=RANGE)),
        "ssim_slices": ssim_slices,
        "psnr_x2ct_db": psnr_x2ct,
        "ssim_x2ct": ssim_x2ct,
        **detail_numbers(recon, truth, np.cbrt(1000 * voxel_ml)),
        **vif_numbers((a - LOW) / RANGE * 255, (b - LOW) / RANGE * 255, first, last),
    }
    for threshold in THRESHOLDS:
        own = lungs_of(recon, recon_body, threshold, voxel_ml)
        true = lungs_of(truth, body, threshold, voxel_ml)
        both, either = (own[0] | own[1]) & (true[0] | true[1]), sum(m.sum() for m in (*own, *true))
        found[f"dice {threshold}"] = float(2 * both.sum() / either) if either else 1.0
        for name, lungs in (("recon", own), ("truth", true)):
            for side, mask in zip(("right", "left"), lungs):
                found[f"ml {threshold} {name} {side}"] = float(mask.sum() * voxel_ml)
    return found


# torchvision's convolutions: place in `features`, channels out, kernel, stride, padding.
ALEXNET = [(0, 64, 11, 4, 2), (3, 192, 5, 1, 2), (6, 384, 3, 1, 1), (8, 256, 3, 1, 1), (10, 256, 3, 1, 1)]
VGG16 = [
    (place, channels, 3, 1, 1)
    for place, channels in zip(
        (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28), (64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512)
    )
]
NARROWING = 8


def formula(count, salt):
    """Numbers in [-1, 1) without much order, f64."""
    i = np.arange(count, dtype=np.int64)
    return (i * i * 31 + i * 7919 + salt * 101) % 2003 / 2003 * 2 - 1


def narrow(net, convolutions):
    """The package's LPIPS with an eighth of the channels and weights by formula."""
    model = lpips.LPIPS(net=net, pnet_rand=True, pretrained=False, verbose=False)
    slices = [getattr(model.net, f"slice{k}") for k in range(1, 6)]
    into, taps = 3, []
    for number, (place, channels, side, stride, padding) in enumerate(convolutions):
        out = channels // NARROWING
        conv = torch.nn.Conv2d(into, out, side, stride, padding)
        fan = into * side * side
        weight = formula(out * fan, 2 * number) * np.sqrt(6 / fan)
        conv.weight.data = torch.from_numpy(weight.astype(np.float32)).view(out, into, side, side)
        conv.bias.data = torch.from_numpy((formula(out, 2 * number + 1) * 0.05).astype(np.float32))
        holder = next(s for s in slices if str(place) in s._modules)
        holder._modules[str(place)] = conv
        into = out
    widths = [channels // NARROWING for channels in model.chns]
    for number, (head, width) in enumerate(zip(model.lins, widths)):
        weight = (formula(width, 50 + number) + 1) / 2
        head.model[-1] = torch.nn.Conv2d(width, 1, 1, bias=False)
        head.model[-1].weight.data = torch.from_numpy(weight.astype(np.float32)).view(1, width, 1, 1)
    return model.eval()


def pictures():
    """The same pictures as `pictures` in tests/suite/lpips.rs, [2, 3, 40, 48]."""
    n, y, x = grid(2, 40, 48)
    a = (13 * x + 7 * y + 5 * x * y + 29 * n) % 201 / 100 - 1
    b = (13 * x + 7 * y + 4 * x * y + 17 * n) % 201 / 100 - 1
    return [torch.from_numpy(v.astype(np.float32))[:, None].expand(-1, 3, -1, -1) for v in (a, b)]


def lpips_golden():
    golden = {}
    for net, convolutions in (("alex", ALEXNET), ("vgg", VGG16)):
        with torch.no_grad():
            _, layers = narrow(net, convolutions)(*pictures(), retPerLayer=True)
        golden[net] = torch.stack([layer.flatten() for layer in layers], 1).tolist()
    return golden


def lpips_numbers(recon, truth, folder):
    """LPIPS by the package over whichever networks lie in the folder."""
    from safetensors.torch import load_file

    with_data = np.flatnonzero((truth > PADDING).any(axis=(1, 2)))
    window = lambda v: torch.from_numpy((np.clip(v, -500, 800) + 500) / 1300 * 2 - 1).float()
    a, b = (window(v)[:, None].expand(-1, 3, -1, -1) for v in (recon, truth))
    found = {}
    for net, name in (("alex", "alexnet"), ("vgg", "vgg16")):
        path = os.path.join(folder, f"{name}_features.safetensors")
        if not os.path.exists(path):
            continue
        model = lpips.LPIPS(net=net, pnet_rand=True, verbose=False)
        weights = load_file(path)
        for name, module in model.net.named_modules():
            if isinstance(module, torch.nn.Conv2d):
                place = name.split(".")[-1]
                module.weight.data = weights.pop(f"features.{place}.weight")
                module.bias.data = weights.pop(f"features.{place}.bias")
        assert not weights, f"{path} holds more than the network: {list(weights)}"
        with torch.no_grad():
            values = [model(a[z : z + 1], b[z : z + 1]).item() for z in range(with_data[0], with_data[-1] + 1)]
        found[f"lpips_{net}"] = float(np.mean(values))
    return found


def load(path):
    """HU, [z][y][x] along LPS, and ml of a voxel."""
    import nibabel

    image = nibabel.as_closest_canonical(nibabel.load(path))
    hu = np.rint(np.asarray(image.dataobj)).astype(np.int64)[::-1, ::-1].transpose(2, 1, 0)
    return hu, float(np.prod(image.header.get_zooms()[:3])) / 1000


def ours(program, recon, truth, folder):
    """What `biplane metrics` says, by the names used here."""
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, "BIPLANE_CACHE": cache}
        for name in ("alexnet_features", "vgg16_features", "lpips_alex_heads", "lpips_vgg_heads"):
            path = os.path.join(folder or "", f"{name}.safetensors")
            if folder and os.path.exists(path):
                subprocess.run([program, "weights", "import", path], env=environment, check=True, capture_output=True)
        told = subprocess.run(
            [program, "metrics", "--json", recon, truth], env=environment, check=True, stdout=subprocess.PIPE
        ).stdout
    found = json.loads(told)["metrics"]
    for lung in found.pop("lung"):
        threshold = f"{lung['threshold_hu']:.0f}"
        found[f"dice {threshold}"] = lung["dice"]
        for name in ("recon", "truth"):
            for side, ml in zip(("right", "left"), lung[f"{name}_ml"]):
                found[f"ml {threshold} {name} {side}"] = ml
    return found


def tolerance(name, wanted):
    limit = next((limit for begin, limit in TOLERANCES if name.startswith(begin)), 0)
    return limit * abs(wanted) if name.startswith(RELATIVE) else limit


def compare(args):
    recon, truth = args.volumes
    (a, _), (b, voxel_ml) = load(recon), load(truth)
    if a.shape != b.shape:
        sys.exit(f"{recon} and {truth} lie on different grids; write both by `biplane project` and `reconstruct`")
    wanted = numbers(a, b, voxel_ml)
    if args.weights:
        wanted.update(lpips_numbers(a, b, args.weights))
    found, failed = ours(args.biplane, recon, truth, args.weights), 0
    print(f"{'':22}{'biplane':>14}{'reference':>14}{'difference':>13}")
    for name, value in wanted.items():
        own = found.get(name)
        if own is None or value is None:
            good, difference = own is value, float("nan")
        else:
            difference = own - value
            good = abs(difference) <= tolerance(name, value)
        failed += not good
        text = lambda v: f"{v:14.6f}" if v is not None else f"{'none':>14}"
        print(f"{name:22}{text(own)}{text(value)}{difference:13.2e}  {'PASS' if good else 'FAIL'}")
    print(f"{len(wanted) - failed} of {len(wanted)} pass")
    sys.exit(1 if failed else 0)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--golden", metavar="JSON", help="write the golden numbers and stop")
    parser.add_argument("--biplane", default="target/release/biplane", help="the program (target/release/biplane)")
    parser.add_argument("--weights", metavar="FOLDER", help="weights for LPIPS")
    parser.add_argument("volumes", nargs="*", metavar="NIFTI")
    args = parser.parse_args()
    if args.golden:
        golden = {
            "small": numbers(*small_pair(), 2.0**3 / 1000),
            "torso": numbers(*torso_pair(), 6.0**3 / 1000),
            "lpips": lpips_golden(),
        }
        with open(args.golden, "w") as out:
            json.dump(golden, out, indent=1)
            out.write("\n")
    elif len(args.volumes) == 2:
        compare(args)
    else:
        parser.error("name RECON and TRUTH")


if __name__ == "__main__":
    main()
