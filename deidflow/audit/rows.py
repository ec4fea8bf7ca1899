"""What happened to attributes, as the recorder writes it and a caller is told."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

from deidflow.header.comparison import AttributeChange, Change

LONGEST_SEALED = 1024
"""Longer values are known by their hash only, in bytes."""


UNCHANGED = frozenset((Change.KEPT, Change.ITEMS))
"""What is said of attributes that are as they were."""


class Difference(NamedTuple):
    """An attribute, by its path of keywords, and what happened to it; never a value."""

    attribute: str
    action: str


class ElementRows(NamedTuple):
    """What happened to one element, and to the attributes that it holds, as it is written."""

    cells: str
    """JSON: attribute, action, reason, VR, hashes of old and new value, for each row."""
    originals: tuple[bytes, ...]
    """The old value of each row; empty where there is none to be sealed."""
    differences: tuple[Difference, ...]


NO_ROWS = ElementRows("", (), ())


class VaryingElement(NamedTuple):
    """What all values of an element that varies have in common."""

    attribute: str
    vr: str
    action: str
    """That of its rule."""
    reason: str
    """Its name in the audit."""

    @property
    def cells(self) -> str:
        """The element as JSON."""
        cells = [self.attribute, self.reason, self.vr, self.action]
        return json.dumps(cells)


class Repeated(NamedTuple):
    """What repeats in a series."""

    name: str
    differences: tuple[Difference, ...]
    varying: Mapping[int, VaryingElement] = {}
    """Tag -> what is the same of an element that varies."""


@dataclass(frozen=True)
class FileChanges:
    """What differs in a file: what repeats in its series, and what varies."""

    parts: tuple[tuple[Difference, ...], ...]

    @property
    def count(self) -> int:
        """How many attributes differ."""
        return sum(map(len, self.parts))

    @property
    def differences(self) -> tuple[Difference, ...]:
        """The attributes that differ."""
        return tuple(chain.from_iterable(self.parts))


def original_of(change: AttributeChange) -> bytes:
    """The old value of an attribute that was not kept, if it is not too long to be sealed."""
    before = change.before
    if not before or change.action == Change.KEPT or len(before) > LONGEST_SEALED:
        return b""
    return before


def differing_of(changes: Iterable[AttributeChange]) -> Iterator[Difference]:
    """What is not as it was."""
    for change in changes:
        if change.action not in UNCHANGED:
            yield Difference(change.attribute, change.action)
