#!/usr/bin/env python3
"""Cut CLIP's merges out of the vocabulary file in the open_clip package: models/clip/merges.txt.

That file, OpenAI's bpe_simple_vocab_16e6.txt.gz, lists 262,144 merges; CLIP uses as many as fit into
49,408 ids beside 256 bytes, 256 bytes that end a word, and the two tokens that start and end a text.
"""

import gzip
from pathlib import Path

from open_clip.tokenizer import default_bpe

VOCABULARY = 49408
FOLDER = Path(__file__).resolve().parent.parent / "models/clip"


def main():
    lines = gzip.open(default_bpe(), "rt", encoding="utf-8").read().split("\n")
    merges = lines[1 : 1 + VOCABULARY - 256 - 256 - 2]  # the first line is a title
    text = "".join(line + "\n" for line in ["#version: 0.2", *merges])
    (FOLDER / "merges.txt").write_text(text, encoding="utf-8")
    print(f"{len(merges)} merges, {len(text.encode())} bytes")


if __name__ == "__main__":
    main()
