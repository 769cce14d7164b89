#!/usr/bin/env python3
"""Run `vcoca-gpu bench` and OpenCLIP on this machine in turn, and print one table.

  tools/bench/side_by_side.py target/release/vcoca-gpu --model coca_ViT-B-32 [--device cuda] [--rounds 3]

Every round runs both in the other order than the round before; a figure is the median over rounds of
their medians. Needs tools/requirements.txt.
"""

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

OPENCLIP = Path(__file__).resolve().parent / "openclip.py"
NAMES = ("encode_frames", "pool", "caption_greedy", "caption_6_beams")


def run(command: list[str]) -> dict:
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}")
    return json.loads(done.stdout)


def contenders(args) -> dict[str, list[str]]:
    """What is run, by the name of its column."""
    ours = [args.binary, "bench", "--json", "-q", "--suite", "model", "--random", args.model,
            "--frames", str(args.frames), "--runs", str(args.runs)]
    theirs = [sys.executable, str(OPENCLIP), args.model, "--device", args.device,
              "--frames", str(args.frames), "--runs", str(args.runs)]
    found = {f"vcoca-gpu {dtype}": ours + ["--dtype", dtype] for dtype in ("f32", "f16")}
    found["OpenCLIP f32"] = theirs + ["--dtype", "f32"]
    if args.device == "cuda":
        found["OpenCLIP f16"] = theirs + ["--dtype", "f16"]
        found["OpenCLIP f16, compiled"] = theirs + ["--dtype", "f16", "--compile"]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binary")
    parser.add_argument("--model", default="coca_ViT-B-32")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, help="keep every report in this directory")
    args = parser.parse_args()
    columns = contenders(args)
    ms: dict[tuple[str, str], list[float]] = {}
    told = {}
    for turn in range(args.rounds):
        order = list(columns)
        for column in order if turn % 2 == 0 else reversed(order):
            report = run(columns[column])
            told[column] = f"{report['adapter']}, {report['driver']}, {report['backend']}; " + ", ".join(
                f"{name} {version}" for name, version in report["versions"].items())
            if args.out:
                args.out.mkdir(parents=True, exist_ok=True)
                name = column.replace(" ", "_").replace(",", "")
                (args.out / f"{name}-{turn}.json").write_text(json.dumps(report))
            for row in report["results"]:
                if not row.get("verified", True):
                    raise SystemExit(f"{column}: {row['name']} is wrong: {row['problem']}")
                # Of what runs on one clip and several, one.
                if row["name"] in NAMES and row["shape"].startswith("1 x"):
                    ms.setdefault((row["name"], column), []).append(row["ms_median"])
    print(f"{args.model}, random weights, {args.frames} frames; milliseconds\n")
    print("| | " + " | ".join(columns) + " |\n|---|" + "---|" * len(columns))
    for name in NAMES:
        cells = [ms.get((name, column)) for column in columns]
        print(f"| {name} | " + " | ".join(
            f"{statistics.median(cell):.1f}" if cell else "" for cell in cells) + " |")
    print()
    for column, text in told.items():
        print(f"- {column}: {text}")


if __name__ == "__main__":
    main()
