"""Affines of shape (3, 4) and the head-centred parameters that registration searches over."""

from __future__ import annotations

from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

Array = NDArray[np.float64]
IDENTITY: Array = np.hstack([np.eye(3), np.zeros((3, 1))])
RADIUS = 80.0
"""mm: one unit of every parameter moves a point at this radius by about 1 mm."""
LOG_SCALE_MEAN = -0.06 * RADIUS
"""Subjects are about 6 % larger than the template."""


def inverse(affine: Array) -> Array:
    """The inverse of an affine."""
    linear = np.linalg.inv(affine[:, :3])
    return np.hstack([linear, (-linear @ affine[:, 3])[:, None]])


def compose(outer: Array, inner: Array) -> Array:
    """The affine that applies `inner`, then `outer`."""
    return np.hstack(
        [outer[:, :3] @ inner[:, :3], (outer[:, :3] @ inner[:, 3] + outer[:, 3])[:, None]]
    )


def apply(affine: Array, points: Array) -> Array:
    """Points of shape (n, 3) mapped."""
    mapped: Array = points @ affine[:, :3].T + affine[:, 3]
    return mapped


def index_to_world(image: Any) -> Array:
    """The affine from index (x, y, z) to LPS millimetres of a SimpleITK image."""
    linear = np.array(image.GetDirection()).reshape(3, 3) * np.array(image.GetSpacing())
    return np.hstack([linear, np.array(image.GetOrigin())[:, None]])


def as_transform(affine: Array) -> Any:
    """A SimpleITK transform of an affine."""
    transform = sitk.AffineTransform(3)
    transform.SetMatrix(affine[:, :3].ravel().tolist())
    transform.SetTranslation(affine[:, 3].tolist())
    return transform


def from_parameters(parameters: Array, subject_centre: Array, template_centre: Array) -> Array:
    """Subject world -> template world, from translation, rotation, log scale and shear (12 values).

    Each in units of about 1 mm at RADIUS from the centre of the head.
    """
    (cx, cy, cz), (sx, sy, sz) = np.cos(parameters[3:6] / RADIUS), np.sin(parameters[3:6] / RADIUS)
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    shear = np.eye(3)
    shear[0, 1], shear[0, 2], shear[1, 2] = parameters[9:12] / RADIUS
    linear = about_x @ about_y @ about_z @ shear @ np.diag(np.exp(parameters[6:9] / RADIUS))
    return np.hstack(
        [linear, (template_centre + parameters[:3] - linear @ subject_centre)[:, None]]
    )


def implausibility(parameters: Array) -> float:
    """Squared deviations of log scale (mean -.06, sd .10) and shear (sd .06) from what heads have."""
    scale = (((parameters[6:9] - LOG_SCALE_MEAN) / (0.10 * RADIUS)) ** 2).sum()
    shear = ((parameters[9:12] / (0.06 * RADIUS)) ** 2).sum()
    return float(scale + shear)
