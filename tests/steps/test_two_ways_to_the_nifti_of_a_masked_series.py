"""The NIfTI of a masked series: overwritten in what was converted, or converted anew, is one."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest

from deidflow.dicom.geometry import planes
from deidflow.face.affine import IDENTITY
from deidflow.face.mask import Field, WorldMask
from deidflow.face.volume import image_of
from deidflow.header.load_profile import load_profile
from deidflow.identity.workorder import FileOrder, SeriesOrder, SessionOrder, WorkOrder
from deidflow.settings.face import DefaceSettings
from deidflow.steps.anonymize import anonymize_session
from deidflow.steps.released_file import ReleasedFiles
from deidflow.steps.series_images import convert_series
from deidflow.steps.series_masked import MaskedSeries
from tests.jobs import step_job
from tests.synthetic import mr_instance, save

ROWS, COLUMNS, SLICES = 20, 16, 12
AXIAL = ((1, 0, 0), (0, 1, 0))
SAGITTAL = ((0, 1, 0), (0, 0, -1))
CORONAL = ((1, 0, 0), (0, 0, -1))
UPSIDE_DOWN = ((-1, 0, 0), (0, 1, 0))
OBLIQUE = ((0.8, 0.6, 0), (-0.6, 0.8, 0))


def corner() -> WorldMask:
    """Removes what is near one corner of the world."""
    distance = np.full((60, 60, 60), 250, np.uint8)
    distance[:34, :36, :38] = 0
    index_to_world = np.hstack([np.eye(3), np.full((3, 1), -30.0)])
    return WorldMask(Field(image_of(distance, index_to_world), IDENTITY), 0.0, None, 0.0)


class Series:
    """A made-up series on disk, anonymized and converted."""

    def __init__(self, root: Path, directions: tuple[tuple[float, ...], ...], **changes: Any):
        row, column = np.array(directions, float)
        normal = np.cross(row, column)
        values = np.random.default_rng(1).integers(1, 4096, (SLICES, ROWS, COLUMNS)).astype("<u2")
        values[3] |= np.uint16(changes.pop("overlay", 0))
        self.root = root
        files = []
        for number in range(SLICES):
            start = -7 * row - 9 * column + (2.5 * number - 14) * normal
            image = mr_instance(
                Rows=ROWS,
                Columns=COLUMNS,
                SOPInstanceUID=f"1.2.3.{number + 1}",
                InstanceNumber=number + 1,
                ImageOrientationPatient=[*row, *column],
                ImagePositionPatient=[f"{x:.4f}" for x in start],
                PixelSpacing=["1.25", "1.5"],
                SliceThickness="2.5",
                PixelData=values[number].tobytes(),
                **changes,
            )
            path = save(image, root / "source" / f"{number * 5 % SLICES:02d}.dcm")
            files.append(
                (path, FileOrder(path.name, hashlib.sha256(path.read_bytes()).hexdigest()))
            )
        files.sort()
        self.places = [planes(mr) for mr in map(_read, (path for path, _ in files))]
        self.order = SeriesOrder("003-MR", "MR", False, False, tuple(row for _, row in files))
        self.work = WorkOrder("P001", str(root / "source"), "00" * 16, 0, (),
                              (SessionOrder("M00", "", (self.order,)),), "00")  # fmt: skip
        self.job = step_job(root, self.work)
        anonymize_session(self.job)
        convert_series(root / "converted", root / "log", self.job.profile, self.work, self.order)
        (root / "log").unlink(missing_ok=True)

    def built(self, name: str, converted: Path | None) -> dict[str, str]:
        """File -> hash of what is built, and of the masks that are kept."""
        folder = self.root / name / "003-MR"
        builder = MaskedSeries(
            corner(),
            DefaceSettings(),
            self.work,
            folder,
            self.root / name / "masks.npz",
            self.root / "log",
            load_profile("high"),
            ReleasedFiles(),
            converted=converted,
        )
        headers = sorted((self.job.scratch / "003-MR").iterdir())
        names = [f"slice_{number:03d}.dcm" for number in range(1, SLICES + 1)]
        counts = builder.build(self.order, headers, names, self.places)
        assert 0 < counts.removed < SLICES * ROWS * COLUMNS
        return {
            str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }

    @property
    def used_tool(self) -> bool:
        """Whether dcm2niix ran since it was asked last."""
        log = self.root / "log"
        ran = log.exists()
        log.unlink(missing_ok=True)
        return ran


def _read(path: Path) -> Any:
    return pydicom.dcmread(path)


@pytest.mark.parametrize("directions", [AXIAL, SAGITTAL, CORONAL, UPSIDE_DOWN, OBLIQUE])
def test_slices_are_overwritten_as_dcm2niix_would_place_them(
    tmp_path: Path, directions: tuple[tuple[float, ...], ...]
) -> None:
    series = Series(tmp_path, directions)
    placed = series.built("placed", tmp_path / "converted" / "003-MR")
    assert not series.used_tool

    assert placed == series.built("by-tool", None)
    assert series.used_tool
    assert {"defaced.nii.gz", "defaced_mask.nii.gz", "defaced.json"} < placed.keys()


def test_another_image_in_the_place_of_the_converted_one_is_not_taken(tmp_path: Path) -> None:
    series = Series(tmp_path / "a", AXIAL)
    Series(tmp_path / "b", AXIAL, overlay=0x0001)
    other = series.built("other", tmp_path / "b" / "converted" / "003-MR")
    assert series.used_tool
    assert other == series.built("by-tool", None)


def test_bits_beside_the_values_go_in_both(tmp_path: Path) -> None:
    series = Series(tmp_path, SAGITTAL, overlay=0x8000)
    assert series.built("placed", tmp_path / "converted" / "003-MR") == series.built("tool", None)
