"""Write a made-up head as a classic DICOM series, with identifiers planted where real ones stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import ExplicitVRLittleEndian

MR_IMAGE, SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.5.1.4.1.1.7"
CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
_INTERCEPT = -1024
_ROOT = "1.2.826.0.1.3680043.8.498."


@dataclass(frozen=True)
class MadeUpPerson:
    """A made-up patient; every value of it is a planted identifier."""

    name: str
    patient_id: str
    birth_date: str
    physician: str
    institution: str

    @property
    def planted(self) -> tuple[str, ...]:
        """What must not be found in any byte of the release."""
        parts = [part for name in (self.name, self.physician) for part in name.split("^")]
        return (*parts, self.patient_id, self.institution)


@dataclass(frozen=True)
class Visit:
    """A study of a person."""

    person: MadeUpPerson
    number: int
    date: str

    def uid(self, *numbers: int) -> str:
        """A UID of this study."""
        digits = (
            sum(ord(letter) * 31**place for place, letter in enumerate(self.person.patient_id))
            % 10**9
        )
        return _ROOT + ".".join(map(str, (digits, self.number, *numbers)))


def write_series(
    folder: Path,
    visit: Visit,
    number: int,
    description: str,
    volumes: Sequence[Any],
    *,
    shuffled: bool = False,
    tomography: bool = False,
) -> int:
    """Write one classic MR or CT series of one or more volumes (SimpleITK, LPS); returns the number of files."""
    folder.mkdir(parents=True, exist_ok=True)
    count: int = sum(volume.GetSize()[2] for volume in volumes)
    names = np.random.default_rng(number).permutation(count) if shuffled else np.arange(count)
    instance = 0
    for time, volume in enumerate(volumes):
        stored = sitk.GetArrayFromImage(volume) - (_INTERCEPT if tomography else 0)
        values = np.clip(np.rint(stored) if tomography else stored, 0, 4095).astype("<u2")
        for index in range(len(values)):
            header = _header(visit, number, description, instance + 1)
            _image(header, volume, values[index], index)
            if tomography:
                _as_tomography(header)
            header.AcquisitionNumber = time + 1
            header.AcquisitionTime = f"1010{time:02d}.000000"
            _save(header, folder / f"IM{int(names[instance]) + 1:05d}")
            instance += 1
    return count


def write_screenshot(path: Path, visit: Visit, number: int) -> None:
    """A screenshot with the patient's name in its pixels."""
    header = _header(visit, number, "screenshot", 1)
    header.SOPClassUID, header.Modality, header.ConversionType = SECONDARY_CAPTURE, "OT", "WSD"
    header.ImageType, header.BurnedInAnnotation = ["DERIVED", "SECONDARY"], "YES"
    pixels = np.zeros((64, 256), "u1")
    pixels[20:44, 10:200:3] = 255
    _pixels(header, pixels, 8)
    path.parent.mkdir(parents=True, exist_ok=True)
    _save(header, path)


def _header(visit: Visit, series: int, description: str, instance: int) -> Dataset:
    person, header = visit.person, Dataset()
    header.SpecificCharacterSet, header.SOPClassUID = "ISO_IR 100", MR_IMAGE
    header.SOPInstanceUID, header.StudyInstanceUID = visit.uid(series, instance), visit.uid()
    header.SeriesInstanceUID, header.FrameOfReferenceUID = visit.uid(series), visit.uid(0)
    header.PatientName, header.PatientID, header.PatientBirthDate = (
        person.name,
        person.patient_id,
        person.birth_date,
    )
    header.PatientSex, header.PatientWeight, header.PatientAddress = (
        "O",
        "72.5",
        f"Street of {person.institution}",
    )
    header.ReferringPhysicianName, header.OperatorsName = person.physician, person.physician
    header.InstitutionName, header.StationName, header.DeviceSerialNumber = (
        person.institution,
        "DEMOSTATION",
        "SN4711-0815",
    )
    header.StudyDate = header.SeriesDate = header.AcquisitionDate = header.ContentDate = visit.date
    header.StudyTime, header.SeriesTime, header.ContentTime = "100000", "100500", "101000"
    header.AccessionNumber, header.StudyID = f"ACC{person.patient_id}", f"{visit.number}"
    header.StudyDescription, header.SeriesDescription = (
        f"Brain {person.name}",
        f"{description} {person.patient_id}",
    )
    header.ProtocolName, header.ImageComments = description, f"patient {person.name} moved"
    header.Modality, header.Manufacturer, header.ManufacturerModelName = (
        "MR",
        "DEIDFLOW DEMO",
        "AVERAGE HEAD",
    )
    header.SeriesNumber, header.InstanceNumber, header.PatientPosition = series, instance, "HFS"
    _nested(header, person)
    return header


