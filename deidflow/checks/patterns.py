"""What must not be found: names, numbers and UIDs in any byte, short ones and dates as words in text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from deidflow.resources import load_yaml

NAMES, _NUMBERS, _DATES = frozenset(("name", "staff")), frozenset(("id", "number")), frozenset(("birth", "date"))
LEAST_BYTES = 6
_LEAST_WORD = 3
_LEAST_FOREIGN = 2
"""Names in other scripts are words from two letters on."""
_SEPARATORS = re.compile(r"[\s\-_./]")


@dataclass(frozen=True)
class Patterns:
    """Byte patterns with their kind, words that count in free text only, and dates in text and dates."""

    everywhere: dict[bytes, str]
    in_text: dict[str, str]
    dates: frozenset[str]


def collect(
    everyone: Iterable[tuple[str, str]],
    own: Iterable[tuple[str, str]],
    uids: Iterable[str],
    allowed: Iterable[str],
) -> Patterns:
    """Patterns from identifiers (kind, value) of everyone in the batch and of this patient, and from UIDs.

    Dates and short numbers count against the same patient only: with 500 patients a shifted date is
    somebody's true one, and every number of three digits is somebody's.
    `allowed` are values that the release may hold, such as the pseudonym.
    """
    everywhere: dict[bytes, str] = {}
    in_text: dict[str, str] = {}
    mine = set(own)
    for kind, value in {*everyone, *mine}:
        variants = _variants(kind, value) if kind not in _DATES else set()
        for variant in variants:
            _add(kind, variant, everywhere, in_text, short=kind not in _NUMBERS or (kind, value) in mine)
    everywhere = {needle: kind for needle, kind in everywhere.items() if len(needle) >= LEAST_BYTES}
    everywhere |= {uid.encode("ascii", "replace"): "uid" for uid in uids if len(uid) >= LEAST_BYTES}
    for word in _common_words() | {value.lower() for value in allowed}:
        in_text.pop(word, None)
        everywhere.pop(word.encode(), None)
    dates = frozenset(style for kind, value in mine if kind in _DATES for style in _date_styles(value))
    return Patterns(everywhere, in_text, dates)


def _common_words() -> frozenset[str]:
    words = {word for line in load_yaml("vocabulary/acquisition.yaml")["words"] for word in str(line).split()}
    words |= {
        word.lower() for line in load_yaml("vocabulary/image_tokens.yaml")["tokens"] for word in str(line).split()
    }
    words |= {word for line in load_yaml("vocabulary/not_identifying.yaml") for word in str(line).split()}
    return frozenset(words)


def _variants(kind: str, value: str) -> set[str]:
    stripped = value.strip()
    if kind in NAMES:
        parts = {part for part in re.split(r"[\^=,\s]+", stripped) if any(map(str.isalpha, part))}
        return {_plain(part) for part in parts} | parts | {" ".join(parts)} | {stripped}
    if kind in _NUMBERS:
        return {stripped, stripped.lstrip("0"), _SEPARATORS.sub("", stripped)}
    return {stripped}


def _plain(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))


def _add(kind: str, variant: str, everywhere: dict[bytes, str], in_text: dict[str, str], *, short: bool) -> None:
    least = _LEAST_WORD if variant.isascii() else _LEAST_FOREIGN
    if len(variant) < least or not any(map(str.isalnum, variant)):
        return
    if len(variant) >= LEAST_BYTES:
        for encoding in ("utf-8", "utf-16-le", "utf-16-be", "latin-1"):
            for written in (variant, variant.lower(), variant.upper(), variant.title()):
                everywhere[written.encode(encoding, "ignore").lower()] = kind
    if short and (len(variant) < LEAST_BYTES or not variant.isascii()):
        in_text[variant.casefold()] = kind


def _date_styles(value: str) -> set[str]:
    digits = value.strip().replace(".", "")
    if len(digits) != 8 or not digits.isdigit() or digits.startswith("1900"):
        return set()
    year, month, day = digits[:4], digits[4:6], digits[6:]
    orders = ((year, month, day), (day, month, year), (month, day, year))
    return {digits} | {separator.join(order) for order in orders for separator in "-./"}


def text_words(values: Iterable[Any]) -> set[str]:
    """Whole words of text values, lower case: split at everything that is no letter or digit, and unsplit."""
    found: set[str] = set()
    for value in values:
        text = str(value).casefold()
        found |= set(re.split(r"[^\w.\-/]+|_", text)) | set(re.findall(r"[^\W_]+", text)) | {text.strip()}
    return found
