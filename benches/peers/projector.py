"""Forward projection beside RTK's Joseph projector and plastimatch's `drr -i exact`: time and error ratios.

    apt-get install plastimatch
    python3 -m venv VENV && VENV/bin/pip install itk-rtk numpy
    cargo build --release --example projector_probe
    VENV/bin/python benches/peers/projector.py [--rounds 5] [--work FOLDER]

All three project one phantom of ellipsoids (body, lungs, heart, spine; voxels are means of 4^3 points), the same
file, the same rays: source-axis 1000 mm, source-detector 1500 mm, views at 0 and 90 degrees. The error is the
relative L2 difference to the exact line integrals of the ellipsoids along the rays to the pixels' centres.
A round runs each program three times, one program after the other; the least time of all rounds counts, without
reading files.
Ours takes HU and its time includes turning the volume into the projector's layout; RTK gets attenuation as float,
and the faster of two layouts in memory counts; plastimatch's time is its own print, of both ray casts.
"""

import argparse
import json
import os
import re
import subprocess
import tempfile
import time

import itk
import numpy as np
from itk import RTK as rtk

SAD_MM, SDD_MM, ANGLES_DEG = 1000.0, 1500.0, (0.0, 90.0)
MU_WATER_PER_MM = 0.0193
SUPERSAMPLE = 4
# Runs of each program in a round.
REPEATS = 3
# Name, voxels (x, y, z), spacing in mm, detector pixels, pitch in mm.
SIZES = [
    ("128^3 to 2 x 256^2", (128, 128, 128), (2.8, 2.8, 2.8), 256, 2.6),
    ("512x512x260 to 2 x 512^2", (512, 512, 260), (0.7, 0.7, 1.4), 512, 1.3),
]
# Centre and half axes in mm (LPS about the isocentre), attenuation relative to water; the last painted counts.
PARTS = [
    ((0, 0, 0), (150, 100, 160), 1.0),
    ((-70, 0, 10), (55, 75, 110), 0.25),
    ((70, 0, 10), (55, 75, 110), 0.25),
    ((15, -30, -20), (50, 40, 55), 1.05),
    ((0, 60, 0), (18, 18, 150), 1.4),
]


def axis_mm(count, spacing):
    return (np.arange(count) - (count - 1) / 2) * spacing


def paint(points):
    """Relative attenuation at points (x, y, z), arrays that broadcast."""
    r = np.zeros(np.broadcast_shapes(*(p.shape for p in points)), np.float32)
    for centre, half, value in PARTS:
        inside = sum(((p - c) / h) ** 2 for p, c, h in zip(points, centre, half)) <= 1
        r[inside] = value
    return r


def voxelise(dims, spacing):
    """The phantom's HU, [z][y][x]. Only voxels that a surface may cut are sampled more than once."""
    xs, ys, zs = (axis_mm(n, s) for n, s in zip(dims, spacing))
    hu = np.empty(dims[::-1], np.int16)
    steps = (np.arange(SUPERSAMPLE) + 0.5) / SUPERSAMPLE - 0.5
    offsets = [o.reshape(1, -1) for o in np.meshgrid(*(steps * s for s in spacing), indexing="ij")]
    for k, z in enumerate(zs):
        points = (xs[None, :], ys[:, None], np.float64(z).reshape(1, 1))
        r = paint(points)
        cut = np.zeros(r.shape, bool)
        for centre, half, _ in PARTS:
            q = np.sqrt(sum(((p - c) / h) ** 2 for p, c, h in zip(points, centre, half)))
            cut |= np.abs(q - 1) <= np.linalg.norm([s / 2 / h for s, h in zip(spacing, half)])
        rows, cols = np.nonzero(cut)
        if rows.size:
            fine = (xs[cols, None] + offsets[0], ys[rows, None] + offsets[1], z + offsets[2])
            r[rows, cols] = paint(fine).mean(axis=1)
        hu[k] = np.rint((r - 1) * 1000)
    return hu


