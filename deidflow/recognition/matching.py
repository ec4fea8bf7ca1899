"""Search a gallery: whose face is a probe most like?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from deidflow.recognition.recognisers import Descriptor

Scores = NDArray[np.float64]
_SHUFFLES = 1000
_LUCK = 0.95


@dataclass(frozen=True)
class Portraits:
    """Descriptors of one person by one recogniser, one per yaw, in the same order."""

    before: Sequence[Descriptor]
    after: Sequence[Descriptor]


@dataclass(frozen=True)
class MatchResult:
    """How well probes find their person."""

    people: int
    probes: int
    rank1: int
    """Probes that are most like their own person."""
    rank1_by_luck: float
    """The hits that probes of the wrong people stay below in 95 of 100 draws."""
    auc: float
    """Chance that a probe is more like its own person than like somebody else; 0.5 is none."""
    auc_by_luck: float
    genuine: float
    """Mean cosine with the own person."""
    impostor: float
    """Mean cosine with the others."""

    @property
    def rank1_by_chance(self) -> float:
        """Hits to expect of a guess."""
        return self.probes / self.people


def match_after(portraits: Sequence[Portraits]) -> MatchResult:
    """Probes are the defaced heads from every yaw, beside the original at the same yaw too."""
    gallery = np.array([person.before for person in portraits])
    probes = np.array([person.after for person in portraits])
    cosines = np.einsum("pyd,gzd->pygz", probes, gallery)
    return _result(cosines.max(axis=3))


def match_before(portraits: Sequence[Portraits]) -> MatchResult:
    """Probes are the originals, beside originals at other yaws: what the recogniser can do."""
    gallery = np.array([person.before for person in portraits])
    cosines = np.einsum("pyd,gzd->pygz", gallery, gallery)
    yaws = np.arange(gallery.shape[1])
    cosines[:, yaws, :, yaws] = -np.inf
    return _result(cosines.max(axis=3))


def _result(scores: Scores) -> MatchResult:
    """From the best cosine per probe, shape (people, yaws, gallery)."""
    people, yaws, _ = scores.shape
    own = np.arange(people)
    is_own = np.zeros(scores.shape, bool)
    is_own[own, :, own] = True
    shuffled_hits, shuffled_areas = _by_luck(scores)
    return MatchResult(
        people=people,
        probes=people * yaws,
        rank1=_hits(scores, own),
        rank1_by_luck=float(np.quantile(shuffled_hits, _LUCK)),
        auc=_area(stats.rankdata(scores).reshape(scores.shape), own),
        auc_by_luck=float(np.quantile(shuffled_areas, _LUCK)),
        genuine=float(scores[is_own].mean()),
        impostor=float(scores[~is_own].mean()),
    )


def _hits(scores: Scores, persons: NDArray[np.intp]) -> int:
    best = scores.argmax(axis=2)
    return int((best == persons[:, None]).sum())


def _area(ranks: Scores, persons: NDArray[np.intp]) -> float:
    """Area under the curve of genuine against impostor scores (Mann and Whitney)."""
    genuine = ranks[np.arange(len(persons)), :, persons]
    count = genuine.size
    others = ranks.size - count
    above = genuine.sum() - count * (count + 1) / 2
    return float(above / (count * others))


def _by_luck(scores: Scores) -> tuple[list[int], list[float]]:
    """Hits and areas when each probe is given a person at random."""
    generator = np.random.default_rng(0)
    ranks = stats.rankdata(scores).reshape(scores.shape)
    hits = []
    areas = []
    for _ in range(_SHUFFLES):
        persons = generator.permutation(len(scores))
        hits.append(_hits(scores, persons))
        areas.append(_area(ranks, persons))
    return hits, areas
