"""A DICOM file in its parts: preamble, file meta and data set (PS3.10 section 7)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from deidflow.checks.data_set_walk import DataSetWalk, explicit_length
from deidflow.checks.elements import Element, NotReadable, Pixels

BIG_ENDIAN = "1.2.840.10008.1.2.2"
DEFLATED = frozenset(("1.2.840.10008.1.2.1.99",))
_IMPLICIT = "1.2.840.10008.1.2"
_RAW_DEFLATE = -zlib.MAX_WBITS
_MARK = b"DICM"
_MARK_START = 128
_META_START = 132
_META_GROUP = b"\2\0"
_META_HEADER = struct.Struct("<HH2s")
META_CLASS = 0x00020002
META_INSTANCE = 0x00020003
_TRANSFER_SYNTAX = 0x00020010
META_TAGS = frozenset(
    (
        0x00020000,
        0x00020001,
        META_CLASS,
        META_INSTANCE,
        _TRANSFER_SYNTAX,
        0x00020012,
        0x00020013,
    )
)
"""File meta elements that a release holds: group length, version, UIDs, implementation."""


@dataclass
class File:
    """A DICOM file; the data set starts in `body` at `start`."""

    preamble: bytes
    meta: dict[int, bytes]
    body: bytes
    start: int
    _walk: DataSetWalk | None = field(default=None, repr=False)

    @property
    def syntax(self) -> str:
        """The transfer syntax UID."""
        uid = self.meta_uid(_TRANSFER_SYNTAX)
        return uid.decode("ascii", "replace")

    def meta_uid(self, tag: int) -> bytes:
        """A UID of the file meta without padding; empty where it is absent."""
        raw = self.meta.get(tag, b"")
        return raw.rstrip(b"\0 ")

    @property
    def pixels(self) -> Pixels | None:
        """Where the stored pixels are, once `elements` has passed them."""
        if self._walk is None:
            return None
        return self._walk.pixels

    @property
    def stored(self) -> bytes:
        """The bytes of the pixel data, without structure for native pixels."""
        pixels = self.pixels
        if pixels is None:
            return b""
        return self.body[pixels.start : pixels.end]

    @property
    def is_explicit(self) -> bool:
        """Whether elements say their VR."""
        return self.syntax != _IMPLICIT

    def elements(self) -> Iterator[Element]:
        """Every value, depth first. Raises NotReadable, struct.error or IndexError."""
        return self.walk().values(
            self.start,
            explicit=self.is_explicit,
        )

    def walk(self) -> DataSetWalk:
        """A new walk over the body; `pixels` are those that it passes."""
        walk = DataSetWalk(
            self.body,
            big_endian=self.syntax == BIG_ENDIAN,
        )
        self._walk = walk
        return walk


def open_file(content: bytes) -> File:
    """Split a file into preamble, meta and body; raises NotReadable without the DICM mark."""
    mark = content[_MARK_START:_META_START]
    if mark != _MARK:
        raise NotReadable

    meta, start = _read_meta(content)
    preamble = content[:_MARK_START]
    file = File(
        preamble=preamble,
        meta=meta,
        body=content,
        start=start,
    )
    if file.syntax in DEFLATED:
        inflater = zlib.decompressobj(_RAW_DEFLATE)
        deflated = content[start:]
        file.body = inflater.decompress(deflated)
        file.start = 0
    return file


def _read_meta(content: bytes) -> tuple[dict[int, bytes], int]:
    """File meta elements, always Explicit VR Little Endian, and where the data set starts."""
    meta: dict[int, bytes] = {}
    position = _META_START
    while True:
        header = content[position : position + 6]
        if not header.startswith(_META_GROUP):
            return meta, position

        group, number, vr = _META_HEADER.unpack(header)
        tag = group << 16 | number
        start, length = explicit_length(
            content,
            position,
            vr,
            "<",
        )
        position = start + length
        meta[tag] = content[start:position]
