"""What a released header says about its own de-identification."""

from __future__ import annotations

import struct
from collections.abc import Iterable

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from deidflow.dicom.elements import encoded, item
from deidflow.header.completeness import is_complete
from deidflow.header.profile import Profile
from deidflow.version import __version__

NOT_DEIDENTIFIED = "not de-identified by PS3.15"
DEFACED = ("113102", "Clean Recognizable Visual Features Option")


_DATES = {
    "shift": "MODIFIED",
    "clock": "MODIFIED",
    "timepoint": "MODIFIED",
    "keep": "UNMODIFIED",
    "remove": "REMOVED",
}
Marker = tuple[int, bytes, bytes | None]
"""Tag, VR and value; without a value the attribute only goes."""


def markers(profile: Profile, label: str, days: int | None, *, explicit: bool) -> list[Marker]:
    """What every header says of its de-identification (PS3.15 E.1.1); codes of an earlier one are replaced."""
    complete = is_complete(profile)
    words = [f"deidflow {__version__}", f"profile {profile.name}"]
    codes = _encoded_codes(profile.codes, explicit) if complete else None
    labelled = profile.dates.label or profile.dates.mode == "timepoint"
    dates = _DATES[profile.dates.mode]
    return [
        (0x00120050, b"LO", label.encode("ascii") if labelled else None),
        *_days_since(profile, days),
        (0x00120062, b"CS", b"YES" if complete else b"NO"),
        (
            0x00120063,
            b"LO",
            "\\".join(words if complete else [*words, NOT_DEIDENTIFIED]).encode("ascii"),
        ),
        (0x00120064, b"SQ", codes),
        (0x00280302, b"CS", None),
        (
            0x00280303,
            b"CS",
            ("MODIFIED" if labelled and dates == "REMOVED" else dates).encode("ascii"),
        ),
    ]


def _days_since(profile: Profile, days: int | None) -> list[Marker]:
    """Days since the event that the profile counts from (PS3.3 C.7.2.3)."""
    if not profile.dates.since:
        return []
    event = b"BASELINE" if profile.dates.since == "first-study" else None
    number = struct.pack("<d", days) if days is not None else None
    return [(0x00120052, b"FD", number), (0x00120053, b"CS", event if number else None)]


def _encoded_codes(codes: Iterable[tuple[str, str]], explicit: bool) -> bytes:
    content = b""
    for value, meaning in codes:
        rows = (
            (0x00080100, b"SH", value),
            (0x00080102, b"SH", "DCM"),
            (0x00080104, b"LO", meaning),
        )
        inner = b"".join(encoded(tag, vr, _even(text), explicit=explicit) for tag, vr, text in rows)
        content += item(inner)
    return content


def _even(text: str) -> bytes:
    return (text + " " * (len(text) & 1)).encode("ascii")


def mark_defaced(header: Dataset, *, enhanced: bool, derived: bool = True) -> None:
    """Add what only a series may say whose face was removed and checked; `derived`: ImageType says so too."""
    header.RecognizableVisualFeatures = "NO"
    header.DeidentificationMethodCodeSequence.extend(_codes([DEFACED]))
    header.DerivationDescription = f"Face removed by deidflow {__version__}"
    if not derived:
        return
    if not enhanced:
        _mark_derived(header, "ImageType", "DERIVED")
    elif header.get("ImageType") and header.ImageType[0] == "ORIGINAL":
        _mark_derived(header, "ImageType", "MIXED")
    if enhanced:
        for group in _functional_groups(header):
            for keyword in (
                "MRImageFrameTypeSequence",
                "CTImageFrameTypeSequence",
                "PETFrameTypeSequence",
            ):
                for item in group.get(keyword) or ():
                    _mark_derived(item, "FrameType", "DERIVED")


def _functional_groups(header: Dataset) -> Iterable[Dataset]:
    yield from header.get("SharedFunctionalGroupsSequence") or ()
    yield from header.get("PerFrameFunctionalGroupsSequence") or ()


def _mark_derived(item: Dataset, keyword: str, word: str) -> None:
    if item.get(keyword):
        item[keyword].value = [word, *list(item[keyword].value)[1:]]


def _codes(pairs: Iterable[tuple[str, str]]) -> Sequence:
    return Sequence([_code(value, meaning) for value, meaning in pairs])


def _code(value: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue = value
    item.CodingSchemeDesignator = "DCM"
    item.CodeMeaning = meaning
    return item
