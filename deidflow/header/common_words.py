"""Which values are worth a search: long enough, and not words that identify nobody."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from deidflow.dicom.person_names import fold, is_unspaced
from deidflow.resources import load_yaml

LEAST_LETTERS = 3
WORD = re.compile(r"[^\W_]+")


def least_letters(value: str) -> int:
    """Fewest letters that identify somebody; fewer in scripts of syllables or words."""
    if is_unspaced(value):
        return 1
    return LEAST_LETTERS if value.isascii() else LEAST_LETTERS - 1


def is_identifying(value: str) -> bool:
    """Whether a value can identify somebody: neither too short nor generic nor punctuation only."""
    if len(value) < least_letters(value):
        return False
    if not any(map(str.isalnum, value)):
        return False
    return not is_common(value)


def is_common(value: str) -> bool:
    """Whether all words of a value are common ones."""
    words = {fold(word) for word in WORD.findall(value)}
    return words <= common_words()


@lru_cache(maxsize=1)
def short_words() -> frozenset[str]:
    """Words of two letters that are no names beside a single letter, in lower case."""
    lines = load_yaml("vocabulary/short_words.yaml")
    return frozenset(_words(lines))


@lru_cache(maxsize=1)
def common_words() -> frozenset[str]:
    """Words that identify nobody, in lower case: acquisition, image types, manufacturers."""
    words = _words(load_yaml("vocabulary/acquisition.yaml")["words"])
    words += _words(load_yaml("vocabulary/not_identifying.yaml"))
    tokens = _words(load_yaml("vocabulary/image_tokens.yaml")["tokens"])
    words += [token.lower() for token in tokens]
    return frozenset(words)


def _words(lines: Iterable[object]) -> list[str]:
    """The words of lines, separated by white space."""
    words: list[str] = []
    for line in lines:
        words += str(line).split()
    return words
