"""What is said about the shapes world: captions, questions, labels, and how to read them back."""

from __future__ import annotations

import random

SHAPES = ("circle", "ring", "square", "bar", "triangle", "cross", "star", "heart")
COLORS = ("red", "orange", "yellow", "green", "cyan", "blue", "purple", "pink", "white", "black")
SIZES = ("small", "medium", "large")
COUNTS = ("one", "two", "three")
BACKGROUNDS = ("plain", "gradient", "noisy")
MAX_OBJECTS = len(COUNTS)
QUESTIONS = ("color", "shape", "size", "count")


def describe(obj: dict[str, str], with_size: bool = True) -> str:
    """`a large red star`."""
    words = [obj["color"], obj["shape"]]
    if with_size:
        words.insert(0, obj["size"])
    article = "an" if words[0][0] in "aeiou" else "a"
    return " ".join([article, *words])


def caption(rng: random.Random, objects: list[dict[str, str]], background: str) -> str:
    """One of several phrasings; the objects always come from left to right."""
    roll = rng.random()
    text = " and ".join(describe(o, with_size=roll >= 0.2) for o in objects)
    if roll < 0.70:
        return text
    if roll < 0.80:
        return f"a photo of {text}"
    if roll < 0.90 or len(objects) == MAX_OBJECTS:
        return f"there is {text}"
    return f"{text} on a {background} background"


def ask(
    rng: random.Random, objects: list[dict[str, str]], kinds: tuple[str, ...] = QUESTIONS
) -> tuple[str, str]:
    """A question about one picture and its answer."""
    obj = rng.choice(objects)
    kind = rng.choice(kinds)
    if kind == "color":
        return f"what color is the {obj['shape']}?", obj["color"]
    if kind == "shape":
        return f"what shape is the {obj['color']} object?", obj["shape"]
    if kind == "size":
        return f"what size is the {obj['shape']}?", obj["size"]
    return "how many objects are there?", COUNTS[len(objects) - 1]


def question(rng: random.Random, objects: list[dict[str, str]]) -> tuple[str, str]:
    """A question in the form that the model learns, and its answer."""
    text, answer = ask(rng, objects)
    return f"question: {text} answer:", answer


def label_texts() -> list[str]:
    """The zero-shot labels: every colour with every shape."""
    return [describe({"color": c, "shape": s}, with_size=False) for c in COLORS for s in SHAPES]


def parse(text: str) -> list[dict[str, str]]:
    """The objects a caption names, by meaning: a shape word ends an object and takes the
    last colour and size said before it."""
    found: list[dict[str, str]] = []
    current: dict[str, str] = {}
    for word in text.lower().replace(",", " ").replace(".", " ").split():
        if word in SIZES:
            current["size"] = word
        elif word in COLORS:
            current["color"] = word
        elif word in SHAPES:
            found.append({**current, "shape": word})
            current = {}
    return found


def words() -> list[str]:
    """Every word and sign of the world's texts, and a few that users are likely to type."""
    fixed = (
        "a an and photo picture video of there is are the on background question answer "
        "what color colour shape shapes size how many object objects moving with in : ? . ,"
    )
    return sorted({*fixed.split(), *SHAPES, *SIZES, *COUNTS, *COLORS, *BACKGROUNDS})
