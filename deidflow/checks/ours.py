"""What the release itself writes, and what the standard defines: no leak, whoever has that name."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache

from deidflow.checks.elements import Element, is_creator
from deidflow.checks.kinds import NAMES
from deidflow.checks.text import texts_of
from deidflow.checks.words import fold
from deidflow.resources import defined_terms, load_table, load_yaml

_CHARSET = 0x00080005
_CODE_MEANING = 0x00080104
_METHOD = 0x00120063
_DERIVATION = 0x00082111
_CODES = frozenset((0x00080100, 0x00080102, 0x00080103, 0x00080105, 0x0008010F))
CLASSES = frozenset(
    (0x00080016, 0x0008001A, 0x0008001B, 0x00081150, 0x0008115A, 0x0008010C, 0x00080117, 0x00080118)
)
"""Attributes whose UIDs name classes of objects, not objects."""

_SIDECAR_METHOD = re.compile(r"deidflow, profile [\w.-]+")
_WRITTEN = {
    _METHOD: re.compile(r"deidflow [\w.+]+|profile [\w.-]+|not de-identified by PS3\.15"),
    _DERIVATION: re.compile(r"Face removed by deidflow [\w.+]+"),
    _CHARSET: re.compile(r"(?:ISO|IR|IS|GB|GBK|GB18030|UTF|\d{1,5}|[ _,.-])*"),
}
"""What values of some attributes may be."""


@dataclass(frozen=True)
class Ours:
    """Knows what is not a leak; `allowed` are the session's own words: pseudonym and label."""

    allowed: frozenset[str] = frozenset()

    def is_ours(self, element: Element, kinds: Collection[str] = ()) -> bool:
        """Whether each value is one that we write, or that the standard defines for its attribute.

        `kinds` are those of the identifiers found in it: a code may be somebody's number by
        chance, but not a name.
        """
        if element.tag in _CODES and NAMES.isdisjoint(kinds):
            return True
        if is_creator(element.tag):
            creators = element.level.creators
            creator = creators.get(element.tag, "")
            return creator in _listed_creators()

        for text in texts_of(element):
            for value in text.split("\\"):
                stripped = value.strip()
                if not self._is_expected(element, stripped):
                    return False
        return True

    def _is_expected(self, element: Element, value: str) -> bool:
        if not value or value in self.allowed:
            return True
        if element.tag == _CODE_MEANING:
            meaning = fold(value)
            return meaning in _standard_meanings()

        pattern = _WRITTEN.get(element.tag)
        if pattern is not None:
            match = pattern.fullmatch(value)
            return match is not None
        return element.vr == b"CS" and value in defined_terms()

    def is_class(self, tag: int) -> bool:
        """Whether an attribute names classes of objects, not objects."""
        return tag in CLASSES

    def is_term(self, text: str) -> bool:
        """Whether a text of a sidecar is made of defined terms, joined as dcm2niix joins them."""
        if text in self.allowed or _SIDECAR_METHOD.fullmatch(text):
            return True
        parts = re.split(r"[_\s\\]+", text)
        return defined_terms().issuperset(parts)


@lru_cache(maxsize=1)
def _listed_creators() -> frozenset[str]:
    """Creators of private elements that may stay, by the standard and by our list."""
    standard = load_table("standard/safe_private_e3_10_1.csv")
    physics = load_yaml("private/physics.yaml")
    standard_creators = {row["creator"].strip() for row in standard}
    physics_creators = {row["creator"] for row in physics}
    creators = standard_creators | physics_creators
    return frozenset(creators)


@lru_cache(maxsize=1)
def _standard_meanings() -> frozenset[str]:
    """Meanings of the standard's own codes (PS3.16), which say nothing about a patient."""
    from pydicom.sr._concepts_dict import concepts

    meanings: set[str] = set()
    for scheme in concepts.values():
        for codes in scheme.values():
            for meaning, _ in codes.values():
                folded = fold(meaning)
                meanings.add(folded)
    return frozenset(meanings)
