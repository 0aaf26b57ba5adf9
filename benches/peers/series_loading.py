#!/usr/bin/env python3
"""Loads one CT series of 512 x 512 x 260 with biplane and with SimpleITK's ImageSeriesReader on the same cores, and
compares time and voxels. Also checks, with pydicom and SimpleITK, that what biplane wrote reads back as the same
Hounsfield units and geometry.

    python3 -m venv /tmp/peers && /tmp/peers/bin/pip install SimpleITK pydicom numpy
    cargo build --release --example load_series
    /tmp/peers/bin/python benches/peers/series_loading.py SERIES.zip|FOLDER [--program target/release/examples/load_series]

SERIES is a real chest series; it is interpolated along z to 260 slices and written by biplane's own writer. Runs take
turns, so that other load on the machine meets both; the files come from the page cache. The best time of each counts.
"""

import argparse
import json
import os
import pathlib
import subprocess
import tempfile
import time
import zipfile

import numpy as np
import pydicom
import SimpleITK as sitk

SLICES = 260
CORES = 2


def ours(program, *words):
    environment = {**os.environ, "RAYON_NUM_THREADS": str(CORES)}
    out = subprocess.run([program, *map(str, words)], check=True, capture_output=True, text=True, env=environment)
    return json.loads(out.stdout)


def simple_itk(folder):
    """Seconds for file names and pixels, seconds for the pixels alone, and the image."""
    start = time.perf_counter()
    names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder))
    listed = time.perf_counter()
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(names)
    image = reader.Execute()
    end = time.perf_counter()
    return end - start, end - listed, image


def processor_seconds(program, folder, times=8):
    """Processor time of one load, of ours and theirs: what stays comparable on a machine that does other work too."""

    def children(count):
        before = os.times()
        ours(program, "load", folder, count)
        after = os.times()
        return after.children_user + after.children_system - before.children_user - before.children_system

    mine = (children(times + 1) - children(1)) / times
    before = time.process_time()
    for _ in range(times):
        simple_itk(folder)
    return mine, (time.process_time() - before) / times


def check_same(program, folder, image, scratch):
    """The voxels and the grid of all three readers must be the same."""
    raw = scratch / "ours.raw"
    said = ours(program, "dump", folder, raw)
    mine = np.fromfile(raw, dtype="<i2").reshape(said["dims"][::-1])
    theirs = np.clip(sitk.GetArrayFromImage(image), -1024, 3071)
    assert (mine == theirs).all(), "SimpleITK reads other Hounsfield units"
    np.testing.assert_allclose(said["spacing"], image.GetSpacing(), rtol=1e-9)
    np.testing.assert_allclose(said["origin"], image.GetOrigin(), atol=1e-6)
    slices = sorted(map(pydicom.dcmread, folder.iterdir()), key=lambda s: float(s.ImagePositionPatient[2]))
    for z, one in enumerate(slices):
        hu = one.pixel_array * float(one.RescaleSlope) + float(one.RescaleIntercept)
        assert (np.clip(hu, -1024, 3071) == mine[z]).all(), f"pydicom reads other Hounsfield units in slice {z}"
    return len(slices)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("series", type=pathlib.Path)
    arguments.add_argument("--program", default="target/release/examples/load_series")
    arguments.add_argument("--runs", type=int, default=7)
    given = arguments.parse_args()
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(CORES)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, set(list(os.sched_getaffinity(0))[:CORES]))
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        source = given.series
        if source.is_file():
            with zipfile.ZipFile(source) as archive:
                archive.extractall(scratch / "source")
            source = scratch / "source"
        big = scratch / "big"
        ours(given.program, "expand", source, big, SLICES)
        *_, image = simple_itk(big)
        print(f"voxels and grid are the same in biplane, SimpleITK and pydicom ({check_same(given.program, big, image, scratch)} slices)")
        whole, pixels, mine = [], [], []
        for _ in range(given.runs):
            mine += ours(given.program, "load", big)["secs"]
            with_names, alone, image = simple_itk(big)
            whole.append(with_names)
            pixels.append(alone)
        print(f"biplane open_series (folder)         best {min(mine):.3f} s   median {np.median(mine):.3f} s")
        print(f"SimpleITK names + ImageSeriesReader  best {min(whole):.3f} s   median {np.median(whole):.3f} s")
        print(f"SimpleITK ImageSeriesReader alone    best {min(pixels):.3f} s   median {np.median(pixels):.3f} s")
        print(f"ratio (SimpleITK alone / biplane)    best {min(pixels) / min(mine):.1f}     median {np.median(pixels) / np.median(mine):.1f}")
        mine_cpu, theirs_cpu = processor_seconds(given.program, big)
        print(f"processor time a load: biplane {mine_cpu:.3f} s over {CORES} cores, SimpleITK (with names) {theirs_cpu:.3f} s on one")


if __name__ == "__main__":
    main()
