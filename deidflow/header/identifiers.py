"""A patient's own identifiers as patterns: names in parts and orders, numbers however set, dates in every style."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from functools import lru_cache
from itertools import permutations

from deidflow.dicom.attributes import DATES, NAMES, NUMBERS
from deidflow.dicom.person_names import (
    PARTS,
    SUBPARTS,
    UNSPACED,
    fold,
    folded_letter,
    is_unspaced,
    romanised,
    spellings,
)
from deidflow.dicom.written_dates import days_meant
from deidflow.header.values import is_placeholder
from deidflow.resources import load_yaml

LEAST_LETTERS = 3
_ANYWHERE = 6
"""Letters from which a name is searched inside of words too."""
_LEAST_SPLIT = 5
"""Letters from which a part of a name is found written as two words."""
_SHORT_NUMBER = 5
_LEAST_DIGITS = 6
"""Digits from which a number alone in a numeric attribute is the patient's, not one of physics by chance."""
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
"""Where a joined name shows its parts by case: XiaoDong."""
_ANY_WORD = re.compile(r"[^\W_]+")
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


def folded_with_places(text: str) -> tuple[str, Sequence[int]]:
    """The folded text, and for each of its characters the place in `text` that it comes from."""
    if text.isascii():
        return text.lower(), range(len(text))
    letters, places = [], []
    for place, character in enumerate(text):
        for letter in folded_letter(character):
            letters.append(letter)
            places.append(place)
    return "".join(letters), places


def name_parts(name: str) -> set[str]:
    """The parts of a PN value in all its component groups, long enough to be told from random letters."""
    parts = {piece for part in PARTS.split(name) for piece in (part, *SUBPARTS.split(part))}
    return {part for part in parts if len(part) >= _least(part) and any(map(str.isalpha, part))}


def _least(value: str) -> int:
    """Fewer letters mean somebody in scripts where a letter is a syllable or a word."""
    if value and min(map(ord, value)) > UNSPACED:
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
    return len(letters) * (2 if min(map(ord, letters)) > UNSPACED else 1) >= shortest


def _names(value: str, shortest: int) -> Iterator[str]:
    """A name by its parts, and by each two of its parts side by side."""
    for spelled in spellings(_CAMEL.sub("-", value)):
        parts = [part for part in PARTS.split(spelled) if any(map(str.isalpha, part))]
        inner = [
            piece
            for part in parts
            for piece in SUBPARTS.split(part)
            if piece and SUBPARTS.search(part)
        ]
        initials = "".join(sorted({part[0] for part in (*parts, *inner)}))
        for part in dict.fromkeys((*parts, *inner)):
            letters = SUBPARTS.sub("", part)
            if len(letters) >= _least(letters) and _worth(part) and _is_long(letters, shortest):
                yield from _part(part, initials)
        for first, second in permutations(dict.fromkeys((*parts, *inner)[:5]), 2):
            yield from _side_by_side(first, second, shortest)


def _part(part: str, initials: str) -> Iterator[str]:
    """A part of a name as a word, with digits, a title or an initial at it; anywhere where it is long.

    A part in letters without case or space between (`XiaoDong`) is found in two words too; a Cyrillic or Greek
    one in Latin letters.
    """
    for letters in _written(part):
        body = r"[\-'’`´. ]?".join("".join(piece) for piece in letters)
        if len(part) >= _ANYWHERE or is_unspaced(part):
            yield body
        else:
            before = "|".join((*_TITLES.split(), f"[{re.escape(initials)}]"))
            yield f"{_NO_LETTER_BEFORE}(?:{before})?{body}[{re.escape(initials)}]?{_NO_LETTER_BEHIND}"
        if len(letters) == 1 and len(letters[0]) >= _LEAST_SPLIT and not is_unspaced(part):
            yield f"{_NO_LETTER_BEFORE}{_in_two_words(letters[0])}{_NO_LETTER_BEHIND}"


def _written(part: str) -> Iterator[list[list[str]]]:
    """The pieces of a part, each as one expression a letter; for Cyrillic and Greek in Latin letters too."""
    pieces = [piece for piece in SUBPARTS.split(part) if piece]
    yield [list(map(re.escape, piece)) for piece in pieces]
    latin = [romanised(piece) for piece in pieces]
    if any(latin):
        yield [_latin(forms, piece) for forms, piece in zip(latin, pieces, strict=True)]


def _latin(forms: list[tuple[str, ...]] | None, piece: str) -> list[str]:
    if forms is None:
        return list(map(re.escape, piece))
    return [
        f"(?:{'|'.join(map(re.escape, sorted(written, key=len, reverse=True)))})"
        for written in forms
    ]


