"""A few top-level values of a file on disk, without reading its pixels into memory."""

from __future__ import annotations

import mmap
from collections.abc import Set
from contextlib import suppress
from pathlib import Path

from deidflow.dicom.structure import scan
from deidflow.errors import Withheld


def values_in(path: Path, tags: Set[int]) -> dict[int, bytes]:
    """Tag -> raw value of those that a file has; none where it cannot be read or is broken."""
    with (
        suppress(OSError, ValueError, Withheld),
        path.open("rb") as stream,
        mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as mapped,
        memoryview(mapped) as data,
    ):
        return scan(data, tags).values
    return {}
