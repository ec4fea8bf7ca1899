"""Images of heads as the judges see them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float32]
Affine = NDArray[np.float64]
_SPATIAL = 3


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

    try:
        image = nibabel.load(path)
        first = _first_volume(image)
    except (OSError, ValueError, EOFError, nibabel.filebasedimages.ImageFileError):
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
    return bool(np.allclose(first.affine, second.affine, atol=1e-3))


def binned(head: HeadVolume, least_mm: float) -> HeadVolume:
    """Averages over blocks of voxels, as many along each axis as fit into `least_mm`."""
    factors = np.maximum(1, np.floor(least_mm / head.spacing + 1e-3)).astype(int)
    if (factors == 1).all():
        return head

    counts = np.array(head.values.shape) // factors
    used = head.values[tuple(map(slice, counts * factors))]
    blocks = used.reshape([length for pair in zip(counts, factors, strict=True) for length in pair])
    step = np.diag([*factors, 1.0])
    step[:3, 3] = (factors - 1) / 2
    return HeadVolume(blocks.mean(axis=(1, 3, 5)), head.affine @ step)
