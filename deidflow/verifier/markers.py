"""Whether what a file says of its own de-identification is true (PS3.15 E.1.1)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from deidflow.checks.elements import Element
from deidflow.resources import load_yaml
from deidflow.verifier.claims import Claims
from deidflow.verifier.findings import Check, Mark
from deidflow.verifier.instance import Instance
from deidflow.verifier.table import (
    BASIC,
    CLEAN_FACES,
    CLEAN_PIXELS,
    FULL_DATES,
    MODIFIED_DATES,
    SAFE_PRIVATE,
)

_REMOVED, _METHOD, _LONGITUDINAL = 0x00120062, 0x00120063, 0x00280303
_FEATURES, _BURNED_IN = 0x00280302, 0x00280301
_CODES_PATH = "DeidentificationMethodCodeSequence/"
_CODE_VALUE, _SCHEME, _MEANING = 0x00080100, 0x00080102, 0x00080104
_CODES = "DeidentificationMethodCodeSequence"
REFACED = "average face"
"""Said in DeidentificationMethod of images that show a face that is nobody's."""
NOT_DEIDENTIFIED = "not de-identified"


@dataclass(frozen=True)
class Markers:
    """What one instance says of its own de-identification."""

    removed: str
    method: str
    longitudinal: str
    features: str
    burned_in: str
    codes: frozenset[str]
    meanings: tuple[tuple[str, str, str], ...]
    """Code value, scheme and meaning of each entry."""

    @property
    def is_refaced(self) -> bool:
        """Whether the image shows an average face where the mask removes."""
        return REFACED in self.method

    @classmethod
    def of(cls, instance: Instance) -> Markers:
        """The markers of an instance."""
        entries = tuple(_code_entries(instance.below(_CODES_PATH)))
        return cls(
            removed=instance.text(_REMOVED),
            method=instance.text(_METHOD),
            longitudinal=instance.text(_LONGITUDINAL),
            features=instance.text(_FEATURES),
            burned_in=instance.text(_BURNED_IN),
            codes=frozenset(value for value, _, _ in entries),
            meanings=entries,
        )


def lies_of(markers: Markers, claims: Claims, *, has_private: bool) -> Iterator[Mark]:
    """Markers that contradict each other, the release, or what is in the file."""
    yield from _identity(markers, claims)
    yield from _codes(markers, claims)
    yield from _dates(markers, claims)
    if has_private and markers.codes and SAFE_PRIVATE not in markers.codes:
        yield Mark(
            Check.MARKER,
            _CODES,
            "does not declare the private elements that are kept",
        )

    if markers.burned_in == "YES":
        yield Mark(
            Check.MARKER,
            "BurnedInAnnotation",
            "says that text is burned in",
        )

    yield from _faces(markers)
    if CLEAN_PIXELS in markers.codes and markers.burned_in != "NO":
        yield Mark(
            Check.MARKER,
            "BurnedInAnnotation",
            "is not NO as 113101 says",
        )


def _identity(markers: Markers, claims: Claims) -> Iterator[Mark]:
    if claims.identified:
        if markers.removed != "NO":
            yield Mark(
                Check.MARKER,
                "PatientIdentityRemoved",
                "is not NO as the release says",
            )
        return

    if not markers.removed:
        yield Mark(
            Check.MARKER,
            "PatientIdentityRemoved",
            "is missing",
        )
    elif markers.removed != "YES":
        yield Mark(
            Check.MARKER,
            "PatientIdentityRemoved",
            "is not YES",
        )
    elif NOT_DEIDENTIFIED in markers.method:
        yield Mark(
            Check.MARKER,
            "DeidentificationMethod",
            "contradicts PatientIdentityRemoved",
        )

    if not markers.method and not markers.codes:
        yield Mark(
            Check.MARKER,
            "DeidentificationMethod",
            "is missing",
        )


def _codes(markers: Markers, claims: Claims) -> Iterator[Mark]:
    known = _context_group()
    for value, scheme, meaning in markers.meanings:
        if scheme != "DCM" or known.get(value) != meaning.casefold():
            yield Mark(
                Check.MARKER,
                _CODES,
                "has a code that is not in CID 7050",
            )
            break

    if not claims.is_ours or claims.identified:
        if markers.removed == "YES" and markers.codes and BASIC not in markers.codes:
            yield Mark(
                Check.MARKER,
                _CODES,
                "lacks 113100, the basic profile",
            )
        return

    if markers.codes - {CLEAN_FACES, CLEAN_PIXELS} != claims.promise.codes:
        yield Mark(
            Check.MARKER,
            _CODES,
            "differs from the options of the release",
        )


def _dates(markers: Markers, claims: Claims) -> Iterator[Mark]:
    if claims.identified:
        return

    expected = ""
    if FULL_DATES in markers.codes:
        expected = "UNMODIFIED"
    elif MODIFIED_DATES in markers.codes:
        expected = "MODIFIED"
    elif claims.is_ours and not claims.fixed:
        expected = "REMOVED"

    name = "LongitudinalTemporalInformationModified"
    if expected and markers.longitudinal != expected:
        yield Mark(
            Check.MARKER,
            name,
            "contradicts the declared option of dates",
        )


def _faces(markers: Markers) -> Iterator[Mark]:
    declared = CLEAN_FACES in markers.codes
    if declared and markers.features == "YES":
        yield Mark(
            Check.MARKER,
            "RecognizableVisualFeatures",
            "contradicts 113102",
        )
    if markers.features == "NO" and markers.codes and not declared:
        yield Mark(
            Check.MARKER,
            "RecognizableVisualFeatures",
            "is NO without 113102",
        )


def _code_entries(elements: list[Element]) -> Iterator[tuple[str, str, str]]:
    """Value, scheme and meaning of each item of the method codes."""
    items: dict[int, dict[int, str]] = {}
    for element in elements:
        entry = items.setdefault(id(element.level), {})
        entry[element.tag] = element.raw.rstrip(b"\0 ").decode("latin-1")
    for entry in items.values():
        yield entry.get(_CODE_VALUE, ""), entry.get(_SCHEME, ""), entry.get(_MEANING, "")


@lru_cache(maxsize=1)
def _context_group() -> dict[str, str]:
    """Codes of CID 7050 and their meanings in lower case (PS3.16)."""
    meanings = load_yaml("standard/cid7050.yaml")
    return {code: meaning.casefold() for code, meaning in meanings.items()}
