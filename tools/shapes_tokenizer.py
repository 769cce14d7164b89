#!/usr/bin/env python3
"""Builds models/shapes/tokenizer.json: a byte-level BPE in CLIP's manner, a few hundred entries.

Same normaliser, pre-tokeniser and `</w>` suffix as CLIP's tokenizer, so that one code
path serves both. Every word of the world is one token; all 256 bytes are there, so any
text can be tokenised. Id 0 is the pad, the last two ids are SOT and EOT.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path

import torch
from tokenizers import Tokenizer

from shapes_texts import words

PAD, SOT, EOT = "<pad>", "<start_of_text>", "<end_of_text>"
SUFFIX = "</w>"
PATTERN = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"


def byte_alphabet() -> list[str]:
    """The printable stand-in of each byte, in GPT-2's order."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in printable]
    return [chr(b) for b in printable] + [chr(256 + i) for i in range(len(others))]


def learn_merges(vocabulary: list[str]) -> list[tuple[str, str]]:
    """Merges the commonest neighbours until every word is one token."""
    pieces = {w: [*w[:-1], w[-1] + SUFFIX] for w in vocabulary}
    merges: list[tuple[str, str]] = []
    while True:
        pairs = Counter(p for parts in pieces.values() for p in zip(parts, parts[1:]))
        if not pairs:
            return merges
        best = min(pairs, key=lambda p: (-pairs[p], p))
        merges.append(best)
        for word, parts in pieces.items():
            merged: list[str] = []
            for part in parts:
                # Merging left to right, as the tokenizer will.
                if merged and (merged[-1], part) == best:
                    merged[-1] += part
                else:
                    merged.append(part)
            pieces[word] = merged


def build() -> dict:
    """The contents of tokenizer.json."""
    alphabet = byte_alphabet()
    merges = learn_merges([w for w in words() if len(w) > 1])
    entries = [PAD, *alphabet, *(c + SUFFIX for c in alphabet)]
    # Different merges can spell the same entry.
    entries += dict.fromkeys(a + b for a, b in merges)
    entries += [SOT, EOT]
    vocab = {token: i for i, token in enumerate(entries)}
    special = {
        "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True,
    }
    byte_level = {"add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        # The pad is an ordinary entry that no merge can spell: typed text never yields it.
        "added_tokens": [{"id": vocab[t], "content": t, **special} for t in (SOT, EOT)],
        "normalizer": {
            "type": "Sequence",
            "normalizers": [
                {"type": "NFC"},
                {"type": "Replace", "pattern": {"Regex": r"\s+"}, "content": " "},
                {"type": "Lowercase"},
            ],
        },
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [
                {"type": "Split", "pattern": {"Regex": PATTERN}, "behavior": "Removed", "invert": True},
                {"type": "ByteLevel", **byte_level},
            ],
        },
        "post_processor": None,
        "decoder": {
            "type": "Sequence",
            "decoders": [
                {"type": "ByteLevel", **byte_level},
                {"type": "Replace", "pattern": {"String": SUFFIX}, "content": " "},
                {"type": "Strip", "content": " ", "start": 0, "stop": 1},
            ],
        },
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": "",
            "end_of_word_suffix": SUFFIX,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": vocab,
            "merges": [list(m) for m in merges],
        },
    }


class Texts:
    """Texts to padded id rows and back, as the model wants them."""

    def __init__(self, path: Path, context_length: int) -> None:
        self.tokenizer = Tokenizer.from_file(str(path))
        self.context_length = context_length
        self.vocab_size = self.tokenizer.get_vocab_size()
        self.sot, self.eot = self.vocab_size - 2, self.vocab_size - 1

    def ids(self, text: str) -> list[int]:
        """The ids of a text, without SOT, EOT and pads."""
        return self.tokenizer.encode(text, add_special_tokens=False).ids

    def rows(self, texts: list[str]) -> torch.Tensor:
        """(R, context_length) ids: SOT, text, EOT, zeros; a long text is cut to end in EOT."""
        out = torch.zeros(len(texts), self.context_length, dtype=torch.long)
        for i, text in enumerate(texts):
            row = [self.sot, *self.ids(text)][: self.context_length - 1] + [self.eot]
            out[i, : len(row)] = torch.tensor(row)
        return out

    def text(self, ids: list[int]) -> str:
        """The text of an id row up to EOT or a pad."""
        kept: list[int] = []
        for token in ids:
            if token in (0, self.eot):
                break
            if token != self.sot:
                kept.append(token)
        return self.tokenizer.decode(kept)


def main() -> None:
    """Writes the file and checks what it promises."""
    parser = argparse.ArgumentParser(description="Build the shapes model's tokenizer.json.")
    parser.add_argument("output", type=Path, help="for example models/shapes/tokenizer.json")
    args = parser.parse_args()
    args.output.write_text(json.dumps(build(), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    texts = Texts(args.output, context_length=20)
    for word in words():
        assert len(texts.ids(word)) == 1, word
    for sample in ("a large red star", "naïve ☃ 日本 zebra 42", "it's"):
        ids = texts.ids(sample)
        assert 0 not in ids, sample
        print(sample, ids, repr(texts.text(ids)))
    print("vocabulary:", texts.vocab_size)


if __name__ == "__main__":
    main()
