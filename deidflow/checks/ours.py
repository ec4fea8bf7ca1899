"""What the release itself writes, and what the standard defines: never a leak, whoever is called so."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache

from deidflow.checks.elements import Element, is_creator
from deidflow.checks.own import NAMES
from deidflow.checks.text import texts_of
from deidflow.checks.words import fold
from deidflow.resources import defined_terms, load_table, load_yaml

_CHARSET, _CODE_MEANING, _METHOD, _DERIVATION = 0x00080005, 0x00080104, 0x00120063, 0x00082111
_CODES = frozenset((0x00080100, 0x00080102, 0x00080103, 0x00080105, 0x0008010F))
CLASSES = frozenset(
    (0x00080016, 0x0008001A, 0x0008001B, 0x00081150, 0x0008115A, 0x0008010C, 0x00080117, 0x00080118)
)
_METHODS = re.compile(r"deidflow [\w.+]+|profile [\w.-]+|not de-identified by PS3\.15")
_SIDECAR_METHOD = re.compile(r"deidflow, profile [\w.-]+")
_DERIVED = re.compile(r"Face removed by deidflow [\w.+]+")
_CHARSETS = re.compile(r"(?:ISO|IR|IS|GB|GBK|GB18030|UTF|\d{1,5}|[ _,.-])*")
_FIXED = {_METHOD: _METHODS, _DERIVATION: _DERIVED}


@dataclass(frozen=True)
class Ours:
    """Knows what is no leak; `allowed` are the session's own words: pseudonym and label."""

    allowed: frozenset[str] = frozenset()

    def is_ours(self, element: Element, kinds: Collection[str] = ()) -> bool:
        """Whether each value is one that we write, or that the standard defines for its attribute.

        `kinds` are those of the identifiers found in it: a code may be somebody's number by chance, not a name.
        """
        if element.tag in _CODES and not NAMES & set(kinds):
            return True
        if is_creator(element.tag):
            return element.level.creators.get(element.tag, "") in _listed_creators()
        values = [value.strip() for text in texts_of(element) for value in text.split("\\")]
        return all(self._is_fixed(element, value) for value in values if value)

    def _is_fixed(self, element: Element, value: str) -> bool:
        if value in self.allowed:
            return True
        if element.tag in _FIXED:
            return _FIXED[element.tag].fullmatch(value) is not None
        if element.tag == _CODE_MEANING:
            return fold(value) in _standard_meanings()
        if element.tag == _CHARSET:
            return _CHARSETS.fullmatch(value) is not None
        return element.vr == b"CS" and value in defined_terms()

    def is_class(self, tag: int) -> bool:
        """Whether an attribute names classes of objects, not objects."""
        return tag in CLASSES

    def is_term(self, text: str) -> bool:
        """Whether a text of a sidecar is made of defined terms, joined as dcm2niix joins them."""
        if text in self.allowed or _SIDECAR_METHOD.fullmatch(text):
            return True
        return all(part in defined_terms() for part in re.split(r"[_\s\\]+", text))


@lru_cache(maxsize=1)
def _listed_creators() -> frozenset[str]:
    """Creators of private elements that may stay, by the standard and by our list."""
    safe = {row["creator"].strip() for row in load_table("standard/safe_private_e3_10_1.csv")}
    return frozenset(safe | {row["creator"] for row in load_yaml("private/physics.yaml")})


@lru_cache(maxsize=1)
def _standard_meanings() -> frozenset[str]:
    """Meanings of the standard's own codes (PS3.16), which say nothing of a patient."""
    from pydicom.sr._concepts_dict import concepts

    schemes = (codes for codes in concepts.values())
    entries = (entry for codes in schemes for entry in codes.values())
    return frozenset(fold(meaning) for entry in entries for meaning, _ in entry.values())
