"""Which numbers of private elements can be physical quantities."""

from __future__ import annotations

import struct

from deidflow.header.element_value import ElementValue
from deidflow.header.value_kinds import FLOATING, FORMATS, SIZES
from deidflow.header.values import is_number

_SMALLEST, _LARGEST = 1e-9, 1e10
_PRINTABLE = frozenset((0, *range(0x20, 0x7F)))


def plausible_numbers(value: ElementValue, most: int) -> bytes | None:
    """The binary numbers of a value; floating-point ones that are not plausible become NaN.

    None if there are more than `most`, or if none is plausible: bytes of text read as floating
    point are far larger or smaller than any physical quantity.
    """
    size = SIZES[value.vr]
    count, rest = divmod(len(value.raw), size)
    if rest or count > most:
        return None
    if value.vr in FLOATING:
        cells: list[bytes] = []
        for start in range(0, len(value.raw), size):
            cells.append(value.raw[start : start + size])
        number_format = f"<{FORMATS[value.vr]}"
        return _plausible_cells(cells, number_format)
    if value.vr == b"AT":
        return value.raw
    return value.raw if _are_small(value) else None


def _plausible_cells(cells: list[bytes], number_format: str) -> bytes | None:
    plausible = [_is_plausible(cell, number_format) for cell in cells]
    if cells and not any(plausible):
        return None

    not_a_number = struct.pack(number_format, float("nan"))
    kept = []
    for cell, is_kept in zip(cells, plausible, strict=True):
        kept.append(cell if is_kept else not_a_number)
    return b"".join(kept)


def _are_small(value: ElementValue) -> bool:
    return all(abs(number) < _LARGEST for number in value.numbers())


def _is_plausible(cell: bytes, number_format: str) -> bool:
    """Whether a number may be physical; a tiny one is, unless its bytes are text."""
    (number,) = struct.unpack(number_format, cell)
    size = abs(number)
    if size == 0 or _SMALLEST < size < _LARGEST:
        return True
    return size <= _SMALLEST and not _is_printable(cell)


def _is_printable(cell: bytes) -> bool:
    """Whether bytes are ASCII text or zero."""
    return _PRINTABLE.issuperset(cell)


def is_small_number(text: str) -> bool:
    """Whether text is a number of the size of physical quantities."""
    return is_number(text) and abs(float(text)) < _LARGEST
