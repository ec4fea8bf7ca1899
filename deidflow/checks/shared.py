"""Values that several other patients share identify none of them: the maker, a coil, a protocol.

Asked only of what was found, so that most sessions never look; an answer reads one file a series of other
patients until enough of them have the value.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from struct import error as StructError

from deidflow.checks.elements import NotReadable, name_of, open_file
from deidflow.checks.text import texts_of
from deidflow.checks.words import fold

ENOUGH = 2
"""So many others with the same value show that it is nobody's."""
_MOST_FILES = 300
_HEAD = 1 << 20
Pair = tuple[str, str]


@dataclass
class SharedValues:
    """Counts with how many other patients a value is in the same attribute."""

    others: Sequence[Sequence[Path]]
    """For each other patient of the batch, one source file of each series."""
    _read: list[frozenset[Pair]] = field(default_factory=list)

    def is_shared(self, attribute: str, value: str) -> bool:
        """Whether enough other patients have this value in this attribute."""
        wanted = attribute.rpartition("/")[2], fold(value).strip()
        having = 0
        for pairs in self._patients():
            having += wanted in pairs
            if having >= ENOUGH:
                return True
        return False

    def _patients(self) -> Iterator[frozenset[Pair]]:
        """The attributes and values of other patients, read as far as somebody asks."""
        yield from self._read
        files = 0
        for number, paths in enumerate(self.others):
            files += len(paths)
            if files > _MOST_FILES:
                return
            if number >= len(self._read):
                self._read.append(_values(paths))
                yield self._read[number]


def _values(paths: Sequence[Path]) -> frozenset[Pair]:
    return frozenset(pair for path in paths for pair in _values_of(path))


def _values_of(path: Path) -> Iterator[Pair]:
    """What can be read of one source file; a file that cannot says nothing."""
    try:
        with path.open("rb") as stream:
            file = open_file(stream.read(_HEAD))
        for element in file.elements():
            for text in texts_of(element):
                yield name_of(element), fold(text).strip()
    except (NotReadable, StructError, IndexError, OSError, zlib.error):
        return
