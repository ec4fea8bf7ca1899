"""How each series of a session would end: decided by the code of the steps, nothing written."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from deidflow.burned.devices import load_rules
from deidflow.burned.installed import reads
from deidflow.identity.workorder import SeriesOrder, WorkOrder, read_order
from deidflow.run.plan import SeriesEnd
from deidflow.settings.effective import effective_profile
from deidflow.settings.run import PlanSettings
from deidflow.states import SeriesState
from deidflow.steps.common import each_series
from deidflow.steps.inspect import Inspection
from deidflow.steps.results import Held
from deidflow.steps.scope import decide_without_head, may_be_head
from deidflow.steps.volumes import about_series, read_volumes


def is_any_read(order: WorkOrder, settings: PlanSettings) -> bool:
    """Whether the headers of any series of a subject suggest text, which a run would read."""
    for session in order.sessions:
        if any(_is_read(series, settings) for series in session.series):
            return True
    return False


def plan_session(
    order_path: Path, label: str, scratch: Path, settings: PlanSettings
) -> dict[str, SeriesEnd]:
    """Which series of a session stay whole, are withheld, or go on to be defaced.

    What may carry text is read, as in a run; of other series a run reads a projection. Runs in
    a child process.
    """
    order = read_order(order_path)
    decided = each_series(
        order.session(label),
        partial(_decide, order, scratch, settings),
    )
    return {name: _end(decision) for name, decision in decided.items()}


def _end(decision: SeriesEnd | Held) -> SeriesEnd:
    if isinstance(decision, Held):
        return SeriesEnd(decision.state, decision)
    return decision


def _decide(
    order: WorkOrder, scratch: Path, settings: PlanSettings, series: SeriesOrder
) -> SeriesEnd:
    text = ""
    if _is_read(series, settings):
        text = _text_end(order, scratch, settings, series)
    if not settings.defacing:
        return SeriesEnd(SeriesState.RELEASED, text=text)
    if not series.has_volumes:
        return SeriesEnd(SeriesState.NOT_A_HEAD, text=text)

    deface = settings.deface
    if may_be_head(about_series(order, series), deface):
        return SeriesEnd(None, text=text)
    decision = decide_without_head(
        read_volumes(order, series, scratch),
        deface,
        settings.level,
    )
    if decision is None:
        return SeriesEnd(None, text=text)
    return _end(decision) if isinstance(decision, Held) else SeriesEnd(decision.state, text=text)


def _is_read(series: SeriesOrder, settings: PlanSettings) -> bool:
    """Whether the headers of a series suggest text, which a run would read."""
    return bool(series.text_doubt) and reads(settings.burned_in)


def _text_end(order: WorkOrder, scratch: Path, settings: PlanSettings, series: SeriesOrder) -> str:
    """What a run would do about text in a series; raises Withheld where that holds it back."""
    inspection = Inspection(
        order=order,
        profile=effective_profile(settings),
        rules=load_rules(settings.burned_in.rules),
        defacing=settings.defacing,
        scratch=scratch,
    )
    inspected = inspection.series(series)
    if not inspected.rectangles:
        return "no text of a person in its pixels"
    rules = ", ".join(inspected.rules)
    return f"text blanked by rule {rules}"
