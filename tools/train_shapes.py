#!/usr/bin/env python3
"""Trains the built-in model `shapes`: OpenCLIP's own CoCa on pictures drawn on the fly.

Losses are CoCa's: 1 x contrastive + 2 x caption. Images only, never video. The learning
rate warms up, stays constant and falls linearly to zero before `--until`, so that the end
can be chosen (and changed, by resuming) at any time. A checkpoint is written every few
minutes and on SIGTERM; `--resume` goes on from it with the very batch that comes next,
because every batch is a function of seed, step and worker.

Workers are processes with one thread each that average their gradients: on CPU cores that
other programs use too, one meeting per step costs far less than one per operation.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import signal
import time
from datetime import datetime
from pathlib import Path

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
import torch.nn.functional as F
from open_clip.coca_model import CoCa
from open_clip.loss import CoCaLoss

from eval_shapes import quick_scores
from shapes_model import build, export, initialise, preprocess, read_config, texts_of
from shapes_optim import Muon, is_hidden
from shapes_world import Mix, make_batch

# (first step, mix): single, large objects first; shapes are learned far sooner that way.
CURRICULUM = (
    (0, Mix(counts=(0.92, 0.08, 0.0), sizes=(0.05, 0.30, 0.65))),
    (1200, Mix(counts=(0.65, 0.30, 0.05), sizes=(0.20, 0.35, 0.45))),
    (3000, Mix()),
)
WARMUP_STEPS = 200
EMA_DECAY = 0.998
# From this step on, this share of the batches is encoded in two parts.
PARTS_FROM, PARTS_SHARE = 2848, 0.35


def mix_at(step: int) -> Mix:
    """The curriculum stage of a step."""
    return [mix for first, mix in CURRICULUM if step >= first][-1]


def encode_in_parts(model: CoCa, images: torch.Tensor, rng: random.Random) -> tuple[torch.Tensor, torch.Tensor]:
    """Embedding and context of single pictures whose patches go through the trunk in two
    overlapping parts, which meet only in the pooler.

    Otherwise every token of the trunk learns to know the whole picture, its number of
    objects above all, and pooling over the tokens of several pictures, which training
    never shows, finds nothing but claims of "one object"."""
    visual = model.visual
    tokens = visual._embeds(images)
    side = visual.grid_size[0]
    cells = torch.arange(side * side).view(side, side)
    if rng.random() < 0.5:
        cells = cells.T
    cut, overlap = rng.randint(2, side - 2), rng.randint(0, 3)
    halves = []
    for part in (cells[: cut + overlap], cells[cut:]):
        chosen = tokens[:, 1 + part.flatten()]
        halves.append(visual.transformer(torch.cat([tokens[:, :1], chosen], dim=1)))
    pooled, context = visual._pool(torch.cat(halves, dim=1))
    return F.normalize(pooled @ visual.proj, dim=-1), context


class Trainer:
    """The state of one worker."""

    def __init__(self, rank: int, args: argparse.Namespace) -> None:
        self.rank, self.args = rank, args
        torch.set_num_threads(1)
        torch.manual_seed(args.seed)
        config = read_config(args.model)
        self.model = build(config)
        initialise(self.model)
        self.pixels = preprocess(config)
        self.texts = texts_of(args.model, config)
        self.loss = CoCaLoss(caption_loss_weight=2.0, clip_loss_weight=1.0, pad_id=0)
        named = list(self.model.named_parameters())
        self.params = [p for _, p in named]
        hidden = [p for n, p in named if is_hidden(n, p)]
        rest = [p for n, p in named if not is_hidden(n, p)]
        self.muon = Muon(hidden, rank, args.workers)
        self.adam = torch.optim.AdamW(rest, lr=args.adam_lr, betas=(0.9, 0.98), weight_decay=0.0)
        self.ema = [p.detach().clone() for p in self.params]
        self.step, self.images, self.seconds = 0, 0, 0.0
        self.stop_asked = False
        # Gradients live in one buffer, so that one exchange averages them all; the last
        # element carries the learning-rate factor, which only worker 0 decides.
        self.flat = torch.zeros(sum(p.numel() for p in self.params) + 1)
        offset = 0
        for p in self.params:
            p.grad = self.flat[offset : offset + p.numel()].view(p.shape)
            offset += p.numel()

    def factor(self) -> float:
        """The learning-rate factor now; zero means the end, less than that an early stop."""
        if self.stop_asked:
            return -1.0
        left = (self.args.until - time.time()) / (self.args.cooldown * 60)
        return max(0.0, min(1.0, (self.step + 1) / WARMUP_STEPS, left))

    def losses(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Contrastive and caption loss of this worker's next batch."""
        args = self.args
        index = self.step * args.workers + self.rank
        batch = make_batch(args.seed, index, args.batch, self.pixels.side, mix_at(self.step))
        ids = self.texts.rows(batch.texts)
        images = self.pixels.normalise(batch.images)
        rng = random.Random(f"parts/{args.seed}/{index}")
        in_parts = self.step >= PARTS_FROM and rng.random() < PARTS_SHARE
        with torch.autocast("cpu", torch.bfloat16, enabled=args.bf16):
            if in_parts:
                latent, context = encode_in_parts(self.model, images, rng)
                out = self.model(None, ids, image_latent=latent, image_embs=context)
            else:
                out = self.model(images, ids)
        tells_apart = batch.captioned
        return self.loss(
            image_features=out["image_features"].float()[tells_apart],
            text_features=out["text_features"].float()[tells_apart],
            logits=out["logits"].float(),
            labels=out["labels"],
            logit_scale=out["logit_scale"],
        )

    def train_step(self) -> tuple[float, float, float]:
        """One step; gives both losses and the learning-rate factor used."""
        self.flat.zero_()
        contrastive, captioning = self.losses()
        (contrastive + captioning).backward()
        self.flat[-1] = self.factor() if self.rank == 0 else 0.0
        if self.args.workers > 1:
            dist.all_reduce(self.flat)
        factor = float(self.flat[-1])
        if factor < 0:
            return 0.0, 0.0, factor
        grads = self.flat[:-1].div_(self.args.workers)
        grads.mul_(min(1.0, 1.0 / (float(grads.norm()) + 1e-6)))
        self.muon.step(self.args.muon_lr * factor, weight_decay=0.03)
        for group in self.adam.param_groups:
            group["lr"] = self.args.adam_lr * factor
        self.adam.step()
        with torch.no_grad():
            self.model.logit_scale.clamp_(max=math.log(100.0))
            decay = min(EMA_DECAY, (1 + self.step) / (10 + self.step))
            torch._foreach_lerp_(self.ema, [p.detach() for p in self.params], 1 - decay)
        self.step += 1
        self.images += self.args.batch * self.args.workers
        return contrastive.item(), captioning.item(), factor

    def averaged_state(self) -> dict[str, torch.Tensor]:
        """The state dict with the averaged weights in place of the latest ones."""
        state = self.model.state_dict()
        names = [n for n, _ in self.model.named_parameters()]
        return {**state, **dict(zip(names, self.ema, strict=True))}

    def save(self) -> None:
        """Writes the checkpoint, atomically."""
        path = self.args.run / "checkpoint.pt"
        partial = path.with_suffix(".partial")
        torch.save(
            {
                "model": self.model.state_dict(),
                "ema": self.ema,
                "muon": self.muon.state_dict(),
                "adam": self.adam.state_dict(),
                "step": self.step,
                "images": self.images,
                "seconds": self.seconds,
                "rng": torch.get_rng_state(),
            },
            partial,
        )
        os.replace(partial, path)

    def resume(self) -> None:
        """Goes on from the checkpoint."""
        state = torch.load(self.args.run / "checkpoint.pt", weights_only=True)
        self.model.load_state_dict(state["model"])
        for own, saved in zip(self.ema, state["ema"], strict=True):
            own.copy_(saved)
        self.muon.load_state_dict(state["muon"])
        self.adam.load_state_dict(state["adam"])
        self.step, self.images = state["step"], state["images"]
        self.seconds = state["seconds"]
        torch.set_rng_state(state["rng"])

    def log(self, **values: object) -> None:
        """One JSON object a line, on the terminal and in the run's log."""
        line = json.dumps({"step": self.step, "images": self.images, **values})
        print(line, flush=True)
        with open(self.args.run / "log.jsonl", "a", encoding="utf-8") as out:
            out.write(line + "\n")

    def report(self) -> None:
        """Held-out scores of the averaged weights; also exports them."""
        state = self.averaged_state()
        tester = build(read_config(self.args.model))
        tester.load_state_dict(state)
        scores = quick_scores(tester.eval(), self.pixels, self.texts)
        self.log(minutes=round(self.seconds / 60, 1), **scores)
        export(state, self.args.run)


