"""CT heads by what Hounsfield units say: air, head and brain; engines for MR are wrong on them."""

from __future__ import annotations

from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from deidflow.face.volume import Image, grown, largest, like

_HEAD_HU, _BRAIN_HU = -300, (0, 100)
_HEAD_LABEL, _SMOOTH_MM = 0.4, 1.5


def head_and_brain(image: Image) -> tuple[Image, Image]:
    """Masks of the head (table and headrest off) and the brain in an image of HU of about 2 mm.

    Head: HU > -300, core deeper than 4 mm, largest, grown back by 5, holes of each slice filled.
    Brain: 0 to 100 HU, cores deeper than 6 mm, of the large ones the highest (the neck's muscles may be the
    largest), grown back by 7.
    """
    tissue = image > _HEAD_HU
    head = _regrown(tissue, largest(grown(tissue, -4.0)), 5.0)
    filled = _filled(sitk.BinaryMorphologicalClosing(head, [3] * 3))
    smooth = sitk.DiscreteGaussian(image, float(np.mean(image.GetSpacing())) ** 2 * 0.36)
    soft = sitk.And(sitk.And(smooth > _BRAIN_HU[0], smooth < _BRAIN_HU[1]), filled)
    brain = _regrown(soft, _highest(grown(soft, -6.0)), 7.0)
    return filled, largest(sitk.BinaryFillhole(sitk.BinaryMorphologicalClosing(brain, [2] * 3)))


def label_image(head: Image, brain: Image) -> Image:
    """Air 0, head .4, brain 1, smoothed by 1.5 mm: what CT and template have in common."""
    levels = _HEAD_LABEL * _values(head) + (1 - _HEAD_LABEL) * _values(brain)
    return sitk.SmoothingRecursiveGaussian(like(levels.astype(np.float32), head), _SMOOTH_MM)


def dice(first: Image, second: Image) -> float:
    """Overlap of two masks on one grid (Dice 1945); 0 where both are empty."""
    one, other = _values(first) > 0, _values(second) > 0
    return float(2 * (one & other).sum() / max(1, one.sum() + other.sum()))


def _values(mask: Image) -> NDArray[Any]:
    values: NDArray[Any] = sitk.GetArrayViewFromImage(mask)
    return values


def _regrown(mask: Image, core: Image, reach: float) -> Image:
    """What of a mask lies near its core and is connected."""
    return largest(sitk.And(mask, grown(core, reach)))


def _highest(cores: Image) -> Image:
    """Of the parts that have a third of the largest one's size, the one nearest to the vertex (LPS z)."""
    parts = sitk.RelabelComponent(sitk.ConnectedComponent(cores))
    shapes = sitk.LabelShapeStatisticsImageFilter()
    shapes.Execute(parts)
    sizes = {label: shapes.GetPhysicalSize(label) for label in shapes.GetLabels()}
    large = [label for label, size in sizes.items() if size * 3 >= max(sizes.values())]
    return parts == max(large, key=lambda label: shapes.GetCentroid(label)[2], default=1)


def _filled(mask: Image) -> Image:
    values = _values(mask) > 0
    return like(np.stack([ndimage.binary_fill_holes(one) for one in values]).astype(np.uint8), mask)
