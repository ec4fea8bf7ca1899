"""Which series of a session are treated as heads: by attributes, the site's rules, the image."""

from __future__ import annotations

from deidflow.face.other_body_part import shows_no_head
from deidflow.face.series import About, HeadSeries, scope_rule_for
from deidflow.settings.face import DefaceSettings
from deidflow.states import SeriesState
from deidflow.steps.results import DefacePlan, Held
from deidflow.verdicts import Reason


def may_be_head(about: About, settings: DefaceSettings) -> bool:
    """Not what a rule spares, nor what its attributes call another part of the body."""
    rule = scope_rule_for(about, settings)
    if rule is not None:
        return rule.action == "force"
    return not about.says_other_body_part


def decide_without_head(
    series: HeadSeries, settings: DefaceSettings, level: str
) -> DefacePlan | Held | None:
    """The end of a series that a rule spares, or that its attributes call another part of the body.

    The image has the last word. None where the series is treated as a head.
    """
    if may_be_head(series.about, settings):
        return None

    rule = scope_rule_for(series.about, settings)
    spared_anyway = rule is not None and level == "low"
    if not spared_anyway and not shows_no_head(series):
        return None if rule is None else Held(Reason.SKIP_REFUSED)
    if rule is None:
        return DefacePlan(
            SeriesState.NOT_A_HEAD,
            "attributes and image",
        )
    return DefacePlan(SeriesState.SPARED, rule.reason)
