"""Volumes as SimpleITK images: made of arrays, seen as arrays, and points and sizes of masks."""

from __future__ import annotations

from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from deidflow.face.affine import (
    Array,
    apply,
    index_to_world,
    linear_part,
    nearest_rotation,
    offset_part,
)

Image = Any
Values = NDArray[Any]
Flags = NDArray[np.bool_]
RAS_OF_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
_MM3_PER_ML = 1000


def image_of(values: Values, affine: Array) -> Image:
    """A SimpleITK image of values (z, y, x) with an affine from index (x, y, z) to LPS."""
    linear = linear_part(affine)
    spacing = spacing_of(affine)
    direction = nearest_rotation(linear / spacing)
    origin = offset_part(affine)

    image = sitk.GetImageFromArray(np.ascontiguousarray(values))
    image.SetSpacing(spacing.tolist())
    image.SetDirection(direction.ravel().tolist())
    image.SetOrigin(origin.tolist())
    return image


def spacing_of(affine: Array) -> Array:
    """The spacing of voxels in mm, (x, y, z), by the affine of their index."""
    spacing: Array = np.linalg.norm(linear_part(affine), axis=0)
    return spacing


def like(values: Values, image: Image) -> Image:
    """An image of values (z, y, x) with the geometry of another image."""
    result = sitk.GetImageFromArray(values)
    result.CopyInformation(image)
    return result


def mask_like(flags: Flags, image: Image) -> Image:
    """A mask of 0 and 1 with the geometry of another image."""
    return like(flags.astype(np.uint8), image)


def float_like(values: Values, image: Image) -> Image:
    """An image of float32 with the geometry of another image."""
    return like(values.astype(np.float32), image)


def values_of(image: Image) -> Values:
    """A copy of the values of an image, (z, y, x)."""
    values: Values = sitk.GetArrayFromImage(image)
    return values


class _Held:
    """The memory of an image, which it keeps alive for as long as an array uses it."""

    def __init__(self, image: Image) -> None:
        self.image = image
        self.__array_interface__ = sitk.GetArrayViewFromImage(image).__array_interface__


def view_of(image: Image) -> Values:
    """The values of an image, (z, y, x), not copied and not writable.

    Unlike SimpleITK's own view it keeps the image alive, so that it can be taken of a temporary
    one.
    """
    return np.asarray(_Held(image))


def flags_of(mask: Image) -> Flags:
    """Which voxels of a mask are set, (z, y, x)."""
    flags: Flags = view_of(mask) > 0
    return flags


def first_volume(loaded: Any) -> Values:
    """The values of a NIfTI image: the first of several volumes, the mean of colour components."""
    values = np.asanyarray(loaded.dataobj)
    if values.dtype.names:
        components = [values[name] for name in values.dtype.names]
        values = np.stack(components).mean(0)

    shape = values.shape[:3]
    volumes = values.reshape(*shape, -1)
    first: Values = volumes[..., 0]
    return first


def lps_of(affine: Array) -> Array:
    """The affine of a NIfTI image (4, 4) as one to LPS (3, 4)."""
    moved: Array = RAS_OF_LPS @ affine
    return moved[:3]


def centre_of_view(image: Image) -> Array:
    """The middle of a field of view in LPS millimetres."""
    middle = [(size - 1) / 2 for size in image.GetSize()]
    return np.array(image.TransformContinuousIndexToPhysicalPoint(middle))


def mask_points(mask: Image) -> Array:
    """World coordinates of the set voxels of a mask, shape (n, 3)."""
    indices = np.argwhere(view_of(mask))
    points = indices[:, ::-1].astype(float)
    return apply(index_to_world(mask), points)


def index_points(image: Image, x: Values, y: Values, z: Values) -> Array:
    """World coordinates of the voxels of an image, shape (n, 3)."""
    indices = np.stack([x, y, z], axis=1)
    return apply(index_to_world(image), indices.astype(float))


def grid_indices(shape: tuple[int, ...]) -> tuple[Values, Values, Values]:
    """The indices z, y and x of a grid, each along its own axis: they broadcast to its shape."""
    z, y, x = np.indices(shape, sparse=True)
    return z, y, x


def millilitres(mask: Image) -> float:
    """The volume of a mask."""
    count = np.count_nonzero(view_of(mask))
    return volume_ml(int(count), mask)


def volume_ml(voxels: int, image: Image) -> float:
    """The volume of some voxels of an image."""
    cubic_mm = voxels * np.prod(image.GetSpacing())
    return float(cubic_mm / _MM3_PER_ML)


def dice(first: Flags, second: Flags) -> float:
    """Overlap of two masks on one grid (Dice 1945); 0 where both are empty.

    SimpleITK's LabelOverlapMeasures calls two empty masks infinitely alike, which every lower limit
    would accept, and rounds the last bit differently.
    """
    shared = (first & second).sum()
    total = first.sum() + second.sum()
    return float(2 * shared / max(1, total))
