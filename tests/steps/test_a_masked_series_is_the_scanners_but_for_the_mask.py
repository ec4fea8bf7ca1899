"""What `reconstruct` writes of one series: fill, markers, bits beside the values, NIfTI and
picture."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pydicom
import pytest
from PIL import Image as Picture

from deidflow.dicom.geometry import Plane
from deidflow.face.affine import IDENTITY
from deidflow.face.average import AverageFace
from deidflow.face.mask import Field, WorldMask
from deidflow.face.picture import save_sheet
from deidflow.face.volume import image_of
from deidflow.header.load_profile import load_profile
from deidflow.identity.workorder import FileOrder, SeriesOrder, SessionOrder, WorkOrder
from deidflow.settings.face import DefaceSettings
from deidflow.steps.anonymize import anonymize_session
from deidflow.steps.released_file import ReleasedFiles
from deidflow.steps.series_masked import MaskedCounts, MaskedSeries
from tests.jobs import step_job
from tests.synthetic import mr_instance, save

SIZE, SLICES = 24, 20


def box() -> WorldMask:
    """Removes x < 10 mm in slices above 5 mm, whatever the brain."""
    distance = np.full((40, 40, 40), 250, np.uint8)
    distance[6:, :, :10] = 0
    return WorldMask(Field(image_of(distance, np.eye(3, 4)), IDENTITY), 0.0, None, 0.0)


def write(source: Path, **changes: Any) -> SeriesOrder:
    """A series along z with an overlay in the highest bit of its third slice."""
    files = []
    for number in range(SLICES):
        values = np.random.default_rng(number).integers(1, 4096, (SIZE, SIZE)).astype("<u2")
        values |= 0x8000 if number == 2 else 0
        image = mr_instance(
            Rows=SIZE, Columns=SIZE, SOPInstanceUID=f"1.2.3.{number + 1}", InstanceNumber=number + 1,
            ImagePositionPatient=["0", "0", str(number)], PixelData=values.tobytes(), **changes,
        )  # fmt: skip
        path = save(image, source / f"{number:02d}.dcm")
        files.append(FileOrder(path.name, hashlib.sha256(path.read_bytes()).hexdigest()))
    return SeriesOrder("003-MR", "MR", False, False, tuple(files))


@pytest.fixture
def masked(tmp_path: Path, request: pytest.FixtureRequest) -> tuple[Path, MaskedCounts]:
    """A built series and what the builder said."""
    changes, settings, average = getattr(request, "param", ({}, DefaceSettings(), None))
    series = write(tmp_path / "source", **changes)
    order = WorkOrder(
        "P001",
        str(tmp_path / "source"),
        "00" * 16,
        0,
        (),
        (SessionOrder("M00", "", (series,)),),
        "00",
    )
    (tmp_path / "masks").mkdir()
    job = step_job(tmp_path, order)
    anonymize_session(job)
    headers = sorted((job.scratch / "003-MR").iterdir())
    names = [f"slice_{number:03d}.dcm" for number in range(1, SLICES + 1)]
    folder = tmp_path / "003-MR"
    builder = MaskedSeries(
        box(),
        settings,
        order,
        folder,
        tmp_path / "masks" / "m.npz",
        tmp_path / "log",
        job.profile,
        ReleasedFiles(),
        average=average,
    )
    return folder, builder.build(series, headers, names)


def stripes() -> AverageFace:
    """Nobody: bright stripes of 4 mm along y, a thousand times as bright in the series."""
    values = np.zeros((40, 40, 40), np.float32)
    values[:, np.arange(40) % 8 < 4] = 1.0
    return AverageFace(image_of(values, np.eye(3, 4)), np.eye(3, 4), gain=1000.0, air=0.0)


def pairs(folder: Path) -> list[tuple[np.ndarray, np.ndarray]]:
    """Stored values before and after, by slice."""
    before = sorted((folder.parent / "source").glob("*.dcm"))
    after = sorted((folder / "defaced_dicom").glob("*.dcm"))
    return [
        (pydicom.dcmread(a).pixel_array, pydicom.dcmread(b).pixel_array)
        for a, b in zip(before, after, strict=True)
    ]


def test_values_outside_the_mask_stay_and_overlay_bits_go(
    masked: tuple[Path, MaskedCounts],
) -> None:
    folder, said = masked
    assert said == MaskedCounts(removed=14 * 10 * SIZE, overlay_bits_cleared=1)
    for number, (before, after) in enumerate(pairs(folder)):
        removed = np.zeros((SIZE, SIZE), bool)
        removed[:, :10] = number > 5
        assert np.array_equal(after[~removed], before[~removed] & 0x0FFF)
        assert not after[removed].any()


def test_mask_and_image_are_what_dcm2niix_makes_of_them(
    masked: tuple[Path, MaskedCounts],
) -> None:
    folder, said = masked
    image, mask = (nibabel.load(folder / f"defaced{part}.nii.gz") for part in ("", "_mask"))
    kept = np.asarray(mask.dataobj)
    assert np.array_equal(image.affine, mask.affine)
    assert (kept == 0).sum() == said.removed
    assert not np.asarray(image.dataobj)[kept == 0].any()


def test_the_picture_shows_what_was_removed(
    masked: tuple[Path, MaskedCounts], tmp_path: Path
) -> None:
    folder, _ = masked
    image = nibabel.load(folder / "defaced.nii.gz")
    nibabel.save(
        nibabel.Nifti1Image(np.full(image.shape, 900, np.int16), image.affine),
        tmp_path / "before.nii.gz",
    )
    save_sheet(
        tmp_path / "before.nii.gz",
        folder / "defaced.nii.gz",
        folder / "defaced_mask.nii.gz",
        tmp_path / "s.png",
    )
    sheet = np.asarray(Picture.open(tmp_path / "s.png"))
    upper, lower = np.split(sheet, 2)
    assert sheet.shape[2] == 3 and (upper != lower).any()
    assert ((sheet == (255, 80, 60)).all(-1)).sum() > 50


@pytest.mark.parametrize(
    ("masked", "filled", "image_type"),
    [
        (({}, DefaceSettings(), None), 0, "DERIVED"),
        (({}, DefaceSettings(fill=7.0, image_type="keep"), None), 7, "ORIGINAL"),
        (
            ({"RescaleSlope": "2", "RescaleIntercept": "-100"}, DefaceSettings(), None),
            50,
            "DERIVED",
        ),
    ],
    indirect=["masked"],
)
def test_fill_and_image_type_are_as_configured(
    masked: tuple[Path, MaskedCounts], filled: int, image_type: str
) -> None:
    folder, _ = masked
    header = pydicom.dcmread(sorted((folder / "defaced_dicom").glob("*.dcm"))[-1])
    assert set(header.pixel_array[:, :10].ravel().tolist()) == {filled}
    assert header.ImageType[0] == image_type
    assert header.RecognizableVisualFeatures == "NO"
    assert "deidflow" in header.DerivationDescription


def test_planes_of_two_matrix_sizes_at_one_place_get_masks_of_their_own(tmp_path: Path) -> None:
    order = WorkOrder("P001", "", "00", 0, (), ())
    series = MaskedSeries(
        box(),
        DefaceSettings(),
        order,
        tmp_path,
        tmp_path,
        tmp_path,
        load_profile("high"),
        ReleasedFiles(),
    )
    x, y = np.eye(3)[:2]
    small, large = (
        Plane(0, 0, 0, size, size, np.array([0, 0, 9.0]), x, y, 1.0, 1.0) for size in (8, 24)
    )
    for plane in (small, large, small):
        assert np.array_equal(series._on(plane), box().removed(plane))
    assert series._on(large).sum() == 10 * 24


@pytest.mark.parametrize("masked", [({}, DefaceSettings(fill="average"), stripes())], indirect=True)
def test_an_average_face_is_laid_into_the_mask_and_said(
    masked: tuple[Path, MaskedCounts],
) -> None:
    folder, _ = masked
    for number, (before, after) in enumerate(pairs(folder)):
        removed = np.zeros((SIZE, SIZE), bool)
        removed[:, :10] = number > 5
        assert np.array_equal(after[~removed], before[~removed] & 0x0FFF)
        bright = removed & (np.arange(SIZE) % 8 < 4)[:, None]
        assert not after[removed & ~bright].any()
        assert not removed.any() or 500 < after[bright].mean() < 3500

    header = pydicom.dcmread(folder / "defaced_dicom" / "slice_009.dcm")
    assert header.DeidentificationMethod[-1] == "average face in its place"
    assert header.RecognizableVisualFeatures == "NO"
    image = nibabel.load(folder / "defaced.nii.gz")
    mask = nibabel.load(folder.parent / "masks" / "m" / "defaced_mask.nii.gz")
    assert np.asarray(image.dataobj)[np.asarray(mask.dataobj) == 0].any()
    assert not (folder / "defaced_mask.nii.gz").exists()


@pytest.mark.parametrize(
    "masked",
    [({}, DefaceSettings(fill="average", mask="release"), stripes())],
    indirect=True,
)
def test_the_mask_of_a_made_up_face_is_released_if_asked_for(
    masked: tuple[Path, MaskedCounts],
) -> None:
    folder, _ = masked
    assert (folder / "defaced_mask.nii.gz").exists()
    assert not (folder.parent / "masks" / "m").exists()


@pytest.mark.parametrize(
    "masked",
    [
        (
            {"ImageType": ["ORIGINAL", "PRIMARY", "P", "ND"]},
            DefaceSettings(fill="average"),
            stripes(),
        )
    ],
    indirect=True,
)
def test_phase_shows_no_average_face(masked: tuple[Path, MaskedCounts]) -> None:
    folder, _ = masked
    _, after = pairs(folder)[10]
    assert set(after[:, :10].ravel()) == {2048}