def worker(rank: int, args: argparse.Namespace) -> None:
    """The training loop of one worker; worker 0 also logs, tests and saves."""
    if args.workers > 1:
        store = f"file://{args.run.resolve()}/rendezvous"
        dist.init_process_group("gloo", init_method=store, rank=rank, world_size=args.workers)
    trainer = Trainer(rank, args)
    if args.resume:
        trainer.resume()
    signal.signal(signal.SIGTERM, lambda *_: setattr(trainer, "stop_asked", True))
    saved = began = time.time()
    spent = trainer.seconds
    recent: list[tuple[float, float]] = []
    pace = (began, trainer.images)
    while True:
        contrastive, captioning, factor = trainer.train_step()
        trainer.seconds = spent + time.time() - began
        if factor <= 0:
            break
        if rank == 0:
            recent.append((contrastive, captioning))
            now = time.time()
            if trainer.step % 100 == 0:
                rate = (trainer.images - pace[1]) / (now - pace[0])
                pace = (now, trainer.images)
                means = [round(sum(x) / len(recent), 4) for x in zip(*recent)]
                recent.clear()
                trainer.log(contrastive=means[0], caption=means[1], lr=round(factor, 3), rate=round(rate))
            if now - saved > args.save_minutes * 60:
                trainer.save()
                saved = now
            if trainer.step % args.test_every == 0:
                trainer.report()
    if rank == 0:
        trainer.save()
        if factor == 0.0:
            trainer.report()
    if args.workers > 1:
        dist.barrier()
        dist.destroy_process_group()


