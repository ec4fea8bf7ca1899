"""Words and tokens of acquisition: what may stay of text that nobody checks."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from deidflow.resources import load_yaml

_WORD = re.compile(r"[0-9A-Za-z.]+")
_REQUIRED = 4
"""Values of ImageType that keep their place."""


def keep_words(
    text: str, own: frozenset[str] = frozenset(), more: frozenset[str] = frozenset()
) -> str:
    """The words of acquisition in a description, in order: `T1 SAG KIM` gives `T1 SAG`.

    `own` are parts of the patient's names in lower case: they are removed even if they are words of
    acquisition. `more` are further words that a site lets stay, in lower case.
    """
    listed, patterns = _words()
    kept: list[str] = []
    for word in _WORD.findall(text):
        lower = word.lower()
        if lower in own:
            continue
        if lower in listed or lower in more or patterns.fullmatch(lower):
            kept.append(word)
    return " ".join(kept)


def keep_tokens(values: Iterable[str]) -> list[str]:
    """Values of ImageType and the like by list; a dropped one among the first four leaves NONE."""
    tokens = _tokens()
    kept: list[str] = []
    for number, value in enumerate(values):
        token = value.strip()
        if token in tokens:
            kept.append(token)
        elif number < _REQUIRED:
            kept.append("NONE" if token else "")
    return kept


@lru_cache(maxsize=1)
def _words() -> tuple[frozenset[str], re.Pattern[str]]:
    """Words, and a pattern of words with numbers."""
    vocabulary = load_yaml("vocabulary/acquisition.yaml")
    words: set[str] = set()
    for line in vocabulary["words"]:
        words.update(str(line).split())
    patterns = "|".join(vocabulary["patterns"])
    return frozenset(words), re.compile(patterns)


@lru_cache(maxsize=1)
def _tokens() -> frozenset[str]:
    tokens: set[str] = set()
    for line in load_yaml("vocabulary/image_tokens.yaml")["tokens"]:
        tokens.update(str(line).split())
    return frozenset(tokens)
