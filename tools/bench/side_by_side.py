#!/usr/bin/env python3
"""Run `vcoca-gpu bench` and what else could be used on this machine in turn, and print tables.

  tools/bench/side_by_side.py target/release/vcoca-gpu --model coca_ViT-B-32 [--device cuda] \\
      [--burn tools/bench/burn/target/debug/burn-bench] [--rounds 3] [--out REPORTS]

One table has a model beside OpenCLIP's, as it is and compiled; with --burn, one more has matrix products,
attention and a block of the image encoder beside burn's. Every round runs all in the other order than the
round before; a figure is the median over rounds of their medians. What is wrong or fails ends it. Needs
tools/requirements.txt and, to compile, a C++ compiler.
"""

import argparse
import sys
from pathlib import Path

from rounds import Contender, compare

OPENCLIP = Path(__file__).resolve().parent / "openclip.py"
MODEL = ("encode_frames", "pool", "caption_greedy", "caption_greedy_cached", "caption_6_beams",
         "caption_6_beams_cached")
OURS = "vcoca-gpu"


def models(args) -> list[Contender]:
    """Who runs a model."""
    few = ["--frames", str(args.frames), "--runs", str(args.runs)]
    ours = [args.binary, "bench", "--json", "-q", "--suite", "model", "--random", args.model, *few]
    theirs = [sys.executable, str(OPENCLIP), args.model, "--device", args.device, *few]
    dtypes = ("f32", "f16") if args.device == "cuda" else ("f32",)
    found = [Contender(OURS, [*ours, "--dtype", dtype]) for dtype in ("f32", "f16")]
    found += [Contender("OpenCLIP", [*theirs, "--dtype", dtype]) for dtype in dtypes]
    if not args.no_compile:
        found += [Contender("OpenCLIP compiled", [*theirs, "--dtype", dtype, "--compile"])
                  for dtype in dtypes]
    return found


def kernels(args) -> list[Contender]:
    """Who runs the parts of an image encoder."""
    runs = ["--runs", str(args.runs)]
    return [
        Contender(OURS, [args.binary, "bench", "--json", "-q", "--suite", "kernels", "--filter", "vit_", *runs]),
        Contender("burn", [args.burn, *runs]),
    ]


def of_model(contender: Contender, row: dict) -> list[str]:
    """Of what runs on one clip and on several, one. Our texts are always cached."""
    name = row["name"]
    if name not in MODEL or not row["shape"].startswith("1 x"):
        return []
    cached = f"{name}_cached"
    return [name, cached] if contender.name == OURS and cached in MODEL else [name]


def of_kernels(_contender: Contender, row: dict) -> list[str]:
    """Contenders call the same thing the same, and begin its shape with the same word."""
    if row["suite"] != "kernels" or " by " in row["shape"]:
        return []
    return [f"{row['name']} {row['shape'].split()[0]}"]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary", help="vcoca-gpu")
    parser.add_argument("--model", default="coca_ViT-B-32")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"], help="of PyTorch")
    parser.add_argument("--burn", help="the binary of tools/bench/burn")
    parser.add_argument("--parts", nargs="+", default=("models", "kernels"), choices=("models", "kernels"))
    parser.add_argument("--no-compile", action="store_true", help="leave compiled PyTorch out")
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, help="keep every report in this directory")
    args = parser.parse_args()
    if "models" in args.parts:
        compare(f"{args.model}, random weights, {args.frames} frames", models(args), of_model,
                args.rounds, args.out)
    if "kernels" in args.parts and args.burn:
        compare("Parts of the image encoders", kernels(args), of_kernels, args.rounds, args.out)


if __name__ == "__main__":
    main()
