"""Many small DICOM files: subjects of 100 instances, one series each, of a few hundred bytes."""

from __future__ import annotations

import io
from pathlib import Path

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage

INSTANCES = 100
"""Files of a subject."""
_SUBJECT = "S000000"
_INSTANCE = "700000"


def make_small_files(folder: Path, count: int, first: int = 0) -> None:
    """Write `count` files below `folder`, in a folder per subject, from subject `first` on."""
    template = _template()
    for number in range(count):
        subject, instance = divmod(number, INSTANCES)
        subject += first
        place = folder / f"s{subject // 100:04d}" / f"{subject:06d}"
        if not instance:
            place.mkdir(parents=True)
        content = template.replace(
            _SUBJECT.encode(),
            f"S{subject:06d}".encode(),
        )
        content = content.replace(
            b".1000000.",
            f".{1_000_000 + subject}.".encode(),
        )
        content = content.replace(
            _INSTANCE.encode(),
            f"{700_000 + instance}".encode(),
        )
        (place / f"{instance:04d}.dcm").write_bytes(content)


def _template() -> bytes:
    root = "1.2.276.0.7230010.3.1000000"
    image = Dataset()
    image.SOPClassUID = MRImageStorage
    image.SOPInstanceUID = f"{root}.3.{_INSTANCE}"
    image.StudyInstanceUID = f"{root}.1.1"
    image.SeriesInstanceUID = f"{root}.2.1"
    image.PatientName = f"{_SUBJECT}^ANNE"
    image.PatientID = f"PID-{_SUBJECT}"
    image.PatientBirthDate = "19610304"
    image.PatientSex = "F"
    image.StudyDate = "20210405"
    image.StudyTime = "101112"
    image.SeriesTime = "101213"
    image.Modality = "MR"
    image.ImageType = ["ORIGINAL", "PRIMARY", "M"]
    image.SeriesNumber = 3
    image.InstanceNumber = int(_INSTANCE)
    image.ImagePositionPatient = [-100, -100, int(_INSTANCE)]
    image.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    image.PixelSpacing = [1, 1]
    image.Rows = 2
    image.Columns = 2
    image.SamplesPerPixel = 1
    image.PhotometricInterpretation = "MONOCHROME2"
    image.BitsAllocated = 16
    image.BitsStored = 12
    image.HighBit = 11
    image.PixelRepresentation = 0
    image.PixelData = b"\1\0\2\0\3\0\4\0"
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian

    stream = io.BytesIO()
    image.save_as(stream, enforce_file_format=True)
    return stream.getvalue()
