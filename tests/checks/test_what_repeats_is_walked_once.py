"""Source files read one after the other have the facts that each has by itself."""

from __future__ import annotations

from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from deidflow.checks.source import SourceReader
from tests.synthetic import as_file, mr_instance

KEPT = frozenset((0x00100010, 0x00080080))


def one_by_one(paths: list[Path]) -> None:
    reader = SourceReader(KEPT)
    for path in paths:
        assert reader.read(path) == SourceReader(KEPT).read(path), path


def referring(number: int, **changes: object) -> Dataset:
    """An instance whose reference changes, within a sequence that comes before what repeats."""
    image = mr_instance(InstanceNumber=number, PatientName=f"Name{number % 3}", **changes)
    item = Dataset()
    item.ReferencedSOPInstanceUID = f"1.2.3.{number // 2}"
    image.ReferencedImageSequence = Sequence([item] * (1 + number % 2))
    return image


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_a_series_with_references(tmp_path: Path, syntax: str) -> None:
    paths = []
    for number in range(12):
        image = referring(number)
        if number in (4, 5, 9):
            del image.ReferencedImageSequence
        if number == 7:
            image.InstitutionName = "kept"
            del image.PixelData
        path = tmp_path / f"{number:02d}.dcm"
        path.write_bytes(as_file(image, syntax))
        paths.append(path)
    one_by_one(paths)

    uids = [SourceReader(KEPT).read(path).uids for path in paths]
    assert "1.2.3.3" in uids[6] | uids[7]


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_the_files_of_pydicom_in_a_row() -> None:
    """Of every kind, whole and broken; each twice, so that the second one repeats."""
    root = Path(pydicom.__file__).parent / "data"
    paths = sorted(root.rglob("*.dcm"))
    assert len(paths) > 80
    one_by_one([path for path in paths for _ in range(2)])
