#!/usr/bin/env python3
"""Hold the tokenizer against OpenCLIP's, on generated texts and on every code point.

    tools/tokenizer_reference.py write                    write tests/data/tokenizer/
    tools/tokenizer_reference.py compare CATEGORY BLOCK   print the texts of a block that differ
    tools/tokenizer_reference.py code-points              print the code points that differ

Texts are not stored. `parts.json` holds what they are made of; this file and tests/tokenizer_digest.rs
make them of it. Text n of the category at place k draws from splitmix64 that starts at (k << 32) + n;
`below(m)` is its next number modulo m.

    text    least + below(most - least + 1) times a source, picked from the category's, and a join
    source  one or more terms, put behind each other: term+term
    term    an item of a list, or 1 + below(8) characters, each from a picked range of a set of
            ranges; then changed by each step behind it: name>step>step
    step    a codec: its characters for the UTF-8 bytes of the text; or `lose`: an item of the list
            `lost` in place of one character, picked

A category `code points` follows. Text n there is code point n / 4 of the assigned ones, in one of
four contexts.

`digest.txt` has, for each block of texts, the hashes of the texts and of their ids: FNV-1a of 64 bits,
over code points, and over the ids of CoCa's row of 76 up to the end token, with -1 behind each text.
A text that shows a code point which this Python does not know is left out: for those, the Unicode
version decides (docs/tokenizer.md).
"""

import argparse
import json
import subprocess
import sys
import unicodedata
from importlib.metadata import version
from pathlib import Path

import regex
from open_clip.tokenizer import SimpleTokenizer
from tokenizer_parts import CATEGORIES, CODECS, LISTS, RANGES

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "tests/data/tokenizer"
CONTEXT = 76
BLOCK = 1000
BLOCK_OF_CODE_POINTS = 40000
CODE_POINTS = "code points"
CONTEXTS = ["{}", "a{}b", " {} {}{}", "1{}!"]


class Random:
    def __init__(self, state):
        self.state = state

    def below(self, limit):
        mask = (1 << 64) - 1
        self.state = (self.state + 0x9E3779B97F4A7C15) & mask
        z = self.state
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & mask
        z = (z ^ z >> 27) * 0x94D049BB133111EB & mask
        return (z ^ z >> 31) % limit

    def pick(self, items):
        return items[self.below(len(items))]


def term(random, recipe):
    name, *steps = recipe.split(">")
    if name in LISTS:
        text = random.pick(LISTS[name])
    else:
        text = ""
        for _ in range(1 + random.below(8)):
            first, last = random.pick(RANGES[name])
            text += chr(first + random.below(last - first + 1))
    for step in steps:
        if step == "lose":
            place = random.below(len(text))
            text = text[:place] + random.pick(LISTS["lost"]) + text[place + 1 :]
        else:
            text = "".join(chr(b) if b < 0x80 else CODECS[step][b - 0x80] for b in text.encode())
    return text


def generate(place, n):
    _, sources, joins, least, most, _ = CATEGORIES[place]
    random = Random((place << 32) + n)
    text = ""
    for _ in range(least + random.below(most - least + 1)):
        for recipe in random.pick(sources.split()).split("+"):
            text += term(random, recipe)
        text += random.pick(LISTS[joins])
    return text


def categories():
    """Each category's name, the size of its blocks, and its texts."""
    for place, (name, *_, count) in enumerate(CATEGORIES):
        yield name, BLOCK, (generate(place, n) for n in range(count))
    codes = (code for first, last in RANGES["assigned"] for code in range(first, last + 1))
    texts = (context.replace("{}", chr(code)) for code in codes for context in CONTEXTS)
    yield CODE_POINTS, BLOCK_OF_CODE_POINTS, texts


def fnv(hash, values):
    for value in values:
        hash = (hash ^ value) * 0x100000001B3 & (1 << 64) - 1
    return hash


class Reference:
    def __init__(self):
        self.tokenizer = SimpleTokenizer(context_length=CONTEXT)
        self.special = dict(self.tokenizer.cache)

    def row(self, text):
        """The cleaned text, and its ids from start to end."""
        if len(self.tokenizer.cache) > 100_000:
            self.tokenizer.cache = dict(self.special)
        ids = self.tokenizer(text)[0].tolist()
        while ids[-1] == 0:
            ids.pop()
        return self.tokenizer.clean_fn(text), ids


