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
from pathlib import Path

import torch

from shapes_clips import ONE, TWO, Film, Objects, draw_frames, encode, find_scene
from shapes_world import generator, parse

CLIP_SEED = 700_001
# The committed demo clips: file, kind, seed, and what is to be seen.
DEMOS = (
    ("red_star", "moving", 17, "a medium red star"),
    ("circle_and_heart", "pair", 33, "a medium blue circle and a medium yellow heart"),
    ("green_cross", "moving", 20, "a large green cross"),
)


def one_clip(
    gen: torch.Generator, kind: str, film: Film, wanted: Objects = ()
) -> tuple[torch.Tensor, Objects]:
    """The frames of one clip and its objects, in order of place (pair) or time (halves)."""
    frames = 50 + 2 * int(torch.randint(0, 13, (1,), generator=gen))
    parts = 2 if kind == "halves" else 1
    shown: Objects = []
    pixels = []
    for part in range(parts):
        scene = find_scene(gen, TWO if kind == "pair" else ONE, wanted, avoid=shown)
        pixels.append(draw_frames(gen, scene, frames // parts, film))
        shown += scene.objects(0)
    return torch.cat(pixels), shown


def main() -> None:
    """Renders the labelled set or the demo clips."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("output", type=Path, help="folder for the clips and labels.jsonl")
    parser.add_argument("--moving", type=int, default=200, help="clips with one moving object")
    parser.add_argument("--pairs", type=int, default=100, help="clips with two objects")
    parser.add_argument("--halves", type=int, default=100, help="clips whose halves differ")
    parser.add_argument("--seed", type=int, default=CLIP_SEED)
    parser.add_argument("--quantizer", type=int, default=27, help="of x264 (higher is coarser)")
    parser.add_argument("--demo", action="store_true", help="render the three demo clips instead")
    args = parser.parse_args()
    torch.set_num_threads(1)
    args.output.mkdir(parents=True, exist_ok=True)
    film = Film(quantizer=args.quantizer)
    if args.demo:
        for name, kind, seed, shown in DEMOS:
            frames, _ = one_clip(generator(seed, 0), kind, film, parse(shown))
            encode(frames, args.output / f"{name}.mp4", film)
        return
    with open(args.output / "labels.jsonl", "w", encoding="utf-8") as labels:
        index = 0
        for kind, count in (("moving", args.moving), ("pair", args.pairs), ("halves", args.halves)):
            for number in range(count):
                frames, shown = one_clip(generator(args.seed, index), kind, film)
                index += 1
                name = f"{kind}_{number:03}.mp4"
                encode(frames, args.output / name, film)
                label = {"file": name, "kind": kind, "frames": frames.shape[0], "objects": shown}
                if kind == "halves":
                    label["halves"] = [[o] for o in shown]
                labels.write(json.dumps(label) + "\n")


if __name__ == "__main__":
    main()
