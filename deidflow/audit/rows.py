"""What happened to attributes, as the recorder writes it and a caller is told."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple


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


class Repeated(NamedTuple):
    """What repeats in a series."""

    name: str
    differences: tuple[Difference, ...]


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
