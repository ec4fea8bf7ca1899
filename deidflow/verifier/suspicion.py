"""What in a text looks as if it came from a person, judged without knowing anybody."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from functools import lru_cache

from deidflow.checks.words import common_words, fold, is_common
from deidflow.resources import load_yaml, placeholder_dates
from deidflow.verifier.numbers import holds_national_number


class Suspicion(StrEnum):
    """Classes of text that identify."""

    NAME = "a name"
    DATE = "a date"
    TELEPHONE = "a telephone number"
    EMAIL = "an e-mail address"
    ADDRESS = "an address"
    NUMBER = "a national number"
    LABELLED = "a number of a person"
    UID = "a UID"
    PATH = "a path with a user"


_MONTHS = "jan|feb|mar|apr|may|mai|jun|jul|aug|sep|oct|okt|nov|dec|dez"
_DAY, _MONTH, _YEAR = r"(?:0?[1-9]|[12]\d|3[01])", r"(?:0?[1-9]|1[0-2])", r"(?:19|20)\d{2}"
_COMPACT = re.compile(r"(?<!\d)((?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01]))(?!\d)")
_SEPARATED = re.compile(
    rf"(?<![\d.])(?:{_YEAR}([-./]){_MONTH}\1{_DAY}"
    rf"|{_DAY}([-./]){_MONTH}\2{_YEAR}|{_MONTH}([-./]){_DAY}\3{_YEAR})(?![\d.])"
)
_WRITTEN = re.compile(
    rf"(?<!\d){_DAY}(?:st|nd|rd|th|\.)?[ -]?(?:{_MONTHS})[a-z]*\.?,?[ -]?{_YEAR}(?!\d)"
    rf"|\b(?:{_MONTHS})[a-z]*\.? {_DAY}(?:st|nd|rd|th)?,? {_YEAR}(?!\d)",
    re.IGNORECASE,
)
_EMAIL = re.compile(r"[A-Za-z0-9._%+-]{2,}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}")
_TELEPHONE = re.compile(
    r"\b(?:tel|telephone|phone|fax|mobile|mob|handy|pager|bleep)\b\.?:? ?\+?[\d(][\d ()/.-]{4,}\d"
    r"|(?<![\w.])\+\d{1,3}[ (.-]?\(?\d[\d ().-]{6,}\d"
    r"|\(\d{3}\) ?\d{3}-\d{4}(?!\d)"
    r"|(?<![\d.-])\d{3}-\d{3}-\d{4}(?![\d-])"
    r"|(?<![\w.])0\d{2,4}[/-] ?\d{5,8}(?!\d)",
    re.IGNORECASE,
)
_STREET = re.compile(
    r"\b\d{1,5}[a-z]? (?:[A-Z][a-z'-]+ ){1,3}"
    r"(?:Street|St|Road|Rd|Avenue|Ave|Lane|Ln|Drive|Dr|Boulevard|Blvd|Court|Place|Square|Way)\b"
    r"|\b[A-ZÄÖÜ][\wäöüß-]*(?:straße|strasse|str\.|weg|platz|gasse|allee"
    r"|laan|straat|gatan|vej) ?\d{1,4}\b"
    r"|\b(?:rue|avenue|via|calle|rua|avenida|piazza|plaza) (?:[a-z]+ ){0,2}[A-Z][\w'-]+,? \d{1,4}\b"
    r"|\b\d{1,4},? (?:rue|avenue|boulevard|place) (?:[a-z]+ ){0,2}[A-Z][\w'-]+"
)
_POSTCODE = re.compile(r"\b[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}\b|\b[A-Z]{2} \d{5}(?:-\d{4})?\b")
_LABELLED = re.compile(
    r"\b(?:mrn|ssn|dob|nhs|pesel|pid|pat(?:ient)?[ ._-]?(?:id|no|nr|number)|case[ ._-]?(?:id|no|nr)"
    r"|acc(?:ession)?[ ._-]?(?:no|nr|number)?|hosp(?:ital)?[ ._-]?(?:no|nr)|chart[ ._-]?(?:no|nr))"
    r"\b[ :#=._-]{0,3}[A-Z]{0,4}-?\d{4,}",
    re.IGNORECASE,
)
_TITLED = re.compile(
    r"\b(?:Mrs?|Ms|Miss|Dr|Prof|Herr|Frau|Mme|Mlle|Sra|Dott|Dra)\.? ([A-Z][a-z'-]{2,})"
    r"|\b(?:DR|PROF|MRS|HERR|FRAU)\.? ([A-Z'-]{3,})"
)
_CARETS = re.compile(r"([^\W\d_]{2,})\^([^\W\d_]{2,})")
_COMMA = re.compile(r"\b([A-Z][a-z'-]{2,}), ?([A-Z][a-z'-]{2,})\b")
_CAPITALS = re.compile(r"\b([A-Z]{3,}), ([A-Z]{3,})\b")
_WORD = re.compile(r"[^\W\d_]+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_MAKER_UID = re.compile(
    r"(?<![\d.])(?:1\.3\.12\.2\.1107|1\.2\.840\.113619|1\.3\.46\.670589|1\.2\.392\.200036"
    r"|1\.2\.156\.112605|1\.2\.276\.0|1\.2\.826\.0\.1|1\.3\.6\.1\.4\.1|2\.16\.840)(?:\.\d+){2,}"
)
_PATH = re.compile(r"(?:/home/|/Users/|[A-Za-z]:\\(?:Users|Documents and Settings)\\)[\w.-]+")
_DIGEST = re.compile(r"(?<![^\W_])(?=[0-9a-f]*[a-f])(?=[0-9a-f]*\d)[0-9a-f]{16,128}(?![^\W_])")
_LEAST_LETTERS = 3


def suspicions_in(text: str, *, build: bool = False) -> frozenset[Suspicion]:
    """What a text seems to hold; in a hexadecimal digest names and numbers come about by chance.

    `build`: the text is a version of software, in which a date is that of the build.
    """
    text = _DIGEST.sub("", text)
    if len(text) < _LEAST_LETTERS:
        return frozenset()
    found = set(_by_form(text))
    if not build and has_date(text):
        found.add(Suspicion.DATE)
    if looks_like_name(text):
        found.add(Suspicion.NAME)
    return frozenset(found)


def suspicions_in_binary(text: str) -> frozenset[Suspicion]:
    """What a readable run of a binary value seems to hold that does not come about by chance."""
    found = {kind for kind, pattern in _STRONG if pattern.search(text)}
    if _is_plain_name_with_carets(text) or _is_titled(text):
        found.add(Suspicion.NAME)
    if _SEPARATED.search(text):
        found.add(Suspicion.DATE)
    return frozenset(found)


def has_date(text: str) -> bool:
    """Whether a text holds a day of the calendar that is not a placeholder."""
    if any(day not in placeholder_dates() for day in _COMPACT.findall(text)):
        return True
    return any(pattern.search(text) for pattern in (_SEPARATED, _WRITTEN))


def looks_like_name(text: str) -> bool:
    """Whether a text seems to hold the name of a person."""
    if _is_name_with_carets(text, least=2) or _is_titled(text):
        return True
    for pattern in (_COMMA, _CAPITALS):
        for match in pattern.finditer(text):
            if not is_common(match[1]) and not is_common(match[2]):
                return True
    return any(fold(word) in _given_names() for word in _words(text))


def strange_words(text: str, more: frozenset[str] = frozenset()) -> bool:
    """Whether a description has a word that neither the vocabulary nor `more` has."""
    words, patterns = _acquisition()
    for word in re.findall(
        r"[^\W_]+(?:\.\d+[a-z]*)?",
        text.casefold(),
    ):
        listed = word in words or word in more or word in common_words()
        if not listed and not patterns.fullmatch(word) and _LETTERS.search(word):
            return True
    return False


_LETTERS = re.compile(r"[^\W\d_]{2,}")


def _by_form(text: str) -> Iterator[Suspicion]:
    for kind, pattern in _FORMS:
        if pattern.search(text):
            yield kind
    if holds_national_number(text):
        yield Suspicion.NUMBER


_STRONG = (
    (Suspicion.EMAIL, _EMAIL),
    (Suspicion.LABELLED, _LABELLED),
    (Suspicion.UID, _MAKER_UID),
    (Suspicion.PATH, _PATH),
    (Suspicion.ADDRESS, _STREET),
)
_FORMS = (*_STRONG, (Suspicion.TELEPHONE, _TELEPHONE), (Suspicion.ADDRESS, _POSTCODE))


def _is_name_with_carets(text: str, least: int) -> bool:
    for family, given in _CARETS.findall(text):
        if min(len(family), len(given)) < least:
            continue
        if not is_common(family) and not is_common(given):
            return True
    return False


def _is_plain_name_with_carets(text: str) -> bool:
    """As `_is_name_with_carets`, of words in plain case and letters: others come by chance."""
    if not _is_name_with_carets(text, least=_LEAST_LETTERS):
        return False
    return any(
        _is_word_like(family) and _is_word_like(given) for family, given in _CARETS.findall(text)
    )


def _is_word_like(word: str) -> bool:
    plain = sum(map(str.isascii, word))
    cased = word.istitle() or word.isupper() or word.islower()
    return cased and 2 * plain >= len(word)


def _is_titled(text: str) -> bool:
    names = (match[1] or match[2] for match in _TITLED.finditer(text))
    return any(not is_common(name) for name in names)


def _words(text: str) -> Iterator[str]:
    for word in _WORD.findall(text):
        yield word
        pieces = _CAMEL.split(word)
        if len(pieces) > 1:
            yield from pieces


@lru_cache(maxsize=1)
def _given_names() -> frozenset[str]:
    lines = load_yaml("vocabulary/given_names.yaml")["names"]
    names = frozenset(name for line in lines for name in str(line).split())
    return names - common_words()


@lru_cache(maxsize=1)
def _acquisition() -> tuple[frozenset[str], re.Pattern[str]]:
    """Words, and patterns of numbers with a unit."""
    loaded = load_yaml("vocabulary/acquisition.yaml")
    words = frozenset(word for line in loaded["words"] for word in str(line).split())
    pieces = frozenset(piece for word in words for piece in re.split(r"[_.\-]", word))
    return words | pieces, re.compile("|".join(loaded["patterns"]))
