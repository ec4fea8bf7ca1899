"""The mask as NIfTI lies exactly where the image does, and is a mask still."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest

from deidflow.errors import Withheld
from deidflow.nifti.mask import write_mask
from deidflow.verdicts import Reason

AFFINE = np.array(
    [
        [-2.0, 0.1, 0.0, 90.0],
        [0.1, -2.0, 0.0, 80.0],
        [0.0, 0.0, 3.0, -40.0],
        [0.0, 0.0, 0.0, 1.0],
    ]
)


def image(path: Path, values: np.ndarray, affine: np.ndarray = AFFINE) -> Path:
    """A NIfTI as dcm2niix writes it: both forms, units of mm and s."""
    made = nibabel.Nifti1Image(values, affine)
    made.header.set_xyzt_units("mm", "sec")
    made.set_qform(affine, code=1)
    made.set_sform(affine, code=1)
    made.to_filename(path)
    return path


def kept() -> np.ndarray:
    values = np.ones((4, 5, 6), np.int16)
    values[:2] = 0
    return values


def written(folder: Path, values: np.ndarray, affine: np.ndarray = AFFINE) -> nibabel.Nifti1Image:
    """The mask made of values, beside an image of 4 by 5 by 6 voxels."""
    mask = image(
        folder / "mask.nii",
        values,
        affine,
    )
    content = write_mask(mask, image(folder / "image.nii", kept() * 300))
    return nibabel.Nifti1Image.from_bytes(content)


def test_a_mask_is_bytes_of_zeros_and_ones(tmp_path: Path) -> None:
    mask = written(tmp_path, kept())

    assert mask.get_data_dtype() == np.uint8
    assert np.array_equal(np.asanyarray(mask.dataobj), kept())


def test_a_mask_lies_where_its_image_does(tmp_path: Path) -> None:
    mask = written(tmp_path, kept())
    reference = nibabel.load(tmp_path / "image.nii")

    assert np.array_equal(mask.affine, reference.affine)
    assert mask.header.get_xyzt_units() == ("mm", "sec")
    for form in ("get_qform", "get_sform"):
        expected, code = getattr(reference, form)(coded=True)
        affine, same_code = getattr(mask, form)(coded=True)
        assert np.allclose(
            affine,
            expected,
            atol=1e-5,
        )
        assert same_code == code


def test_the_same_mask_has_the_same_bytes(tmp_path: Path) -> None:
    mask = image(tmp_path / "mask.nii", kept())
    reference = image(tmp_path / "image.nii", kept())
    assert write_mask(mask, reference) == write_mask(mask, reference)


def test_a_mask_of_colour_is_its_first_component(tmp_path: Path) -> None:
    colour = np.zeros((4, 5, 6), [("R", "u1"), ("G", "u1"), ("B", "u1")])
    for component in colour.dtype.names or ():
        colour[component] = kept()

    assert np.array_equal(np.asanyarray(written(tmp_path, colour).dataobj), kept())


def test_stored_values_count_and_not_their_slope(tmp_path: Path) -> None:
    """dcm2niix copies the rescaling of the series, which the mask has too."""
    scaled = nibabel.Nifti1Image(kept(), AFFINE)
    scaled.header.set_slope_inter(2.5, -1024.0)
    scaled.to_filename(tmp_path / "mask.nii")
    reference = nibabel.load(tmp_path / "mask.nii")
    assert reference.dataobj.inter == -1024.0

    content = write_mask(tmp_path / "mask.nii", tmp_path / "mask.nii")

    stored = nibabel.Nifti1Image.from_bytes(content)
    assert np.array_equal(np.asanyarray(stored.dataobj), kept())


@pytest.mark.parametrize(
    ("values", "affine", "detail"),
    [
        (kept() * 7, AFFINE, "rescaled"),
        (kept() - 1, AFFINE, "rescaled"),
        (kept()[:, :, :5], AFFINE, "geometry"),
        (kept(), AFFINE + np.diag([1e-3, 0, 0, 0]), "geometry"),
    ],
    ids=["other values", "below zero", "fewer slices", "another affine"],
)
def test_what_is_no_mask_of_the_image_is_withheld(
    tmp_path: Path, values: np.ndarray, affine: np.ndarray, detail: str
) -> None:
    with pytest.raises(Withheld, match=detail) as caught:
        written(
            tmp_path,
            values,
            affine,
        )
    assert caught.value.reason is Reason.CONVERT_FAILED


def test_a_mask_that_was_not_converted_is_withheld(tmp_path: Path) -> None:
    with pytest.raises(Withheld, match="outputs"):
        write_mask(None, tmp_path / "image.nii")
