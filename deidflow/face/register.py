"""Registration of a head to the template: grid, then Powell from coarse to fine.

Engine A sees windowed intensities, engine B a flattened receive field and ranks. Both are
deterministic: fixed seeds, one thread, no clock.

The search is our own and not SimpleITK's ImageRegistrationMethod: that takes no prior on scale and
shear, without which a cut head grows until it fills the template, and no least overlap; and it
descends from one start, where this search compares 189 poses of each likely centre first. The
gate's thresholds were measured with this search and hold for no other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from deidflow.face.affine import (
    LOG_SCALE,
    RADIUS,
    ROTATION,
    TRANSLATION,
    Array,
    linear_part,
    log_scale_of,
)
from deidflow.face.cranium import head_size
from deidflow.face.cut_head import centre_beyond
from deidflow.face.grids import on_even_grid
from deidflow.face.heads import UPPER_PART_MM, head_centres, head_mask, head_region
from deidflow.face.search import Descent, Match, Sampling, Search, Selection, best_of
from deidflow.face.similarity import Similarity, sample
from deidflow.face.volume import Flags, Image, centre_of_view


@dataclass(frozen=True)
class Poses:
    """The grid of starting positions: turns in degrees, and how much higher the head may lie."""

    pitch: tuple[float, ...]
    roll: tuple[float, ...]
    yaw: tuple[float, ...]
    raised_mm: tuple[float, ...]
    apart_mm: float
    """Centres nearer to each other than this count once."""

    def angles(self) -> Iterator[tuple[float, ...]]:
        """All combinations of pitch, roll and yaw."""
        return product(
            self.pitch,
            self.roll,
            self.yaw,
        )


FINE_MM, COARSE_MM = 4.0, 8.0
POSES = Poses(
    pitch=(-45, -30, -15, 0, 15, 30, 45),
    roll=(-25, 0, 25),
    yaw=(-30, 0, 30),
    raised_mm=(-20.0, 0.0, 20.0),
    apart_mm=9.0,
)
ROUGH = Sampling(points=2_500, bins=20)
EXACT = Sampling(points=6_000, bins=28)
POLISHED = Sampling(points=20_000, bins=32, seed=1)

STARTS = Selection(most=6, apart_mm=18.0)
FINALISTS = Selection(most=2, apart_mm=8.0)

SIZED = Descent(rounds=4, step=4.0, cost_tolerance=1e-3, tolerance=0.2)
STRETCHED = Descent(rounds=3, step=3.0, free=9)
SHEARED = Descent(rounds=5, step=2.0)
FINAL = Descent(rounds=3, step=1.0, cost_tolerance=1e-4, tolerance=0.03)


@dataclass(frozen=True)
class Target:
    """What a head is registered to: the template at 4 and 8 mm, and the centre of its head."""

    fine: Image
    coarse: Image
    centre: Array


@dataclass(frozen=True)
class _Subject:
    """A head at the two scales, and where its centre may be, the most likely place first."""

    fine: Image
    coarse: Image
    region: Flags | None
    centres: Sequence[Array]
    size: float
    """Against an adult's, by its cranium."""

    @classmethod
    def of(cls, image: Image) -> _Subject:
        """Prepare an image."""
        fine = on_even_grid(image, FINE_MM)
        mask = head_mask(fine)
        size = head_size(mask)
        centres = head_centres(fine, size * UPPER_PART_MM)
        hypotheses = [*centres, centre_of_view(fine)]
        if centres[0] is not None:
            hypotheses.append(centre_beyond(mask, centres[0]))
        return cls(
            fine=fine,
            coarse=on_even_grid(fine, COARSE_MM),
            region=head_region(fine, size),
            centres=[centre for centre in hypotheses if centre is not None],
            size=size,
        )


