"""The figures that the gate rests on: a registration seen on the subject's own head, all on 4 mm data."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from deidflow.face.affine import Array, apply, as_transform, compose, index_to_world, inverse
from deidflow.face.extent import face_cut
from deidflow.face.prepare import Resonance, Tomography
from deidflow.face.register import head_region
from deidflow.face.similarity import Similarity, contrast, sample
from deidflow.face.template import Template
from deidflow.face.tomography import dice
from deidflow.face.volume import (
    Image,
    head_mask,
    image_of,
    mask_points,
    millilitres,
    nearest,
    on_even_grid,
)

Features = dict[str, float]
_FRONT_SIZE, _FRONT_SPACING = (60, 75, 75), (4.0, 4.0, 3.0)


@dataclass(frozen=True)
class _Seen:
    """A head at 4 mm: the image, what of the template it is compared with, and its mask.

    `firm` and `firmer` are masks by 1.5 and 2 times the threshold, without coil and noise.
    """

    image: Image
    target: Image
    mask: Image
    firm: Image
    firmer: Image


def features(head: Resonance | Tomography, affine: Array, template: Template) -> Features:
    """All figures of a registration (subject world -> template world)."""
    seen = _seen(head, template)
    lookup = _Lookup.of(seen.mask)
    back = inverse(affine)
    found = _contrast(seen.image, seen.target, affine, template)
    found |= _overlap(seen, affine, template)
    face, in_view = lookup(apply(back, template.points["face"]))
    found["face_in_view"] = float(in_view.mean())
    found["face_in_head"] = float(face[in_view].mean()) if in_view.sum() > 50 else math.nan
    found["face_blank"] = _blank(head.small, apply(back, template.points["face"]))
    found |= _front(*_upright(seen.mask, affine, template), template)
    found["volume_scale"] = float(np.prod(np.linalg.svd(back[:, :3])[1]))
    return found


def _seen(head: Resonance | Tomography, template: Template) -> _Seen:
    if isinstance(head, Tomography):
        mask = on_even_grid(sitk.Cast(head.mask, sitk.sitkFloat32), 4.0) > 0.5
        return _Seen(on_even_grid(head.labels, 4.0), template.labels.fine, mask, mask, mask)
    image = on_even_grid(head.windowed, 4.0)
    masks = (head_mask(image, strictness) for strictness in (1.0, 1.5, 2.0))
    return _Seen(image, template.plain.fine, *masks)


def brain_features(head: Tomography, affine: Array, template: Template) -> Features:
    """On CT: the brain's volume in ml and its overlap with the template's."""
    warped = nearest(template.brain, head.brain, as_transform(affine))
    return {"brain_ml": millilitres(head.brain), "brain_dice": dice(head.brain, warped)}


def face_is_empty(found: Features) -> bool:
    """The face lies in the field of view but holds one value and no tissue: defaced or skull-stripped before."""
    empty = found["face_in_view"] >= 0.5 and found["face_in_head"] < 0.05
    return empty and found["face_blank"] >= 0.9


def _blank(image: Image, points: Array) -> float:
    """The share of points in view that hold the most frequent value."""
    values, inside = _Lookup(sitk.GetArrayViewFromImage(image), inverse(index_to_world(image)))(
        points
    )
    if inside.sum() <= 50:
        return math.nan
    counts = np.unique(values[inside], return_counts=True)[1]
    return float(counts.max() / inside.sum())


@dataclass(frozen=True)
class _Lookup:
    """Nearest-voxel values at world points, and whether they lie in the field of view."""

    values: NDArray[Any]
    to_index: Array

    @classmethod
    def of(cls, mask: Image) -> _Lookup:
        """Lookup in a mask."""
        return cls(sitk.GetArrayFromImage(mask) > 0, inverse(index_to_world(mask)))

    def __call__(self, points: Array) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        indices = np.rint(apply(self.to_index, points)).astype(int)[:, ::-1]
        inside: NDArray[np.bool_] = np.all((indices >= 0) & (indices < self.values.shape), axis=1)
        values = np.zeros(len(points), self.values.dtype)
        values[inside] = self.values[tuple(indices[inside].T)]
        return values, inside


def _contrast(image: Image, target: Image, affine: Array, template: Template) -> Features:
    """How much better the registration is than the same moved by 18 mm and 14 degrees."""
    similarity = Similarity(sample(image, 12_000, 3, head_region(image)), target, 32)
    centre = apply(inverse(affine), template.points["brain"]).mean(0)
    return {"similarity": similarity(affine), "contrast": contrast(similarity, affine, centre)}


def _overlap(seen: _Seen, affine: Array, template: Template) -> Features:
    """Whether the head lies inside the template's head and fills its vault, with nothing in the shell around it."""
    back = inverse(affine)
    shell, shell_in_view = _Lookup.of(seen.firm)(apply(back, template.points["outer"]))
    in_head = _Lookup.of(seen.mask)
    head, head_in_view = in_head(apply(back, template.points["head"]))
    vault, vault_in_view = in_head(apply(back, template.points["vault"]))
    recall = float(head[head_in_view].mean()) if head_in_view.any() else 0.0
    precision = _inside(seen.mask, affine, template)
    return {
        "outer_in_head": float(shell[shell_in_view].mean())
        if shell_in_view.sum() > 50
        else math.nan,
        "head_in_template": _inside(seen.firmer, affine, template),
        "vault_in_head": float(vault[vault_in_view].mean())
        if vault_in_view.sum() > 50
        else math.nan,
        "face_cut": face_cut(seen.mask, affine, template),
        "head_dice": 2 / (1 / max(1e-6, precision) + 1 / max(1e-6, recall)),
    }


