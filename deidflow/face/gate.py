"""The gate: does the registration fit a head? What fails any test is quarantined, never released.

G1: two registrations that differ in more than their seed agree at the face. G2: features of the
warped template on the subject's own head, all on 4 mm data. A value that is not a number fails.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from deidflow.config import GateSettings
from deidflow.face.affine import Array, apply, as_transform, compose, index_to_world, inverse
from deidflow.face.similarity import Similarity
from deidflow.face.template import Template
from deidflow.face.volume import head_mask, image_of, mask_points, shrink, trim_padding, window

Features = dict[str, float]
_MOVES, _MOVE_MM, _MOVE_DEGREES = 24, 18.0, 14.0
_FEWEST_FRONT_PIXELS = 200
_FRONT_SIZE, _FRONT_SPACING = (60, 75, 75), (4.0, 4.0, 3.0)


@dataclass(frozen=True)
class Verdict:
    """The gate's decision with every figure it rests on; `failed` names the first test not passed."""

    failed: str
    features: Features

    @property
    def passed(self) -> bool:
        """Whether the registration may be used."""
        return not self.failed


def agreement(first: Array, second: Array, template: Template) -> float:
    """Mean distance in mm, in the subject, of the template's face surface under two registrations.

    Both map subject world to template world.
    """
    surface = template.points["surface"]
    apart = apply(inverse(first), surface) - apply(inverse(second), surface)
    return float(np.linalg.norm(apart, axis=1).mean())


def judge(volume: Any, affine: Array, distance: float, template: Template, settings: GateSettings) -> Verdict:
    """Apply G1 and G2 to the registration `affine` (subject world -> template world)."""
    found = {"agreement_mm": distance, **features(volume, affine, template)}
    tests: list[tuple[str, Callable[[float], bool]]] = [
        ("agreement_mm", lambda value: value <= settings.agreement_mm),
        ("head_in_template", lambda value: value >= settings.head_in_template_min),
        ("outer_in_head", lambda value: value <= settings.outer_in_head_max),
        ("contrast", lambda value: value >= settings.contrast_min),
        ("volume_scale", lambda value: settings.volume_scale_min <= value <= settings.volume_scale_max),
        ("head_dice", lambda value: value >= settings.head_dice_min),
        ("forehead_changed", lambda value: value <= settings.forehead_changed_max),
    ]
    if found["front_pixels"] >= _FEWEST_FRONT_PIXELS and not face_is_empty(found):
        tests.append(("face_changed", lambda value: value >= settings.face_changed_min))
    for name, test in tests:
        if math.isnan(found[name]) or not test(found[name]):
            return Verdict(name, found)
    return Verdict("", found)


def face_is_empty(found: Features) -> bool:
    """The face lies in the field of view but holds no tissue: defaced or skull-stripped before."""
    return found["face_in_view"] >= 0.5 and found["face_in_head"] < 0.05


def features(volume: Any, affine: Array, template: Template) -> Features:
    """All figures of G2 for a registration (subject world -> template world)."""
    image = shrink(window(trim_padding(shrink(volume, 2.0))), 4.0)
    mask = head_mask(image)[0]
    lookup = _Lookup(sitk.GetArrayFromImage(mask) > 0, inverse(index_to_world(image)))
    back = inverse(affine)
    found = _contrast(image, affine, template)
    found |= _overlap(mask, lookup, affine, template)
    face, in_view = lookup(apply(back, template.points["face"]))
    found["face_in_view"] = float(in_view.mean())
    found["face_in_head"] = float(face[in_view].mean()) if in_view.sum() > 50 else math.nan
    found |= _front(mask, affine, template)
    found["volume_scale"] = float(np.prod(np.linalg.svd(back[:, :3])[1]))
    return found


@dataclass(frozen=True)
class _Lookup:
    """Nearest-voxel values of a mask at world points, and whether they lie in the field of view."""

    values: NDArray[np.bool_]
    to_index: Array

    def __call__(self, points: Array) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        indices = np.rint(apply(self.to_index, points)).astype(int)[:, ::-1]
        inside: NDArray[np.bool_] = np.all((indices >= 0) & (indices < self.values.shape), axis=1)
        values = np.zeros(len(points), bool)
        values[inside] = self.values[tuple(indices[inside].T)]
        return values, inside


def _contrast(image: Any, affine: Array, template: Template) -> Features:
    """How much better the registration is than the same moved by 18 mm and 14 degrees."""
    similarity = Similarity(image, template.plain.fine, 12_000, 32, 3)
    best = similarity(affine)
    back = inverse(affine)
    centre = apply(back, template.points["brain"]).mean(0)
    generator, moved = np.random.default_rng(5), []
    for _ in range(_MOVES):
        shift = _of_length(generator.normal(size=3), _MOVE_MM)
        turn = sitk.Euler3DTransform()
        turn.SetRotation(*_of_length(generator.normal(size=3), math.radians(_MOVE_DEGREES)).tolist())
        rotation = np.array(turn.GetMatrix()).reshape(3, 3)
        motion = np.hstack([rotation, (centre + shift - rotation @ centre)[:, None]])
        moved.append(similarity(inverse(compose(motion, back))))
    return {"similarity": best, "contrast": best / max(1e-6, float(np.median(moved)))}


def _of_length(vector: Array, length: float) -> Array:
    scaled: Array = vector * (length / np.linalg.norm(vector))
    return scaled


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
