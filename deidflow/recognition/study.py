"""Recognition over a cohort of heads before and after defacing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from deidflow.recognition.cohort import Control, HeadPair, bent_copy, with_control
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
Descriptors = dict[Recogniser, Descriptor]


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

    before = HeadViews(pair.before)
    after = HeadViews(pair.after, before.threshold)
    brain_result = None
    if with_brain:
        changed = changed_voxels(pair.before, pair.after)
        brain_result = brain(pair.before, changed)

    detectors = judges.detectors
    people = people_of(
        pair,
        judges,
        copies=copies,
    )
    return PairResult(
        name=pair.name,
        people=tuple(people),
        before=detections(before, detectors),
        after=detections(after, detectors),
        tissue=tissue(
            pair.before,
            pair.after,
            detectors,
        ),
        brain=brain_result,
    )


def people_of(
    pair: HeadPair,
    judges: Judges,
    *,
    copies: int,
    control: Control | None = None,
) -> Iterable[Person]:
    """The person, and copies that are somebody else's, as far as a face is found in them.

    With a control its view is the probe, not that of the defaced head.
    """
    pairs = [pair]
    for seed in range(1, copies + 1):
        pairs.append(bent_copy(pair, seed))
    for one in pairs:
        shown = one if control is None else with_control(one, control)
        person = portraits_of(shown, judges)
        if person is None and one is pair:
            return
        if person is not None:
            yield person


def portraits_of(pair: HeadPair, judges: Judges) -> Person | None:
    """Descriptors from every yaw; None unless a face is found in each view of the original."""
    before = HeadViews(pair.before)
    after = HeadViews(pair.after, before.threshold)
    recognisers = judges.recognisers
    originals: list[Descriptors] = []
    probes: list[Descriptors] = []
    for yaw in YAWS:
        picture = before.picture(yaw)
        crop = recognisers.crop(picture)
        if crop is None:
            return None
        original = recognisers.describe(picture, crop)
        originals.append(original)

        defaced = after.picture(yaw)
        probe = recognisers.describe(defaced, crop)
        probes.append(probe)
    return {
        name: _portraits(
            name,
            originals,
            probes,
        )
        for name in Recogniser
    }


def _portraits(
    name: Recogniser,
    originals: Sequence[Descriptors],
    probes: Sequence[Descriptors],
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
        results.append(
            Recognition(
                name,
                before,
                after,
            )
        )

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
    same_view = np.eye(
        len(before),
        dtype=bool,
    )
    usual = between_views[~same_view].mean()

    products = before * after
    own = products.sum(axis=1)
    return bool(own.mean() >= usual)
