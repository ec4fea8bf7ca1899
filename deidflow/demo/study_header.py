"""Headers of the demo: patient, study and series, with identifiers where tools forget them."""

from __future__ import annotations

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items

from deidflow.demo.people import MadeUpPerson, Visit

MR_IMAGE = "1.2.840.10008.5.1.4.1.1.4"
_CREATOR = "DEIDFLOW DEMO"
_PRIVATE_GROUP = 0x0099


def study_header(visit: Visit, series: int, description: str, instance: int) -> Dataset:
    """The header of an MR image without its pixels."""
    person = visit.person
    header = Dataset()
    header.SpecificCharacterSet = "ISO_IR 100"
    _add_uids(
        header,
        visit,
        series,
        instance,
    )
    _add_patient(header, person)
    _add_dates(header, visit.date)

    header.AccessionNumber = f"ACC{person.patient_id}"
    header.StudyID = f"{visit.number}"
    header.StudyDescription = f"Brain {person.name}"
    header.SeriesDescription = f"{description} {person.patient_id}"
    header.ProtocolName = description
    header.ImageComments = f"patient {person.name} moved"
    header.Modality = "MR"
    header.Manufacturer = _CREATOR
    header.ManufacturerModelName = "AVERAGE HEAD"
    header.SeriesNumber = series
    header.InstanceNumber = instance
    header.PatientPosition = "HFS"
    _add_nested(header, person)
    return header


def _add_uids(header: Dataset, visit: Visit, series: int, instance: int) -> None:
    header.SOPClassUID = MR_IMAGE
    header.SOPInstanceUID = visit.uid(series, instance)
    header.StudyInstanceUID = visit.uid()
    header.SeriesInstanceUID = visit.uid(series)
    header.FrameOfReferenceUID = visit.uid(0)


def _add_patient(header: Dataset, person: MadeUpPerson) -> None:
    header.PatientName = person.name
    header.PatientID = person.patient_id
    header.PatientBirthDate = person.birth_date
    header.PatientSex = "O"
    header.PatientWeight = "72.5"
    header.PatientAddress = f"Street of {person.institution}"
    header.ReferringPhysicianName = person.physician
    header.OperatorsName = person.physician
    header.InstitutionName = person.institution
    header.StationName = "DEMOSTATION"
    header.DeviceSerialNumber = "SN4711-0815"


def _add_dates(header: Dataset, date: str) -> None:
    header.StudyDate = date
    header.SeriesDate = date
    header.AcquisitionDate = date
    header.ContentDate = date
    header.StudyTime = "100000"
    header.SeriesTime = "100500"
    header.ContentTime = "101000"


def _add_nested(header: Dataset, person: MadeUpPerson) -> None:
    """Identifiers where tools forget them: in a sequence, in private elements, in free text."""
    request = Dataset()
    request.RequestedProcedureDescription = f"MRI for {person.name}"
    request.ScheduledPerformingPhysicianName = person.physician
    header.RequestAttributesSequence = Items([request])

    region = Dataset()
    region.CodeValue = "T-D1100"
    region.CodingSchemeDesignator = "SRT"
    region.CodeMeaning = f"Head of {person.name}"
    header.AnatomicRegionSequence = Items([region])

    binary = f"{person.patient_id}\0{person.name}\0"
    block = header.private_block(
        _PRIVATE_GROUP,
        _CREATOR,
        create=True,
    )
    block.add_new(0x01, "LO", person.name)
    block.add_new(
        0x02,
        "OB",
        binary.encode(),
    )
