"""A face that aliasing folds to the other side of the field of view, where no mask looks for it.

In MR what lies beyond the field of view along a phase encoding axis is seen once more at its other
side. So where the registered face ends beyond one side, the air at the opposite side must be dark.
"""

from __future__ import annotations

from collections.abc import Iterator

from deidflow.face.affine import Array, apply, index_to_world, inverse
from deidflow.face.heads import head_threshold
from deidflow.face.intensities import window
from deidflow.face.lookup import Lookup
from deidflow.face.morphology import grown, opened
from deidflow.face.template import Template
from deidflow.face.volume import Image

_AROUND_MM = 10.0
"""What is this near to the template's head may be the subject's own."""
_FEWEST = 6
"""Points of the face in air; it has 3,000 points, about a third of a millilitre each."""


def folded_share(volume: Image, affine: Array, template: Template) -> float:
    """The share of the face folded into air that is tissue, the most of all sides; 0 without any.

    `volume` is about 2 mm; `affine` maps its world to the template's.
    """
    folded_places = [
        places for places in _folded_places(volume, affine, template) if len(places) >= _FEWEST
    ]
    if not folded_places:
        return 0.0

    windowed = window(volume)
    tissue = Lookup.of_mask(opened(windowed > head_threshold(windowed), 1))
    head = Lookup.of_mask(grown(template.head, _AROUND_MM))
    shares = [0.0]
    for places in folded_places:
        seen = tissue.at(places)
        is_air = ~head.at(apply(affine, places)).values
        folded = seen.in_view & is_air
        if folded.sum() >= _FEWEST:
            shares.append(float(seen.values[folded].mean()))
    return max(shares)


def _folded_places(volume: Image, affine: Array, template: Template) -> Iterator[Array]:
    """Where points of the face beyond a side are seen, for each side: world points (n, 3)."""
    to_world = index_to_world(volume)
    subject = apply(inverse(affine), template.points["face"])
    indices = apply(inverse(to_world), subject)
    for axis, size in enumerate(volume.GetSize()):
        positions = indices[:, axis]
        for beyond, shift in ((positions < -0.5, size), (positions > size - 0.5, -size)):
            folded = indices[beyond]
            folded[:, axis] += shift
            yield apply(to_world, folded)
