"""One registration a session: the choice of the reference, the gate, and what the others get."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deidflow.config import DefaceSettings
from deidflow.face.affine import Array
from deidflow.face.gate import Features, agreement, face_is_empty, judge
from deidflow.face.mask import face_in_view
from deidflow.face.register import register
from deidflow.face.template import Template
from deidflow.face.volume import Image, read_volume
from deidflow.verdicts import Reason

_FEWEST_SLICES = 20
_MOST_TRIES = 3
_NO_FACE_SHARE, _NO_FACE_MARGIN_MM = 0.02, 15.0
_LEAST_DICE_OF_DEFACED = 0.55


@dataclass(frozen=True)
class Candidate:
    """A converted series that could be the reference of its session."""

    series: str
    image: Path
    facts: dict[str, str]


@dataclass(frozen=True)
class Registered:
    """The accepted registration: its series, affine (subject world -> template world) and figures."""

    series: str
    affine: Array
    state: str
    figures: Features


@dataclass(frozen=True)
class Refused:
    """A head that did not pass: why, and the figures."""

    series: str
    reason: Reason
    detail: str
    figures: Features


def rank_candidates(candidates: Sequence[Candidate]) -> list[Candidate]:
    """3-D T1-like series first, then other 3-D, then the thickest cover; localizers and colour never."""
    usable = [(_score_or_none(candidate), candidate) for candidate in candidates]
    ordered = sorted((pair for pair in usable if pair[0]), key=lambda pair: (pair[0], pair[1].series), reverse=True)
    return [candidate for _, candidate in ordered]


def _score_or_none(candidate: Candidate) -> tuple[float, ...] | None:
    try:
        return _score(candidate)
    except (ValueError, ArithmeticError):
        return None


def _score(candidate: Candidate) -> tuple[float, ...] | None:
    types = {part.strip().upper() for part in candidate.facts["image_type"].split("\\")}
    if types & {"LOCALIZER", "P", "PHASE"} or candidate.facts["samples"] not in ("1", "0"):
        return None
    header = _header_of(candidate.image)
    sizes, spacings = header.get_data_shape()[:3], header.get_zooms()[:3]
    if len(sizes) < 3 or min(sizes) < _FEWEST_SLICES:
        return None
    volumes = math.prod(header.get_data_shape()[3:])
    cover = min(size * spacing for size, spacing in zip(sizes, spacings, strict=True))
    original = "DERIVED" not in types
    three_d = candidate.facts["acquisition_type"] == "3D" or max(spacings) < 1.5 * min(spacings)
    return (
        float(volumes == 1 and three_d),
        float(original),
        float(cover > 120),
        -round(float(max(spacings)), 1),
        cover,
    )


def _header_of(path: Path) -> Any:
    import nibabel

    return nibabel.load(path).header


def register_session(
    candidates: Sequence[Candidate], template: Template, settings: DefaceSettings
) -> tuple[Registered | None, list[Refused]]:
    """Register the best candidate that passes the gate; at most three are tried."""
    refused: list[Refused] = []
    for candidate in rank_candidates(candidates)[:_MOST_TRIES]:
        outcome = _attempt(candidate, template, settings)
        if isinstance(outcome, Registered):
            return outcome, refused
        refused.append(outcome)
    return None, refused


def _attempt(candidate: Candidate, template: Template, settings: DefaceSettings) -> Registered | Refused:
    try:
        volume = read_volume(candidate.image)
        plain = register(volume, template.target(flattened=False), flattened=False)
        affine = register(volume, template.target(flattened=True), flattened=True)
        distance = agreement(plain, affine, template)
        verdict = judge(volume, affine, distance, template, settings.gate)
    except (RuntimeError, ValueError, ArithmeticError) as error:
        return Refused(candidate.series, Reason.GATE_FEATURES, type(error).__name__, {})
    if verdict.failed:
        reason = Reason.GATE_AGREEMENT if verdict.failed == "agreement_mm" else Reason.GATE_FEATURES
        return Refused(candidate.series, reason, verdict.failed, verdict.features)
    return _accepted(candidate, volume, affine, verdict.features, template)


def _accepted(
    candidate: Candidate, volume: Image, affine: Array, figures: Features, template: Template
) -> Registered | Refused:
    if face_is_empty(figures):
        if figures["head_dice"] < _LEAST_DICE_OF_DEFACED:
            return Refused(candidate.series, Reason.GATE_FEATURES, "head_dice", figures)
        return Registered(candidate.series, affine, "already defaced", figures)
    state = state_in_view(volume, affine, template)
    return Registered(candidate.series, affine, state, figures)


def state_in_view(volume: Image, affine: Array, template: Template) -> str:
    """`no face in view` where the face, grown by 15 mm, lies outside the field of view; else `defaced`."""
    share = face_in_view(volume, affine, template, _NO_FACE_MARGIN_MM)
    enough = min(volume.GetSize()) > 1 and max(volume.GetSize()) >= _FEWEST_SLICES
    return "no face in view" if share < _NO_FACE_SHARE and enough else "defaced"
