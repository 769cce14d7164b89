#!/usr/bin/env python3
"""The world that the built-in model `shapes` lives in: scenes, pictures and texts.

A scene holds one to three flat shapes on a muted background. Everything is a pure
function of a seed, so that training can resume at any step and a held-out set is
nothing but another seed. Pictures are drawn from signed distances at any resolution:
the training images (64 pixels) and the frames of the rendered clips share this code.

Lengths are in units of the picture's short side; x runs over [0, width / height].
Run as a program it draws a contact sheet with captions.
"""

from __future__ import annotations

import argparse
import math
import random
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from shapes_texts import (
    BACKGROUNDS, COLORS, MAX_OBJECTS, SHAPES, SIZES, caption, parse, question,
)

__all__ = ["Mix", "Scenes", "Batch", "make_batch", "parse"]

PALETTE = {
    "red": (0.86, 0.11, 0.13),
    "orange": (1.00, 0.53, 0.05),
    "yellow": (0.98, 0.90, 0.15),
    "green": (0.10, 0.60, 0.20),
    "cyan": (0.20, 0.85, 0.90),
    "blue": (0.12, 0.24, 0.88),
    "purple": (0.50, 0.13, 0.66),
    "pink": (1.00, 0.60, 0.80),
    "white": (0.97, 0.97, 0.97),
    "black": (0.04, 0.04, 0.05),
}
# Half-extents: the gaps keep the size words unambiguous, and at 64 pixels the
# smallest object is still 14 pixels across.
RADII = ((0.112, 0.132), (0.172, 0.197), (0.260, 0.295))
# Left-to-right order is what captions follow, so centres must differ this much in x.
MIN_X_GAP = 0.16


@dataclass(frozen=True)
class Mix:
    """How often each number of objects and each size occurs (a curriculum stage)."""

    counts: tuple[float, float, float] = (0.45, 0.35, 0.20)
    sizes: tuple[float, float, float] = (1 / 3, 1 / 3, 1 / 3)


@dataclass
class Scenes:
    """A batch of scenes. Object axes have MAX_OBJECTS slots, left to right."""

    count: torch.Tensor  # (B,)
    shape: torch.Tensor  # (B, 3) indices into SHAPES
    color: torch.Tensor  # (B, 3) indices into COLORS
    size: torch.Tensor  # (B, 3) indices into SIZES
    x: torch.Tensor  # (B, 3)
    y: torch.Tensor
    radius: torch.Tensor
    angle: torch.Tensor
    background: torch.Tensor  # (B,) indices into BACKGROUNDS

    def __len__(self) -> int:
        return int(self.count.shape[0])

    def objects(self, i: int) -> list[dict[str, str]]:
        """The objects of scene `i`, in caption order, as words."""
        return [
            {
                "size": SIZES[int(self.size[i, k])],
                "color": COLORS[int(self.color[i, k])],
                "shape": SHAPES[int(self.shape[i, k])],
            }
            for k in range(int(self.count[i]))
        ]


def generator(seed: int, index: int) -> torch.Generator:
    """The random stream of batch `index` of the data set `seed`."""
    return torch.Generator().manual_seed((seed * 1_000_003 + index) * 7919 + 17)


def uniform(gen: torch.Generator, low: float, high: float, *shape: int) -> torch.Tensor:
    """Uniform numbers in [low, high)."""
    return torch.rand(*shape, generator=gen) * (high - low) + low


def choose(gen: torch.Generator, weights: tuple[float, ...], *shape: int) -> torch.Tensor:
    """Indices drawn with the given weights."""
    n = math.prod(shape)
    return torch.multinomial(torch.tensor(weights), n, replacement=True, generator=gen).view(*shape)


