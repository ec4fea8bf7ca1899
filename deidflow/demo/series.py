"""Write a made-up head as a classic DICOM series, with planted identifiers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from deidflow.demo.people import Visit
from deidflow.demo.study_header import study_header

SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
_INTERCEPT = -1024
_HIGHEST = 4095
_BITS_STORED = 12
_PREAMBLE = 128
_MR_ONLY = (
    "ScanningSequence",
    "SequenceVariant",
    "MRAcquisitionType",
    "RepetitionTime",
    "EchoTime",
    "FlipAngle",
    "MagneticFieldStrength",
)


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
    """Write one classic MR or CT series of one or more volumes (SimpleITK, LPS).

    Returns the number of files. Each volume is one time point; with `shuffled` the names of files
    do not follow their order.
    """
    folder.mkdir(parents=True, exist_ok=True)
    count: int = sum(volume.GetSize()[2] for volume in volumes)
    order = _order(count, seed=number if shuffled else None)
    instance = 0
    for time, volume in enumerate(volumes):
        for index, values in enumerate(_stored(volume, tomography=tomography)):
            header = study_header(
                visit,
                number,
                description,
                instance + 1,
            )
            _add_image(header, volume, values, index)
            if tomography:
                _make_tomography(header)
            header.AcquisitionNumber = time + 1
            header.AcquisitionTime = f"1010{time:02d}.000000"

            file_number = int(order[instance]) + 1
            _save(header, folder / f"IM{file_number:05d}")
            instance += 1
    return count


def _order(count: int, *, seed: int | None) -> NDArray[np.int64]:
    """Numbers of files in the order of instances; shuffled with a seed."""
    if seed is None:
        return np.arange(count)
    generator = np.random.default_rng(seed)
    return generator.permutation(count)


def _stored(volume: Any, *, tomography: bool) -> NDArray[np.uint16]:
    """The stored values of a volume, shape (slices, rows, columns)."""
    real = sitk.GetArrayFromImage(volume)
    if tomography:
        real = np.rint(real - _INTERCEPT)
    stored: NDArray[np.uint16] = np.clip(real, 0, _HIGHEST).astype("<u2")
    return stored


def write_screenshot(path: Path, visit: Visit, number: int) -> None:
    """A screenshot that may show the patient's name."""
    header = study_header(
        visit,
        number,
        "screenshot",
        1,
    )
    header.SOPClassUID = SECONDARY_CAPTURE
    header.Modality = "OT"
    header.ConversionType = "WSD"
    header.ImageType = ["DERIVED", "SECONDARY"]
    header.BurnedInAnnotation = "YES"

    pixels = np.zeros((64, 256), "u1")
    pixels[20:44, 10:200:3] = 255
    _add_pixels(header, pixels, 8)
    path.parent.mkdir(parents=True, exist_ok=True)
    _save(header, path)


def _add_image(header: Dataset, volume: Any, values: NDArray[Any], index: int) -> None:
    """Acquisition, geometry and pixels of a slice."""
    header.ImageType = ["ORIGINAL", "PRIMARY", "M"]
    header.ScanningSequence = "GR"
    header.SequenceVariant = "SP"
    header.MRAcquisitionType = "3D"
    header.BodyPartExamined = "HEAD"
    header.RepetitionTime = "2300"
    header.EchoTime = "2.98"
    header.FlipAngle = "9"
    header.MagneticFieldStrength = "3"

    directions = np.array(volume.GetDirection()).reshape(3, 3)
    orientation = directions[:, :2].T.ravel().tolist()
    position = volume.TransformIndexToPhysicalPoint((0, 0, index))
    header.ImagePositionPatient = _decimals(position)
    header.ImageOrientationPatient = _decimals(orientation)

    columns, rows, slices = _decimals(volume.GetSpacing())
    header.PixelSpacing = [rows, columns]
    header.SliceThickness = slices
    header.SpacingBetweenSlices = slices
    _add_pixels(header, values, 16)


def _decimals(values: Sequence[float]) -> list[str]:
    """Values as decimal strings (DS)."""
    return [f"{value:.6g}" for value in values]


def _make_tomography(header: Dataset) -> None:
    header.SOPClassUID = CT_IMAGE
    header.Modality = "CT"
    header.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    header.RescaleSlope = "1"
    header.RescaleIntercept = str(_INTERCEPT)
    header.KVP = "120"
    for keyword in _MR_ONLY:
        delattr(header, keyword)


def _add_pixels(header: Dataset, values: NDArray[Any], bits: int) -> None:
    stored = min(bits, _BITS_STORED)
    header.Rows, header.Columns = values.shape
    header.SamplesPerPixel = 1
    header.PhotometricInterpretation = "MONOCHROME2"
    header.PixelRepresentation = 0
    header.BitsAllocated = bits
    header.BitsStored = stored
    header.HighBit = stored - 1
    header.PixelData = values.tobytes()
    header["PixelData"].VR = "OB" if bits == 8 else "OW"


def _save(header: Dataset, path: Path) -> None:
    """Write a file with the patient's name in the preamble too."""
    header.file_meta = FileMetaDataset()
    header.file_meta.MediaStorageSOPClassUID = header.SOPClassUID
    header.file_meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian

    name = str(header.PatientName).encode("latin-1")
    header.preamble = name[:_PREAMBLE].ljust(_PREAMBLE, b"\0")
    header.save_as(path, enforce_file_format=True)
