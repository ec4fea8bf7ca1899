"""The figures that the gate rests on: a registration seen on the subject's own head, all on 4 mm data."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from deidflow.face.affine import Array, apply, as_transform, index_to_world, inverse
from deidflow.face.prepare import Resonance, Tomography
from deidflow.face.register import head_region
from deidflow.face.similarity import Similarity, contrast, sample
from deidflow.face.template import Template
from deidflow.face.tomography import dice
from deidflow.face.volume import Image, head_mask, image_of, mask_points, millilitres, nearest, shrink

Features = dict[str, float]
_FRONT_SIZE, _FRONT_SPACING = (60, 75, 75), (4.0, 4.0, 3.0)


def features(head: Resonance | Tomography, affine: Array, template: Template) -> Features:
    """All figures of a registration (subject world -> template world)."""
    image, mask, target = _seen(head, template)
    lookup = _Lookup(sitk.GetArrayFromImage(mask) > 0, inverse(index_to_world(image)))
    back = inverse(affine)
    found = _contrast(image, target, affine, template)
    found |= _overlap(mask, lookup, affine, template)
    face, in_view = lookup(apply(back, template.points["face"]))
    found["face_in_view"] = float(in_view.mean())
    found["face_in_head"] = float(face[in_view].mean()) if in_view.sum() > 50 else math.nan
    found["face_blank"] = _blank(head.small, apply(back, template.points["face"]))
    found |= _front(mask, affine, template)
    found["volume_scale"] = float(np.prod(np.linalg.svd(back[:, :3])[1]))
    return found


def _seen(head: Resonance | Tomography, template: Template) -> tuple[Image, Image, Image]:
    """Image and head mask at 4 mm, and what of the template they are compared with."""
    if isinstance(head, Tomography):
        mask = shrink(sitk.Cast(head.mask, sitk.sitkFloat32), 4.0) > 0.5
        return shrink(head.labels, 4.0), mask, template.labels.fine
    image = shrink(head.windowed, 4.0)
    return image, head_mask(image), template.plain.fine


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
    values, inside = _Lookup(sitk.GetArrayViewFromImage(image), inverse(index_to_world(image)))(points)
    if inside.sum() <= 50:
        return math.nan
    counts = np.unique(values[inside], return_counts=True)[1]
    return float(counts.max() / inside.sum())


@dataclass(frozen=True)
class _Lookup:
    """Nearest-voxel values at world points, and whether they lie in the field of view."""

    values: NDArray[Any]
    to_index: Array

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


def _overlap(mask: Any, lookup: _Lookup, affine: Array, template: Template) -> Features:
    back = inverse(affine)
    shell, shell_seen = lookup(apply(back, template.points["outer"]))
    head, head_seen = lookup(apply(back, template.points["head"]))
    points = mask_points(mask)
    if not len(points):
        return {"outer_in_head": math.nan, "head_in_template": 0.0, "head_dice": 0.0}
    upper = points[points[:, 2] > np.percentile(points[:, 2], 99.8) - 165]
    template_head = _Lookup(sitk.GetArrayFromImage(template.head) > 0, inverse(index_to_world(template.head)))
    inside, seen = template_head(apply(affine, upper))
    precision = float(inside[seen].mean()) if seen.any() else 0.0
    recall = float(head[head_seen].mean()) if head_seen.any() else 0.0
    return {
        "outer_in_head": float(shell[shell_seen].mean()) if shell_seen.sum() > 50 else math.nan,
        "head_in_template": precision,
        "head_dice": 2 / (1 / max(1e-6, precision) + 1 / max(1e-6, recall)),
    }


def _front(mask: Any, affine: Array, template: Template) -> Features:
    """The head seen from the front before and after pydeface's mask: what moved, at face and forehead."""
    points = mask_points(mask)
    if not len(points):
        return {"front_pixels": 0.0, "face_changed": math.nan, "forehead_changed": math.nan}
    top = float(np.percentile(points[:, 2], 99.8))
    centre = points[points[:, 2] > top - 165].mean(0)
    grid = _front_grid(centre, top)
    head = _on_grid(mask, grid, sitk.Transform(), 0)
    kept = head & _on_grid(template.original, grid, as_transform(affine), 1)
    hit, before = head.any(1), head.argmax(1)
    after = np.where(kept.any(1), kept.argmax(1), 99)
    moved = after - before >= 2
    heights = grid.GetOrigin()[2] + _FRONT_SPACING[2] * np.arange(_FRONT_SIZE[2])
    aside = np.abs(grid.GetOrigin()[0] + _FRONT_SPACING[0] * np.arange(_FRONT_SIZE[0]) - centre[0])
    face = hit & ((heights > top - 185) & (heights < top - 105))[:, None] & (aside < 40)[None, :]
    forehead = hit & (heights > top - 70)[:, None]
    return {
        "front_pixels": float(face.sum()),
        "face_changed": float(moved[face].mean()) if face.sum() > 30 else math.nan,
        "forehead_changed": float(moved[forehead].mean()) if forehead.any() else 0.0,
    }


def _front_grid(centre: Array, top: float) -> Any:
    affine = np.hstack([np.diag(_FRONT_SPACING), np.array([[centre[0] - 120], [centre[1] - 150], [top - 220]])])
    return image_of(np.zeros(_FRONT_SIZE[::-1], np.uint8), affine)


def _on_grid(image: Any, grid: Any, transform: Any, outside: int) -> NDArray[np.bool_]:
    resampled = sitk.Resample(image, grid, transform, sitk.sitkNearestNeighbor, float(outside), sitk.sitkUInt8)
    values: NDArray[np.bool_] = sitk.GetArrayFromImage(resampled) > 0
    return values
