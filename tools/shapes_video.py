"""Clips through the model in PyTorch: decoding, frame sampling and pooling over frames.

The reference for what the program does on the GPU: flattened pooling, that is one
attentional pooling over the tokens of all frames, and beside it the mean over frames and
flattened pooling without the class tokens.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from open_clip.coca_model import CoCa
from PIL import Image

from shapes_model import Preprocess


def decode(path: Path, width: int, height: int) -> np.ndarray:
    """All frames of a clip as (N, height, width, 3) bytes."""
    pipeline = (
        f"filesrc location={path} ! decodebin ! videoconvert "
        f"! video/x-raw,format=RGB,width={width},height={height} ! fdsink fd=1"
    )
    done = subprocess.run(
        ["gst-launch-1.0", "-q", *pipeline.split()], capture_output=True, check=True, timeout=120
    )
    return np.frombuffer(done.stdout, np.uint8).reshape(-1, height, width, 3)


def sample(count: int, frames: int) -> list[int]:
    """Which of `count` frames to take: the middles of equal parts."""
    return [int((i + 0.5) * count / frames) for i in range(frames)]


def prepare(frame: np.ndarray, side: int) -> torch.Tensor:
    """OpenCLIP's preprocessing without the normalisation: shorter side to `side` with
    Pillow's bicubic, then the middle square."""
    image = Image.fromarray(frame)
    width, height = image.size
    short = min(width, height)
    size = (int(side * width / short), int(side * height / short))
    image = image.resize(size, Image.Resampling.BICUBIC)
    left, top = round((size[0] - side) / 2), round((size[1] - side) / 2)
    image = image.crop((left, top, left + side, top + side))
    return torch.from_numpy(np.array(image)).permute(2, 0, 1).float() / 255


@dataclass
class Pooled:
    """What one clip looks like to the text side, for one way of pooling."""

    embedding: torch.Tensor  # (E,)
    context: torch.Tensor  # (1, Q - 1, E)


@torch.no_grad()
def pool(model: CoCa, pixels: Preprocess, images: torch.Tensor) -> dict[str, Pooled]:
    """(T, 3, S, S) images in [0, 1], pooled in each way that the program has."""
    visual = model.visual
    tokens = visual.transformer(visual._embeds(pixels.normalise(images)))

    def together(tokens: torch.Tensor) -> Pooled:
        embedding, context = visual._pool(tokens.reshape(1, -1, tokens.shape[-1]))
        return Pooled(F.normalize(embedding @ visual.proj, dim=-1)[0], context)

    each, each_context = visual._pool(tokens)
    mean = F.normalize(each @ visual.proj, dim=-1).mean(dim=0)
    return {
        "flatten": together(tokens),
        "mean": Pooled(F.normalize(mean, dim=-1), each_context.mean(dim=0, keepdim=True)),
        "patches-only": together(tokens[:, 1:]),
    }