def exact_film(angle_deg, pixels, pitch):
    """Line integrals of mu, [row][col], columns along (cos t, sin t, 0), rows along -z."""
    t = np.radians(angle_deg)
    towards, columns = np.array([np.sin(t), -np.cos(t), 0]), np.array([np.cos(t), np.sin(t), 0])
    u = axis_mm(pixels, pitch)
    source = SAD_MM * towards
    ends = (SAD_MM - SDD_MM) * towards + u[None, :, None] * columns + np.stack(
        [np.zeros((pixels, 1)), np.zeros((pixels, 1)), -u[:, None]], axis=2)
    direction = ends - source
    entries = []
    for centre, half, _ in PARTS:
        o, d = (source - centre) / half, direction / half
        a, b, c = (d * d).sum(2), (d * o).sum(2), (o * o).sum() - 1
        root = np.sqrt(np.maximum(b * b - a * c, 0))
        # A ray that misses enters and leaves at one point, and so adds nothing.
        entries.append(((-b - root) / a, (-b + root) / a))
    breaks = np.sort(np.stack([t for pair in entries for t in pair]), axis=0)
    total = np.zeros((pixels, pixels))
    for low, high in zip(breaks, breaks[1:]):
        middle, r = (low + high) / 2, np.zeros((pixels, pixels))
        for (enter, leave), (_, _, value) in zip(entries, PARTS):
            r[(enter <= middle) & (middle <= leave) & (enter < leave)] = value
        total += r * (high - low)
    return total * np.linalg.norm(direction, axis=2) * MU_WATER_PER_MM


def write_metaimage(path, values, spacing, kind):
    nz, ny, nx = values.shape
    origin = [axis_mm(n, s)[0] for n, s in zip((nx, ny, nz), spacing)]
    header = (f"ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\n"
              f"CompressedData = False\nTransformMatrix = 1 0 0 0 1 0 0 0 1\nOffset = {' '.join(map(str, origin))}\n"
              f"ElementSpacing = {' '.join(map(str, spacing))}\nDimSize = {nx} {ny} {nz}\n"
              f"ElementType = {kind}\nElementDataFile = LOCAL\n")
    with open(path, "wb") as out:
        out.write(header.encode())
        values.tofile(out)


class Rtk:
    """RTK turns about its y axis, with the source on +z at 0: (X, Y, Z) = (x, z, -y) of the patient's frame."""

    name = "RTK Joseph"

    def __init__(self, mu, spacing, pixels, pitch, rtk_order):
        nz, ny, nx = mu.shape
        sx, sy, sz = spacing
        if rtk_order:
            # [Z][Y][X]: rows of the patient's y, turned round, are RTK's slowest axis.
            data, steps = np.ascontiguousarray(mu.transpose(1, 0, 2)[::-1]), (sx, sz, sy)
            direction = np.eye(3)
        else:
            # The CT as it lies in memory; its axes x, y, z point along X, -Z, Y.
            data, steps = mu, spacing
            direction = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]], float)
        self.volume = itk.image_from_array(data)
        self.volume.SetSpacing(steps)
        half = [(n - 1) / 2 * s for n, s in zip(data.shape[::-1], steps)]
        self.volume.SetOrigin(list(-direction @ half))
        self.volume.SetDirection(itk.matrix_from_array(direction))
        self.geometry = rtk.ThreeDCircularProjectionGeometry.New()
        for angle in ANGLES_DEG:
            self.geometry.AddProjection(SAD_MM, SDD_MM, angle)
        self.pixels, self.pitch = pixels, pitch

    def run(self):
        kind = type(self.volume)
        project = rtk.JosephForwardProjectionImageFilter[kind, kind].New()
        project.SetGeometry(self.geometry)
        # The filter adds to its first input in place and uses it up.
        films = itk.image_from_array(np.zeros((len(ANGLES_DEG), self.pixels, self.pixels), np.float32))
        films.SetSpacing([self.pitch, self.pitch, 1])
        films.SetOrigin([axis_mm(self.pixels, self.pitch)[0]] * 2 + [0])
        project.SetInput(0, films)
        project.SetInput(1, self.volume)
        start = time.perf_counter()
        project.Update()
        secs = time.perf_counter() - start
        # RTK's detector rows run up, ours down.
        return secs, itk.array_from_image(project.GetOutput())[:, ::-1]


