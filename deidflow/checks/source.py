"""What the check needs to know about a source file, read once."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pydicom

from deidflow.checks.cells import Cells
from deidflow.checks.dicom_file import BIG_ENDIAN, open_file
from deidflow.checks.elements import Element, Level, NotReadable
from deidflow.checks.facts import Facts, InstanceIdentity
from deidflow.checks.pixels import BlankedPart
from deidflow.checks.repeated_parts import RepeatedParts


@dataclass(frozen=True)
class SourceFile:
    """The facts of a source file, without its pixels."""

    path: Path
    identity: InstanceIdentity
    uids: frozenset[str]
    kept: frozenset[str]
    cells: Cells | None
    has_pixels: bool = True
    blanked: tuple[BlankedPart, ...] = ()
    """What of it must not go out."""


_PIXEL_TAGS = (b"\xe0\x7f\x10\0", b"\x7f\xe0\0\x10")
"""In either byte order."""


class SourceReader:
    """Reads the facts of source files one after the other.

    `keep` are tags of the identifying attributes that the profile keeps.
    """

    def __init__(self, keep: frozenset[int]) -> None:
        self._keep = keep
        self._parts = RepeatedParts(Facts(keep).wants)

    def read(self, path: Path) -> SourceFile:
        """The facts of a file; what this reader does not understand is read by pydicom."""
        content = path.read_bytes()
        try:
            facts, cells, has_pixels = self._read_natively(content)
        except (NotReadable, struct.error, IndexError, zlib.error):
            facts = Facts(self._keep).take_all(_by_pydicom(content))
            cells = None
            has_pixels = any(tag in content for tag in _PIXEL_TAGS)
        return SourceFile(
            path=path,
            identity=facts.identity,
            uids=frozenset(facts.uids),
            kept=frozenset(facts.kept),
            cells=cells,
            has_pixels=has_pixels,
        )

    def _read_natively(self, content: bytes) -> tuple[Facts, Cells | None, bool]:
        file = open_file(content)
        if file.syntax == BIG_ENDIAN:
            raise NotReadable
        facts = Facts(self._keep)
        facts.take_all(self._parts.wanted(file))
        return facts, facts.cells(file), file.pixels is not None


def _by_pydicom(content: bytes) -> Iterator[Element]:
    """The values of a file in an odd form; those that pydicom cannot read are left out."""
    root = pydicom.dcmread(
        io.BytesIO(content),
        stop_before_pixels=True,
        force=True,
    )
    waiting = [(root, Level())]

    while waiting:
        dataset, level = waiting.pop()
        for element in _readable_elements(dataset):
            if element.VR == "SQ":
                inner_depth = level.depth + 1
                for item in element.value:
                    inner = Level(depth=inner_depth)
                    waiting.append((item, inner))
            elif element.value is not None:
                vr = element.VR.encode("ascii")
                yield Element(
                    tag=int(element.tag),
                    vr=vr,
                    raw=_raw(element),
                    level=level,
                )


def _readable_elements(dataset: Any) -> Iterator[Any]:
    tags = list(dataset.keys())
    for tag in tags:
        try:
            element = dataset[tag]
        except (ValueError, TypeError, KeyError, AttributeError, NotImplementedError):
            continue
        yield element


def _raw(element: Any) -> bytes:
    """A value as it would be in a file of Explicit VR Little Endian."""
    value = element.value
    is_single = element.VM == 1
    if is_single and element.VR == "US":
        return struct.pack("<H", value)

    values = value or ()
    if is_single:
        values = [value]
    texts = map(str, values)
    joined = "\\".join(texts)
    return joined.encode("latin-1", "replace")
