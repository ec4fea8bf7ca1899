"""Sheets show planes with the mask's outline and the head rendered, before and after."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest
from PIL import Image as Picture

from deidflow.face.picture import save_sheet
from deidflow.face.volume import values_of
from tests.face.conftest import ball

AFFINE = np.diag([-4.0, -4.0, 4.0, 1.0])
OUTLINE = (255, 80, 60)
TILE = 244


def nifti(path: Path, values: np.ndarray) -> Path:
    nibabel.save(nibabel.Nifti1Image(values.astype(np.float32), AFFINE), path)
    return path


def sheet(tmp_path: Path, air: float = 0.0, kept: np.ndarray | None = None) -> np.ndarray:
    """The sheet of a ball whose front half is masked, (rows, columns, colours)."""
    values = values_of(ball(60.0, value=300.0)).transpose(
        2,
        1,
        0,
    )
    before = np.where(values > 0, values, air)
    if kept is None:
        kept = np.ones(values.shape)
        kept[:, :20] = 0
    paths = (
        nifti(tmp_path / "before.nii.gz", before),
        nifti(tmp_path / "after.nii.gz", np.where(kept > 0, before, air)),
        nifti(tmp_path / "mask.nii.gz", kept),
    )
    save_sheet(*paths, tmp_path / "sheet.png")

    return np.asarray(Picture.open(tmp_path / "sheet.png"))


def tile(picture: np.ndarray, row: int, column: int) -> np.ndarray:
    return picture[row * TILE : (row + 1) * TILE, column * TILE : (column + 1) * TILE].astype(int)


def outlined(picture: np.ndarray) -> np.ndarray:
    """Where a picture shows about the colour of outlines."""
    return (np.abs(picture - OUTLINE) < 60).all(-1)


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    return sheet(tmp_path_factory.mktemp("sheet"))


def test_a_sheet_has_two_rows_of_five_tiles(picture: np.ndarray) -> None:
    assert picture.shape == (2 * TILE, 5 * TILE, 3)


@pytest.mark.parametrize("column", [0, 1, 2])
def test_planes_before_and_after_show_the_outline(picture: np.ndarray, column: int) -> None:
    assert outlined(
        tile(
            picture,
            0,
            column,
        )
    ).any()
    assert outlined(
        tile(
            picture,
            1,
            column,
        )
    ).any()


def test_the_masked_half_is_dark_after_and_not_before(picture: np.ndarray) -> None:
    before, after = (
        tile(
            picture,
            0,
            0,
        ),
        tile(
            picture,
            1,
            0,
        ),
    )
    front, back = np.s_[60:110, 90:150], np.s_[140:190, 90:150]

    assert before[front].mean() > 200
    assert after[back].mean() > 200
    assert after[front].mean() < 60


def test_the_head_from_the_side_loses_its_front(picture: np.ndarray) -> None:
    before, after = (
        tile(
            picture,
            row,
            4,
        ).max(-1)
        > 50
        for row in (0, 1)
    )
    assert after.sum() < 0.75 * before.sum()
    assert (before | ~after).all()


def test_the_head_from_the_front_is_a_disc_still(picture: np.ndarray) -> None:
    before, after = (
        tile(
            picture,
            row,
            3,
        ).max(-1)
        > 50
        for row in (0, 1)
    )
    assert after.sum() > 0.9 * before.sum()


def test_without_a_mask_nothing_is_outlined(tmp_path: Path) -> None:
    picture = sheet(tmp_path, kept=np.ones((40, 40, 40)))

    assert not outlined(picture.astype(int)).any()
    assert np.array_equal(
        tile(
            picture,
            0,
            0,
        ),
        tile(
            picture,
            1,
            0,
        ),
    )


def test_padding_of_ct_is_shown_as_air(tmp_path: Path) -> None:
    """Below air lies what a scanner pads with; the head would be white on white."""
    picture = sheet(tmp_path, air=-3_000.0)
    assert (
        tile(
            picture,
            0,
            0,
        )[5:40, 5:40].max()
        < 5
    )
    assert (
        tile(
            picture,
            0,
            0,
        )[140:180, 100:140].mean()
        > 200
    )


def test_a_flat_image_makes_a_sheet(tmp_path: Path) -> None:
    flat = np.full((10, 10, 10), 7.0)
    for name in ("before", "after", "mask"):
        nifti(tmp_path / f"{name}.nii.gz", flat)

    save_sheet(
        *(tmp_path / f"{name}.nii.gz" for name in ("before", "after", "mask")), tmp_path / "s"
    )

    assert Picture.open(tmp_path / "s").size == (5 * TILE, 2 * TILE)
