"""Files of a release beside DICOM, accounted for byte by byte: sidecars, gradients, NIfTI, names."""

from __future__ import annotations

import json
import re
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from deidflow.checks.leaks import Hit, LeakSearch
from deidflow.checks.words import readable
from deidflow.resources import load_yaml

_HEADER, _START = 348, 352
_TEXT_FIELDS = ((4, 10), (14, 18), (148, 80), (228, 24), (328, 16))
"""Offset and length of data_type, db_name, descrip, aux_file and intent_name (NIfTI-1)."""
_BLOCK = 1 << 20
_NUMBERS = re.compile(r"[\s0-9eE+\-.,naif]*")
_SUMMARY = "session.json"
_SUMMARY_KEYS = frozenset(
    ("session", "series", "modality", "state", "reason", "instances", "incomplete")
)
_SUMMARY_COUNTS = frozenset(("overlay_bits_cleared",))
_SUMMARY_WORDS = re.compile(
    r"[a-z]+(?:[ -][a-z]+)*|[MN]\d{2,}[a-z]{0,2}|[A-Z]{2}|\d{3,}[a-z]{0,2}-[A-Z]{2,8}"
)


def hits_in(path: Path, search: LeakSearch) -> Iterator[Hit]:
    """Identifiers in a file that is not DICOM; raises ValueError for one that is not what its name says."""
    if path.name.endswith(".nii.gz"):
        yield from _nifti(path, search)
    elif path.name == _SUMMARY:
        _check_summary(json.loads(path.read_bytes()))
    elif path.suffix == ".json":
        yield from _json("", json.loads(path.read_bytes()), search)
    elif path.suffix in (".bval", ".bvec"):
        if not _NUMBERS.fullmatch(path.read_text("ascii")):
            raise ValueError
    else:
        yield from search.binary("content", readable(path.read_bytes()))


def _json(key: str, value: Any, search: LeakSearch) -> Iterator[Hit]:
    """Texts of a JSON value, and keys that are not of the sidecar's list."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name not in _listed_keys():
                yield from search.text("key", name)
            yield from _json(name, inner, search)
    elif isinstance(value, list):
        for inner in value:
            yield from _json(key, inner, search)
    elif isinstance(value, str):
        yield from search.text(key, value)


def _listed_keys() -> frozenset[str]:
    lists = load_yaml("standard/sidecar_fields.yaml")
    return frozenset(name for names in lists.values() for name in names)


def _check_summary(value: Any) -> None:
    """Raise ValueError for a session's summary with anything but known keys, codes, labels and counts."""
    if isinstance(value, dict):
        if not value.keys() <= _SUMMARY_KEYS | _SUMMARY_COUNTS:
            raise ValueError
        for inner in value.values():
            _check_summary(inner)
    elif isinstance(value, list):
        for inner in value:
            _check_summary(inner)
    elif isinstance(value, str) and not _SUMMARY_WORDS.fullmatch(value):
        raise ValueError


def _nifti(path: Path, search: LeakSearch) -> Iterator[Hit]:
    """Text fields of a NIfTI-1 header; raises ValueError where there is more than header and voxels."""
    packed = path.read_bytes()
    if packed[3]:
        raise ValueError
    header, size = _unpacked(packed)
    if size != _START + _voxel_bytes(header) or any(header[_HEADER:_START]):
        raise ValueError
    for start, length in _TEXT_FIELDS:
        yield from search.binary("header", readable(header[start : start + length] + b"\0"))


def _unpacked(packed: bytes) -> tuple[bytes, int]:
    """The first bytes of a gzip file and its size; raises ValueError for a tail or a second member."""
    stream = zlib.decompressobj(31)
    header, size, rest = b"", 0, packed
    while not stream.eof:
        block = stream.decompress(rest, _BLOCK)
        if not block and not stream.unconsumed_tail:
            raise ValueError
        header = header or block[:_START]
        size += len(block)
        rest = stream.unconsumed_tail
    if stream.unused_data:
        raise ValueError
    return header, size


def _voxel_bytes(header: bytes) -> int:
    """Bytes of the voxels by dim and bitpix."""
    dimensions = struct.unpack_from("<8h", header, 40)
    bits = int(struct.unpack_from("<h", header, 72)[0])
    count = 1
    for length in dimensions[1 : 1 + dimensions[0]]:
        count *= max(int(length), 1)
    return count * bits // 8
