"""Training texts generated from a seed: always the same, and the same tokens for both sides."""

import array
import itertools
import os
import random
from collections import namedtuple

Corpus = namedtuple("Corpus", "text ids")
"""The paths of a text and of its token ids (32-bit, native byte order); the order of the vocabulary is arbitrary."""

WORDS = 900_000
CHARACTERS = 1_000_000
# Frequencies 1 / rank^1.08: 700 tokens then have about 320 distinct words, like those of the Penn Treebank.
EXPONENT = 1.08
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .,"


def zipf(types, count, seed):
    """`count` ids below `types`, lower ones more frequent; each id occurs once at the end, so that none is missing."""
    weights = list(itertools.accumulate(1 / (rank + 1) ** EXPONENT for rank in range(types)))
    return random.Random(seed).choices(range(types), cum_weights=weights, k=count - types) + list(range(types))


def make(shape, folder):
    """Writes the text of a shape and its tokens; shapes with the same tokenizer and vocabulary share them."""
    corpus = Corpus(*(os.path.join(folder, f"{shape.tokenizer}-{shape.vocabulary}.{ending}") for ending in ("txt", "ids")))
    if os.path.exists(corpus.ids):
        return corpus
    if shape.tokenizer == "word":
        # lstm-dist's vocabulary includes <unk> and <eos>, which ends a line: id 0 here, the most frequent one.
        types = shape.vocabulary - 1
        numbers = zipf(types, WORDS, seed=1)
        words = ["\n"] + [f"w{number}" for number in range(1, types)]
        text = " ".join(words[number] for number in numbers)
    else:
        numbers = zipf(shape.vocabulary, CHARACTERS, seed=1)
        text = "".join(LETTERS[number] for number in numbers)
    with open(corpus.text, "w", encoding="ascii") as file:
        file.write(text)
    with open(corpus.ids, "wb") as file:
        array.array("i", numbers).tofile(file)
    return corpus
