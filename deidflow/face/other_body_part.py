"""Whether an image itself proves that it is not a head; a doubt is not a proof.

A CT whose every axial cut through the body is far larger than a head's. Attributes must say the
same. A registration that fails proves nothing, and on MR and PET the body cannot be told from its
surroundings.
"""

from __future__ import annotations

from itertools import chain

from deidflow.face.affine import Array
from deidflow.face.grids import nearest, upright_grid
from deidflow.face.prepare import Tomography
from deidflow.face.series import HeadSeries
from deidflow.face.volume import Image, flags_of, view_of

_LARGER_THAN_A_HEAD_CM2 = 450.0
"""A head's largest axial cut has about 250 to 320 cm2, a table or headrest less than 100."""
_FEWEST_SLICES, _FEWEST_LEVELS = 8, 4
_AIR_HU, _LEAST_AIR, _MOST_AIR = -800.0, 0.02, 0.95
"""An image in HU holds some air, and not only air."""
_GRID_MM = 2.0
_MM2_PER_CM2 = 100


def shows_no_head(series: HeadSeries) -> bool:
    """Whether all stacks of a CT series, of at least 8 slices each, show a trunk."""
    about = series.about
    if about.modality != "CT" or about.colour:
        return False
    if series.is_localizer:
        return False
    volumes = (series.stacks, *series.later)
    return all(_is_trunk(stack) for stack in chain.from_iterable(volumes))


def _is_trunk(stack: Image) -> bool:
    """Whether every axial cut is larger than any head's.

    The image must hold air, which proves that it is in HU.
    """
    if min(stack.GetSize()) < _FEWEST_SLICES:
        return False
    is_air = view_of(stack) < _AIR_HU
    share = float(is_air.mean())
    if not _LEAST_AIR <= share <= _MOST_AIR:
        return False

    body = Tomography.of(stack)
    areas = axial_areas(body.mask)
    if len(areas) < _FEWEST_LEVELS:
        return False
    return float(areas.min()) > _LARGER_THAN_A_HEAD_CM2


def axial_areas(mask: Image) -> Array:
    """Cm2 of a mask at each height (LPS z, 2 mm apart) of its field of view."""
    grid = upright_grid(mask, _GRID_MM)
    flags = flags_of(nearest(mask, grid))
    counts = flags.sum((1, 2))
    areas: Array = counts * _GRID_MM**2 / _MM2_PER_CM2
    return areas