def _nested(header: Dataset, person: MadeUpPerson) -> None:
    """Identifiers where tools forget them: in a sequence, in private elements, in free text."""
    item = Dataset()
    item.RequestedProcedureDescription = f"MRI for {person.name}"
    item.ScheduledPerformingPhysicianName = person.physician
    header.RequestAttributesSequence = Items([item])
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = (
        "T-D1100",
        "SRT",
        f"Head of {person.name}",
    )
    header.AnatomicRegionSequence = Items([code])
    block = header.private_block(0x0099, "DEIDFLOW DEMO", create=True)
    block.add_new(0x01, "LO", person.name)
    block.add_new(0x02, "OB", f"{person.patient_id}\0{person.name}\0".encode())


def _image(header: Dataset, volume: Any, values: Any, index: int) -> None:
    directions = np.array(volume.GetDirection()).reshape(3, 3)
    header.ImageType, header.ScanningSequence, header.SequenceVariant = (
        ["ORIGINAL", "PRIMARY", "M"],
        "GR",
        "SP",
    )
    header.MRAcquisitionType, header.BodyPartExamined = "3D", "HEAD"
    header.RepetitionTime, header.EchoTime, header.FlipAngle, header.MagneticFieldStrength = (
        "2300",
        "2.98",
        "9",
        "3",
    )
    header.ImagePositionPatient = [
        f"{value:.6g}" for value in volume.TransformIndexToPhysicalPoint((0, 0, index))
    ]
    header.ImageOrientationPatient = [
        f"{value:.6g}" for value in [*directions[:, 0], *directions[:, 1]]
    ]
    columns, rows, slices = volume.GetSpacing()
    header.PixelSpacing, header.SliceThickness = [f"{rows:.6g}", f"{columns:.6g}"], f"{slices:.6g}"
    header.SpacingBetweenSlices = f"{slices:.6g}"
    _pixels(header, values, 16)


def _as_tomography(header: Dataset) -> None:
    header.SOPClassUID, header.Modality, header.ImageType = (
        CT_IMAGE,
        "CT",
        ["ORIGINAL", "PRIMARY", "AXIAL"],
    )
    header.RescaleSlope, header.RescaleIntercept, header.KVP = "1", str(_INTERCEPT), "120"
    for keyword in ("ScanningSequence", "SequenceVariant", "MRAcquisitionType", "RepetitionTime", "EchoTime",
                    "FlipAngle", "MagneticFieldStrength"):  # fmt: skip
        delattr(header, keyword)


def _pixels(header: Dataset, values: Any, bits: int) -> None:
    header.Rows, header.Columns = values.shape
    header.SamplesPerPixel, header.PhotometricInterpretation, header.PixelRepresentation = (
        1,
        "MONOCHROME2",
        0,
    )
    header.BitsAllocated, header.BitsStored, header.HighBit = bits, min(bits, 12), min(bits, 12) - 1
    header.PixelData = values.tobytes()
    header["PixelData"].VR = "OB" if bits == 8 else "OW"


def _save(header: Dataset, path: Path) -> None:
    header.file_meta = FileMetaDataset()
    header.file_meta.MediaStorageSOPClassUID = header.SOPClassUID
    header.file_meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    header.preamble = str(header.PatientName).encode("latin-1")[:128].ljust(128, b"\0")
    header.save_as(path, enforce_file_format=True)
