"""PyTorch's side of `benchmarks/speed.py`: the same networks, losses and updates, run eagerly.

It needs PyTorch and NumPy, and nothing of tfzero. Like `speed_side.py` it reads a case as JSON per
line and prints the milliseconds per step of some steps as JSON.
"""

# pyright: reportMissingImports=false
from __future__ import annotations

import json
import math
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

NUM_IMAGES, NUM_CLASSES = 1024, 10
_STEPS = 20
_SLOPE = 0.1
_GAIN = 1 / math.sqrt((1 + _SLOPE**2) / 2 - (1 - _SLOPE) ** 2 / (2 * math.pi))


class StandardizedConv(nn.Conv2d):
    """A convolution whose kernel is standardized per filter, with a gain, padded as in Keras."""

    def __init__(self, channels, block, sides):
        kernel, strides = tuple(block["kernel_size"]), tuple(block["strides"])
        super().__init__(channels, block["filters"], kernel, stride=strides)
        nn.init.kaiming_normal_(self.weight)
        nn.init.zeros_(self.bias)
        self.gain = nn.Parameter(torch.ones(block["filters"]))
        pads = []
        for side, out, size, stride in zip(sides, block["sides"], kernel, strides, strict=True):
            total = max((out - 1) * stride + size - side, 0)
            pads = [total // 2, total - total // 2, *pads]  # F.pad begins with the last axis
        self.is_even = pads[0] == pads[1] and pads[2] == pads[3]
        self.pads = pads

    def forward(self, x):
        """Convolves; uneven padding is an operation of its own."""
        fan_in = self.weight[0].numel()
        variance, mean = torch.var_mean(self.weight, dim=(1, 2, 3), keepdim=True, correction=0)
        scale = torch.rsqrt(torch.clamp(variance * fan_in, min=1e-4))
        kernel = (self.weight - mean) * scale * self.gain.view(-1, 1, 1, 1)
        if self.is_even:
            padding = (self.pads[2], self.pads[0])
            return F.conv2d(x, kernel, self.bias, self.stride, padding)
        return F.conv2d(F.pad(x, self.pads), kernel, self.bias, self.stride)


class Encoder(nn.Module):
    """The default encoder, from images in 0..1 to features."""

    def __init__(self, shape, blocks):
        super().__init__()
        layers, channels, sides = [], shape[2], shape[:2]
        for block in blocks:
            layers.append(StandardizedConv(channels, block, sides))
            channels, sides = block["filters"], block["sides"]
        self.layers = nn.ModuleList(layers)
        self.grid = tuple(min(2, side) for side in sides)
        self.dim = channels * math.prod(self.grid)

    def forward(self, x):
        """Returns features `(B, D)`."""
        x = 2 * x - 1
        for layer in self.layers:
            x = F.leaky_relu(layer(x), _SLOPE) * _GAIN
        if tuple(x.shape[2:]) != self.grid:
            x = F.adaptive_avg_pool2d(x, self.grid)
        return x.flatten(1)


def random_views(images):
    """Returns a view of each image: cropped to half of its area or more, mirrored, with jitter."""
    count, height, width = len(images), images.shape[2], images.shape[3]
    area = 0.5 + 0.5 * torch.rand(count)
    ratio = torch.exp(math.log(4 / 3) * (2 * torch.rand(count) - 1))
    scale_x = torch.clamp(torch.sqrt(area * ratio), max=1)
    scale_y = torch.clamp(torch.sqrt(area / ratio), max=1)
    sign = torch.where(torch.rand(count) < 0.5, -1.0, 1.0)
    theta = torch.zeros(count, 2, 3)
    theta[:, 0, 0], theta[:, 1, 1] = sign * scale_x, scale_y
    theta[:, 0, 2] = (2 * torch.rand(count) - 1) * (1 - scale_x)
    theta[:, 1, 2] = (2 * torch.rand(count) - 1) * (1 - scale_y)
    grid = F.affine_grid(theta, [count, images.shape[1], height, width], align_corners=False)
    viewed = F.grid_sample(images, grid, padding_mode="border", align_corners=False)
    brightness, contrast = (1 + 0.4 * (2 * torch.rand(2, count, 1, 1, 1) - 1)).unbind()
    mean = viewed.mean(dim=(1, 2, 3), keepdim=True)
    gain, offset = brightness * contrast, brightness * (1 - contrast) * mean
    return torch.clamp(viewed * gain + offset, 0, 1)


def nt_xent(projections, temperature=0.1):
    """Returns the mean cross-entropy of telling each view's partner among all others."""
    unit = F.normalize(projections, dim=1)
    logits = unit @ unit.T / temperature
    logits.fill_diagonal_(-1e9)
    half = len(logits) // 2
    partners = torch.cat([torch.arange(half, 2 * half), torch.arange(half)])
    return F.cross_entropy(logits, partners)


class SimCLR(nn.Module):
    """Encoder and projection head."""

    def __init__(self, encoder):
        super().__init__()
        self.encoder = encoder
        self.hidden, self.projection = nn.Linear(encoder.dim, 256), nn.Linear(256, 64)

    def forward(self, images):
        """Returns the loss of a batch."""
        both = torch.cat([random_views(images), random_views(images)])
        hidden = F.leaky_relu(self.hidden(self.encoder(both)), _SLOPE) * _GAIN
        return nt_xent(self.projection(hidden))


def make_turn(kind, shape, batch, augment, blocks):
    """Returns the function that takes some steps and returns the milliseconds of one."""
    assert not augment
    encoder = Encoder(shape, blocks)
    images = torch.randint(0, 256, (NUM_IMAGES, shape[2], *shape[:2]), dtype=torch.uint8)
    labels = torch.arange(NUM_IMAGES) % NUM_CLASSES
    if kind == "classifier":
        head = nn.Linear(encoder.dim, NUM_CLASSES)
        network = nn.Sequential(encoder, head)
        optimizer = torch.optim.AdamW(network.parameters(), 1e-3, weight_decay=1e-2)
    else:
        network = SimCLR(encoder)
        optimizer = torch.optim.Adam(network.parameters(), 1e-3)

    def step(rows):
        x = images[rows].float() / 255
        loss = network(x) if kind == "simclr" else F.cross_entropy(network(x), labels[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    def take_turn():
        order = torch.randperm(NUM_IMAGES)
        began = time.perf_counter()
        for number in range(_STEPS):
            start = number * batch % NUM_IMAGES
            step(order[start : start + batch])
        return [1000 * (time.perf_counter() - began) / _STEPS]

    return take_turn


def main() -> None:
    """Answers until standard input ends."""
    torch.set_num_threads(1)
    turns = {}
    print("ready", flush=True)
    for line in sys.stdin:
        case = json.loads(line)
        key = json.dumps(case)
        if key not in turns:
            turns[key] = make_turn(**case)
            turns[key]()
        print(json.dumps(turns[key]()), flush=True)


if __name__ == "__main__":
    main()
