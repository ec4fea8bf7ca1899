"""Deface: one registration for a session, and for each series the mask it gets. Writes no image."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from deidflow.config import DefaceSettings
from deidflow.face.session import Candidate, Refused, Registered, register_session, state_in_view
from deidflow.face.template import Template, load_template
from deidflow.face.volume import read_volume
from deidflow.identity.workorder import SessionOrder, read_order
from deidflow.steps.common import SeriesResult, guarded, is_withheld, withheld
from deidflow.verdicts import Reason

VERSION = "1"


def deface_session(
    order_path: str,
    label: str,
    converted: str,
    outcome: dict[str, Any],
    template_path: str,
    settings: DefaceSettings,
) -> dict[str, Any]:
    """The affine of the session's head and a state for each series; withheld where no head passed."""
    session = read_order(Path(order_path)).session(label)
    template = load_template(Path(template_path))
    candidates = _candidates(session, Path(converted), outcome["series"])
    registered, refused = register_session(candidates, template, settings)
    result: dict[str, Any] = {
        "refused": [_figures(one) for one in refused],
        "affine": None,
        "reference": None,
    }
    if registered is None:
        return result | {"series": _all_withheld(session, refused)}
    states = {
        candidate.series: guarded(lambda one=candidate: _carried(one, registered, template, settings))  # type: ignore[misc]
        for candidate in _images(session, Path(converted), outcome["series"])
    }
    return result | {
        "affine": registered.affine.tolist(),
        "reference": registered.series,
        "figures": registered.figures,
        "series": states,
    }


def _images(session: SessionOrder, converted: Path, outcomes: dict[str, SeriesResult]) -> list[Candidate]:
    """The first image of every series that was converted."""
    found = []
    for series in session.series:
        outcome = outcomes[series.name]
        if not is_withheld(outcome):
            image = converted / series.name / f"image{outcome['outputs'][0]}.nii.gz"
            found.append(Candidate(series.name, image, series.facts))
    return found


def _candidates(session: SessionOrder, converted: Path, outcomes: dict[str, SeriesResult]) -> list[Candidate]:
    modality = {series.name: series.modality for series in session.series}
    return [image for image in _images(session, converted, outcomes) if modality[image.series] == "MR"]


def _carried(
    candidate: Candidate, registered: Registered, template: Template, settings: DefaceSettings
) -> SeriesResult:
    """The reference gets the mask as it is, every other series gets it grown."""
    if candidate.series == registered.series:
        return {"state": registered.state, "margin_mm": 0.0}
    state = state_in_view(read_volume(candidate.image), registered.affine, template)
    return {"state": state, "margin_mm": settings.carried_margin_mm}


def _all_withheld(session: SessionOrder, refused: list[Refused]) -> dict[str, SeriesResult]:
    """Tried heads with what they failed, all siblings because of them."""
    why = {one.series: withheld(one.reason, one.detail) for one in refused}
    other = Reason.SIBLING_HELD if refused else Reason.NO_HEAD_REGISTERED
    return {series.name: why.get(series.name, withheld(other)) for series in session.series}


def _figures(refused: Refused) -> dict[str, Any]:
    return asdict(refused) | {"reason": str(refused.reason.value)}
