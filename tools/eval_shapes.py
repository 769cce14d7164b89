#!/usr/bin/env python3
"""Held-out scores of the built-in model `shapes`, in PyTorch, as JSON.

Captions count by meaning: the named objects, in order, with the attributes asked for.
With `--clips` it also scores rendered clips, by flattened and by mean pooling.
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path

import torch
from open_clip.coca_model import CoCa

from shapes_model import Preprocess, build, greedy, load, preprocess, read_config, texts_of
from shapes_tokenizer import Texts
from shapes_video import decode, pool, prepare, sample
from shapes_world import Mix, Scenes, label_texts, make_batch, parse, question

# Training uses other seeds; nothing else keeps the sets apart, and nothing else need.
HELD_OUT_SEED = 900_001
MIXES = {n: Mix(counts=tuple(float(n == k) for k in (1, 2, 3))) for n in (1, 2, 3)}
CHUNK = 160
Objects = list[dict[str, str]]


def strip(objects: Objects) -> list[tuple[str | None, str]]:
    """Colour and shape alone."""
    return [(o.get("color"), o["shape"]) for o in objects]


def share(hits: list[bool]) -> float:
    """The share of hits."""
    return round(sum(hits) / len(hits), 4)


def truths(scenes: Scenes) -> list[Objects]:
    """The objects of every scene."""
    return [scenes.objects(i) for i in range(len(scenes))]


class Tester:
    """A model with what it needs to read pictures and texts."""

    def __init__(self, model: CoCa, pixels: Preprocess, texts: Texts) -> None:
        self.model, self.pixels, self.texts = model, pixels, texts
        self.labels = label_texts()
        with torch.no_grad():
            self.label_embeddings = model.encode_text(texts.rows(self.labels))
        self.label_pairs = [strip(parse(t))[0] for t in self.labels]

    @torch.no_grad()
    def picture_scores(self, objects: int, chunks: int) -> dict[str, float]:
        """Captions, labels and answers for pictures with a given number of objects."""
        exact, pairs, zero_shot = [], [], []
        parts: dict[str, list[bool]] = {k: [] for k in ("color", "shape", "size")}
        answers: dict[str, list[bool]] = {}
        for chunk in range(chunks):
            batch = make_batch(
                HELD_OUT_SEED, objects * 1000 + chunk, CHUNK, self.pixels.side, MIXES[objects]
            )
            embedding, context = self.model._encode_image(self.pixels.normalise(batch.images))
            truth = truths(batch.scenes)
            for text, true in zip(greedy(self.model, context, self.texts), truth):
                named = parse(text)
                exact.append(named == true)
                pairs.append(strip(named) == strip(true))
                for key, hits in parts.items():
                    hits.append([o.get(key) for o in named] == [o[key] for o in true])
            if objects == 1:
                best = (embedding @ self.label_embeddings.T).argmax(dim=1).tolist()
                zero_shot += [self.label_pairs[b] == strip(t)[0] for b, t in zip(best, truth)]
            rng = random.Random(f"questions/{objects}/{chunk}")
            asked = [question(rng, t) for t in truth]
            said = greedy(self.model, context, self.texts, [q for q, _ in asked])
            for (text, answer), reply in zip(asked, said):
                kind = next(k for k in ("color", "shape", "size", "many") if f" {k} " in text)
                answers.setdefault(kind, []).append(reply == answer)
        scores = {"colour+shape+size": share(exact), "colour+shape": share(pairs)}
        scores |= {key: share(hits) for key, hits in parts.items()}
        if zero_shot:
            scores["zero-shot colour+shape"] = share(zero_shot)
        scores |= {f"question: {kind}": share(hits) for kind, hits in sorted(answers.items())}
        return {"pictures": chunks * CHUNK, **scores}

    def clip_scores(self, folder: Path, frames: int) -> dict[str, dict[str, float]]:
        """Captions and labels of rendered clips, by kind of clip and way of pooling."""
        results: dict[str, dict[str, list[bool]]] = {}
        lines = (folder / "labels.jsonl").read_text(encoding="utf-8").splitlines()
        for line in lines:
            label = json.loads(line)
            video = decode(folder / label["file"], 256, 192)
            images = torch.stack(
                [prepare(video[i], self.pixels.side) for i in sample(len(video), frames)]
            )
            for way, pooled in pool(self.model, self.pixels, images).items():
                named = parse(greedy(self.model, pooled.context, self.texts)[0])
                found = results.setdefault(f"{label['kind']}, {way}", {})
                for key, hit in self.judge(label, named, pooled.embedding).items():
                    found.setdefault(key, []).append(hit)
        return {
            kind: {"clips": len(next(iter(found.values()))), **{k: share(v) for k, v in found.items()}}
            for kind, found in results.items()
        }

    def judge(self, label: dict, named: Objects, embedding: torch.Tensor) -> dict[str, bool]:
        """What a clip's caption got right. The objects of two halves may come in any order,
        for the pooling has no sense of time."""
        true = label["objects"]
        order = (lambda items: sorted(items)) if label["kind"] == "halves" else (lambda items: items)
        full = [tuple(o.get(k, "") for k in ("color", "shape", "size")) for o in named]
        want = [tuple(o[k] for k in ("color", "shape", "size")) for o in true]
        hits = {
            "colour+shape+size": order(full) == order(want),
            "colour+shape": order([f[:2] for f in full]) == order([w[:2] for w in want]),
        }
        if label["kind"] == "halves":
            # One of the two, not the colour of one with the shape of the other.
            hits["first named is one of them"] = bool(full) and full[0][:2] in [w[:2] for w in want]
            hits["both among the named"] = {w[:2] for w in want} <= {f[:2] for f in full}
            top = (self.label_embeddings @ embedding).topk(2).indices.tolist()
            hits["zero-shot top two"] = {self.label_pairs[t] for t in top} == set(strip(true))
        elif label["kind"] == "moving":
            top = int((self.label_embeddings @ embedding).argmax())
            hits["zero-shot colour+shape"] = self.label_pairs[top] == strip(true)[0]
        return hits


@torch.no_grad()
def quick_scores(model: CoCa, pixels: Preprocess, texts: Texts) -> dict[str, float]:
    """Small-sample scores, to follow training with."""
    tester = Tester(model, pixels, texts)
    one, two = tester.picture_scores(1, 2), tester.picture_scores(2, 1)
    return {
        **{k: one[k] for k in ("color", "shape", "size")},
        "one": one["colour+shape+size"],
        "zero_shot": one["zero-shot colour+shape"],
        "two": two["colour+shape+size"],
        "answers": round(sum(v for k, v in two.items() if k.startswith("question")) / 4, 4),
    }


def main() -> None:
    """Scores the committed half-precision weights, and a checkpoint's own if one is given."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--model", type=Path, required=True, help="model directory")
    parser.add_argument("--checkpoint", type=Path, help="a training checkpoint: scores its f32 weights too")
    parser.add_argument("--chunks", type=int, default=13, help=f"held-out sets of {CHUNK} pictures each")
    parser.add_argument("--clips", type=Path, help="folder of render_clips.py")
    parser.add_argument("--frames", type=int, default=8, help="frames per clip")
    args = parser.parse_args()
    torch.set_num_threads(1)
    config = read_config(args.model)
    models = {"f16 weights": load(args.model)}
    if args.checkpoint:
        exact = build(config)
        saved = torch.load(args.checkpoint, weights_only=True)
        exact.load_state_dict(saved["model"])
        with torch.no_grad():
            for param, value in zip(exact.parameters(), saved["ema"], strict=True):
                param.copy_(value)
        models["f32 weights"] = exact.eval()
    report: dict[str, dict] = {}
    for name, model in models.items():
        tester = Tester(model, preprocess(config), texts_of(args.model, config))
        report[name] = {f"{n} object(s)": tester.picture_scores(n, args.chunks) for n in (1, 2, 3)}
        if args.clips:
            report[name]["clips"] = tester.clip_scores(args.clips, args.frames)
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
