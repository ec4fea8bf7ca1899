"""The slow path: what is odd in a file is read by pydicom and written again in a plain form.

Then the fast path handles it, so that there is one set of rules and both ways give the same bytes.
"""

from __future__ import annotations

import io
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


def normalised(content: bytes) -> bytes:
    """The file with elements in order, sequences of defined length, and a transfer syntax that is in use.

    Big endian becomes Explicit VR Little Endian, pixels too. Elements that cannot be read are left out.
    Raises Withheld for what pydicom does not understand.
    """
    try:
        source = pydicom.dcmread(io.BytesIO(content))
        syntax = str(source.file_meta.TransferSyntaxUID)
        if syntax == EXPLICIT_BIG:
            _swap(source)
        plain(source)
        syntax = EXPLICIT_LITTLE if syntax == EXPLICIT_BIG else syntax
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = (
            source.SOPClassUID,
            source.SOPInstanceUID,
        )
        meta.TransferSyntaxUID = syntax
        source.file_meta, source.preamble = meta, bytes(128)
        stream = io.BytesIO()
        pydicom.dcmwrite(stream, source, implicit_vr=syntax == IMPLICIT_LITTLE, little_endian=True,
                         enforce_file_format=True)  # fmt: skip
        return stream.getvalue()
    except MemoryError:
        raise
    except Exception as error:
        raise Withheld(Reason.MALFORMED, type(error).__name__) from None


def plain(root: Any) -> None:
    """Leave out what cannot be read, and write sequences with defined lengths, on every level."""
    waiting = [root]
    while waiting:
        level = waiting.pop()
        level.is_undefined_length_sequence_item = False
        for tag in list(level.keys()):
            if tag.group in _NOT_IN_FILES or not can_be_read(level, tag):
                del level[tag]
            elif level[tag].VR == "SQ":
                level[tag].is_undefined_length = False
                waiting += list(level[tag].value)


def _swap(root: Any) -> None:
    """Turn the bytes of words around, on every level; pydicom leaves those of binary values as they are."""
    waiting = [root]
    while waiting:
        level = waiting.pop()
        for tag in list(level.keys()):
            if not can_be_read(level, tag):
                continue
            element = level[tag]
            if element.VR == "SQ":
                waiting += list(element.value)
            elif element.VR in _WORDS and isinstance(element.value, bytes):
                width = (
                    4
                    if tag == _PIXEL_DATA and level.get("BitsAllocated") == 32
                    else _WORDS[element.VR]
                )
                usable = len(element.value) // width * width
                swapped = (
                    np.frombuffer(element.value[:usable], f">u{width}")
                    .astype(f"<u{width}")
                    .tobytes()
                )
                element.value = swapped + element.value[usable:]
