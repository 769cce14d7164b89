#!/usr/bin/env python3
"""Renders a benchmark of the shapes world in the layouts of public ones.

`ucf101/`: one moving object a clip, to be classified by colour and shape. The second clip of each
group has a distractor: a small still object of a pair that is no class.
`msrvtt/`: one to three objects, or two scenes one after the other, with captions; `msrvtt-qa/` asks
about the same videos.
`moments/`: long videos of many shots; the object of the query is to be seen in one of them only.

The same seed gives the same pictures and annotations. The part `small` is what the tests read.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
from dataclasses import dataclass
from itertools import count, product
from pathlib import Path

import torch

from shapes_clips import ONE, THREE, TWO, Film, Objects, draw_frames, encode, find_scene
from shapes_texts import BACKGROUNDS, COLORS, QUESTIONS, SHAPES, SIZES, ask, caption, describe
from shapes_world import Mix, Scenes, draw_background, draw_objects, draw_paints, generator

SEED = 800_001
Pair = tuple[str, str]  # colour and shape
PAIRS: list[Pair] = list(product(COLORS, SHAPES))
# Half of all pairs, so that the other half is left for distractors; every colour and every shape
# is in several.
CLASSES = sorted(p for p in PAIRS if (COLORS.index(p[0]) + SHAPES.index(p[1])) % 2 == 0)
SMALL = Mix(counts=(1.0, 0.0, 0.0), sizes=(1.0, 0.0, 0.0))
LARGER = Mix(counts=(1.0, 0.0, 0.0), sizes=(0.0, 0.5, 0.5))
# Kinds of MSR-VTT's videos come in this order, again and again; their numbers are the categories.
KINDS = ("one", "two", "three", "scenes")
ORDER = ("one", "two", "three", "scenes", "one", "two", "one", "two", "three", "scenes")
MIXES = {"one": ONE, "two": TWO, "three": THREE, "scenes": ONE}
REFERENCES = 5
LONG = Film(width=160, height=120, rate=10)


@dataclass(frozen=True)
class Part:
    """How much of the set there is."""

    classes: int  # that have clips; all of them are labels
    groups: int  # of two test clips each, for every class; one more clip is for training
    videos: int  # of MSR-VTT: the first for training, then those for validation
    train: int
    validate: int
    questions: int  # about each video
    moments: int
    seconds: tuple[int, int]  # the least and the greatest length of a long video


PARTS = {
    "small": Part(5, 1, 12, 1, 1, 2, 1, (30, 30)),
    "all": Part(len(CLASSES), 5, 300, 20, 10, 2, 12, (30, 60)),
}


def pair(thing: dict[str, str]) -> Pair:
    """The colour and the shape of an object."""
    return thing["color"], thing["shape"]


def class_name(thing: Pair) -> str:
    """As UCF101 writes its classes: `RedStar`."""
    return "".join(word.capitalize() for word in thing)


def length(gen: torch.Generator, film: Film, low: float, high: float) -> int:
    """A number of frames, for `low` to `high` seconds."""
    return int(torch.randint(int(low * film.rate), int(high * film.rate) + 1, (1,), generator=gen))


def still(gen: torch.Generator, backdrop: torch.Tensor, scene: Scenes, film: Film) -> torch.Tensor:
    """The backdrop with a scene's objects painted on it."""
    scene.x = scene.x + film.left
    return draw_objects(backdrop, scene, draw_paints(gen, scene))


def write_json(path: Path, value: object) -> None:
    """One JSON document."""
    path.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")


def write_lines(path: Path, lines: list[str]) -> None:
    """Lines that end in a newline each."""
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


# UCF101


def action(
    gen: torch.Generator, thing: Pair, backdrop: torch.Tensor, distract: bool, film: Film
) -> torch.Tensor:
    """The frames of one clip of a class; a distractor lies still, and the object may pass over it."""
    want = {"color": thing[0], "shape": thing[1]}
    if distract:
        other = find_scene(gen, SMALL, avoid=[want])
        while pair(other.objects(0)[0]) in CLASSES:
            other = find_scene(gen, SMALL, avoid=[want])
        backdrop = still(gen, backdrop, other, film)
    scene = find_scene(gen, LARGER if distract else ONE, [want])
    return draw_frames(gen, scene, length(gen, film, 2, 3), film, backdrop)


