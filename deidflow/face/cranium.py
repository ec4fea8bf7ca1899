"""How large a head is, by its shape alone: the largest ball inside its upper part.

The ball fills the cranium, whatever the pose and the contrast, with or without chin and neck, in a
child as in an adult. It says where the search for the head's scale begins, and it contradicts a
registration that lays a whole small head into the template's cranium.
"""

from __future__ import annotations

import math

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from deidflow.face.affine import LOG_SCALE_MEAN, RADIUS, Array, inverse, linear_part
from deidflow.face.heads import UPPER_PART_MM, head_mask, heights_of, vertex_height
from deidflow.face.intensities import flatten, window
from deidflow.face.morphology import closed, connected_parts
from deidflow.face.volume import Flags, Image, mask_points, view_of

ADULT_MM = 80.0
"""Radius of the ball in an adult's head (six heads: 76 to 86); in the template's it is 76."""
_CLOSING_VOXELS = 5
"""Gaps up to 40 mm wide, by metal or the receive field, count as head."""
_LARGE_SHARE = 0.1
"""Of the largest part of the air; a head can divide it."""
_SMALL, _SMALLEST = 0.9, 0.6
_FLATTENINGS, _LEAST_GAIN, _LARGEST_MM = 2, 1.1, 92.0


def ball_radius(mask: Image) -> float:
    """Radius in mm of the largest ball in the upper part of a head mask of 4 mm; 0 without a head.

    The ball may leave the field of view: what is not seen counts as head.
    """
    head = closed(mask, _CLOSING_VOXELS)
    points = mask_points(head)
    if not len(points):
        return 0.0

    spacing = mask.GetSpacing()
    depth = ndimage.distance_transform_edt(
        ~_air(head),
        sampling=spacing[::-1],
    )
    lowest = vertex_height(points) - UPPER_PART_MM
    upper = heights_of(mask) > lowest
    return float((depth * upper).max())


def _air(head: Image) -> Flags:
    """The air around a closed head: not its cavities, which a cut of the field of view may open."""
    outside = sitk.Not(head)
    parts = view_of(connected_parts(outside))
    sizes = np.bincount(parts.ravel())
    is_large = sizes >= _LARGE_SHARE * max(sizes[1:], default=1)
    is_large[0] = False
    air: Flags = is_large[parts]
    return air


def head_size(mask: Image) -> float:
    """The size of a head against an adult's, by its mask of 4 mm: 1 for all adults."""
    return size_below_adults(ball_radius(mask) / ADULT_MM)


def evenly_lit(image: Image) -> Image:
    """A windowed head of 4 mm for masks: flattened where a receive field hides part of the cranium.

    What hides it makes it seem small; a child's does not grow, and noise grows beyond any head.
    """
    best, radius = image, ball_radius(head_mask(image))
    flat = image
    for _ in range(_FLATTENINGS):
        if radius >= _SMALL * ADULT_MM:
            break
        flat = window(flatten(flat, head_mask(flat)))
        again = ball_radius(head_mask(flat))
        if _LEAST_GAIN * radius < again < _LARGEST_MM:
            best, radius = flat, again
    return best


def size_of(affine: Array) -> float:
    """The same by a registration (subject world -> template world)."""
    volume = float(np.linalg.det(linear_part(inverse(affine))))
    template = math.exp(LOG_SCALE_MEAN / RADIUS)
    return size_below_adults(template * volume ** (1 / 3))


def size_below_adults(size: float) -> float:
    """1 for all sizes that adults have, and where nothing is known.

    A search that begins at the size of an adult finds these.
    """
    if not 0 < size < _SMALL:
        return 1.0
    return max(size, _SMALLEST)
