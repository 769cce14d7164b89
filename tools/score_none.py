#!/usr/bin/env python3
"""Scores "none of these" on the clips of the rendered world.

The classes of UCF101's layout are split into groups. `vcoca-gpu classify --none` holds every clip against
the labels of each group: its own group should be answered with its label, every other one with none.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
from pathlib import Path


def label(name: str) -> str:
    """`RedStar` → `a red star`."""
    words = " ".join(re.findall("[A-Z][a-z]*", name)).lower()
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


def judge(binary: Path, clips: list[Path], labels: list[str]) -> list[tuple[str, bool]]:
    """The likeliest label of each clip, and whether none of them is likelier."""
    command = [str(binary), "classify", "-q", "--none", "--json", "--labels", ",".join(labels)]
    done = subprocess.run([*command, *map(str, clips)], stdout=subprocess.PIPE, check=True)
    results = map(json.loads, done.stdout.decode().splitlines())
    return [
        (best["label"], result["none"] > best["probability"])
        for result in results
        for best in [max(result["labels"], key=lambda one: one["probability"])]
    ]


def main() -> None:
    """Prints a table, a row for each size of the groups."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("world", type=Path, help="the ucf101 folder of render_world.py's output")
    parser.add_argument("--binary", type=Path, required=True, help="the vcoca-gpu program")
    parser.add_argument("--sizes", type=int, nargs="+", default=[10, 20], help="labels of a group")
    args = parser.parse_args()
    clips = sorted((args.world / "videos").glob("*/*.mp4"))
    classes = sorted({clip.parent.name for clip in clips})
    print(f"{len(clips)} clips of {len(classes)} classes")
    print(f"{'labels':>6}  {'own label there: none':>22}  {'own label not there: a label':>29}")
    for size in args.sizes:
        # Every n-th class, so that the labels of a group differ in colour and shape.
        groups = [classes[i :: len(classes) // size] for i in range(len(classes) // size)]
        refused, let_in, own, other = 0, 0, 0, 0
        for group in groups:
            judged = judge(args.binary, clips, [label(name) for name in group])
            for clip, (_, none) in zip(clips, judged, strict=True):
                if clip.parent.name in group:
                    own, refused = own + 1, refused + none
                else:
                    other, let_in = other + 1, let_in + (not none)
        print(f"{size:>6}  {refused / own:>22.1%}  {let_in / other:>29.1%}")


if __name__ == "__main__":
    main()
