"""A training step of each stage beside PyTorch eager f32: the same networks, losses and optimiser, in one run.

    python3 -m venv VENV && VENV/bin/pip install torch==2.11.0 numpy safetensors
    cargo build --release --example train_step_probe
    VENV/bin/python benches/peers/train_step.py [--vgg vgg16_features.safetensors] [--width 16] [--side 128] [--rounds 3]

Stage 1: forward, mean squared error, backward, AdamW, batch 1. Stage 2: the coarse network's forward pass, then on 16
slices L1, PatchGAN (its own step first), both contrastive losses and, with --vgg, the perceptual loss on relu1_2 and
relu2_2; backward, AdamW, the teacher's update. PyTorch runs plain modules, contiguous; instance norm as
nn.InstanceNorm. A round runs each once after a step to warm up; the least time of all rounds counts.
"""

import argparse
import copy
import json
import os
import pathlib
import subprocess
import sys
import time

import numpy as np
import torch
from torch.nn import functional as F

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "reference"))

from contrast import ContrastNet, PatchGan  # noqa: E402  (found only after the path is set)
from networks import UNet  # noqa: E402

SLICES, POSITIONS, NEGATIVES, WINDOW, CORE, TEMPERATURE = 16, 256, 16, 11, 3, 0.1


def adamw(*nets):
    return torch.optim.AdamW([p for net in nets for p in net.parameters()], lr=1e-4, weight_decay=0.01)


class Stage1:
    def __init__(self, width):
        self.net = UNet(3, 2, width)
        self.optimiser = adamw(self.net)

    def step(self, x, y):
        self.optimiser.zero_grad()
        F.mse_loss(self.net(x), y).backward()
        self.optimiser.step()


def semantic_loss(s, t):
    d = (s - t).square().sum(1)
    framed, framed_d = F.pad(t, (1, 1, 1, 1)), F.pad(d, (1, 1, 1, 1))
    inside = F.pad(torch.ones(t.shape[2:]), (1, 1, 1, 1))
    h, w = t.shape[2:]
    alike, apart = [], []
    for dy in range(3):
        for dx in range(3):
            if (dy, dx) != (1, 1):
                cosine = (framed[:, :, dy:dy + h, dx:dx + w] * t).sum(1)
                alike.append(cosine.masked_fill(inside[dy:dy + h, dx:dx + w] == 0, -np.inf))
                apart.append(framed_d[:, dy:dy + h, dx:dx + w])
    best, which = torch.stack(alike, 1).topk(4, 1)
    counted = best.isfinite().float()
    chosen = torch.stack(apart, 1).gather(1, which) * counted
    return (chosen.sum() + d.sum()) / (counted.sum() + d.numel())


