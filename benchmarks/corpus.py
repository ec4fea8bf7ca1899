"""Made-up MR and CT files for benchmarks: about 280 elements, 256 x 256 pixels of 16 bit, no one's
face."""

from __future__ import annotations

import io
import random
import zlib
from pathlib import Path
from typing import Any

import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian

SLICES = 40
CT, MR = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4"
_FILLERS = (
    "SeriesDescription", "ProtocolName", "BodyPartExamined", "SequenceName", "Manufacturer",
    "ManufacturerModelName", "SoftwareVersions", "ImagingFrequency", "ImagedNucleus", "EchoNumbers",
    "MagneticFieldStrength", "SpacingBetweenSlices", "NumberOfPhaseEncodingSteps", "EchoTrainLength",
    "PercentSampling", "PercentPhaseFieldOfView", "PixelBandwidth", "ReconstructionDiameter",
    "ReceiveCoilName", "TransmitCoilName", "InPlanePhaseEncodingDirection", "FlipAngle", "SAR", "dBdt",
    "PatientPosition", "RepetitionTime", "EchoTime", "InversionTime", "NumberOfAverages", "SliceThickness",
    "KVP", "DataCollectionDiameter", "DistanceSourceToDetector", "ExposureTime", "XRayTubeCurrent", "Exposure",
    "FilterType", "GeneratorPower", "ConvolutionKernel", "RescaleSlope", "RescaleIntercept", "WindowCenter",
    "WindowWidth", "InstitutionName", "InstitutionAddress", "ReferringPhysicianName", "OperatorsName",
    "StationName", "StudyDescription", "AccessionNumber", "PatientAge", "PatientWeight", "PatientSize",
    "PatientComments", "StudyID",
)  # fmt: skip


def make_corpus(root: Path, count: int, *, deflated: float = 0.0, side: int = 256) -> None:
    """Write `count` files of `side` x `side` pixels below `root`; `deflated` is the share of
    deflated ones."""
    rng = random.Random(7)
    for number in range(count):
        series, index = divmod(number, SLICES)
        if index == 0:
            template = _template(series, side)
        folder = root / f"subject_{series // 8:05d}" / f"series_{series % 8}"
        folder.mkdir(parents=True, exist_ok=True)
        content = _slice(template, series, index)
        (folder / f"IM{index:04d}").write_bytes(
            _deflate(content) if rng.random() < deflated else content
        )


def _template(series: int, side: int) -> bytes:
    header = _header(series, side)
    header.file_meta = FileMetaDataset()
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    header.file_meta.MediaStorageSOPClassUID = header.SOPClassUID
    header.file_meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID
    stream = io.BytesIO()
    pydicom.dcmwrite(
        stream,
        header,
        enforce_file_format=True,
    )
    return stream.getvalue()


def _header(series: int, side: int) -> Any:
    subject, study = series // 8, series // 4
    header = Dataset()
    header.SOPClassUID = CT if series % 2 else MR
    header.Modality = "CT" if series % 2 else "MR"
    header.SOPInstanceUID = f"1.2.826.0.1.99.{series}.2111111"
    header.StudyInstanceUID, header.SeriesInstanceUID = (
        f"1.2.826.0.1.97.{study}",
        f"1.2.826.0.1.98.{series}",
    )
    header.FrameOfReferenceUID = f"1.2.826.0.1.96.{study}"
    header.PatientName, header.PatientID = f"Bench^Subject{subject:05d}", f"BN-{subject:06d}"
    header.PatientBirthDate, header.PatientSex = "19611201", "F"
    for keyword, value in _filled():
        setattr(header, keyword, value)
    header.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL" if series % 2 else "M"]
    for kind in ("Study", "Series", "Acquisition", "Content"):
        setattr(
            header,
            f"{kind}Date",
            f"2019{1 + study % 12:02d}15",
        )
        setattr(header, f"{kind}Time", "101112.25")

    header.AcquisitionTime = header.ContentTime = "101111.110000"
    header.SeriesNumber, header.InstanceNumber = series % 8 + 1, "1111"
    header.ImagePositionPatient, header.SliceLocation = ["-120.5", "-118.25", "1111.11"], "1111.11"
    header.ImageOrientationPatient, header.PixelSpacing = (
        ["1", "0", "0", "0", "1", "0"],
        ["0.9", "0.9"],
    )
    header.SourceImageSequence = Sequence([_reference(series, number) for number in (1, 2)])
    header.RequestAttributesSequence = Sequence([_request()])
    _private(header)
    header.Rows = header.Columns = side
    header.BitsAllocated, header.BitsStored, header.HighBit = 16, 12, 11
    header.SamplesPerPixel, header.PixelRepresentation, header.PhotometricInterpretation = (
        1,
        0,
        "MONOCHROME2",
    )
    header.PixelData = _noise(series, side * side)
    header["PixelData"].VR = "OW"
    return header


def _noise(seed: int, pixels: int) -> bytes:
    """Random values of 12 bits: anything above them would hold the file back."""
    values = bytearray(random.Random(seed).randbytes(2 * pixels))
    low_bits = bytes(byte & 0x0F for byte in range(256))
    values[1::2] = values[1::2].translate(low_bits)
    return bytes(values)


def _filled() -> Any:
    for keyword in _FILLERS:
        vr = pydicom.datadict.dictionary_VR(pydicom.datadict.tag_for_keyword(keyword))
        texts = {
            "DS": "12.5",
            "IS": "3",
            "AS": "057Y",
            "CS": "HEAD",
            "PN": "Doctor^Some",
            "SH": "T1 MPRAGE",
        }
        yield keyword, texts.get(vr, "T1 MPRAGE SAG ISO")


def _reference(series: int, number: int) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = MR
    item.ReferencedSOPInstanceUID = f"1.2.826.0.1.99.{series}.200000{number}"
    return item


def _request() -> Dataset:
    item = Dataset()
    item.RequestedProcedureID, item.ScheduledProcedureStepID = "RP0001", "SP0001"
    item.RequestedProcedureDescription = "MRI brain without contrast"
    return item


def _private(header: Any) -> None:
    block = header.private_block(
        0x0019,
        "SIEMENS MR HEADER",
        create=True,
    )
    for number in range(0x0B, 0x70):
        block.add_new(number, "IS", str(number))

    block = header.private_block(
        0x0051,
        "SIEMENS MR HEADER",
        create=True,
    )
    for number in range(0x08, 0x58):
        block.add_new(
            number,
            "LO",
            f"value {number}",
        )


def _slice(template: bytes, series: int, index: int) -> bytes:
    content = template.replace(b".2111111", f".2{index:06d}".encode()).replace(
        b"1111.11", f"{index * 1.25:07.2f}".encode()
    )
    content = content.replace(b"IS\4\0" + b"1111", b"IS\4\0" + f"{index + 1:04d}".encode())
    return content[:-2] + bytes((index, series & 15))


def _deflate(content: bytes) -> bytes:
    at = content.index(b"1.2.840.10008.1.2.1\0")
    length = int.from_bytes(content[140:144], "little")
    syntax = b"1.2.840.10008.1.2.1.99"
    meta = (
        content[144 : at - 2]
        + len(syntax).to_bytes(2, "little")
        + syntax
        + content[at + 20 : 144 + length]
    )

    packer = zlib.compressobj(
        6,
        zlib.DEFLATED,
        -zlib.MAX_WBITS,
    )
    packed = packer.compress(content[144 + length :]) + packer.flush()
    return (
        content[:140] + len(meta).to_bytes(4, "little") + meta + packed + b"\0" * (len(packed) & 1)
    )
