"""The U-Nets in plain PyTorch, and golden outputs for tests/suite/parity.rs.

    pip install torch numpy safetensors
    python tests/reference/networks.py --golden tests/golden/networks.json

Weights and inputs come from a formula in whole numbers that the test computes as well. benches/peers/networks.py
runs the same modules against ours.
"""

import argparse
import json
import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional

LEVELS = 5
# Every how many-th value of each output is kept: primes, so that all places of the grid get their turn.
STRIDES = {"coarse": 37, "refine": 3, "packed": 97}


class Block(nn.Module):
    """Two times conv 3^n, instance norm, leaky ReLU."""

    def __init__(self, dims, from_channels, to_channels):
        super().__init__()
        conv, norm = (nn.Conv2d, nn.InstanceNorm2d) if dims == 2 else (nn.Conv3d, nn.InstanceNorm3d)
        self.conv1 = conv(from_channels, to_channels, 3, padding=1)
        self.norm1 = norm(to_channels, eps=1e-5, affine=True)
        self.conv2 = conv(to_channels, to_channels, 3, padding=1)
        self.norm2 = norm(to_channels, eps=1e-5, affine=True)
        self.relu = nn.LeakyReLU(0.01)

    def forward(self, x):
        x = self.relu(self.norm1(self.conv1(x)))
        return self.relu(self.norm2(self.conv2(x)))


class UNet(nn.Module):
    """Five levels; down by max pooling, up by a transposed conv; [skip, up]; linear head, beside it, where `late`, a
    conv of features and input."""

    def __init__(self, dims, in_channels, width, out_channels=1, late=False):
        super().__init__()
        widths = [width << level for level in range(LEVELS)]
        conv, raised = (nn.Conv2d, nn.ConvTranspose2d) if dims == 2 else (nn.Conv3d, nn.ConvTranspose3d)
        for level, (a, b) in enumerate(zip([in_channels, *widths], widths), 1):
            self.add_module(f"enc{level}", Block(dims, a, b))
        for level in range(LEVELS - 1, 0, -1):
            self.add_module(f"up{level}", raised(widths[level], widths[level - 1], 2, stride=2))
            self.add_module(f"dec{level}", Block(dims, widths[level], widths[level - 1]))
        self.head = conv(width, out_channels, 1)
        if late:
            self.late1 = conv(width + in_channels, width, 3, padding=1)
            self.late2 = conv(width, out_channels, 1)
        self.late = late
        self.pool = nn.MaxPool2d(2) if dims == 2 else nn.MaxPool3d(2)

    def forward(self, x):
        seen, skips = x, []
        x = self.enc1(x)
        for level in range(2, LEVELS + 1):
            skips.append(x)
            x = getattr(self, f"enc{level}")(self.pool(x))
        for level in range(LEVELS - 1, 0, -1):
            x = torch.cat([skips.pop(), getattr(self, f"up{level}")(x)], dim=1)
            x = getattr(self, f"dec{level}")(x)
        out = self.head(x)
        if self.late:
            out = out + self.late2(functional.leaky_relu(self.late1(torch.cat([x, seen], dim=1)), 0.01))
        return out


def box_blur(film, width):
    """The mean over width x width pixels, twice, edges repeated; [1, 1, H, W]."""
    for _ in range(2):
        pad = width // 2
        film = functional.avg_pool2d(functional.pad(film, (pad,) * 4, mode="replicate"), width, 1)
    return film


def film_channels(film):
    """[H, W] to [1, 4, H, W]: the film and three bands of its detail."""
    film = film[None, None]
    b5, b15, b41 = (box_blur(film, k) for k in (5, 15, 41))
    return torch.cat([film, (film - b5) * 20, (b5 - b15) * 10, (b15 - b41) * 4], 1)


def lifted(film, degrees, side, sad=1000.0, sdd=1500.0, pitch=11.5):
    """[1, 16, side, side, side]: the channels of one film at four places of every voxel of the coarse cube."""
    n = film.shape[-1]
    step = 358.4 / side
    line = (torch.arange(side, dtype=torch.float64) - (side - 1) / 2) * step
    z, y, x = torch.meshgrid(line, line, line, indexing="ij")
    s, c = math.sin(math.radians(degrees)), math.cos(math.radians(degrees))
    enlarged = sdd / (sad - (x * s - y * c))
    out = []
    for up, across in ((-1, -1), (1, -1), (-1, 1), (1, 1)):
        col = (n - 1) / 2 + (x * c + y * s + across * step / 4) * enlarged / pitch
        row = (n - 1) / 2 - (z + up * step / 4) * enlarged / pitch
        place = torch.stack([2 * col / (n - 1) - 1, 2 * row / (n - 1) - 1], -1).reshape(1, side * side, side, 2)
        read = functional.grid_sample(film_channels(film), place, align_corners=True)
        out.append(read.reshape(1, -1, side, side, side))
    return torch.cat(out, 1)


def packed():
    """The packed network on two films of 64 x 64 pixels at 3 and 268 degrees; every voxel's eight children put in place."""
    films = torch.from_numpy(values("films", 2 * 64 * 64)).reshape(2, 64, 64).double()
    x = torch.cat([lifted(film, degrees, 32) for film, degrees in zip(films, (3, 268))], 1)
    y = filled(UNet(3, 32, 2, 8, late=True)).double()(x)
    return y.reshape(2, 2, 2, 32, 32, 32).permute(3, 0, 4, 1, 5, 2).reshape(-1)


def values(name, count):
    """`count` values in [-1, 1) that depend on `name`, as `values` in tests/suite/parity.rs."""
    seed = 0
    for byte in name.encode():
        seed = (seed * 31 + byte) & 0xFFFFFFFF
    mask = np.uint64(0xFFFFFFFF)
    u = (np.uint64(seed) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B1)) & mask
    u ^= u >> np.uint64(15)
    u = (u * np.uint64(0x85EBCA6B)) & mask
    u ^= u >> np.uint64(13)
    return (u.astype(np.float64) / 2.0**31 - 1.0).astype(np.float32)


def filled(net):
    """The network with weights from the formula; norms scale by about 1."""
    for name, parameter in net.named_parameters():
        v = torch.from_numpy(values(name, parameter.numel())).reshape(parameter.shape)
        if ".norm" in name and name.endswith("weight"):
            v = 1 + 0.25 * v
        parameter.data = v * 0.5
    return net


def golden():
    nets = {"coarse": (filled(UNet(3, 2, 2)), (1, 2, 32, 32, 32)), "refine": (filled(UNet(2, 1, 2)), (2, 1, 32, 32))}
    out = {}
    for name, (net, shape) in nets.items():
        x = torch.from_numpy(values(name, int(np.prod(shape)))).reshape(shape)
        with torch.no_grad():
            # Computed in f64: what remains between this and ours is our rounding.
            y = net.double()(x.double()).flatten()[:: STRIDES[name]]
        out[name] = kept(name, y)
    with torch.no_grad():
        out["packed"] = kept("packed", packed()[:: STRIDES["packed"]])
    return out


def kept(name, y):
    return {"stride": STRIDES[name], "values": [float(f"{v:.7g}") for v in y.tolist()]}

def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--golden", metavar="JSON", required=True, help="where to write the golden outputs")
    args = parser.parse_args()
    with open(args.golden, "w") as out:
        json.dump(golden(), out)
        out.write("\n")


if __name__ == "__main__":
    main()
