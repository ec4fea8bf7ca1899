"""Normalised mutual information of sampled points (Studholme 1999), fast enough for thousands of tries."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from deidflow.face.affine import Array, apply, compose, index_to_world, inverse

_LEAST_OVERLAP = 0.35
_MOVES, _MOVE_MM, _MOVE_DEGREES = 24, 18.0, 14.0


@dataclass(frozen=True)
class Samples:
    """World points (n, 3) of a fixed image and its values there, 0 to 1."""

    points: Array
    values: NDArray[Any]


class Similarity:
    """NMI - 1 between a fixed image at sampled points and a moving image, both scaled 0 to 1."""

    def __init__(self, samples: Samples, moving: Any, bins: int) -> None:
        self.points = samples.points
        self._bins = bins
        self._rows = np.clip((samples.values * (bins - 1) + 0.5).astype(int), 0, bins - 1) * bins
        scaled = np.clip(sitk.GetArrayFromImage(moving), 0, 1) * (bins - 1.001)
        self._moving = np.ascontiguousarray(scaled, dtype=np.float32)
        self._to_index = inverse(index_to_world(moving))
        self._last = np.array(self._moving.shape) - 1.0

    def __call__(self, affine: Array) -> float:
        """The similarity under an affine from fixed world to moving world; 0 with too little overlap."""
        where = apply(compose(self._to_index, affine), self.points)[:, ::-1].T
        inside: NDArray[np.bool_] = np.all((where >= 0) & (where <= self._last[:, None]), axis=0)
        count = int(inside.sum())
        if count < _LEAST_OVERLAP * len(inside):
            return 0.0
        values = map_coordinates(
            self._moving, where[:, inside], order=1, prefilter=False, mode="nearest"
        )
        return _information(self._rows[inside], values, self._bins, count)


def sample(fixed: Any, most: int, seed: int, region: NDArray[np.bool_] | None = None) -> Samples:
    """At most `most` points of an image, jittered inside the voxel unless every voxel is used."""
    values, generator = sitk.GetArrayViewFromImage(fixed), np.random.default_rng(seed)
    allowed = np.arange(values.size) if region is None else np.flatnonzero(region.ravel())
    picked = allowed[generator.choice(len(allowed), min(most, len(allowed)), replace=False)]
    z, y, x = np.unravel_index(picked, values.shape)
    indices = np.stack([x, y, z], 1).astype(float)
    if most >= len(allowed):
        return Samples(apply(index_to_world(fixed), indices), values[z, y, x])
    indices += generator.uniform(-0.5, 0.5, indices.shape)
    indices = np.clip(indices, 0, np.array(fixed.GetSize()) - 1)
    return Samples(
        apply(index_to_world(fixed), indices),
        map_coordinates(values, indices.T[::-1], order=1, mode="nearest"),
    )


def _information(rows: NDArray[Any], values: NDArray[Any], bins: int, count: int) -> float:
    low = values.astype(np.int32)
    weight = values - low
    cells = bins * bins
    histogram = np.bincount(rows + low, 1 - weight, cells)
    histogram += np.bincount(rows + low + 1, weight, cells + 1)[:cells]
    joint = histogram.reshape(bins, bins) / count
    mutual = (_entropy(joint.sum(1)) + _entropy(joint.sum(0))) / _entropy(joint) if count else 1.0
    return float(mutual - 1.0)


def _entropy(probabilities: NDArray[Any]) -> float:
    used = probabilities[probabilities > 0]
    return float(-(used * np.log(used)).sum())


def contrast(similarity: Similarity, affine: Array, centre: Array) -> float:
    """How much better a match is than the same moved by 18 mm and 14 degrees, about `centre` of the fixed image."""
    moved = [similarity(compose(affine, inverse(motion))) for motion in _motions(centre)]
    return similarity(affine) / max(1e-6, float(np.median(moved)))


def _motions(centre: Array) -> list[Array]:
    generator, found = np.random.default_rng(5), []
    for _ in range(_MOVES):
        shift = _of_length(generator.normal(size=3), _MOVE_MM)
        turn = sitk.Euler3DTransform()
        turn.SetRotation(
            *_of_length(generator.normal(size=3), math.radians(_MOVE_DEGREES)).tolist()
        )
        rotation = np.array(turn.GetMatrix()).reshape(3, 3)
        found.append(np.hstack([rotation, (centre + shift - rotation @ centre)[:, None]]))
    return found


def _of_length(vector: Array, length: float) -> Array:
    scaled: Array = vector * (length / np.linalg.norm(vector))
    return scaled
