"""Structured reports: each content item against its concept, its type and the declared options."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation

from pydicom.datadict import tag_for_keyword

from deidflow.checks.elements import Element
from deidflow.checks.text import texts_of
from deidflow.checks.words import is_common
from deidflow.verifier.claims import Claims
from deidflow.verifier.content_items import SEQUENCES, Item, is_there, tree_of
from deidflow.verifier.content_table import (
    attribute_of_concepts,
    demand_of,
    known_meanings,
    known_terms,
    report_attributes,
    report_sequences,
    size_of_unit,
)
from deidflow.verifier.findings import Check, Mark
from deidflow.verifier.instance import BIG_ENDIAN, Instance, name_of
from deidflow.verifier.repeats import Latest
from deidflow.verifier.suspicion import strange_words
from deidflow.verifier.table import CLEAN_CONTENT, Demand
from deidflow.verifier.values import is_on_grid, is_placeholder_moment, values_of

_VALUES = {
    "TEXT": 0x0040A160,
    "PNAME": 0x0040A123,
    "DATE": 0x0040A121,
    "TIME": 0x0040A122,
    "DATETIME": 0x0040A120,
    "UIDREF": 0x0040A124,
}
_TARGET, _MEANING, _COMPLETION = 0x0040DB73, 0x00080104, 0x0040A492
_SCHEME = 0x00080102
_CODES = frozenset((0x00080100, 0x00080119, 0x00080120))
_LONG_NUMBER = re.compile(rb"\d{7,}")
_TERMS = frozenset(
    (
        *_CODES,
        *(_SCHEME, 0x00080103, 0x00080105, 0x0008010F),
        *(0x0040A010, 0x0040A040, 0x0040A050, 0x0040A130, 0x0040DB00, 0x00480301, 0x00700023),
    )
)
"""Codes, and what has defined terms."""
_VERSIONS = "http://snomed.info/"
_LONG_WORD = re.compile(r"[^\W\d_]{4,}")
_TEMPORAL = frozenset((b"DA", b"DT", b"TM"))
_OLDEST = 90
"""Years."""
_YEARS = {"a": "1", "mo": "12", "wk": "52.18", "d": "365.25"}
_KEPT_AS_WRITTEN = frozenset(("Manufacturer", "ManufacturerModelName"))


@dataclass
class ContentCheck:
    """Judges the content items of files with these codes of CID 7050."""

    claims: Claims
    codes: frozenset[str]
    vocabulary: frozenset[str] = frozenset()
    """Further words that descriptions may hold, lower case."""
    _repeated: Latest[list[Mark]] = field(default_factory=Latest)

    def marks_of(self, instance: Instance) -> Iterator[Mark]:
        """What is wrong with the content of a file."""
        if self.claims.identified:
            return
        repeated = instance.repeated
        order = ">" if instance.syntax == BIG_ENDIAN else "<"
        yield from self._repeated.get(
            repeated,
            lambda: list(self._marks(repeated.elements, order)),
        )
        yield from self._marks(instance.fresh, order)

    def _marks(self, elements: Iterable[Element], order: str) -> Iterator[Mark]:
        elements = list(elements)
        sequences = {element.tag for element in elements if element.vr == b"SQ"}
        if not sequences.intersection(SEQUENCES.values()):
            return
        root, items = tree_of(elements)
        content = [item for item in items if item.is_content]
        if content and CLEAN_CONTENT not in self.codes:
            words = "is structured content, and the option that cleans it is not claimed"
            yield Mark(
                Check.FORBIDDEN,
                content[0].path.rstrip("/"),
                words,
            )
            return
        for item in content:
            yield from self._item(item)
            yield from _relations(
                root,
                item,
                order,
            )
        for item in items:
            if report_sequences().intersection(item.path.split("/")):
                yield from self._contents(item)
        yield from self._meanings(elements)

    def _contents(self, item: Item) -> Iterator[Mark]:
        """What no report has: other attributes, and codes and terms with words of somebody."""
        scheme = item.text(_SCHEME).lower()
        is_unit, is_private = scheme == "ucum", scheme not in known_terms()
        for element in item.elements:
            if not element.tag >> 16 & 1 and element.tag not in report_attributes():
                words = "is not an attribute of a report"
                yield Mark(
                    Check.FORBIDDEN,
                    name_of(element),
                    words,
                )
            elif element.tag in _CODES and is_private and _LONG_NUMBER.search(element.raw):
                words = "is a long number of a private scheme"
                yield Mark(
                    Check.TEXT,
                    name_of(element),
                    words,
                )
            elif element.tag in _TERMS and not is_unit and self._is_strange_code(element):
                words = "has a word that is neither a term of the standard nor of acquisition"
                yield Mark(
                    Check.TEXT,
                    name_of(element),
                    words,
                )

    def _is_strange_code(self, element: Element) -> bool:
        for text in texts_of(element):
            term = text.strip().lower()
            is_makers = element.tag == _SCHEME and term.startswith("99")
            if is_makers or term in known_terms() or term.startswith(_VERSIONS):
                continue
            words = " ".join(_LONG_WORD.findall(term))
            if self._is_strange(words):
                return True
        return False

    def _item(self, item: Item) -> Iterator[Mark]:
        demand = demand_of(
            item.concepts,
            item.value_type,
            self.codes,
        )
        if demand is Demand.ABSENT and item.value_type:
            yield Mark(
                Check.FORBIDDEN,
                _name(item),
                "must not be there",
            )
            return
        for value_type, tag in _VALUES.items():
            for element in item.elements:
                if element.tag == tag:
                    yield from self._value(
                        item,
                        value_type,
                        element,
                    )
        if item.value_type == "NUM":
            yield from self._number(item)

    def _value(self, item: Item, value_type: str, element: Element) -> Iterator[Mark]:
        if item.value_type and value_type != item.value_type:
            yield Mark(
                Check.STRUCTURE,
                name_of(element),
                "is not a value of the item's type",
            )
        demand = demand_of(
            item.concepts,
            value_type,
            self.codes,
        )
        if demand is Demand.ABSENT:
            yield Mark(
                Check.FORBIDDEN,
                _name(item),
                "must not be there",
            )
        elif demand is Demand.DUMMY and not _is_dummy(element):
            yield Mark(
                Check.FORBIDDEN,
                _name(item),
                "must be a dummy",
            )
        elif value_type == "TEXT" and demand in (Demand.CLEANED, Demand.UNLISTED):
            yield from self._text(item, element)

    def _text(self, item: Item, element: Element) -> Iterator[Mark]:
        mirrored = attribute_of_concepts()
        if any(mirrored.get(concept) in _KEPT_AS_WRITTEN for concept in item.concepts):
            return
        if any(self._is_strange(text) for text in texts_of(element)):
            words = "has a word outside the vocabulary of acquisition"
            yield Mark(
                Check.TEXT,
                _name(item),
                words,
            )

    def _is_strange(self, text: str) -> bool:
        """Whether a text has more than words of acquisition, where it is held to these."""
        if not (self.claims.is_ours or self.claims.fixed):
            return False
        return not is_common(text) and strange_words(text, self.vocabulary)

    def _number(self, item: Item) -> Iterator[Mark]:
        """Age, weight and height, which are held to what the header's attributes are held to."""
        mirrored = attribute_of_concepts()
        number, unit = item.number
        for concept in item.concepts:
            keyword = mirrored.get(concept, "")
            tag = tag_for_keyword(keyword) if keyword else None
            step = self.claims.promise.steps.get(tag or 0)
            size = size_of_unit(keyword, unit)
            if keyword == "PatientAge" and not self._is_general_age(number, unit):
                yield Mark(
                    Check.FORBIDDEN,
                    _name(item),
                    "is a more exact age than allowed",
                )
            elif step is not None and not (size and is_on_grid(number, step * Decimal(size))):
                yield Mark(
                    Check.FORBIDDEN,
                    _name(item),
                    "is not generalised to its step",
                )

    def _is_general_age(self, number: str, unit: str) -> bool:
        if not number:
            return True
        size = _YEARS.get(unit)
        try:
            years = Decimal(number) / Decimal(size or "nan")
        except InvalidOperation:
            return False
        if size is None or years >= _OLDEST + 1:
            return False
        is_young = years < 5
        return not self.claims.promise.binned_ages or is_young or round(years) % 5 == 0

    def _meanings(self, elements: Iterable[Element]) -> Iterator[Mark]:
        """Words beside codes that are neither the standard's nor of acquisition."""
        for element in elements:
            if element.tag not in (_MEANING, _COMPLETION):
                continue
            readings = [text.strip() for text in texts_of(element)]
            if known_meanings().intersection(map(str.lower, readings)):
                continue
            if any(map(self._is_strange, readings)):
                words = "has a word outside the vocabulary of acquisition"
                yield Mark(
                    Check.TEXT,
                    name_of(element),
                    words,
                )


def _is_dummy(element: Element) -> bool:
    if element.vr == b"UI":
        return True  # UIDs are judged wherever they are
    values = values_of(element)
    if element.vr in _TEMPORAL:
        return all(is_placeholder_moment(element.vr, value) for value in values)
    return all(is_common(text) for text in texts_of(element))


def _relations(root: Item, item: Item, order: str) -> Iterator[Mark]:
    """Whether a relation by reference points to an item."""
    for element in item.elements:
        if element.tag == _TARGET and not is_there(
            root,
            element.raw,
            order,
        ):
            yield Mark(
                Check.REFERENCE,
                name_of(element),
                "points to no content item",
            )


def _name(item: Item) -> str:
    """Where an item is, and its concept where the standard lists it."""
    place = item.path.rstrip("/")
    for scheme, code in item.concepts:
        if code.isdigit() and scheme in ("dcm", "sct"):
            return f"{place} ({code}, {scheme.upper()})"
    return place
