#!/usr/bin/env python3
"""Run `vcoca-gpu bench --suite pipeline` and other decoders from files to frames in turn, and print a table.

  tools/bench/decoding.py target/release/vcoca-gpu [VIDEOS] [--rounds 3] [--out REPORTS]

Without videos it makes two of ten seconds in H.264, 360 and 1080 lines, with GStreamer's `gst-launch-1.0`
and `x264enc`. A figure is the median over rounds of their medians; every round runs all in the other
order than the round before. Needs tools/requirements.txt; with --torchcodec FFmpeg's libraries, too.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from rounds import Contender, compare

DECODERS = Path(__file__).resolve().parent / "decoders.py"
# Name, width, height, kbit/s: about what video sites send.
MADE = (("360p.mp4", 640, 360, 800), ("1080p.mp4", 1920, 1080, 5000))


def make(folder: Path) -> list[Path]:
    """Videos of moving rings, 30 frames a second, a keyframe at least every 250."""
    for name, width, height, rate in MADE:
        subprocess.run([
            "gst-launch-1.0", "-q",
            "videotestsrc", "num-buffers=300", "pattern=zone-plate", "kx2=20", "ky2=20", "kt=1", "!",
            f"video/x-raw,format=I420,width={width},height={height},framerate=30/1", "!",
            "x264enc", f"bitrate={rate}", "bframes=3", "key-int-max=250", "speed-preset=veryfast", "!",
            "mp4mux", "!", "filesink", f"location={folder / name}",
        ], check=True)
    return [folder / name for name, *_ in MADE]


def contenders(args, videos: list[Path]) -> list[Contender]:
    few = ["--frames", str(args.frames), "--runs", str(args.runs)]
    ours = [args.binary, "bench", "--json", "-q", "--suite", "pipeline", "--filter", "file_to_frames", *few,
            "--videos", *map(str, videos)]
    names = ["PyAV", "decord"] + (["torchcodec"] if args.torchcodec else [])
    return [Contender("vcoca-gpu", ours)] + [
        Contender(name, [sys.executable, str(DECODERS), name, *few, *map(str, videos)]) for name in names]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary", help="vcoca-gpu, built with GStreamer")
    parser.add_argument("videos", type=Path, nargs="*")
    parser.add_argument("--torchcodec", action="store_true")
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--out", type=Path, help="keep every report in this directory")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="vcoca-gpu-") as folder:
        videos = args.videos or make(Path(folder))
        compare(f"From a file to {args.frames} frames", contenders(args, videos),
                lambda _contender, row: [row["shape"]], args.rounds, args.out)
    version = subprocess.run(["gst-launch-1.0", "--version"], stdout=subprocess.PIPE, text=True, check=True)
    print(f"- vcoca-gpu decodes with {version.stdout.splitlines()[1]}")


if __name__ == "__main__":
    main()
