"""What the check collects from a header: what tells an instance apart, its UIDs, its pixels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from deidflow.checks.cells import Cells
from deidflow.checks.dicom_file import BIG_ENDIAN, DEFLATED, File
from deidflow.checks.elements import Element
from deidflow.checks.ours import CLASSES
from deidflow.checks.text import values_of

_LONGEST_IS = 12
"""Characters (PS3.5 section 6.2)."""
_WELL_KNOWN = "1.2.840.10008."
_SOP_CLASS = 0x00080016
_SOP_INSTANCE = 0x00080018
_ECHO_NUMBERS = 0x00180086
_INSTANCE_NUMBER = 0x00200013
_POSITION = 0x00200032
_TEMPORAL_POSITION = 0x00200100
_SAMPLES = 0x00280002
_PLANAR_CONFIGURATION = 0x00280006
_FRAMES = 0x00280008
_ROWS = 0x00280010
_COLUMNS = 0x00280011
_BITS_ALLOCATED = 0x00280100
_BITS_STORED = 0x00280101
_HIGH_BIT = 0x00280102
_COLLECTED = frozenset(
    (
        _SOP_CLASS,
        _SOP_INSTANCE,
        _ECHO_NUMBERS,
        _INSTANCE_NUMBER,
        _POSITION,
        _TEMPORAL_POSITION,
        _SAMPLES,
        _PLANAR_CONFIGURATION,
        _FRAMES,
        _ROWS,
        _COLUMNS,
        _BITS_ALLOCATED,
        _BITS_STORED,
        _HIGH_BIT,
    )
)
InstanceIdentity = tuple[object, ...]


@dataclass
class Facts:
    """What is collected from the values of a header."""

    keep: frozenset[int] = frozenset()
    """Tags of the identifying attributes that the profile keeps."""
    top: dict[int, bytes] = field(default_factory=dict)
    uids: set[str] = field(default_factory=set)
    kept: set[str] = field(default_factory=set)
    """Values of the attributes that are kept."""
    _raws: set[bytes] = field(default_factory=set)
    """UIDs that were taken, as they are in the file."""

    def take(self, element: Element) -> None:
        """Note a value."""
        tag, vr, raw, level = element
        if vr == b"UI" and tag not in CLASSES and raw not in self._raws:
            self._raws.add(raw)
            self.uids.update(_own_uids(raw))

        if level.depth:
            return
        if tag in _COLLECTED:
            self.top[tag] = raw
        if tag in self.keep:
            value = _stripped(raw)
            self.kept.add(value)

    def wants(self, element: Element) -> bool:
        """Whether a value would be noted."""
        tag = element.tag
        if element.vr == b"UI" and tag not in CLASSES:
            return True
        return not element.level.depth and (tag in _COLLECTED or tag in self.keep)

    def take_all(self, elements: Iterable[Element]) -> Facts:
        """Note every value."""
        for element in elements:
            self.take(element)
        return self

    @property
    def identity(self) -> InstanceIdentity:
        """What tells the instances of a series apart and is the same in the release."""
        return (
            self.text(_INSTANCE_NUMBER),
            self.text(_ECHO_NUMBERS),
            self.text(_TEMPORAL_POSITION),
            self.text(_FRAMES),
            self.short(_ROWS),
            self.short(_COLUMNS),
            self._position,
        )

    @property
    def _position(self) -> tuple[float, ...]:
        """ImagePositionPatient in millimetres; empty where it is absent or not a number."""
        coordinates = self.text(_POSITION).split("\\")
        try:
            return tuple(float(value) for value in coordinates if value)
        except ValueError:
            return ()

    @property
    def sop_class(self) -> bytes:
        """SOPClassUID without padding."""
        return _unpadded(self.top.get(_SOP_CLASS, b""))

    @property
    def sop_instance(self) -> bytes:
        """SOPInstanceUID without padding."""
        return _unpadded(self.top.get(_SOP_INSTANCE, b""))

    def text(self, tag: int) -> str:
        """A text value of the root; empty where it is absent."""
        return _stripped(self.top.get(tag, b""))

    def short(self, tag: int, default: int = 0) -> int:
        """A US value of the root, or the default where it is absent."""
        raw = self.top.get(tag, b"")
        if not raw:
            return default
        return int.from_bytes(raw[:2], "little")

    def cells(self, file: File) -> Cells | None:
        """Where the stored values of native pixels are; None where a decoder is needed."""
        pixels = file.pixels
        if pixels is None or pixels.encapsulated:
            return None
        if file.syntax == BIG_ENDIAN or file.syntax in DEFLATED:
            return None

        shape = (
            self._frames,
            self.short(_ROWS),
            self.short(_COLUMNS),
            self.short(_SAMPLES, default=1),
        )
        stored = self.short(_BITS_STORED)
        highest = self.short(_HIGH_BIT, default=stored - 1)
        return Cells(
            start=pixels.start,
            end=pixels.end,
            shape=shape,
            planar=self.short(_PLANAR_CONFIGURATION) == 1,
            allocated=self.short(_BITS_ALLOCATED),
            stored=stored,
            lowest=highest - stored + 1,
        )

    @property
    def _frames(self) -> int:
        """NumberOfFrames; 1 where it is absent, zero or not a number."""
        frames = self.text(_FRAMES)
        if not frames.isdecimal() or len(frames) > _LONGEST_IS:
            return 1
        return int(frames) or 1


def _own_uids(raw: bytes) -> Iterator[str]:
    """UIDs that the standard does not define."""
    for value in values_of(raw):
        if value and not value.startswith(_WELL_KNOWN):
            yield value


def _unpadded(raw: bytes) -> bytes:
    return raw.rstrip(b"\0 ")


def _stripped(raw: bytes) -> str:
    text = _unpadded(raw).decode("latin-1")
    return text.strip()
