"""Words of the pages are complete, and figures keep their meaning when they are rounded."""

from __future__ import annotations

import pytest

from deidflow.release.dataset import ReviewRow
from deidflow.report.facts import Counts, HeldGroup, ReasonCount, SeriesFacts
from deidflow.report.flow_chart import flow_chart
from deidflow.report.gate_chart import figure_rows, gate_figures
from deidflow.report.held_table import held_by_urgency
from deidflow.report.pages import mask_words, review_words
from deidflow.report.words import Urgency, advice_for, figure_words, limits_of, reason_words
from deidflow.resources import load_yaml
from deidflow.verdicts import Reason


def series(figures: dict[str, float], how: str = "reference") -> SeriesFacts:
    return SeriesFacts("001-MR", "defaced", "released", "publish", "", 1, how=how, figures=figures)


def group(verdict: str, reason: str, files: int) -> HeldGroup:
    paths = tuple(f"IM{number}" for number in range(files))
    return HeldGroup("P001", "M00", "001-MR", verdict, "deface", reason, "", paths)


def test_every_reason_has_advice() -> None:
    advised = set(load_yaml("report/advice.yaml"))

    assert advised == {str(reason.value) for reason in Reason}


def test_an_unknown_reason_is_looked_at() -> None:
    assert advice_for("from-a-newer-version").urgency is Urgency.SOON
    assert reason_words("from-a-newer-version") == "from-a-newer-version"


def test_what_people_asked_for_is_said() -> None:
    by_hand = SeriesFacts(
        "001-MR", "defaced", "released", "", "", 1, how="reference", margin_mm=4.0,
        by_person=("landmarks",),
    )  # fmt: skip
    assert mask_words(by_hand).endswith("grown by 4 mm; as a person asked: landmarks")
    assert review_words(ReviewRow(10.0, 5.0, 4, 3)) == "3 of 4 drawn cases are signed off"
    assert review_words(ReviewRow(10.0, 5.0, 4, 4, 2, 0.5)).endswith("looked at twice, kappa 0.50")


def test_levels_have_different_limits() -> None:
    low = {limit.title for limit in limits_of("low")}
    high = {limit.title for limit in limits_of("high")}

    assert "Faces are in the images" in low - high


@pytest.mark.parametrize("value", [8.0, 7.99, 7.76, 0.0])
def test_rounding_never_makes_a_figure_fail(value: float) -> None:
    words = figure_words()["agreement_mm"]

    assert words.passes(words.rounded(value))


def test_a_lower_limit_is_not_rounded_away() -> None:
    words = figure_words()["contrast"]

    assert words.rounded(1.81) == pytest.approx(1.8)


def test_a_carried_series_has_a_limit_of_its_own() -> None:
    assert "carried_contrast" in gate_figures(series({"contrast": 1.5}, how="refined"))
    assert "contrast" in gate_figures(series({"contrast": 1.9}))


def test_where_other_engines_decide_the_brain_does_not() -> None:
    figures = gate_figures(series({"others_mm": 3.0, "brain_dice": 0.63}))

    assert "brain_dice" not in figures


def test_the_worst_value_is_the_one_nearest_to_its_limit() -> None:
    rows = figure_rows([series({"agreement_mm": 1.0}), series({"agreement_mm": 7.0})], coarse=False)

    assert rows[0].worst == "7"
    assert rows[0].values == 2
    assert rows[0].passes


def test_bands_of_the_chart_are_as_thick_as_their_files() -> None:
    reasons = (ReasonCount("quarantined", "truncated", 40),)
    chart = flow_chart(Counts(100, {"released": 60, "quarantined": 40}, reasons, 0, 0))
    heights = {bar.label: bar.height for bar in chart.bars}

    assert heights["released"] == pytest.approx(1.5 * heights["quarantined"])
    assert heights["the file ends before its data does"] == pytest.approx(heights["quarantined"])


def test_an_empty_run_has_a_chart() -> None:
    assert flow_chart(Counts(0, {}, (), 0, 0)).bands == ()


def test_what_failed_is_never_without_something_to_do() -> None:
    sections = held_by_urgency([group("failed", "not-dicom", 1)])

    assert list(sections) == [Urgency.SOON]


def test_leaks_come_before_larger_groups() -> None:
    held = [group("quarantined", "truncated", 50), group("quarantined", "leak-found", 1)]

    assert list(held_by_urgency(held)) == [Urgency.NOW, Urgency.SOON]
