"""Names of persons (PN, PS3.5 section 6.2) as people write them: case, marks, spelling, script, order.

Pure functions on text; which of the written forms are looked for is decided by those who search.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import product

from deidflow.resources import load_yaml

UNSPACED = 0x2E7F
"""Above it lie scripts without spaces, where a letter is a syllable or a word."""
PARTS = re.compile(r"[\^=,;\s\\]+")
SUBPARTS = re.compile(r"[\-'’`´.]+")
_PLAIN = str.maketrans(
    {
        "ł": "l",
        "ø": "o",
        "đ": "d",
        "ð": "d",
        "ı": "i",
        "ħ": "h",
        "æ": "ae",
        "œ": "oe",
        "ß": "ss",
        "þ": "th",
        "ς": "σ",
    }
)
"""Letters that have no decomposition into a plain one and a mark."""
_SPELLED = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa"})
_UNSPELLED = (("ae", "a"), ("oe", "o"), ("ue", "u"), ("aa", "a"))
_NON_LATIN = re.compile(r"[\u0370-\u03ff\u0400-\u04ff]")
_ANYBODY = frozenset(
    ("anonymous", "anonymized", "anonymised", "anonym", "anon", "deidentified", "removed", "unknown", "unbekannt",
     "none", "null", "noname", "name", "patient", "test", "phantom", "xxx")
)  # fmt: skip
"""Words that stand in for a name."""


def fold(text: str) -> str:
    """Lower case without diacritics, letter by letter, for comparing."""
    if text.isascii():
        return text.lower()
    return "".join(map(folded_letter, text))


@lru_cache(maxsize=4096)
def folded_letter(letter: str) -> str:
    """One letter, folded; several where it is written so without marks."""
    if "\uac00" <= letter <= "\ud7a3":
        return letter
    plain = unicodedata.normalize("NFKD", letter.lower())
    return "".join(c for c in plain if not unicodedata.combining(c)).lower().translate(_PLAIN)


def spellings(value: str) -> tuple[str, ...]:
    """A name folded, with umlauts spelled out, and with spelled-out umlauts folded."""
    plain = fold(value)
    short = plain
    for long, letter in _UNSPELLED:
        short = short.replace(long, letter)
    return tuple(dict.fromkeys((plain, fold(value.lower().translate(_SPELLED)), short)))


def is_unspaced(text: str) -> bool:
    """Whether all letters are of a script in which each is a syllable or a word."""
    return bool(text) and min(map(ord, text)) > UNSPACED


# other scripts in Latin letters


def romanised(folded: str) -> list[tuple[str, ...]] | None:
    """How each letter of a folded Cyrillic or Greek name is written in Latin letters.

    None for a name of another script. An empty text among the forms: the letter may be left out.
    """
    if not _NON_LATIN.search(folded):
        return None
    forms = _latin_forms()
    rows = []
    place = 0
    while place < len(folded):
        width = 2 if folded[place : place + 2] in forms else 1
        letters = folded[place : place + width]
        rows.append(forms.get(letters, (letters,)))
        place += width
    return rows


@lru_cache(maxsize=1)
def _latin_forms() -> dict[str, tuple[str, ...]]:
    """Letters -> their Latin forms; two letters that are written as one keep the forms of each as well."""
    tables = load_yaml("vocabulary/romanisation.yaml")
    rows = {
        letters: str(text).split() for table in tables.values() for letters, text in table.items()
    }
    single = {
        letters: ["" if form == "-" else form for form in forms] for letters, forms in rows.items()
    }
    forms: dict[str, tuple[str, ...]] = {}
    for letters, written in single.items():
        apart: Iterable[str] = ()
        if len(letters) > 1:
            apart = map("".join, product(*(single[letter] for letter in letters)))
        forms[letters] = tuple(dict.fromkeys((*written, *apart)))
    return forms


@lru_cache(maxsize=4096)
def _latin_pattern(folded: str) -> re.Pattern[str] | None:
    rows = romanised(folded)
    if rows is None:
        return None
    return re.compile("".join(f"(?:{'|'.join(map(re.escape, forms))})" for forms in rows))


# one name or two


def same_name(one: str, other: str) -> bool:
    """Whether two PN values can be spellings of one name.

    Case, marks, the order of components, joined or split parts, script, an initial or nothing for a given name
    do not tell persons apart. An empty or generic name is like any other.
    """
    ours, theirs = list(_groups(one)), list(_groups(other))
    if not ours or not theirs:
        return True
    return any(_same_words(mine, yours) for mine in ours for yours in theirs)


def is_generic(name: str) -> bool:
    """Whether a name is empty or stands for nobody: `Anonymous`."""
    return not any(_groups(name))


def _groups(name: str) -> Iterator[tuple[str, ...]]:
    """The words of each component group (alphabetic, ideographic, phonetic), without generic ones."""
    for group in name.split("="):
        words = name_words(group)
        if words and not set(words) <= _ANYBODY:
            yield words


def name_words(name: str) -> tuple[str, ...]:
    """The words of a name, folded, split at hyphens and apostrophes too."""
    pieces = (piece for part in PARTS.split(name) for piece in SUBPARTS.split(part))
    return tuple(fold(piece) for piece in pieces if any(map(str.isalpha, piece)))


def _same_words(ours: Sequence[str], theirs: Sequence[str]) -> bool:
    if _joined(ours) & _joined(theirs):
        return True
    short, long = sorted((ours, theirs), key=len)
    left = list(long)
    for word in sorted(short, key=len, reverse=True):
        match = next((candidate for candidate in left if _same_word(word, candidate)), None)
        if match is None:
            return False
        left.remove(match)
    return any(len(word) > 1 or is_unspaced(word) for word in short)


def _joined(words: Sequence[str]) -> set[str]:
    """The letters of a name in a row: in its order, and with the first or the last word moved to the other end."""
    orders = (words, [*words[1:], words[0]], [words[-1], *words[:-1]])
    return {spelled for order in orders for spelled in spellings("".join(order))}


def _same_word(one: str, other: str) -> bool:
    if 1 in (len(one), len(other)) and not is_unspaced(one + other):
        return one[0] == other[0]
    if set(spellings(one)) & set(spellings(other)):
        return True
    return _is_latin_form(one, other) or _is_latin_form(other, one)


def _is_latin_form(foreign: str, latin: str) -> bool:
    pattern = _latin_pattern(foreign)
    return pattern is not None and pattern.fullmatch(latin) is not None
