#!/usr/bin/env python3
"""Write a CoCa model directory and the reference activations its port is tested with.

The numbers come from OpenCLIP's own modules, run in f32 on the CPU; this script only feeds them,
listens with forward hooks, and adds the one thing OpenCLIP has no name for: pooling over the tokens
of all frames of a clip (VideoCoCa's flattened pooling).

MODEL is one of
  tiny               a few odd sizes that no kernel can guess (committed under tests/data/tiny)
  coca_ViT-B-32, …   any CoCa configuration that open_clip knows, with random weights
  a directory        open_clip_config.json and *model*.safetensors; read, never written
                     (one that is called like a model: ./tiny)

Random weights are seeded by parameter name, so that a model does not change when a layer is added
or the order of construction differs. Examples:

  tools/reference.py tiny --dtype f16 --seed 4 --input-seed 15 --seq-len 12 --min-seq-len 3 \\
      --model-dir tests/data/tiny --dump tests/data/tiny/reference.safetensors
  tools/reference.py coca_ViT-B-32 --model-dir build/b32 --dump build/b32/reference.safetensors
  tools/reference.py models/shapes --dump build/shapes-reference.safetensors
"""

import argparse
import contextlib
import json
import math
from importlib.metadata import version
from pathlib import Path

import torch
import torch.nn.functional as F
from open_clip.coca_model import CoCa
from safetensors.torch import save_file

from reference_model import build, generator, make_clips, make_texts

BEAMS = {  # dump entry -> (num_beams, num_beam_groups, sum log-softmax instead of raw logits)
    "beam_6x3_raw.tokens": (6, 3, False),
    "beam_6x1_raw.tokens": (6, 1, False),
    "beam_2x1_raw.tokens": (2, 1, False),
    "beam_6x1_logp.tokens": (6, 1, True),
}


# --- activations ------------------------------------------------------------------------------


