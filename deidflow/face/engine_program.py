"""Another program's mask: run on a series as NIfTI, read back, compared with the face."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from nibabel.filebasedimages import ImageFileError

from deidflow.errors import Withheld
from deidflow.face.affine import Array, apply, index_to_world, inverse
from deidflow.face.grids import shrink
from deidflow.face.lookup import Lookup
from deidflow.face.series import HeadSeries
from deidflow.face.template import Template
from deidflow.face.volume import (
    RAS_OF_LPS,
    Image,
    Values,
    first_volume,
    image_of,
    lps_of,
    values_of,
)
from deidflow.store.process import run_tool
from deidflow.verdicts import Reason

_GRID_MM, _COVERED = 1.0, 0.25
"""A mask is kept at 1 mm; a voxel counts as removed if more than a quarter of it is."""
_DEPTHS_MM = 0.0, 5.0, 10.0
"""The face is checked on its skin and at these depths below it."""


def run_program(command: Sequence[str], series: HeadSeries, scratch: Path, log: Path) -> Image:
    """What a program removes from a series, as a mask of about 1 mm in its world.

    `{image}` and `{mask}` in the command stand for the files. Raises Withheld where the program
    fails or its mask does not lie on the grid of the image.
    """
    image = scratch / "engine-image.nii.gz"
    mask = scratch / "engine-mask.nii.gz"
    try:
        nibabel.save(_three_d(series), image)
        words = [_filled_in(word, image, mask) for word in command]
        code = run_tool(words, log)
        if code != 0 or not mask.exists():
            raise Withheld(Reason.ENGINE_MASK, f"exit code {code}")
        return _removed(mask, nibabel.load(image))
    finally:
        image.unlink(missing_ok=True)
        mask.unlink(missing_ok=True)


def _filled_in(word: str, image: Path, mask: Path) -> str:
    """A word of a command with the paths of its files."""
    with_image = word.replace("{image}", str(image))
    return with_image.replace("{mask}", str(mask))


def _three_d(series: HeadSeries) -> Any:
    """The first volume of the converted image; the stack where slices are uneven or tilted."""
    if series.image is not None and series.even:
        loaded = nibabel.load(series.image)
        return nibabel.Nifti1Image(
            first_volume(loaded),
            affine=loaded.affine,
        )

    stack = series.main
    last_row = [0, 0, 0, 1]
    to_lps = np.vstack([index_to_world(stack), last_row])
    values = values_of(stack).transpose(2, 1, 0)
    return nibabel.Nifti1Image(
        values,
        affine=RAS_OF_LPS @ to_lps,
    )


def _removed(path: Path, image: Any) -> Image:
    """What a mask removes of an image, shrunk to about 1 mm."""
    mask, values = _read_mask(path)
    shape = image.shape[:3]
    if mask.shape[:3] != shape or not _are_close(mask.affine, image.affine):
        raise Withheld(Reason.ENGINE_MASK, "another grid")
    if values.size != np.prod(shape):
        raise Withheld(
            Reason.ENGINE_MASK,
            "more than one volume",
        )

    removed = values.reshape(shape) == 0
    shares = removed.transpose(2, 1, 0)
    share = image_of(
        shares.astype(np.float32),
        affine=lps_of(mask.affine),
    )
    return shrink(share, _GRID_MM) > _COVERED


def _are_close(first: Array, second: Array) -> bool:
    """Whether two affines put voxels at the same places."""
    return np.allclose(
        first,
        second,
        atol=1e-3,
    )


def _read_mask(path: Path) -> tuple[Any, Values]:
    """A NIfTI image and its values; raises Withheld where it cannot be read."""
    try:
        mask = nibabel.load(path)
        return mask, np.asanyarray(mask.dataobj)
    except (OSError, EOFError, ValueError, zlib.error, ImageFileError):
        raise Withheld(
            Reason.ENGINE_MASK,
            "the mask cannot be read",
        ) from None


def uncovered(removed: Image, affine: Array, template: Template) -> float:
    """The largest share of the face in view that a mask leaves, on its skin or below.

    `affine` maps the world of the mask to the template's. 1 where the face is not in view.
    """
    lookup = Lookup.of_mask(removed)
    back = inverse(affine)
    shares: list[float] = []
    for depth in _DEPTHS_MM:
        points = apply(
            back,
            template.points["front"] + [0.0, depth, 0.0],
        )
        seen = lookup.at(points)
        covered = 0.0
        if seen.in_view.any():
            covered = float(seen.visible.mean())
        shares.append(1 - covered)
    return max(shares)
