"""Another part of the body keeps its pixels only where attributes and image say so; a rule cannot
release a head."""

from __future__ import annotations

from pathlib import Path

import pytest

from deidflow.release.measures import Measures
from deidflow.settings.face import DefaceSettings, ScopeRule
from deidflow.steps.asked_heads import ASKED_MARGIN_MM
from deidflow.steps.results import DefacePlan, Held
from tests.head_series import TRUNK, coarse_head, outcome, trunk, write


def test_a_trunk_that_says_so_keeps_its_pixels(tmp_path: Path, template_file: Path) -> None:
    found = outcome(tmp_path, template_file, write(tmp_path, "001-CT", trunk(), **TRUNK))
    assert found.state == "not a head"


@pytest.mark.parametrize(
    "words", [{"BodyPartExamined": ""}, {"SeriesDescription": "Head and thorax"}]
)
def test_a_trunk_that_does_not_say_so_is_withheld(
    tmp_path: Path, template_file: Path, words: dict[str, str]
) -> None:
    found = outcome(tmp_path, template_file, write(tmp_path, "001-CT", trunk(), **(TRUNK | words)))
    assert isinstance(found, Held)
    assert (found.state, found.reason) == ("quarantined", "no-head-registered")


def test_a_head_that_says_it_is_a_trunk_is_withheld(tmp_path: Path, template_file: Path) -> None:
    found = outcome(tmp_path, template_file, write(tmp_path, "001-CT", coarse_head(), **TRUNK))
    assert isinstance(found, Held)
    assert (found.state, found.reason) == ("quarantined", "no-head-registered")


def test_a_rule_spares_a_head_at_low_and_never_at_high(tmp_path: Path, template_file: Path) -> None:
    rule = ScopeRule(series="*HEAD*", action="skip", reason="needed with its face")
    series = write(tmp_path, "001-CT", coarse_head(), SeriesDescription="CT head")
    high = outcome(tmp_path, template_file, series, "high", rule)
    assert isinstance(high, Held)
    assert (high.state, high.reason) == ("quarantined", "skip-refused")
    low = outcome(tmp_path, template_file, series, "low", rule)
    assert isinstance(low, DefacePlan)
    assert (low.state, low.how) == ("spared by a rule", "needed with its face")


@pytest.mark.slow
def test_a_forced_series_is_not_believed_to_be_a_trunk(tmp_path: Path, template_file: Path) -> None:
    rule = ScopeRule(body_part="chest", action="force", reason="heads mislabelled in 2019")
    found = outcome(
        tmp_path,
        template_file,
        write(tmp_path, "001-CT", coarse_head(), **TRUNK),
        "high",
        rule,
        measures={"001-CT": Measures(margins=2)},
    )
    assert isinstance(found, DefacePlan) and found.mask is not None
    assert (found.state, found.forced) == ("defaced", "heads mislabelled in 2019")
    margin = DefaceSettings().margin_mm + 2 * ASKED_MARGIN_MM
    assert found.mask.margin_mm == margin, "somebody asked for a larger one"
    assert (tmp_path / "scratch" / found.mask.brain).exists()
