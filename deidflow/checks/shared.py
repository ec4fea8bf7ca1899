"""Values that several other patients share identify none of them: the maker, a coil, a protocol.

Asked only about what was found, so that most sessions never look. An answer reads one file per
series of other patients until enough of them have the value.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from struct import error as StructError

from deidflow.checks.dicom_file import open_file
from deidflow.checks.elements import NotReadable, name_of
from deidflow.checks.text import texts_of
from deidflow.checks.words import fold

ENOUGH = 2
"""Other patients with the same value that show that it is nobody's."""
_MOST_FILES = 300
_HEAD = 1 << 20
"""Bytes that are read of each file."""
AttributeValue = tuple[str, str]


@dataclass
class SharedValues:
    """Counts how many other patients have a value in the same attribute."""

    others: Sequence[Sequence[Path]]
    """For each other patient of the batch, one source file of each series."""
    _read: list[frozenset[AttributeValue]] = field(default_factory=list)

    def is_shared(self, attribute: str, value: str) -> bool:
        """Whether enough other patients have this value in this attribute."""
        name = attribute.rpartition("/")[2]
        comparable = _comparable(value)
        wanted = name, comparable
        count = 0
        for values in self._patients():
            count += wanted in values
            if count >= ENOUGH:
                return True
        return False

    def _patients(self) -> Iterator[frozenset[AttributeValue]]:
        """The values of each other patient, read only as far as somebody asks."""
        yield from self._read
        files = 0
        for number, paths in enumerate(self.others):
            files += len(paths)
            if files > _MOST_FILES:
                return
            if number >= len(self._read):
                values = _values_of_patient(paths)
                self._read.append(values)
                yield values


def _values_of_patient(paths: Sequence[Path]) -> frozenset[AttributeValue]:
    values: set[AttributeValue] = set()
    for path in paths:
        values.update(_values_of_file(path))
    return frozenset(values)


def _values_of_file(path: Path) -> Iterator[AttributeValue]:
    """What can be read of one source file; nothing of a file that cannot be read."""
    try:
        with path.open("rb") as stream:
            head = stream.read(_HEAD)
        file = open_file(head)
        for element in file.elements():
            attribute = name_of(element)
            for text in texts_of(element):
                yield attribute, _comparable(text)
    except (NotReadable, StructError, IndexError, OSError, zlib.error):
        return


def _comparable(text: str) -> str:
    return fold(text).strip()
