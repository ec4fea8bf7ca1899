"""Limits of the gate, one by one; a value that is not a number is within none."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from deidflow.face.affine import IDENTITY, affine_of, compose, index_to_world
from deidflow.face.features import face_is_empty, features
from deidflow.face.front_view import front_view
from deidflow.face.gate import GateDecision, Limit, agreement, judge, judge_tomography
from deidflow.face.prepare import Resonance, Tomography
from deidflow.face.template import Template
from deidflow.face.volume import Image, image_of, view_of
from deidflow.settings.face import GateSettings
from tests.face.conftest import ball, tomography

GATE = GateSettings()


@pytest.fixture(scope="module")
def computed_head() -> Tomography:
    return Tomography.of(tomography())


@pytest.mark.parametrize(
    ("value", "allowed"),
    [(0.8, True), (1.5, True), (1.0, True), (0.79, False), (1.51, False), (math.nan, False)],
)
def test_a_figure_must_be_within_both_limits(value: float, allowed: bool) -> None:
    limit = Limit(
        "volume_scale",
        least=0.8,
        most=1.5,
    )
    assert limit.allows({"volume_scale": value}) is allowed


def test_one_limit_alone_leaves_the_other_side_open() -> None:
    assert Limit("x", least=1.0).allows({"x": 1e9})
    assert Limit("x", most=1.0).allows({"x": -1e9})
    assert not Limit("x", least=1.0).allows({"x": math.nan})
    assert not Limit("x", most=1.0).allows({"x": math.nan})


def test_a_decision_that_names_a_failure_has_not_passed() -> None:
    assert GateDecision("", {}).passed
    assert not GateDecision("contrast", {}).passed


def test_registrations_agree_as_far_as_the_face_lies_apart(template: Template) -> None:
    shift = affine_of(np.eye(3), np.array([0.0, 3.0, 4.0]))

    assert (
        agreement(
            IDENTITY,
            IDENTITY,
            template,
        )
        == 0.0
    )
    assert agreement(
        IDENTITY,
        shift,
        template,
    ) == pytest.approx(5.0)


def test_distances_are_those_in_the_subject(template: Template) -> None:
    """A subject twice as large as the template: 5 mm in the template are 10 mm in the face."""
    half = affine_of(np.eye(3) / 2, np.zeros(3))
    shift = affine_of(np.eye(3), np.array([5.0, 0.0, 0.0]))
    assert agreement(
        half,
        compose(shift, half),
        template,
    ) == pytest.approx(10.0)


@pytest.mark.parametrize(
    ("setting", "value", "failed"),
    [
        ("agreement_mm", 0.9, "agreement_mm"),
        ("head_in_template_min", 1.01, "head_in_template"),
        ("contrast_min", 99.0, "contrast"),
        ("volume_scale_max", 0.1, "volume_scale"),
        ("face_cut_min", 1.01, "face_cut"),
        ("forehead_changed_max", -0.01, "forehead_changed"),
        ("face_changed_min", 1.01, "face_changed"),
    ],
)
def test_every_threshold_of_the_settings_counts(
    template: Template, setting: str, value: float, failed: str
) -> None:
    """The figures are those of a good registration, so that only the changed threshold can fail."""
    decision = _judged(template, GateSettings.model_validate({setting: value}))
    assert decision.failed == failed


def test_a_good_registration_passes_the_thresholds_of_the_settings(template: Template) -> None:
    assert _judged(template, GATE).passed


def _judged(template: Template, settings: GateSettings) -> GateDecision:
    return judge(
        _average(template),
        IDENTITY,
        1.0,
        template,
        settings,
    )


def _average(template: Template) -> Resonance:
    """The template as its own subject."""
    fine: Image = template.plain.fine
    return Resonance(
        small=fine,
        windowed=fine,
        mask=template.head,
    )


def test_the_engines_for_mr_are_not_asked_where_the_brain_decides(
    template: Template, computed_head: Tomography
) -> None:
    def others() -> list[float]:
        raise AssertionError("asked")

    as_its_own = replace(computed_head, brain=template.brain, mask=template.head)
    as_its_own = replace(as_its_own, small=template.brain, mask=template.brain > 0)
    decision = judge_tomography(
        as_its_own,
        IDENTITY,
        1.0,
        others,
        template,
        GATE,
    )

    assert decision.features["brain_dice"] == 1.0
    assert "others_mm" not in decision.features


@pytest.mark.parametrize(
    ("distances", "failed"), [([2.0, 9.0], "others_mm"), ([9.0, 2.0], "others_mm")]
)
def test_without_the_brain_the_worst_of_the_others_counts(
    template: Template, computed_head: Tomography, distances: list[float], failed: str
) -> None:
    no_brain = replace(computed_head, brain=computed_head.brain * 0)

    decision = judge_tomography(
        no_brain,
        IDENTITY,
        1.0,
        lambda: distances,
        template,
        GATE,
    )

    assert decision.features["brain_ml"] == 0.0
    assert decision.features["brain_dice"] == 0.0
    assert decision.features["others_mm"] == 9.0
    assert decision.failed == failed


def test_registrations_of_a_ct_that_differ_are_refused_at_once(
    template: Template, computed_head: Tomography
) -> None:
    no_brain = replace(computed_head, brain=computed_head.brain * 0)
    decision = judge_tomography(
        no_brain,
        IDENTITY,
        8.1,
        list,
        template,
        GATE,
    )
    assert decision.failed == "agreement_mm"


@pytest.mark.parametrize(
    ("in_view", "in_head", "blank", "empty"),
    [
        (1.0, 0.0, 1.0, True),
        (0.4, 0.0, 1.0, False),
        (1.0, 0.3, 1.0, False),
        (1.0, 0.0, 0.5, False),
        (1.0, math.nan, 1.0, False),
    ],
)
def test_a_face_is_empty_if_it_is_in_view_and_holds_one_value(
    in_view: float, in_head: float, blank: float, empty: bool
) -> None:
    figures = {"face_in_view": in_view, "face_in_head": in_head, "face_blank": blank}
    assert face_is_empty(figures) is empty


def test_figures_of_the_template_on_itself(template: Template) -> None:
    figures = features(
        _average(template),
        IDENTITY,
        template,
    )

    assert figures["volume_scale"] == pytest.approx(1.0)
    assert figures["face_in_view"] == 1.0
    assert figures["face_cut"] == 1.0
    assert figures["head_dice"] > 0.95
    assert figures["vault_in_head"] > 0.98


def test_an_empty_head_has_no_front(template: Template) -> None:
    view = front_view(
        template.head * 0,
        IDENTITY,
        template,
    )

    assert view.pixels == 0.0
    assert math.isnan(view.face_changed)
    assert math.isnan(view.forehead_changed)


def test_masking_moves_the_face_and_not_the_forehead(template: Template) -> None:
    view = front_view(
        template.head,
        IDENTITY,
        template,
    )

    assert view.pixels > 200
    assert view.face_changed > 0.9
    assert view.forehead_changed == 0.0


def test_a_turned_head_is_seen_upright(template: Template) -> None:
    """The head moved with the affine that undoes it: the view is nearly the same."""
    angle = np.deg2rad(20)
    turn = np.array(
        [
            [1, 0, 0],
            [0, np.cos(angle), -np.sin(angle)],
            [0, np.sin(angle), np.cos(angle)],
        ]
    )
    motion = affine_of(turn, np.array([5.0, -10.0, 8.0]))
    back = affine_of(turn.T, -turn.T @ motion[:, 3])

    plain = front_view(
        template.head,
        IDENTITY,
        template,
    )
    turned = front_view(
        _moved(template.head, motion),
        back,
        template,
    )

    assert turned.pixels == pytest.approx(plain.pixels, rel=0.05)
    assert turned.face_changed == pytest.approx(plain.face_changed, abs=0.05)


def _moved(image: Image, motion: np.ndarray) -> Image:
    return image_of(view_of(image), compose(motion, index_to_world(image)))


def test_a_ball_is_no_head(template: Template) -> None:
    sphere = Resonance.of(ball(90.0, size=50))
    assert not judge(sphere, IDENTITY, 0.0, template, GATE).passed
