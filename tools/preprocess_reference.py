#!/usr/bin/env python3
"""Write what Pillow makes of many image sizes: the fixtures for bit-exact preprocessing.

The input images are not stored. Both sides compute them, in wrapping u32 arithmetic; for an image of
width W, height H and a seed, the byte at row y, column x, channel c (0 R, 1 G, 2 B) is

    k = seed*0x9E3779B9 ^ y*0x85EBCA6B ^ x*0xC2B2AE35 ^ c*0x27D4EB2F
    k = (k ^ k >> 16) * 0x7FEB352D
    k = (k ^ k >> 15) * 0x846CA68B
    noise = (k ^ k >> 16) >> 24
    gx = 255*x / max(W-1, 1)     gy = 255*y / max(H-1, 1)                (integer divisions)
    g  = gx if c = 0, gy if c = 1, 255 - (gx + gy)/2 if c = 2
    byte = (3*g + noise)/4             if seed mod 3 = 0: a picture, more or less
           noise                       if seed mod 3 = 1
           255 if noise >= 128 else 0  if seed mod 3 = 2: makes bicubic overshoot, so that it clamps

The file holds, for case NN of `cases` (n, 4) i64, rows of (W, H, seed, S):

    case.NN.rgb     (S, S, 3) u8   after resize (shorter side to S) and centre crop
    case.NN.input   (H, W, 3) u8   the input, for the first three cases, to check the formula with
    case.NN.pixels  (3, S, S) f32  normalised, for the first two cases

A second file, `preprocess_digest.txt`, has random sizes by the hundred, in rows of W, H, seed, S and
the FNV-1a hash (64 bits) of the bytes of `rgb`: sides of one pixel, pictures up to 200 times as long as
wide, enlarged and shrunk, for S of 224 and others.

Pillow >= 13 resizes vertically first where the height shrinks by more than twice as many pixels as the
width, that is where H-h > 0 and H-h > 2*(W-w) for a resize from (W, H) to (w, h): videos from phones held
upright, for one. Everywhere else, and in older releases always, the horizontal pass comes first. With the
u8 rounding in between, the order shows: by one level in a pixel here and there.

The resize and crop are done here with Pillow alone, and every case is checked to give exactly the
tensor of OpenCLIP's own image transform.
"""

import argparse
import random
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from open_clip.transform import image_transform
from PIL import Image
from safetensors.torch import save_file

MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)

SIZES = [  # (W, H, S)
    # one of each kind, small enough to store the input
    (9, 7, 20), (33, 47, 20), (41, 20, 20),
    # a side of one pixel
    (1, 1, 20), (1, 2, 20), (2, 1, 20), (1, 50, 20), (50, 1, 20), (1, 150, 7),
    # tiny, enlarged
    (2, 2, 20), (2, 3, 20), (3, 2, 32), (5, 4, 20), (7, 16, 32), (13, 11, 32), (19, 21, 20),
    # nothing to resize, then something to crop: margins of 1, 3, 5 and 8, on either axis
    (20, 20, 20), (32, 32, 32), (21, 20, 20), (20, 23, 20), (25, 20, 20), (32, 40, 32),
    # one pixel off
    (31, 31, 32), (33, 33, 32), (31, 33, 32), (33, 32, 32), (63, 65, 64), (65, 63, 64),
    # whole and half factors
    (40, 40, 20), (64, 64, 32), (96, 64, 32), (64, 128, 64), (30, 45, 20), (48, 48, 32),
    # landscape, portrait, square, at awkward ratios
    (101, 67, 32), (67, 101, 32), (97, 97, 32), (199, 83, 20), (83, 199, 20), (127, 129, 32),
    (250, 91, 20), (333, 222, 64), (222, 333, 20), (401, 399, 32),
    # tall enough for the vertical pass to come first; the first one is just not
    (60, 120, 20), (60, 121, 20), (83, 200, 32), (91, 250, 20), (200, 450, 64), (540, 1170, 64),
    # video frames
    (160, 120, 64), (176, 144, 32), (320, 240, 64), (240, 320, 64), (426, 240, 32), (640, 360, 64),
    (640, 480, 32), (720, 576, 20), (854, 480, 32), (1280, 720, 64), (1080, 1920, 32),
    # far from square, and far down
    (700, 9, 20), (9, 700, 20), (1999, 30, 20), (1024, 1024, 7), (1500, 1001, 1),
    # the size of the public models
    (341, 256, 224), (113, 200, 224),
]

RANDOM_SIZES = 600
PACKAGES = ("pillow", "open_clip_torch", "torchvision")


