"""Images of heads as the judges see them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float32]
Affine = NDArray[np.float64]
_SPATIAL = 3
_ROUNDING = 1e-3


class NotAVolume(ValueError):
    """A file that holds no image of three dimensions; the message says why."""


@dataclass(frozen=True)
class HeadVolume:
    """An image of a head."""

    values: Values
    """Shape (x, y, z)."""
    affine: Affine
    """Voxel indices to RAS mm, shape (4, 4)."""

    @property
    def voxel_ml(self) -> float:
        """Volume of a voxel."""
        determinant = np.linalg.det(self.affine[:3, :3])
        return float(abs(determinant)) / 1000

    @property
    def spacing(self) -> NDArray[np.float64]:
        """Size of a voxel in mm along each axis."""
        lengths: NDArray[np.float64] = np.linalg.norm(self.affine[:3, :3], axis=0)
        return lengths


def read_volume(path: Path) -> HeadVolume:
    """The first volume of a NIfTI file, values scaled; raises NotAVolume."""
    import nibabel
    from nibabel.filebasedimages import ImageFileError

    try:
        image = nibabel.load(path)
        first = _first_volume(image)
    except (OSError, ValueError, EOFError, ImageFileError):
        raise NotAVolume("is not a NIfTI file that can be read") from None

    if min(first.shape) < 2:
        raise NotAVolume("has no three dimensions")
    finite = np.nan_to_num(first)
    affine = np.asarray(image.affine, np.float64)
    return HeadVolume(finite, affine)


def _first_volume(image: object) -> Values:
    data = image.dataobj  # type: ignore[attr-defined]  # nibabel has no types
    shape = data.shape
    if len(shape) < _SPATIAL or data.dtype.fields is not None:
        raise NotAVolume("has no three dimensions or is in colour")
    index = (..., *[0] * (len(shape) - _SPATIAL))
    return np.asarray(data[index], np.float32)


def on_one_grid(first: HeadVolume, second: HeadVolume) -> bool:
    """Whether two images have the same voxels."""
    if first.values.shape != second.values.shape:
        return False
    return bool(
        np.allclose(
            first.affine,
            second.affine,
            atol=1e-3,
        )
    )


def binned(head: HeadVolume, least_mm: float) -> HeadVolume:
    """Averages over blocks of voxels, as many along each axis as fit into `least_mm`."""
    fitting = np.floor(least_mm / head.spacing + _ROUNDING)
    factors = np.maximum(1, fitting).astype(int)
    if (factors == 1).all():
        return head

    values = head.values
    for axis, factor in enumerate(factors):
        values = _binned_along(
            values,
            axis,
            int(factor),
        )
    step = np.eye(4)
    for axis, factor in enumerate(factors):
        step[axis, axis] = factor
        step[axis, 3] = (factor - 1) / 2
    return HeadVolume(values, head.affine @ step)


def _binned_along(values: Values, axis: int, factor: int) -> Values:
    """Means of `factor` neighbours along one axis; what is left over at the end goes."""
    moved = np.moveaxis(
        values,
        axis,
        0,
    )
    count = len(moved) // factor
    used = moved[: count * factor]
    blocks = used.reshape(
        count,
        factor,
        *used.shape[1:],
    )
    means: Values = blocks.mean(axis=1)

    return np.moveaxis(
        means,
        0,
        axis,
    )
