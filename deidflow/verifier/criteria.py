"""Criteria over 64 header fields, after labhai's verifier: PASS or FAIL per file and subject."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import Any

from pydicom.datadict import tag_for_keyword

from deidflow.checks.elements import Element, is_creator
from deidflow.checks.text import TEXT, texts_of
from deidflow.checks.words import is_common
from deidflow.errors import ConfigError
from deidflow.resources import load_yaml, placeholder_dates
from deidflow.verifier.findings import Check, Finding, Mark
from deidflow.verifier.observers import Seen
from deidflow.verifier.repeats import Latest
from deidflow.verifier.safe_private import is_safe_creator, is_safe_private
from deidflow.verifier.suspicion import looks_like_name, suspicions_in
from deidflow.verifier.values import day_of, is_on_grid

CRITERIA = "verify/criteria.yaml"
_PLACEHOLDER = re.compile(r"[\s0Xx*.:]*|n/?a", re.IGNORECASE)
_RANGE = re.compile(r"0*(\d+)-0*(\d+)[YMWD]?")
_UNIT = re.compile(r"[YMWD]$")
_OLDEST = 90
_UID = re.compile(r"2\.25\.\d{1,39}")
_NEW_DATES = "MODIFIED"
_CLOCK = "1900"


@dataclass(frozen=True)
class Criterion:
    """One field, and what it must be at one level."""

    field: str
    kind: str
    absolute: bool
    step: Decimal


@dataclass(frozen=True)
class Judgement:
    """One field of one file."""

    criterion: Criterion
    passed: bool
    value: str
    """Class and length of the value, never the value."""


@dataclass(frozen=True)
class FileResult:
    """The result of one file."""

    name: str
    subject: str
    rows: tuple[Judgement, ...]
    fail_rate: float
    """The share of failed fields from which a file fails."""

    @property
    def failed(self) -> int:
        """Number of fields that fail."""
        return sum(not row.passed for row in self.rows)

    @property
    def rate(self) -> float:
        """Share of failed fields among those that are in the file."""
        return self.failed / len(self.rows) if self.rows else 0.0

    @property
    def absolute_passed(self) -> bool:
        """Whether every absolute field passes."""
        return all(row.passed for row in self.rows if row.criterion.absolute)

    @property
    def passed(self) -> bool:
        """Whether the file passes."""
        return self.absolute_passed and self.rate < self.fail_rate


@dataclass
class CriteriaJudge:
    """Judges each instance by the criteria of a level."""

    level: str
    roots: tuple[str, ...] = ("2.25",)
    holds: bool = True
    """Whether a file that fails is a finding."""
    results: list[FileResult] = field(default_factory=list)
    _repeated: Latest[dict[str, Judgement]] = field(default_factory=Latest)

    def look(self, seen: Seen) -> Iterator[Mark]:
        """A mark where the file fails."""
        result = self.judge(seen)
        self.results.append(result)
        if self.holds and not result.passed:
            words = f"fails the criteria of level {self.level}"
            yield Mark(Check.CRITERIA, "header", words)

    def end(self) -> Iterator[Finding]:
        """Nothing is left for the end."""
        return iter(())

    def judge(self, seen: Seen) -> FileResult:
        """The judgement of each field of an instance; the worst where it has one several times."""
        dates_moved = seen.markers.longitudinal == _NEW_DATES
        repeated = seen.instance.repeated
        known = self._repeated.get(
            (repeated, dates_moved),
            lambda: self._rows(repeated.elements, dates_moved, {}),
        )
        rows = self._rows(seen.instance.fresh, dates_moved, known)

        parts = seen.entry.parts
        subject = parts[0] if len(parts) > 1 else ""
        ordered = tuple(rows[name] for name in sorted(rows))
        return FileResult(
            seen.shown,
            subject,
            ordered,
            _fail_rate(),
        )

    def _rows(
        self, elements: Iterable[Element], dates_moved: bool, known: dict[str, Judgement]
    ) -> dict[str, Judgement]:
        """The judgement of each field, those that are known already among them."""
        rows = dict(known)
        for element in elements:
            for criterion in _criteria_for(element, self.level):
                passed = self._passes(
                    criterion,
                    element,
                    dates_moved,
                )
                judgement = Judgement(
                    criterion,
                    passed,
                    redacted(element),
                )
                first = rows.setdefault(criterion.field, judgement)
                if first.passed and not passed:
                    rows[criterion.field] = judgement

        return rows

    def _passes(self, criterion: Criterion, element: Element, dates_moved: bool) -> bool:
        if criterion.kind == "keep":
            return True
        if criterion.kind == "private":
            return _is_safe(element)
        if element.vr == b"SQ":
            return False
        values = _values(element)
        return all(self._is_fine(criterion, value, dates_moved) for value in values)

    def _is_fine(self, criterion: Criterion, value: str, dates_moved: bool) -> bool:
        kind = criterion.kind
        has_words = any(map(str.isalnum, value))
        if _PLACEHOLDER.fullmatch(value) or value[:8] in placeholder_dates():
            return True

        if has_words and is_common(value):
            return True

        if kind == "pseudonym":
            return not suspicions_in(value) and not looks_like_name(value)

        if kind == "uid":
            return any(value.startswith(f"{root}.") for root in self.roots)

        if kind in ("date", "time"):
            return dates_moved or value.startswith(_CLOCK)

        if kind == "bin":
            return _is_binned(value, criterion.step)

        return kind == "cleaned" and not suspicions_in(value)

    def subjects(self) -> dict[str, bool]:
        """Whether each subject passes: all of its files do."""
        verdicts: dict[str, bool] = {}
        for result in self.results:
            verdicts[result.subject] = verdicts.get(result.subject, True) and result.passed
        return dict(sorted(verdicts.items()))


@lru_cache(maxsize=1)
def _fail_rate() -> float:
    """The share of failed fields from which a file fails."""
    return float(load_yaml(CRITERIA)["fail_rate"])


def redacted(element: Element) -> str:
    """The class and length of a value, which say nothing of a person."""
    if element.vr == b"SQ":
        return "sequence"
    values = _values(element)
    if not values:
        return "empty"
    longest = max(map(len, values))
    return f"{_CLASSES.get(element.vr, 'binary')}, {longest} characters"


_CLASSES = {
    **dict.fromkeys(TEXT, "text"),
    b"DA": "date",
    b"TM": "time",
    b"DT": "date and time",
    b"UI": "UID",
    b"DS": "number",
    b"IS": "number",
    b"PN": "name",
    b"CS": "code",
    b"AS": "age",
}
"""The class of a value, by its VR."""


def _values(element: Element) -> list[str]:
    if element.vr in TEXT:
        text = next(iter(texts_of(element)), "")
    else:
        text = element.raw.rstrip(b"\0 ").decode("latin-1")
    return [value.strip() for value in text.split("\\") if value.strip()]


def _is_safe(element: Element) -> bool:
    """Whether a private element or creator is one that the standard or our list calls safe."""
    if is_creator(element.tag):
        return is_safe_creator(element.level.creators.get(element.tag, ""))
    return is_safe_private(element)


def _is_binned(value: str, step: Decimal) -> bool:
    match = _RANGE.fullmatch(value)
    if match is not None:
        low, high = int(match[1]), int(match[2])
        return high - low == step - 1 and low % step == 0
    plain = _UNIT.sub("", value)
    return is_on_grid(plain, step) or day_of(value) is not None


def _criteria_for(element: Element, level: str) -> tuple[Criterion, ...]:
    """The fields that an element is."""
    tags, private = _table(level)
    if not element.tag >> 16 & 1:
        criterion = tags.get(element.tag)
        return () if criterion is None else (criterion,)
    if is_creator(element.tag):
        return (tags[_CREATOR],)
    key = element.tag >> 16, element.level.creator_of(element.tag), element.tag & 0xFF
    own = private.get(key)
    return (tags[_PRIVATE],) if own is None else (tags[_PRIVATE], own)


_CREATOR, _PRIVATE = -1, -2
"""What stands for private creators and private elements among the tags."""
_NOT_KEYWORDS = {"PrivateCreator": _CREATOR, "PrivateTagData": _PRIVATE}
_Table = tuple[dict[int, Criterion], dict[tuple[int, str, int], Criterion]]


@lru_cache(maxsize=2)
def _table(level: str) -> _Table:
    """Criteria by tag, and by group, creator and low byte."""
    tags: dict[int, Criterion] = {}
    private: dict[tuple[int, str, int], Criterion] = {}

    for row in load_yaml(CRITERIA)["fields"]:
        criterion = _criterion(row, level)
        place = row.get("private")
        if place is not None:
            group, creator, low = place
            private[int(str(group), 16), str(creator), int(str(low), 16)] = criterion
        else:
            tag = _NOT_KEYWORDS.get(criterion.field) or tag_for_keyword(criterion.field)
            if tag is None:
                raise ConfigError(f"criteria: no attribute '{criterion.field}'")
            tags[tag] = criterion
    return tags, private


def _criterion(row: dict[str, Any], level: str) -> Criterion:
    return Criterion(
        field=row["field"],
        kind=row[level],
        absolute=bool(row.get("absolute")),
        step=Decimal(row.get("step", "1")),
    )
