"""What became of the elements of one file, as bytes before and after; nothing is decoded here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from deidflow.header.element_splicer import ElementSplicer
from deidflow.header.level import Fate, Level


class FileTrail(NamedTuple):
    """A file that was de-identified: what repeats is in the level, which its series shares."""

    elements: ElementSplicer
    """What handled the elements."""
    level: Level
    varied: Sequence[Fate]
    """What became of the elements that vary in the series."""
    meta: bytes
    """The file meta information of the source."""
    new_meta: bytes
    """The same of the output."""
