"""Whether pixel data are encoded as the transfer syntax says (PS3.5 annex A)."""

from __future__ import annotations

from deidflow.dicom.structure import DEFLATED, EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE

NATIVE = frozenset((IMPLICIT_LITTLE, EXPLICIT_LITTLE, EXPLICIT_BIG, DEFLATED))
_RLE = "1.2.840.10008.1.2.5"
_PREFIX = "1.2.840.10008.1.2.4."
_JPEG = frozenset(f"{_PREFIX}{last}" for last in (*range(50, 67), 70, 80, 81))
_JPEG_LS = frozenset(f"{_PREFIX}{last}" for last in (80, 81))
_JPEG_2000 = frozenset(f"{_PREFIX}{last}" for last in (90, 91, 92, 93, 201, 202, 203))
_SOI, _SOC = b"\xff\xd8\xff", b"\xff\x4f\xff\x51"
_RLE_HEADER = 64
_RLE_SEGMENTS = range(1, 16)
_LS_FRAME = 0xF7
_FRAMES = frozenset(
    (
        *range(0xC0, 0xC4),
        *range(0xC5, 0xC8),
        *range(0xC9, 0xCC),
        *range(0xCD, 0xD0),
        _LS_FRAME,
    )
)
"""Markers that start the frame of a JPEG or JPEG-LS image (T.81 table B.1, T.87)."""


def fits_syntax(syntax: str, *, encapsulated: bool, codestream: bytes) -> bool:
    """Whether pixel data are native, or in fragments and of the kind of their transfer syntax.

    `codestream` are the first bytes of the first fragment; empty for native pixel data.
    """
    is_native = syntax in NATIVE
    if encapsulated == is_native:
        return False
    return is_native or _is_of_kind(syntax, codestream)


def _is_of_kind(syntax: str, codestream: bytes) -> bool:
    if syntax in _JPEG:
        return codestream.startswith(_SOI) and _jpeg_kind_fits(syntax, codestream)
    if syntax in _JPEG_2000:
        return codestream.startswith(_SOC)
    if syntax == _RLE:
        segments = int.from_bytes(codestream[:4], "little")
        return len(codestream) >= _RLE_HEADER and segments in _RLE_SEGMENTS
    return True


def _jpeg_kind_fits(syntax: str, codestream: bytes) -> bool:
    """Whether a codestream is JPEG-LS if and only if the syntax says so.

    A frame header that comes late is not searched for.
    """
    marker = _frame_marker(codestream)
    if marker is None:
        return True
    is_ls = marker == _LS_FRAME
    return is_ls == (syntax in _JPEG_LS)


def _frame_marker(codestream: bytes) -> int | None:
    """The marker of the first frame header among the first segments."""
    position = 2
    while position + 4 <= len(codestream) and codestream[position] == 0xFF:
        marker = codestream[position + 1]
        if marker in _FRAMES:
            return marker
        if marker == 0xFF:
            position += 1
            continue
        length = int.from_bytes(
            codestream[position + 2 : position + 4],
            "big",
        )
        position += 2 + length

    return None
