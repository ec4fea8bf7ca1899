"""The subject's own brain, which no mask may touch: found by intensity, started from the template's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from deidflow.face.affine import IDENTITY, Array, as_transform
from deidflow.face.mask import Field
from deidflow.face.prepare import Resonance, Tomography
from deidflow.face.template_regions import distance_to
from deidflow.face.volume import (
    Image,
    grown,
    largest,
    like,
    mask_points,
    millilitres,
    nearest,
    outward,
)

_CORE_MM, _INSIDE_MM, _AROUND_TEMPLATE_MM = 10.0, 6.0, 10.0
"""Inside the template's brain what sets the level and what counts anyway; outside it how far brain may reach."""
_UNDER_SKIN_MM, _TOP_MM, _ERODE_MM, _REGROW_MM = 7.0, 150.0, 4.0, 6.0
_DARKEST, _BRIGHTEST = 0.55, 1.9
_LEVEL_MM, _LEVEL_SMOOTH_MM = 3.0, 15.0
_TRUSTED_ML = (700.0, 1_700.0)
_FEWEST_CORE_VOXELS, _MOSTLY_NEAR = 500, 0.9


Box = tuple[slice, slice, slice]


@dataclass(frozen=True)
class Brain:
    """A brain in the subject's world, about 2 mm."""

    mask: Image
    millilitres: float
    source: str
    """`own` where the subject's own estimate is trusted, else `template`: the warped template's brain."""


def brain_of(head: Resonance | Tomography, affine: Array, template_brain: Image) -> Brain:
    """The brain of a registered head (`affine` maps subject world to template world).

    The own estimate is trusted from 700 to 1,700 ml, else it is the warped brain of the template.
    """
    warped = nearest(template_brain, head.small, as_transform(affine))
    if not sitk.GetArrayViewFromImage(warped).any():
        return Brain(warped, 0.0, "template")
    box = _around(warped)
    away = outward(warped[box])
    found = (
        _of_tomography(head, away, box)
        if isinstance(head, Tomography)
        else _of_resonance(head, away, box)
    )
    mask = sitk.Cast(found, sitk.sitkUInt8)
    size = millilitres(mask)
    if _TRUSTED_ML[0] <= size <= _TRUSTED_ML[1]:
        return Brain(mask, size, "own")
    return Brain(warped[box], millilitres(warped), "template")


def field_of(brain: Brain) -> Field:
    """Distances to a brain, in the world of the series in which it was found."""
    return Field(distance_to(brain.mask), IDENTITY)


def _around(mask: Image) -> Box:
    """The box (x, y, z) in which a brain near `mask` must lie."""
    boxes = ndimage.find_objects(sitk.GetArrayViewFromImage(mask).astype(np.uint8))[0][::-1]
    reach = [int(2 * _AROUND_TEMPLATE_MM / step) for step in mask.GetSpacing()]
    cut = [
        slice(max(0, one.start - far), one.stop + far)
        for one, far in zip(boxes, reach, strict=True)
    ]
    return cut[0], cut[1], cut[2]


def _of_tomography(head: Tomography, away: Image, box: Box) -> Image:
    """The brain by HU; nothing where soft tissue around the skull has run into it."""
    near = sitk.And(head.brain[box], away <= _AROUND_TEMPLATE_MM)
    return near if millilitres(near) >= _MOSTLY_NEAR * millilitres(head.brain) else near * 0


def _of_resonance(head: Resonance, away: Image, box: Box) -> Image:
    """Intensities like the core's, away from the skin, connected to the core by more than a thread."""
    deep = sitk.GetArrayViewFromImage(away) < -_CORE_MM
    if deep.sum() < _FEWEST_CORE_VOXELS:
        return sitk.Image(away.GetSize(), sitk.sitkUInt8)
    even = _flattened(head.windowed[box], away)
    level = float(np.median(sitk.GetArrayViewFromImage(even)[deep]))
    tissue = sitk.And(even > _DARKEST * level, even < _BRIGHTEST * level)
    allowed = sitk.And(grown(head.mask[box], -_UNDER_SKIN_MM), away <= _AROUND_TEMPLATE_MM)
    tissue = sitk.And(tissue, sitk.And(allowed, _below_top(head.mask, even)))
    inner = away <= -_INSIDE_MM
    solid = sitk.Or(tissue, inner)
    core = largest(sitk.Or(grown(solid, -_ERODE_MM), inner))
    found = sitk.And(solid, grown(core, _REGROW_MM))
    return sitk.BinaryFillhole(sitk.BinaryMorphologicalClosing(found, [2] * 3))


def _flattened(windowed: Image, away: Image) -> Image:
    """The receive field as the brain alone shows it, carried on outwards: bright skin has no say."""
    inside = sitk.Cast(away <= -_LEVEL_MM, sitk.sitkFloat32)
    weight = sitk.SmoothingRecursiveGaussian(inside, _LEVEL_SMOOTH_MM)
    field = sitk.SmoothingRecursiveGaussian(
        sitk.Cast(windowed, sitk.sitkFloat32) * inside, _LEVEL_SMOOTH_MM
    )
    values = sitk.GetArrayFromImage(windowed) * sitk.GetArrayViewFromImage(weight)
    return like(
        (values / np.maximum(sitk.GetArrayViewFromImage(field), 1e-6)).astype(np.float32), windowed
    )


def _below_top(head: Image, grid: Image) -> Image:
    """The upper 150 mm of the head, where a brain can be."""
    points = mask_points(head)
    size = grid.GetSize()
    if not len(points):
        return sitk.Image(size, sitk.sitkUInt8)
    limit = float(np.percentile(points[:, 2], 99.8)) - _TOP_MM
    heights = sitk.PhysicalPointSource(sitk.sitkVectorFloat32, size, grid.GetOrigin(), grid.GetSpacing(),
                                       grid.GetDirection())  # fmt: skip
    return sitk.VectorIndexSelectionCast(heights, 2) > limit