def _inside(mask: Image, affine: Array, template: Template) -> float:
    """The share of a mask's upper 165 mm that lies inside the template's head."""
    points = mask_points(mask)
    if not len(points):
        return 0.0
    upper = points[points[:, 2] > np.percentile(points[:, 2], 99.8) - 165]
    inside, seen = _Lookup.of(template.head)(apply(affine, upper))
    return float(inside[seen].mean()) if seen.any() else 0.0


def _upright(mask: Image, affine: Array, template: Template) -> tuple[Image, Array]:
    """A head mask turned back by the registration's rotation, and the affine that fits it then."""
    left, _, right = np.linalg.svd(affine[:, :3])
    rotation = left @ right
    centre = apply(inverse(affine), template.points["brain"]).mean(0)
    motion = np.hstack([rotation, (centre - rotation @ centre)[:, None]])
    turned = image_of(sitk.GetArrayFromImage(mask), compose(motion, index_to_world(mask)))
    return turned, compose(affine, inverse(motion))


def _front(mask: Any, affine: Array, template: Template) -> Features:
    """An upright head seen from the front before and after masking: what moved, at face and forehead.

    The face by the extended region, the forehead by pydeface's own, which never reaches it.
    """
    points = mask_points(mask)
    if not len(points):
        return {"front_pixels": 0.0, "face_changed": math.nan, "forehead_changed": math.nan}
    top = float(np.percentile(points[:, 2], 99.8))
    centre = points[points[:, 2] > top - 165].mean(0)
    grid = _front_grid(centre, top)
    head = _on_grid(mask, grid, sitk.Transform(), 0)
    hit = head.any(1)
    own, extended = (_moved(head, _on_grid(one, grid, as_transform(affine), 1)) for one in
                     (template.original, template.distance))  # fmt: skip
    heights = grid.GetOrigin()[2] + _FRONT_SPACING[2] * np.arange(_FRONT_SIZE[2])
    aside = np.abs(grid.GetOrigin()[0] + _FRONT_SPACING[0] * np.arange(_FRONT_SIZE[0]) - centre[0])
    face = hit & ((heights > top - 185) & (heights < top - 105))[:, None] & (aside < 40)[None, :]
    forehead = hit & (heights > top - 70)[:, None]
    return {
        "front_pixels": float(face.sum()),
        "face_changed": float(extended[face].mean()) if face.sum() > 30 else math.nan,
        "forehead_changed": float(own[forehead].mean()) if forehead.any() else 0.0,
    }


def _moved(head: NDArray[np.bool_], keep: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Where the first hit from the front lies at least 8 mm deeper after masking."""
    kept = head & keep
    after = np.where(kept.any(1), kept.argmax(1), 99)
    moved: NDArray[np.bool_] = after - head.argmax(1) >= 2
    return moved


def _front_grid(centre: Array, top: float) -> Any:
    affine = np.hstack(
        [np.diag(_FRONT_SPACING), np.array([[centre[0] - 120], [centre[1] - 150], [top - 220]])]
    )
    return image_of(np.zeros(_FRONT_SIZE[::-1], np.uint8), affine)


def _on_grid(image: Any, grid: Any, transform: Any, outside: int) -> NDArray[np.bool_]:
    resampled = sitk.Resample(
        image, grid, transform, sitk.sitkNearestNeighbor, float(outside), sitk.sitkUInt8
    )
    values: NDArray[np.bool_] = sitk.GetArrayFromImage(resampled) > 0
    return values
