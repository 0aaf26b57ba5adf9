"""Time of each metric beside the packages that others use: NumPy, scikit-image, sewar, piq, lpips.

    python3 -m venv VENV
    VENV/bin/pip install numpy scikit-image nibabel sewar piq lpips safetensors    # brings torch and torchvision
    cargo build --release --example metrics_probe
    VENV/bin/python benches/peers/metrics.py RECON.nii.gz TRUTH.nii.gz [--weights FOLDER] [--rounds 3]

Both volumes must lie on one grid (`biplane project`, `biplane reconstruct`). Every program gets HU as 16 bit integers in
memory, and its time includes clipping and turning them into what it needs; reading files and loading weights is left
out. All run on as many threads as this process may use (scikit-image and sewar have one). A round runs each program
once, one after the other; the least time of all rounds counts. LPIPS is compared where FOLDER holds
alexnet_features.safetensors and lpips_alex_heads.safetensors; the package gets all slices of a volume at once, as its
users do, and in eights, and its faster time counts.
"""

import argparse
import json
import os
import subprocess
import tempfile
import time

import lpips
import nibabel
import numpy as np
import piq
import torch
from sewar.full_ref import vifp
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

LOW, HIGH = -1000, 1500
RANGE = HIGH - LOW
BATCHES = (8, 128)


def load(path):
    hu = np.asarray(nibabel.load(path).dataobj)
    return np.ascontiguousarray(np.rint(hu).astype(np.int16).transpose(2, 1, 0))


def clipped(hu):
    return np.clip(hu, LOW, HIGH).astype(np.float64)


def grey(hu):
    return (clipped(hu) - LOW) / RANGE * 255


def ssim_by_slices(a, b):
    a, b = clipped(a), clipped(b)
    return np.mean([
        structural_similarity(np.take(a, k, axis), np.take(b, k, axis), data_range=RANGE)
        for axis in range(3)
        for k in range(a.shape[axis])
    ])


def sewar_vif(a, b):
    a, b = grey(a), grey(b)
    varied = [z for z in range(len(b)) if b[z].min() < b[z].max()]
    return (sum(vifp(b[z], a[z]) for z in varied) + len(b) - len(varied)) / len(b)


def piq_vif(a, b):
    x, y = (torch.from_numpy(grey(v)).float()[:, None] for v in (a, b))
    return piq.vif_p(x, y, data_range=255).item()


class Lpips:
    def __init__(self, folder):
        from safetensors.torch import load_file

        self.model = lpips.LPIPS(net="alex", pnet_rand=True, verbose=False)
        weights = load_file(os.path.join(folder, "alexnet_features.safetensors"))
        for name, module in self.model.net.named_modules():
            if isinstance(module, torch.nn.Conv2d):
                place = name.split(".")[-1]
                module.weight.data = weights[f"features.{place}.weight"]
                module.bias.data = weights[f"features.{place}.bias"]

    def run(self, a, b, batch):
        window = lambda v: torch.from_numpy(np.clip(v, -500, 800).astype(np.float32) + 500) / 1300 * 2 - 1
        a, b = (window(v)[:, None].expand(-1, 3, -1, -1) for v in (a, b))
        with torch.no_grad():
            parts = [self.model(p, q) for p, q in zip(a.split(batch), b.split(batch))]
        return torch.cat(parts).mean().item()


def peers(weights):
    """Our metric's name, the package, and its run."""
    gaussian = dict(gaussian_weights=True, sigma=1.5, use_sample_covariance=False)
    found = [
        ("MAE", "numpy", lambda a, b: np.mean(np.abs(clipped(a) - clipped(b)))),
        ("PSNR", "scikit-image", lambda a, b: peak_signal_noise_ratio(clipped(b), clipped(a), data_range=RANGE)),
        ("SSIM", "scikit-image", lambda a, b: structural_similarity(clipped(a), clipped(b), data_range=RANGE, **gaussian)),
        ("SSIM, uniform", "scikit-image", lambda a, b: structural_similarity(clipped(a), clipped(b), data_range=RANGE)),
        ("SSIM, by slices", "scikit-image", ssim_by_slices),
        ("VIF", "sewar", sewar_vif),
        ("VIF", "piq", piq_vif),
    ]
    if weights:
        package = Lpips(weights)
        for batch in BATCHES:
            found.append(("LPIPS-AlexNet", f"lpips, by {batch}", lambda a, b, n=batch: package.run(a, b, n)))
    return found


def store(biplane, weights, cache):
    """Imports the weights into a store of their own."""
    for name in ("alexnet_features", "lpips_alex_heads"):
        command = [biplane, "weights", "import", os.path.join(weights, f"{name}.safetensors")]
        subprocess.run(command, env={**os.environ, "BIPLANE_CACHE": cache}, check=True, capture_output=True)
    return [os.path.join(cache, "perceptual")]


def measure(args, cache):
    recon, truth = args.volumes
    a, b = load(recon), load(truth)
    threads = len(os.sched_getaffinity(0))
    torch.set_num_threads(threads)
    probe = [args.probe, recon, truth, "3", str(threads), *(store(args.biplane, args.weights, cache) if args.weights else [])]
    programs = peers(args.weights)
    ours, secs, values = {}, [np.inf] * len(programs), [None] * len(programs)
    for _ in range(args.rounds):
        for name, told in json.loads(subprocess.run(probe, check=True, stdout=subprocess.PIPE).stdout).items():
            best = min(told["secs"], ours.get(name, told)["secs"])
            ours[name] = {"secs": best, "value": told["value"]}
        for k, (_, _, run) in enumerate(programs):
            start = time.perf_counter()
            values[k] = float(run(a, b))
            secs[k] = min(secs[k], time.perf_counter() - start)
    shape = " x ".join(map(str, a.shape[::-1]))
    print(f"{shape}, {threads} threads, {args.rounds} rounds, load {os.getloadavg()[0]:.1f}")
    print(f"{'':18}{'package':16}{'package s':>11}{'biplane s':>11}{'ratio':>8}{'difference':>13}")
    for (name, package, _), took, value in zip(programs, secs, values):
        own = ours[name]
        print(f"{name:18}{package:16}{took:11.4f}{own['secs']:11.4f}{took / own['secs']:8.1f}{own['value'] - value:13.1e}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    target = os.path.join(os.environ.get("CARGO_TARGET_DIR", "target"), "release")
    parser.add_argument("volumes", nargs=2, metavar="NIFTI")
    parser.add_argument("--weights", metavar="FOLDER", help="AlexNet and its heads")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--probe", default=os.path.join(target, "examples", "metrics_probe"))
    parser.add_argument("--biplane", default=os.path.join(target, "biplane"))
    with tempfile.TemporaryDirectory() as cache:
        measure(parser.parse_args(), cache)


if __name__ == "__main__":
    main()
