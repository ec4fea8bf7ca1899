"""A series that keeps its pixels: the source's own pixel data, in their own transfer syntax."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    RLELossless,
)

from deidflow.checks.dicom_file import open_file
from deidflow.identity.workorder import FileOrder, SeriesOrder, SessionOrder, WorkOrder
from deidflow.steps.anonymize import anonymize_session
from deidflow.steps.series_whole import release_whole
from tests.jobs import step_job
from tests.synthetic import as_file, mr_instance

COMPRESSED = (RLELossless, JPEG2000Lossless)
SYNTAXES = (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    DeflatedExplicitVRLittleEndian,
    *COMPRESSED,
)


def source_file(syntax: str) -> bytes:
    """An image in a transfer syntax."""
    values = np.random.default_rng(1).integers(0, 4096, (32, 32)).astype("<u2")
    header = mr_instance(Rows=32, Columns=32, PixelData=values.tobytes())
    if syntax not in COMPRESSED:
        return as_file(header, syntax)

    plain = pydicom.dcmread(io.BytesIO(as_file(header)))
    plain.compress(syntax, generate_instance_uid=False)
    stream = io.BytesIO()
    plain.save_as(stream)
    return stream.getvalue()


def released(root: Path, content: bytes) -> bytes:
    """What the step makes of one instance whose pixels stay."""
    source = root / "source"
    source.mkdir()
    (source / "a.dcm").write_bytes(content)
    file = FileOrder("a.dcm", hashlib.sha256(content).hexdigest())
    series = SeriesOrder("003-MR", "MR", False, False, (file,))
    sessions = (SessionOrder("M00", "", (series,)),)
    order = WorkOrder("P001", str(source), "00" * 16, 0, (), sessions, "00")
    job = step_job(root, order)
    anonymize_session(job)

    target = root / "dicom" / "slice_001.dcm"
    headers = sorted((job.scratch / "003-MR").iterdir())
    release_whole(order, series.files, headers, [target], root)
    return target.read_bytes()


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda syntax: syntax.keyword)
def test_pixel_data_stay_as_they_were(tmp_path: Path, syntax: pydicom.uid.UID) -> None:
    content = source_file(syntax)

    after = released(tmp_path, content)

    source, image = (pydicom.dcmread(io.BytesIO(data)) for data in (content, after))
    kept = syntax if syntax in COMPRESSED else ExplicitVRLittleEndian
    assert image.file_meta.TransferSyntaxUID == kept
    assert image["PixelData"].is_undefined_length == (syntax in COMPRESSED)
    assert np.array_equal(image.pixel_array, source.pixel_array)
    assert image.PatientName == "P001"


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda syntax: syntax.keyword)
def test_every_byte_is_a_value_or_structure(tmp_path: Path, syntax: pydicom.uid.UID) -> None:
    file = open_file(released(tmp_path, source_file(syntax)))

    list(file.elements())

    assert file.pixels is not None
    assert file.pixels.encapsulated == (syntax in COMPRESSED)
