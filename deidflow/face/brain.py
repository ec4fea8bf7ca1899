"""The subject's own brain, which no mask may touch: found by intensity.

The search starts from the template's brain. Fluid around the brain, a dark skull base and a frontal
pole that reaches farther than the template's are missed; so the room around the template's brain
is kept too, where it lies well below the subject's skin.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from deidflow.face.affine import IDENTITY, Array, as_transform
from deidflow.face.cranium import size_of
from deidflow.face.grids import nearest
from deidflow.face.heads import vertex_height
from deidflow.face.mask import Field
from deidflow.face.morphology import all_of, grown, largest, outward, solid
from deidflow.face.prepare import Head, Resonance, Tomography
from deidflow.face.template import Template
from deidflow.face.template_regions import distance_to, steps_of
from deidflow.face.volume import Image, float_like, mask_points, millilitres, view_of

_CORE_MM, _INSIDE_MM, _AROUND_TEMPLATE_MM = 10.0, 6.0, 10.0
"""Depth in the template's brain of the core that sets the level, and of what always counts.

The last is how far outside the template's brain the subject's may reach.
"""
_UNDER_SKIN_MM, _TOP_MM, _ERODE_MM, _REGROW_MM = 7.0, 150.0, 4.0, 6.0
_DARKEST, _BRIGHTEST = 0.55, 1.9
"""Of brain, as shares of the median of its core."""
_LEVEL_MM, _LEVEL_SMOOTH_MM = 3.0, 15.0
_ROOM_MM, _NEAREST_ROOM_MM, _CLOSING_MM = 17.0, 10.0, 12.0
_BELOW_SKIN_MM, _BELOW_TEMPLATE_SKIN_MM = 6.0, 13.0
"""The room that is kept: how far around the template's brain, how far below the subject's skin or
the template's (they may lie some mm apart), and how far at any depth. SynthStrip's brain ends
15 to 17.5 mm from the template's on three heads.

Closing fills nose and ears, whose walls are no skin.
"""
_LEAST_ML, _MOST_ML = 700.0, 1_700.0
_FEWEST_CORE_VOXELS, _MOSTLY_NEAR = 500, 0.9

Box = tuple[slice, slice, slice]


class BrainSource(StrEnum):
    """Whose brain it is: the subject's own where the estimate is trusted, else the template's."""

    OWN = "own"
    TEMPLATE = "template"


@dataclass(frozen=True)
class Brain:
    """A brain in the subject's world, about 2 mm."""

    mask: Image
    millilitres: float
    source: BrainSource
    room: Image | None = None
    """How far in mm the voxels lie outside the room that is kept around it; negative inside."""


def brain_of(head: Head, affine: Array, template: Template) -> Brain:
    """The brain of a registered head (`affine` maps subject world to template world).

    The own estimate is trusted from 700 to 1,700 ml, from less in a small head; else it is the
    warped brain of the template.
    """
    size = size_of(affine)
    warped = nearest(
        template.brain,
        grid=head.small,
        transform=as_transform(affine),
    )
    if not view_of(warped).any():
        return Brain(warped, 0.0, BrainSource.TEMPLATE)

    box = _around(warped)
    away = outward(warped[box])
    room = _room(
        nearest(head.mask, away),
        nearest(
            template.head,
            grid=away,
            transform=as_transform(affine),
        ),
        away=away,
        size=size,
    )
    estimate = _estimate(head, away, box, size)
    mask = sitk.Cast(estimate, sitk.sitkUInt8)
    volume = millilitres(mask)
    if size**3 * _LEAST_ML <= volume <= _MOST_ML:
        return Brain(
            mask=mask,
            millilitres=volume,
            source=BrainSource.OWN,
            room=room,
        )
    return Brain(
        mask=warped[box],
        millilitres=millilitres(warped),
        source=BrainSource.TEMPLATE,
        room=room,
    )


def field_of(brain: Brain) -> Field:
    """Distances to a brain, in the world of the series in which it was found."""
    return Field(distance_to(brain.mask), IDENTITY)


def field_with_room(brain: Brain, margin_mm: float) -> Field:
    """The same, but within `margin_mm` lies all of the room around the brain too."""
    field = field_of(brain)
    if brain.room is None:
        return field
    room = steps_of(view_of(brain.room) + margin_mm, brain.room)
    return replace(field, distance=sitk.Minimum(field.distance, room))


