#!/usr/bin/env python3
"""Time OpenCLIP and its own `generate`, in the format of `vcoca-gpu bench --json`.

  tools/bench/openclip.py coca_ViT-B-32 [--device cuda] [--dtype f16] [--compile] [--frames 8] [--runs 3]

Weights are random, which takes the time of trained ones. `encode_frames` and `pool` are those of
VideoCoCa: frames one by one through the image encoder, one pooler over all tokens. `generate` writes
29 ids: it stops a text that ends, so ends are put off as long as they can be, as in our own bench.
"""

import argparse
import json
import platform
import statistics
import sys
import time
from pathlib import Path

import open_clip
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from reference import encode_frames, pool  # noqa: E402

SEQ_LEN = 30


def measure(run, runs: int, device: str) -> dict:
    """Median and spread of the milliseconds of `run`, which has run once before."""
    def once() -> float:
        begin = time.perf_counter()
        run()
        if device == "cuda":
            torch.cuda.synchronize()
        return (time.perf_counter() - begin) * 1e3

    once()
    ms = sorted(once() for _ in range(runs))
    median = statistics.median(ms)
    return {"ms_median": median, "ms_spread": (ms[-1] - ms[0]) / median}


def rows(model, args):
    """(name, shape, what to run) of each figure."""
    dtype = next(model.parameters()).dtype
    side = open_clip.get_model_config(args.model)["vision_cfg"].get("image_size", 224)
    frames = torch.randn(args.frames, 3, side, side, device=args.device, dtype=dtype)
    visual = model.visual
    encode, pooler = encode_frames, pool
    if args.compile:
        encode, pooler = torch.compile(encode_frames), torch.compile(pool)
    tokens = encode(visual, frames)
    flat = tokens.reshape(1, -1, tokens.shape[-1])
    shape = f"1 x {args.frames} frames"
    yield "encode_frames", shape, lambda: encode(visual, frames)
    yield "pool", shape, lambda: pooler(visual, flat)
    # `generate` takes one image, of whose tokens it pools as many as there are: one frame will do.
    image, ids = frames[:1], f"1 x {SEQ_LEN - 1} ids"
    lengths = {"seq_len": SEQ_LEN, "min_seq_len": SEQ_LEN - 1}
    if dtype == torch.float32:  # its own masks are f32
        yield "caption_greedy", ids, lambda: model.generate(
            image, generation_type="top_k", top_k=1, **lengths)
        yield "caption_6_beams", ids, lambda: model.generate(
            image, num_beams=6, num_beam_groups=1, **lengths)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--dtype", default="f32", choices=["f32", "f16"])
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--runs", type=int, default=3)
    args = parser.parse_args()
    torch.manual_seed(1)
    model = open_clip.create_model(args.model, pretrained=None).eval().to(args.device)
    model = model.half() if args.dtype == "f16" else model
    cuda = args.device == "cuda"
    report = {
        "adapter": torch.cuda.get_device_name() if cuda else f"CPU, {torch.get_num_threads()} threads",
        "driver": torch.version.cuda if cuda else platform.machine(),
        "backend": "torch.compile" if args.compile else "torch",
        "versions": {"torch": torch.__version__, "open_clip": open_clip.__version__},
        "results": [],
    }
    with torch.inference_mode():
        for name, shape, run in rows(model, args):
            figure = {"suite": "model", "name": name, "shape": shape, "dtype": args.dtype}
            report["results"].append(figure | measure(run, args.runs, args.device))
    print(json.dumps(report))


if __name__ == "__main__":
    main()
