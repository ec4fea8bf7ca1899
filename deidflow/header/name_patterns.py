"""A patient's names as regular expressions: in parts, in orders, in Latin letters."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import permutations

from deidflow.dicom.person_names import PARTS, SUBPARTS, is_unspaced, romanised, spellings
from deidflow.header.common_words import (
    LEAST_LETTERS,
    is_common,
    is_identifying,
    least_letters,
    short_words,
)
from deidflow.header.number_patterns import number_alone
from deidflow.header.phrase_patterns import ANYWHERE

_LEAST_SPLIT = 5
"""Letters from which a part of a name is searched as two words."""
_MOST_PAIRED = 5
"""Parts of a name, of which each two are searched side by side."""
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
"""Where a joined name shows its parts by case: XiaoDong."""
_NO_LETTER_BEFORE, _NO_LETTER_AFTER = r"(?<![^\W\d_])", r"(?![^\W\d_])"
_TITLES = ("dr", "mr", "mrs", "ms", "prof", "pat")
_BETWEEN_PIECES = r"[\-'’`´. ]?"
_BETWEEN_PARTS = r"[\s\^_,.\-]*"
_BEFORE_INITIAL = r"[\s\^_,.\-]+"
Pieces = list[list[str]]
"""The pieces of a part, each as one expression per letter."""


def name_parts(name: str) -> set[str]:
    """The parts of a PN value in all its component groups, but for those of very few letters."""
    parts: set[str] = set()
    for part in PARTS.split(name):
        for piece in (part, *SUBPARTS.split(part)):
            is_long_enough = len(piece) >= least_letters(piece)
            if is_long_enough and _has_letters(piece):
                parts.add(piece)
    return parts


def _has_letters(part: str) -> bool:
    return any(map(str.isalpha, part))


def name_patterns(value: str, shortest: int) -> Iterator[str]:
    """A name by its parts, and by each two of its parts side by side.

    Nothing shorter than `shortest` letters.
    """
    for spelling in spellings(_CAMEL.sub("-", value)):
        parts = _parts(spelling)
        first_letters = {part[0] for part in parts}
        initials = "".join(sorted(first_letters))
        for part in dict.fromkeys(parts):
            if _is_searched(part, shortest):
                yield from _part_patterns(part, initials)
        paired = dict.fromkeys(parts[:_MOST_PAIRED])
        for first, second in permutations(paired, 2):
            yield from _pair_patterns(first, second, shortest)


def _parts(spelling: str) -> list[str]:
    """The parts of a name, then the pieces of those that have several."""
    parts = list(filter(_has_letters, PARTS.split(spelling)))
    pieces: list[str] = []
    for part in parts:
        if SUBPARTS.search(part):
            pieces += filter(None, SUBPARTS.split(part))
    return parts + pieces


def _is_searched(part: str, shortest: int) -> bool:
    letters = SUBPARTS.sub("", part)
    if len(letters) < least_letters(letters):
        return False
    return is_identifying(part) and _is_long(letters, shortest)


def _is_long(letters: str, shortest: int) -> bool:
    """Whether letters are as many as asked for; each of a script without spaces counts twice."""
    if not letters:
        return False
    weight = 2 if is_unspaced(letters) else 1
    return len(letters) * weight >= shortest


def _part_patterns(part: str, initials: str) -> Iterator[str]:
    """A part of a name as a word, with digits, a title or an initial at it; anywhere if it is long.

    A part in letters without case or space between (`XiaoDong`) is searched as two words too, a
    Cyrillic or Greek one in Latin letters.
    """
    if part.isdigit():
        yield number_alone(part)
        return

    is_anywhere = len(part) >= ANYWHERE or is_unspaced(part)
    for pieces in _written(part):
        body = _in_one_row(pieces)
        yield body if is_anywhere else _as_word(body, initials)

        is_single = len(pieces) == 1 and not is_unspaced(part)
        if is_single and len(pieces[0]) >= _LEAST_SPLIT:
            yield _no_letters_around(_in_two_words(pieces[0]))


def _as_word(body: str, initials: str) -> str:
    """A word that a title or an initial may be joined to."""
    initial = f"[{re.escape(initials)}]"
    titles = "|".join(_TITLES)
    return _no_letters_around(f"(?:{titles}|{initial})?{body}{initial}?")


def _no_letters_around(expression: str) -> str:
    return _NO_LETTER_BEFORE + expression + _NO_LETTER_AFTER


def _written(part: str) -> Iterator[Pieces]:
    """A part as it is written; a Cyrillic or Greek one in Latin letters too."""
    pieces = list(filter(None, SUBPARTS.split(part)))
    yield [_escaped_letters(piece) for piece in pieces]

    latin = [romanised(piece) for piece in pieces]
    if not any(latin):
        return
    transcribed: Pieces = []
    for forms, piece in zip(latin, pieces, strict=True):
        if forms is None:
            transcribed.append(_escaped_letters(piece))
        else:
            transcribed.append(_latin(forms))
    yield transcribed


def _escaped_letters(piece: str) -> list[str]:
    return list(map(re.escape, piece))


def _latin(forms: Sequence[Sequence[str]]) -> list[str]:
    """One expression per letter for its forms in Latin letters, the longest first."""
    expressions: list[str] = []
    for written in forms:
        ordered = sorted(written, key=len, reverse=True)
        choices = "|".join(map(re.escape, ordered))
        expressions.append(f"(?:{choices})")
    return expressions


def _in_two_words(letters: Sequence[str]) -> str:
    """Letters with a gap in one place, two letters or more on either side."""
    rests: list[str] = []
    for place in range(2, len(letters) - 1):
        before = "".join(letters[2:place])
        after = "".join(letters[place:])
        rests.append(rf"{before}[\s\-_]{after}")
    start = "".join(letters[:2])
    return f"{start}(?:{'|'.join(rests)})"


def _pair_patterns(first: str, second: str, shortest: int) -> Iterator[str]:
    """Two parts side by side mean somebody however short they are, unless both are common words."""
    joined = first + second
    if not _is_long(SUBPARTS.sub("", joined), shortest):
        return
    if is_common(f"{first} {second}"):
        return

    shorter = min(len(first), len(second))
    if shorter >= least_letters(joined) - 1:
        is_anywhere = len(joined) >= ANYWHERE or is_unspaced(joined)
        for pair in _pairs(first, second):
            yield pair if is_anywhere else _no_letters_around(pair)
    if shortest <= LEAST_LETTERS and _is_short_name(first):
        yield _with_initial(first, second[0])


def _pairs(first: str, second: str) -> Iterator[str]:
    """Both parts as they are written, and both in Latin letters."""
    forms = zip(
        _written(first),
        _written(second),
        strict=False,
    )
    for pieces in forms:
        rows = map(_in_one_row, pieces)
        yield _BETWEEN_PARTS.join(rows)


def _in_one_row(pieces: Pieces) -> str:
    return _BETWEEN_PIECES.join(map("".join, pieces))


def _is_short_name(part: str) -> bool:
    """Whether two Latin letters are a name that is searched with an initial."""
    if len(part) != 2 or not part.isascii():
        return False
    return part not in short_words()


def _with_initial(name: str, initial: str) -> str:
    """A name of two letters with the initial of another part: `NG_A`, `A. Ng`."""
    escaped = re.escape(name)
    other = re.escape(initial)
    after = escaped + _BEFORE_INITIAL + other
    before = other + _BEFORE_INITIAL + escaped
    return _no_letters_around(f"(?:{after}|{before})")
