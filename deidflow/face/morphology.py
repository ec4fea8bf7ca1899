"""Masks grown, shrunk and cleaned, by distances in millimetres."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from deidflow.face.ball import closed_by_ball, opened_by_ball
from deidflow.face.volume import Flags, Image, flags_of, mask_like


def outward(mask: Image) -> Image:
    """Distance in mm from the surface of a mask: positive outside, negative inside."""
    return sitk.SignedMaurerDistanceMap(
        mask,
        insideIsPositive=False,
        squaredDistance=False,
        useImageSpacing=True,
    )


def grown(mask: Image, reach: float) -> Image:
    """What lies within `reach` mm of a mask; below 0 what lies deeper than that inside it."""
    return outward(mask) <= reach


def largest(mask: Image) -> Image:
    """The largest connected part of a mask."""
    return connected_parts(mask) == 1


def connected_parts(mask: Image) -> Image:
    """The connected parts of a mask as labels 1, 2, ..., the largest first."""
    parts = sitk.ConnectedComponent(mask)
    return sitk.RelabelComponent(parts)


def opened(mask: Image, radius: int) -> Image:
    """A mask without what is thinner than a ball of `radius` voxels."""
    return mask_like(opened_by_ball(flags_of(mask), radius), mask)


def closed(mask: Image, radius: int) -> Image:
    """A mask with gaps narrower than a ball of `radius` voxels filled."""
    return mask_like(closed_by_ball(flags_of(mask), radius), mask)


def solid(mask: Image, radius: int) -> Image:
    """A mask closed by a ball of `radius` voxels, its holes filled."""
    return sitk.BinaryFillhole(closed(mask, radius))


def filled_by_slice(mask: Image) -> Image:
    """A mask with the holes of each of its slices filled."""
    slices: list[Flags] = []
    for plane in flags_of(mask):
        slices.append(ndimage.binary_fill_holes(plane))
    return mask_like(np.stack(slices), mask)


def all_of(*masks: Image) -> Image:
    """What lies in every one of some masks on one grid."""
    common, *others = masks
    for mask in others:
        common = sitk.And(common, mask)
    return common
