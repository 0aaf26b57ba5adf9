"""Bending CTs to two films beside the reference in PyTorch: seconds and measures, and guidance of any network's volumes.

    python3 -m venv VENV && VENV/bin/pip install torch numpy nibabel safetensors scipy
    cargo build --release --example registration_probe
    VENV/bin/python benches/peers/registration.py --reference FOLDER --truth TRUTH.nii.gz --network NETWORK.nii.gz --ct CT.nii.gz
    VENV/bin/python benches/peers/registration.py --reference FOLDER --weights coarse.safetensors --truth A.nii.gz B.nii.gz ...

FOLDER holds the reference (`bend.py`, `train_on_card.py`). The first form bends one CT to the films of TRUTH and to
NETWORK's volume by both programs on the same number of threads and prints seconds, their ratio, and the measures of both.
The second form runs the packed network of the reference on the films of each truth and guides its volumes by the bundled
atlases, so that what guidance gives on a better network is known before that network is part of the program.
"""

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time

import nibabel as nib
import numpy as np
import torch

MEASURES = ("mae_body_skin_hu", "mae_bone_hu", "detail_correlation", "lung_detail", "bone_contrast", "bone_dice")
VIEWS = [[math.radians(angle), 1000.0, 1500.0, 2.6, 2.6, 127.5, 127.5, 256] for angle in (0, 90)]


def load(path):
    """Relative attenuation, [z][y][x], LPS."""
    image = nib.as_closest_canonical(nib.load(path))
    hu = np.asarray(image.dataobj, dtype=np.float32)[::-1, ::-1].transpose(2, 1, 0)
    return torch.from_numpy(np.ascontiguousarray(np.clip(1 + hu / 1000, 0, 3)))


def save(path, r, like):
    """A volume on the grid of another file."""
    hu = np.round((r.numpy() - 1) * 1000).astype(np.int16)
    affine = nib.as_closest_canonical(nib.load(like)).affine
    nib.save(nib.Nifti1Image(np.ascontiguousarray(hu[:, ::-1, ::-1].transpose(2, 1, 0)), affine), path)


def told(name, one):
    detail = " ".join(f"{key} {one['detail'][key]:.3f}" for key in MEASURES)
    dice = next(lung["dice"] for lung in one["lung"] if lung["threshold_hu"] == -400)
    print(f"{name:28} MAE {one['mae_hu']:.1f} PSNR {one['psnr_db']:.2f} {detail} lungs {dice:.3f}")


def ours(probe, *paths):
    return json.loads(subprocess.run([probe, *paths], check=True, stdout=subprocess.PIPE).stdout)


def beside(args, bend, card):
    truth, network, ct = (load(path) for path in (args.truth[0], args.network, args.ct))
    with torch.no_grad():
        films = card.project(truth[None, None].expand(2, -1, -1, -1, -1), VIEWS)
        films = torch.nn.functional.avg_pool2d(films[None], 2)[0]
    start = time.time()
    bent = bend.bend(ct[None, None], films, VIEWS, network[None, None])[0, 0]
    theirs = time.time() - start
    found = ours(args.probe, args.truth[0], args.network, args.ct)
    told("network", found["network"])
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "bent.nii.gz")
        save(path, bent, args.truth[0])
        # The probe measures what it is given as the network's volume.
        told("reference, bent", ours(args.probe, args.truth[0], path, args.ct)["network"])
    told("biplane, bent", found["result"])
    print(f"reference {theirs:.1f} s, biplane {found['seconds']:.2f} s, ratio {found['seconds'] / theirs:.3f}")


def guided(args, card):
    from safetensors.torch import load_file

    net = card.UNet(3, 32, 16, 8)
    net.load_state_dict({key: value.float() for key, value in load_file(args.weights).items()})
    lift = card.Lift(torch.device("cpu"))
    rows = []
    for path in args.truth:
        with torch.no_grad():
            films = card.project(load(path)[None, None].expand(2, -1, -1, -1, -1), VIEWS)
            channels = [card.channels(card.standardise(film)) for film in films]
            made = card.unpack(net(torch.cat([lift.core(c, v) for c, v in zip(channels, VIEWS)], 1)))[0, 0].clamp(0, 3)
        with tempfile.TemporaryDirectory() as folder:
            network = os.path.join(folder, "network.nii.gz")
            save(network, made, path)
            found = ours(args.probe, path, network)
        rows.append(found)
        told(f"{os.path.basename(path)[:18]} network", found["network"])
        told(f"{os.path.basename(path)[:18]} guided", found["result"])
    for name in ("network", "result"):
        means = {key: np.mean([row[name]["detail"][key] for row in rows]) for key in MEASURES}
        print(f"mean {name}: " + " ".join(f"{key} {value:.3f}" for key, value in means.items()))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reference", required=True, metavar="FOLDER")
    parser.add_argument("--truth", required=True, nargs="+", metavar="NIFTI")
    parser.add_argument("--network", metavar="NIFTI")
    parser.add_argument("--ct", metavar="NIFTI")
    parser.add_argument("--weights", metavar="SAFETENSORS")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--probe", default="target/release/examples/registration_probe")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    sys.path.insert(0, args.reference)
    import bend
    import train_on_card

    if args.weights:
        guided(args, train_on_card)
    elif args.network and args.ct:
        beside(args, bend, train_on_card)
    else:
        parser.error("name --weights, or --network and --ct")


if __name__ == "__main__":
    main()
