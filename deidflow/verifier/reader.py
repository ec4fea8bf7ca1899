"""A DICOM reader of its own: every element in order, and whatever is not plain.

It reads what others wrote: what is odd is noted, and reading goes on (PS3.5 section 7).
"""

from __future__ import annotations

import zlib

from deidflow.checks.elements import LONG_VRS, SHORT_VRS
from deidflow.verifier.instance import DEFLATED, Instance
from deidflow.verifier.parser import READ_ERRORS, Parser

MOST_BYTES = 1 << 32
"""What compressed content may grow to."""
_MARK_END = 132


class NotDicom(ValueError):
    """The bytes are not a DICOM file."""


def read_instance(content: bytes) -> Instance:
    """Read a DICOM file; raises NotDicom for other bytes. What breaks off is among the problems."""
    if content[128:_MARK_END] != b"DICM":
        raise NotDicom
    meta, start = read_meta(content)
    instance = Instance(
        content[:128],
        meta,
        content,
    )
    if instance.syntax == DEFLATED:
        start = _inflate(instance, start)
    parser = Parser(instance)

    try:
        end = parser.data_set(
            start,
            len(instance.body),
            instance.place,
            parser.explicit,
        )
    except READ_ERRORS:
        instance.problems.append(("data set", "breaks off or has lengths that do not fit"))
        return instance
    if end != len(instance.body):
        instance.problems.append(("data set", "bytes follow its last element"))
    return instance


def _inflate(instance: Instance, start: int) -> int:
    """Replace a deflated body; returns where its data set starts."""
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        instance.body = stream.decompress(instance.body[start:], MOST_BYTES)
    except zlib.error:
        instance.problems.append(("data set", "cannot be inflated"))
        instance.body = b""
    if instance.body and not stream.eof:
        instance.problems.append(("data set", "is cut before its end, or too large"))
    if stream.unused_data.strip(b"\0"):
        instance.problems.append(("data set", "bytes follow the deflated data set"))
    return 0


def read_meta(content: bytes) -> tuple[dict[int, bytes], int]:
    """File meta elements, always Explicit VR Little Endian, and where the data set starts.

    Raises NotDicom for a VR that does not exist.
    """
    meta: dict[int, bytes] = {}
    position = _MARK_END

    while content[position : position + 2] == b"\2\0":
        number = int.from_bytes(content[position + 2 : position + 4], "little")
        vr = content[position + 4 : position + 6]
        if vr in LONG_VRS:
            start = position + 12
            length = int.from_bytes(content[position + 8 : start], "little")
        elif vr in SHORT_VRS:
            start = position + 8
            length = int.from_bytes(content[position + 6 : start], "little")
        else:
            raise NotDicom
        meta[0x00020000 | number] = content[start : start + length]
        position = start + length
    return meta, position
