"""A patient's own identifiers as patterns: names in parts and orders, numbers however set, dates in every style."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import permutations

from deidflow.header.values import PLACEHOLDER_DATES, parse_date
from deidflow.resources import load_yaml

LEAST_LETTERS = 3
_ANYWHERE = 6
"""Letters from which a name is searched inside of words too."""
_SHORT_NUMBER = 5
_UNSPACED = 0x2E7F
_NAME_PARTS = re.compile(r"[\^=,\s]+")
_ANY_WORD = re.compile(r"[^\W_]+")
_SPELLED = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ø": "oe", "å": "aa", "æ": "ae"})
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_START, _END = r"(?<![^\W_])", r"(?![^\W_])"
_GAP = r"[\s\-_./]?"


def fold(text: str) -> str:
    """Lower case without diacritics, for comparing."""
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c)).lower()


def folded_with_places(text: str) -> tuple[str, list[int]]:
    """The folded text, and for each of its characters the place in `text` that it comes from."""
    if text.isascii():
        return text.lower(), list(range(len(text)))
    letters, places = [], []
    for place, character in enumerate(text):
        for letter in fold(character):
            letters.append(letter)
            places.append(place)
    return "".join(letters), places


def name_parts(name: str) -> set[str]:
    """The parts of a PN value in all its component groups, long enough to be told from random letters."""
    return {part for part in _NAME_PARTS.split(name) if len(part) >= _least(part) and any(map(str.isalpha, part))}


def _least(value: str) -> int:
    """Fewer letters mean somebody in scripts where a letter is a syllable or a word."""
    if value and min(map(ord, value)) > _UNSPACED:
        return 1
    return LEAST_LETTERS if value.isascii() else LEAST_LETTERS - 1


def expressions(identifiers: Iterable[tuple[str, str]], *, shortest: int = 1) -> list[str]:
    """Regular expressions for folded text, the longest first, from (kind, value) pairs.

    Expressions of fewer than `shortest` characters are left out.
    """
    found: set[str] = set()
    for kind, value in identifiers:
        found |= set(_of_kind(kind, value.strip()))
    return sorted((one for one in found if len(one) >= shortest), key=lambda one: (-len(one), one))


def _of_kind(kind: str, value: str) -> Iterator[str]:
    if kind == "date":
        yield from _dates(value)
    elif kind == "number":
        yield from _numbers(value)
    elif kind in ("name", "staff"):
        yield from _names(value)
    elif _worth(value):
        yield _phrase(fold(value))


def _names(value: str) -> Iterator[str]:
    for spelled in {value, value.lower().translate(_SPELLED)}:
        parts = sorted({fold(part) for part in name_parts(spelled) if _worth(part)})
        yield from (_phrase(part) for part in parts)
        yield from (re.escape(one + other) for one, other in permutations(parts[:6], 2))


def _numbers(value: str) -> Iterator[str]:
    if not _worth(value):
        return
    letters = [letter for letter in fold(value) if letter.isalnum()]
    while len(letters) > 1 and letters[0] == "0":
        letters.pop(0)
    if len(letters) < _SHORT_NUMBER:
        yield _START + re.escape(fold(value)) + _END
        return
    yield f"{_START}(?:0{_GAP})*{_GAP.join(map(re.escape, letters))}{_END}"
    yield from (rf"(?<!\d)0*{digits}(?!\d)" for digits in re.findall(r"\d{6,}", value.lstrip("0")))


def _dates(value: str) -> Iterator[str]:
    day = parse_date(value)
    if day is None or value in PLACEHOLDER_DATES:
        return
    year, short = f"{day.year:04d}", f"{day.year % 100:02d}"
    month, number = f"0?{day.month}", f"0?{day.day}"
    gap = r"\s?[-./,_ ]\s?"
    for order in ((year, month, number), (number, month, year), (month, number, year)):
        yield _alone(gap.join(order))
    for order in ((number, month, short), (month, number, short), (short, month, number)):
        yield _alone("[-./]".join(order))
    yield _alone(f"{day:%Y%m%d}|{day:%d%m%Y}|{day:%m%d%Y}")
    name = _MONTHS[day.month - 1]
    yield _alone(rf"{number}(?:st|nd|rd|th)?[-. ]?{name}[a-z]*[-., ]*(?:{year}|{short})")
    yield _alone(rf"{name}[a-z]*[-. ]?{number}(?:st|nd|rd|th)?[-., ]+(?:{year}|{short})")


def _alone(expression: str) -> str:
    return rf"(?<!\d)(?:{expression})(?!\d)"


def _phrase(folded: str) -> str:
    """A value as whole words; inside of words too where it is long, or where the script has no spaces."""
    escaped = r"[\s\^_,]+".join(re.escape(word) for word in re.split(r"[\s\^_,]+", folded) if word)
    if min(map(ord, folded)) > _UNSPACED or len(folded) >= _ANYWHERE:
        return escaped
    return _START + escaped + _END


def _worth(value: str) -> bool:
    """Too short, generic or all-punctuation values are no identifiers."""
    if len(value) < _least(value) or not any(map(str.isalnum, value)):
        return False
    return not {fold(word) for word in _ANY_WORD.findall(value)} <= common_words()


@lru_cache(maxsize=1)
def common_words() -> frozenset[str]:
    """Words that identify nobody, lower case: of acquisition, of image types, and names of makers."""
    lines = load_yaml("vocabulary/not_identifying.yaml")
    words = {word for line in load_yaml("vocabulary/acquisition.yaml")["words"] for word in str(line).split()}
    tokens = {
        word.lower() for line in load_yaml("vocabulary/image_tokens.yaml")["tokens"] for word in str(line).split()
    }
    return frozenset(words | tokens | {word for line in lines for word in str(line).split()})
