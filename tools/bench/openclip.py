#!/usr/bin/env python3
"""Time OpenCLIP, its own `generate` and one with caches, in the format of `vcoca-gpu bench --json`.

  tools/bench/openclip.py coca_ViT-B-32 [--device cuda] [--dtype f16] [--compile] [--frames 8] [--runs 3]

Weights are random, which takes the time of trained ones. `encode_frames` and `pool` are those of
VideoCoCa: frames one by one through the image encoder, one pooler over all tokens. Texts are 29 ids
long, as in our own bench: ends are put off as long as they can be. `generate` is given a frame, which
it encodes first, and reads the whole text again for each id; the cached texts begin with a context, as
ours do, and are held against those of `generate` before they are timed.

With --compile everything that is timed is compiled whole (`fullgraph`), and `generate` left out.
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
from torch.profiler import ProfilerActivity, profile

from cached import Writer

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from reference import encode_frames, pool  # noqa: E402

SEQ_LEN = 30
LENGTHS = {"seq_len": SEQ_LEN, "min_seq_len": SEQ_LEN - 1}
GREEDY = {"generation_type": "top_k", "top_k": 1}
BEAMS = {"num_beams": 6, "num_beam_groups": 1}


def once(run, device: str) -> float:
    """Milliseconds of one run."""
    begin = time.perf_counter()
    run()
    if device == "cuda":
        torch.cuda.synchronize()
    return (time.perf_counter() - begin) * 1e3


def measure(run, runs: int, device: str) -> dict:
    """Median and spread of milliseconds after two runs that do not count, and by which of PyTorch's
    operations attention went (none where a compiler replaced them)."""
    once(run, device)
    with profile(activities=[ProfilerActivity.CPU]) as recorded:
        once(run, device)
    ms = sorted(once(run, device) for _ in range(runs))
    median = statistics.median(ms)
    paths = sorted({event.key for event in recorded.key_averages() if "attention" in event.key})
    return {"ms_median": median, "ms_spread": (ms[-1] - ms[0]) / median, "attention": paths}


def wrong_texts(model, frame: torch.Tensor) -> str | None:
    """How cached texts differ from those of `generate`, in f32, if they do."""
    context = model._encode_image(frame)[1]
    for name, got, options in [
        ("greedy", Writer(model, 1, SEQ_LEN).greedy(context), GREEDY),
        ("6 beams", Writer(model, 6, SEQ_LEN).beams(context), BEAMS),
    ]:
        want = model.generate(frame, **options, **LENGTHS)
        if not torch.equal(got, want):
            return f"{name}: {got.tolist()}, but generate has {want.tolist()}"
    return None


def rows(model, frames: torch.Tensor, args):
    """(name, shape, what to run) of each figure."""
    def compiled(run):
        return torch.compile(run, fullgraph=True, dynamic=False) if args.compile else run

    visual, encode, pooler = model.visual, compiled(encode_frames), compiled(pool)
    tokens = encode(visual, frames).clone()
    flat = tokens.reshape(1, -1, tokens.shape[-1])
    shape, ids = f"1 x {len(frames)} frames", f"1 x {SEQ_LEN - 1} ids"
    yield "encode_frames", shape, lambda: encode(visual, frames)
    yield "pool", shape, lambda: pooler(visual, flat)
    if not args.compile:
        # `generate` pools as many tokens as one image has, and takes nothing else.
        yield "caption_greedy", ids, lambda: model.generate(frames[:1], **GREEDY, **LENGTHS)
        yield "caption_6_beams", ids, lambda: model.generate(frames[:1], **BEAMS, **LENGTHS)
    context = pool(visual, flat)[1]
    greedy, beams = Writer(model, 1, SEQ_LEN, compiled), Writer(model, 6, SEQ_LEN, compiled)
    yield "caption_greedy_cached", ids, lambda: greedy.greedy(context)
    yield "caption_6_beams_cached", ids, lambda: beams.beams(context)


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
    # OpenCLIP leaves this one as memory was.
    torch.nn.init.normal_(model.text_decoder.text_projection, std=0.02)
    side = open_clip.get_model_config(args.model)["vision_cfg"].get("image_size", 224)
    frames = torch.randn(args.frames, 3, side, side, device=args.device)
    cuda = args.device == "cuda"
    report = {
        "adapter": torch.cuda.get_device_name() if cuda else f"CPU, {torch.get_num_threads()} threads",
        "driver": torch.version.cuda if cuda else platform.machine(),
        "backend": "torch.compile" if args.compile else "torch",
        "versions": {"torch": torch.__version__, "open_clip": open_clip.__version__},
        "results": [],
    }
    with torch.inference_mode():
        wrong = wrong_texts(model, frames[:1])
        if args.dtype == "f16":
            model, frames = model.half(), frames.half()
        for name, shape, run in rows(model, frames, args):
            figure = {"suite": "model", "name": name, "shape": shape, "dtype": args.dtype}
            if name.endswith("_cached"):
                figure |= {"verified": wrong is None}
            if wrong and name.endswith("_cached"):
                figure |= {"problem": wrong}
            else:
                figure |= measure(run, args.runs, args.device)
            report["results"].append(figure)
    print(json.dumps(report))


if __name__ == "__main__":
    main()
