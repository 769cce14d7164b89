#!/usr/bin/env python3
"""Scores the built-in model on the world's benchmark in PyTorch, to hold `vcoca-gpu eval` against.

Prints the shares that need no more than counting: labels, captions by meaning, answers and ranks, in
per cent, and those of parts of the set, which `eval` does not tell apart.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
from pathlib import Path

import torch
import torch.nn.functional as F

from render_world import KINDS
from shapes_model import greedy, load, preprocess, read_config, texts_of
from shapes_texts import parse
from shapes_video import Pooled, decode, pool, prepare, sample

Shares = dict[tuple[str, str], list[bool]]  # of hits, by figure and way of pooling


class Tester:
    """A model with what it needs to read clips and texts."""

    def __init__(self, directory: Path, frames: int) -> None:
        config = read_config(directory)
        self.model, self.pixels = load(directory), preprocess(config)
        self.texts, self.frames = texts_of(directory, config), frames
        self.shares: Shares = {}

    def hit(self, way: str, figures: tuple[str, ...], hit: bool) -> None:
        """Counts one clip, text or answer in each of the figures."""
        for figure in figures:
            self.shares.setdefault((figure, way), []).append(hit)

    def clip(self, path: Path) -> dict[str, Pooled]:
        """A video by each way of pooling."""
        video = decode(path, 256, 192)
        taken = [prepare(video[i], self.pixels.side) for i in sample(len(video), self.frames)]
        return pool(self.model, self.pixels, torch.stack(taken))

    @torch.no_grad()
    def embed(self, texts: list[str]) -> torch.Tensor:
        """(N, E), of length one."""
        return F.normalize(self.model.encode_text(self.texts.rows(texts)), dim=-1)

    def classification(self, folder: Path, template: str) -> None:
        """UCF101's layout."""
        names = [line.split()[1] for line in (folder / "classInd.txt").read_text().splitlines()]
        words = [" ".join(re.findall("[A-Z][a-z]*", name)).lower() for name in names]
        labels = self.embed([template.format(label) for label in words])
        for name in (folder / "testlist01.txt").read_text().splitlines():
            truth = names.index(name.split("/")[0])
            kind = "top-1, with a distractor" if "_c02." in name else "top-1, alone"
            for way, pooled in self.clip(folder / "videos" / name).items():
                best = (labels @ pooled.embedding).topk(5).indices.tolist()
                self.hit(way, ("top-1", kind), best[0] == truth)
                self.hit(way, ("top-5",), truth in best)

    def videos(self, folder: Path, answers: Path) -> None:
        """MSR-VTT's and MSRVTT-QA's layouts: captions, answers and retrieval."""
        with open(folder / "MSRVTT_JSFUSION_test.csv", encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        videos = json.loads((folder / "MSRVTT_data.json").read_text())["videos"]
        kinds = {video["video_id"]: KINDS[video["category"]] for video in videos}
        questions: dict[str, list[dict]] = {}
        for asked in json.loads((answers / "test_qa.json").read_text()):
            questions.setdefault(f"video{asked['video_id']}", []).append(asked)
        found: dict[str, list[torch.Tensor]] = {}
        for row in rows:
            name, truth = row["video_id"], parse(row["sentence"])
            for way, pooled in self.clip(folder / "videos" / f"{name}.mp4").items():
                found.setdefault(way, []).append(pooled.embedding)
                said = parse(greedy(self.model, pooled.context, self.texts)[0])
                self.hit(way, ("caption", f"caption, {kinds[name]}"), said == truth)
                self.answers(way, pooled, kinds[name], questions[name])
        sentences = self.embed([row["sentence"] for row in rows])
        for way, embeddings in found.items():
            scores = sentences @ torch.stack(embeddings).T
            for direction, of in (("text to video", scores), ("video to text", scores.T)):
                better = (of > of.diagonal()[:, None]).sum(dim=1).tolist()
                for row, rank in zip(rows, better):
                    self.hit(way, (f"{direction}, R@1, {kinds[row['video_id']]}",), rank < 1)
                    for top in (1, 5, 10):
                        self.hit(way, (f"{direction}, R@{top}",), rank < top)

    def answers(self, way: str, pooled: Pooled, kind: str, asked: list[dict]) -> None:
        """The questions about one video."""
        prompts = [f"question: {one['question']} answer:" for one in asked]
        context = pooled.context.expand(len(asked), -1, -1)
        for one, said in zip(asked, greedy(self.model, context, self.texts, prompts)):
            about = next(w for w in ("color", "shape", "size", "many") if f" {w} " in one["question"])
            figures = ("answer", f"answer, {kind}", f"answer, {about}")
            self.hit(way, figures, said == one["answer"])


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("world", type=Path, help="folder of render_world.py")
    parser.add_argument("--model", type=Path, default=Path("models/shapes"), help="model directory")
    parser.add_argument("--template", default="{}", help="what a label is put into")
    parser.add_argument("--frames", type=int, default=8, help="frames of each clip")
    args = parser.parse_args()
    torch.set_num_threads(1)
    tester = Tester(args.model, args.frames)
    tester.classification(args.world / "ucf101", args.template)
    tester.videos(args.world / "msrvtt", args.world / "msrvtt-qa")
    ways = list(dict.fromkeys(way for _, way in tester.shares))
    print(f"{'':28}", *(f"{way:>12}" for way in ways), f"{'of':>5}")
    for figure in sorted({figure for figure, _ in tester.shares}):
        hits = [tester.shares[figure, way] for way in ways]
        print(f"{figure:28}", *(f"{sum(h) / len(h):12.1%}" for h in hits), f"{len(hits[0]):5}")


if __name__ == "__main__":
    main()