def clock(text: str) -> float:
    """Today's HH:MM, or a full ISO time, as seconds since the epoch."""
    if len(text) == 5:
        hours, minutes = map(int, text.split(":"))
        return datetime.now().replace(hour=hours, minute=minutes, second=0).timestamp()
    return datetime.fromisoformat(text).timestamp()


def main() -> None:
    """Reads the options and starts the workers."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--model", type=Path, required=True, help="directory with config and tokenizer")
    parser.add_argument("--run", type=Path, required=True, help="directory for checkpoint, log and weights")
    parser.add_argument("--until", type=clock, required=True, help="when to end: HH:MM or an ISO time")
    parser.add_argument("--cooldown", type=float, default=25.0, help="minutes of falling learning rate")
    parser.add_argument("--resume", action="store_true", help="go on from the run's checkpoint")
    parser.add_argument("--workers", type=int, default=2, help="processes of one thread each")
    parser.add_argument("--batch", type=int, default=32, help="images per worker and step")
    parser.add_argument("--bf16", action="store_true", help="bfloat16 products (faster where the CPU has them)")
    parser.add_argument("--muon-lr", type=float, default=0.01)
    parser.add_argument("--adam-lr", type=float, default=1.5e-3)
    parser.add_argument("--seed", type=int, default=1, help="training data and starting weights")
    parser.add_argument("--save-minutes", type=float, default=3.0)
    parser.add_argument("--test-every", type=int, default=500, help="steps between held-out tests")
    args = parser.parse_args()
    args.run.mkdir(parents=True, exist_ok=True)
    (args.run / "rendezvous").unlink(missing_ok=True)
    if args.workers == 1:
        worker(0, args)
    else:
        crew = mp.spawn(worker, args=(args,), nprocs=args.workers, join=False)
        signal.signal(signal.SIGTERM, lambda *_: [p.terminate() for p in crew.processes])
        while not crew.join():
            pass


if __name__ == "__main__":
    main()
