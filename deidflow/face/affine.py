"""Affines of shape (3, 4) and the head-centred parameters that registration searches over."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

Array = NDArray[np.float64]
IDENTITY: Array = np.hstack([np.eye(3), np.zeros((3, 1))])

TRANSLATION, ROTATION, LOG_SCALE, SHEAR = slice(0, 3), slice(3, 6), slice(6, 9), slice(9, 12)
"""The parts of the 12 parameters."""
RADIUS = 80.0
"""mm: one unit of every parameter moves a point at this radius by about 1 mm."""
LOG_SCALE_MEAN = -0.06 * RADIUS
"""Subjects are about 6 % larger than the template."""
_LOG_SCALE_SPREAD, _SHEAR_SPREAD = 0.10 * RADIUS, 0.06 * RADIUS


def affine_of(linear: NDArray[Any], offset: NDArray[Any]) -> Array:
    """The affine that maps a point p to `linear` @ p + `offset`."""
    affine = np.empty((3, 4))
    affine[:, :3] = linear
    affine[:, 3] = offset
    return affine


def affine_through(linear: Array, *, point: Array, target: Array) -> Array:
    """The affine of matrix `linear` that maps `point` to `target`."""
    offset = target - linear @ point
    return affine_of(linear, offset)


def linear_part(affine: Array) -> Array:
    """The matrix of an affine, shape (3, 3)."""
    return affine[:, :3]


def offset_part(affine: Array) -> Array:
    """Where an affine maps the origin, shape (3,)."""
    return affine[:, 3]


def inverse(affine: Array) -> Array:
    """The inverse of an affine."""
    linear = np.linalg.inv(linear_part(affine))
    offset = -linear @ offset_part(affine)
    return affine_of(linear, offset)


def compose(outer: Array, inner: Array) -> Array:
    """The affine that applies `inner`, then `outer`."""
    matrix = linear_part(outer)
    linear = matrix @ linear_part(inner)
    offset = matrix @ offset_part(inner)
    return affine_of(linear, offset + offset_part(outer))


def apply(affine: Array, points: Array) -> Array:
    """Points of shape (n, 3) mapped."""
    turned = points @ linear_part(affine).T
    mapped: Array = turned + offset_part(affine)
    return mapped


def index_to_world(image: Any) -> Array:
    """The affine from index (x, y, z) to LPS millimetres of a SimpleITK image."""
    spacing = np.array(image.GetSpacing())
    direction = np.array(image.GetDirection())
    origin = np.array(image.GetOrigin())

    linear = direction.reshape(3, 3) * spacing
    return affine_of(linear, origin)


def as_transform(affine: Array) -> Any:
    """A SimpleITK transform of an affine."""
    matrix = linear_part(affine).ravel()
    translation = offset_part(affine)

    transform = sitk.AffineTransform(3)
    transform.SetMatrix(matrix.tolist())
    transform.SetTranslation(translation.tolist())
    return transform


def nearest_rotation(linear: Array) -> Array:
    """The orthogonal matrix nearest to a matrix of shape (3, 3), by its polar decomposition."""
    left, _, right = np.linalg.svd(linear)
    rotation: Array = left @ right
    return rotation


def from_parameters(parameters: Array, subject_centre: Array, template_centre: Array) -> Array:
    """Subject world -> template world, from translation, rotation, log scale and shear (12 values).

    Each in units of about 1 mm at RADIUS from the centre of the head.
    """
    amounts = parameters / RADIUS
    rotation = _rotation(amounts[ROTATION])
    shear = _shear(amounts[SHEAR])
    scale = np.exp(amounts[LOG_SCALE])

    linear = (rotation @ shear) * scale
    return affine_through(
        linear,
        point=subject_centre,
        target=template_centre + parameters[TRANSLATION],
    )


def _rotation(angles: Array) -> Array:
    """Rotation by three angles in radians: about z first, then y, then x.

    Written out, since scipy's Rotation goes through quaternions: its last bits differ, and a search
    that starts from other bits ends at another mask.
    """
    cos_x, cos_y, cos_z = np.cos(angles)
    sin_x, sin_y, sin_z = np.sin(angles)

    about_x = np.array(
        [
            [1, 0, 0],
            [0, cos_x, -sin_x],
            [0, sin_x, cos_x],
        ]
    )
    about_y = np.array(
        [
            [cos_y, 0, sin_y],
            [0, 1, 0],
            [-sin_y, 0, cos_y],
        ]
    )
    about_z = np.array(
        [
            [cos_z, -sin_z, 0],
            [sin_z, cos_z, 0],
            [0, 0, 1],
        ]
    )
    rotation: Array = about_x @ about_y @ about_z
    return rotation


def _shear(amounts: Array) -> Array:
    """The matrix that shears x by y, x by z and y by z."""
    xy, xz, yz = amounts
    return np.array(
        [
            [1, xy, xz],
            [0, 1, yz],
            [0, 0, 1],
        ]
    )


def log_scale_of(size: float) -> float:
    """The parameter of scale of a head, by its size against an adult's."""
    return LOG_SCALE_MEAN - RADIUS * math.log(size)


def implausibility(parameters: Array, smallest: float = 1.0) -> float:
    """Squared deviations of log scale and shear from what heads have.

    Log scale has mean -.06 and standard deviation .10, shear .06. No size between `smallest` and an
    adult's is less plausible than another.
    """
    log_scale = parameters[LOG_SCALE]
    plausible = log_scale.clip(LOG_SCALE_MEAN, log_scale_of(smallest))
    scale = (log_scale - plausible) / _LOG_SCALE_SPREAD
    shear = parameters[SHEAR] / _SHEAR_SPREAD

    squared_scale = scale**2
    squared_shear = shear**2
    return float(squared_scale.sum() + squared_shear.sum())
