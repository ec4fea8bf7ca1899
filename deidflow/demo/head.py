"""Heads of nobody: the average head, randomly warped, with noise, resampled to any grid."""

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
_WARPED_GRID: Array = np.array([[2.0, 0, 0, -100], [0, 2.0, 0, -142], [0, 0, 2.0, -130]])
"""Index to LPS mm of `warped_head`."""
_AIR_HU, _SOFT_HU, _BONE_HU, _BRAIN_HU, _HEADREST_HU = -1000.0, 40.0, 900.0, 35.0, -100.0
_SKULL_MM = 2.0, 8.0
_HEADREST_VOXELS = 3


def average_head() -> Image:
    """The template of pydeface as float32 in LPS."""
    path = files("pydeface").joinpath("data", "mean_reg2mean.nii.gz")
    return sitk.DICOMOrient(sitk.ReadImage(str(path), sitk.sitkFloat32), "LPS")


def warped_head(seed: int) -> Image:
    """The average head turned, scaled and bent at random, with noise and a receive field (2 mm)."""
    head = average_head()
    generator = np.random.default_rng(seed)
    values = sitk.GetArrayFromImage(_moved(head, head, generator, 0.0))
    z, y, x = (np.linspace(-1, 1, size) for size in values.shape)
    field = 1 + 0.15 * (
        x[None, None] * generator.normal()
        + y[None, :, None] * generator.normal()
        + z[:, None, None] * 0.5
    )
    noise = generator.normal(0, 6, (2, *values.shape))
    noisy = np.hypot(values * field + noise[0], noise[1]).astype(np.float32)
    return image_of(noisy, _WARPED_GRID)


def warped_tomography(seed: int) -> Image:
    """A pseudo-CT in HU of the same head, warped at random: air, soft tissue, skull, brain, and a headrest (2 mm)."""
    generator = np.random.default_rng(seed)
    head = average_head()
    values = sitk.GetArrayFromImage(_moved(_hounsfield(head), head, generator, _AIR_HU))
    y = np.arange(values.shape[1])[None, :, None]
    back = np.nonzero((values > _AIR_HU / 2).any((0, 2)))[0][-1]
    headrest = (
        (y > back - _HEADREST_VOXELS) & (y <= back + _HEADREST_VOXELS) & (values < _AIR_HU / 2)
    )
    values[headrest] = _HEADREST_HU
    noisy = values + generator.normal(0, 12, values.shape)
    return image_of(np.clip(noisy, -1024, 3071).astype(np.float32), _WARPED_GRID)


def _hounsfield(head: Image) -> Image:
    """HU of the average head at 2 mm: a closed shell of bone around the brain."""
    head = shrink(head, 2.0)
    mask = head_mask(window(head))
    away = sitk.GetArrayFromImage(outward(brain_mask(head)))
    values = np.where(sitk.GetArrayFromImage(mask) > 0, _SOFT_HU, _AIR_HU)
    values[(away > _SKULL_MM[0]) & (away <= _SKULL_MM[1])] = _BONE_HU
    values[away <= _SKULL_MM[0]] = _BRAIN_HU
    return sitk.SmoothingRecursiveGaussian(like(values.astype(np.float32), head), 0.7)


def _moved(image: Image, head: Image, generator: np.random.Generator, outside: float) -> Image:
    grid = image_of(np.zeros((128, 134, 100), np.float32), _WARPED_GRID)
    return sitk.Resample(
        image, grid, _warp(head, generator), sitk.sitkLinear, outside, sitk.sitkFloat32
    )


def _warp(head: Image, generator: np.random.Generator) -> Any:
    """Rigid motion, scale, and a smooth bend of a few mm."""
    rigid = sitk.Similarity3DTransform()
    rigid.SetCenter([0.0, 0.0, 0.0])
    rigid.SetRotation(
        generator.normal(size=3).tolist(), math.radians(float(generator.uniform(3, 9)))
    )
    rigid.SetScale(float(generator.uniform(0.9, 1.0)))
    rigid.SetTranslation(generator.uniform(-8, 8, 3).tolist())
    bend = sitk.BSplineTransformInitializer(head, [4, 4, 4])
    bend.SetParameters(generator.normal(0, 1.5, len(bend.GetParameters())).tolist())
    return sitk.CompositeTransform([rigid, bend])


def on_grid(head: Image, size: tuple[int, int, int], affine: Array, outside: float = 0.0) -> Image:
    """The head resampled to columns x rows x slices with an affine from index to LPS mm."""
    grid = image_of(np.zeros(size[::-1], np.float32), affine)
    return sitk.Resample(head, grid, sitk.Transform(), sitk.sitkLinear, outside, sitk.sitkFloat32)


def grid_affine(
    row: Array,
    column: Array,
    spacing: tuple[float, float, float],
    size: tuple[int, int, int],
    centre: Array,
) -> Array:
    """The affine of a stack of slices: directions of rows and columns, its middle at `centre`."""
    normal = np.cross(row, column)
    linear = np.stack([row, column, normal], 1) * np.array(spacing)
    middle = linear @ ((np.array(size) - 1) / 2)
    return np.hstack([linear, (centre - middle)[:, None]])
