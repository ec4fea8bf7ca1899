"""What a frame of a complex MR image shows: magnitude, phase, real or imaginary part.

PS3.3 C.8.13.3.1.1.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from deidflow.dicom.functional_groups import FunctionalGroups

MAGNITUDE, PHASE, REAL, IMAGINARY = "M", "P", "R", "I"
_WORDS = {
    "M": MAGNITUDE,
    "MAGNITUDE": MAGNITUDE,
    "P": PHASE,
    "PHASE": PHASE,
    "PHASE MAP": PHASE,
    "PHASEMAP": PHASE,
    "R": REAL,
    "REAL": REAL,
    "I": IMAGINARY,
    "IMAGINARY": IMAGINARY,
}
_FIXED_TYPES = 2
"""The first two values of ImageType and FrameType say how an image was derived."""
_GE_COMPONENT = 0x0043102F
_GE_NUMBERS = {0: MAGNITUDE, 1: PHASE, 2: REAL, 3: IMAGINARY}


def component(header: Any, frame: int = 0) -> str:
    """`M`, `P`, `R` or `I` of a frame; magnitude if nothing says otherwise."""
    groups = FunctionalGroups.of(header)
    for item in groups.macros(frame, "MRImageFrameTypeSequence"):
        keyword = item.get("ComplexImageComponent") or ""
        named = _WORDS.get(str(keyword).upper())
        named = named or from_words(item.get("FrameType"))
        if named:
            return named

    number = header.get(_GE_COMPONENT)
    manufacturer = str(header.get("Manufacturer", ""))
    is_ge = manufacturer.upper().startswith("GE")
    if number is not None and is_ge:
        return _GE_NUMBERS.get(
            _first_number(number.value),
            MAGNITUDE,
        )
    return from_words(header.get("ImageType")) or MAGNITUDE


def from_words(words: str | Iterable[object] | None) -> str:
    """The component named by ImageType value 3 or later; empty if none."""
    if not words or isinstance(words, str):
        return ""
    for value in list(words)[_FIXED_TYPES:]:
        word = str(value).strip().upper()
        named = _WORDS.get(word)
        if named:
            return named
    return ""


def _first_number(value: Any) -> int:
    """The first number of a private element, which may have been read as bytes; 0 if it is none."""
    if isinstance(value, bytes):
        return int.from_bytes(value[:2], "little")
    if isinstance(value, (int, str)):
        first: Any = value
    else:
        first = next(iter(value), 0)
    return int(first) if str(first).isdecimal() else 0