def layout(gen: torch.Generator, count: torch.Tensor, mix: Mix) -> tuple[torch.Tensor, ...]:
    """Sizes, radii and centres such that nothing overlaps, touches the rim or ties in x.

    Rejection sampling over many candidates at once; scenes without a valid candidate
    are drawn again.
    """
    batch, tries = count.shape[0], 48
    used = torch.arange(MAX_OBJECTS)[None, None] < count[:, None, None]
    size = torch.zeros(batch, MAX_OBJECTS, dtype=torch.long)
    radius, x, y = (torch.zeros(batch, MAX_OBJECTS) for _ in range(3))
    todo = torch.ones(batch, dtype=torch.bool)
    low = torch.tensor([r[0] for r in RADII])
    high = torch.tensor([r[1] for r in RADII])
    crowded = (mix.sizes[0] * 0.62, mix.sizes[1] * 0.34, mix.sizes[2] * 0.04)
    while bool(todo.any()):
        rows = todo.nonzero()[:, 0]
        n = rows.shape[0]
        c_size = choose(gen, mix.sizes, n, tries, MAX_OBJECTS)
        packed = choose(gen, crowded, n, tries, MAX_OBJECTS)
        c_size = torch.where((count[rows] == MAX_OBJECTS)[:, None, None], packed, c_size)
        c_radius = low[c_size] + (high - low)[c_size] * torch.rand(c_size.shape, generator=gen)
        room = 1 - 2.1 * c_radius
        c_x = 1.05 * c_radius + room * torch.rand(c_size.shape, generator=gen)
        c_y = 1.05 * c_radius + room * torch.rand(c_size.shape, generator=gen)
        ok = torch.ones(n, tries, dtype=torch.bool)
        for a in range(MAX_OBJECTS):
            for b in range(a + 1, MAX_OBJECTS):
                dx = (c_x[..., a] - c_x[..., b]).abs()
                gap = torch.hypot(dx, c_y[..., a] - c_y[..., b])
                apart = gap > 1.1 * (c_radius[..., a] + c_radius[..., b]) + 0.01
                ok &= ~used[rows, :, b] | (apart & (dx > MIN_X_GAP))
        pick = ok.float().argmax(dim=1)
        good = ok.any(dim=1)
        rows, pick, keep = rows[good], pick[good], good.nonzero()[:, 0]
        for out, cand in ((size, c_size), (radius, c_radius), (x, c_x), (y, c_y)):
            out[rows] = cand[keep, pick]
        todo[rows] = False
    return size, radius, x, y


