"""The search for identifiers in values: the patient's own, and those of everybody else in the batch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from deidflow.checks.cohort import Cohort, Token, tokens_in
from deidflow.checks.elements import Element, name_of
from deidflow.checks.ours import Ours
from deidflow.checks.own import NUMBERS, OwnIdentifiers
from deidflow.checks.text import DATED, NUMERIC_TEXT, runs_of, texts_of
from deidflow.checks.words import fold

OWN, ANOTHERS = "own", "another's"
_LEAST_NUMBER = 6
_WELL_KNOWN = "1.2.840.10008."


@dataclass(frozen=True)
class Hit:
    """An identifier in an attribute: whose and of what kind, never which."""

    attribute: str
    whose: str
    kind: str


class Shared(Protocol):
    """Knows values that are nobody's."""

    def is_shared(self, attribute: str, value: str) -> bool:
        """Whether other patients have this value in this attribute."""


@dataclass
class LeakSearch:
    """Searches values of one session; a value that comes again is not searched again."""

    own: OwnIdentifiers
    ours: Ours
    cohort: Cohort | None = None
    uids: frozenset[str] = frozenset()
    """UIDs of the session's sources, which must not be in the release."""
    shared: Shared | None = None
    doubtful: Counter[str] = field(default_factory=Counter)
    """Attributes that hold a single word of somebody else's name; no reason to hold anything."""
    _seen: dict[tuple[int, bytes, str], tuple[Hit, ...]] = field(default_factory=dict)
    _cleared: set[str] = field(default_factory=set)

    def element(self, element: Element) -> tuple[Hit, ...]:
        """What a value of a DICOM file holds."""
        key = element.tag, element.raw, element.level.creator_of(element.tag)
        if key not in self._seen:
            self._seen[key] = tuple(self._element(element))
        return self._seen[key]

    def text(self, attribute: str, text: str) -> list[Hit]:
        """What a text holds that is not in a DICOM file: of a sidecar, a file name."""
        if text in self._cleared:
            return []
        hits, words = self._found(attribute, text)
        if not (hits or words) or self.ours.is_term(text):
            return []
        self.doubtful.update({attribute: words} if words else {})
        return [] if hits and self._is_shared(attribute, text) else hits

    def binary(self, attribute: str, runs: Iterable[str]) -> list[Hit]:
        """What readable runs of binary hold."""
        hits = [hit for run in runs for hit in self._run(attribute, fold(run))]
        return list(dict.fromkeys(hits))

    def _element(self, element: Element) -> Iterator[Hit]:
        if element.vr == b"UI":
            yield from self._uids(element)
        elif element.vr in NUMERIC_TEXT or element.vr in DATED:
            yield from self._numbers(element)
        else:
            yield from self.binary(name_of(element), runs_of(element))
            yield from self._texts(element)

    def _texts(self, element: Element) -> Iterator[Hit]:
        attribute = name_of(element)
        for text in texts_of(element):
            hits, words = self._found(attribute, text)
            if (hits or words) and self.ours.is_ours(element, {hit.kind for hit in hits}):
                hits, words = [], 0
            self.doubtful.update({attribute: words} if words else {})
            if hits and not self._is_shared(attribute, text):
                yield from hits
            else:
                self._cleared.add(text)

    def _found(self, attribute: str, text: str) -> tuple[list[Hit], int]:
        """What a text holds, and how many single words of somebody else's name."""
        folded = fold(text)
        tokens = list(dict.fromkeys(tokens_in(folded)))
        others = self._others(tokens)
        hits = [Hit(attribute, OWN, kind) for kind in self.own.kinds_in(folded)]
        hits += [Hit(attribute, ANOTHERS, token.kind) for token in others if token.kind != "word"]
        hits += [Hit(attribute, OWN, "uid") for token in tokens if self._is_source_uid(token)]
        return list(dict.fromkeys(hits)), sum(token.kind == "word" for token in others)

    def _run(self, attribute: str, folded: str) -> Iterator[Hit]:
        yield from (Hit(attribute, OWN, kind) for kind in self.own.kinds_in_binary(folded))
        tokens = [token for token in tokens_in(folded) if token.kind != "word"]
        yield from (Hit(attribute, ANOTHERS, token.kind) for token in self._others(tokens))
        yield from (Hit(attribute, OWN, "uid") for token in tokens if self._is_source_uid(token))

    def _others(self, tokens: list[Token]) -> list[Token]:
        return self.cohort.known(tokens) if self.cohort is not None else []

    def _is_source_uid(self, token: Token) -> bool:
        return token.kind == "uid" and token.text in self.uids

    def _uids(self, element: Element) -> Iterator[Hit]:
        values = element.raw.rstrip(b"\0 ").decode("latin-1").split("\\")
        values = [value for value in values if not value.startswith(_WELL_KNOWN)]
        if self.ours.is_class(element.tag):
            return
        if any(value in self.uids for value in values):
            yield Hit(name_of(element), OWN, "uid")
        elif self._others([Token("uid", value) for value in values]):
            yield Hit(name_of(element), ANOTHERS, "uid")

    def _numbers(self, element: Element) -> Iterator[Hit]:
        """Dates of the patient, and numbers that are a whole number of the patient's."""
        for value in element.raw.rstrip(b"\0 ").decode("latin-1").split("\\"):
            stripped = value.strip()
            if element.vr in DATED:
                if stripped[:8] in self.own.days:
                    yield Hit(name_of(element), OWN, "date")
            elif stripped.isdigit() and len(stripped.lstrip("0")) >= _LEAST_NUMBER:
                kinds = set(self.own.kinds_in(stripped)) & NUMBERS
                yield from (Hit(name_of(element), OWN, kind) for kind in kinds)

    def _is_shared(self, attribute: str, text: str) -> bool:
        return self.shared is not None and self.shared.is_shared(attribute, text)
