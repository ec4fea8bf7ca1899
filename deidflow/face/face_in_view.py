"""Whether a registered series shows a face at all."""

from __future__ import annotations

from enum import StrEnum

import numpy as np

from deidflow.face.affine import Array, apply, index_to_world, inverse
from deidflow.face.series import HeadSeries
from deidflow.face.template import Template
from deidflow.face.volume import Image, spacing_of

_NO_FACE_SHARE, _NO_FACE_MARGIN_MM, _BROW_SHARE = 0.02, 15.0, 0.10


class FaceState(StrEnum):
    """What a mask does to a series; the words stand in tables of the release."""

    DEFACED = "defaced"
    NO_FACE_IN_VIEW = "no face in view"
    ALREADY_DEFACED = "already defaced"


def state_in_view(series: HeadSeries, affine: Array, template: Template) -> FaceState:
    """Whether a registered series shows a face.

    It does not where the face, grown by 15 mm, and all skin but the brow lie outside all stacks.

    Only stacks that could show a face say so.
    """

    face = _most_in_view(
        series,
        affine=affine,
        points=template.points["face"],
        margin_mm=_NO_FACE_MARGIN_MM,
    )
    skin = _most_in_view(
        series,
        affine=affine,
        points=template.points["front"],
        margin_mm=0.0,
    )
    shows_none = face < _NO_FACE_SHARE and skin < _BROW_SHARE
    if shows_none and series.is_thick:
        return FaceState.NO_FACE_IN_VIEW
    return FaceState.DEFACED


def _most_in_view(series: HeadSeries, affine: Array, points: Array, margin_mm: float) -> float:
    """The largest share of template points that one stack of a series shows."""
    shares: list[float] = []
    for stack in series.stacks:
        shares.append(in_view(stack, affine, points, margin_mm))
    return max(shares)


def in_view(volume: Image, affine: Array, points: Array, margin_mm: float) -> float:
    """The share of template points, grown by a margin, that lies in a volume's field of view."""
    to_world = index_to_world(volume)
    reach = margin_mm / spacing_of(to_world)
    lowest = -0.5 - reach
    highest = np.array(volume.GetSize()) - 0.5 + reach

    subject = apply(inverse(affine), points)
    indices = apply(inverse(to_world), subject)
    within = (indices >= lowest) & (indices <= highest)
    inside = within.all(1)
    return float(inside.mean())
