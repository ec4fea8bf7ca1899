"""The demo's heads are heads, its series are series, and identifiers are planted where it says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from deidflow.demo.head import average_head, grid_affine, on_grid
from deidflow.demo.people import PEOPLE, MadeUpPerson, Visit
from deidflow.demo.series import write_screenshot, write_series
from deidflow.demo.study_header import study_header
from deidflow.dicom.geometry import planes
from deidflow.dicom.inventory import read_file
from deidflow.dicom.policy import judge
from deidflow.verdicts import Reason, Verdict

PERSON = MadeUpPerson(
    name="PLANTED^Anna",
    patient_id="PLNT-1",
    birth_date="19610412",
    physician="DOKTOR^Otto",
    institution="PLANTED Hospital",
)
VISIT = Visit(PERSON, 1, "20230316")
SIZE = (6, 5, 4)
X, Y = np.array([1.0, 0, 0]), np.array([0, 1.0, 0])


def volume(scale: float = 1.0) -> sitk.Image:
    """A small volume, 2 x 3 x 4 mm, whose values are their numbers."""
    values = np.arange(120, dtype=np.float32).reshape(SIZE[::-1]) * scale
    image = sitk.GetImageFromArray(values)
    image.SetSpacing((2.0, 3.0, 4.0))
    image.SetOrigin((-5.0, 6.0, 7.0))
    return image


@pytest.fixture
def series(tmp_path: Path) -> list[pydicom.Dataset]:
    """The files of a series of one volume, in the order of their names."""
    write_series(tmp_path, VISIT, 2, "T1", [volume()])
    return [pydicom.dcmread(path) for path in sorted(tmp_path.iterdir())]


# people


def test_every_value_of_a_person_is_planted() -> None:
    assert set(PERSON.planted) == {
        "PLANTED",
        "Anna",
        "DOKTOR",
        "Otto",
        "PLNT-1",
        "PLANTED Hospital",
    }


def test_uids_tell_persons_visits_and_series_apart() -> None:
    visits = [Visit(person, number, "20230316") for person in PEOPLE for number in (1, 2)]
    uids = [visit.uid(*numbers) for visit in visits for numbers in ((), (1,), (1, 1))]

    assert len(set(uids)) == len(uids)
    assert all(pydicom.uid.UID(uid).is_valid for uid in uids)


def test_uids_are_the_same_in_every_run() -> None:
    assert VISIT.uid(2, 1) == "1.2.826.0.1.3680043.8.498.446966682.1.2.1"


# headers


def test_identifiers_are_planted_where_tools_forget_them() -> None:
    header = study_header(VISIT, 2, "T1", 1)

    assert PERSON.name in header.RequestAttributesSequence[0].RequestedProcedureDescription
    assert PERSON.name in header.AnatomicRegionSequence[0].CodeMeaning
    assert PERSON.name in header.ImageComments
    assert PERSON.patient_id in header.SeriesDescription
    block = header.private_block(0x0099, "DEIDFLOW DEMO")
    assert block[0x01].value == PERSON.name
    assert PERSON.patient_id.encode() in block[0x02].value


def test_dates_are_those_of_the_visit() -> None:
    header = study_header(VISIT, 2, "T1", 1)

    for keyword in ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate"):
        assert header[keyword].value == VISIT.date


def test_the_preamble_holds_the_name_too(tmp_path: Path) -> None:
    write_series(tmp_path, VISIT, 2, "T1", [volume()])
    content = (tmp_path / "IM00001").read_bytes()

    assert content[:128].startswith(b"PLANTED^Anna\0")


# series


def test_one_file_per_slice_with_its_own_place(series: list[pydicom.Dataset]) -> None:
    assert len(series) == SIZE[2]
    assert [header.InstanceNumber for header in series] == [1, 2, 3, 4]
    assert [planes(header)[0].height for header in series] == [7, 11, 15, 19]
    assert [float(value) for value in series[0].PixelSpacing] == [3, 2]


def test_pixels_of_an_mr_series_are_the_values(series: list[pydicom.Dataset]) -> None:
    pixels = np.stack([header.pixel_array for header in series])

    assert pixels.ravel().tolist() == list(range(120))


def test_values_that_cannot_be_stored_are_limited(tmp_path: Path) -> None:
    write_series(tmp_path, VISIT, 2, "T1", [volume(scale=-1.0)])
    write_series(tmp_path / "bright", VISIT, 3, "T1", [volume(scale=1000.0)])

    assert pydicom.dcmread(tmp_path / "IM00004").pixel_array.max() == 0
    assert pydicom.dcmread(tmp_path / "bright" / "IM00004").pixel_array.max() == 4095


def test_a_tomography_is_in_hounsfield_units(tmp_path: Path) -> None:
    write_series(tmp_path, VISIT, 5, "CT", [volume(scale=-10.0)], tomography=True)
    header = pydicom.dcmread(tmp_path / "IM00001")
    real = header.pixel_array * float(header.RescaleSlope) + float(header.RescaleIntercept)

    assert header.Modality == "CT"
    assert "EchoTime" not in header
    assert real.ravel()[:3].tolist() == [0, -10, -20]


def test_shuffled_names_hold_the_same_slices(tmp_path: Path) -> None:
    count = write_series(tmp_path, VISIT, 3, "T1", [volume()], shuffled=True)
    headers = [pydicom.dcmread(path) for path in sorted(tmp_path.iterdir())]
    numbers = [header.InstanceNumber for header in headers]

    assert count == 4
    assert numbers != sorted(numbers)
    assert sorted(numbers) == [1, 2, 3, 4]


def test_volumes_of_one_series_are_time_points(tmp_path: Path) -> None:
    count = write_series(tmp_path, VISIT, 4, "fMRI", [volume(), volume()])
    headers = [pydicom.dcmread(path) for path in sorted(tmp_path.iterdir())]

    assert count == 8
    assert [header.AcquisitionNumber for header in headers] == [1] * 4 + [2] * 4
    assert len({header.SOPInstanceUID for header in headers}) == 8
    assert len({header.SeriesInstanceUID for header in headers}) == 1


def test_every_file_goes_on_but_the_screenshot(tmp_path: Path) -> None:
    write_series(tmp_path, VISIT, 2, "T1", [volume()])
    write_screenshot(tmp_path / "deeper" / "screen.dcm", VISIT, 9)
    image = read_file(tmp_path, "IM00001").instance
    screenshot = read_file(tmp_path, "deeper/screen.dcm").instance

    assert image is not None
    assert screenshot is not None
    assert judge(image, defacing=True) is None
    assert judge(screenshot, defacing=False) == (Verdict.QUARANTINED, Reason.MAY_CARRY_TEXT)


# heads


def test_a_grid_has_its_middle_at_the_centre() -> None:
    centre = np.array([1.0, 2.0, 3.0])
    affine = grid_affine(X, Y, (2.0, 3.0, 4.0), (11, 21, 31), centre)
    middle = affine[:, :3] @ [5, 10, 15] + affine[:, 3]

    assert np.allclose(middle, centre)
    assert np.allclose(np.linalg.norm(affine[:, :3], axis=0), [2, 3, 4])


def test_a_head_on_a_grid_has_its_size_and_air_outside() -> None:
    affine = grid_affine(X, Y, (4.0, 4.0, 4.0), (10, 12, 8), np.array([900.0, 0, 0]))
    image = on_grid(average_head(), (10, 12, 8), affine, outside=-1000.0)

    assert image.GetSize() == (10, 12, 8)
    assert np.allclose(image.GetOrigin(), affine[:, 3])
    assert sitk.GetArrayFromImage(image).max() == -1000
