"""Attributes that are read from every header, by keyword: facts about it, and identifiers.

The tags are looked up once, when first needed.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from deidflow.dicom.character_sets import CHARSET
from deidflow.dicom.dictionary import tags_of
from deidflow.resources import load_yaml

IDENTIFIERS = "standard/identifiers.yaml"
TEXT_KEYWORDS = {
    "sop_class": "SOPClassUID",
    "sop_uid": "SOPInstanceUID",
    "study_uid": "StudyInstanceUID",
    "series_uid": "SeriesInstanceUID",
    "modality": "Modality",
    "patient_name": "PatientName",
    "patient_id": "PatientID",
    "issuer": "IssuerOfPatientID",
    "birth_date": "PatientBirthDate",
    "patient_sex": "PatientSex",
    "study_date": "StudyDate",
    "study_time": "StudyTime",
    "series_date": "SeriesDate",
    "acquisition_date": "AcquisitionDate",
    "content_date": "ContentDate",
    "series_time": "SeriesTime",
    "acquisition_time": "AcquisitionTime",
    "content_time": "ContentTime",
    "acquisition_datetime": "AcquisitionDateTime",
    "timezone": "TimezoneOffsetFromUTC",
    "series_number": "SeriesNumber",
    "instance_number": "InstanceNumber",
    "image_type": "ImageType",
    "burned_in": "BurnedInAnnotation",
    "conversion_type": "ConversionType",
    "photometric": "PhotometricInterpretation",
    "position": "ImagePositionPatient",
    "orientation": "ImageOrientationPatient",
    "spacing": "PixelSpacing",
    "frames": "NumberOfFrames",
    "trigger_time": "TriggerTime",
    "body_part": "BodyPartExamined",
    "series_description": "SeriesDescription",
    "protocol_name": "ProtocolName",
}
"""Field of `Instance` -> attribute, for text; the fields come first, in this order."""
NUMBER_KEYWORDS = {
    "rows": "Rows",
    "columns": "Columns",
    "samples": "SamplesPerPixel",
    "bits_allocated": "BitsAllocated",
}
"""The same for unsigned shorts (US), which come next."""

_TOP_ONLY = "date"
"""The kind that is not looked for in sequences."""
NAMES = frozenset(("name", "staff"))
NUMBERS = frozenset(("id", "number"))
DATES = frozenset(("birth", "date"))
"""Kinds of identifiers by how they are searched; all others are searched as a whole."""


class Column(NamedTuple):
    """A field of `Instance` that is the value of an attribute."""

    place: int
    is_number: bool


@lru_cache(maxsize=1)
def fact_columns() -> dict[int, Column]:
    """Tag -> field of `Instance`, in the order of the fields."""
    columns: dict[int, Column] = {}
    for tag in tags_of(TEXT_KEYWORDS.values()):
        columns[tag] = Column(len(columns), is_number=False)
    for tag in tags_of(NUMBER_KEYWORDS.values()):
        columns[tag] = Column(len(columns), is_number=True)
    return columns


@lru_cache(maxsize=1)
def identifier_kinds() -> dict[int, str]:
    """Tag -> kind of every attribute whose values identify (`IDENTIFIERS` of configs)."""
    kinds: dict[str, str] = load_yaml(IDENTIFIERS)
    tags = tags_of(kinds)
    return dict(zip(tags, kinds.values(), strict=True))


@lru_cache(maxsize=1)
def nested_identifiers() -> frozenset[int]:
    """Tags of identifying attributes that are looked for in sequences too."""
    tags: set[int] = set()
    for tag, kind in identifier_kinds().items():
        if kind != _TOP_ONLY:
            tags.add(tag)
    return frozenset(tags)


@lru_cache(maxsize=1)
def wanted_tags() -> frozenset[int]:
    """Tags of everything that is read from the data set itself."""
    return frozenset((*fact_columns(), *identifier_kinds(), CHARSET))
