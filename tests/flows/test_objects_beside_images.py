"""Structure sets, registrations, segmentations and reports, where a profile lets them through."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pydicom
import pytest
import yaml
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from tests.commands import command_here
from tests.places import write_secret
from tests.reports import DOSE, code, content, report
from tests.synthetic import mr_instance, save, save_series

pytestmark = pytest.mark.usefixtures("one_server")

CLASSES = {
    "1.2.840.10008.5.1.4.1.1.481.3": "RTSTRUCT",
    "1.2.840.10008.5.1.4.1.1.66.1": "REG",
    "1.2.840.10008.5.1.4.1.1.66.4": "SEG",
}
SHAPES = {"RTSTRUCT", "SEG"}
"""Kinds that may show the face."""
NAMES = (
    "RTStructureSetStorage",
    "SpatialRegistrationStorage",
    "SegmentationStorage",
    "XRayRadiationDoseSRStorage",
    "Comprehensive3DSRStorage",
)
OPTIONS = (
    "retain_longitudinal_modified_dates",
    "retain_patient_characteristics",
    "retain_safe_private",
    "clean_descriptors",
)


def an_object(sop_class: str, modality: str, reference: Dataset) -> Dataset:
    """An object of the same study that refers to an image."""
    number = list(CLASSES).index(sop_class) + 1
    header = mr_instance(
        SOPClassUID=sop_class,
        Modality=modality,
        SeriesInstanceUID=f"1.2.9.{number}",
        SOPInstanceUID=f"1.2.9.{number}.1",
        StudyInstanceUID=reference.StudyInstanceUID,
    )
    item = Dataset()
    item.ReferencedSOPClassUID = reference.SOPClassUID
    item.ReferencedSOPInstanceUID = reference.SOPInstanceUID
    header.ReferencedImageSequence = Sequence([item])
    if modality == "SEG":
        header.BitsAllocated = header.BitsStored = 1
        header.HighBit = 0
        header.PixelData = b"\x5a" * 8
        return header

    for keyword in ("PixelData", "Rows", "Columns", "ImagePositionPatient", "BitsAllocated"):
        del header[keyword]
    return header


def a_report(image: Dataset, number: int, *more: Dataset, **changes: Any) -> Dataset:
    """A report of the same study: who and when, a dose, and the image that it is about."""
    return report(
        content("PNAME", code("121008", "Person Observer Name"), "Miller^Bob"),
        content("DATETIME", code("113809", "Start of X-Ray Irradiation"), "20220510235500"),
        content("NUM", code("113830", "Mean CTDIvol"), ("12.5", "mGy")),
        content("IMAGE", None, image.SOPInstanceUID),
        *more,
        SeriesInstanceUID=f"1.2.9.{number}",
        SOPInstanceUID=f"1.2.9.{number}.1",
        StudyInstanceUID=image.StudyInstanceUID,
        ImageType=None,
        **changes,
    )


def an_outline(points: int) -> Dataset:
    """A region of so many points."""
    item = content("SCOORD3D", code("111030", "Image Region"))
    item.GraphicType, item.GraphicData = "POLYGON", [float(n) for n in range(3 * points)]
    item.ReferencedFrameOfReferenceUID = "1.2.3.4.9"
    return item


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A source of one series and three objects, and a vault."""
    root = tmp_path_factory.mktemp("objects")
    folder = root / "source" / "a"
    save_series(folder, 3)
    image = pydicom.dcmread(min(folder.iterdir()))
    for sop_class, modality in CLASSES.items():
        save(an_object(sop_class, modality, image), folder / f"{modality}.dcm")
    save(a_report(image, 8), folder / "dose.dcm")
    outlined = {"sop_class": "1.2.840.10008.5.1.4.1.1.88.34", "SeriesNumber": 4}
    save(a_report(image, 9, an_outline(40), **outlined), folder / "region.dcm")
    write_secret(root / "vault")
    return root


def run(root: Path, profile: str, level: str) -> Path:
    release = root / f"release-{profile}-{level}"
    rules = root / f"{profile}-{level}.yaml"
    own: dict[str, Any] = {"extends": level}
    if profile != "closed":
        own["classes"] = list(NAMES)
    if profile == "open":
        own["options"] = [*OPTIONS, "clean_structured_content"]
    rules.write_text(yaml.safe_dump(own))
    places = (root / "source", release, "--vault", root / "vault")
    options = ("--level", level, "--profile", rules, "--project", f"{profile}-{level}")
    result = command_here("run", *places, *options)
    assert result.returncode in (0, 4), result.stderr
    return release


def released(release: Path) -> dict[str, Dataset]:
    """Modality -> one released instance."""
    paths = sorted(release.glob("P001/M00/*/*dicom/slice_*1.dcm"))
    headers = [pydicom.dcmread(path) for path in paths]
    return {str(header.Modality): header for header in headers}


def test_objects_are_released_and_their_references_resolve(root: Path) -> None:
    release = run(root, "open", "low")

    instances = released(release)
    assert set(instances) == {"MR", "SR", *CLASSES.values()}
    images = {
        pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID
        for path in release.glob("P001/M00/*-MR/dicom/*.dcm")
    }
    for modality in CLASSES.values():
        (item,) = instances[modality].ReferencedImageSequence
        assert item.ReferencedSOPInstanceUID in images
        assert instances[modality].PatientName == "P001"
    assert instances["SEG"].PixelData == b"\x5a" * 8
    assert "PixelData" not in instances["REG"]
    observer, start, dose, image, *_ = instances["SR"].ContentSequence
    assert observer.PersonName == "REMOVED"
    assert start.DateTime != "20220510235500"
    assert start.DateTime[8:] == "235500"
    assert dose.MeasuredValueSequence[0].NumericValue == 12.5
    assert image.ReferencedSOPSequence[0].ReferencedSOPInstanceUID in images
    checked = command_here(
        "verify", release, "--vault", root / "vault", "--source", root / "source"
    )
    assert checked.returncode == 0, checked.stdout


@pytest.mark.slow
def test_without_their_classes_they_are_excluded(root: Path) -> None:
    assert set(released(run(root, "closed", "low"))) == {"MR"}


@pytest.mark.slow
def test_reports_are_held_with_a_reason_where_the_profile_does_not_clean_them(root: Path) -> None:
    release = run(root, "listed", "low")

    assert set(released(release)) == {"MR", *CLASSES.values()}
    held = (root / "vault" / "quarantine" / "report.csv").read_text()
    assert held.count("report-not-cleaned") == 2


@pytest.mark.slow
def test_what_shows_the_shape_of_the_body_stays_where_faces_go(root: Path) -> None:
    release = run(root, "open", "high")
    kinds = released(release)

    assert "REG" in kinds
    assert not kinds.keys() & SHAPES
    classes = [str(header.SOPClassUID) for header in kinds.values() if header.Modality == "SR"]
    assert classes == [DOSE]
    assert "outline" in (root / "vault" / "quarantine" / "report.csv").read_text()
    assert kinds["SR"].ContentSequence[1].DateTime.startswith("1900")
