"""A patient's own identifiers as patterns: names in parts and orders, numbers however set, dates in every style."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import permutations

from deidflow.dicom.header import DATES, NAMES, NUMBERS
from deidflow.header.values import is_placeholder, parse_date
from deidflow.resources import load_yaml

LEAST_LETTERS = 3
_ANYWHERE = 6
"""Letters from which a name is searched inside of words too."""
_SHORT_NUMBER = 5
_UNSPACED = 0x2E7F
_NAME_PARTS = re.compile(r"[\^=,\s\\]+")
_SUBPARTS = re.compile(r"[\-'’`´.]+")
_ANY_WORD = re.compile(r"[^\W_]+")
_PLAIN = str.maketrans(
    {"ł": "l", "ø": "o", "đ": "d", "ð": "d", "ı": "i", "ħ": "h", "æ": "ae", "œ": "oe", "ß": "ss", "þ": "th", "ς": "σ"}
)
"""Letters that have no decomposition into a plain one and a mark."""
_SPELLED = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa"})
_UNSPELLED = (("ae", "a"), ("oe", "o"), ("ue", "u"), ("aa", "a"))
_MONTHS = (
    "jan ene gen", "feb fev", "mar maa mrt", "apr avr abr", "may mai mag mei", "jun juin giu", "jul juil lug",
    "aug aou ago", "sep set", "oct okt ott out", "nov", "dec dez dic",
)  # fmt: skip
"""How the months begin in English, German, French, Spanish, Italian, Dutch and Portuguese, without marks."""
_START, _END = r"(?<![^\W_])", r"(?![^\W_])"
_NO_LETTER_BEFORE, _NO_LETTER_BEHIND = r"(?<![^\W\d_])", r"(?![^\W\d_])"
_TITLES = "dr mr mrs ms prof pat"
_GAP = r"[\s\-_./]?"
_BETWEEN = r"[\s\^_,.\-]*"


def fold(text: str) -> str:
    """Lower case without diacritics, letter by letter, for comparing."""
    if text.isascii():
        return text.lower()
    return "".join(map(_folded_letter, text))


@lru_cache(maxsize=4096)
def _folded_letter(letter: str) -> str:
    if "\uac00" <= letter <= "\ud7a3":
        return letter
    plain = unicodedata.normalize("NFKD", letter.lower())
    return "".join(c for c in plain if not unicodedata.combining(c)).lower().translate(_PLAIN)


def folded_with_places(text: str) -> tuple[str, Sequence[int]]:
    """The folded text, and for each of its characters the place in `text` that it comes from."""
    if text.isascii():
        return text.lower(), range(len(text))
    letters, places = [], []
    for place, character in enumerate(text):
        for letter in _folded_letter(character):
            letters.append(letter)
            places.append(place)
    return "".join(letters), places


def name_parts(name: str) -> set[str]:
    """The parts of a PN value in all its component groups, long enough to be told from random letters."""
    parts = {piece for part in _NAME_PARTS.split(name) for piece in (part, *_SUBPARTS.split(part))}
    return {part for part in parts if len(part) >= _least(part) and any(map(str.isalpha, part))}


def _least(value: str) -> int:
    """Fewer letters mean somebody in scripts where a letter is a syllable or a word."""
    if value and min(map(ord, value)) > _UNSPACED:
        return 1
    return LEAST_LETTERS if value.isascii() else LEAST_LETTERS - 1


def expressions(identifiers: Iterable[tuple[str, str]], *, shortest: int = 1) -> list[str]:
    """Regular expressions for folded text, the longest first, from (kind, value) pairs.

    Names and numbers of fewer than `shortest` letters are left out; one of a script without spaces counts twice.
    """
    found: set[str] = set()
    for kind, value in identifiers:
        found |= set(_of_kind(kind, value.strip(), shortest))
    return sorted(found, key=lambda one: (-len(one), one))


def _of_kind(kind: str, value: str, shortest: int) -> Iterator[str]:
    if kind in DATES:
        yield from _dates(value)
    elif kind in NUMBERS:
        yield from _numbers(value, shortest)
    elif kind in NAMES:
        yield from _names(value, shortest)
    elif _worth(value):
        yield _phrase(fold(value))


def _is_long(letters: str, shortest: int) -> bool:
    if not letters:
        return False
    return len(letters) * (2 if min(map(ord, letters)) > _UNSPACED else 1) >= shortest


def _names(value: str, shortest: int) -> Iterator[str]:
    for spelled in _spellings(value):
        parts = [part for part in _NAME_PARTS.split(spelled) if any(map(str.isalpha, part))]
        inner = [piece for part in parts for piece in _SUBPARTS.split(part) if _SUBPARTS.search(part)]
        initials = "".join(sorted({part[0] for part in (*parts, *inner) if part}))
        for part in dict.fromkeys((*parts, *inner)):
            letters = _SUBPARTS.sub("", part)
            if len(letters) >= _least(letters) and _worth(part) and _is_long(letters, shortest):
                yield _part(part, initials)
        for one, other in permutations(parts[:5], 2):
            meant = min(len(one), len(other)) >= _least(one + other) - 1 and not _is_common(one + " " + other)
            if meant and _is_long(_SUBPARTS.sub("", one + other), shortest):
                yield _pair(one, other)


def _spellings(value: str) -> Iterable[str]:
    """A name folded, with umlauts spelled out, and with spelled-out umlauts folded."""
    plain, spelled = fold(value), fold(value.lower().translate(_SPELLED))
    short = plain
    for long, letter in _UNSPELLED:
        short = short.replace(long, letter)
    return dict.fromkeys((plain, spelled, short))


def _part(part: str, initials: str) -> str:
    """A part of a name as a word, with digits, a title or an initial at it; anywhere where it is long."""
    pieces = [re.escape(piece) for piece in _SUBPARTS.split(part) if piece]
    body = r"[\-'’`´. ]?".join(pieces)
    if len(part) >= _ANYWHERE or min(map(ord, part)) > _UNSPACED:
        return body
    before = "|".join((*_TITLES.split(), f"[{re.escape(initials)}]"))
    return f"{_NO_LETTER_BEFORE}(?:{before})?{body}[{re.escape(initials)}]?{_NO_LETTER_BEHIND}"


def _pair(one: str, other: str) -> str:
    """Two parts of a name side by side: together they mean somebody, however short they are."""
    body = re.escape(one) + _BETWEEN + re.escape(other)
    if len(one + other) >= _ANYWHERE or min(map(ord, one + other)) > _UNSPACED:
        return body
    return f"{_NO_LETTER_BEFORE}{body}{_NO_LETTER_BEHIND}"


def _numbers(value: str, shortest: int) -> Iterator[str]:
    if not _worth(value):
        return
    letters = [letter for letter in fold(value) if letter.isalnum()]
    joined, numeric = "".join(letters), all(map(str.isdigit, letters))
    if len(joined) < shortest:
        return
    start, end = (r"(?<!\d)", r"(?!\d)") if numeric else (_START, _END)
    while len(letters) > 1 and letters[0] == "0":
        letters.pop(0)
    if len(letters) < _SHORT_NUMBER:
        if len(joined) >= LEAST_LETTERS:
            yield from (start + re.escape(one) + end for one in dict.fromkeys((fold(value), joined)))
        return
    yield f"{start}(?:0{_GAP})*{_GAP.join(map(re.escape, letters))}{end}"
    yield from (rf"(?<!\d)0*{digits}(?!\d)" for digits in re.findall(r"\d{5,}", value.lstrip("0")))


def _dates(value: str) -> Iterator[str]:
    day = parse_date(value)
    if day is None or is_placeholder(value):
        return
    year, short = f"{day.year:04d}", f"{day.year % 100:02d}"
    month, number = f"0?{day.month}", f"0?{day.day}"
    gap = r"\s?[-./,_ ]\s?"
    for order in ((year, month, number), (number, month, year), (month, number, year)):
        yield _alone(gap.join(order))
    for order in ((number, month, short), (month, number, short), (short, month, number)):
        yield _alone("[-./]".join(order))
    yield _alone(rf"{day:%Y%m%d}(?:[T_]?\d{{4,6}}(?:\.\d+)?)?")
    yield _alone(f"{day:%d%m%Y}|{day:%m%d%Y}|{day:%y%m%d}|{day:%d%m%y}")
    name = rf"(?:{'|'.join(_MONTHS[day.month - 1].split())})[a-z]*"
    between = r"(?:\s*de\s*|[-., ]*)"
    yield _alone(rf"{number}(?:st|nd|rd|th|er)?{between}{name}{between}(?:{year}|{short})")
    yield _alone(rf"{name}[-. ]?{number}(?:st|nd|rd|th)?[-., ]+(?:{year}|{short})")


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
    return not _is_common(value)


def _is_common(value: str) -> bool:
    return {fold(word) for word in _ANY_WORD.findall(value)} <= common_words()


@lru_cache(maxsize=1)
def common_words() -> frozenset[str]:
    """Words that identify nobody, lower case: of acquisition, of image types, and names of makers."""
    lines = load_yaml("vocabulary/not_identifying.yaml")
    words = {word for line in load_yaml("vocabulary/acquisition.yaml")["words"] for word in str(line).split()}
    tokens = {
        word.lower() for line in load_yaml("vocabulary/image_tokens.yaml")["tokens"] for word in str(line).split()
    }
    return frozenset(words | tokens | {word for line in lines for word in str(line).split()})