class Plastimatch:
    name = "plastimatch exact"

    def __init__(self, path, pixels, pitch, folder):
        self.prefix = os.path.join(folder, "plm")
        size = pixels * pitch
        self.command = ["plastimatch", "drr", "-A", "cpu", "-i", "exact", "-P", "none", "-t", "pfm",
                        "-a", str(len(ANGLES_DEG)), "-N", str(ANGLES_DEG[1] - ANGLES_DEG[0]),
                        "--sad", str(SAD_MM), "--sid", str(SDD_MM), "-r", f"{pixels} {pixels}",
                        "-z", f"{size} {size}", "-o", "0 0 0", "-I", path, "-O", self.prefix]

    def run(self):
        told = subprocess.run(self.command, capture_output=True, text=True, check=True).stdout
        secs = float(re.search(r"Total time: ([0-9.]+)", told)[1])
        # Its first film has the source at +x, its second at -y; lengths are in cm.
        return secs, 10 * np.stack([self.film(1), self.film(0)])

    def film(self, index):
        with open(f"{self.prefix}{index:04d}.pfm", "rb") as file:
            assert file.readline().strip() == b"Pf"
            cols, rows = map(int, file.readline().split())
            file.readline()
            return np.fromfile(file, "<f4", cols * rows).reshape(rows, cols)


class Ours:
    name = "biplane"

    def __init__(self, probe, path, pixels, pitch, folder):
        self.out, self.pixels = os.path.join(folder, "ours.f32"), pixels
        self.command = [probe, path, str(pixels), str(pitch), str(REPEATS), self.out]
        self.parts = {}

    def run(self):
        told = json.loads(subprocess.run(self.command, capture_output=True, text=True, check=True).stdout)
        for key, secs in told.items():
            self.parts[key] = min(secs, self.parts.get(key, np.inf))
        return told["secs"], np.fromfile(self.out, "<f4").reshape(2, self.pixels, self.pixels)


def compare(size, args, folder):
    name, dims, spacing, pixels, pitch = size
    hu = voxelise(dims, spacing)
    mu = ((hu.astype(np.float32) + 1000) / 1000) * np.float32(MU_WATER_PER_MM)
    hu_path, mu_path = os.path.join(folder, "hu.mha"), os.path.join(folder, "mu.mha")
    write_metaimage(hu_path, hu, spacing, "MET_SHORT")
    write_metaimage(mu_path, mu, spacing, "MET_FLOAT")
    exact = np.stack([exact_film(angle, pixels, pitch) for angle in ANGLES_DEG])
    ours = Ours(args.probe, hu_path, pixels, pitch, folder)
    programs = [ours, Rtk(mu, spacing, pixels, pitch, True), Rtk(mu, spacing, pixels, pitch, False),
                Plastimatch(mu_path, pixels, pitch, folder)]
    secs, errors = {}, {}
    for _ in range(args.rounds):
        for program in programs:
            # Ours repeats in its own process.
            runs = [program.run() for _ in range(1 if program is ours else REPEATS)]
            took, films = min(secs for secs, _ in runs), runs[-1][1]
            secs[program.name] = min(took, secs.get(program.name, np.inf))
            errors[program.name] = np.linalg.norm(films - exact) / np.linalg.norm(exact)
    print(f"\n{name}, both views, {args.rounds} rounds, load {os.getloadavg()[0]:.1f}")
    print(f"{'':20}{'seconds':>10}{'ratio':>8}{'rel. L2 error':>15}{'ratio':>8}")
    for key in secs:
        print(f"{key:20}{secs[key]:10.4f}{secs[key] / secs[ours.name]:8.2f}{errors[key]:15.5f}"
              f"{errors[key] / errors[ours.name]:8.3f}")
    print(f"ours: layout {ours.parts['layout_secs']:.4f} s, rays {ours.parts['project_secs']:.4f} s; "
          f"back-projection of both films into 128^3 {ours.parts['back_secs']:.4f} s")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    target = os.environ.get("CARGO_TARGET_DIR", "target")
    parser.add_argument("--probe", default=os.path.join(target, "release", "examples", "projector_probe"))
    parser.add_argument("--work", help="a folder for the volumes; else a temporary one")
    parser.add_argument("--small", action="store_true", help="only the small volume")
    args = parser.parse_args()
    itk.MultiThreaderBase.SetGlobalDefaultNumberOfThreads(len(os.sched_getaffinity(0)))
    for size in SIZES[:1] if args.small else SIZES:
        with tempfile.TemporaryDirectory(dir=args.work) as folder:
            compare(size, args, folder)


if __name__ == "__main__":
    main()
