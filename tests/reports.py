"""Structured reports, made item by item."""

from __future__ import annotations

from typing import Any

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from tests.synthetic import mr_instance

VALUES = {
    "TEXT": "TextValue",
    "PNAME": "PersonName",
    "DATE": "Date",
    "TIME": "Time",
    "DATETIME": "DateTime",
    "UIDREF": "UID",
}
DOSE = "1.2.840.10008.5.1.4.1.1.88.67"


def code(value: str, meaning: str, scheme: str = "DCM") -> Dataset:
    """A coded entry."""
    entry = Dataset()
    entry.CodeValue = value
    entry.CodingSchemeDesignator = scheme
    entry.CodeMeaning = meaning
    return entry


def content(
    value_type: str, concept: Dataset | None, value: Any = None, *inner: Dataset
) -> Dataset:
    """A content item; the value of a NUM is number and unit, that of an IMAGE its UID."""
    item = Dataset()
    item.RelationshipType = "CONTAINS"
    item.ValueType = value_type
    if concept is not None:
        item.ConceptNameCodeSequence = Sequence([concept])
    if value_type in VALUES:
        setattr(item, VALUES[value_type], value)
    elif value_type == "NUM":
        number = Dataset()
        number.NumericValue, unit = value
        number.MeasurementUnitsCodeSequence = Sequence([code(unit, unit, "UCUM")])
        item.MeasuredValueSequence = Sequence([number])
    elif value_type == "CODE":
        item.ConceptCodeSequence = Sequence([value])
    elif value_type in ("IMAGE", "COMPOSITE"):
        item.ReferencedSOPSequence = Sequence([reference(value)])
    elif value_type == "CONTAINER":
        item.ContinuityOfContent = "SEPARATE"
    if inner:
        item.ContentSequence = Sequence(inner)
    return item


def by_reference(*numbers: int) -> Dataset:
    """A relation to another content item."""
    item = Dataset()
    item.RelationshipType = "INFERRED FROM"
    item.ReferencedContentItemIdentifier = list(numbers)
    return item


def reference(uid: str) -> Dataset:
    """An instance that is referred to."""
    item = Dataset()
    item.ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.4"
    item.ReferencedSOPInstanceUID = uid
    return item


def report(*items: Dataset, sop_class: str = DOSE, **changes: Any) -> Dataset:
    """A structured report of the patient of `mr_instance`."""
    header = mr_instance(**{"SOPClassUID": sop_class, "Modality": "SR", **changes})
    for keyword in ("PixelData", "Rows", "Columns", "ImagePositionPatient", "BitsAllocated"):
        del header[keyword]
    header.ValueType = "CONTAINER"
    header.ContinuityOfContent = "SEPARATE"
    header.ConceptNameCodeSequence = Sequence([code("113701", "X-Ray Radiation Dose Report")])
    header.CompletionFlag = "COMPLETE"
    header.VerificationFlag = "UNVERIFIED"
    header.ContentSequence = Sequence(items)
    return header
