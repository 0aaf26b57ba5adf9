"""Both networks beside PyTorch eager f32 with the same weights: time ratio and mean difference in HU.

    python3 -m venv VENV && VENV/bin/pip install torch==2.11.0 numpy safetensors
    cargo build --release --example networks_probe
    VENV/bin/python benches/peers/networks.py MODEL [--precision auto f32 bf16 mixed] [--rounds 5] [--threads 2]

MODEL is a model folder, as weights/biplane-p16 or weights/biplane-w16. PyTorch runs the plain modules of tests/reference/networks.py,
contiguous, all slices of the volume in one batch or in batches of 8, whichever is faster. A round runs each once
after the other; the least time of all rounds counts. The input is a back-projected phantom of the same kind as in
use (two films of ellipsoids, standardised), or `--input FILE`, raw f32 in the shape the network takes.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import tomllib

import numpy as np
import torch
from safetensors.torch import load_file

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "reference"))

from networks import UNet, lifted  # noqa: E402  (found only after the path is set)

SIDE, SPACING_MM, SAD_MM = 128, 2.8, 1000.0
HU_PER_R = 1000.0


def film(u, v, half_width):
    """A stand-in for a standardised film of a thorax at the isocentre's scale, mm, in [-0.2, 1.5]."""
    body = np.sqrt(np.maximum(1 - (u / half_width) ** 2 - (v / 260) ** 2, 0))
    lungs = sum(np.sqrt(np.maximum(1 - ((u - c) / 50) ** 2 - ((v - 10) / 105) ** 2, 0)) for c in (-70, 70))
    return body * 1.2 - 0.5 * lungs + 0.25 * np.exp(-((u / 14) ** 2))


def back_projected(input):
    """Two such films as the network of this input takes them: [C][z][y][x]."""
    if input == "packed":
        mm = (np.arange(256) - 127.5) * 2.6 / 1.5
        films = [np.clip(film(mm[None], -mm[:, None], width), -0.2, 1.5) for width in (150, 105)]
        seen = [lifted(torch.from_numpy(f), angle, SIDE // 2, pitch=2.6) for f, angle in zip(films, (0, 90))]
        return torch.cat(seen, 1)[0].float().numpy()
    mm = (np.arange(SIDE) - (SIDE - 1) / 2) * SPACING_MM
    z, y, x = np.meshgrid(mm, mm, mm, indexing="ij", sparse=True)
    frontal = film(x * SAD_MM / (SAD_MM + y), z * SAD_MM / (SAD_MM + y), 150)
    lateral = film(y * SAD_MM / (SAD_MM - x), z * SAD_MM / (SAD_MM - x), 105)
    stacked = np.stack([frontal + 0 * x, lateral + 0 * y]) if input == "per_view" else ((frontal + lateral) / 2)[None]
    return np.clip(stacked, -0.2, 1.5).astype(np.float32)


class Eager:
    """The model's networks as plain PyTorch."""

    def __init__(self, folder):
        with open(folder / "model.toml", "rb") as file:
            shape = tomllib.load(file)["architecture"]
        weights = {k: v.float() for k, v in load_file(folder / "weights.safetensors").items()}
        self.input, width = shape["input"], shape["coarse_width"]
        if self.input == "packed":
            net = UNet(3, 32, width, 8, late=shape.get("late_input", False))
        else:
            net = UNet(3, {"sum": 1, "per_view": 2}[self.input], width)
        self.coarse_net = self.loaded(net, weights, "coarse.")
        self.refine_net = None
        if "refine" not in shape:
            return
        sees = shape["refine"]["input"]
        self.neighbours, self.residual = sees["neighbours"], sees["residual"]
        self.refine_net = self.loaded(UNet(2, 1 + 2 * self.neighbours, shape["refine"]["width"]), weights, "refine.")

    @staticmethod
    def loaded(net, weights, prefix):
        net.load_state_dict({k.removeprefix(prefix): v for k, v in weights.items() if k.startswith(prefix)})
        return net.eval()

    @torch.no_grad()
    def coarse(self, x):
        start = time.perf_counter()
        y = self.coarse_net(x)[0]
        if self.input == "packed":
            y = y.reshape(2, 2, 2, *x.shape[2:]).permute(3, 0, 4, 1, 5, 2).reshape(1, SIDE, SIDE, SIDE)
        y = y[0]
        return time.perf_counter() - start, y

    @torch.no_grad()
    def refine(self, volume, batch):
        start = time.perf_counter()
        depth, parts = volume.shape[0], []
        for first in range(0, depth, batch):
            slices = torch.arange(first, min(first + batch, depth))
            seen = [volume[(slices + k).clamp(0, depth - 1)] for k in range(-self.neighbours, self.neighbours + 1)]
            y = self.refine_net(torch.stack(seen, 1))[:, 0]
            parts.append(y + volume[slices] if self.residual else y)
        y = torch.cat(parts)
        return time.perf_counter() - start, y


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("--input", type=pathlib.Path)
    parser.add_argument("--precision", nargs="+", default=["auto"], choices=["auto", "f32", "bf16", "mixed"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    target = os.environ.get("CARGO_TARGET_DIR", "target")
    parser.add_argument("--probe", default=os.path.join(target, "release", "examples", "networks_probe"))
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    eager = Eager(args.model)
    x = back_projected(eager.input)
    if args.input:
        x = np.fromfile(args.input, "<f4").reshape(x.shape)
    stages = ["coarse", "refine"] if eager.refine_net else ["coarse"]
    peer, ours, volumes = dict.fromkeys(stages, np.inf), {}, {}
    with tempfile.TemporaryDirectory() as folder:
        given, out = os.path.join(folder, "input.f32"), os.path.join(folder, "out.f32")
        x.tofile(given)
        for _ in range(args.rounds):
            secs, coarse = eager.coarse(torch.from_numpy(x[None]))
            peer["coarse"] = min(peer["coarse"], secs)
            wanted = [coarse.numpy()]
            for batch in (SIDE, 8) if eager.refine_net else ():
                secs, refined = eager.refine(coarse, batch)
                peer["refine"] = min(peer["refine"], secs)
                wanted[1:] = [refined.numpy()]
            for precision in args.precision:
                command = [args.probe, str(args.model), given, precision, str(args.threads), "2", out]
                told = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
                best = ours.setdefault(precision, dict.fromkeys(stages, np.inf))
                for key in best:
                    best[key] = min(best[key], told[f"{key}_secs"])
                volumes[precision] = np.fromfile(out, "<f4").reshape(-1, SIDE, SIDE, SIDE)
    print(f"{args.model}, {args.threads} threads, {args.rounds} rounds, load {os.getloadavg()[0]:.1f}")
    print(f"PyTorch {torch.__version__} eager f32: " + ", ".join(f"{k} {peer[k]:.3f} s" for k in stages))
    for precision, best in ours.items():
        off = np.abs(volumes[precision] - np.stack(wanted)).mean(axis=(1, 2, 3)) * HU_PER_R
        each = [f"{k} {best[k]:.3f} s, ratio {best[k] / peer[k]:.2f}, mean difference {d:.3f} HU"
                for k, d in zip(stages, off)]
        print(f"ours, {precision}: {'; '.join(each)}; together {sum(best.values()) / sum(peer.values()):.2f}")


if __name__ == "__main__":
    main()
