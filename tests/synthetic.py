"""Synthetic MR images: headers, files and series that tests vary."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

import deidflow.store.preload  # noqa: F401  the settings of pydicom that children have

MR = "1.2.840.10008.5.1.4.1.1.4"


def mr_instance(**changes: Any) -> Dataset:
    """A small classic MR image with identifiers; changes by keyword, None removes."""
    header = Dataset()
    header.SOPClassUID, header.SOPInstanceUID = MR, "1.2.3.4.5.1.1.1"
    header.StudyInstanceUID, header.SeriesInstanceUID, header.FrameOfReferenceUID = (
        "1.2.3.4.5",
        "1.2.3.4.5.1",
        "1.2.3.4.9",
    )
    header.PatientName, header.PatientID, header.PatientBirthDate = (
        "Zimmerquast^Adelheid",
        "PID-77120",
        "19600412",
    )
    header.PatientSex, header.PatientWeight, header.PatientSize, header.PatientAge = (
        "F",
        "72.5",
        "1.78",
        "062Y",
    )
    header.StudyDate = header.SeriesDate = header.AcquisitionDate = header.ContentDate = "20220510"
    header.StudyTime, header.SeriesTime, header.AcquisitionTime, header.ContentTime = (
        "235000",
        "235500",
        "235900.5",
        "235930",
    )
    header.Modality, header.Manufacturer, header.SeriesNumber, header.InstanceNumber = (
        "MR",
        "ACME",
        3,
        1,
    )
    header.StudyDescription, header.SeriesDescription = "Brain Zimmerquast", "T1 MPRAGE SAG KIM"
    header.ImageType, header.BodyPartExamined = ["ORIGINAL", "PRIMARY", "M", "SECRETWORD"], "HEAD"
    header.ImagePositionPatient, header.ImageOrientationPatient = (
        ["0", "0", "0"],
        ["1", "0", "0", "0", "1", "0"],
    )
    header.PixelSpacing, header.SliceThickness = ["1", "1"], "1"
    header.RepetitionTime, header.EchoTime, header.ScanningSequence, header.SequenceVariant = (
        "2000",
        "3",
        "GR",
        "NONE",
    )
    header.Rows = header.Columns = 8
    header.SamplesPerPixel, header.PhotometricInterpretation, header.PixelRepresentation = (
        1,
        "MONOCHROME2",
        0,
    )
    header.BitsAllocated, header.BitsStored, header.HighBit = 16, 12, 11
    header.PixelData = np.arange(64, dtype="<u2").tobytes()
    header["PixelData"].VR = "OW"
    for keyword, value in changes.items():
        if value is None:
            del header[keyword]
        else:
            setattr(header, keyword, value)
    return header


def save(header: Dataset, path: Path) -> Path:
    """Write a data set as a DICOM file."""
    header.file_meta = FileMetaDataset()
    header.file_meta.MediaStorageSOPClassUID = header.SOPClassUID
    header.file_meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    path.parent.mkdir(parents=True, exist_ok=True)
    header.save_as(path, enforce_file_format=True)
    return path


def save_series(folder: Path, count: int = 3, **changes: Any) -> None:
    """A series of slices along z, one file each."""
    series = changes.get("SeriesInstanceUID", "1.2.3.4.5.1")
    for number in range(1, count + 1):
        own = {"SOPInstanceUID": f"{series}.{number}", "InstanceNumber": number}
        place = {"ImagePositionPatient": ["0", "0", str(number)]}
        save(mr_instance(**{**own, **place, **changes}), folder / f"{series[-6:]}-{number}.dcm")


def as_file(header: Dataset, syntax: str = ExplicitVRLittleEndian) -> bytes:
    """A data set as the bytes of a DICOM file."""
    header.file_meta = FileMetaDataset()
    header.file_meta.MediaStorageSOPClassUID = header.SOPClassUID
    header.file_meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID
    header.file_meta.TransferSyntaxUID = syntax
    stream = io.BytesIO()
    pydicom.dcmwrite(
        stream,
        header,
        implicit_vr=syntax == "1.2.840.10008.1.2",
        little_endian=True,
        enforce_file_format=True,
    )
    return stream.getvalue()
