"""Synthetic heads: the average head, randomly warped, with noise, resampled to any grid."""

from __future__ import annotations

import math
from importlib.resources import files
from typing import Any

import numpy as np
import SimpleITK as sitk

from deidflow.face.affine import Array
from deidflow.face.grids import shrink
from deidflow.face.heads import head_mask
from deidflow.face.intensities import window
from deidflow.face.morphology import outward
from deidflow.face.template_regions import brain_mask
from deidflow.face.volume import image_of, like

Image = Any
_WARPED_GRID: Array = np.array(
    [
        [2.0, 0, 0, -100],
        [0, 2.0, 0, -142],
        [0, 0, 2.0, -130],
    ]
)
"""Index to LPS mm of `warped_head`."""
_WARPED_SIZE = (128, 134, 100)
"""Slices, rows and columns of `warped_head`."""
_AIR_HU = -1000.0
_SOFT_HU = 40.0
_BONE_HU = 900.0
_BRAIN_HU = 35.0
_HEADREST_HU = -100.0
_LOWEST_HU, _HIGHEST_HU = -1024, 3071
_MR_NOISE = 6
_CT_NOISE_HU = 12
_SKULL_MM = 2.0, 8.0
"""Distance of the inner and outer table from the brain."""
_HEADREST_VOXELS = 3


def average_head() -> Image:
    """The template of pydeface as float32 in LPS."""
    path = files("pydeface").joinpath(
        "data",
        "mean_reg2mean.nii.gz",
    )
    return sitk.DICOMOrient(
        sitk.ReadImage(str(path), sitk.sitkFloat32),
        "LPS",
    )


def warped_head(seed: int) -> Image:
    """The average head turned, scaled and bent at random, with noise and a receive field (2 mm)."""
    head = average_head()
    generator = np.random.default_rng(seed)
    moved = _moved(
        head,
        head,
        generator,
        outside=0.0,
    )
    values = sitk.GetArrayFromImage(moved)
    field = _receive_field(values.shape, generator)

    noise = generator.normal(
        0,
        _MR_NOISE,
        (2, *values.shape),
    )
    real = values * field + noise[0]
    noisy = np.hypot(real, noise[1])
    return image_of(noisy.astype(np.float32), _WARPED_GRID)


def _receive_field(shape: tuple[int, int, int], generator: np.random.Generator) -> Array:
    """A linear field with a random gradient along x and y, shape (z, y, x)."""
    z, y, x = (np.linspace(-1, 1, size) for size in shape)
    along_x = x[None, None] * generator.normal()
    along_y = y[None, :, None] * generator.normal()
    along_z = z[:, None, None] * 0.5
    field: Array = 1 + 0.15 * (along_x + along_y + along_z)
    return field


def warped_tomography(seed: int) -> Image:
    """A pseudo-CT in HU of the same head, warped at random, with a headrest (2 mm).

    It has air, soft tissue, skull and brain.
    """
    generator = np.random.default_rng(seed)
    head = average_head()
    moved = _moved(
        _hounsfield(head),
        head,
        generator,
        outside=_AIR_HU,
    )
    values = sitk.GetArrayFromImage(moved)
    values[_headrest(values)] = _HEADREST_HU

    noise = generator.normal(
        0,
        _CT_NOISE_HU,
        values.shape,
    )
    noisy = np.clip(
        values + noise,
        _LOWEST_HU,
        _HIGHEST_HU,
    )
    return image_of(noisy.astype(np.float32), _WARPED_GRID)


def _headrest(values: Any) -> Any:
    """A mask of the air around the back of the head."""
    y = np.arange(values.shape[1])[None, :, None]
    is_air = values < _AIR_HU / 2
    rows = (values > _AIR_HU / 2).any((0, 2))
    back = np.nonzero(rows)[0][-1]
    first = back - _HEADREST_VOXELS
    last = back + _HEADREST_VOXELS
    return (y > first) & (y <= last) & is_air


def _hounsfield(head: Image) -> Image:
    """HU of the average head at 2 mm: a closed shell of bone around the brain."""
    head = shrink(head, 2.0)
    mask = head_mask(window(head))
    is_head = sitk.GetArrayFromImage(mask) > 0
    distance = sitk.GetArrayFromImage(outward(brain_mask(head)))

    inner, outer = _SKULL_MM
    values = np.where(is_head, _SOFT_HU, _AIR_HU)
    values[(distance > inner) & (distance <= outer)] = _BONE_HU
    values[distance <= inner] = _BRAIN_HU
    image = like(values.astype(np.float32), head)
    return sitk.SmoothingRecursiveGaussian(image, 0.7)


def _moved(image: Image, head: Image, generator: np.random.Generator, *, outside: float) -> Image:
    grid = image_of(
        np.zeros(_WARPED_SIZE, np.float32),
        _WARPED_GRID,
    )
    transform = _warp(head, generator)
    return sitk.Resample(
        image,
        grid,
        transform,
        sitk.sitkLinear,
        outside,
        sitk.sitkFloat32,
    )


def _warp(head: Image, generator: np.random.Generator) -> Any:
    """Rigid motion, scale, and a smooth bend of a few mm."""
    rigid = sitk.Similarity3DTransform()
    rigid.SetCenter([0.0, 0.0, 0.0])
    axis = generator.normal(size=3)
    degrees = float(generator.uniform(3, 9))
    rigid.SetRotation(
        axis.tolist(),
        math.radians(degrees),
    )
    scale = float(generator.uniform(0.9, 1.0))
    rigid.SetScale(scale)
    translation = generator.uniform(-8, 8, 3)
    rigid.SetTranslation(translation.tolist())

    bend = sitk.BSplineTransformInitializer(head, [4, 4, 4])
    count = len(bend.GetParameters())
    parameters = generator.normal(0, 1.5, count)
    bend.SetParameters(parameters.tolist())
    return sitk.CompositeTransform([rigid, bend])


def on_grid(head: Image, size: tuple[int, int, int], affine: Array, outside: float = 0.0) -> Image:
    """The head resampled to columns x rows x slices with an affine from index to LPS mm."""
    empty = np.zeros(size[::-1], np.float32)
    return sitk.Resample(
        head,
        image_of(empty, affine),
        sitk.Transform(),
        sitk.sitkLinear,
        outside,
        sitk.sitkFloat32,
    )


def grid_affine(
    row: Array,
    column: Array,
    spacing: tuple[float, float, float],
    size: tuple[int, int, int],
    centre: Array,
) -> Array:
    """The affine, index to LPS mm, shape (3, 4), of a stack of slices with its middle at `centre`.

    `row` and `column` are the directions of rows and columns.
    """
    normal = np.cross(row, column)
    directions = np.stack([row, column, normal], 1)
    linear = directions * np.array(spacing)
    middle_index = (np.array(size) - 1) / 2
    origin = centre - linear @ middle_index
    return np.hstack([linear, origin[:, None]])
