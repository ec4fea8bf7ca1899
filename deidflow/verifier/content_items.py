"""Content items of structured reports as the reader finds them (PS3.3 C.17.3)."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from deidflow.checks.elements import Element
from deidflow.verifier.instance import own_name, path_of

SEQUENCES = {
    "ContentSequence": 0x0040A730,
    "AcquisitionContextSequence": 0x00400555,
    "SpecimenPreparationStepContentItemSequence": 0x00400612,
    "WaveformAnnotationSequence": 0x0040B020,
}
"""Sequences whose items are content items."""
_VALUE_TYPE, _CONCEPT_NAME, _EQUIVALENT = 0x0040A040, 0x0040A043, 0x00080121
_SCHEME, _CODES = 0x00080102, (0x00080100, 0x00080119, 0x00080120)
_MEASURED_VALUE, _UNITS, _NUMBER = 0x0040A300, 0x004008EA, 0x0040A30A
Concept = tuple[str, str]
"""Coding scheme in lower case, and code value."""


@dataclass
class Item:
    """An item of a sequence with its elements, and with the items of its own sequences."""

    path: str
    elements: list[Element] = field(default_factory=list)
    inner: dict[int, list[Item]] = field(default_factory=dict)

    def text(self, *tags: int) -> str:
        """The value of the first of these elements that is there, without padding."""
        for element in self.elements:
            if element.tag in tags:
                return element.raw.strip(b"\0 ").decode("latin-1")
        return ""

    def items(self, *tags: int) -> Iterator[Item]:
        """The items of these sequences."""
        for tag in tags:
            if tag in self.inner:
                yield from self.inner[tag]

    def add(self, tag: int, item: Item) -> None:
        """Add an item to one of its sequences."""
        if tag not in self.inner:
            self.inner[tag] = []
        self.inner[tag].append(item)

    @property
    def is_content(self) -> bool:
        """Whether it is a content item."""
        return self.path.rstrip("/").rpartition("/")[2] in SEQUENCES

    @property
    def value_type(self) -> str:
        """Its value type, empty where it says none."""
        return self.text(_VALUE_TYPE).upper()

    @property
    def concepts(self) -> list[Concept]:
        """Its concept name with equivalent codes of it."""
        names = list(self.items(_CONCEPT_NAME))
        for name in list(names):
            names += name.items(_EQUIVALENT)

        concepts = []
        for name in names:
            scheme = name.text(_SCHEME).lower()
            concepts.append((scheme, name.text(*_CODES)))
        return concepts

    @property
    def number(self) -> tuple[str, str]:
        """The number of a measurement, and its UCUM unit."""
        for holder in (*self.items(_MEASURED_VALUE), self):
            units = [unit.text(*_CODES) for unit in holder.items(_UNITS)]
            if units:
                return holder.text(_NUMBER), units[0]
        return self.text(_NUMBER), ""


def tree_of(elements: Iterable[Element]) -> tuple[Item, list[Item]]:
    """The data set with what is in it, and the items of all sequences; elements are depth first."""
    root = Item("")
    by_level: dict[int, Item] = {}
    owners: dict[str, tuple[Item, int]] = {}
    items: list[Item] = []
    for element in elements:
        path = path_of(element)
        level = id(element.level)
        if path and level not in by_level:
            item = Item(path)
            by_level[level] = item
            items.append(item)
            if path in owners:
                owner, tag = owners[path]
                owner.add(tag, item)

        item = by_level[level] if path else root
        item.elements.append(element)
        if element.vr == b"SQ":
            name = own_name(element.tag, element.level)
            owners[f"{path}{name}/"] = item, element.tag
    return root, items


def is_there(root: Item, raw: bytes, order: str) -> bool:
    """Whether an identifier names a content item of a report; `order` as in `struct`."""
    if not raw or len(raw) % 4:
        return False
    first, *numbers = struct.unpack(f"{order}{len(raw) // 4}I", raw)
    item = root
    for number in numbers:
        children = list(item.items(SEQUENCES["ContentSequence"]))
        if not 1 <= number <= len(children):
            return False
        item = children[number - 1]
    return bool(first == 1)