def hashed_image(width: int, height: int, seed: int) -> np.ndarray:
    """(H, W, 3) u8 by the formula above."""
    y, x, c = np.meshgrid(
        *(np.arange(n, dtype=np.uint32) for n in (height, width, 3)), indexing="ij"
    )
    start = np.uint32(seed * 0x9E3779B9 & 0xFFFFFFFF)
    k = start ^ y * np.uint32(0x85EBCA6B) ^ x * np.uint32(0xC2B2AE35) ^ c * np.uint32(0x27D4EB2F)
    k = (k ^ k >> 16) * np.uint32(0x7FEB352D)
    k = (k ^ k >> 15) * np.uint32(0x846CA68B)
    noise = (k ^ k >> 16) >> 24
    if seed % 3 == 1:
        return noise.astype(np.uint8)
    if seed % 3 == 2:
        return np.where(noise >= 128, 255, 0).astype(np.uint8)
    gx = 255 * x // max(width - 1, 1)
    gy = 255 * y // max(height - 1, 1)
    gradient = np.choose(c, (gx, gy, 255 - (gx + gy) // 2))
    return ((3 * gradient + noise) // 4).astype(np.uint8)


def resize_and_crop(image: Image.Image, size: int) -> Image.Image:
    """The shorter side to `size` with Pillow's bicubic, then the middle."""
    short = min(image.size)
    width, height = (int(size * side / short) for side in image.size)
    image = image.resize((width, height), Image.Resampling.BICUBIC)
    left, top = round((width - size) / 2), round((height - size) / 2)
    return image.crop((left, top, left + size, top + size))


def random_sizes() -> list[tuple[int, int, int]]:
    """(W, H, S), the long side at most 700 pixels before and 20,000 after."""
    numbers = random.Random(20221209)

    def log_uniform(low: float, high: float) -> int:
        return int(low * (high / low) ** numbers.random())

    sizes = []
    for i in range(RANDOM_SIZES):
        size = 224 if i % 2 else numbers.choice((1, 7, 16, 31, 64, 100, 256, 288, 336))
        if i % 10 == 0:  # a side of one pixel
            short, long = 1, log_uniform(1, 60)
        elif i % 10 < 4:  # enlarged, at any aspect
            short = log_uniform(2, max(size, 3))
            long = log_uniform(short, min(60 * short, 700))
        elif i % 10 < 8:  # the short side near S, or above
            short = log_uniform(max(0.8 * size, 1), 360)
            long = log_uniform(short, 700)
        else:  # any
            short, long = sorted((log_uniform(2, 400), log_uniform(12, 700)))
            long = min(long, 60 * short)
        sizes.append((short, long, size) if numbers.random() < 0.5 else (long, short, size))
    return sizes


def fnv(data: bytes) -> int:
    hash = 0xCBF29CE484222325
    for byte in data:
        hash = (hash ^ byte) * 0x100000001B3 & (1 << 64) - 1
    return hash


def resized(source: np.ndarray, size: int) -> tuple[np.ndarray, torch.Tensor]:
    """Pixels and normalised pixels, checked to be those of OpenCLIP's transform."""
    image = Image.fromarray(source)
    rgb = np.asarray(resize_and_crop(image, size))
    pixels = image_transform(size, is_train=False, mean=MEAN, std=STD)(image)
    if not torch.equal(pixels, normalised(rgb)):
        raise SystemExit(f"{image.size} to {size}: not what OpenCLIP's transform gives")
    return rgb, pixels


def normalised(rgb: np.ndarray) -> torch.Tensor:
    """(3, S, S) f32, each step rounded to f32."""
    pixels = torch.from_numpy(rgb.copy()).permute(2, 0, 1).float() / 255
    return (pixels - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)


def write_pixels(out: Path) -> None:
    cases = [(width, height, seed, size) for seed, (width, height, size) in enumerate(SIZES, 1)]
    tensors = {"cases": torch.tensor(cases)}
    for i, (width, height, seed, size) in enumerate(cases):
        source = hashed_image(width, height, seed)
        rgb, pixels = resized(source, size)
        tensors[f"case.{i:02}.rgb"] = torch.from_numpy(rgb.copy())
        if i < 3:
            tensors[f"case.{i:02}.input"] = torch.from_numpy(source)
        if i < 2:
            tensors[f"case.{i:02}.pixels"] = pixels.contiguous()
    metadata = {name: version(name) for name in PACKAGES}
    save_file(tensors, out, metadata=metadata)
    print(f"{len(cases)} cases; {out.stat().st_size} bytes")


def write_digest(out: Path) -> None:
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    lines = [f"# {versions}", "# width, height, seed, size, hash of the pixels"]
    for seed, (width, height, size) in enumerate(random_sizes(), 1000):
        rgb, _ = resized(hashed_image(width, height, seed), size)
        lines.append(f"{width} {height} {seed} {size} {fnv(rgb.tobytes()):016x}")
    out.write_text("\n".join(lines) + "\n")
    print(f"{len(lines) - 2} random sizes; {out.stat().st_size} bytes")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("tests/data"),
                        help="the folder to write to (default tests/data)")
    out = parser.parse_args().out

    if int(version("pillow").split(".")[0]) < 13:
        raise SystemExit("Pillow 13 or later, please: older ones resize tall images in another order")
    write_pixels(out / "preprocess.safetensors")
    write_digest(out / "preprocess_digest.txt")


if __name__ == "__main__":
    main()
