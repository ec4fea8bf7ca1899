"""What a released header says about its own de-identification."""

from __future__ import annotations

from collections.abc import Iterable

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from deidflow import __version__
from deidflow.header.profile import Profile

DEFACED = ("113102", "Clean Recognizable Visual Features Option")


def mark(header: Dataset, profile: Profile) -> None:
    """Write the markers of PS3.15 E.1.1; codes of an earlier de-identification are replaced."""
    header.PatientIdentityRemoved = "YES"
    header.DeidentificationMethod = [f"deidflow {__version__}", f"profile {profile.name}"]
    header.DeidentificationMethodCodeSequence = _codes(profile.codes)
    header.LongitudinalTemporalInformationModified = "MODIFIED"
    if "RecognizableVisualFeatures" in header:
        del header.RecognizableVisualFeatures


def mark_defaced(header: Dataset, *, enhanced: bool) -> None:
    """Add what only a series may say whose face was removed and checked."""
    header.RecognizableVisualFeatures = "NO"
    header.DeidentificationMethodCodeSequence.extend(_codes([DEFACED]))
    header.DerivationDescription = f"Face removed by deidflow {__version__}"
    if not enhanced:
        _mark_derived(header, "ImageType", "DERIVED")
    elif header.get("ImageType") and header.ImageType[0] == "ORIGINAL":
        _mark_derived(header, "ImageType", "MIXED")
    if enhanced:
        for group in _functional_groups(header):
            for keyword in ("MRImageFrameTypeSequence", "CTImageFrameTypeSequence", "PETFrameTypeSequence"):
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
