"""What a line of text in pixels says of a person: something, nothing, or it is not known."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any

from deidflow.burned.reader import TextLine
from deidflow.header.common_words import common_words
from deidflow.header.text import Scrubber
from deidflow.header.vocabulary import keep_words
from deidflow.resources import load_yaml, words_under

DATA = "burned/harmless.yaml"
_WORDS = re.compile(r"[^\s:;,=|()\[\]<>]+")
_MEASURE = re.compile(r"[+\-±~<>]?(\d+(?:\.\d+)?|\.\d+)(?:x\d+(?:\.\d+)?)*([^\d.]*)")
_DIGITS = re.compile(r"\d+")
_FRACTION = re.compile(r"\d+(?:/\d+)+")
_TIME = re.compile(r"(?<![\d.])\d{1,2}:\d{2}(?!\d)")
_LETTERS = re.compile(r"[^\W\d_]+")
_LABELLED = re.compile(r"([a-z]+)(\d.*)")
_PIECES = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+(?:\.\d+)?|%")
_BETWEEN = re.compile(r"[-/+_.]")
_EDGES = ".-_*'\"`~+/\\!"


class Meaning(StrEnum):
    """What a line may say of a person."""

    OWN = "own"
    """An identifier of the patient."""
    UNKNOWN = "unknown"
    """Text that is not known to be harmless."""
    HARMLESS = "harmless"


@dataclass(frozen=True)
class Surroundings:
    """How much text must be there to count.

    A projection of a volume shows textures that look like single letters; a page does not.
    """

    least_characters: int
    """Letters and digits of a line."""
    least_score: float


PAGE = Surroundings(2, 0.5)
VOLUME = Surroundings(3, 0.75)


def meaning_of(
    line: TextLine, scrubber: Scrubber, around: Surroundings, texts: Collection[str] = ()
) -> Meaning:
    """What a line means; `texts` are patterns (`*`) of what a device writes on every image."""
    text = line.text
    if scrubber.finds(text) or _is_own_name(text, scrubber):
        return Meaning.OWN

    is_nothing = _is_too_little(line, around)
    if is_nothing or _is_device_text(text, texts):
        return Meaning.HARMLESS
    if is_harmless(text):
        return Meaning.HARMLESS
    return Meaning.UNKNOWN


def _is_own_name(text: str, scrubber: Scrubber) -> bool:
    """Whether a word is part of the patient's name, also one that is a word of acquisition."""
    for word in _LETTERS.findall(text.lower()):
        if len(word) > 1 and word in scrubber.own_words:
            return True
    return False


def _is_too_little(line: TextLine, around: Surroundings) -> bool:
    characters = sum(map(str.isalnum, line.text))
    if characters < around.least_characters:
        return True
    return line.score < around.least_score


def _is_device_text(text: str, patterns: Collection[str]) -> bool:
    plain = _without_spaces(text)
    for pattern in patterns:
        written = _without_spaces(pattern)
        if fnmatchcase(plain, written):
            return True
    return False


def _without_spaces(text: str) -> str:
    """Readers lose spaces between words."""
    return "".join(text.casefold().split())


def is_harmless(text: str) -> bool:
    """Whether every word of a line is known to say nothing of a person."""
    if _TIME.search(text):
        return False
    words = [word.strip(_EDGES) for word in _WORDS.findall(text)]
    before = ["", *words]
    return all(
        _is_harmless_word(word) or _is_long_value(word, label)
        for word, label in zip(words, before, strict=False)
    )


def _is_harmless_word(written: str) -> bool:
    word = written.casefold()
    if not any(map(str.isalnum, word)):
        return True
    if _FRACTION.fullmatch(word):
        return _is_short_fraction(word)
    if _is_label(written) or _is_measure(word):
        return True
    if keep_words(word) == word:
        return True
    if _is_joined(word) or _is_labelled(word):
        return True
    return _is_run_together(written)


def _is_short_fraction(word: str) -> bool:
    """Whether a word is one number of another, not a date."""
    numbers = word.split("/")
    return len(numbers) == 2 and _are_short(numbers)


def _is_run_together(written: str) -> bool:
    """Whether a word is harmless ones without spaces, as readers return them: `LiverR5cm`."""
    pieces = _PIECES.findall(written)
    if len(pieces) < 2 or "".join(pieces) != written:
        return False

    numbers = 0
    for piece in pieces:
        if piece[0].isdecimal():
            numbers += 1
            is_known = _is_measure(piece)
        else:
            is_known = _is_label(piece)
        if not is_known:
            return False
    return numbers <= 1


def _is_label(written: str) -> bool:
    word = written.casefold()
    return _is_listed(word) or _is_orientation(written)


def _is_joined(word: str) -> bool:
    """Whether a word is harmless words with at most one number among them, as in `2D-100%`."""
    parts = _BETWEEN.split(word)
    numbers = [part for part in parts if not _is_listed(part)]
    if not numbers:
        return True
    if len(numbers) > 1 or len(parts) < 2:
        return False
    return _is_measure(numbers[0])


def _is_labelled(word: str) -> bool:
    """Whether a word is a listed one and a short number, or a place such as `S12.5`."""
    match = _LABELLED.fullmatch(word)
    if match is None:
        return False
    label, number = match.groups()
    if not _is_label(label.upper()):
        return False
    return _is_measure(number)


def _is_long_value(word: str, label: str) -> bool:
    """Whether a number stands after the name of a setting that may have more digits."""
    most = _data()["most_digits_of_a_value"]
    if not word.isdecimal() or len(word) > most:
        return False
    labels = _words_of("long_values")
    return label.casefold() in labels


def _is_listed(word: str) -> bool:
    return word in _listed() or word in common_words()


def _is_measure(word: str) -> bool:
    """Whether a word is a short number, alone or with a unit."""
    match = _MEASURE.fullmatch(word)
    if match is None:
        return False
    numbers = _DIGITS.findall(word)
    if not _are_short(numbers):
        return False
    _, unit = match.groups()
    plain = unit.strip(_EDGES)
    return not plain or plain in _units()


def _are_short(numbers: Collection[str]) -> bool:
    most = _data()["most_digits"]
    return all(len(number) <= most for number in numbers)


def _is_orientation(word: str) -> bool:
    """Whether a word is letters of directions, in capitals, at most one for each axis."""
    axes = set()
    for letter in word:
        axis = _axes().get(letter)
        if axis is None or axis in axes:
            return False
        axes.add(axis)
    return bool(axes)


@lru_cache(maxsize=1)
def _axes() -> dict[str, str]:
    """Letter of an end of the body -> the letters of its axis."""
    axes = {}
    for ends in _data()["orientation"]:
        axes.update(dict.fromkeys(ends, ends))
    return axes


@lru_cache(maxsize=1)
def _listed() -> frozenset[str]:
    words = set(_units())
    for key in ("labels", "anatomy", "sides"):
        words |= _words_of(key)
    return frozenset(words)


@lru_cache(maxsize=1)
def _units() -> frozenset[str]:
    return _words_of("units")


def _words_of(key: str) -> frozenset[str]:
    return words_under(DATA, key)


def _data() -> Any:
    return load_yaml(DATA)