def sample_scenes(gen: torch.Generator, batch: int, mix: Mix = Mix()) -> Scenes:
    """Draws scenes. The objects of one scene differ in colour and in shape, and the first
    object drawn runs through all colour-shape pairs before one comes again, so that the
    captions of a batch tell its pictures apart (which the contrastive loss needs)."""
    pairs = len(SHAPES) * len(COLORS)
    rounds = -(-batch // pairs)
    pair = torch.cat([torch.randperm(pairs, generator=gen) for _ in range(rounds)])[:batch]
    first = torch.arange(batch)

    def distinct(n: int, lead: torch.Tensor) -> torch.Tensor:
        keys = torch.rand(batch, n, generator=gen)
        keys[first, lead] = -1.0
        return keys.argsort(dim=1)[:, :MAX_OBJECTS]

    color = distinct(len(COLORS), pair // len(SHAPES))
    shape = distinct(len(SHAPES), pair % len(SHAPES))
    count = choose(gen, mix.counts, batch) + 1
    size, radius, x, y = layout(gen, count, mix)
    used = torch.arange(MAX_OBJECTS)[None] < count[:, None]
    order = torch.where(used, x, torch.full_like(x, 9.0)).argsort(dim=1)
    return Scenes(
        count=count,
        shape=shape.gather(1, order),
        color=color.gather(1, order),
        size=size.gather(1, order),
        x=x.gather(1, order),
        y=y.gather(1, order),
        radius=radius.gather(1, order),
        angle=uniform(gen, -0.21, 0.21, batch, MAX_OBJECTS),
        background=choose(gen, (1.0, 1.0, 1.0), batch),
    )


def _box(px: torch.Tensor, py: torch.Tensor, hx: float, hy: float) -> torch.Tensor:
    return torch.maximum(px.abs() - hx, py.abs() - hy)


def distance(shape: str, px: torch.Tensor, py: torch.Tensor) -> torch.Tensor:
    """Signed distance (negative inside) to a shape of unit half-extent; y points down.

    Exact next to the edges, which is all that antialiasing needs."""
    if shape == "circle":
        return torch.hypot(px, py) - 0.95
    if shape == "ring":
        return (torch.hypot(px, py) - 0.75).abs() - 0.25
    if shape == "square":
        return _box(px, py, 0.80, 0.80)
    if shape == "bar":
        return _box(px, py, 1.05, 0.34)
    if shape == "triangle":
        slope = 0.866 * px.abs() - 0.5 * (py + 0.15)
        return torch.maximum(slope - 0.47, py + 0.12 - 0.75)
    if shape == "cross":
        return torch.minimum(_box(px, py, 1.0, 0.30), _box(px, py, 0.30, 1.0))
    if shape == "star":
        # Five-fold symmetry: fold into half a sector, then one straight edge runs from
        # the tip (radius 1.08) to the inner corner.
        sector = math.pi / 5
        turn = torch.atan2(px, -py).abs()
        turn = (torch.remainder(turn + sector, 2 * sector) - sector).abs()
        rho = torch.hypot(px, py)
        tip, inner = 1.08, 0.45
        edge_x = inner * math.cos(sector) - tip
        edge_y = inner * math.sin(sector)
        norm = math.hypot(edge_x, edge_y)
        return (edge_y * (rho * turn.cos() - tip) - edge_x * rho * turn.sin()) / norm
    if shape == "heart":
        # A square on its tip and a circle on each of its two upper sides.
        half = 0.575
        py = py - 0.08
        u, v = (px + py) * math.sqrt(0.5), (py - px) * math.sqrt(0.5)
        left = torch.hypot(u + half, v) - half
        right = torch.hypot(u, v + half) - half
        return torch.minimum(_box(u, v, half, half), torch.minimum(left, right))
    raise ValueError(f"unknown shape: {shape}")


def draw_background(gen: torch.Generator, scenes: Scenes, height: int, width: int) -> torch.Tensor:
    """(B, 3, H, W) backgrounds, muted so that every colour of the world stands out."""
    batch = len(scenes)
    base = uniform(gen, 0.30, 0.62, batch, 1, 1, 1) + uniform(gen, -0.05, 0.05, batch, 3, 1, 1)
    turn = uniform(gen, 0.0, 2 * math.pi, batch, 1, 1, 1)
    rows = torch.linspace(-0.5, 0.5, height)[None, None, :, None]
    cols = torch.linspace(-0.5, 0.5, width)[None, None, None, :]
    slope = uniform(gen, 0.10, 0.28, batch, 1, 1, 1)
    ramp = slope * (turn.cos() * cols + turn.sin() * rows)
    coarse = torch.randn(batch, 1, 10, 10, generator=gen)
    fine = torch.randn(batch, 1, 40, 40, generator=gen)
    blobs = F.interpolate(coarse, (height, width), mode="bicubic", align_corners=False)
    grain = F.interpolate(fine, (height, width), mode="bilinear", align_corners=False)
    noise = uniform(gen, 0.02, 0.05, batch, 1, 1, 1) * blobs
    noise = noise + uniform(gen, 0.02, 0.05, batch, 1, 1, 1) * grain
    kind = scenes.background[:, None, None, None]
    return (base + ramp * (kind == 1) + noise * (kind == 2)).clamp(0.12, 0.82)


def draw_paints(gen: torch.Generator, scenes: Scenes) -> torch.Tensor:
    """(B, 3, RGB): each object's colour, a little off its name's pure one."""
    palette = torch.tensor([PALETTE[name] for name in COLORS])
    jitter = uniform(gen, -0.035, 0.035, len(scenes), MAX_OBJECTS, 3)
    return (palette[scenes.color] + jitter).clamp(0, 1)


def draw_objects(canvas: torch.Tensor, scenes: Scenes, paint: torch.Tensor) -> torch.Tensor:
    """Paints the objects over (B, 3, H, W) backgrounds, antialiased."""
    height, width = canvas.shape[-2:]
    canvas = canvas.clone()
    unit = min(height, width)
    rows = ((torch.arange(height) + 0.5) / unit)[None, :, None]
    cols = ((torch.arange(width) + 0.5) / unit)[None, None, :]
    for slot in range(MAX_OBJECTS):
        for kind, name in enumerate(SHAPES):
            hit = (scenes.count > slot) & (scenes.shape[:, slot] == kind)
            who = hit.nonzero()[:, 0]
            if who.numel() == 0:
                continue
            x, y, radius, angle = (
                t[who, slot][:, None, None] for t in (scenes.x, scenes.y, scenes.radius, scenes.angle)
            )
            dx, dy = (cols - x) / radius, (rows - y) / radius
            px = dx * angle.cos() + dy * angle.sin()
            py = dy * angle.cos() - dx * angle.sin()
            cover = (0.5 - distance(name, px, py) * radius * unit).clamp(0, 1)[:, None]
            tint = paint[who, slot][:, :, None, None]
            canvas[who] = canvas[who] * (1 - cover) + tint * cover
    return canvas


_DCT = torch.tensor(
    [
        [math.sqrt((1 if k == 0 else 2) / 8) * math.cos(math.pi * (2 * n + 1) * k / 16) for n in range(8)]
        for k in range(8)
    ]
)
_TO_YCC = torch.tensor([[0.299, 0.587, 0.114], [-0.169, -0.331, 0.5], [0.5, -0.419, -0.081]])
_FROM_YCC = torch.linalg.inv(_TO_YCC)


def codec_noise(gen: torch.Generator, image: torch.Tensor) -> torch.Tensor:
    """What lossy video does to a picture: 4:2:0 chroma and coarse 8x8 cosine coefficients."""
    batch, _, height, width = image.shape
    ycc = torch.einsum("ij,bjhw->bihw", _TO_YCC, image)
    chroma = F.avg_pool2d(ycc[:, 1:], 2)
    chroma = F.interpolate(chroma, (height, width), mode="bilinear", align_corners=False)
    ycc = torch.cat([ycc[:, :1], chroma], dim=1)
    blocks = ycc.view(batch, 3, height // 8, 8, width // 8, 8)
    freq = torch.einsum("ki,bcyixj,lj->bcykxl", _DCT, blocks, _DCT)
    ramp = 1.0 + 0.5 * (torch.arange(8)[:, None] + torch.arange(8)[None, :])
    step = uniform(gen, 0.004, 0.075, batch, 1, 1, 1, 1, 1)
    step = step * torch.tensor([1.0, 1.6, 1.6])[None, :, None, None, None, None]
    step = step * ramp[None, None, None, :, None, :]
    freq = (freq / step).round() * step
    blocks = torch.einsum("ki,bcykxl,lj->bcyixj", _DCT, freq, _DCT)
    ycc = blocks.reshape(batch, 3, height, width)
    return torch.einsum("ij,bjhw->bihw", _FROM_YCC, ycc)


def soften(gen: torch.Generator, image: torch.Tensor) -> torch.Tensor:
    """A random amount of blur, or now and then of the overshoot that sharp resampling leaves."""
    padded = F.pad(image, (1, 1, 1, 1), mode="replicate")
    blurred = (padded[..., :-2, :] + 2 * padded[..., 1:-1, :] + padded[..., 2:, :]) / 4
    blurred = (blurred[..., :-2] + 2 * blurred[..., 1:-1] + blurred[..., 2:]) / 4
    amount = uniform(gen, -0.35, 1.0, image.shape[0], 1, 1, 1)
    return image + amount * (blurred - image)


def draw_images(gen: torch.Generator, scenes: Scenes, side: int) -> torch.Tensor:
    """(B, 3, side, side) training pictures in 8-bit steps, in [0, 1].

    Some batches are drawn larger and shrunk with an antialiased bicubic, as the frames
    of a video are."""
    scale = (1.0, 1.5, 2.0)[int(choose(gen, (0.6, 0.25, 0.15), 1))]
    large = int(side * scale)
    canvas = draw_background(gen, scenes, large, large)
    image = draw_objects(canvas, scenes, draw_paints(gen, scenes))
    batch = len(scenes)
    contrast = uniform(gen, 0.92, 1.06, batch, 1, 1, 1)
    image = (image - 0.5) * contrast + 0.5 + uniform(gen, -0.04, 0.04, batch, 1, 1, 1)
    image = codec_noise(gen, soften(gen, image))
    if large != side:
        image = F.interpolate(image.clamp(0, 1), (side, side), mode="bicubic", antialias=True)
    grain = uniform(gen, 0.0, 0.02, batch, 1, 1, 1)
    image = image + grain * torch.randn(image.shape, generator=gen)
    return (image.clamp(0, 1) * 255).round() / 255


@dataclass
class Batch:
    """Pictures with one text each; `captioned` marks the rows whose text tells the picture
    from the others (questions do not, so they stay out of the contrastive loss)."""

    images: torch.Tensor
    texts: list[str]
    captioned: torch.Tensor
    scenes: Scenes


def make_batch(
    seed: int, index: int, batch: int, side: int, mix: Mix = Mix(), questions: float = 0.15
) -> Batch:
    """Batch `index` of the data set `seed`: the same arguments give the same batch."""
    gen = generator(seed, index)
    scenes = sample_scenes(gen, batch, mix)
    images = draw_images(gen, scenes, side)
    rng = random.Random(f"{seed}/{index}")
    texts, captioned = [], []
    for i in range(batch):
        objects = scenes.objects(i)
        asks = rng.random() < questions
        if asks:
            texts.append(" ".join(question(rng, objects)))
        else:
            texts.append(caption(rng, objects, BACKGROUNDS[int(scenes.background[i])]))
        captioned.append(not asks)
    return Batch(images, texts, torch.tensor(captioned), scenes)


def main() -> None:
    """Draws a contact sheet, to look at the world with one's own eyes."""
    parser = argparse.ArgumentParser(description="Draw a sheet of sample pictures with their texts.")
    parser.add_argument("output", help="PNG file to write")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--side", type=int, default=64, help="picture size in pixels")
    parser.add_argument("--count", type=int, default=48)
    args = parser.parse_args()
    from torchvision.utils import save_image

    batch = make_batch(args.seed, 0, args.count, args.side)
    save_image(batch.images, args.output, nrow=8)
    for text in batch.texts:
        print(text)


if __name__ == "__main__":
    main()
