#!/usr/bin/env python3
"""Held-out scores of the built-in model `shapes`, in PyTorch."""

from __future__ import annotations

import torch
from open_clip.coca_model import CoCa

from shapes_model import Preprocess, greedy
from shapes_tokenizer import Texts
from shapes_world import Mix, label_texts, make_batch, parse

# Training uses other seeds; nothing else keeps the sets apart, and nothing else need.
HELD_OUT_SEED = 900_001
ONE = Mix(counts=(1.0, 0.0, 0.0))
TWO = Mix(counts=(0.0, 1.0, 0.0))


@torch.no_grad()
def quick_scores(model: CoCa, pixels: Preprocess, texts: Texts) -> dict[str, float | str]:
    """Small-sample scores, to follow training with."""
    one = make_batch(HELD_OUT_SEED, 0, 240, pixels.side, ONE)
    two = make_batch(HELD_OUT_SEED, 1, 120, pixels.side, TWO)
    scores: dict[str, float | str] = {}
    image, context = model._encode_image(pixels.normalise(one.images))
    said = greedy(model, context, texts)
    truth = [one.scenes.objects(i)[0] for i in range(len(said))]
    named = [parse(s) for s in said]
    for key in ("color", "shape", "size"):
        hits = sum(len(n) == 1 and n[0].get(key) == t[key] for n, t in zip(named, truth))
        scores[key] = round(hits / len(said), 3)
    scores["one"] = round(sum(n == [t] for n, t in zip(named, truth)) / len(said), 3)
    labels = model.encode_text(texts.rows(label_texts()))
    best = (image @ labels.T).argmax(dim=1).tolist()
    wanted = [[(t["color"], t["shape"])] for t in truth]
    picked = [[(o["color"], o["shape"]) for o in parse(label_texts()[b])] for b in best]
    scores["zero_shot"] = round(sum(p == w for p, w in zip(picked, wanted)) / len(best), 3)
    _, context = model._encode_image(pixels.normalise(two.images))
    pairs = greedy(model, context, texts)
    both = sum(parse(s) == two.scenes.objects(i) for i, s in enumerate(pairs))
    scores["two"] = round(both / len(pairs), 3)
    scores["said"] = pairs[0]
    return scores
