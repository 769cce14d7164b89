"""OpenCLIP's CoCa from a model directory's config: building, starting weights, files, captions."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

import torch
from open_clip.coca_model import CoCa
from safetensors.torch import load_file, save_file
from torch import nn

from shapes_tokenizer import Texts

CONFIG = "open_clip_config.json"
TOKENIZER = "tokenizer.json"
WEIGHTS = "model.safetensors"


@dataclass
class Preprocess:
    """The pixel normalisation of a config."""

    mean: torch.Tensor
    std: torch.Tensor
    side: int

    def normalise(self, images: torch.Tensor) -> torch.Tensor:
        """(B, 3, S, S) in [0, 1] to what the vision trunk takes."""
        return (images - self.mean) / self.std


def read_config(directory: Path) -> dict:
    """The parsed open_clip_config.json of a model directory."""
    return json.loads((directory / CONFIG).read_text(encoding="utf-8"))


def build(config: dict) -> CoCa:
    """OpenCLIP's own class, from OpenCLIP's own config form."""
    cfg = dict(config["model_cfg"])
    cfg.pop("custom_text", None)
    return CoCa(**cfg)


def preprocess(config: dict) -> Preprocess:
    """Mean and deviation as tensors that broadcast over images."""
    cfg = config["preprocess_cfg"]
    shape = (1, 3, 1, 1)
    return Preprocess(
        mean=torch.tensor(cfg["mean"]).view(shape),
        std=torch.tensor(cfg["std"]).view(shape),
        side=config["model_cfg"]["vision_cfg"]["image_size"],
    )


def texts_of(directory: Path, config: dict) -> Texts:
    """The tokenizer of a model directory."""
    return Texts(directory / TOKENIZER, config["model_cfg"]["text_cfg"]["context_length"])


def initialise(model: CoCa) -> None:
    """CLIP's starting weights for the vision trunk, which OpenCLIP leaves at PyTorch's
    defaults (training then starts much more slowly), and for the decoder's output matrix,
    which it may leave unset."""
    trunk = model.visual.transformer
    width, layers = trunk.width, trunk.layers
    attn_std, fc_std = width**-0.5, (2 * width) ** -0.5
    proj_std = attn_std * (2 * layers) ** -0.5
    for block in trunk.resblocks:
        nn.init.normal_(block.attn.in_proj_weight, std=attn_std)
        nn.init.normal_(block.attn.out_proj.weight, std=proj_std)
        nn.init.normal_(block.mlp.c_fc.weight, std=fc_std)
        nn.init.normal_(block.mlp.c_proj.weight, std=proj_std)
    decoder = model.text_decoder
    nn.init.normal_(decoder.text_projection, std=decoder.width**-0.5)


def export(state: dict[str, torch.Tensor], directory: Path) -> Path:
    """Writes the weights in half precision under OpenCLIP's names, atomically."""
    path = directory / WEIGHTS
    partial = path.with_suffix(".partial")
    half = {k: v.detach().to(torch.float16).contiguous().clone() for k, v in state.items()}
    save_file(half, str(partial), metadata={"format": "pt"})
    partial.chmod(0o644)  # the writer leaves it readable by its owner alone
    os.replace(partial, path)
    return path


def load(directory: Path) -> CoCa:
    """The model of a directory, in single precision."""
    model = build(read_config(directory))
    state = {k: v.float() for k, v in load_file(str(directory / WEIGHTS)).items()}
    model.load_state_dict(state, strict=True)
    return model.eval()


@torch.no_grad()
def greedy(
    model: CoCa,
    context: torch.Tensor,
    texts: Texts,
    prompts: list[str] | None = None,
) -> list[str]:
    """Greedy captions (or continuations of prompts) for (B, Q-1, E) context tokens.

    The same result as OpenCLIP's generate with top_k = 1, without running the vision
    trunk again for every token."""
    batch = context.shape[0]
    rows = [[texts.sot, *texts.ids(p)] for p in (prompts or [""] * batch)]
    open_rows = set(range(batch))
    while open_rows:
        # Rows differ in length; causal attention makes the padding behind them harmless.
        longest = max(len(r) for r in rows)
        ids = torch.tensor([r + [texts.eot] * (longest - len(r)) for r in rows])
        _, token_embs = model.text(ids)
        logits = model.text_decoder(context, token_embs[:, :longest])
        for i in sorted(open_rows):
            token = int(logits[i, len(rows[i]) - 1].argmax())
            rows[i].append(token)
            if token in (0, texts.eot) or len(rows[i]) >= texts.context_length:
                open_rows.discard(i)
    starts = [1 + len(texts.ids(p)) for p in (prompts or [""] * batch)]
    return [texts.text(r[s:]) for r, s in zip(rows, starts)]
