"""Clips of the shapes world: objects that drift before a still background, as H.264 files."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, fields
from pathlib import Path

import torch

from shapes_texts import COLORS, MAX_OBJECTS, SHAPES, SIZES
from shapes_world import (
    Mix, Scenes, draw_background, draw_objects, draw_paints, sample_scenes, uniform,
)

Objects = list[dict[str, str]]
ONE, TWO, THREE = (Mix(counts=tuple(float(n == k) for k in (1, 2, 3))) for n in (1, 2, 3))


@dataclass(frozen=True)
class Film:
    """What a clip is encoded as. A higher quantizer is coarser."""

    width: int = 256
    height: int = 192
    rate: int = 25
    quantizer: int = 27

    @property
    def left(self) -> float:
        """Where the middle square begins, in heights: the model looks at it, so the world is
        drawn there."""
        return (self.width - self.height) / 2 / self.height


def find_scene(gen: torch.Generator, mix: Mix, wanted: Objects = (), avoid: Objects = ()) -> Scenes:
    """A scene without the colours and shapes of `avoid`; its first objects are the wanted ones,
    whose size may be left open."""
    while True:
        scene = sample_scenes(gen, 1, mix)
        for slot, want in enumerate(wanted):
            scene.color[0, slot] = COLORS.index(want["color"])
            scene.shape[0, slot] = SHAPES.index(want["shape"])
            if want.get("size", SIZES[int(scene.size[0, slot])]) != SIZES[int(scene.size[0, slot])]:
                break
        else:
            objects = scene.objects(0)
            if not any(o[k] == a[k] for o in objects for a in avoid for k in ("color", "shape")):
                return scene


def repeat(scene: Scenes, frames: int) -> Scenes:
    """One scene as a batch of equal frames."""
    parts = {f.name: getattr(scene, f.name) for f in fields(Scenes)}
    return Scenes(**{k: v.expand(frames, *v.shape[1:]).clone() for k, v in parts.items()})


def drift(gen: torch.Generator, scene: Scenes, frames: int) -> Scenes:
    """Moves all objects of a scene along one straight way that stays inside the square."""
    used = torch.arange(MAX_OBJECTS) < scene.count[0]
    radius = 1.05 * scene.radius[0][used]
    x, y = scene.x[0][used], scene.y[0][used]
    low_x, high_x = float((radius - x).max()), float((1 - radius - x).min())
    low_y, high_y = float((radius - y).max()), float((1 - radius - y).min())
    # The longest of a few ways: motion should be seen.
    dx = uniform(gen, low_x, high_x, 6, 2)
    dy = uniform(gen, low_y, high_y, 6, 2)
    best = int(torch.hypot(dx[:, 0] - dx[:, 1], dy[:, 0] - dy[:, 1]).argmax())
    time = torch.linspace(0, 1, frames)[:, None]
    moving = repeat(scene, frames)
    moving.x = moving.x + dx[best, 0] + (dx[best, 1] - dx[best, 0]) * time
    moving.y = moving.y + dy[best, 0] + (dy[best, 1] - dy[best, 0]) * time
    return moving


def draw_frames(
    gen: torch.Generator, scene: Scenes, frames: int, film: Film, backdrop: torch.Tensor | None = None
) -> torch.Tensor:
    """(frames, 3, H, W) pixels of a scene in motion before the backdrop (1, 3, H, W), or else
    before a still background of its own."""
    if backdrop is None:
        backdrop = draw_background(gen, scene, film.height, film.width)
    paint = draw_paints(gen, scene).expand(frames, -1, -1)
    moving = drift(gen, scene, frames)
    moving.x = moving.x + film.left
    return draw_objects(backdrop.expand(frames, -1, -1, -1), moving, paint)


def encode(frames: torch.Tensor, path: Path, film: Film) -> None:
    """Writes (N, 3, H, W) pixels in [0, 1] as an H.264 mp4, one keyframe a second."""
    raw = (frames.clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous()
    pipeline = (
        f"fdsrc fd=0 ! rawvideoparse width={film.width} height={film.height} format=rgb "
        f"framerate={film.rate}/1 ! videoconvert ! video/x-raw,format=I420 "
        f"! x264enc pass=quant quantizer={film.quantizer} speed-preset=fast threads=1 "
        f"key-int-max={film.rate} ! video/x-h264,profile=main ! mp4mux ! filesink location={path}"
    )
    subprocess.run(
        ["gst-launch-1.0", "-q", *pipeline.split()], input=raw.numpy().tobytes(), check=True, timeout=120
    )
