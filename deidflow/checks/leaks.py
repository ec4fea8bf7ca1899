"""The search for identifiers in values: the patient's own, and those of everybody else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from deidflow.checks.cohort import CohortIndex
from deidflow.checks.elements import Element, name_of
from deidflow.checks.kinds import NUMBERS
from deidflow.checks.ours import Ours
from deidflow.checks.own import OwnIdentifiers
from deidflow.checks.text import DATED, NUMERIC_TEXT, runs_of, texts_of, values_of
from deidflow.checks.tokens import Token, tokens_in
from deidflow.checks.words import fold

OWN = "own"
ANOTHERS = "another's"
_LEAST_NUMBER = 6
_DATE_LENGTH = 8
_WELL_KNOWN = "1.2.840.10008."


@dataclass(frozen=True)
class Hit:
    """An identifier in an attribute: whose and of what kind, never which."""

    attribute: str
    whose: str
    kind: str


@dataclass(frozen=True)
class Matches:
    """What a text holds: identifiers, and how many single words of somebody else's name."""

    hits: tuple[Hit, ...] = ()
    words: int = 0

    def __bool__(self) -> bool:
        return bool(self.hits or self.words)


class Shared(Protocol):
    """Knows values that are nobody's."""

    def is_shared(self, attribute: str, value: str) -> bool:
        """Whether other patients have this value in this attribute."""


@dataclass
class LeakSearch:
    """Searches the values of one session; a repeated value is searched only once."""

    own: OwnIdentifiers
    ours: Ours
    cohort: CohortIndex | None = None
    uids: frozenset[str] = frozenset()
    """UIDs of the session's sources, which must not be in the release."""
    shared: Shared | None = None
    doubtful: Counter[str] = field(default_factory=Counter)
    """Attributes with a single word of somebody else's name; no reason to withhold anything."""
    _seen: dict[tuple[int, bytes, str], tuple[Hit, ...]] = field(default_factory=dict)
    _cleared: set[str] = field(default_factory=set)

    def element(self, element: Element) -> tuple[Hit, ...]:
        """Identifiers in a value of a DICOM file."""
        tag = element.tag
        creator = element.level.creator_of(tag)
        key = tag, element.raw, creator
        seen = self._seen.get(key)
        if seen is not None:
            return seen
        hits = tuple(self._in_element(element))
        self._seen[key] = hits
        return hits

    def text(self, attribute: str, text: str) -> list[Hit]:
        """Identifiers in a text outside DICOM files: of a sidecar, a file name."""
        if text in self._cleared:
            return []

        matches = self._matches(attribute, text)
        if not matches or self.ours.is_term(text):
            return []
        self._note_doubtful(attribute, matches)
        hits = self._unshared(attribute, text, matches)
        return list(hits)

    def binary(self, attribute: str, runs: Iterable[str]) -> list[Hit]:
        """Identifiers in readable runs of binary."""
        hits: dict[Hit, None] = {}
        for run in runs:
            folded = fold(run)
            for hit in self._in_run(attribute, folded):
                hits[hit] = None
        return list(hits)

    def _in_element(self, element: Element) -> Iterator[Hit]:
        if element.vr == b"UI":
            yield from self._in_uids(element)
        elif element.vr in DATED:
            yield from self._in_dates(element)
        elif element.vr in NUMERIC_TEXT:
            yield from self._in_numbers(element)
        else:
            attribute = name_of(element)
            yield from self.binary(attribute, runs_of(element))
            yield from self._in_texts(attribute, element)

    def _in_texts(self, attribute: str, element: Element) -> Iterator[Hit]:
        for text in texts_of(element):
            matches = self._matches(attribute, text)
            if matches and self._is_ours(element, matches):
                matches = Matches()

            self._note_doubtful(attribute, matches)
            hits = self._unshared(attribute, text, matches)
            if not hits:
                self._cleared.add(text)
            yield from hits

    def _is_ours(self, element: Element, matches: Matches) -> bool:
        kinds = {hit.kind for hit in matches.hits}
        return self.ours.is_ours(element, kinds)

    def _note_doubtful(self, attribute: str, matches: Matches) -> None:
        if matches.words:
            self.doubtful[attribute] += matches.words

    def _unshared(self, attribute: str, text: str, matches: Matches) -> tuple[Hit, ...]:
        """The hits, unless other patients have the same text in the same attribute."""
        if not matches.hits or self.shared is None:
            return matches.hits
        if self.shared.is_shared(attribute, text):
            return ()
        return matches.hits

    def _matches(self, attribute: str, text: str) -> Matches:
        folded = fold(text)
        own_kinds = self.own.kinds_in(folded)
        hits = [Hit(attribute, OWN, kind) for kind in own_kinds]

        unique_tokens = dict.fromkeys(tokens_in(folded))
        tokens = list(unique_tokens)
        words = 0
        for token in self._others(tokens):
            if token.kind == "word":
                words += 1
                continue
            hit = Hit(
                attribute,
                ANOTHERS,
                token.kind,
            )
            hits.append(hit)
        hits += self._source_uids(attribute, tokens)

        unique_hits = dict.fromkeys(hits)
        return Matches(tuple(unique_hits), words)

    def _in_run(self, attribute: str, folded: str) -> Iterator[Hit]:
        for kind in self.own.kinds_in_binary(folded):
            yield Hit(attribute, OWN, kind)

        tokens = [token for token in tokens_in(folded) if token.kind != "word"]
        others = self._others(tokens)
        for token in others:
            yield Hit(
                attribute,
                ANOTHERS,
                token.kind,
            )
        yield from self._source_uids(attribute, tokens)

    def _others(self, tokens: Sequence[Token]) -> list[Token]:
        if self.cohort is None:
            return []
        return self.cohort.matches(tokens)

    def _source_uids(self, attribute: str, tokens: Iterable[Token]) -> Iterator[Hit]:
        for token in tokens:
            if token.kind == "uid" and token.text in self.uids:
                yield Hit(attribute, OWN, "uid")

    def _in_uids(self, element: Element) -> Iterator[Hit]:
        if self.ours.is_class(element.tag):
            return

        values = values_of(element.raw)
        uids = [value for value in values if not value.startswith(_WELL_KNOWN)]

        tokens = [Token("uid", uid) for uid in uids]
        if not self.uids.isdisjoint(uids):
            whose = OWN
        elif self._others(tokens):
            whose = ANOTHERS
        else:
            return
        attribute = name_of(element)
        yield Hit(attribute, whose, "uid")

    def _in_dates(self, element: Element) -> Iterator[Hit]:
        """Dates of the patient in a DA or DT value."""
        for value in values_of(element.raw):
            stripped = value.strip()
            day = stripped[:_DATE_LENGTH]
            if day in self.own.days:
                attribute = name_of(element)
                yield Hit(attribute, OWN, "date")

    def _in_numbers(self, element: Element) -> Iterator[Hit]:
        """Values of DS and IS that are a whole number of the patient's."""
        for value in values_of(element.raw):
            number = value.strip()
            if not number.isdigit():
                continue
            significant = number.lstrip("0")
            if len(significant) < _LEAST_NUMBER:
                continue
            attribute = name_of(element)
            kinds = self.own.kinds_in(number)
            for kind in NUMBERS.intersection(kinds):
                yield Hit(attribute, OWN, kind)
