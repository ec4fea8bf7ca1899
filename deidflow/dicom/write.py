"""Write a source data set again in a form that other tools read, whatever is odd in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pydicom

from deidflow.dicom.structure import DEFLATED, EXPLICIT_LITTLE

_NOT_IN_FILES = frozenset((0x0000, 0x0002, 0x0004))


def write_readable(source: Any, path: Path) -> None:
    """Write a data set as Explicit VR Little Endian, without elements that cannot be read."""
    for tag in list(source.keys()):
        if tag.group in _NOT_IN_FILES or not can_be_read(source, tag):
            del source[tag]
    pydicom.dcmwrite(
        path,
        source,
        little_endian=True,
        implicit_vr=False,
        enforce_file_format=True,
    )


def is_deflated(path: Path) -> bool:
    """Whether a file's data set is deflated (PS3.5 annex A.5)."""
    return bool(pydicom.filereader.read_file_meta_info(path).TransferSyntaxUID == DEFLATED)


def write_inflated(path: Path, target: Path) -> None:
    """A copy of a deflated file that is not."""
    source = pydicom.dcmread(path)
    source.file_meta.TransferSyntaxUID = EXPLICIT_LITTLE
    write_readable(source, target)


def can_be_read(source: Any, tag: Any) -> bool:
    """Whether pydicom can decode an element of a data set."""
    try:
        source[tag]
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - a library may raise anything on a bad file
        return False
    return True