def register(image: Image, target: Target, *, seed: int = 0) -> Array:
    """Register a head of 2 or 4 mm, prepared as the target is: subject world -> template world."""
    subject = _Subject.of(image)
    search = Search(
        subject.centres[0],
        target.centre,
        smallest=subject.size,
    )
    rough = _rough_similarity(subject, target, seed)
    exact = _fine_similarity(
        subject,
        target,
        EXACT,
        seed,
    )
    polished = _fine_similarity(
        subject,
        target,
        POLISHED,
        seed,
    )

    starts = _sized_starts(
        search,
        rough,
        subject.centres,
    )
    stretched = _best_stretched(search, exact, starts)
    sheared = search.descend(
        similarity=exact,
        start=stretched.parameters,
        descent=SHEARED,
    )
    final = search.descend(
        similarity=polished,
        start=sheared.parameters,
        descent=FINAL,
    )
    return search.affine(final.parameters)


def _sized_starts(search: Search, similarity: Similarity, centres: Sequence[Array]) -> list[Array]:
    """The best starting positions, once the size of the head is found, the best first."""
    poses = _poses(search, similarity, centres)
    matches: list[Match] = []
    for start in search.spread(poses, STARTS):
        match = search.descend_one_scale(
            similarity=similarity,
            start=start,
            descent=SIZED,
        )
        matches.append(match)
    return [match.parameters for match in _by_cost(matches)]


def _best_stretched(search: Search, similarity: Similarity, starts: Sequence[Array]) -> Match:
    """The best match of the finalists with a scale of its own along each axis."""
    matches: list[Match] = []
    for start in search.spread(starts, FINALISTS):
        match = search.descend(
            similarity=similarity,
            start=start,
            descent=STRETCHED,
        )
        matches.append(match)
    return best_of(matches)


def _rough_similarity(subject: _Subject, target: Target, seed: int) -> Similarity:
    """The similarity that ranks starting positions, at 8 mm."""
    region = head_region(subject.coarse, subject.size)
    samples = sample(
        subject.coarse,
        most=ROUGH.points,
        seed=seed,
        region=region,
    )
    return Similarity(
        samples,
        moving=target.coarse,
        bins=ROUGH.bins,
    )


def _fine_similarity(
    subject: _Subject, target: Target, sampling: Sampling, seed: int
) -> Similarity:
    """A similarity at 4 mm."""
    samples = sample(
        subject.fine,
        most=sampling.points,
        seed=seed + sampling.seed,
        region=subject.region,
    )
    return Similarity(
        samples,
        moving=target.fine,
        bins=sampling.bins,
    )


def _poses(search: Search, similarity: Similarity, centres: Sequence[Array]) -> list[Array]:
    """All starting positions, the most similar first."""
    matches: list[Match] = []
    offsets = _offsets(search.centre, centres)
    for size, offset in product(_sizes(search), offsets):
        for angles in POSES.angles():
            parameters = _pose(search, offset, angles, size)
            match = similarity(search.affine(parameters))
            matches.append(Match(parameters, cost=-match))
    return [match.parameters for match in _by_cost(matches)]


def _sizes(search: Search) -> list[float]:
    """The sizes against an adult's at which a search begins."""
    return sorted({search.smallest, 1.0})


def _pose(search: Search, offset: Array, angles: Sequence[float], size: float) -> Array:
    """The parameters of a head of some size, turned by angles in degrees about a centre."""
    parameters = np.zeros(12)
    parameters[ROTATION] = np.deg2rad(angles) * RADIUS
    parameters[LOG_SCALE] = log_scale_of(size)
    turned = search.affine(parameters)
    parameters[TRANSLATION] = linear_part(turned) @ offset
    return parameters


def _offsets(centre: Array, hypotheses: Sequence[Array]) -> list[Array]:
    """Offsets of the template's likely centres from the head's: each raised and lowered."""
    offsets: list[Array] = []
    for hypothesis, raised in product(hypotheses, POSES.raised_mm):
        place = hypothesis + np.array([0, 0, raised])
        offset = centre - place
        if all(np.linalg.norm(offset - other) > POSES.apart_mm for other in offsets):
            offsets.append(offset)
    return offsets


def _by_cost(matches: Sequence[Match]) -> list[Match]:
    """Matches, the least cost first."""
    return sorted(matches, key=lambda match: match.cost)
