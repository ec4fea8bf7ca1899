"""When an image itself shows that it is no head: never from a doubt, only from what no head can be.

A CT whose every axial cut through the body is far larger than a head's. Attributes must say the same. A
registration that fails proves nothing, and on MR and PET the body cannot be told from its surroundings.
"""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from deidflow.face.prepare import Tomography
from deidflow.face.series import HeadSeries
from deidflow.face.volume import Image, nearest, upright_grid

_LARGER_THAN_A_HEAD_CM2 = 450.0
"""A head's largest axial cut has about 250 to 320 cm2; a table or headrest on it adds less than 100."""
_FEWEST_SLICES, _FEWEST_LEVELS = 8, 4
_AIR_HU, _AIR_SHARES = -800.0, (0.02, 0.95)
_GRID_MM = 2.0


def shows_no_head(series: HeadSeries) -> bool:
    """Whether all stacks of a CT series, of at least 8 slices each, show a trunk."""
    if series.about.modality != "CT" or series.is_localizer or series.about.colour:
        return False
    return all(_is_trunk(stack) for stack in (*series.stacks, *series.last))


def _is_trunk(stack: Image) -> bool:
    """Whether every axial cut is larger than any head's, in an image whose air says that it is in HU."""
    air = float((sitk.GetArrayViewFromImage(stack) < _AIR_HU).mean())
    if min(stack.GetSize()) < _FEWEST_SLICES or not _AIR_SHARES[0] <= air <= _AIR_SHARES[1]:
        return False
    areas = axial_areas(Tomography.of(stack).mask)
    return len(areas) >= _FEWEST_LEVELS and float(areas.min()) > _LARGER_THAN_A_HEAD_CM2


def axial_areas(mask: Image) -> np.ndarray:
    """Cm2 of a mask at each height (LPS z, 2 mm apart) of its field of view."""
    grid = upright_grid(mask, _GRID_MM)
    found: np.ndarray = (
        (sitk.GetArrayFromImage(nearest(mask, grid)) > 0).sum((1, 2)) * _GRID_MM**2 / 100
    )
    return found
