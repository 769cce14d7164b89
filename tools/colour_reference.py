#!/usr/bin/env python3
"""Write what small noisy frames look like, by the formulas of docs/preprocessing.md and in f64.

It knows the standards and nothing of the program: matrices are inverted instead of solved, chroma is
interpolated between the positions of its samples, primaries come from their chromaticities.

The file holds `cases` (n, 8) u16, rows of

    format    0 I420, 1 NV12, 2 4:2:2, 3 4:4:4, 4 I420 of 10 bits, 5 P010
    matrix    0 BT.601, 1 BT.709, 2 BT.2020
    range     0 limited, 1 full
    transfer  0 SDR, 1 PQ, 2 HLG
    siting    0 left, 1 centre, 2 top left
    width, height, seed

and `rgb` (pixels, 3) u8, the pixels of all cases behind each other. The byte b of row r of plane p is,
in wrapping u32 arithmetic, the lowest of

    k = seed ^ p << 28 ^ r << 14 ^ b
    k = (k ^ k >> 16) * 0x7FEB352D
    k = (k ^ k >> 15) * 0x846CA68B
    k ^ k >> 16

Two bytes make a sample of 10 bits, little end first: its low bits in I420, its high bits in P010.
"""

import argparse
from importlib.metadata import version
from itertools import product
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

SIZES = [(9, 7), (6, 4), (1, 5), (6, 1)]
I420, NV12, Y42B, Y444, I420_10, P010 = range(6)
SDR, PQ, HLG = range(3)
LEFT, CENTRE, TOP_LEFT = range(3)

# Shares of red and blue in luma: BT.601-7, BT.709-6, BT.2020-2.
SHARES = [(0.299, 0.114), (0.2126, 0.0722), (0.2627, 0.0593)]

# Chromaticities of red, green, blue, and of the white D65.
BT709 = [(0.640, 0.330), (0.300, 0.600), (0.150, 0.060)]
BT2020 = [(0.708, 0.292), (0.170, 0.797), (0.131, 0.046)]
D65 = (0.3127, 0.3290)

WHITE = 203.0  # nits, BT.2408
PEAK = 1000.0  # nits: the brightest that is kept apart
KNEE = 0.5  # of WHITE: light up to here stays as it is


def plane(seed, index, rows, count):
    """(rows, count) bytes."""
    row, byte = np.meshgrid(
        np.arange(rows, dtype=np.uint32), np.arange(count, dtype=np.uint32), indexing="ij"
    )
    k = np.uint32(seed) ^ np.uint32(index << 28) ^ row << np.uint32(14) ^ byte
    k = (k ^ k >> 16) * np.uint32(0x7FEB352D)
    k = (k ^ k >> 15) * np.uint32(0x846CA68B)
    return (k ^ k >> 16).astype(np.uint8)


