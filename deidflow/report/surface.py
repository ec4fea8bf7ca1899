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
"""How much darker the far end of a head is than the near end."""


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
    soft = ndimage.gaussian_filter(
        head.astype(np.float32),
        _SMOOTHING_VOXELS,
    )
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
    light = _lambert(depth)
    fog = _fog(depth, hit)
    grey = 255.0 * light * fog
    shown = np.where(hit, grey, 0.0)
    upside_down = shown.astype(np.uint8)
    return upside_down[::-1]


def _with_room_to_turn(head: Values) -> Values:
    """The head in a field of view that is square in its axial plane: no corner is cut off."""
    _, depth, width = head.shape
    side = int(max(depth, width) * _TURNING_ROOM)
    around = [(0, 0)]
    for length in (depth, width):
        room = side - length
        before = room // 2
        around.append((before, room - before))
    return np.pad(head, around)


def _first_surface(values: Values) -> tuple[Values, Values]:
    """Depth in voxels at which rays along the first axis enter the head, and whether they do."""
    inside = values > _SURFACE
    hit: Values = np.asarray(inside.any(axis=0))
    first = inside.argmax(axis=0)
    before = np.maximum(first - 1, 0)
    inner = _values_at(values, first)
    outer = _values_at(values, before)

    # The surface lies between two voxels, where the level is passed.
    rise = np.maximum(inner - outer, 1e-6)
    part = (inner - _SURFACE) / rise
    depth = first - np.clip(part, 0.0, 1.0)
    nowhere = float(values.shape[0])
    return np.where(hit, depth, nowhere), hit


def _values_at(values: Values, depth: Values) -> Values:
    found: Values = np.take_along_axis(
        values,
        depth[None],
        axis=0,
    )[0]
    return found


def _lambert(depth: Values) -> Values:
    """Brightness by the angle of the surface to the light, 0 to 1."""
    smooth = ndimage.gaussian_filter(
        depth,
        _DEPTH_SMOOTHING_PIXELS,
    )
    up, right = np.gradient(smooth)
    towards = np.ones_like(smooth)
    normal = np.stack([right, up, towards], axis=-1)
    length = np.linalg.norm(normal, axis=-1)
    light = _LIGHT / np.linalg.norm(_LIGHT)
    cosine = normal @ light / length
    bright = np.clip(cosine, 0.0, 1.0)
    shaded: Values = _AMBIENT + (1.0 - _AMBIENT) * bright
    return shaded


def _fog(depth: Values, hit: Values) -> Values:
    """What is far is darker, 1 at the nearest point."""
    near = depth[hit].min() if hit.any() else 0.0
    span = float(max(depth.shape))
    distance = (depth - near) / span
    clear: Values = 1.0 - _FAR_SHADE * np.clip(distance, 0.0, 1.0)
    return clear
