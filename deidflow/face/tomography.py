"""CT heads by what Hounsfield units say: air, head and brain; engines for MR are wrong on them."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from deidflow.face.morphology import (
    all_of,
    closed,
    connected_parts,
    filled_by_slice,
    grown,
    largest,
    solid,
)
from deidflow.face.volume import Image, float_like, view_of

HEAD_HU = -300
"""What is denser belongs to the head, or to a table."""
_BRAIN_HU = 0, 100
_HEAD_CORE_MM, _HEAD_REGROW_MM = 4.0, 5.0
_BRAIN_CORE_MM, _BRAIN_REGROW_MM = 6.0, 7.0
_NOISE_VARIANCE = 0.36
"""Of the Gaussian that takes the noise of HU, in squared voxels."""
_LARGE_SHARE = 3
"""Cores of a third of the largest one's size count."""
_HEAD_LABEL, _SMOOTH_MM = 0.4, 1.5


def head_and_brain(image: Image) -> tuple[Image, Image]:
    """Masks of the head (table and headrest off) and the brain in an image of HU of about 2 mm.

    Head: HU > -300, core deeper than 4 mm, largest, grown back by 5, holes of each slice filled.
    Brain: 0 to 100 HU, cores deeper than 6 mm, of the large ones the highest (the neck's muscles
    may be the largest), grown back by 7.
    """
    head = _head(image > HEAD_HU)
    soft = _soft_tissue(image, head)
    return head, _brain(soft)


def _head(tissue: Image) -> Image:
    """The head in what is denser than air."""
    deep = grown(tissue, -_HEAD_CORE_MM)
    head = _regrown(
        tissue,
        core=largest(deep),
        reach=_HEAD_REGROW_MM,
    )
    return filled_by_slice(closed(head, 3))


def _brain(soft: Image) -> Image:
    """The brain in soft tissue."""
    deep = grown(soft, -_BRAIN_CORE_MM)
    brain = _regrown(
        soft,
        core=_highest(deep),
        reach=_BRAIN_REGROW_MM,
    )
    return largest(solid(brain, 2))


def _soft_tissue(image: Image, head: Image) -> Image:
    """What of the head has the HU of brain, fluid and muscle."""
    darkest, brightest = _BRAIN_HU
    spacing = float(np.mean(image.GetSpacing()))
    smooth = sitk.DiscreteGaussian(
        image,
        variance=spacing**2 * _NOISE_VARIANCE,
    )
    return all_of(
        smooth > darkest,
        smooth < brightest,
        head,
    )


def _regrown(mask: Image, core: Image, reach: float) -> Image:
    """What of a mask lies near its core and is connected."""
    near = grown(core, reach)
    return largest(all_of(mask, near))


def _highest(cores: Image) -> Image:
    """Of the parts with a third of the largest one's size, the one nearest to the vertex."""
    parts = connected_parts(cores)
    shapes = sitk.LabelShapeStatisticsImageFilter()
    shapes.Execute(parts)

    labels = shapes.GetLabels()
    largest_size = max((shapes.GetPhysicalSize(label) for label in labels), default=0.0)
    heights: dict[int, float] = {}
    for label in labels:
        if shapes.GetPhysicalSize(label) * _LARGE_SHARE >= largest_size:
            _, _, heights[label] = shapes.GetCentroid(label)
    return parts == max(heights, key=heights.__getitem__, default=1)


def label_image(head: Image, brain: Image) -> Image:
    """Air 0, head .4, brain 1, smoothed by 1.5 mm: what CT and template have in common."""
    levels = _HEAD_LABEL * view_of(head)
    levels = levels + (1 - _HEAD_LABEL) * view_of(brain)
    return sitk.SmoothingRecursiveGaussian(
        float_like(levels, head),
        sigma=_SMOOTH_MM,
    )
