"""The slow path: what is odd in a file is read by pydicom and written again in a plain form.

Then the fast path handles it, so that there is one set of rules and both ways give the same bytes.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import FileMetaDataset

from deidflow.dicom.structure import EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE
from deidflow.dicom.write import can_be_read
from deidflow.errors import Withheld
from deidflow.verdicts import Reason

_NOT_IN_FILES = frozenset((0x0000, 0x0002, 0x0004, 0xFFFC))
_PIXEL_DATA = 0x7FE00010
_WORDS = {"OW": 2, "OF": 4, "OL": 4, "OD": 8, "OV": 8}
"""Bytes per word by VR."""


def normalised(content: bytes) -> bytes:
    """The file with elements in order, sequences of defined length, and a transfer syntax in use.

    Big endian becomes Explicit VR Little Endian, pixels too. Elements that cannot be read are
    left out. Raises Withheld for what pydicom does not understand.
    """
    try:
        return _rewritten(content)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - a library may raise anything on a bad file
        raise Withheld(Reason.MALFORMED, type(error).__name__) from None


def _rewritten(content: bytes) -> bytes:
    source = pydicom.dcmread(io.BytesIO(content))
    syntax = str(source.file_meta.TransferSyntaxUID)
    if syntax == EXPLICIT_BIG:
        _swap_words(source)
        syntax = EXPLICIT_LITTLE
    plain(source)

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = source.SOPClassUID
    meta.MediaStorageSOPInstanceUID = source.SOPInstanceUID
    meta.TransferSyntaxUID = syntax
    source.file_meta = meta
    source.preamble = bytes(128)

    stream = io.BytesIO()
    pydicom.dcmwrite(
        stream,
        source,
        implicit_vr=syntax == IMPLICIT_LITTLE,
        little_endian=True,
        enforce_file_format=True,
    )
    return stream.getvalue()


def plain(root: Any) -> None:
    """Leave out what cannot be read, and write sequences with defined lengths, on every level."""
    for level in _levels(root):
        level.is_undefined_length_sequence_item = False
        for tag in list(level.keys()):
            if tag.group in _NOT_IN_FILES or not can_be_read(level, tag):
                del level[tag]
            elif level[tag].VR == "SQ":
                level[tag].is_undefined_length = False


def _levels(root: Any) -> Iterator[Any]:
    """A data set and the items of all its sequences, each before those inside of it."""
    waiting = [root]
    while waiting:
        level = waiting.pop()
        yield level
        for tag in list(level.keys()):
            if not can_be_read(level, tag):
                continue
            element = level[tag]
            if element.VR == "SQ":
                waiting += list(element.value)


def _swap_words(root: Any) -> None:
    """Turn the bytes of words around; pydicom leaves those of binary values as they are."""
    for level in _levels(root):
        for tag in list(level.keys()):
            if not can_be_read(level, tag):
                continue
            element = level[tag]
            if element.VR in _WORDS and isinstance(element.value, bytes):
                width = _word_width(level, element)
                element.value = _swapped(element.value, width)


def _word_width(level: Any, element: Any) -> int:
    """Bytes per word; pixels of 32 bits are words of that size whatever the VR."""
    if element.tag == _PIXEL_DATA and level.get("BitsAllocated") == 32:
        return 4
    return _WORDS[element.VR]


def _swapped(content: bytes, width: int) -> bytes:
    """Big endian words as little endian ones; an incomplete last one stays."""
    usable = len(content) // width * width
    words = np.frombuffer(content[:usable], f">u{width}")
    swapped = words.astype(f"<u{width}").tobytes()
    return swapped + content[usable:]
