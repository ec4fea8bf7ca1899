"""How much of a face a mask leaves, and of a brain it takes: counted with a head mask and rays of
its own.

In the template's frame at 2 mm, one ray a pixel from the front, between brow and chin and 60 mm to
each side:
the first point of the subject's head, where it lies within 20 mm of the template's skin. It is left
where
masking moved it back by less than 3 mm.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

GRID_MM, NEAR_MM, MOVED_MM = 2.0, 20.0, 3.0
CHIN, BROW, SIDE_MM, MIDDLE = 5, 122, 60.0, 88


@dataclass(frozen=True)
class Left:
    """Share of the front skin left, how many rays saw skin, and ml of brain that changed."""

    share: float
    rays: int
    brain_ml: float


class Checker:
    """Counts in the frame of pydeface's template."""

    def __init__(self) -> None:
        path = files("pydeface").joinpath("data", "mean_reg2mean.nii.gz")
        template = sitk.DICOMOrient(sitk.ReadImage(str(path), sitk.sitkFloat32), "LPS")
        padded = sitk.ConstantPad(template, [40, 80, 120], [40, 0, 0], 0.0)
        size = [
            int(count * step / GRID_MM)
            for count, step in zip(padded.GetSize(), padded.GetSpacing(), strict=True)
        ]
        self.grid = sitk.Image(size, sitk.sitkUInt8)
        self.grid.SetSpacing([GRID_MM] * 3)
        self.grid.SetOrigin(padded.GetOrigin())
        self.grid.SetDirection(padded.GetDirection())
        x, z = (np.arange(size[axis]) * GRID_MM / padded.GetSpacing()[axis] for axis in (0, 2))
        wide = np.abs(x - 40 - MIDDLE) * padded.GetSpacing()[0] < SIDE_MM
        self.window = ((z - 120 > CHIN) & (z - 120 < BROW))[:, None] & wide[None]
        head = sitk.GetArrayFromImage(_nearest(head_of(padded), self.grid, sitk.Transform())) > 0
        self.skin = np.where(head.any(1), head.argmax(1), -999)

    def left(self, head: Any, removed: Any, to_template: Any, brain: Any) -> Left:
        """Count for a head mask and a mask of removed voxels in the subject, and the true affine to
        the template."""
        back = _inverse(to_template)
        seen = sitk.GetArrayFromImage(_nearest(head, self.grid, back)) > 0
        gone = sitk.GetArrayFromImage(_nearest(removed, self.grid, back)) > 0
        depth, after = _first(seen), _first(seen & ~gone)
        counted = self.window & seen.any(1) & (np.abs(depth - self.skin) * GRID_MM <= NEAR_MM)
        moved = (after - depth) * GRID_MM >= MOVED_MM
        hit = (sitk.GetArrayFromImage(_nearest(removed, brain, sitk.Transform())) > 0) & (
            sitk.GetArrayFromImage(brain) > 0
        )
        lost = float(hit.sum() * np.prod(brain.GetSpacing()) / 1000)
        rays = int(counted.sum())
        return Left(float((counted & ~moved).sum() / max(1, rays)), rays, lost)


def head_of(image: Any) -> Any:
    """The head by Otsu's threshold of a smoothed copy: largest part, closed, filled slice by slice."""
    smooth = sitk.SmoothingRecursiveGaussian(image, 1.0)
    top = float(np.percentile(sitk.GetArrayViewFromImage(smooth), 99))
    clipped = sitk.Clamp(smooth, sitk.sitkFloat32, 0.0, top)
    otsu = sitk.OtsuThresholdImageFilter()
    otsu.SetInsideValue(0)
    otsu.SetOutsideValue(1)
    otsu.Execute(clipped)
    found = sitk.BinaryMorphologicalOpening(clipped > 0.4 * otsu.GetThreshold(), [1] * 3)
    largest = sitk.RelabelComponent(sitk.ConnectedComponent(found)) == 1
    values = sitk.GetArrayFromImage(sitk.BinaryMorphologicalClosing(largest, [3] * 3)) > 0
    for axis in range(3):
        filled = [ndimage.binary_fill_holes(one) for one in np.moveaxis(values, axis, 0)]
        values = np.moveaxis(np.stack(filled), 0, axis)
    made = sitk.GetImageFromArray(values.astype(np.uint8))
    made.CopyInformation(image)
    return made


def _first(values: Any) -> Any:
    return np.where(values.any(1), values.argmax(1), 9999)


def _inverse(affine: Any) -> Any:
    transform = sitk.AffineTransform(3)
    transform.SetMatrix(affine[:, :3].ravel().tolist())
    transform.SetTranslation(affine[:, 3].tolist())
    return transform.GetInverse()


def _nearest(image: Any, grid: Any, transform: Any) -> Any:
    return sitk.Resample(image, grid, transform, sitk.sitkNearestNeighbor, 0.0, sitk.sitkUInt8)
