"""Models and inputs for tools/reference.py: configurations, seeded weights, clips and texts."""

import hashlib
import json
import math
from pathlib import Path

import open_clip
import torch
from open_clip.coca_model import CoCa
from safetensors.torch import load_file

TINY = {
    "embed_dim": 192,
    "vision_cfg": {
        "image_size": 20, "patch_size": 5, "width": 96, "head_width": 32, "layers": 2,
        "attentional_pool": True, "attn_pooler_queries": 7, "attn_pooler_heads": 2,
        "output_tokens": True,
    },
    "text_cfg": {
        "context_length": 13, "vocab_size": 96, "width": 192, "heads": 2, "layers": 2,
        "mlp_ratio": 2.0, "embed_cls": True, "output_tokens": True,
    },
    "multimodal_cfg": {
        "context_length": 13, "vocab_size": 96, "width": 192, "heads": 6, "layers": 2,
    },
    "custom_text": True,
}

PREPROCESS = {
    "mean": [0.48145466, 0.4578275, 0.40821073],
    "std": [0.26862954, 0.26130258, 0.27577711],
    "interpolation": "bicubic",
    "resize_mode": "shortest",
}


def generator(seed: int, name: str) -> torch.Generator:
    """A random stream that depends on nothing but the global seed and a name."""
    digest = hashlib.sha256(f"{seed}:{name}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "little") >> 1)


def random_parameter(name: str, shape: torch.Size, seed: int) -> torch.Tensor:
    """Weights at a scale where every part of the model matters.

    Zero biases, unit norms or tiny embeddings would let a port forget them and still agree.
    """
    noise = torch.randn(shape, generator=generator(seed, name))
    parent, _, leaf = ("." + name).rpartition(".")
    if name == "logit_scale":
        return math.log(1 / 0.07) + 0.1 * noise
    if leaf.endswith("bias"):
        return 0.1 * noise
    if parent.rpartition(".")[2].startswith("ln_"):
        return 1 + 0.2 * noise
    if leaf in ("class_embedding", "cls_emb", "query") or "token_embedding" in name:
        return noise
    if leaf == "positional_embedding":
        return 0.5 * noise
    if name == "text_decoder.text_projection":  # clear winners among the logits
        return 4 * noise / math.sqrt(shape[0])
    if leaf in ("proj", "text_projection"):  # right-multiplied: rows are the inputs
        return noise / math.sqrt(shape[0])
    gain = 1.5 if "in_proj" in leaf or leaf.startswith(("q_proj", "k_proj")) else 1.0
    return gain * noise / math.sqrt(noise[0].numel())


def make_clips(clips: int, frames: int, config: dict, seed: int) -> torch.Tensor:
    """(B, T, 3, S, S) normalised pixels: a disc crosses a shaded, slightly noisy background.

    Real structure rather than white noise, so that a trained model sees something it can name
    and the frames of a clip differ from one another.
    """
    rng = generator(seed, "input.video")
    size = config["model_cfg"]["vision_cfg"]["image_size"]
    grid = (torch.arange(size) + 0.5) / size
    y, x = torch.meshgrid(grid, grid, indexing="ij")
    mean = torch.tensor(config["preprocess_cfg"]["mean"]).view(3, 1, 1)
    std = torch.tensor(config["preprocess_cfg"]["std"]).view(3, 1, 1)
    out = torch.empty(clips, frames, 3, size, size)
    for clip in out:
        back, slope, disc = torch.rand(3, 3, 1, 1, generator=rng)
        for t, frame in enumerate(clip):
            inside = (x - (t + 1) / (frames + 1)) ** 2 + (y - 0.5) ** 2 < 0.2**2
            pixels = torch.where(inside, disc, 0.6 * back + 0.4 * slope * (x + y) / 2)
            pixels = (pixels + 0.04 * torch.randn(3, size, size, generator=rng)).clamp(0, 1)
            frame.copy_((pixels - mean) / std)
    return out


def make_texts(rows: int, length: int, vocab: int, seed: int) -> torch.Tensor:
    """(R, L) ids: SOT, words, EOT, padding. Row 1 is full, row 3 has a single pad.

    Id 0 pads and appears nowhere else: inside a text, OpenCLIP's own releases disagree on it.
    """
    rng = generator(seed, "input.text_ids")
    lengths = [length // 2 + 1, length, 4, length - 1]
    out = torch.zeros(rows, length, dtype=torch.long)
    for i, row in enumerate(out):
        n = lengths[i % len(lengths)]
        row[:n] = torch.randint(1, vocab - 2, (n,), generator=rng)
        row[0], row[n - 1] = vocab - 2, vocab - 1
    return out


def build(name: str, seed: int, dtype: torch.dtype) -> tuple[CoCa, dict]:
    """The model and its configuration; random weights take the values that `dtype` can hold."""
    model_cfg = TINY if name == "tiny" else open_clip.get_model_config(name)
    directory = None if model_cfg else Path(name)
    if model_cfg:
        config = {"model_cfg": model_cfg, "preprocess_cfg": PREPROCESS}
    elif directory.is_dir():
        config = json.loads((directory / "open_clip_config.json").read_text())
    else:
        raise SystemExit(f"{name}: neither a model that open_clip knows nor a directory")
    if config["model_cfg"]["vision_cfg"].get("attentional_pool") is not True:
        raise SystemExit(f"{name}: only one attentional pooler (attentional_pool: true) is covered")
    model = CoCa(**{k: v for k, v in config["model_cfg"].items() if k != "custom_text"}).eval()
    if directory:
        state = {}
        for file in sorted(directory.glob("*model*.safetensors")):  # a dump may lie beside it
            state |= load_file(file)
    else:
        state = {
            key: random_parameter(key, value.shape, seed).to(dtype)
            for key, value in model.state_dict().items()
        }
    model.load_state_dict(state)
    pad_mask_on_cls_row_only(model.text)
    return model, config


def pad_mask_on_cls_row_only(text: torch.nn.Module) -> None:
    """Padding as OpenCLIP <= 2.x has it, with which the public weights were trained.

    There only the class token is kept from looking at padding. OpenCLIP 3 applies the mask to
    every row, which changes the rows of the padding itself and, where a text holds an id 0 ("!"
    within a word), those behind it.
    """
    every_row = text._build_additive_mask

    def cls_row(ids, seq_len, dtype):
        mask = every_row(ids, seq_len, dtype)
        mask[:, :-1] = 0
        return mask

    text._build_additive_mask = cls_row
