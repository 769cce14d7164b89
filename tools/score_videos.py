#!/usr/bin/env python3
"""Scores the program's captions of rendered clips, by meaning.

Runs `vcoca-gpu caption --json` over a folder that `render_clips.py` wrote, once in f32 and once
in f16, and prints a table: what share of the captions name the objects of the clip.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

from shapes_world import parse

Names = list[tuple[str, ...]]


def captions(binary: Path, folder: Path, files: list[str], dtype: str, frames: int) -> dict[str, dict]:
    """The program's results by file name. A clip it could not read is an error."""
    command = [str(binary), "caption", "--json", "-q", "--dtype", dtype, "--frames", str(frames)]
    done = subprocess.run(
        [*command, *(str(folder / name) for name in files)], stdout=subprocess.PIPE, check=True
    )
    results = map(json.loads, done.stdout.decode().splitlines())
    return {Path(result["video"]).name: result for result in results}


def names(objects: list[dict[str, str]], keys: tuple[str, ...]) -> Names:
    """The objects by some of their attributes."""
    return [tuple(o.get(key, "") for key in keys) for o in objects]


def judge(label: dict, caption: str) -> dict[str, bool]:
    """What a caption got right. Halves have no order, for the pooling has no sense of time."""
    said, true = parse(caption), label["objects"]
    pair, full = ("color", "shape"), ("color", "shape", "size")
    if label["kind"] == "halves":
        return {
            "both named, colour+shape": set(names(true, pair)) <= set(names(said, pair)),
            "both named, with size": set(names(true, full)) <= set(names(said, full)),
        }
    return {
        "colour+shape": names(said, pair) == names(true, pair),
        "colour+shape+size": names(said, full) == names(true, full),
    }


def main() -> None:
    """Prints the table; exits with 1 if clips are missing from the results."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("clips", type=Path, help="folder of render_clips.py")
    parser.add_argument("--binary", type=Path, required=True, help="the vcoca-gpu program")
    parser.add_argument("--frames", type=int, default=8, help="frames of each clip")
    parser.add_argument("--show-wrong", action="store_true", help="list the captions that are wrong")
    args = parser.parse_args()
    lines = (args.clips / "labels.jsonl").read_text(encoding="utf-8").splitlines()
    labels = [json.loads(line) for line in lines]
    print(f"{'clips':8} {'dtype':6} {'right in':28} {'share':>8}  of")
    for dtype in ("f32", "f16"):
        said = captions(args.binary, args.clips, [l["file"] for l in labels], dtype, args.frames)
        hits: dict[tuple[str, str], list[bool]] = {}
        for label in labels:
            if label["file"] not in said:
                sys.exit(f"no caption of {label['file']}")
            caption = said[label["file"]]["caption"]
            for what, hit in judge(label, caption).items():
                hits.setdefault((label["kind"], what), []).append(hit)
                if args.show_wrong and not hit:
                    print(f"  {label['file']}: {caption!r}", file=sys.stderr)
        for (kind, what), found in hits.items():
            print(f"{kind:8} {dtype:6} {what:28} {sum(found) / len(found):8.1%}  {len(found)}")


if __name__ == "__main__":
    main()
