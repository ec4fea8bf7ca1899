"""What the headers of a series have in common is walked once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from deidflow.checks.data_set_walk import DataSetWalk
from deidflow.checks.dicom_file import File
from deidflow.checks.elements import Element, Level

_TAG_BYTES = 4
_Part = tuple[bytes, list[Element]]
"""An element of the root as it is in the file, and what is wanted of the values in it."""


@dataclass
class RepeatedParts:
    """Reads the wanted values of files one after the other.

    An element of the root whose bytes are those of the file before holds the same values. What
    names and decodes a value is not looked at again: only for what depends on tag, VR and bytes.
    """

    is_wanted: Callable[[Element], bool]
    _known: dict[bool, list[_Part]] = field(default_factory=dict)
    """Of the file before, in Explicit VR and in Implicit VR."""

    def wanted(self, file: File) -> Iterator[Element]:
        """The wanted values of a file in Little Endian; raises as its own `elements`."""
        walk = file.walk()
        explicit = file.is_explicit
        body, position = file.body, file.start
        level = Level()
        parts: list[_Part] = []

        for raw, values in self._known.get(explicit, ()):
            if body.startswith(raw, position):
                part = raw, values
            elif body.startswith(raw[:_TAG_BYTES], position):
                part = self._walked(file, walk, position, level)
            else:
                break
            parts.append(part)
            position += len(part[0])
            yield from part[1]

        while position < len(body) and walk.pixels is None:
            part = self._walked(file, walk, position, level)
            parts.append(part)
            position += len(part[0])
            yield from part[1]
        if walk.pixels is not None:
            del parts[-1]
        self._known[explicit] = parts
        yield from filter(self.is_wanted, walk.values(position, explicit=explicit))

    def _walked(self, file: File, walk: DataSetWalk, position: int, level: Level) -> _Part:
        values, end = walk.part(position, level, explicit=file.is_explicit)
        return file.body[position:end], list(filter(self.is_wanted, values))
