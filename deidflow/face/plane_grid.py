"""Planes of pixels as grids of SimpleITK, LPS in mm."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import SimpleITK as sitk

from deidflow.dicom.geometry import Plane
from deidflow.face.affine import nearest_rotation
from deidflow.face.volume import Image


def grid_of(plane: Plane) -> Image:
    """The pixels of a plane as an empty image of one slice."""
    grid = sitk.Image(plane_size(plane), sitk.sitkUInt8)
    grid.SetDirection(plane_direction(plane))
    grid.SetSpacing(plane_spacing(plane))
    grid.SetOrigin(plane.origin.tolist())
    return grid


def plane_size(plane: Plane) -> list[int]:
    """Columns, rows and one slice."""
    return [plane.columns, plane.rows, 1]


def plane_spacing(plane: Plane) -> list[float]:
    """Mm between columns, between rows, and 1."""
    return [plane.column_spacing, plane.row_spacing, 1.0]


def plane_direction(plane: Plane) -> list[float]:
    """Row by row the matrix whose columns are the axes of a plane, made exactly orthogonal."""
    return _rotation_of(
        tuple(plane.row_direction.tolist()),
        tuple(plane.column_direction.tolist()),
        tuple(plane.normal.tolist()),
    )


@lru_cache(maxsize=16)
def _rotation_of(*axes: tuple[float, ...]) -> list[float]:
    """The same of three axes: the planes of a stack have it in common."""
    rotation = nearest_rotation(np.stack(axes, axis=1))
    values: list[float] = rotation.ravel().tolist()
    return values
