#!/usr/bin/env python3
"""Time another decoder from a file to T frames, in the format of `vcoca-gpu bench --json`.

  tools/bench/decoders.py decord a.mp4 b.mkv [--frames 8] [--runs 5]

It takes frame floor((i + 1/2) N / T) of the N frames for i in 0..T, as `vcoca-gpu` does; that it took
those is verified by their times first. Every run opens the file anew. decord and torchcodec go by
keyframes and make RGB pictures, which is what they are for; PyAV decodes from the first frame to the last
one wanted and leaves pictures as they are coded, as `vcoca-gpu` does for its kernels. Where a decoder can
have threads, it has as many as it likes.
"""

import argparse
import json
import os
import platform
import statistics
import time
from importlib.metadata import version
from pathlib import Path

import av


def wanted(count: int, frames: int) -> list[int]:
    return [(2 * i + 1) * count // (2 * frames) for i in range(frames)]


def by_pyav(path: str, frames: int) -> list[float]:
    with av.open(path) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        # The file states it; `times` counts.
        indices = wanted(stream.frames, frames)
        taken = []
        for index, frame in enumerate(container.decode(stream)):
            while len(taken) < frames and indices[len(taken)] == index:
                taken.append(frame)
            if len(taken) == frames:
                break
        return [frame.time for frame in taken]


def by_decord(path: str, frames: int) -> list[float]:
    import decord

    reader = decord.VideoReader(path)
    indices = wanted(len(reader), frames)
    pictures = reader.get_batch(indices)
    assert pictures.shape[0] == frames
    begins = reader.get_frame_timestamp(indices)[:, 0]
    return [float(begin) for begin in begins]


def by_torchcodec(path: str, frames: int) -> list[float]:
    from torchcodec.decoders import VideoDecoder

    decoder = VideoDecoder(path, num_ffmpeg_threads=0)
    taken = decoder.get_frames_at(wanted(len(decoder), frames))
    assert len(taken.data) == frames
    return taken.pts_seconds.tolist()


# Name -> how, and the packages to name.
DECODERS = {
    "PyAV": (by_pyav, ("av",)),
    "decord": (by_decord, ("decord",)),
    "torchcodec": (by_torchcodec, ("torchcodec", "torch")),
}


def times(path: str, frames: int) -> list[float]:
    """When the frames that are wanted begin, by decoding all."""
    with av.open(path) as container:
        every = [frame.time for frame in container.decode(video=0)]
    return [every[index] for index in wanted(len(every), frames)]


def measure(decode, path: Path, args) -> dict:
    row = {"suite": "pipeline", "name": "file_to_frames", "shape": path.name, "dtype": None}
    got, want = decode(str(path), args.frames), times(str(path), args.frames)
    if len(got) != len(want) or any(abs(a - b) > 1e-3 for a, b in zip(got, want)):
        return row | {"verified": False, "problem": f"frames at {got}, not {want}"}
    ms = []
    for _ in range(args.runs):
        begin = time.perf_counter()
        decode(str(path), args.frames)
        ms.append((time.perf_counter() - begin) * 1e3)
    median = statistics.median(ms)
    return row | {"verified": True, "ms_median": median, "ms_spread": (max(ms) - min(ms)) / median}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("decoder", choices=DECODERS)
    parser.add_argument("videos", type=Path, nargs="+")
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--runs", type=int, default=5)
    args = parser.parse_args()
    decode, packages = DECODERS[args.decoder]
    print(json.dumps({
        "adapter": f"CPU, {os.cpu_count()} threads",
        "driver": platform.machine(),
        "backend": args.decoder,
        "versions": {name: version(name) for name in packages},
        "results": [measure(decode, path, args) for path in args.videos],
    }))


if __name__ == "__main__":
    main()
