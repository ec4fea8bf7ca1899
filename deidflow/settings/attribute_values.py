"""Which attributes may be removed or replaced, and by which values."""

from __future__ import annotations

import re

from pydicom.tag import Tag

from deidflow.dicom.dictionary import dictionary_vrs
from deidflow.errors import ConfigError
from deidflow.header.selectors import Selector, keyword_of, parse_selector

_STRUCTURAL_KEYWORDS = (
    "SpecificCharacterSet",
    "SOPClassUID",
    "SOPInstanceUID",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "PlanarConfiguration",
    "NumberOfFrames",
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "PixelData",
)
"""Attributes without which a file cannot be read, or not as what it is."""
_STRUCTURAL_TAGS = frozenset(int(Tag(keyword)) for keyword in _STRUCTURAL_KEYWORDS)
_NOT_TEXT = ("SQ", "OB", "OW", "UN", "AT")
"""VRs whose values cannot be given as text."""
_PATTERNS = {
    "DA": r"\d{8}",
    "TM": r"\d{2,6}(\.\d{1,6})?",
    "DT": r"\d{4,14}(\.\d{1,6})?([+-]\d{4})?",
    "UI": r"[0-9.]{1,64}",
    "AS": r"\d{3}[DWMY]",
    "IS": r"[+-]?\d{1,12}",
    "DS": r"[+-]?[\d.eE+-]{1,16}",
    "CS": r"[A-Z0-9 _]{0,16}",
    "SH": r".{0,16}",
    "LO": r".{0,64}",
    "PN": r".{0,324}",
    "US": r"\d{1,5}",
    "UL": r"\d{1,10}",
    "SS": r"-?\d{1,5}",
    "SL": r"-?\d{1,10}",
    "FL": r"[+-]?[\d.eE+-]+",
    "FD": r"[+-]?[\d.eE+-]+",
}
"""Values by VR (PS3.5 section 6.2)."""


def check_value(selector: Selector, value: str) -> None:
    """Raise ConfigError for a value that the attribute cannot have; an empty one fits."""
    tag = selector.tag or 0
    keyword = keyword_of(tag)
    vr = dictionary_vrs().get(tag, b"").decode("ascii")
    if vr in _NOT_TEXT:
        raise ConfigError(f"'{keyword}' has VR {vr} and cannot be replaced by a text")

    pattern = _PATTERNS.get(vr)
    if not value or pattern is None:
        return
    if not re.fullmatch(pattern, value):
        raise ConfigError(f"'{keyword}' cannot hold this value: its VR is {vr}")


def refuse_structural(attribute: str) -> None:
    """Raise ConfigError for an attribute that is needed to read the file."""
    selector = parse_selector(attribute)
    if selector.tag in _STRUCTURAL_TAGS and not selector.path:
        raise ConfigError(
            f"'{attribute}' is needed to read the file; it cannot be removed or replaced"
        )
