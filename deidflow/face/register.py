"""Registration of a head to the template: grid, then Powell from coarse to fine.

Engine A sees windowed intensities, engine B a flattened receive field and ranks. Both are
deterministic: fixed seeds, one thread, no clock.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy.optimize import minimize

from deidflow.face.affine import (
    LOG_SCALE_MEAN,
    RADIUS,
    Array,
    apply,
    from_parameters,
    implausibility,
    index_to_world,
)
from deidflow.face.similarity import Similarity, sample
from deidflow.face.volume import head_centres, head_mask, mask_points, on_even_grid

PRIOR_WEIGHT = 0.004
_PITCH, _ROLL, _YAW = (-45, -30, -15, 0, 15, 30, 45), (-25, 0, 25), (-30, 0, 30)
_RAISED = (-20.0, 0.0, 20.0)
_BOX_MM, _NECK_MM = 20.0, 215.0
_CROSS = np.vstack([np.eye(3), -np.eye(3)]) * 60.0


@dataclass(frozen=True)
class Target:
    """What a head is registered to: the template at 4 and 8 mm, prepared as the subject is, and its centre."""

    fine: Any
    coarse: Any
    centre: Array


@dataclass(frozen=True)
class _Search:
    """One head being registered: similarities at each scale, and where its parameters turn about."""

    centre: Array
    target: Array

    def affine(self, parameters: Array) -> Array:
        return from_parameters(parameters, self.centre, self.target)

    def cross(self, parameters: Array) -> Array:
        """Six points around the head, mapped: how far two candidates are from each other."""
        return apply(self.affine(parameters), self.centre + _CROSS)

    def cost(self, similarity: Similarity, parameters: Array) -> float:
        return -similarity(self.affine(parameters)) + PRIOR_WEIGHT * implausibility(parameters)


def register(small: Any, target: Target, *, seed: int = 0) -> Array:
    """Subject world -> template world of a head (SimpleITK, LPS, 2 or 4 mm), prepared as the target is."""
    fine = on_even_grid(small, 4.0)
    coarse = on_even_grid(fine, 8.0)
    top, whole = head_centres(fine)
    middle = np.array(
        fine.TransformContinuousIndexToPhysicalPoint([(size - 1) / 2 for size in fine.GetSize()])
    )
    search = _Search(top if top is not None else middle, target.centre)
    offsets = _offsets(search.centre, [top, whole, middle])
    region = head_region(fine)
    rough = Similarity(sample(coarse, 2_500, seed, head_region(coarse)), target.coarse, 20)
    exact = Similarity(sample(fine, 6_000, seed, region), target.fine, 28)
    polish = Similarity(sample(fine, 20_000, seed + 1, region), target.fine, 32)
    starts = _spread(search, _grid(search, rough, offsets), 18.0, 6)
    similar = sorted((_seven(search, rough, start) for start in starts), key=lambda found: found[1])
    best = _spread(search, [parameters for parameters, _ in similar], 8.0, 2)
    nine = min(
        (_powell(search, exact, start, 9, 3, 3.0) for start in best), key=lambda found: found[1]
    )
    twelve, _ = _powell(search, exact, nine[0], 12, 5, 2.0)
    final, _ = _powell(search, polish, twelve, 12, 3, 1.0, 1e-4, 0.03)
    return search.affine(final)


def _offsets(centre: Array, hypotheses: Sequence[Array | None]) -> list[Array]:
    """Where the template's centre may lie, seen from the head's: each hypothesis raised and lowered."""
    found: list[Array] = []
    for hypothesis, raised in product([one for one in hypotheses if one is not None], _RAISED):
        offset = centre - (hypothesis + np.array([0, 0, raised]))
        if all(np.linalg.norm(offset - other) > 9 for other in found):
            found.append(offset)
    return found


def _grid(search: _Search, similarity: Similarity, offsets: Sequence[Array]) -> list[Array]:
    """All starting positions, the most similar first."""
    scored = []
    for offset, angles in product(offsets, product(_PITCH, _ROLL, _YAW)):
        parameters = np.zeros(12)
        parameters[3:6] = np.deg2rad(angles) * RADIUS
        parameters[6:9] = LOG_SCALE_MEAN
        parameters[:3] = search.affine(parameters)[:, :3] @ offset
        scored.append((-similarity(search.affine(parameters)), parameters))
    return [parameters for _, parameters in sorted(scored, key=lambda pair: pair[0])]


def _spread(
    search: _Search, candidates: Sequence[Array], distance: float, most: int
) -> list[Array]:
    """The first candidates that lie at least `distance` mm from each other."""
    kept: list[Array] = []
    for candidate in candidates:
        cross = search.cross(candidate)
        if all(
            np.linalg.norm(cross - search.cross(other), axis=1).mean() > distance for other in kept
        ):
            kept.append(candidate)
        if len(kept) == most:
            break
    return kept


def _seven(search: _Search, similarity: Similarity, start: Array) -> tuple[Array, float]:
    """Translation, rotation and one scale."""

    def expand(free: Array) -> Array:
        return np.concatenate([free[:6], np.repeat(free[6], 3), np.zeros(3)])

    first = np.append(start[:6], start[6:9].mean())
    found, cost = minimized(
        lambda free: search.cost(similarity, expand(free)), first, 4, 4.0, 1e-3, 0.2
    )
    return expand(found), cost


def _powell(
    search: _Search,
    similarity: Similarity,
    start: Array,
    free: int,
    rounds: int,
    step: float,
    cost_tolerance: float = 2e-4,
    tolerance: float = 0.05,
) -> tuple[Array, float]:
    """The first `free` parameters improved, the others as they are."""

    def cost(changed: Array) -> float:
        return search.cost(similarity, np.concatenate([changed, start[free:]]))

    found, value = minimized(cost, start[:free], rounds, step, cost_tolerance, tolerance)
    return np.concatenate([found, start[free:]]), value


def minimized(
    cost: Callable[[Array], float],
    start: Array,
    rounds: int,
    step: float,
    cost_tolerance: float,
    tolerance: float,
) -> tuple[Array, float]:
    """Parameters and cost after some rounds of Powell's method (Powell 1964)."""
    options = {
        "maxiter": rounds,
        "ftol": cost_tolerance,
        "xtol": tolerance,
        "direc": np.eye(len(start)) * step,
    }
    found = minimize(cost, start, method="Powell", options=options)
    return found.x, float(found.fun)


def head_region(image: Any) -> NDArray[np.bool_] | None:
    """Where points are sampled: the box of the head with a margin, without what lies far below the vertex."""
    mask = head_mask(image)
    values = sitk.GetArrayViewFromImage(mask) > 0
    if values.sum() < 50:
        return None
    indices = np.argwhere(values)
    margin = _BOX_MM / np.array(image.GetSpacing()[::-1])
    region = np.ones(values.shape, bool)
    for axis, positions in enumerate(np.indices(values.shape, sparse=True)):
        low, high = indices[:, axis].min() - margin[axis], indices[:, axis].max() + margin[axis]
        region &= (positions >= low) & (positions <= high)
    region &= (
        _heights(image, values.shape) > np.percentile(mask_points(mask)[:, 2], 99.8) - _NECK_MM
    )
    return region if region.sum() > 300 else None


def _heights(image: Any, shape: tuple[int, ...]) -> Array:
    z, y, x = np.indices(shape, sparse=True)
    geometry = index_to_world(image)
    heights: Array = geometry[2, 3] + geometry[2, 0] * x + geometry[2, 1] * y + geometry[2, 2] * z
    return heights
