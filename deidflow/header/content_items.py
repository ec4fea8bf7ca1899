"""Content items as their bytes say them: concept names, value type, unit (PS3.3 C.17.3.2)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from deidflow.dicom.elements import Element
from deidflow.dicom.walk import elements_of, items_of
from deidflow.header.content_table import VALUES, Concept, concept_of

_VALUE_TYPE, _CONCEPT_NAME = 0x0040A040, 0x0040A043
SCHEME, _EQUIVALENT = 0x00080102, 0x00080121
CODES = (0x00080100, 0x00080119, 0x00080120)
"""CodeValue, and the forms for long codes and URNs."""
_MEASURED_VALUE, _UNITS = 0x0040A300, 0x004008EA
_TYPE_OF_VALUE = {tag: value_type for value_type, (tag, _) in VALUES.items()}
_NUMBERS = frozenset((_MEASURED_VALUE, 0x0040A30A))
"""MeasuredValueSequence, or NumericValue where there is no such sequence."""


class ContentItem(NamedTuple):
    """What decides on a content item."""

    concepts: tuple[Concept, ...]
    """Its concept name, and equivalent codes of it."""
    value_types: tuple[str, ...]
    """Its value type; without one, those of the values that it has."""
    unit: str
    """The code of the unit of a number; empty for all else."""


class Data(NamedTuple):
    """A data set within a buffer."""

    body: bytes
    elements: Sequence[Element]
    explicit: bool

    def texts(self, *tags: int) -> list[str]:
        """The values of those elements that are there, without padding."""
        texts = []
        for element in self.elements:
            if element.tag in tags:
                raw = self.body[element.value : element.end]
                texts.append(raw.strip(b"\0 ").decode("latin-1"))
        return texts

    def items(self, tag: int) -> Iterator[Data]:
        """The items of a sequence; raises NotUnderstood."""
        for element in self.elements:
            if element.tag != tag:
                continue
            explicit = self.explicit and element.vr == b"SQ"
            for _, data in items_in(self.body, element, explicit=explicit):
                yield data


def items_in(body: bytes, element: Element, *, explicit: bool) -> Iterator[tuple[int, Data]]:
    """Where each item of a sequence starts, and what is in it; raises NotUnderstood."""
    for start, end in items_of(body, element, explicit=explicit):
        elements = elements_of(
            body,
            start,
            end,
            explicit=explicit,
        )
        yield start, Data(body, elements, explicit)


def content_item(data: Data) -> ContentItem:
    """What decides on a content item; raises NotUnderstood."""
    return ContentItem(
        concepts=tuple(_concepts(data)),
        value_types=tuple(_value_types(data)),
        unit=_unit(data),
    )


def _concepts(data: Data) -> Iterator[Concept]:
    for name in data.items(_CONCEPT_NAME):
        yield from _concepts_of(name)
        for equivalent in name.items(_EQUIVALENT):
            yield from _concepts_of(equivalent)


def _concepts_of(name: Data) -> Iterator[Concept]:
    schemes = name.texts(SCHEME)
    scheme = schemes[0] if schemes else ""
    for code in name.texts(*CODES):
        yield concept_of(scheme, code)


def _value_types(data: Data) -> list[str]:
    written = [text.upper() for text in data.texts(_VALUE_TYPE) if text]
    if written:
        return written
    tags = {element.tag for element in data.elements}
    present = [value_type for tag, value_type in _TYPE_OF_VALUE.items() if tag in tags]
    return [*present, "NUM"] if tags & _NUMBERS else present


def _unit(data: Data) -> str:
    for holder in (data, *data.items(_MEASURED_VALUE)):
        for unit in holder.items(_UNITS):
            return next(iter(unit.texts(*CODES)), "")
    return ""