def _in_two_words(letters: Sequence[str]) -> str:
    """Letters with a gap in one place, two letters or more on either side."""
    ways = []
    for place in range(2, len(letters) - 1):
        ways.append("".join(letters[2:place]) + r"[\s\-_]" + "".join(letters[place:]))
    return f"{''.join(letters[:2])}(?:{'|'.join(ways)})"


def _side_by_side(first: str, second: str, shortest: int) -> Iterator[str]:
    """Two parts side by side mean somebody however short they are, unless both are common words."""
    letters = SUBPARTS.sub("", first + second)
    if not _is_long(letters, shortest) or _is_common(first + " " + second):
        return
    if min(len(first), len(second)) >= _least(first + second) - 1:
        for one, other in _pairs(first, second):
            yield _pair(
                one,
                other,
                alone=len(first + second) < _ANYWHERE and not is_unspaced(first + second),
            )
    is_short_name = len(first) == 2 and first.isascii() and first not in short_words()
    if is_short_name and shortest <= LEAST_LETTERS:
        yield _with_initial(first, second[0])


def _pairs(first: str, second: str) -> Iterator[tuple[str, str]]:
    """Both parts in the letters of the source, and in Latin ones."""
    for one, other in zip(_written(first), _written(second), strict=False):
        yield _in_one_row(one), _in_one_row(other)


def _in_one_row(pieces: list[list[str]]) -> str:
    return r"[\-'’`´. ]?".join("".join(piece) for piece in pieces)


def _pair(first: str, second: str, *, alone: bool) -> str:
    body = first + _BETWEEN + second
    return f"{_NO_LETTER_BEFORE}{body}{_NO_LETTER_BEHIND}" if alone else body


def _with_initial(name: str, initial: str) -> str:
    """A name of two letters with the initial of another part before or behind it: `NG_A`, `A. Ng`."""
    one, other, gap = re.escape(name), re.escape(initial), r"[\s\^_,.\-]+"
    return f"{_NO_LETTER_BEFORE}(?:{one}{gap}{other}|{other}{gap}{one}){_NO_LETTER_BEHIND}"


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
            yield from (
                start + re.escape(one) + end for one in dict.fromkeys((fold(value), joined))
            )
        return
    yield f"{start}(?:0{_GAP})*{_GAP.join(map(re.escape, letters))}{end}"
    yield from (rf"(?<!\d)0*{digits}(?!\d)" for digits in re.findall(r"\d{5,}", value.lstrip("0")))


def own_numbers(identifiers: Iterable[tuple[str, str]]) -> frozenset[int]:
    """The patient's numbers and birth dates as a numeric attribute holds them; short ones stand in any."""
    numbers: set[int] = set()
    for kind, value in identifiers:
        if kind in NUMBERS:
            joined = "".join(letter for letter in value if letter.isalnum())
            runs = [*re.findall(r"[0-9]+", value), *re.findall(r"^[0-9]+$", joined)]
            numbers |= {int(run) for run in runs if len(run.lstrip("0")) >= _LEAST_DIGITS}
        elif kind == "birth":
            numbers |= {
                int(style)
                for day in days_meant(value)
                for style in (f"{day:%Y%m%d}", f"{day:%d%m%Y}")
            }
    return frozenset(numbers)


def _dates(value: str) -> Iterator[str]:
    """Each day that a value can mean in every style; the value itself where it is not a date."""
    days = days_meant(value)
    for day in days:
        if not is_placeholder(f"{day:%Y%m%d}"):
            yield from _day(day)
    if not days and _worth(value) and len(_ANY_WORD.findall(value)) and len(value) >= _ANYWHERE:
        yield _phrase(fold(value))


def _day(day: date) -> Iterator[str]:
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
    if min(map(ord, folded)) > UNSPACED or len(folded) >= _ANYWHERE:
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
def short_words() -> frozenset[str]:
    """Words of two letters that are no names beside a single letter, lower case."""
    return frozenset(
        word for line in load_yaml("vocabulary/short_words.yaml") for word in str(line).split()
    )


@lru_cache(maxsize=1)
def common_words() -> frozenset[str]:
    """Words that identify nobody, lower case: of acquisition, of image types, and names of makers."""
    lines = load_yaml("vocabulary/not_identifying.yaml")
    words = {
        word
        for line in load_yaml("vocabulary/acquisition.yaml")["words"]
        for word in str(line).split()
    }
    tokens = {
        word.lower()
        for line in load_yaml("vocabulary/image_tokens.yaml")["tokens"]
        for word in str(line).split()
    }
    return frozenset(words | tokens | {word for line in lines for word in str(line).split()})
