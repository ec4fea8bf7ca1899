"""What a frame of a complex MR image shows: magnitude, phase, real or imaginary part (PS3.3 C.8.13.3.1.1)."""

from __future__ import annotations

from typing import Any

MAGNITUDE, PHASE, REAL, IMAGINARY = "M", "P", "R", "I"
_WORDS = {
    "M": MAGNITUDE, "MAGNITUDE": MAGNITUDE,
    "P": PHASE, "PHASE": PHASE, "PHASE MAP": PHASE, "PHASEMAP": PHASE,
    "R": REAL, "REAL": REAL,
    "I": IMAGINARY, "IMAGINARY": IMAGINARY,
}  # fmt: skip
_GE_COMPONENT = 0x0043102F
_GE_NUMBERS = {0: MAGNITUDE, 1: PHASE, 2: REAL, 3: IMAGINARY}


def component(header: Any, frame: int = 0) -> str:
    """`M`, `P`, `R` or `I` of a frame; magnitude where nothing says otherwise."""
    for item in _frame_types(header, frame):
        found = _WORDS.get(str(item.get("ComplexImageComponent") or "").upper()) or from_words(
            item.get("FrameType")
        )
        if found:
            return found
    number = header.get(_GE_COMPONENT)
    if number is not None and str(header.get("Manufacturer", "")).upper().startswith("GE"):
        return _GE_NUMBERS.get(_first_number(number.value), MAGNITUDE)
    return from_words(header.get("ImageType")) or MAGNITUDE


def from_words(words: Any) -> str:
    """The component that values of ImageType name behind the first two; empty where none does."""
    values = [words] if isinstance(words, str) else list(words or ())
    found = (_WORDS.get(str(word).strip().upper()) for word in values[2:])
    return next((one for one in found if one), "")


def _frame_types(header: Any, frame: int) -> list[Any]:
    groups = header.get("PerFrameFunctionalGroupsSequence") or ()
    own = [groups[frame]] if frame < len(groups) else []
    shared = list(header.get("SharedFunctionalGroupsSequence") or ())[:1]
    found = [group.get("MRImageFrameTypeSequence") for group in own + shared]
    return [sequence[0] for sequence in found if sequence]


def _first_number(value: Any) -> int:
    if isinstance(value, bytes):
        return int.from_bytes(value[:2], "little")
    first = value if isinstance(value, (int, str)) else next(iter(value), 0)
    return int(first) if str(first).isdigit() else 0
