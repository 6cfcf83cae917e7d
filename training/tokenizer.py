"""Byte-level BPE as the Qwen models use it, with the `qwen35` pre-tokenizer; training of merges, and text <-> ids.

Ids: 256 bytes, then one per merge, then the special tokens. vocab.json holds {"tokens": [...], "merges": ["a b", ...]}.
"""
import json
import os
import re
from collections import Counter, defaultdict

import regex

from files import whole

SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
STORED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "vocab.json")
# Letters keep their combining marks, digits stand alone, a symbol run keeps its line breaks.
PATTERN = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*"
           r"|\s*[\r\n]+|\s+(?!\S)|\s+")
PIECES = regex.compile(PATTERN)
AT_SPECIAL = re.compile("(" + "|".join(map(re.escape, SPECIAL)) + ")")


def byte_letters():
    """The printable letter that stands for each byte: printable Latin-1 for itself, the rest from U+0100 on."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = {b: chr(b) for b in printable}
    for b in range(256):
        if b not in letters:
            letters[b] = chr(256 + len(letters) - len(printable))
    order = printable + [b for b in range(256) if b not in set(printable)]
    return {b: letters[b] for b in order}


LETTER = byte_letters()
BYTE = {letter: b for b, letter in LETTER.items()}


def count_pieces(texts_with_weights):
    counts = Counter()
    for text, weight in texts_with_weights:
        for part in AT_SPECIAL.split(text):
            if part not in SPECIAL:
                for piece in PIECES.findall(part):
                    counts[piece] += weight
    return counts


def train_merges(counts, n):
    """The n merges that BPE makes of the pieces that occur more than once."""
    words = [([LETTER[b] for b in piece.encode()], c) for piece, c in counts.items() if c > 1]
    pairs, where = Counter(), defaultdict(set)
    for i, (word, c) in enumerate(words):
        for pair in zip(word, word[1:]):
            pairs[pair] += c
            where[pair].add(i)
    merges = []
    while len(merges) < n:
        best, c = max(pairs.items(), key=lambda item: (item[1], item[0]), default=(None, 0))
        if c < 2:
            raise ValueError(f"the text gives only {len(merges)} merges of {n}; use more text")
        merges.append(best)
        for i in where.pop(best):
            word, c = words[i]
            for pair in zip(word, word[1:]):
                pairs[pair] -= c
                if pairs[pair] <= 0:
                    del pairs[pair]
            words[i] = (merged(word, best), c)
            for pair in zip(words[i][0], words[i][0][1:]):
                pairs[pair] += c
                where[pair].add(i)
        pairs.pop(best, None)
    return merges


def merged(word, pair):
    out, j = [], 0
    while j < len(word):
        both = tuple(word[j : j + 2]) == pair
        out.append(word[j] + word[j + 1] if both else word[j])
        j += 2 if both else 1
    return out


class Tokenizer:
    def __init__(self, tokens, merges):
        self.tokens, self.merges = tokens, merges
        self.id = {t: i for i, t in enumerate(tokens)}
        self.rank = {pair: i for i, pair in enumerate(merges)}
        self.end = self.id["<|endoftext|>"]
        self.stop = {self.end, self.id["<|im_end|>"]}
        self.known = {}

    @classmethod
    def of_merges(cls, merges):
        return cls([*LETTER.values(), *("".join(m) for m in merges), *SPECIAL], merges)

    @classmethod
    def load(cls, path=STORED):
        with open(path, encoding="utf8") as f:
            stored = json.load(f)
        return cls(stored["tokens"], [tuple(m.split(" ")) for m in stored["merges"]])

    def save(self, path):
        with whole(path, "w", encoding="utf8") as f:
            json.dump({"tokens": self.tokens, "merges": [" ".join(m) for m in self.merges]}, f)

    def piece(self, text):
        ids = self.known.get(text)
        if ids is None:
            word = [LETTER[b] for b in text.encode()]
            while len(word) > 1:
                best = min(zip(word, word[1:]), key=lambda pair: self.rank.get(pair, len(self.rank)))
                if best not in self.rank:
                    break
                word = merged(word, best)
            ids = self.known[text] = [self.id[t] for t in word]
        return ids

    def encode(self, text):
        out = []
        for part in AT_SPECIAL.split(text):
            if part in SPECIAL:
                out.append(self.id[part])
            else:
                for piece in PIECES.findall(part):
                    out += self.piece(piece)
        return out

    def decode(self, ids):
        out = bytearray()
        for i in ids:
            token = self.tokens[i]
            out += token.encode() if token in SPECIAL else bytes(BYTE[c] for c in token)
        return out.decode("utf8", "replace")
