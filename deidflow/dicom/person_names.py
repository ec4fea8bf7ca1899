"""Names of persons (PN, PS3.5 section 6.2) as people write them: spelling, script, order.

Pure functions on text; callers decide which of the written forms they search for.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
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
    (
        "anonymous",
        "anonymized",
        "anonymised",
        "anonym",
        "anon",
        "deidentified",
        "removed",
        "unknown",
        "unbekannt",
        "none",
        "null",
        "noname",
        "name",
        "patient",
        "test",
        "phantom",
        "xxx",
    )
)
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
    decomposed = unicodedata.normalize("NFKD", letter.lower())
    letters = [part for part in decomposed if not unicodedata.combining(part)]
    plain = "".join(letters).lower()
    return plain.translate(_PLAIN)


def spellings(value: str) -> tuple[str, ...]:
    """A name folded, with umlauts spelled out, and with spelled-out umlauts folded."""
    plain = fold(value)
    short = plain
    for long, letter in _UNSPELLED:
        short = short.replace(long, letter)

    spelled_out = value.lower().translate(_SPELLED)
    forms = (plain, fold(spelled_out), short)
    return tuple(dict.fromkeys(forms))


def is_unspaced(text: str) -> bool:
    """Whether all letters are of a script in which each is a syllable or a word."""
    if not text:
        return False
    lowest = min(map(ord, text))
    return lowest > UNSPACED


# other scripts in Latin letters


def romanised(folded: str) -> list[tuple[str, ...]] | None:
    """How each letter of a folded Cyrillic or Greek name is written in Latin letters.

    None for a name of another script. An empty text among the forms: the letter may be left out.
    """
    if not _NON_LATIN.search(folded):
        return None
    forms = _latin_forms()
    rows: list[tuple[str, ...]] = []
    rest = folded
    while rest:
        pair = rest[:2]
        letters = pair if pair in forms else rest[0]
        written = forms.get(letters, (letters,))
        rows.append(written)
        rest = rest.removeprefix(letters)
    return rows


@lru_cache(maxsize=1)
def _latin_forms() -> dict[str, tuple[str, ...]]:
    """Letters -> their Latin forms; two letters written as one keep the forms of each as well."""
    written = _written_forms()
    forms: dict[str, tuple[str, ...]] = {}
    for letters, together in written.items():
        apart: list[str] = []
        if len(letters) > 1:
            choices = [written[letter] for letter in letters]
            apart = list(map("".join, product(*choices)))
        distinct = dict.fromkeys((*together, *apart))
        forms[letters] = tuple(distinct)
    return forms


def _written_forms() -> dict[str, list[str]]:
    """Letters -> their Latin forms as in the vocabulary, where `-` stands for none."""
    written: dict[str, list[str]] = {}
    for table in load_yaml("vocabulary/romanisation.yaml").values():
        for letters, text in table.items():
            forms = str(text).split()
            written[letters] = [form.replace("-", "") for form in forms]
    return written


@lru_cache(maxsize=4096)
def _latin_pattern(folded: str) -> re.Pattern[str] | None:
    """A pattern of the Latin forms of a Cyrillic or Greek name; None for another script."""
    rows = romanised(folded)
    if rows is None:
        return None
    pattern = ""
    for forms in rows:
        choices = "|".join(map(re.escape, forms))
        pattern += f"(?:{choices})"
    return re.compile(pattern)


# one name or two


def same_name(name: str, other: str) -> bool:
    """Whether two PN values can be spellings of one name.

    Case, marks, the order of components, joined or split parts, script, an initial or nothing for a
    given name do not tell persons apart. An empty or generic name is like any other.
    """
    ours = list(_groups(name))
    theirs = list(_groups(other))
    if not ours or not theirs:
        return True
    return any(_same_words(*pair) for pair in product(ours, theirs))


def is_generic(name: str) -> bool:
    """Whether a name is empty or stands for nobody: `Anonymous`."""
    return not any(_groups(name))


def _groups(name: str) -> Iterator[tuple[str, ...]]:
    """The words of each component group (alphabetic, ideographic, phonetic) but generic ones."""
    for group in name.split("="):
        words = name_words(group)
        if words and not set(words) <= _ANYBODY:
            yield words


def name_words(name: str) -> tuple[str, ...]:
    """The words of a name, folded, also split at hyphens and apostrophes."""
    words: list[str] = []
    for part in PARTS.split(name):
        for piece in SUBPARTS.split(part):
            if any(map(str.isalpha, piece)):
                words.append(fold(piece))
    return tuple(words)


def _same_words(ours: Sequence[str], theirs: Sequence[str]) -> bool:
    """Whether every word of the shorter name is in the longer one, or both are the same letters."""
    if _joined(ours) & _joined(theirs):
        return True
    short, long = sorted((ours, theirs), key=len)
    remaining = list(long)
    for word in sorted(short, key=len, reverse=True):
        match = _match(word, remaining)
        if match is None:
            return False
        remaining.remove(match)
    return not all(map(_is_initial, short))


def _is_initial(word: str) -> bool:
    """Whether a word is a single letter, of a script where this is not a word of its own."""
    return len(word) <= 1 and not is_unspaced(word)


def _match(word: str, candidates: Sequence[str]) -> str | None:
    """The first candidate that can be the same word."""
    for candidate in candidates:
        if _same_word(word, candidate):
            return candidate
    return None


def _joined(words: Sequence[str]) -> set[str]:
    """The letters of a name in a row: in order, and with the first or last word moved."""
    first, last = words[0], words[-1]
    orders = (
        words,
        [*words[1:], first],
        [last, *words[:-1]],
    )
    joined: set[str] = set()
    for order in orders:
        letters = "".join(order)
        joined.update(spellings(letters))
    return joined


def _same_word(word: str, other: str) -> bool:
    is_initial = 1 in (len(word), len(other))
    if is_initial and not is_unspaced(word + other):
        return word[0] == other[0]

    forms = set(spellings(word))
    if not forms.isdisjoint(spellings(other)):
        return True
    return _is_latin_form(word, other) or _is_latin_form(other, word)


def _is_latin_form(foreign: str, latin: str) -> bool:
    pattern = _latin_pattern(foreign)
    if pattern is None:
        return False
    return pattern.fullmatch(latin) is not None
