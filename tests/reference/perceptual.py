"""Reference values for the perceptual loss and small weights files, made by PyTorch alone.

A narrow VGG16 (channels 3 -> 2 -> 3 -> 4 -> 3 -> 5 -> 4 -> 3, its first seven convolutions) with seeded weights is
saved in the formats that PyTorch has had: the zip of version 1.6 and later, the row of pickles before, and that row
as the first versions with Python 2 wrote it. Its features and the perceptual loss are computed
with torch.nn.functional, not with this program.

Usage: python tests/reference/perceptual.py   (PyTorch 2.11; writes tests/golden/perceptual/)

With --weights FOLDER the features of real weights are printed instead, for the constants in tests/suite/perceptual.rs;
FOLDER holds vgg16_features_partial.safetensors.
"""

import collections
import io
import json
import pathlib
import pickle
import struct
import sys

import torch
import torch.nn.functional as F

OUT = pathlib.Path(__file__).resolve().parents[1] / "golden" / "perceptual"
# torchvision's places of VGG16's convolutions, and whether a 2 x 2 max pool stands before each.
PLACES = [(0, False), (2, False), (5, True), (7, False), (10, True), (12, False), (14, False)]
WIDTHS = [3, 2, 3, 4, 3, 5, 4, 3]
TAPS = {"relu1_2": 2, "relu2_2": 4, "relu3_3": 7}
MEAN = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
DEVIATION = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)


def tiny_weights():
    generator = torch.Generator().manual_seed(7)
    weights = collections.OrderedDict()
    for (place, _), into, out in zip(PLACES, WIDTHS, WIDTHS[1:]):
        scale = (2 / (9 * into)) ** 0.5
        weights[f"features.{place}.weight"] = torch.randn(out, into, 3, 3, generator=generator) * scale
        weights[f"features.{place}.bias"] = torch.randn(out, generator=generator) * 0.1
    return weights


def slices(phase, dtype):
    """Relative attenuation from below the window to above it, [2, 1, 16, 16]."""
    n, y, x = torch.meshgrid(*(torch.arange(k, dtype=dtype) for k in (2, 16, 16)), indexing="ij")
    return (1 + 1.3 * torch.sin(0.7 * x + 0.4 * y + n + phase)).unsqueeze(1)


def features(weights, slices_):
    x = ((slices_ * 1000 - 1000) + 1000) / 2000
    x = x.clamp(0, 1).expand(-1, 3, -1, -1)
    x = (x - MEAN.to(x.dtype)) / DEVIATION.to(x.dtype)
    seen = {}
    for number, (place, pool) in enumerate(PLACES, 1):
        if f"features.{place}.weight" not in weights:
            break
        if pool:
            x = F.max_pool2d(x, 2)
        w, b = (weights[f"features.{place}.{part}"].to(x.dtype) for part in ("weight", "bias"))
        x = F.relu(F.conv2d(x, w, b, padding=1))
        seen.update({name: x for name, tap in TAPS.items() if tap == number})
    return seen


def loss(weights, refined, truth):
    a, b = features(weights, refined), features(weights, truth)
    each = {name: (a[name] - b[name]).abs().mean() for name in a}
    return each, sum(each.values()) / len(each)


class Python2Pickler(pickle._Pickler):
    """Writes text as Python 2 did, and an ordered dictionary as a list of lists: what the oldest files hold."""

    dispatch = dict(pickle._Pickler.dispatch)

    def save_str(self, text):
        data = text.encode("ascii")
        self.write(pickle.SHORT_BINSTRING + bytes([len(data)]) + data)
        self.memoize(text)

    dispatch[str] = save_str

    def save_ordered(self, value):
        self.save_reduce(collections.OrderedDict, ([[k, v] for k, v in value.items()],), obj=value)

    dispatch[collections.OrderedDict] = save_ordered

    def save_storage(self, storage):
        self.save(("storage", torch.FloatStorage, storage.key, "cpu", storage.count, None), save_persistent_id=False)
        self.write(pickle.BINPERSID)

    def save_tensor(self, tensor):
        """torch.FloatTensor, made empty, then given (storage, offset, size, stride)."""
        self.write(pickle.GLOBAL + b"torch\nFloatTensor\n" + pickle.EMPTY_TUPLE + pickle.REDUCE)
        self.save((tensor.storage, 0, tensor.size, tensor.stride))
        self.write(pickle.BUILD)

    def save_parameter(self, parameter):
        """torch.nn.parameter.Parameter, made empty, then given (data, gradient, hooks, requires_grad, volatile)."""
        self.write(pickle.GLOBAL + b"torch.nn.parameter\nParameter\n" + pickle.EMPTY_TUPLE + pickle.NEWOBJ)
        self.save((parameter.tensor, None, collections.OrderedDict(), True, False))
        self.write(pickle.BUILD)


