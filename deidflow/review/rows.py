"""What the page and the server tell each other."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field

from deidflow.face.landmarks import MOST
from deidflow.release.decisions import Action, Point, Rectangle, Sight
from deidflow.report.pages import data_uri
from deidflow.report.private_pages import SeriesCard
from deidflow.report.view_cache import SeriesViews
from deidflow.report.words import reason_words
from deidflow.review.desk import Desk, Wish
from deidflow.review.queue import Case

Millimetres = Annotated[float, Field(ge=-5_000, le=5_000, allow_inf_nan=False)]


class PointRow(BaseModel):
    """A landmark, in LPS mm."""

    name: Annotated[str, Field(max_length=32)]
    x: Millimetres
    y: Millimetres
    z: Millimetres


class RectangleRow(BaseModel):
    """A rectangle of the stored matrix, in pixels."""

    top: Annotated[int, Field(ge=0, le=65_535)]
    left: Annotated[int, Field(ge=0, le=65_535)]
    rows: Annotated[int, Field(ge=1, le=65_535)]
    columns: Annotated[int, Field(ge=1, le=65_535)]


class WishRow(BaseModel):
    """A decision as the page sends it."""

    action: Action
    sights: tuple[Sight, ...] = ()
    seconds: Annotated[float, Field(ge=0, le=86_400)] = 0.0
    seen: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")] = ""
    landmarks: Annotated[tuple[PointRow, ...], Field(max_length=MOST)] = ()
    rectangles: Annotated[tuple[RectangleRow, ...], Field(max_length=64)] = ()

    def wish(self) -> Wish:
        """The same as the desk takes it."""
        return Wish(
            action=self.action,
            sights=self.sights,
            seconds=self.seconds,
            seen=self.seen,
            landmarks=tuple(Point(**row.model_dump()) for row in self.landmarks),
            rectangles=tuple(Rectangle(**row.model_dump()) for row in self.rectangles),
        )


def queue_row(desk: Desk) -> dict[str, Any]:
    """The queue and its progress for the page."""
    cases = desk.cases()
    rows = [_queue_entry(desk, case) for case in cases]
    progress = desk.progress(cases)
    return {
        "cases": rows,
        "blind": desk.is_blind,
        "decided": progress.decided,
        "withheld": progress.withheld,
        "seconds": progress.seconds_per_case,
    }


def _queue_entry(desk: Desk, case: Case) -> dict[str, Any]:
    is_hidden = desk.is_blind and not case.is_decided
    decision = case.decision if case.is_decided else None
    return {
        "name": "" if is_hidden else str(case.name),
        "risk": None if is_hidden else case.risk,
        "out": None if is_hidden else case.is_out,
        "again": case.again,
        "action": decision.action.value if decision else "",
        "sights": [sight.value for sight in decision.sights] if decision else [],
        "who": decision.who if decision else "",
        "when": decision.when if decision else "",
    }


def case_row(desk: Desk, case: Case, card: SeriesCard) -> dict[str, Any]:
    """One case for the page: its pictures, and its figures unless the queue is blind."""
    shown = {
        "views": view_rows(card.views),
        "seen": card.views.digest,
        "both": card.views.has_both,
    }
    return shown if desk.is_blind else shown | _open_facts(case, card)


def view_rows(shown: SeriesViews) -> list[dict[str, str]]:
    """Views for the page; pictures as addresses that hold them."""
    rows = []
    for view in shown.views:
        row = {
            "name": view.name,
            "before": data_uri(view.before) if view.before else "",
            "after": data_uri(view.after) if view.after else "",
            "outline": data_uri(view.outline) if view.outline else "",
        }
        rows.append(row)
    return rows


def _open_facts(case: Case, card: SeriesCard) -> dict[str, Any]:
    figures = []
    for figure in card.figures:
        row = {
            "title": figure.title,
            "value": figure.value,
            "limit": figure.limit,
            "passes": figure.passes,
        }
        figures.append(row)

    reason = case.series.reason

    return {
        "state": case.series.state,
        "instances": case.series.instances,
        "reason": reason_words(reason) if reason else "",
        "advice": card.advice.words if card.advice else "",
        "figures": figures,
    }