@contextlib.contextmanager
def recording(out: dict, modules: dict):
    """Copies the output of each module, keyed by its name in the dump, while the block runs."""

    def hook(name):
        return lambda _module, _args, result: out.__setitem__(name, result.detach().clone())

    handles = [module.register_forward_hook(hook(name)) for name, module in modules.items()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def encode_frames(visual, frames: torch.Tensor) -> torch.Tensor:
    return visual.transformer(visual._embeds(frames))


def pool(visual, tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """One pooling over all given tokens -> (embedding before normalisation, decoder context)."""
    pooled, context = visual._pool(tokens)
    return pooled @ visual.proj, context


def encode_clips(visual, video: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    tokens = encode_frames(visual, video.flatten(0, 1))
    return pool(visual, tokens.reshape(video.shape[0], -1, tokens.shape[-1]))


def vision_stages(model: CoCa, video: torch.Tensor, out: dict) -> None:
    visual, (clips, frames) = model.visual, video.shape[:2]
    stages = {"vis.patch_embed": visual.conv1, "vis.ln_pre": visual.ln_pre}
    for i, block in enumerate(visual.transformer.resblocks):
        stages[f"vis.block.{i:02}"] = block
    before_norm = visual.ln_pre.register_forward_pre_hook(
        lambda _module, args: out.__setitem__("vis.embed", args[0].clone())
    )
    with recording(out, stages):
        tokens = encode_frames(visual, video.flatten(0, 1))
    before_norm.remove()
    out["vis.patch_embed"] = out["vis.patch_embed"].flatten(2).transpose(1, 2)

    flat = out["pool.flat"] = tokens.reshape(clips, -1, tokens.shape[-1])
    pooler = visual.attn_pool
    stages = {"pool.ln_k": pooler.ln_k, "pool.q": pooler.ln_q, "pool.ln_post": visual.ln_post}
    with recording(out, stages):
        out["pool.attn"] = pooler(flat)
        raw, out["video.tokens"] = pool(visual, flat)
    out["video.contrastive_pre_proj"] = out["pool.ln_post"][:, 0]
    out["video.emb_raw"], out["video.emb"] = raw, F.normalize(raw, dim=-1)

    per_frame = out["frame.emb"] = model.encode_image(video.flatten(0, 1))
    mean = per_frame.view(clips, frames, -1).mean(1)
    out["meanpool.emb"] = F.normalize(mean, dim=-1)
    patches = tokens[:, 1:].reshape(clips, -1, tokens.shape[-1])
    out["video.emb_no_cls"] = F.normalize(pool(visual, patches)[0], dim=-1)


def text_stages(model: CoCa, ids: torch.Tensor, out: dict) -> None:
    """The text tower on every row, then the decoder: clip b reads the tokens of row b."""
    text, decoder, clips = model.text, model.text_decoder, len(out["video.tokens"])
    out["text.embed"] = text._embeds(ids)[0]
    stages = {"text.cls_ln": text.ln_final}
    for i, block in enumerate(text.transformer.resblocks):
        stages[f"text.block.{i:02}"] = block
    with recording(out, stages):
        out["text.emb"], tokens = model._encode_text(ids)

    stages = {}
    for i, (own, cross) in enumerate(zip(decoder.resblocks, decoder.cross_attn)):
        stages |= {f"dec.block.{i:02}.self": own, f"dec.block.{i:02}.cross": cross}
    with recording(out, stages):
        out["dec.logits"] = decoder(out["video.tokens"], tokens[:clips])

    out["zs.logits"] = model.logit_scale.exp() * out["video.emb"] @ out["text.emb"].T
    out["zs.probs"] = out["zs.logits"].softmax(-1)


# --- generated tokens -------------------------------------------------------------------------


class Generator:
    """OpenCLIP's generate(), started from a clip's context instead of from an image."""

    def __init__(self, model: CoCa, vocab: int, seq_len: int, min_seq_len: int):
        self.model = model
        self.eos = vocab - 1
        self.limits = {
            "seq_len": seq_len, "min_seq_len": min_seq_len,
            "max_seq_len": model.context_length,
            "sot_token_id": vocab - 2, "eos_token_id": vocab - 1, "pad_token_id": model.pad_id,
        }

    def run(self, context: torch.Tensor, **options) -> torch.Tensor:
        encode = self.model._encode_image
        self.model._encode_image = lambda tokens, normalize=True: (None, tokens)
        try:
            return self.model.generate(context, **options, **self.limits)[0]
        finally:
            self.model._encode_image = encode

    def greedy(self, context, prompt=None):
        text = None if prompt is None else prompt[None]
        return self.run(context, text=text, generation_type="top_k", top_k=1)

    def beam(self, context, beams: int, groups: int, logp: bool):
        def log_softmax(_module, _args, logits):
            return logits.log_softmax(-1)

        hook = self.model.text_decoder.register_forward_hook(log_softmax) if logp else None
        try:
            return self.run(context, num_beams=beams, num_beam_groups=groups)
        finally:
            if hook:
                hook.remove()

    def greedy_texts(self, context: torch.Tensor, prompt: torch.Tensor) -> dict:
        return {
            "greedy.tokens": self.greedy(context),
            "greedy_prompt.tokens": self.greedy(context, prompt),
        }

    def beam_texts(self, context: torch.Tensor) -> dict:
        return {name: self.beam(context, *how) for name, how in BEAMS.items()}

    def top1_margin(self, context: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        """Best minus second logit for each token after the first, EOS barred as in generate()."""
        logits = self.model.text_decoder(context, self.model._encode_text(tokens[None])[1])[0, :-1]
        logits[: max(self.limits["min_seq_len"] - 1, 0), self.eos] = -math.inf
        best = logits.topk(2, dim=-1).values
        return best[:, 0] - best[:, 1]


# --- checks that print ------------------------------------------------------------------------


def print_facts(model: CoCa, out: dict, gen: Generator) -> None:
    """What the flattened pooling promises, and how firmly the generated tokens stand."""
    visual, video, ids = model.visual, out["input.video"], out["input.text_ids"]

    def embedding(clips):
        return F.normalize(encode_clips(visual, clips)[0], dim=-1)

    def differ(a, b):
        return f"{(a - b).abs().max().item():.1e}"

    still = video[:, :1].expand(-1, 4, -1, -1, -1)
    order = torch.randperm(video.shape[1], generator=generator(0, "order"))
    image = out["frame.emb"].view(*video.shape[:2], -1)[:, 0]
    print("one frame against encode_image     ", differ(embedding(video[:, :1]), image))
    print("still frame, four times, against it", differ(embedding(still), image))
    print(f"frames in the order {order.tolist()}       ", differ(embedding(video[:, order]), out["video.emb"]))

    ours = model.text._build_additive_mask
    del model.text._build_additive_mask
    print("text.emb with OpenCLIP 3's mask    ", differ(model.encode_text(ids), out["text.emb"]))
    model.text._build_additive_mask = ours

    context = out["video.tokens"][:1]
    noise = torch.randn(context.shape, generator=generator(0, "noise")) * context.std()
    for scale in (1e-3, 1e-2):
        moved_context = context + scale * noise
        again = gen.greedy_texts(moved_context, out["input.prompt_ids"]) | gen.beam_texts(moved_context)
        moved = [name for name, tokens in again.items()
                 if name in out and not torch.equal(tokens, out[name])]
        print(f"tokens with context noise of {scale:.0e} ", "unchanged" if not moved else f"MOVED: {moved}")
    for name in again:
        print(f"{name:22}", out[name].tolist())
    print(f"{'greedy.top1_margin':22}", [round(m, 3) for m in out["greedy.top1_margin"].tolist()])


# --- command line -----------------------------------------------------------------------------


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", metavar="MODEL", help="tiny, an OpenCLIP model name, or a directory")
    parser.add_argument("--model-dir", type=Path, help="write config and random weights here")
    parser.add_argument("--bin", action="store_true",
                        help="write the weights as open_clip_pytorch_model.bin, too")
    parser.add_argument("--dump", type=Path, help="write the reference activations to this file")
    parser.add_argument("--dtype", choices=("f16", "f32"), default="f32",
                        help="element type of the written weights (default f32); the activations are "
                             "f32 in any case, computed from the weights as written")
    parser.add_argument("--seed", type=int, default=0, help="for the weights (default 0)")
    parser.add_argument("--input-seed", type=int, help="for clips and texts (default: as --seed)")
    parser.add_argument("--clips", type=int, default=2, help="B (default 2)")
    parser.add_argument("--frames", type=int, default=3, help="T (default 3)")
    parser.add_argument("--texts", type=int, default=4, help="R, at least B (default 4)")
    parser.add_argument("--seq-len", type=int, default=30,
                        help="most ids generated, SOT included (default 30, or the context length)")
    parser.add_argument("--min-seq-len", type=int, default=5,
                        help="no end before this many ids (default 5)")
    parser.add_argument("--short", action="store_true",
                        help="without beam search, which takes most of the time")
    parser.add_argument("--facts", action="store_true",
                        help="print what flattened pooling promises, and how firmly the tokens stand")
    args = parser.parse_args()
    if not (args.model_dir or args.dump):
        parser.error("nothing to write: give --model-dir, --dump or both")
    if args.model_dir and Path(args.model).is_dir():
        parser.error("--model-dir is for random weights; a model read from a directory stays there")
    if args.input_seed is None:
        args.input_seed = args.seed
    if args.texts < args.clips:
        parser.error("--texts must be at least --clips")
    return args


def main() -> None:
    args = arguments()
    dtype = {"f16": torch.float16, "f32": torch.float32}[args.dtype]
    model, config = build(args.model, args.seed, dtype)
    if args.model_dir:
        args.model_dir.mkdir(parents=True, exist_ok=True)
        text = json.dumps(config, indent=2) + "\n"
        (args.model_dir / "open_clip_config.json").write_text(text)
        state = {key: value.to(dtype).contiguous() for key, value in model.state_dict().items()}
        save_file(state, args.model_dir / "model.safetensors", metadata={"format": "pt"})
        if args.bin:
            torch.save(state, args.model_dir / "open_clip_pytorch_model.bin")
    if args.dump:
        write_dump(args, model, config)


@torch.no_grad()
def write_dump(args: argparse.Namespace, model: CoCa, config: dict) -> None:
    text_cfg = config["model_cfg"]["text_cfg"]
    length, vocab = text_cfg["context_length"], text_cfg["vocab_size"]
    seq_len = min(args.seq_len, length)
    video = make_clips(args.clips, args.frames, config, args.input_seed)
    ids = make_texts(args.texts, length, vocab, args.input_seed)
    out = {"input.video": video, "input.text_ids": ids, "input.prompt_ids": ids[0, :3].clone()}
    vision_stages(model, video, out)
    text_stages(model, ids, out)
    gen = Generator(model, vocab, seq_len, args.min_seq_len)
    context = out["video.tokens"][:1]
    out |= gen.greedy_texts(context, out["input.prompt_ids"])
    if not args.short:
        out |= gen.beam_texts(context)
    out["greedy.top1_margin"] = gen.top1_margin(context, out["greedy.tokens"])
    metadata = {
        "model": Path(args.model).name, "seed": args.seed, "input_seed": args.input_seed,
        "parameters": sum(p.numel() for p in model.parameters()),
        "clips": args.clips, "frames": args.frames, "texts": args.texts,
        "sot": vocab - 2, "eos": vocab - 1, "pad": model.pad_id,
        "seq_len": seq_len, "min_seq_len": args.min_seq_len,
        "text_mask": "padding hidden from the class token only (OpenCLIP 2)",
        **{name: version(name) for name in ("open_clip_torch", "torch", "transformers")},
    }
    args.dump.parent.mkdir(parents=True, exist_ok=True)
    own = {name: tensor.clone(memory_format=torch.contiguous_format) for name, tensor in out.items()}
    save_file(own, args.dump,
              metadata={key: str(value) for key, value in metadata.items()})
    if args.facts:
        print_facts(model, out, gen)


if __name__ == "__main__":
    main()
