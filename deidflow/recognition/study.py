"""Recognition over a cohort of heads before and after defacing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from deidflow.recognition.cohort import HeadPair, bent_copy
from deidflow.recognition.detectors import Detections, FaceDetectors, detections
from deidflow.recognition.matching import MatchResult, Portraits, match_after, match_before
from deidflow.recognition.recognisers import Descriptor, FaceRecognisers, Recogniser
from deidflow.recognition.software import require_faces
from deidflow.recognition.tissue import Brain, Tissue, brain, changed_voxels, tissue
from deidflow.recognition.views import HeadViews
from deidflow.recognition.volumes import on_one_grid

YAWS = (-20.0, 0.0, 20.0)
LEAST_PEOPLE = 4
"""With fewer people in the gallery a rate says nothing."""
Person = dict[Recogniser, Portraits]


@dataclass(frozen=True)
class PairResult:
    """One head before and after."""

    name: str
    people: tuple[Person, ...]
    """The person and the made-up copies; empty where no face is found before."""
    before: Detections
    after: Detections
    tissue: Tissue
    brain: Brain | None


@dataclass(frozen=True)
class Recognition:
    """What one recogniser does before and after."""

    recogniser: Recogniser
    before: MatchResult
    after: MatchResult


class Judges:
    """Detectors and recognisers, loaded once. Raises EnvironmentFault without the extra."""

    def __init__(self) -> None:
        require_faces()
        self.detectors = FaceDetectors()
        self.recognisers = FaceRecognisers(self.detectors)


def judge_pair(
    pair: HeadPair,
    judges: Judges,
    *,
    copies: int = 0,
    with_brain: bool = False,
) -> PairResult:
    """Judge one head; raises ValueError for images that are not on one grid."""
    if not on_one_grid(pair.before, pair.after):
        raise ValueError(f"{pair.name}: the two images have different grids")

    views = HeadViews(pair.before)
    after = HeadViews(pair.after, views.threshold)
    changed = changed_voxels(pair.before, pair.after)
    return PairResult(
        name=pair.name,
        people=tuple(_people(pair, judges, copies)),
        before=detections(views, judges.detectors),
        after=detections(after, judges.detectors),
        tissue=tissue(pair.before, pair.after, judges.detectors),
        brain=brain(pair.before, changed) if with_brain else None,
    )


def _people(pair: HeadPair, judges: Judges, copies: int) -> Iterable[Person]:
    """The person, and copies that are somebody else's, as far as a face is found in them."""
    person = portraits_of(pair, judges)
    if person is None:
        return
    yield person
    for seed in range(1, copies + 1):
        copy = portraits_of(bent_copy(pair, seed), judges)
        if copy is not None:
            yield copy


def portraits_of(pair: HeadPair, judges: Judges) -> Person | None:
    """Descriptors from every yaw; None unless a face is found in each view of the original."""
    before = HeadViews(pair.before)
    after = HeadViews(pair.after, before.threshold)
    originals: list[dict[Recogniser, Descriptor]] = []
    probes: list[dict[Recogniser, Descriptor]] = []
    for yaw in YAWS:
        picture = before.picture(yaw)
        crop = judges.recognisers.crop(picture)
        if crop is None:
            return None
        originals.append(judges.recognisers.describe(picture, crop))
        probes.append(judges.recognisers.describe(after.picture(yaw), crop))
    return {name: _portraits(name, originals, probes) for name in Recogniser}


def _portraits(
    name: Recogniser,
    originals: Sequence[dict[Recogniser, Descriptor]],
    probes: Sequence[dict[Recogniser, Descriptor]],
) -> Portraits:
    return Portraits(
        tuple(view[name] for view in originals),
        tuple(view[name] for view in probes),
    )


def recognition(people: Sequence[Person]) -> list[Recognition]:
    """Rates of each recogniser; empty with too few people for one."""
    if len(people) < LEAST_PEOPLE:
        return []
    results = []
    for name in Recogniser:
        portraits = [person[name] for person in people]
        before = match_before(portraits)
        after = match_after(portraits)
        results.append(Recognition(name, before, after))
    return results


def is_as_recognisable(person: Person) -> bool:
    """Whether defaced views are as like the originals as these are like each other.

    True only if both recognisers say so; a face that is gone is far from it.
    """
    return all(_is_unchanged(portraits) for portraits in person.values())


def _is_unchanged(portraits: Portraits) -> bool:
    before = np.array(portraits.before)
    after = np.array(portraits.after)
    between_views = before @ before.T
    is_other = ~np.eye(len(before), dtype=bool)
    own = (before * after).sum(axis=1)
    return bool(own.mean() >= between_views[is_other].mean())