class Stage2:
    def __init__(self, width, vgg):
        self.coarse, self.net, self.judge = UNet(3, 2, width), UNet(2, 1, width), PatchGan()
        self.student = ContrastNet(width)
        self.teacher = copy.deepcopy(self.student).requires_grad_(False)
        self.optimiser, self.judges = adamw(self.net, self.student), adamw(self.judge)
        self.vgg = vgg

    def anatomy(self, student, teacher, positions, width):
        total = 0
        offsets = torch.tensor([(dy, dx) for dy in range(-(WINDOW // 2), WINDOW // 2 + 1)
                                for dx in range(-(WINDOW // 2), WINDOW // 2 + 1)
                                if max(abs(dy), abs(dx)) > CORE // 2])
        for s, t in zip(student.flatten(2), teacher.flatten(2)):
            y, x = positions[:, None] // width + offsets[:, 0], positions[:, None] % width + offsets[:, 1]
            valid = (y >= 0) & (y < width) & (x >= 0) & (x < width)
            near = t.T[(y.clamp(0, width - 1) * width + x.clamp(0, width - 1))]
            own = t.T[positions]
            alike = (near @ own[:, :, None])[..., 0].masked_fill(~valid, -np.inf)
            which = alike.topk(NEGATIVES, 1)[1]
            negatives = near.gather(1, which[..., None].expand(-1, -1, near.shape[2]))
            seen = s.T[positions]
            logits = torch.cat([(seen * own).sum(1, keepdim=True), (negatives @ seen[:, :, None])[..., 0]], 1)
            total = total + F.cross_entropy(logits / TEMPERATURE, torch.zeros(len(positions), dtype=torch.long))
        return total / len(student)

    def perceptual(self, a, b):
        def features(x):
            x = ((x.clamp(0, 2) / 2).expand(-1, 3, -1, -1) - torch.tensor([0.485, 0.456, 0.406])[:, None, None]) / \
                torch.tensor([0.229, 0.224, 0.225])[:, None, None]
            out = []
            for k, (weight, bias) in enumerate(self.vgg):
                if k == 2:
                    x = F.max_pool2d(x, 2)
                x = F.relu(F.conv2d(x, weight, bias, padding=1))
                if k in (1, 3):
                    out.append(x)
            return out
        with torch.no_grad():
            wanted = features(b)
        return sum((p - q).abs().mean() for p, q in zip(features(a), wanted)) / 2

    def step(self, x, y):
        with torch.no_grad():
            volume = self.coarse(x)[0, 0]
        at = torch.randperm(volume.shape[0])[:SLICES]
        coarse, truth = volume[at, None], y[0, 0][at, None]
        refined = self.net(coarse)
        self.judges.zero_grad()
        real = self.judge(torch.cat([coarse, truth], 1))
        fake = self.judge(torch.cat([coarse, refined.detach()], 1))
        (((real - 1).square().mean() + fake.square().mean()) / 2).backward()
        self.judges.step()
        self.judge.requires_grad_(False)
        loss = 10 * F.l1_loss(refined, truth)
        loss = loss + 0.1 * (self.judge(torch.cat([coarse, refined], 1)) - 1).square().mean()
        if self.vgg:
            loss = loss + self.perceptual(refined, truth)
        with torch.no_grad():
            known = self.teacher(truth)
        seen = self.student(refined)
        width = truth.shape[3]
        positions = torch.randperm(width * width)[:POSITIONS]
        loss = loss + 0.5 * semantic_loss(seen[0], known[0]) + 0.5 * self.anatomy(seen[1], known[1], positions, width)
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
        self.judge.requires_grad_(True)
        with torch.no_grad():
            for own, leading in zip(self.teacher.parameters(), self.student.parameters()):
                own.lerp_(leading, 0.004)


def load_vgg(path):
    from safetensors.torch import load_file
    weights = load_file(path)
    return [(weights[f"features.{k}.weight"], weights[f"features.{k}.bias"]) for k in (0, 2, 5, 7)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vgg", help="VGG16's first convolutions, safetensors with torchvision's names")
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--side", type=int, default=128)
    parser.add_argument("--precision", nargs="+", default=["auto", "f32"], choices=["auto", "f32", "bf16"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    target = os.environ.get("CARGO_TARGET_DIR", "target")
    parser.add_argument("--probe", default=os.path.join(target, "release", "examples", "train_step_probe"))
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(1)
    x, y = torch.rand(1, 2, *[args.side] * 3), torch.rand(1, 1, *[args.side] * 3)
    stages = [Stage1(args.width), Stage2(args.width, load_vgg(args.vgg) if args.vgg else None)]
    for stage in stages:
        stage.step(x, y)
    peer, ours = [np.inf, np.inf], {}
    for _ in range(args.rounds):
        for k, stage in enumerate(stages):
            start = time.perf_counter()
            stage.step(x, y)
            peer[k] = min(peer[k], time.perf_counter() - start)
        for precision in args.precision:
            command = [args.probe, str(args.width), str(args.side), precision, str(args.threads), "1", args.vgg or "none"]
            told = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
            best = ours.setdefault(precision, [np.inf, np.inf, ""])
            best[:2] = [min(best[k], told[f"stage{k + 1}_secs"]) for k in range(2)]
            best[2] = told["precision"]
    print(f"width {args.width}, {args.side}^3, {args.threads} threads, {args.rounds} rounds, load {os.getloadavg()[0]:.1f}")
    print(f"PyTorch {torch.__version__} eager f32: stage 1 {peer[0]:.2f} s, stage 2 {peer[1]:.2f} s")
    for precision, (first, second, kind) in ours.items():
        print(f"ours, {precision} ({kind}): stage 1 {first:.2f} s, ratio {first / peer[0]:.2f}; "
              f"stage 2 {second:.2f} s, ratio {second / peer[1]:.2f}")


if __name__ == "__main__":
    main()