def samples(format, width, height, seed):
    """Luma and both chromas as numbers, each in its own size, and their bits."""
    across = 1 if format == Y444 else 2
    down = 1 if format in (Y444, Y42B) else 2
    cols, rows = -(-width // across), -(-height // down)
    wide = format in (I420_10, P010)
    together = format in (NV12, P010)

    def read(index, rows, count):
        if not wide:
            return plane(seed, index, rows, count).astype(float)
        words = plane(seed, index, rows, 2 * count).view("<u2")
        return (words >> 6 if format == P010 else words & 1023).astype(float)

    luma = read(0, height, width)
    if together:
        both = read(1, rows, 2 * cols)
        return luma, both[:, 0::2], both[:, 1::2], 10 if wide else 8
    return luma, read(1, rows, cols), read(2, rows, cols), 10 if wide else 8


def interpolated(chroma, width, height, siting):
    """Chroma at every luma sample, linear between its own samples and constant beyond them."""

    def along(values, axis, extent, offset):
        count = values.shape[axis]
        if count == extent:
            return values
        places = 2 * np.arange(count) + offset
        lines = np.moveaxis(values, axis, -1)
        lines = np.array([np.interp(np.arange(extent), places, line) for line in lines])
        return np.moveaxis(lines, -1, axis)

    chroma = along(chroma, 1, width, 0.5 if siting == CENTRE else 0.0)
    return along(chroma, 0, height, 0.0 if siting == TOP_LEFT else 0.5)


def signal(luma, u, v, bits, matrix, full):
    """(H, W, 3) RGB, 0 black and 1 white, not yet limited to that."""
    if full:
        zero, most = 2 ** (bits - 1), 2**bits - 1
        luma, u, v = luma / most, (u - zero) / most, (v - zero) / most
    else:
        unit = 2 ** (bits - 8)
        luma, u, v = (luma / unit - 16) / 219, (u / unit - 128) / 224, (v / unit - 128) / 224
    kr, kb = SHARES[matrix]
    shares = np.array([kr, 1 - kr - kb, kb])
    to_luma_and_chroma = np.stack(
        (
            shares,
            (np.array([0, 0, 1]) - shares) / (2 * (1 - kb)),
            (np.array([1, 0, 0]) - shares) / (2 * (1 - kr)),
        )
    )
    return np.stack((luma, u, v), -1) @ np.linalg.inv(to_luma_and_chroma).T


def xyz(x, y):
    return np.array([x / y, 1.0, (1 - x - y) / y])


def to_xyz(primaries):
    columns = np.stack([xyz(*primary) for primary in primaries], -1)
    return columns * np.linalg.solve(columns, xyz(*D65))


def pq_light(signal):
    """SMPTE ST 2084: nits."""
    m1, m2 = 2610 / 16384, 2523 / 4096 * 128
    c1, c2, c3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
    power = signal ** (1 / m2)
    return 10000 * (np.maximum(power - c1, 0) / (c2 - c3 * power)) ** (1 / m1)


def hlg_light(signal):
    """BT.2100 HLG: nits of a display of 1000 nits, whose system gamma is 1.2."""
    a = 0.17883277
    b, c = 1 - 4 * a, 0.5 - a * np.log(4 * a)
    scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
    luminance = scene @ np.array([0.2627, 0.6780, 0.0593])
    return 1000 * luminance[..., None] ** 0.2 * scene


def tone_mapped(nits):
    """The largest of R, G and B is rolled off, the others keep their ratio to it; sRGB."""
    to_709 = np.linalg.inv(to_xyz(BT709)) @ to_xyz(BT2020)
    light = np.maximum(nits / WHITE @ to_709.T, 0)
    largest = np.maximum(light.max(-1, keepdims=True), 1e-12)
    white = (PEAK / WHITE - KNEE) / (1 - KNEE)
    x = np.clip((largest - KNEE) / (1 - KNEE), 0, white)
    rolled = KNEE + (1 - KNEE) * x * (1 + x / white**2) / (1 + x)
    light = light * np.where(largest > KNEE, rolled / largest, 1)
    curve = 1.055 * np.maximum(light, 1e-12) ** (1 / 2.4) - 0.055
    return np.where(light <= 0.0031308, 12.92 * light, curve)


def shown(format, matrix, full, transfer, siting, width, height, seed):
    luma, u, v, bits = samples(format, width, height, seed)
    u, v = (interpolated(chroma, width, height, siting) for chroma in (u, v))
    rgb = signal(luma, u, v, bits, matrix, full)
    if transfer != SDR:
        rgb = np.clip(rgb, 0, 1)
        rgb = tone_mapped(pq_light(rgb) if transfer == PQ else hlg_light(rgb))
    return np.clip(np.floor(255 * rgb + 0.5), 0, 255).astype(np.uint8)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("tests/data/colour.safetensors"))
    out = parser.parse_args().out
    kinds = [
        *product(range(6), range(3), (0, 1), (SDR,), range(3)),
        *product((NV12, I420_10, P010), (2,), (0, 1), (PQ, HLG), (LEFT, TOP_LEFT)),
    ]
    cases = [(*kind, *size) for kind in kinds for size in SIZES]
    cases = [(*case, seed) for seed, case in enumerate(cases, 1)]
    pixels = [shown(*case).reshape(-1, 3) for case in cases]
    tensors = {"cases": np.array(cases, np.uint16), "rgb": np.concatenate(pixels)}
    save_file(tensors, out, metadata={"numpy": version("numpy")})
    print(f"{len(cases)} frames, {len(tensors['rgb'])} pixels; {out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
