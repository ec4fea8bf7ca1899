"""The search for a registration: what is minimised, and by how many steps of which size."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize

from deidflow.face.affine import LOG_SCALE, Array, apply, from_parameters, implausibility
from deidflow.face.similarity import Similarity

PRIOR_WEIGHT = 0.004
_RIGID = 6
"""Of the 12 parameters translation and rotation are the first."""
_CROSS = np.vstack([np.eye(3), -np.eye(3)]) * 60.0


@dataclass(frozen=True)
class Sampling:
    """How finely a similarity is computed."""

    points: int
    bins: int
    seed: int = 0
    """Added to the seed of the registration."""


@dataclass(frozen=True)
class Descent:
    """One run of Powell's method."""

    rounds: int
    step: float
    """The first step along each parameter: about mm, as the parameters are."""
    cost_tolerance: float = 2e-4
    """Relative change of the cost at which the search stops."""
    tolerance: float = 0.05
    """Relative accuracy of each line search."""
    free: int = 12
    """The number of parameters that change; the others stay as they are."""


@dataclass(frozen=True)
class Selection:
    """How many candidates go on, and how far apart in mm they must be."""

    most: int
    apart_mm: float


@dataclass(frozen=True)
class Match:
    """Parameters, and what they cost."""

    parameters: Array
    cost: float


@dataclass(frozen=True)
class Search:
    """A head being registered: the centres about which its parameters turn."""

    centre: Array
    target: Array
    smallest: float = 1.0
    """The smallest plausible size of the head against an adult's."""

    def affine(self, parameters: Array) -> Array:
        """Subject world -> template world under some parameters."""
        return from_parameters(
            parameters,
            subject_centre=self.centre,
            template_centre=self.target,
        )

    def cost(self, similarity: Similarity, parameters: Array) -> float:
        """What the search minimises: unlikeness, and how implausible scale and shear are."""
        match = similarity(self.affine(parameters))
        return -match + PRIOR_WEIGHT * implausibility(parameters, self.smallest)

    def spread(self, candidates: Iterable[Array], selection: Selection) -> list[Array]:
        """The first candidates that are far enough from each other."""
        kept: list[Array] = []
        crosses: list[Array] = []
        for candidate in candidates:
            cross = self._cross(candidate)
            if all(_distance(cross, other) > selection.apart_mm for other in crosses):
                kept.append(candidate)
                crosses.append(cross)
            if len(kept) == selection.most:
                break
        return kept

    def _cross(self, parameters: Array) -> Array:
        """Six points around the head, mapped."""
        points = self.centre + _CROSS
        return apply(self.affine(parameters), points)

    def descend_one_scale(self, similarity: Similarity, start: Array, descent: Descent) -> Match:
        """Improve translation, rotation and one scale for all axes; there is no shear."""

        def expand(free: Array) -> Array:
            scales = np.repeat(free[_RIGID], 3)
            return np.concatenate([free[:_RIGID], scales, np.zeros(3)])

        def cost(free: Array) -> float:
            return self.cost(similarity, expand(free))

        scale = start[LOG_SCALE].mean()
        first = np.append(start[:_RIGID], scale)
        match = minimized(
            cost,
            start=first,
            descent=descent,
        )
        return Match(
            parameters=expand(match.parameters),
            cost=match.cost,
        )

    def descend(self, similarity: Similarity, start: Array, descent: Descent) -> Match:
        """Improve the first `descent.free` parameters."""
        fixed = start[descent.free :]

        def cost(free: Array) -> float:
            return self.cost(
                similarity,
                np.concatenate([free, fixed]),
            )

        match = minimized(
            cost,
            start=start[: descent.free],
            descent=descent,
        )
        return Match(
            parameters=np.concatenate([match.parameters, fixed]),
            cost=match.cost,
        )


def _distance(cross: Array, other: Array) -> float:
    """Mean distance in mm of points of shape (n, 3)."""
    apart = np.linalg.norm(cross - other, axis=1)
    return float(apart.mean())


def minimized(cost: Callable[[Array], float], start: Array, descent: Descent) -> Match:
    """Parameters and cost after some rounds of Powell's method (Powell 1964)."""
    options: dict[str, Any] = {
        "maxiter": descent.rounds,
        "ftol": descent.cost_tolerance,
        "xtol": descent.tolerance,
        "direc": np.eye(len(start)) * descent.step,
    }
    result = minimize(
        cost,
        start,
        method="Powell",
        options=options,
    )
    return Match(result.x, float(result.fun))


def best_of(matches: Sequence[Match]) -> Match:
    """The match of least cost, the first of several."""
    return min(matches, key=lambda match: match.cost)
