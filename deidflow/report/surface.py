"""Heads rendered as surfaces: what a person would see from the front and from an angle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Values = NDArray[Any]

_SURFACE = 0.5
"""Level of the smoothed head at which its surface lies."""
_SMOOTHING_VOXELS = 0.9
_DEPTH_SMOOTHING_PIXELS = 0.7
_TURNING_ROOM = 1.12
_AMBIENT = 0.16
_LIGHT = np.array([-0.35, 0.45, 0.82])
"""From the upper left, towards the viewer: (right, up, towards the viewer)."""
_FAR_SHADE = 0.45
"""How much darker the far half of a head is than the near half."""


@dataclass(frozen=True)
class Turn:
    """A direction to look from: degrees around the body's long axis, 0 is the front."""

    name: str
    degrees: float


FRONT = Turn("front", degrees=0.0)
OBLIQUE = Turn("oblique", degrees=50.0)


def render(head: Values, turn: Turn) -> Values:
    """A grey picture (rows, columns), 0 to 255, of a head (z, y, x) in LPS, z upwards.

    The head is a mask of cubic voxels. Rows run from the crown down.
    """
    soft = ndimage.gaussian_filter(head.astype(np.float32), _SMOOTHING_VOXELS)
    if turn.degrees:
        soft = ndimage.rotate(
            _with_room_to_turn(soft),
            angle=turn.degrees,
            axes=(1, 2),
            reshape=False,
            order=1,
        )
    along_view = soft.transpose(1, 0, 2)
    depth, hit = _first_surface(along_view)
    shaded = _shade(depth, hit)
    return shaded[::-1]


def _with_room_to_turn(head: Values) -> Values:
    """The head in a field of view that is square in its axial plane: no corner is cut off."""
    _, depth, width = head.shape
    side = int(max(depth, width) * _TURNING_ROOM)
    around = []
    for length in (depth, width):
        before = (side - length) // 2
        around.append((before, side - length - before))
    return np.pad(head, [(0, 0), *around])


def _first_surface(values: Values) -> tuple[Values, Values]:
    """Depth in voxels at which rays along the first axis enter the head, and whether they do."""
    inside = values > _SURFACE
    hit: Values = np.asarray(inside.any(axis=0))
    first = inside.argmax(axis=0)
    before = np.maximum(first - 1, 0)

    value_in = np.take_along_axis(values, first[None], axis=0)[0]
    value_out = np.take_along_axis(values, before[None], axis=0)[0]
    rise = np.maximum(value_in - value_out, 1e-6)
    part = np.clip((value_in - _SURFACE) / rise, 0.0, 1.0)
    depth = np.where(hit, first - part, float(values.shape[0]))
    return depth, hit


def _shade(depth: Values, hit: Values) -> Values:
    smooth = ndimage.gaussian_filter(depth, _DEPTH_SMOOTHING_PIXELS)
    up, right = np.gradient(smooth)
    normal = np.stack([right, up, np.ones_like(smooth)], axis=-1)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    light = _LIGHT / np.linalg.norm(_LIGHT)
    # A surface that falls away to the right has a normal that points right.
    lambert = np.clip(normal @ light, 0.0, 1.0)

    span = float(depth.shape[0])
    near = depth[hit].min() if hit.any() else 0.0
    distance = np.clip((smooth - near) / span, 0.0, 1.0)
    fog = 1.0 - _FAR_SHADE * distance
    grey = 255.0 * (_AMBIENT + (1.0 - _AMBIENT) * lambert) * fog
    return np.where(hit, np.clip(grey, 0, 255), 0).astype(np.uint8)
