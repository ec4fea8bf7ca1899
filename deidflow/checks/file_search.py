"""The search of one staged file: every value of a DICOM file, and what is beside its values."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import deflate

from deidflow.checks.dicom_file import META_TAGS, File, open_file
from deidflow.checks.elements import NotReadable
from deidflow.checks.files import hits_in
from deidflow.checks.fragments import texts_in
from deidflow.checks.leaks import Hit, LeakSearch
from deidflow.checks.words import readable

DICOM = ".dcm"
NOT_READ = (
    NotReadable,
    ValueError,
    KeyError,
    AttributeError,
    RuntimeError,
    IndexError,
    struct.error,
    zlib.error,
    deflate.DeflateError,
)
"""Errors of reading a file that is broken."""


def hits_of(path: Path, search: LeakSearch) -> Iterator[Hit]:
    """Identifiers in one file; raises one of the errors of reading for a file that is broken."""
    if path.suffix != DICOM:
        yield from hits_in(path, search)
        return

    file = open_file(path.read_bytes())
    for element in file.elements():
        yield from search.element(element)
    yield from hits_beside_elements(file, search)


def hits_beside_elements(file: File, search: LeakSearch) -> Iterator[Hit]:
    """Identifiers in preamble, file meta, and compressed pixels."""
    preamble = readable(file.preamble)
    yield from search.binary("preamble", preamble)

    for tag, raw in file.meta.items():
        if tag not in META_TAGS:
            # The zeros make the end of a value readable as UTF-16 too.
            runs = readable(raw + bytes(4))
            yield from search.binary("file meta", runs)

    pixels = file.pixels
    if pixels is None or not pixels.encapsulated:
        return
    for part in texts_in(file.stored):
        runs = readable(part)
        yield from search.binary("PixelData", runs)
