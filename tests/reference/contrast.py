"""The losses of stage 2 in plain PyTorch, written from the text of the paper, and golden values for
tests/suite/stage2.rs.

    pip install torch==2.11.0 numpy
    python tests/reference/contrast.py --golden tests/golden/contrast.json

Loops in place of tensor tricks: slow and plain. Computed in f64; inputs come from the formula of networks.py.
"""

import argparse
import json

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from networks import Block, values


def tensor(name, *shape):
    return torch.from_numpy(values(name, int(np.prod(shape)))).reshape(shape).double()


def unit(x):
    """Unit length along the channels."""
    return x / x.square().sum(1, keepdim=True).add(1e-12).sqrt()


def semantic(student, teacher, positives):
    """Mean over i and j in P(i), i itself and its most similar neighbours in the teacher's map, of the squared
    distance of student and teacher at j."""
    n, _, h, w = teacher.shape
    total, count = 0.0, 0
    for k in range(n):
        for y in range(h):
            for x in range(w):
                near = []
                for dy in (-1, 0, 1):
                    for dx in (-1, 0, 1):
                        v, u = y + dy, x + dx
                        if (dy, dx) != (0, 0) and 0 <= v < h and 0 <= u < w:
                            near.append((float(teacher[k, :, y, x] @ teacher[k, :, v, u]), v, u))
                near.sort(reverse=True)
                for v, u in [(y, x)] + [(v, u) for _, v, u in near[:positives]]:
                    total = total + (student[k, :, v, u] - teacher[k, :, v, u]).square().sum()
                    count += 1
    return total / count


