#!/usr/bin/env python3
"""Scores moment search on the long videos of `render_world.py`.

Adds the videos to an index, searches for each query among the windows of all of them, and prints a
table: in what share of the searches one of the first K moments is the one that was meant. A moment
counts if it is in the right video and its intersection over union with the true one is large enough.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from pathlib import Path

TOPS = (1, 5)
OVERLAPS = (0.3, 0.5)


def run(*command: str | Path) -> str:
    """What a command prints; its messages go through."""
    return subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout


def overlap(found: dict, meant: dict) -> float:
    """Intersection over union in time; none with a moment of another video."""
    if Path(found["video"]).name != meant["video"]:
        return 0.0
    both = min(found["end"], meant["end"]) - max(found["start"], meant["start"])
    either = max(found["end"], meant["end"]) - min(found["start"], meant["start"])
    return max(both, 0.0) / either


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("moments", type=Path, help="folder `moments` of render_world.py")
    parser.add_argument("--binary", type=Path, required=True, help="the vcoca-gpu program")
    parser.add_argument("--windows", default="4s/2s", help="length and stride of the windows")
    parser.add_argument("--show-wrong", action="store_true", help="list what was found instead")
    args = parser.parse_args()
    lines = (args.moments / "moments.jsonl").read_text(encoding="utf-8").splitlines()
    wanted = [json.loads(line) for line in lines]
    best: list[list[float]] = []
    with tempfile.TemporaryDirectory() as folder:
        index = Path(folder) / "moments.index"
        run(args.binary, "-q", "index", "add", "--index", index, "--windows", args.windows,
            args.moments / "videos")
        for meant in wanted:
            said = run(args.binary, "-q", "search", "--index", index, "--top", str(max(TOPS)), "--json",
                       meant["query"])
            found = [json.loads(line) for line in said.splitlines()]
            best.append([overlap(moment, meant) for moment in found])
            if args.show_wrong and max(best[-1][:1], default=0.0) < OVERLAPS[-1]:
                print(f"{meant}\n  {found[:1]}")
    print(f"{'moments':8} {'windows':8} {'among':>6} {'overlap':>8} {'recall':>8}")
    for top in TOPS:
        for least in OVERLAPS:
            hits = [max(overlaps[:top], default=0.0) >= least for overlaps in best]
            print(f"{len(hits):<8} {args.windows:8} {top:6} {least:8} {sum(hits) / len(hits):8.1%}")


if __name__ == "__main__":
    main()
