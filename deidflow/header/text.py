"""Free text: words that may stay, tokens that may stay, and a patient's own identifiers cut out."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import lru_cache

from deidflow.resources import load_yaml

_WORD = re.compile(r"[0-9A-Za-z.]+")
_ANY_WORD = re.compile(r"[^\W_]+")
_NAME_PARTS = re.compile(r"[\^=,\s]+")
LEAST_LETTERS = 3
_UNSPACED = 0x2E7F


@lru_cache(maxsize=1)
def _vocabulary() -> tuple[frozenset[str], re.Pattern[str]]:
    loaded = load_yaml("vocabulary/acquisition.yaml")
    words = frozenset(word for line in loaded["words"] for word in str(line).split())
    return words, re.compile("|".join(loaded["patterns"]))


@lru_cache(maxsize=1)
def _tokens() -> frozenset[str]:
    lines = load_yaml("vocabulary/image_tokens.yaml")["tokens"]
    return frozenset(token for line in lines for token in str(line).split())


def keep_words(text: str, own: frozenset[str] = frozenset()) -> str:
    """The words of acquisition in a description, in order: `T1 MPRAGE SAG KIM` gives `T1 MPRAGE SAG`.

    `own` are parts of the patient's names, lower case: they go even if they are words of acquisition.
    """
    words, patterns = _vocabulary()
    found = ((word, word.lower()) for word in _WORD.findall(text))
    return " ".join(word for word, low in found if (low in words or patterns.fullmatch(low)) and low not in own)


def keep_tokens(values: Iterable[str]) -> list[str]:
    """Values of ImageType and the like by list; a dropped one among the first four leaves NONE."""
    kept = []
    for number, value in enumerate(values):
        if value.strip() in _tokens():
            kept.append(value.strip())
        elif number < 4:
            kept.append("NONE" if value.strip() else "")
    return kept


def fold(text: str) -> str:
    """Lower case without diacritics, for comparing."""
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c)).lower()


def name_parts(name: str) -> set[str]:
    """The parts of a PN value in all its component groups, long enough to be told from random letters."""
    return {part for part in _NAME_PARTS.split(name) if len(part) >= _least(part) and any(map(str.isalpha, part))}


def _least(value: str) -> int:
    return LEAST_LETTERS if value.isascii() else LEAST_LETTERS - 1


@dataclass(frozen=True)
class Scrubber:
    """Cuts a patient's own identifiers out of text that is kept."""

    pattern: re.Pattern[str] | None
    own_words: frozenset[str] = frozenset()
    """All parts of the patient's names, lower case, words of acquisition among them too."""

    @classmethod
    def of(cls, identifiers: Collection[tuple[str, str]]) -> Scrubber:
        """A scrubber for (kind, value) pairs; names count by their parts, others as a whole."""
        found: set[str] = set()
        for kind, value in identifiers:
            found |= name_parts(value) | {value} if kind == "name" else {value}
        usable = {one.strip() for one in found if _worth(one.strip())}
        own_words = frozenset(fold(part) for kind, value in identifiers if kind == "name" for part in name_parts(value))
        if not usable:
            return cls(None, own_words)
        longest_first = sorted(usable | {fold(one) for one in usable}, key=lambda one: (-len(one), one))
        body = "|".join(_expression(one) for one in longest_first)
        return cls(re.compile(body, re.IGNORECASE), own_words)

    def clean(self, text: str) -> str:
        """The text without identifiers; the rest stays as it is."""
        if self.pattern is None or not text:
            return text
        return self.pattern.sub("", text)

    def words(self, text: str) -> str:
        """The words of acquisition in a description, without the patient's own names."""
        return keep_words(self.clean(text), self.own_words)

    def finds(self, text: str) -> bool:
        """Whether the text holds an identifier."""
        return self.pattern is not None and self.pattern.search(text) is not None


def _expression(value: str) -> str:
    """A value as a whole word; in scripts without spaces anywhere."""
    escaped = re.escape(value)
    return escaped if min(map(ord, value)) > _UNSPACED else rf"(?<![^\W_]){escaped}(?![^\W_])"


def _worth(value: str) -> bool:
    """Too short, generic or all-punctuation values are no identifiers."""
    if len(value) < _least(value) or not any(map(str.isalnum, value)):
        return False
    return not {fold(word) for word in _ANY_WORD.findall(value)} <= common_words()


@lru_cache(maxsize=1)
def common_words() -> frozenset[str]:
    """Words that identify nobody, lower case: of acquisition, of image types, and names of makers."""
    lines = load_yaml("vocabulary/not_identifying.yaml")
    return _vocabulary()[0] | {token.lower() for token in _tokens()} | {w for line in lines for w in str(line).split()}
