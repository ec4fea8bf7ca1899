"""One prepared template and one registered head for all tests of the room."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from deidflow.demo.head import warped_head, warped_tomography
from deidflow.face.affine import affine_of
from deidflow.face.prepare import Resonance
from deidflow.face.register import register
from deidflow.face.template import Template, load_template
from deidflow.face.volume import image_of


@pytest.fixture(scope="session")
def template(template_file: Path) -> Template:
    return load_template(template_file)


@lru_cache(maxsize=4)
def head(seed: int) -> sitk.Image:
    """A warped head of 2 mm."""
    return warped_head(seed)


@lru_cache(maxsize=1)
def tomography() -> sitk.Image:
    """A warped pseudo-CT of 2 mm with a headrest."""
    return warped_tomography(41)


@pytest.fixture(scope="session")
def registered(template: Template) -> np.ndarray:
    """Subject world -> template world of `head(5)`."""
    return register(Resonance.of(head(5)).ranked, template.ranked)


def cube_affine(spacing: float, origin: float = 0.0) -> np.ndarray:
    """Cubes of a spacing along the axes of LPS, the first one at the same place on each axis."""
    return affine_of(np.eye(3) * spacing, np.full(3, origin))


def ball(radius: float, size: int = 40, spacing: float = 4.0, value: float = 1.0) -> sitk.Image:
    """A bright ball in the middle of a dark cube, its centre at the origin; lengths in mm."""
    half = (size - 1) / 2 * spacing
    axis = np.arange(size) * spacing - half
    z, y, x = np.meshgrid(axis, axis, axis, indexing="ij")
    inside = x**2 + y**2 + z**2 <= radius**2
    values = np.where(inside, value, 0.0)
    return image_of(values.astype(np.float32), cube_affine(spacing, -half))


def block(shape: tuple[int, int, int], *boxes: tuple[slice, slice, slice]) -> sitk.Image:
    """A mask of 1 mm, (z, y, x), set in some boxes."""
    flags = np.zeros(shape, np.uint8)
    for box in boxes:
        flags[box] = 1
    return image_of(flags, cube_affine(1.0))