def anatomy(student, teacher, positions, width, negatives, window, core, temperature):
    """InfoNCE; student [C, P] at the positions, teacher [C, H W] everywhere."""
    height = teacher.shape[1] // width
    total = 0.0
    for p, at in enumerate(positions):
        y, x = divmod(at, width)
        near = []
        for dy in range(-(window // 2), window // 2 + 1):
            for dx in range(-(window // 2), window // 2 + 1):
                v, u = y + dy, x + dx
                if max(abs(dy), abs(dx)) > core // 2 and 0 <= v < height and 0 <= u < width:
                    near.append((float(teacher[:, at] @ teacher[:, v * width + u]), v * width + u))
        near.sort(reverse=True)
        logits = [student[:, p] @ teacher[:, at]] + [student[:, p] @ teacher[:, j] for _, j in near[:negatives]]
        total = total - F.log_softmax(torch.stack(logits) / temperature, 0)[0]
    return total / len(positions)


class PatchGan(nn.Module):
    """70 x 70 PatchGAN of Isola et al. with affine instance norm."""

    def __init__(self):
        super().__init__()
        plan = [(2, 64, 2), (64, 128, 2), (128, 256, 2), (256, 512, 1), (512, 1, 1)]
        for k, (a, b, stride) in enumerate(plan, 1):
            self.add_module(f"conv{k}", nn.Conv2d(a, b, 4, stride, 1))
            if 1 < k < len(plan):
                self.add_module(f"norm{k}", nn.InstanceNorm2d(b, eps=1e-5, affine=True))

    def forward(self, x):
        for k in range(1, 6):
            x = getattr(self, f"conv{k}")(x)
            if hasattr(self, f"norm{k}"):
                x = getattr(self, f"norm{k}")(x)
            if k < 5:
                x = F.leaky_relu(x, 0.2)
        return x


class ContrastNet(nn.Module):
    """The 2D U-Net that goes up bilinearly, without its last conv, and both projection heads."""

    def __init__(self, width):
        super().__init__()
        widths = [width << level for level in range(5)]
        for level, (a, b) in enumerate(zip([1, *widths], widths), 1):
            self.add_module(f"enc{level}", Block(2, a, b))
        for level in range(4, 0, -1):
            self.add_module(f"dec{level}", Block(2, 3 * widths[level - 1], widths[level - 1]))
        self.heads = nn.ModuleDict({
            "semantic": nn.Sequential(nn.Conv2d(widths[4], widths[4], 1), nn.ReLU(), nn.Conv2d(widths[4], 128, 1)),
            "anatomy": nn.Sequential(nn.Conv2d(width, width, 1), nn.ReLU(), nn.Conv2d(width, 128, 1)),
        })

    def forward(self, x):
        x, skips = self.enc1(x), []
        for level in range(2, 6):
            skips.append(x)
            x = getattr(self, f"enc{level}")(F.max_pool2d(x, 2))
        bottom = x
        for level in range(4, 0, -1):
            raised = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            x = getattr(self, f"dec{level}")(torch.cat([skips.pop(), raised], 1))
        return unit(self.heads["semantic"](bottom)), unit(self.heads["anatomy"](x))


def fill(net, scale):
    """Weights from the formula, each tensor divided by the root of its fan where it is a conv's."""
    for name, parameter in net.named_parameters():
        name = name.replace("heads.", "").replace(".0.", ".conv1.").replace(".2.", ".conv2.")
        v = torch.from_numpy(values(name, parameter.numel())).reshape(parameter.shape).double()
        if ".norm" in name or name.startswith("norm"):
            v = 1 + 0.25 * v if name.endswith("weight") else 0.25 * v
        elif name.endswith("weight"):
            v = v * scale / np.sqrt(np.prod(parameter.shape[1:]))
        else:
            v = v * 0.1
        parameter.data = v
    return net.double()


def with_gradient(loss, x):
    """The loss and the gradient's values at every 7th place."""
    (gradient,) = torch.autograd.grad(loss, x)
    return {"loss": float(loss), "gradient": [float(f"{v:.7g}") for v in gradient.flatten()[::7].tolist()]}


def golden():
    out = {}
    teacher = unit(tensor("semantic teacher", 2, 6, 5, 4))
    student = tensor("semantic student", 2, 6, 5, 4).requires_grad_()
    out["semantic"] = with_gradient(semantic(unit(student), teacher, 4), student)

    positions = [0, 8, 37, 62, 63]
    teacher = unit(tensor("anatomy teacher", 1, 6, 63 + 1))[0]
    student = tensor("anatomy student", 1, 6, len(positions)).requires_grad_()
    out["anatomy"] = with_gradient(anatomy(unit(student)[0], teacher, positions, 8, 5, 5, 3, 0.1), student)
    # A window that reaches beyond the slice on every side leaves fewer candidates than negatives.
    student = tensor("anatomy student", 1, 6, len(positions)).requires_grad_()
    out["anatomy_few"] = with_gradient(anatomy(unit(student)[0], teacher, positions, 8, 16, 5, 3, 0.1), student)

    judge = fill(PatchGan(), 1.5)
    coarse, truth = tensor("gan coarse", 2, 1, 32, 32), tensor("gan truth", 2, 1, 32, 32)
    refined = tensor("gan refined", 2, 1, 32, 32).requires_grad_()
    real, fake = judge(torch.cat([coarse, truth], 1)), judge(torch.cat([coarse, refined], 1))
    out["discriminator"] = float(((real - 1).square().mean() + fake.square().mean()) / 2)
    out["adversarial"] = with_gradient((fake - 1).square().mean(), refined)

    net = fill(ContrastNet(2), 1.5)
    slices = tensor("contrast slices", 1, 1, 32, 32)
    with torch.no_grad():
        bottom, top = net(slices)
    keep = lambda t: [float(f"{v:.7g}") for v in t.flatten()[::11].tolist()]
    out["features"] = {"semantic": keep(bottom), "anatomy": keep(top[:, :, ::4, ::4])}
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--golden", metavar="JSON", required=True, help="where to write the golden values")
    args = parser.parse_args()
    with open(args.golden, "w") as out:
        json.dump(golden(), out)
        out.write("\n")


if __name__ == "__main__":
    main()
