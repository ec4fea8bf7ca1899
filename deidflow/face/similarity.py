"""Normalised mutual information of sampled points (Studholme 1999), for thousands of tries."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from scipy.ndimage import map_coordinates

from deidflow.face.affine import (
    Array,
    affine_through,
    apply,
    compose,
    index_to_world,
    inverse,
    linear_part,
    offset_part,
)
from deidflow.face.trilinear import Trilinear
from deidflow.face.volume import Flags, Image, Values, index_points, view_of

_LEAST_OVERLAP = 0.35
_MOVES, _MOVE_MM, _MOVE_DEGREES = 24, 18.0, 14.0
_LEAST_MEDIAN = 1e-6


@dataclass(frozen=True)
class Samples:
    """World points (n, 3) of a fixed image and its values there, 0 to 1."""

    points: Array
    values: Values


class Similarity:
    """NMI - 1 between a fixed image at sampled points and a moving image, both scaled 0 to 1."""

    def __init__(self, samples: Samples, moving: Image, bins: int) -> None:
        highest = bins - 1
        levels = samples.values * highest + 0.5
        rows = np.clip(
            levels.astype(int),
            min=0,
            max=highest,
        )
        values = np.clip(
            view_of(moving),
            min=0,
            max=1,
        )
        scaled = values * (bins - 1.001)

        self._bins = bins
        self._rows = rows * bins
        self._across = np.ascontiguousarray(samples.points.T)
        self._moving = Trilinear.of(scaled.astype(np.float32))
        self._to_index = inverse(index_to_world(moving))
        self._last = np.array(scaled.shape)[:, None] - 1.0

    def __call__(self, affine: Array) -> float:
        """The similarity under an affine from fixed to moving world; 0 with too little overlap."""
        positions = self._positions(compose(self._to_index, affine))
        within = (positions >= 0) & (positions <= self._last)
        inside = np.flatnonzero(within.all(axis=0))
        count = len(inside)
        if count < _LEAST_OVERLAP * positions.shape[1]:
            return 0.0

        return _information(
            rows=self._rows.take(inside),
            values=self._moving.at(positions.take(inside, axis=1)),
            bins=self._bins,
            count=count,
        )

    def _positions(self, to_index: Array) -> Array:
        """Indices z, y, x of the points in the moving image, shape (3, n)."""
        indices = linear_part(to_index) @ self._across
        indices += offset_part(to_index)[:, None]
        return indices[::-1]


def _information(rows: Values, values: Values, bins: int, count: int) -> float:
    """NMI - 1 of a joint histogram in which each value is shared by the two bins around it."""
    if not count:
        return 0.0

    low = values.astype(np.int32)
    weight = values - low
    lower = rows + low
    cells = bins * bins
    histogram = np.bincount(
        lower,
        weights=1 - weight,
        minlength=cells,
    )
    upper = np.bincount(
        lower + 1,
        weights=weight,
        minlength=cells + 1,
    )
    histogram += upper[:cells]

    joint = histogram.reshape(bins, bins) / count
    fixed = _entropy(joint.sum(1))
    moving = _entropy(joint.sum(0))
    mutual = (fixed + moving) / _entropy(joint)
    return float(mutual - 1.0)


def _entropy(probabilities: Values) -> float:
    """Shannon entropy in nats."""
    used = probabilities[probabilities > 0]
    information = used * np.log(used)
    return float(-information.sum())


def sample(fixed: Image, most: int, seed: int, region: Flags | None = None) -> Samples:
    """At most `most` points of an image, jittered inside the voxel unless every voxel is used.

    `region` flags the voxels (z, y, x) that may be used.
    """
    values = view_of(fixed)
    allowed = np.arange(values.size)
    if region is not None:
        allowed = np.flatnonzero(region.ravel())

    generator = np.random.default_rng(seed)
    positions = generator.choice(
        len(allowed),
        size=min(most, len(allowed)),
        replace=False,
    )
    z, y, x = np.unravel_index(allowed[positions], values.shape)
    if most >= len(allowed):
        points = index_points(fixed, x, y, z)
        return Samples(points, values[z, y, x])

    indices = np.stack([x, y, z], axis=1).astype(float)
    return _jittered(fixed, indices, generator)


def _jittered(fixed: Image, indices: Array, generator: np.random.Generator) -> Samples:
    """Points of an image moved at random inside their voxels; values are linear in between."""
    indices = indices + generator.uniform(
        low=-0.5,
        high=0.5,
        size=indices.shape,
    )
    last = np.array(fixed.GetSize()) - 1
    indices = np.clip(
        indices,
        min=0,
        max=last,
    )
    values = map_coordinates(
        view_of(fixed),
        coordinates=indices.T[::-1],
        order=1,
        mode="nearest",
    )
    return Samples(
        apply(index_to_world(fixed), indices),
        values,
    )


def contrast(similarity: Similarity, affine: Array, centre: Array) -> float:
    """How much better a match is than the same moved by 18 mm and 14 degrees.

    `centre` is the point of the fixed image about which it is turned.
    """
    matches: list[float] = []
    for motion in _motions(centre):
        moved = compose(affine, inverse(motion))
        matches.append(similarity(moved))

    median = float(np.median(matches))
    return similarity(affine) / max(_LEAST_MEDIAN, median)


def _motions(centre: Array) -> list[Array]:
    """Rigid motions in random directions, always the same ones."""
    generator = np.random.default_rng(5)
    motions: list[Array] = []
    for _ in range(_MOVES):
        shift = _random_vector(generator, _MOVE_MM)
        angles = _random_vector(
            generator,
            math.radians(_MOVE_DEGREES),
        )
        turn = sitk.Euler3DTransform()
        turn.SetRotation(*angles.tolist())

        rotation = np.array(turn.GetMatrix()).reshape(3, 3)
        motion = affine_through(
            rotation,
            point=centre,
            target=centre + shift,
        )
        motions.append(motion)
    return motions


def _random_vector(generator: np.random.Generator, length: float) -> Array:
    """A vector of given length in a random direction, shape (3,)."""
    vector = generator.normal(size=3)
    scaled: Array = vector * (length / np.linalg.norm(vector))
    return scaled
