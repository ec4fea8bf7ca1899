"""Attributes of an instance against what its release claims; equal values are judged once."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache

from deidflow.checks.elements import Element, is_creator
from deidflow.checks.ours import CLASSES
from deidflow.checks.text import BINARY, TEXT, runs_of, texts_of
from deidflow.checks.words import is_common
from deidflow.verifier.claims import Claims
from deidflow.verifier.content_table import known_meanings
from deidflow.verifier.findings import Check, Mark
from deidflow.verifier.instance import Instance, name_of
from deidflow.verifier.repeats import Latest
from deidflow.verifier.safe_private import is_safe_creator, is_safe_private
from deidflow.verifier.suspicion import (
    Suspicion,
    looks_like_name,
    strange_words,
    suspicions_in,
    suspicions_in_binary,
)
from deidflow.verifier.table import (
    CLEAN_DESCRIPTORS,
    CLEAN_GRAPHICS,
    SAFE_PRIVATE,
    Demand,
    demands_of,
    is_descriptor,
)
from deidflow.verifier.uids import is_new_uid
from deidflow.verifier.values import (
    day_of,
    is_general_age,
    is_on_grid,
    is_placeholder_moment,
    values_of,
)

WELL_KNOWN = "1.2.840.10008."
_PATIENT_NAME, _PATIENT_ID, _PATIENT_AGE = 0x00100010, 0x00100020, 0x00101010
_SOFTWARE, _METHOD, _CHARSET = 0x00181020, 0x00120063, 0x00080005
_MEANING = 0x00080104
_DERIVATION = 0x00082111
_FACE_REMOVED = re.compile(r"Face removed by deidflow [\w.+]+")
"""The one sentence that a release of ours writes itself."""
_CODE_VALUES = frozenset((0x00080100, 0x00080102, 0x00080103, 0x0008010F))
_TEMPORAL = frozenset((b"DA", b"DT", b"TM"))
_NUMBERS = frozenset((b"DS", b"IS"))
_EPOCH = date(1900, 1, 1)
_CLOCK_DAYS = 367
_WINDOW_DAYS = 3660
"""With a shift, a date more than ten years from its study is made up and must not be kept."""


@dataclass
class AttributeCheck:
    """Judges elements by the claims of their file."""

    claims: Claims
    codes: frozenset[str]
    roots: tuple[str, ...] = ("2.25",)
    """UID roots under which new UIDs are."""
    vocabulary: frozenset[str] = frozenset()
    """Further words that descriptions may hold, lower case."""
    study_day: date | None = None
    """The day of the study of the file at hand, for the shift window."""
    _judged: dict[tuple[int, bytes, bytes, str, str], tuple[Mark, ...]] = field(
        default_factory=dict
    )
    strange: Counter[str] = field(default_factory=Counter)
    """Descriptions of another tool with words that are not of acquisition, by attribute."""
    _repeated: Latest[list[Mark]] = field(default_factory=Latest)

    def marks_of(self, instance: Instance) -> Iterator[Mark]:
        """What is wrong with the elements of a file."""
        repeated = instance.repeated
        yield from self._repeated.get(
            (repeated, self.study_day),
            lambda: self._marks(repeated.elements),
        )
        yield from self._marks(instance.fresh)

    def _marks(self, elements: Iterable[Element]) -> list[Mark]:
        return [mark for element in elements for mark in self.marks(element)]

    def marks(self, element: Element) -> tuple[Mark, ...]:
        """What is wrong with one element."""
        level = element.level
        creator = level.creator_of(element.tag)
        path = getattr(level, "path", "")
        key = element.tag, element.vr, element.raw, creator, path
        known = self._judged.get(key)
        if known is None:
            known = self._judged[key] = tuple(dict.fromkeys(self._judge(element)))
        if element.vr in (b"DA", b"DT") and self._is_outside_window(element):
            return (*known, Mark(Check.DATE, name_of(element), "lies outside the shift window"))
        return known

    def _judge(self, element: Element) -> Iterator[Mark]:
        tag = element.tag
        if tag >> 16 & 1:
            yield from self._private(element)
        elif 0x50 <= tag >> 24 <= 0x51 or tag >> 24 == 0x60:
            yield from self._overlay(element)
        elif tag & 0xFFFF == 0:
            yield Mark(Check.STRUCTURE, name_of(element), "is a retired group length")
        elif self.claims.identified:
            return
        else:
            yield from self._listed(element)
        yield from self._value(element)

    def _overlay(self, element: Element) -> Iterator[Mark]:
        if CLEAN_GRAPHICS not in self.codes:
            yield Mark(Check.FORBIDDEN, name_of(element), "is an overlay or curve")

    # listed attributes

    def _listed(self, element: Element) -> Iterator[Mark]:
        demand = demands_of(self.codes).get(element.tag, Demand.UNLISTED)
        name = name_of(element)
        if demand is Demand.ABSENT or element.tag in self.claims.promise.removed:
            yield Mark(
                Check.FORBIDDEN,
                name,
                "must not be there",
            )
        elif demand is Demand.DUMMY and not self._is_dummy(element):
            yield Mark(
                Check.FORBIDDEN,
                name,
                "must be empty or a dummy",
            )
        elif demand is Demand.UNLISTED and not _is_in_dictionary(element.tag):
            yield Mark(
                Check.FORBIDDEN,
                name,
                "is not an attribute of the data dictionary",
            )
        yield from self._generalised(element)

    def _is_dummy(self, element: Element) -> bool:
        """Whether a value says nothing: empty, a placeholder, or a pseudonym where one belongs."""
        if element.vr == b"SQ":
            return True
        values = values_of(element)
        if element.tag in (_PATIENT_NAME, _PATIENT_ID):
            return not any(looks_like_name(value) for value in values)
        if element.vr in _TEMPORAL:
            return all(is_placeholder_moment(element.vr, value) for value in values)
        if element.vr in TEXT:
            return all(is_common(value) for value in values)
        return True

    def _generalised(self, element: Element) -> Iterator[Mark]:
        """Values that the profile floors to a step, and ages that single somebody out."""
        step = self.claims.promise.steps.get(element.tag)
        if step is not None and not all(is_on_grid(value, step) for value in values_of(element)):
            yield Mark(
                Check.FORBIDDEN,
                name_of(element),
                "is not generalised to its step",
            )
        if element.tag == _PATIENT_AGE and self.claims.is_ours:
            binned = self.claims.promise.binned_ages
            if not all(is_general_age(value, binned) for value in values_of(element)):
                yield Mark(
                    Check.FORBIDDEN,
                    name_of(element),
                    "is a more exact age than allowed",
                )

    # private elements

    def _private(self, element: Element) -> Iterator[Mark]:
        tag, level = element.tag, element.level
        name = name_of(element)
        if is_creator(tag):
            if not is_safe_creator(level.creators.get(tag, "")):
                yield Mark(Check.PRIVATE, name, "is a private creator that is not safe-listed")
            return
        if self.claims.identified:
            return
        if SAFE_PRIVATE not in self.codes:
            yield Mark(Check.PRIVATE, name, "is private, and the option is not claimed")
        elif not is_safe_private(element):
            yield Mark(Check.PRIVATE, name, "is a private element that is not safe-listed")

    # values

    def _value(self, element: Element) -> Iterator[Mark]:
        vr = element.vr
        if vr == b"UI":
            yield from self._uids(element)
        elif vr in (b"DA", b"DT"):
            yield from self._dates(element)
        elif vr in TEXT:
            yield from self._texts(element)
        elif vr in BINARY:
            yield from _runs(element)
        elif vr in _NUMBERS:
            yield from _long_numbers(element)

    def _uids(self, element: Element) -> Iterator[Mark]:
        if element.tag in CLASSES or self.claims.retains_uids:
            return
        for value in values_of(element):
            if not value.startswith(WELL_KNOWN) and not self.is_new_uid(value):
                yield Mark(Check.UID, name_of(element), "is not under the release's root")
                return

    def is_new_uid(self, uid: str) -> bool:
        """Whether a UID is one that a de-identification made."""
        return is_new_uid(uid, self.roots, of_a_tool=not self.claims.is_ours)

    def _dates(self, element: Element) -> Iterator[Mark]:
        if self.claims.promise.dates != "clock" or self.claims.identified:
            return
        days = [day for day in map(day_of, values_of(element)) if day is not None]
        if any(abs((day - _EPOCH).days) > _CLOCK_DAYS for day in days):
            yield Mark(Check.DATE, name_of(element), "lies outside the study clock")

    def _is_outside_window(self, element: Element) -> bool:
        if self.claims.promise.dates != "shift" or self.study_day is None:
            return False
        for value in values_of(element):
            day = day_of(value)
            if day is not None and abs((day - self.study_day).days) > _WINDOW_DAYS:
                return True
        return False

    def _texts(self, element: Element) -> Iterator[Mark]:
        tag = element.tag
        if tag in (_CHARSET, _METHOD) or tag in _CODE_VALUES:
            return

        demand = demands_of(self.codes).get(tag, Demand.UNLISTED)
        for text in texts_of(element):
            if tag == _DERIVATION and _FACE_REMOVED.fullmatch(text):
                continue
            for suspicion in suspicions_in(text, build=tag == _SOFTWARE):
                if tag == _MEANING and text.strip().lower() in known_meanings():
                    continue
                yield Mark(Check.TEXT, name_of(element), f"looks like {suspicion.value}")
            if self._is_strange(tag, demand, text) and not self._is_held_to_vocabulary:
                self.strange[name_of(element)] += 1
            elif self._is_strange(tag, demand, text):
                words = "has a word outside the vocabulary of acquisition"
                yield Mark(Check.TEXT, name_of(element), words)

    @property
    def _is_held_to_vocabulary(self) -> bool:
        """Whether a word that is not of acquisition is a finding: in ours, or at a level."""
        return self.claims.is_ours or self.claims.fixed

    def _is_strange(self, tag: int, demand: Demand, text: str) -> bool:
        if self.claims.identified:
            return False
        cleaned = CLEAN_DESCRIPTORS in self.codes and is_descriptor(tag)
        return cleaned and demand is Demand.CLEANED and strange_words(text, self.vocabulary)


def _runs(element: Element) -> Iterator[Mark]:
    for text in runs_of(element):
        for suspicion in suspicions_in_binary(text):
            yield Mark(Check.TEXT, name_of(element), f"looks like {suspicion.value}")


def _long_numbers(element: Element) -> Iterator[Mark]:
    """Whole numbers that are a day of the calendar, which no measure is."""
    for value in values_of(element):
        if len(value) == 8 and value.isdigit() and "1900" <= value[:4] < "2100":
            day = day_of(value)
            if day is not None:
                yield Mark(Check.TEXT, name_of(element), f"looks like {Suspicion.DATE.value}")


@lru_cache(maxsize=8192)
def _is_in_dictionary(tag: int) -> bool:
    from pydicom.datadict import dictionary_has_tag, repeater_has_tag

    return bool(dictionary_has_tag(tag) or repeater_has_tag(tag))
