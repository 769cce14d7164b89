#!/usr/bin/env python3
"""Scores moment search on the long videos of `render_world.py`.

Adds the videos to an index, searches for each query among the windows of all of them, and prints a
table: in what share of the searches the first moment, or one of the first five, is the one that was
meant, and the mean overlap of the first. Overlap is intersection over union in time, and none with a
moment of another video.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from pathlib import Path

TOPS = (1, 5)
OVERLAPS = (0.3, 0.5, 0.7)


def run(*command: str | Path) -> str:
    """What a command prints; its messages go through."""
    return subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout


def overlap(found: dict, meant: dict) -> float:
    """Of a moment that was found and the one that was meant."""
    if Path(found["video"]).name != meant["video"]:
        return 0.0
    both = min(found["end"], meant["end"]) - max(found["start"], meant["start"])
    either = max(found["end"], meant["end"]) - min(found["start"], meant["start"])
    return max(both, 0.0) / either


def search(binary: Path, folder: Path, wanted: list[dict], windows: str) -> list[list[float]]:
    """For each query, the overlaps of the best moments, best first."""
    overlaps = []
    with tempfile.TemporaryDirectory() as place:
        index = Path(place) / "moments.index"
        run(binary, "-q", "index", "add", "--index", index, "--windows", windows, folder / "videos")
        for meant in wanted:
            said = run(
                binary, "-q", "search", "--index", index, "--top", str(max(TOPS)), "--json", meant["query"]
            )
            found = [json.loads(line) for line in said.splitlines()]
            overlaps.append([overlap(moment, meant) for moment in found] or [0.0])
    return overlaps


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("moments", type=Path, help="folder `moments` of render_world.py")
    parser.add_argument("--binary", type=Path, required=True, help="the vcoca-gpu program")
    parser.add_argument("--windows", nargs="+", default=["4s/2s", "2s/1s", "shots"], help="as of `index`")
    args = parser.parse_args()
    lines = (args.moments / "moments.jsonl").read_text(encoding="utf-8").splitlines()
    wanted = [json.loads(line) for line in lines]
    heads = [f"R@{top} {least}" for top in TOPS for least in OVERLAPS]
    print(f"{'moments':8} {'windows':8}", *(f"{head:>8}" for head in heads), f"{'overlap':>8}")
    for windows in args.windows:
        best = search(args.binary, args.moments, wanted, windows)
        hits = [[max(b[:top]) >= least for b in best] for top in TOPS for least in OVERLAPS]
        shares = (f"{sum(hit) / len(hit):8.1%}" for hit in hits)
        print(f"{len(best):<8} {windows:8}", *shares, f"{sum(b[0] for b in best) / len(best):8.2f}")


if __name__ == "__main__":
    main()
