"""What the check needs to know of a DICOM file, read once: what tells it apart, its UIDs, where its pixels are."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pydicom

from deidflow.checks.elements import BIG, DEFLATED, Element, File, Level, NotReadable, open_file
from deidflow.checks.ours import CLASSES
from deidflow.checks.pixels import Cells

_WELL_KNOWN = "1.2.840.10008."
_NUMBER, _ECHO, _TEMPORAL, _POSITION = 0x00200013, 0x00180086, 0x00200100, 0x00200032
_FRAMES, _ROWS, _COLUMNS, _SAMPLES = 0x00280008, 0x00280010, 0x00280011, 0x00280002
_PLANAR, _ALLOCATED, _STORED, _HIGH = 0x00280006, 0x00280100, 0x00280101, 0x00280102
_WANTED = frozenset(
    (
        *(_NUMBER, _ECHO, _TEMPORAL, _POSITION),
        *(_FRAMES, _ROWS, _COLUMNS, _SAMPLES),
        *(_PLANAR, _ALLOCATED, _STORED, _HIGH),
    )
)
Identity = tuple[object, ...]


@dataclass
class Facts:
    """What is collected of a header's values."""

    keep: frozenset[int] = frozenset()
    """Tags of the attributes that the profile keeps."""
    top: dict[int, bytes] = field(default_factory=dict)
    uids: set[str] = field(default_factory=set)
    kept: set[str] = field(default_factory=set)

    def take(self, element: Element) -> None:
        """Note a value."""
        tag, raw = element.tag, element.raw
        if element.vr == b"UI" and tag not in CLASSES:
            self.uids.update(_uids(raw))
        if element.level.depth == 0:
            if tag in _WANTED:
                self.top[tag] = raw
            if tag in self.keep:
                self.kept.add(_text(raw))

    def take_all(self, elements: Iterable[Element]) -> Facts:
        """Note every value."""
        for element in elements:
            self.take(element)
        return self

    @property
    def identity(self) -> Identity:
        """What the de-identification leaves as it is and tells instances of a series apart."""
        texts = (self.text(tag) for tag in (_NUMBER, _ECHO, _TEMPORAL, _FRAMES))
        return (*texts, self.short(_ROWS), self.short(_COLUMNS), self._place)

    @property
    def _place(self) -> tuple[float, ...]:
        try:
            return tuple(float(value) for value in self.text(_POSITION).split("\\") if value)
        except ValueError:
            return ()

    def text(self, tag: int) -> str:
        """A text value of the root; empty where it is absent."""
        return _text(self.top.get(tag, b""))

    def short(self, tag: int, default: int = 0) -> int:
        """A US value of the root, or the default where it is absent."""
        raw = self.top.get(tag, b"")
        return int.from_bytes(raw[:2], "little") if raw else default

    def cells(self, file: File) -> Cells | None:
        """Where the stored values of native pixels are; None where a decoder is needed."""
        pixels = file.pixels
        if pixels is None or pixels.encapsulated or file.syntax in (BIG, *DEFLATED):
            return None
        stored = self.short(_STORED)
        frames = self.text(_FRAMES)
        return Cells(
            start=pixels.start,
            end=pixels.end,
            shape=(
                int(frames) if frames.isdigit() and int(frames) else 1,
                self.short(_ROWS),
                self.short(_COLUMNS),
                self.short(_SAMPLES, 1),
            ),
            planar=self.short(_PLANAR) == 1,
            allocated=self.short(_ALLOCATED),
            stored=stored,
            lowest=self.short(_HIGH, stored - 1) - stored + 1,
        )


@dataclass(frozen=True)
class SourceFile:
    """A source file, without its pixels."""

    path: Path
    identity: Identity
    uids: frozenset[str]
    kept: frozenset[str]
    cells: Cells | None


def read_source(path: Path, keep: frozenset[int]) -> SourceFile:
    """The facts of a source file; what this reader does not understand is read by pydicom."""
    content = path.read_bytes()
    facts, cells = Facts(keep), None
    try:
        file = open_file(content)
        if file.syntax == BIG:
            raise NotReadable
        facts.take_all(file.elements())
        cells = facts.cells(file)
    except (NotReadable, struct.error, IndexError, zlib.error):
        facts = Facts(keep).take_all(_by_pydicom(content))
    return SourceFile(path, facts.identity, frozenset(facts.uids), frozenset(facts.kept), cells)


def _uids(raw: bytes) -> Iterator[str]:
    for value in raw.rstrip(b"\0 ").decode("latin-1").split("\\"):
        if value and not value.startswith(_WELL_KNOWN):
            yield value


def _text(raw: bytes) -> str:
    return raw.rstrip(b"\0 ").decode("latin-1").strip()


def _by_pydicom(content: bytes) -> Iterator[Element]:
    """The values of a file in odd form, as pydicom reads it; those that it cannot read are left out."""
    dataset = pydicom.dcmread(io.BytesIO(content), stop_before_pixels=True, force=True)
    waiting = [(dataset, Level())]
    while waiting:
        dataset, level = waiting.pop()
        for tag in list(dataset.keys()):
            element = _read_element(dataset, tag)
            if element is not None and element.VR == "SQ":
                waiting += [(item, Level(depth=level.depth + 1)) for item in element.value]
            elif element is not None and element.value is not None:
                yield Element(int(tag), element.VR.encode("ascii"), _raw(element), level)


def _read_element(dataset: Any, tag: Any) -> Any:
    try:
        return dataset[tag]
    except (ValueError, TypeError, KeyError, AttributeError, NotImplementedError):
        return None


def _raw(element: Any) -> bytes:
    """A value as it would be in a file of Explicit VR Little Endian."""
    if element.VR == "US" and element.VM == 1:
        return struct.pack("<H", element.value)
    values = [element.value] if element.VM == 1 else element.value
    return "\\".join(map(str, values or ())).encode("latin-1", "replace")
