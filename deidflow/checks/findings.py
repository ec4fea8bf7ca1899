"""What the check reports: where, what and how often, never the value itself."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum

from deidflow.checks.leaks import ANOTHERS, Hit

LEAK = "leak"
KIND_WORDS = {
    "name": "a name",
    "staff": "a name of staff",
    "id": "an ID",
    "number": "a number",
    "contact": "an address or telephone number",
    "text": "a place or device",
    "birth": "the birth date",
    "date": "a date",
    "uid": "a UID",
}
"""Kinds of identifiers in words."""
DIFFER = "stored values differ outside the mask"


class Defect(StrEnum):
    """What may be wrong with a staged session beside leaks."""

    STRAY_FILE = "a file that does not belong here"
    BROKEN_FILE = "a file that is not what it should be"
    WRONG_COUNT = "instances missing or added"
    WRONG_META = "file meta does not fit the instance"
    TRAILING_BYTES = "bytes after the stored values"
    NO_SOURCE = "instance without a source"
    VALUES_DIFFER = DIFFER
    MASKS_DIFFER = "mask of NIfTI and DICOM differ"


@dataclass(frozen=True)
class Finding:
    """Something that must not be: where, what, how often. Holds no value that was found."""

    place: str
    what: str
    count: int
    attribute: str = ""
    """The attribute, key or part of a file that holds it."""
    whose: str = ""
    """Whose identifier it is: `own` or `another's`."""


def holds(kind: str, whose: str) -> str:
    """`holds a name of another patient`: what an attribute holds, and whose it is."""
    words = KIND_WORDS.get(kind, "an identifier")
    owner = "another patient" if whose == ANOTHERS else "this patient"
    return f"holds {words} of {owner}"


PlacedHits = Counter[tuple[str, Hit]]
"""How often each identifier was found in each place."""


def leaks_of(hits: PlacedHits) -> list[Finding]:
    """A finding per place and kind of identifier."""
    findings = []
    for (place, hit), count in hits.items():
        finding = Finding(
            place=place,
            what=f"{LEAK}: {hit.kind}",
            count=count,
            attribute=hit.attribute,
            whose=hit.whose,
        )
        findings.append(finding)
    return findings