def _room(head: Image, template_head: Image, away: Image, size: float) -> Image:
    """Distances in mm to the room around the template's brain, negative inside it.

    By the masks of the subject's and the template's head, and the distance `away` to the template's
    brain, on one grid.
    """
    near = away - size * _ROOM_MM
    below_skin = _closed_outward(head) + size * _BELOW_SKIN_MM
    below_other = _closed_outward(template_head) + size * _BELOW_TEMPLATE_SKIN_MM
    deep = sitk.Maximum(near, sitk.Minimum(below_skin, below_other))
    return sitk.Minimum(deep, away - size * _NEAREST_ROOM_MM)


def _closed_outward(mask: Image) -> Image:
    """Distance in mm from the surface of a mask whose hollows are closed, negative inside."""
    return outward(grown(mask, _CLOSING_MM)) + _CLOSING_MM


def _around(mask: Image) -> Box:
    """The box (x, y, z) in which a brain near `mask` must lie."""
    labels = view_of(mask).astype(np.uint8)
    (bounds,) = ndimage.find_objects(labels)
    box: list[slice] = []
    for bound, step in zip(
        bounds[::-1],
        mask.GetSpacing(),
        strict=True,
    ):
        reach = int(2 * _AROUND_TEMPLATE_MM / step)
        first = bound.start - reach
        part = slice(
            max(0, first),
            bound.stop + reach,
        )
        box.append(part)

    x, y, z = box
    return x, y, z


def _estimate(head: Head, away: Image, box: Box, size: float) -> Image:
    """The subject's own brain in a box; `away` is the distance to the template's brain there."""
    if isinstance(head, Tomography):
        return _of_tomography(head, away, box)
    return _of_resonance(head, away, box, size)


def _of_tomography(head: Tomography, away: Image, box: Box) -> Image:
    """The brain by HU; nothing where soft tissue around the skull has run into it."""
    near = all_of(
        head.brain[box],
        away <= _AROUND_TEMPLATE_MM,
    )
    if millilitres(near) < _MOSTLY_NEAR * millilitres(head.brain):
        return near * 0
    return near


def _of_resonance(head: Resonance, away: Image, box: Box, size: float) -> Image:
    """The brain by intensity: like its core, not near the skin, firmly connected to the core."""
    deep = view_of(away) < -_CORE_MM
    if deep.sum() < _FEWEST_CORE_VOXELS:
        return sitk.Image(away.GetSize(), sitk.sitkUInt8)

    even = _flattened(head.windowed[box], away)
    core = view_of(even)[deep]
    level = float(np.median(core))
    under_skin = grown(head.mask[box], -_UNDER_SKIN_MM)
    tissue = all_of(
        even > _DARKEST * level,
        even < _BRIGHTEST * level,
        under_skin,
        away <= _AROUND_TEMPLATE_MM,
        _below_top(head.mask, even, size),
    )

    inner = away <= -_INSIDE_MM
    return _connected(sitk.Or(tissue, inner), inner)


def _connected(tissue: Image, inner: Image) -> Image:
    """What of a tissue is connected to its inner part by more than a thread."""
    eroded = grown(tissue, -_ERODE_MM)
    core = largest(sitk.Or(eroded, inner))
    near = grown(core, _REGROW_MM)
    return solid(all_of(tissue, near), 2)


def _flattened(windowed: Image, away: Image) -> Image:
    """Intensities over the receive field as the brain alone shows it, carried on outwards.

    Bright skin has no say in it.
    """
    deep = away <= -_LEVEL_MM
    inside = sitk.Cast(deep, sitk.sitkFloat32)
    brain = sitk.Cast(windowed, sitk.sitkFloat32) * inside
    weight = sitk.SmoothingRecursiveGaussian(
        inside,
        sigma=_LEVEL_SMOOTH_MM,
    )
    field = sitk.SmoothingRecursiveGaussian(
        brain,
        sigma=_LEVEL_SMOOTH_MM,
    )

    values = view_of(windowed) * view_of(weight)
    level = np.maximum(view_of(field), 1e-6)
    return float_like(values / level, windowed)


def _below_top(head: Image, grid: Image, size: float) -> Image:
    """The upper 150 mm of the head, less of a small one, where a brain can be."""
    points = mask_points(head)
    if not len(points):
        return sitk.Image(grid.GetSize(), sitk.sitkUInt8)

    lowest = vertex_height(points) - size * _TOP_MM
    places = sitk.PhysicalPointSource(
        sitk.sitkVectorFloat32,
        grid.GetSize(),
        grid.GetOrigin(),
        grid.GetSpacing(),
        grid.GetDirection(),
    )
    heights = sitk.VectorIndexSelectionCast(places, 2)
    return heights > lowest