class OldStorage:
    def __init__(self, key, tensor):
        self.key, self.count, self.tensor = key, tensor.numel(), tensor


class OldTensor:
    def __init__(self, key, tensor):
        self.storage, self.size, self.stride = OldStorage(key, tensor), tuple(tensor.shape), tensor.stride()


class OldParameter:
    def __init__(self, key, tensor):
        self.tensor = OldTensor(key, tensor)


Python2Pickler.dispatch[OldStorage] = Python2Pickler.save_storage
Python2Pickler.dispatch[OldTensor] = Python2Pickler.save_tensor
Python2Pickler.dispatch[OldParameter] = Python2Pickler.save_parameter


def save_oldest(weights, path):
    parameters = collections.OrderedDict((n, OldParameter(str(9000 + k), t)) for k, (n, t) in enumerate(weights.items()))
    info = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}
    with open(path, "wb") as file:
        pickle.dump(0x1950A86A20F9469CFC6C, file, protocol=2)
        pickle.dump(1001, file, protocol=2)
        pickle.dump(info, file, protocol=2)
        Python2Pickler(file, protocol=2).dump(parameters)
        storages = [p.tensor.storage for p in parameters.values()]
        # The order of storages was a dictionary's: any.
        storages.sort(key=lambda storage: storage.key, reverse=True)
        Python2Pickler(file, protocol=2).dump([storage.key for storage in storages])
        for storage in storages:
            file.write(struct.pack("<q", storage.count))
            file.write(storage.tensor.numpy().tobytes())


class Evil:
    def __reduce__(self):
        import os

        return os.system, ("touch /tmp/biplane-was-executed",)


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    weights = tiny_weights()
    torch.save(weights, OUT / "zip.pth")
    torch.save(weights, OUT / "legacy.pth", _use_new_zipfile_serialization=False)
    save_oldest(weights, OUT / "oldest.pth")
    loaded = torch.load(OUT / "oldest.pth", weights_only=True, encoding="ascii")
    assert all(torch.equal(loaded[name], tensor) for name, tensor in weights.items())
    small = collections.OrderedDict(list(weights.items())[:2])
    torch.save(small, OUT / "small-legacy.pth", _use_new_zipfile_serialization=False)
    save_oldest(small, OUT / "small-oldest.pth")
    halves = collections.OrderedDict(state_dict={n: torch.nn.Parameter(t.to(k)) for (n, t), k in zip(
        weights.items(), (torch.float16, torch.bfloat16, torch.float64))}, epoch=3)
    torch.save(halves, OUT / "kinds.pth")
    evil = collections.OrderedDict(weights, extra=Evil())
    torch.save(evil, OUT / "evil-zip.pth")
    torch.save(evil, OUT / "evil-legacy.pth", _use_new_zipfile_serialization=False)
    (OUT / "evil-plain.pth").write_bytes(pickle.dumps(Evil(), protocol=4))

    refined, truth = slices(0.0, torch.float32).requires_grad_(), slices(0.3, torch.float32)
    each, total = loss(weights, refined, truth)
    total.backward()
    golden = {
        "weights": {name: tensor.flatten().tolist() for name, tensor in weights.items()},
        "features": {name: f.flatten().tolist() for name, f in features(weights, refined.detach()).items()},
        "each": {name: value.item() for name, value in each.items()},
        "loss": total.item(),
        "gradient": refined.grad.flatten().tolist(),
    }
    rounded = json.loads(json.dumps(golden), parse_float=lambda text: float(f"{float(text):.8g}"))
    (OUT / "values.json").write_text(json.dumps(rounded, separators=(",", ":")) + "\n")
    print({k: golden[k] for k in ("each", "loss")}, {p.name: p.stat().st_size for p in sorted(OUT.iterdir())})


def real(folder):
    from safetensors.torch import load_file

    weights = load_file(pathlib.Path(folder) / "vgg16_features_partial.safetensors")
    refined, truth = slices(0.0, torch.float32), slices(0.3, torch.float32)
    each, total = loss(weights, refined, truth)
    for name, f in features(weights, refined).items():
        print(name, "mean", f.mean().item(), "deviation", f.std(correction=0).item(), "[0, 5, 3, 4]", f[0, 5, 3, 4].item())
    print({name: value.item() for name, value in each.items()}, "loss", total.item())


if __name__ == "__main__":
    real(sys.argv[2]) if sys.argv[1:2] == ["--weights"] else main()