def unknown(text):
    return any(unicodedata.category(c) == "Cn" for c in text)


def write():
    reference = Reference()
    start = 0xCBF29CE484222325
    lines, left_out, total = [], [], 0
    for name, size, texts in categories():
        hashes = {}
        for n, text in enumerate(texts):
            of_texts, of_ids = hashes.get(n // size, (start, start))
            clean, ids = reference.row(text)
            if unknown(clean):
                left_out.append((name, n))
            else:
                of_ids = fnv(of_ids, [*ids, (1 << 32) - 1])
                total += 1
            hashes[n // size] = fnv(of_texts, [*map(ord, text), (1 << 32) - 1]), of_ids
        lines += [f"{name}\t{block}\t{t:016x}\t{i:016x}" for block, (t, i) in hashes.items()]
        print(name, file=sys.stderr)
    versions = ", ".join(f"{name} {version(name)}" for name in ("open_clip_torch", "ftfy", "regex"))
    head = [
        f"# {versions}, Python {sys.version.split()[0]} (Unicode {unicodedata.unidata_version})",
        f"# {total} texts of tools/tokenizer_reference.py",
        "# category, block, hash of its texts, hash of its ids",
    ]
    FOLDER.mkdir(exist_ok=True)
    left = [f"left out\t{name}\t{n}" for name, n in left_out]
    (FOLDER / "digest.txt").write_text("\n".join([*head, *lines, *left]) + "\n")
    parts = {
        "block": BLOCK,
        "block_of_code_points": BLOCK_OF_CODE_POINTS,
        "contexts": CONTEXTS,
        "lists": LISTS,
        "ranges": RANGES,
        "codecs": CODECS,
        "categories": [
            dict(zip(("name", "sources", "joins", "least", "most", "count"), category))
            | {"sources": category[1].split()}
            for category in CATEGORIES
        ],
    }
    rows = json.dumps(parts, ensure_ascii=True, separators=(",", ":"))
    (FOLDER / "parts.json").write_text(rows + "\n")
    print(f"{total} texts, {len(left_out)} left out", file=sys.stderr)


def ours(texts):
    """What the program makes of texts: their rows."""
    command = ["cargo", "run", "--quiet", "--example", "ids", str(CONTEXT)]
    lines = "".join(json.dumps(text) + "\n" for text in texts)
    answer = subprocess.run(
        command, input=lines, text=True, stdout=subprocess.PIPE, cwd=ROOT, check=True
    )
    return [json.loads(line) for line in answer.stdout.splitlines()]


def compare(category, block):
    reference = Reference()
    size, texts = next((size, texts) for name, size, texts in categories() if name == category)
    texts = [text for n, text in enumerate(texts) if n // size == block]
    for text, ids in zip(texts, ours(texts), strict=True):
        clean, expected = reference.row(text)
        if ids != expected and not unknown(clean):
            print(f"{ascii(text)}\n    {ascii(clean)}\n    expected {expected}\n    found    {ids}")


def code_points():
    reference = Reference()
    codes = [code for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    texts = [context.replace("{}", chr(code)) for code in codes for context in CONTEXTS]
    found = iter(ours(texts))
    ranges = []
    for code in codes:
        differs = False
        for context in CONTEXTS:
            clean, expected = reference.row(context.replace("{}", chr(code)))
            differs |= next(found) != expected
        if not differs:
            continue
        c = chr(code)
        of = next(name for name in ("letter", "number", "any") if regex.match(rf"\p{{{name}}}", c))
        kind = (unicodedata.category(c), of)
        if ranges and ranges[-1][1] == code - 1 and ranges[-1][2] == kind:
            ranges[-1][1] = code
        else:
            ranges.append([code, code, kind])
    for first, last, kind in ranges:
        print(f"U+{first:04X}..U+{last:04X}", *kind)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("write")
    commands.add_parser("code-points")
    block = commands.add_parser("compare")
    block.add_argument("category", choices=[*(category[0] for category in CATEGORIES), CODE_POINTS])
    block.add_argument("block", type=int)
    arguments = parser.parse_args()
    if arguments.command == "write":
        write()
    elif arguments.command == "compare":
        compare(arguments.category, arguments.block)
    else:
        code_points()


if __name__ == "__main__":
    main()
