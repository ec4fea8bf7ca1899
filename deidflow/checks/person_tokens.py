"""The tokens by which a person is found in a text, from their identifiers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from deidflow.checks.kinds import NAMES, NUMBERS
from deidflow.checks.tokens import (
    LEAST_WHOLE_NAME,
    LEAST_WORD,
    PARTICLES,
    Token,
    digit_runs,
    number_token,
    pair_token,
)
from deidflow.checks.words import common_words, fold, is_common, is_unspaced, spellings, words_of

_GROUPS = re.compile(r"=")
_COMPONENTS = re.compile(r"\^")
_LEAST_UNSPACED = 2


def tokens_of(kind: str, value: str) -> Iterator[Token]:
    """The tokens of one identifier; nothing for a value that identifies nobody."""
    if is_common(value):
        return
    if kind in NAMES:
        yield from _name_tokens(value)
    elif kind in NUMBERS:
        yield from number_token(fold(value))
        for digits in digit_runs(value):
            yield Token("number", digits)


def _name_tokens(value: str) -> Iterator[Token]:
    """Pairs of a family name and a given name in each component group, and single words."""
    for group in _GROUPS.split(value):
        for spelled in spellings(group):
            parts = _COMPONENTS.split(spelled)
            components = list(map(words_of, parts))
            yield from _spelled_tokens(components)


def _spelled_tokens(components: Sequence[Sequence[str]]) -> Iterator[Token]:
    words = _joined(components)
    yield from _whole_names(words)
    yield from _single_words(words)
    for first, second in _couples(components):
        yield from pair_token(first, second)


def _joined(components: Sequence[Sequence[str]]) -> list[str]:
    return [word for component in components for word in component]


def _couples(components: Sequence[Sequence[str]]) -> Iterator[tuple[str, str]]:
    """Each family name with each given or middle name; family names alone in their order."""
    family = components[0]
    others = _joined(components[1:3])
    if not others:
        yield from pairwise(family)
    for first in family:
        for second in others:
            yield first, second


def _whole_names(words: Sequence[str]) -> Iterator[Token]:
    """A whole name as one word: joined in both directions, or its only word."""
    forward = "".join(words)
    backward = "".join(reversed(words))
    for name in {forward, backward}:
        least = LEAST_WHOLE_NAME
        if is_unspaced(name):
            least = _LEAST_UNSPACED
        if len(name) >= least:
            yield Token("name", name)


def _single_words(words: Sequence[str]) -> Iterator[Token]:
    meaningless = common_words() | PARTICLES
    for word in words:
        if len(word) >= LEAST_WORD and word not in meaningless:
            yield Token("word", word)
