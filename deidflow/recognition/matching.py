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
_NORMAL_95 = 1.96


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
    rank1_p: float
    """Share of the draws with at least so many hits: under 0.05 the hits are no luck."""
    auc: float
    """Chance that a probe is more like its own person than like somebody else; 0.5 is none."""
    auc_by_luck: float
    auc_p: float
    """Share of the draws with at least this area."""
    auc_error: float
    """Standard error over people; 1.96 of it each way are a 95 % interval."""
    genuine: float
    """Mean cosine with the own person."""
    impostor: float
    """Mean cosine with the others."""

    @property
    def auc_interval(self) -> tuple[float, float]:
        """Where the area of other people would lie, 95 %."""
        reach = _NORMAL_95 * self.auc_error
        return self.auc - reach, self.auc + reach

    @property
    def rank1_by_chance(self) -> float:
        """Hits to expect of a guess."""
        return self.probes / self.people


def match_after(portraits: Sequence[Portraits]) -> MatchResult:
    """Probes are the defaced heads from every yaw, beside the original at the same yaw too."""
    originals = [person.before for person in portraits]
    defaced = [person.after for person in portraits]
    gallery = np.array(originals)
    probes = np.array(defaced)
    cosines = _cosines(probes, gallery)
    best = cosines.max(axis=3)
    return _result(best)


def match_before(portraits: Sequence[Portraits]) -> MatchResult:
    """Probes are the originals, beside originals at other yaws: what the recogniser can do."""
    originals = [person.before for person in portraits]
    gallery = np.array(originals)
    cosines = _cosines(gallery, gallery)
    yaws = gallery.shape[1]
    for yaw in range(yaws):
        cosines[:, yaw, :, yaw] = -np.inf
    best = cosines.max(axis=3)
    return _result(best)


def _cosines(probes: Scores, gallery: Scores) -> Scores:
    """Of shape (people, yaws, people of the gallery, yaws of the gallery)."""
    cosines: Scores = np.einsum(
        "pyd,gzd->pygz",
        probes,
        gallery,
    )
    return cosines


def _result(scores: Scores) -> MatchResult:
    """From the best cosine per probe, shape (people, yaws, gallery)."""
    people, yaws, _ = scores.shape
    own = np.arange(people)
    ranks = _ranks(scores)
    lucky_hits, lucky_areas = _by_luck(scores, ranks)

    genuine = scores[own, :, own]
    is_others = np.ones(scores.shape, bool)
    is_others[own, :, own] = False
    impostor = scores[is_others]
    hits = _hits(scores, own)
    area = _area(ranks, own)
    return MatchResult(
        people=people,
        probes=people * yaws,
        rank1=hits,
        rank1_by_luck=_upper(lucky_hits),
        rank1_p=_share_from(lucky_hits, hits),
        auc=area,
        auc_by_luck=_upper(lucky_areas),
        auc_p=_share_from(lucky_areas, area),
        auc_error=_error_over_people(scores),
        genuine=float(genuine.mean()),
        impostor=float(impostor.mean()),
    )


def _upper(values: Sequence[float]) -> float:
    return float(np.quantile(values, _LUCK))


def _share_from(lucky: Sequence[float], value: float) -> float:
    """The share of draws that reach a value, the draw at hand among them."""
    reached = sum(draw >= value for draw in lucky)
    return (1 + reached) / (1 + len(lucky))


def _error_over_people(scores: Scores) -> float:
    """The standard error of the area: the jackknife, each person left out once."""
    count = len(scores)
    areas = []
    for person in range(count):
        others = np.delete(np.arange(count), person)
        part = scores[others][:, :, others]
        area = _area(_ranks(part), np.arange(count - 1))
        areas.append(area)
    return float(np.sqrt((count - 1) * np.var(areas)))


def _ranks(scores: Scores) -> Scores:
    ranks: Scores = stats.rankdata(scores)
    return ranks.reshape(scores.shape)


def _hits(scores: Scores, persons: NDArray[np.intp]) -> int:
    best = scores.argmax(axis=2)
    return int((best == persons[:, None]).sum())


def _area(ranks: Scores, persons: NDArray[np.intp]) -> float:
    """Area under the curve of genuine against impostor scores (Mann and Whitney)."""
    probes = np.arange(len(persons))
    genuine = ranks[probes, :, persons]
    count = genuine.size
    others = ranks.size - count
    least = count * (count + 1) / 2
    above = genuine.sum() - least
    return float(above / (count * others))


def _by_luck(scores: Scores, ranks: Scores) -> tuple[list[int], list[float]]:
    """Hits and areas when each probe is given a person at random."""
    generator = np.random.default_rng(0)
    hits = []
    areas = []
    for _ in range(_SHUFFLES):
        persons = generator.permutation(len(scores))
        hit_count = _hits(scores, persons)
        area = _area(ranks, persons)
        hits.append(hit_count)
        areas.append(area)
    return hits, areas
