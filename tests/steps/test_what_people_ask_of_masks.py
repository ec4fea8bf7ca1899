"""What people decided on a series acts in the next run, and never lets out an unmasked head."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from deidflow.face.affine import apply, inverse
from deidflow.face.landmarks import template_landmarks
from deidflow.identity.workorder import SeriesOrder
from deidflow.release.decisions import Point
from deidflow.release.measures import Measures
from deidflow.settings.face import GateSettings
from deidflow.steps.results import DefacePlan, Held
from tests.head_series import TRUNK, coarse_head, outcome, trunk, write

NO_TWO_AGREE = GateSettings(agreement_mm=0.0)
"""A gate that refuses every registration, however good."""


def said(series: SeriesOrder, **measures: object) -> dict[str, Measures]:
    """What somebody said of the very files of a series."""
    return {series.name: Measures(source=series.source_digest, **measures)}


def masked(plan: DefacePlan | Held) -> np.ndarray:
    """World of the series -> world of the template, of a series that gets a mask."""
    assert isinstance(plan, DefacePlan), plan
    assert plan.mask is not None
    return np.array(plan.mask.face_affine)


@pytest.fixture
def head(tmp_path: Path) -> SeriesOrder:
    return write(tmp_path, "001-CT", coarse_head())


def test_what_a_person_says_is_no_head_goes_out_whole(tmp_path: Path, template_file: Path) -> None:
    silent = TRUNK | {"BodyPartExamined": ""}
    series = write(tmp_path, "001-CT", trunk(), **silent)
    plan = outcome(tmp_path, template_file, series, measures=said(series, no_head=True))
    assert isinstance(plan, DefacePlan), plan
    assert (plan.state, plan.how, plan.mask) == ("not a head", "a person", None)
    assert plan.by_person == ("not-a-head",)

    of_others = {"001-CT": Measures(no_head=True, source="0" * 64)}
    assert isinstance(outcome(tmp_path, template_file, series, measures=of_others), Held)


def test_a_head_is_not_let_out_by_who_says_that_it_is_none(
    tmp_path: Path, template_file: Path
) -> None:
    series = write(tmp_path, "001-CT", coarse_head(), **TRUNK)
    plan = outcome(tmp_path, template_file, series, measures=said(series, no_head=True))
    assert isinstance(plan, Held), plan
    assert plan.reason == "taken-for-head"


@pytest.mark.slow
def test_other_engine_and_landmarks_make_another_mask(
    tmp_path: Path, template_file: Path, head: SeriesOrder
) -> None:
    usual = outcome(tmp_path, template_file, head)
    other = outcome(tmp_path, template_file, head, measures=said(head, other_engine=True))
    assert isinstance(other, DefacePlan), other
    assert other.by_person == ("other-engine",)
    apart = np.abs(masked(usual) - masked(other))
    assert 0 < apart.max() < 20, "another registration of the same head"

    places = {}
    back = inverse(masked(usual)[:3])
    for name, landmark in template_landmarks().items():
        places[name] = apply(back, landmark.at[None])[0]
    points = tuple(Point(name, *place.tolist()) for name, place in places.items())
    measures = said(head, landmarks=points[:5])
    held = outcome(tmp_path, template_file, head, gate=NO_TWO_AGREE)
    assert isinstance(held, Held), "the gate refuses it"

    asked = outcome(tmp_path, template_file, head, measures=measures, gate=NO_TWO_AGREE)
    assert isinstance(asked, DefacePlan), asked
    assert (asked.state, asked.by_person) == ("defaced", ("landmarks",))
    assert "agreement_mm" not in asked.figures
    assert np.abs(masked(asked)[:3, :3] - masked(usual)[:3, :3]).max() < 0.1
