"""When an image itself shows that it is no head: never from a doubt, only from what no head can be.

Either every axial cut through the body is far larger than a head's, or (MR) two registrations to a head
end so far apart, and match so badly, that there is none. Attributes must say the same.
"""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from deidflow.face.attempt import Refused, attempt
from deidflow.face.prepare import Tomography, prepared
from deidflow.face.series import Series
from deidflow.face.template import Template
from deidflow.face.volume import Image, image_of, nearest
from deidflow.face_settings import DefaceSettings

_LARGER_THAN_A_HEAD_CM2 = 450.0
"""A head's largest axial cut has about 250 to 320 cm2; a table or headrest on it adds less than 100."""
_FEWEST_LEVELS, _EDGE_PERCENT = 8, 5
_APART_MM = 20.0
_GRID_MM = 2.0


def shows_no_head(series: Series, template: Template, settings: DefaceSettings) -> bool:
    """Whether a series of at least 8 slices shows another part of the body."""
    if min(series.main.GetSize()) < _FEWEST_LEVELS or series.is_localizer or series.about.colour:
        return False
    head = prepared(series)
    if _is_large(head.mask):
        return True
    if isinstance(head, Tomography) or not series.is_thick:
        return False
    outcome = attempt(series, template, settings)
    if not isinstance(outcome, Refused) or not outcome.figures:
        return False
    return outcome.figures["agreement_mm"] > _APART_MM and outcome.figures["contrast"] < settings.gate.contrast_min


def _is_large(mask: Image) -> bool:
    """Whether nearly all axial cuts are larger than any head's; the ends may be cut by the field of view."""
    areas = axial_areas(mask)
    return len(areas) >= _FEWEST_LEVELS / 2 and bool(np.percentile(areas, _EDGE_PERCENT) > _LARGER_THAN_A_HEAD_CM2)


def axial_areas(mask: Image) -> np.ndarray:
    """Cm2 of a mask at each height (LPS z, 2 mm apart) where it has something."""
    corners = [mask.TransformIndexToPhysicalPoint([int(last * (size - 1)) for last, size in zip(corner, mask.GetSize(),
               strict=True)]) for corner in np.ndindex(2, 2, 2)]  # fmt: skip
    low, high = np.min(corners, axis=0), np.max(corners, axis=0)
    size = np.maximum(1, np.ceil((high - low) / _GRID_MM)).astype(int)
    affine = np.hstack([np.eye(3) * _GRID_MM, low[:, None]])
    grid = image_of(np.zeros(size[::-1], np.uint8), affine)
    areas = (sitk.GetArrayFromImage(nearest(mask, grid)) > 0).sum((1, 2)) * _GRID_MM**2 / 100
    found: np.ndarray = areas[areas > 0]
    return found
