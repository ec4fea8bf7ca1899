"""What a released header says about its own de-identification."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

from pydicom.dataset import Dataset

from deidflow.dicom.dictionary import keyword_tags
from deidflow.dicom.elements import encoded, item
from deidflow.header.completeness import is_complete
from deidflow.header.profile import FIRST_STUDY, Profile
from deidflow.version import __version__

NOT_DEIDENTIFIED = "not de-identified by PS3.15"
CLEAN_PIXELS = ("113101", "Clean Pixel Data Option")
DEFACED = ("113102", "Clean Recognizable Visual Features Option")
REFACED = "average face in its place"
"""Said of images in which the removed part shows the face of nobody."""
_DATES = {
    "shift": "MODIFIED",
    "clock": "MODIFIED",
    "timepoint": "MODIFIED",
    "keep": "UNMODIFIED",
    "remove": "REMOVED",
}
"""LongitudinalTemporalInformationModified by mode of the profile's dates."""
_FRAME_TYPES = (
    "MRImageFrameTypeSequence",
    "CTImageFrameTypeSequence",
    "PETFrameTypeSequence",
)
Marker = tuple[int, bytes, bytes | None]
"""Tag, VR and value; without a value the attribute is only removed."""


def markers(profile: Profile, label: str, days: int | None, *, explicit: bool) -> list[Marker]:
    """What every header says of its de-identification (PS3.15 E.1.1).

    `days` are those since the event that the profile counts from; codes of an earlier
    de-identification are replaced. `explicit`: items of sequences are in Explicit VR.
    """
    complete = is_complete(profile)
    is_labelled = profile.dates.label or profile.dates.mode == "timepoint"
    codes = _encoded_codes(profile.codes, explicit) if complete else None
    return [
        (0x00120050, b"LO", label.encode("ascii") if is_labelled else None),
        *_days_since(profile, days),
        (0x00120062, b"CS", b"YES" if complete else b"NO"),
        (0x00120063, b"LO", _method(profile, complete)),
        (0x00120064, b"SQ", codes),
        (0x00280302, b"CS", None),
        (0x00280303, b"CS", _temporal_information(profile, is_labelled or days is not None)),
    ]


def _method(profile: Profile, complete: bool) -> bytes:
    """The value of DeidentificationMethod."""
    words = [f"deidflow {__version__}", f"profile {profile.name}"]
    if not complete:
        words.append(NOT_DEIDENTIFIED)
    return "\\".join(words).encode("ascii")


def _temporal_information(profile: Profile, is_told: bool) -> bytes:
    """The value of LongitudinalTemporalInformationModified.

    A label, and the days since an event, are modified information.
    """
    dates = _DATES[profile.dates.mode]
    if is_told and dates == "REMOVED":
        dates = "MODIFIED"
    return dates.encode("ascii")


def _days_since(profile: Profile, days: int | None) -> list[Marker]:
    """Days since the event that the profile counts from (PS3.3 C.7.2.3)."""
    since = profile.dates.since
    if not since:
        return []
    if days is None:
        return [(0x00120052, b"FD", None), (0x00120053, b"CS", None)]
    number = struct.pack("<d", days)
    return [(0x00120052, b"FD", number), (0x00120053, b"CS", _event_type(since))]


def _event_type(since: str) -> bytes:
    """The value of LongitudinalTemporalEventType, which an offset requires (type 1C).

    The standard defines ENROLLMENT and BASELINE; another event is named by its attribute's tag.
    """
    if since == FIRST_STUDY:
        return b"BASELINE"
    tag = keyword_tags()[since]
    return f"DATE_{tag:08X}".encode("ascii")


def _encoded_codes(codes: Iterable[tuple[str, str]], explicit: bool) -> bytes:
    """Items of a code sequence (PS3.3 section 8)."""
    items: list[bytes] = []
    for value, meaning in codes:
        elements = (
            encoded(
                0x00080100,
                b"SH",
                _even(value),
                explicit=explicit,
            ),
            encoded(
                0x00080102,
                b"SH",
                _even("DCM"),
                explicit=explicit,
            ),
            encoded(
                0x00080104,
                b"LO",
                _even(meaning),
                explicit=explicit,
            ),
        )
        items.append(item(b"".join(elements)))

    return b"".join(items)


def _even(text: str) -> bytes:
    padding = " " * (len(text) & 1)
    return (text + padding).encode("ascii")


def mark_defaced(
    header: Dataset, *, enhanced: bool, derived: bool = True, refaced: bool = False
) -> None:
    """Add what only a series may say whose face was removed and checked.

    `enhanced`: a multi-frame image with functional groups. `derived`: ImageType says so too.
    `refaced`: an average face is in the place of what was removed.
    """
    header.RecognizableVisualFeatures = "NO"
    _add_code(header, DEFACED)
    header.DerivationDescription = f"Face removed by deidflow {__version__}"
    if refaced:
        methods = _values(header, "DeidentificationMethod")
        header.DeidentificationMethod = [*methods, REFACED]
    if derived:
        mark_derived(header, enhanced=enhanced)


def mark_clean(header: Dataset) -> None:
    """Add what only an image may say whose every text was read, or blanked and read again.

    PS3.15 E.3.1, Clean Pixel Data Option.
    """
    header.BurnedInAnnotation = "NO"
    _add_code(header, CLEAN_PIXELS)


def mark_blanked(header: Dataset, *, enhanced: bool) -> None:
    """Add what an image says of which rectangles were blanked."""
    header.DerivationDescription = f"Text blanked by deidflow {__version__}"
    mark_derived(header, enhanced=enhanced)


def _add_code(header: Dataset, code: tuple[str, str]) -> None:
    """Declare an option, where the header declares any."""
    if "DeidentificationMethodCodeSequence" in header:
        header.DeidentificationMethodCodeSequence.append(_code(*code))


def mark_derived(header: Dataset, *, enhanced: bool) -> None:
    """Say in ImageType that pixels were changed; `enhanced` as for `mark_defaced`."""
    if enhanced:
        _mark_frames_derived(header)
    else:
        _mark_derived(
            header,
            "ImageType",
            "DERIVED",
        )


def _mark_frames_derived(header: Dataset) -> None:
    """Mark an enhanced image and all its frames (PS3.3 C.8.16.1)."""
    if _values(header, "ImageType")[:1] == ["ORIGINAL"]:
        _mark_derived(
            header,
            "ImageType",
            "MIXED",
        )

    for group in _functional_groups(header):
        for keyword in _FRAME_TYPES:
            for frame_type in group.get(keyword) or ():
                _mark_derived(
                    frame_type,
                    "FrameType",
                    "DERIVED",
                )


def _functional_groups(header: Dataset) -> Iterator[Dataset]:
    yield from header.get("SharedFunctionalGroupsSequence") or ()
    yield from header.get("PerFrameFunctionalGroupsSequence") or ()


def _mark_derived(header: Dataset, keyword: str, word: str) -> None:
    """Replace the first value of an attribute, if it has values."""
    values = _values(header, keyword)
    if values:
        header[keyword].value = [word, *values[1:]]


def _values(header: Dataset, keyword: str) -> list[str]:
    """The values of an attribute, however many it has."""
    value = header.get(keyword)
    if not value:
        return []
    return [value] if isinstance(value, str) else list(value)


def _code(value: str, meaning: str) -> Dataset:
    code = Dataset()
    code.CodeValue = value
    code.CodingSchemeDesignator = "DCM"
    code.CodeMeaning = meaning
    return code
