"""What is not as before among elements that were handled one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from deidflow.dicom.elements import LONG_VRS, Element
from deidflow.dicom.walk import is_sequence
from deidflow.header.level import Fate, Level, Notes

PADDING = b"\0 "
_SHORT_HEAD, _LONG_HEAD = 8, 12


def fate_of(body: bytes, element: Element, content: bytes, notes: Notes = ()) -> Fate:
    """What became of one element."""
    return Fate(
        element.tag,
        body[element.start : element.end],
        element.value - element.start,
        content,
        notes,
    )


def differing(
    level: Level,
    body: bytes,
    elements: Sequence[Element],
    contents: Sequence[bytes],
    *,
    explicit: bool,
) -> Iterator[tuple[Level, Fate]]:
    """Those elements of an item that are not as before; a sequence that stays notes its own items.

    `explicit`: the contents are in Explicit VR.
    """
    for element, content in zip(elements, contents, strict=True):
        if content:
            value = body[element.value : element.end]
            new_value = content[value_start(content, explicit=explicit) :]
            if new_value == value or new_value.rstrip(PADDING) == value.rstrip(PADDING):
                continue
            if new_value and holds_items(element):
                continue
        yield level, fate_of(body, element, content)


def value_start(content: bytes, *, explicit: bool) -> int:
    """Where the value of an element that was written starts."""
    is_long = explicit and content[4:6] in LONG_VRS
    return _LONG_HEAD if is_long else _SHORT_HEAD


def holds_items(element: Element) -> bool:
    """Whether an element is a sequence."""
    if element.vr in (b"OB", b"OW"):
        return False
    return element.undefined or is_sequence(element.tag, element.vr)
