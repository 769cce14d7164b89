#!/usr/bin/env python3
"""Renders video clips of the shapes world and encodes them to H.264 with GStreamer.

Three kinds: `moving` (one object on a straight way), `pair` (two objects drifting
together) and `halves` (the first half shows one object, the second another one on another
background). `labels.jsonl` says what each clip shows. The model never saw a video: it is
trained on single pictures of the same world.
"""

from __future__ import annotations

import argparse
import json
import subprocess
from dataclasses import fields
from pathlib import Path

import torch

from shapes_world import (
    COLOR_NAMES, MAX_OBJECTS, SHAPES, SIZES, Mix, Scenes, draw_background, draw_objects, draw_paints,
    generator, sample_scenes, uniform,
)

WIDTH, HEIGHT, RATE = 256, 192, 25
# The model looks at the middle square; that is where the world is drawn.
LEFT = (WIDTH - HEIGHT) / 2 / HEIGHT
CLIP_SEED = 700_001
ONE, TWO = Mix(counts=(1.0, 0.0, 0.0)), Mix(counts=(0.0, 1.0, 0.0))
# The committed demo clips: file, kind, seed, and the objects that are to be seen.
DEMOS = (
    ("red_star", "moving", 17, ("medium red star",)),
    ("circle_and_heart", "pair", 33, ("medium blue circle", "medium yellow heart")),
    ("green_cross", "moving", 20, ("large green cross",)),
)


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


def draw_frames(gen: torch.Generator, scene: Scenes, frames: int) -> torch.Tensor:
    """(frames, 3, HEIGHT, WIDTH) pixels of a scene in motion before a still background."""
    canvas = draw_background(gen, scene, HEIGHT, WIDTH).expand(frames, -1, -1, -1)
    paint = draw_paints(gen, scene).expand(frames, -1, -1)
    moving = drift(gen, scene, frames)
    moving.x = moving.x + LEFT
    return draw_objects(canvas, moving, paint)


def encode(frames: torch.Tensor, path: Path, quantizer: int) -> None:
    """Writes (N, 3, H, W) pixels in [0, 1] as an H.264 mp4."""
    raw = (frames.clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous()
    pipeline = (
        f"fdsrc fd=0 ! rawvideoparse width={WIDTH} height={HEIGHT} format=rgb framerate={RATE}/1 "
        "! videoconvert ! video/x-raw,format=I420 "
        f"! x264enc pass=quant quantizer={quantizer} speed-preset=fast threads=1 key-int-max={RATE} "
        f"! video/x-h264,profile=main ! mp4mux ! filesink location={path}"
    )
    subprocess.run(
        ["gst-launch-1.0", "-q", *pipeline.split()], input=raw.numpy().tobytes(), check=True, timeout=120
    )


def one_clip(gen: torch.Generator, kind: str, names: tuple[str, ...] = ()) -> tuple[torch.Tensor, list]:
    """The frames of one clip and its objects, in order of place (pair) or time (halves)."""
    frames = 50 + 2 * int(torch.randint(0, 13, (1,), generator=gen))
    parts = 2 if kind == "halves" else 1
    shown: list[dict[str, str]] = []
    pixels = []
    for part in range(parts):
        wanted = names[part : part + 1] if kind == "halves" else names
        scene = find_scene(gen, TWO if kind == "pair" else ONE, wanted, avoid=shown)
        pixels.append(draw_frames(gen, scene, frames // parts))
        shown += scene.objects(0)
    return torch.cat(pixels), shown


def find_scene(
    gen: torch.Generator, mix: Mix, names: tuple[str, ...], avoid: list[dict[str, str]]
) -> Scenes:
    """A scene without the colours and shapes of `avoid`; with the named objects if any are named."""
    while True:
        scene = sample_scenes(gen, 1, mix)
        for slot, name in enumerate(names):
            size, color, shape = name.split()
            scene.color[0, slot] = COLOR_NAMES.index(color)
            scene.shape[0, slot] = SHAPES.index(shape)
            if size != SIZES[int(scene.size[0, slot])]:
                break
        else:
            objects = scene.objects(0)
            if not any(o[k] == a[k] for o in objects for a in avoid for k in ("color", "shape")):
                return scene


def main() -> None:
    """Renders the labelled set or the demo clips."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("output", type=Path, help="folder for the clips and labels.jsonl")
    parser.add_argument("--moving", type=int, default=200, help="clips with one moving object")
    parser.add_argument("--pairs", type=int, default=100, help="clips with two objects")
    parser.add_argument("--halves", type=int, default=100, help="clips whose halves differ")
    parser.add_argument("--seed", type=int, default=CLIP_SEED)
    parser.add_argument("--quantizer", type=int, default=27, help="x264 quantizer (higher is coarser)")
    parser.add_argument("--demo", action="store_true", help="render the three demo clips instead")
    args = parser.parse_args()
    torch.set_num_threads(1)
    args.output.mkdir(parents=True, exist_ok=True)
    if args.demo:
        for name, kind, seed, names in DEMOS:
            frames, _ = one_clip(generator(seed, 0), kind, names)
            encode(frames, args.output / f"{name}.mp4", args.quantizer)
        return
    with open(args.output / "labels.jsonl", "w", encoding="utf-8") as labels:
        index = 0
        for kind, count in (("moving", args.moving), ("pair", args.pairs), ("halves", args.halves)):
            for number in range(count):
                frames, shown = one_clip(generator(args.seed, index), kind)
                index += 1
                name = f"{kind}_{number:03}.mp4"
                encode(frames, args.output / name, args.quantizer)
                label = {"file": name, "kind": kind, "frames": frames.shape[0], "objects": shown}
                if kind == "halves":
                    label["halves"] = [[o] for o in shown]
                labels.write(json.dumps(label) + "\n")


if __name__ == "__main__":
    main()