def ucf101(output: Path, part: Part, seed: int, film: Film) -> None:
    """Class folders and the lists of split 1. The clips of one group share their background."""
    videos = output / "videos"
    # Far enough apart in the list to differ in colour and in shape.
    shown = CLASSES if part.classes == len(CLASSES) else CLASSES[1 :: len(CLASSES) // part.classes + 1]
    names = [class_name(thing) for thing in CLASSES]
    test, train = [], []
    streams = (generator(seed, index) for index in count())
    for thing in shown:
        name = class_name(thing)
        (videos / name).mkdir(parents=True, exist_ok=True)
        for group in range(1, part.groups + 2):
            gen = next(streams)
            backdrop = draw_background(gen, find_scene(gen, ONE), film.height, film.width)
            last = group > part.groups
            for clip in (1,) if last else (1, 2):
                file = f"{name}/v_{name}_g{group:02}_c{clip:02}.mp4"
                encode(action(gen, thing, backdrop, clip == 2, film), videos / file, film)
                if last:
                    train.append(f"{file} {names.index(name) + 1}")
                else:
                    test.append(file)
    write_lines(output / "classInd.txt", [f"{number} {name}" for number, name in enumerate(names, 1)])
    write_lines(output / "trainlist01.txt", train)
    write_lines(output / "testlist01.txt", test)


# MSR-VTT and MSRVTT-QA


@dataclass
class Video:
    """One clip as it is annotated. The objects stand from left to right, or in order of time."""

    kind: str
    objects: Objects
    background: str
    seconds: float

    @property
    def sentence(self) -> str:
        """What tells it from every other video of the set."""
        return " and ".join(describe(thing) for thing in self.objects)

    def captions(self, rng: random.Random) -> list[str]:
        """Different phrasings, the sentence first."""
        drawn = (caption(rng, self.objects, self.background) for _ in range(8 * REFERENCES))
        return list(dict.fromkeys([self.sentence, *drawn]))[:REFERENCES]

    def questions(self, rng: random.Random, number: int) -> list[tuple[str, str]]:
        """Different questions with their answers. Two scenes are not asked for a number."""
        kinds = QUESTIONS[:-1] if self.kind == "scenes" else QUESTIONS
        found: dict[str, str] = {}
        while len(found) < number:
            text, answer = ask(rng, self.objects, kinds)
            found[text] = answer
        return list(found.items())


def video(gen: torch.Generator, kind: str, film: Film) -> tuple[torch.Tensor, Video]:
    """The frames of one clip, and what it shows."""
    scenes, shown = [], []
    for _ in range(2 if kind == "scenes" else 1):
        scenes.append(find_scene(gen, MIXES[kind], avoid=shown))
        # Captions name one kind of background.
        scenes[-1].background = scenes[0].background
        shown += scenes[-1].objects(0)
    frames = length(gen, film, 1, 1.5) if kind == "scenes" else length(gen, film, 2, 3)
    pixels = torch.cat([draw_frames(gen, scene, frames, film) for scene in scenes])
    background = BACKGROUNDS[int(scenes[0].background)]
    return pixels, Video(kind, shown, background, pixels.shape[0] / film.rate)


def msrvtt(output: Path, answers: Path, part: Part, seed: int, film: Film) -> None:
    """Videos with captions and, in a folder of their own, questions about them."""
    (output / "videos").mkdir(parents=True, exist_ok=True)
    answers.mkdir(parents=True, exist_ok=True)
    rng = random.Random(seed)
    streams = (generator(seed, index) for index in count())
    told: set[str] = set()
    info, sentences, pairs = [], [], []
    asked: dict[str, list[dict]] = {"train": [], "validate": [], "test": []}
    numbers = count()
    for number in range(part.videos):
        kind = ORDER[number % len(ORDER)]
        while True:
            pixels, clip = video(next(streams), kind, film)
            if clip.sentence not in told:
                break
        told.add(clip.sentence)
        name = f"video{number}"
        encode(pixels, output / "videos" / f"{name}.mp4", film)
        split = "train" if number < part.train else "test"
        if part.train <= number < part.train + part.validate:
            split = "validate"
        info.append({
            "category": KINDS.index(kind), "url": "", "video_id": name, "start time": 0.0,
            "end time": clip.seconds, "split": split, "id": number,
        })
        for text in clip.captions(rng):
            sentences.append({"caption": text, "video_id": name, "sen_id": len(sentences)})
        if split == "test":
            pairs.append([f"ret{len(pairs)}", f"msr{number}", name, clip.sentence])
        for text, answer in clip.questions(rng, part.questions):
            asked[split].append({
                "answer": answer, "category_id": KINDS.index(kind), "id": next(numbers),
                "question": text, "video_id": number,
            })
    about = {"description": "the shapes world in MSR-VTT's layout", "version": "1"}
    write_json(output / "MSRVTT_data.json", {"info": about, "videos": info, "sentences": sentences})
    with open(output / "MSRVTT_JSFUSION_test.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows([["key", "vid_key", "video_id", "sentence"], *pairs])
    for split, file in (("train", "train"), ("validate", "val"), ("test", "test")):
        write_json(answers / f"{file}_qa.json", asked[split])


# Moments


def shots(gen: torch.Generator, film: Film, frames: int) -> list[int]:
    """Lengths of shots, 4 to 8 s each, that take so many frames in all."""
    lengths = []
    while frames >= 2 * 4 * film.rate:
        lengths.append(min(length(gen, film, 4, 8), frames - 4 * film.rate))
        frames -= lengths[-1]
    return [*lengths, frames]


def filler(gen: torch.Generator, mine: dict[str, str], sought: set[Pair]) -> Scenes:
    """A scene that is not asked for in any video, and has nothing of this one's object."""
    mix = Mix(counts=(0.6, 0.4, 0.0))
    while True:
        scene = find_scene(gen, mix, avoid=[mine])
        if not any(pair(thing) in sought for thing in scene.objects(0)):
            return scene


def moments(output: Path, part: Part, seed: int, film: Film) -> None:
    """Long videos, and where in each its query is to be seen: times in seconds, the end excluded."""
    (output / "videos").mkdir(parents=True, exist_ok=True)
    rng = random.Random(seed)
    chosen = rng.sample(PAIRS, part.moments)
    lines = []
    for number, thing in enumerate(chosen):
        gen = generator(seed, number)
        want = {"size": rng.choice(SIZES), "color": thing[0], "shape": thing[1]}
        total, moment = length(gen, film, *part.seconds), length(gen, film, 3, 6)
        start = length(gen, film, 8, (total - moment) / film.rate - 8)
        before, after = shots(gen, film, start), shots(gen, film, total - moment - start)
        sought = set(chosen)
        pixels = [
            *(draw_frames(gen, filler(gen, want, sought), n, film) for n in before),
            draw_frames(gen, find_scene(gen, ONE, [want]), moment, film),
            *(draw_frames(gen, filler(gen, want, sought), n, film) for n in after),
        ]
        name = f"long_{number:03}.mp4"
        encode(torch.cat(pixels), output / "videos" / name, film)
        span = {"start": start / film.rate, "end": (start + moment) / film.rate}
        lines.append(json.dumps({"video": name, **span, "query": describe(want)}))
    write_lines(output / "moments.jsonl", lines)


def main() -> None:
    """Renders a part of the set. `moments.jsonl` is written last."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("output", type=Path, help="folder to write to")
    parser.add_argument("--part", choices=PARTS, default="all")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--quantizer", type=int, default=27, help="of x264 (higher is coarser)")
    args = parser.parse_args()
    torch.set_num_threads(1)
    film = Film(quantizer=args.quantizer)
    part = PARTS[args.part]
    ucf101(args.output / "ucf101", part, args.seed, film)
    msrvtt(args.output / "msrvtt", args.output / "msrvtt-qa", part, args.seed + 1, film)
    moments(args.output / "moments", part, args.seed + 2, LONG)


if __name__ == "__main__":
    main()
