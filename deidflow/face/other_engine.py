"""A head registered by the engine that is else only compared with, for people who ask for it."""

from __future__ import annotations

from functools import partial

from deidflow.face.affine import Array
from deidflow.face.candidate import Refused, Registered, Registration, attempt_by
from deidflow.face.gate import agreement, judge, judge_tomography
from deidflow.face.prepare import Resonance, Tomography
from deidflow.face.register import register
from deidflow.face.series import HeadSeries
from deidflow.face.template import Template
from deidflow.face.volume import Image
from deidflow.settings.face import DefaceSettings


def attempt_otherwise(
    series: HeadSeries, template: Template, settings: DefaceSettings
) -> Registered | Refused:
    """Register a series by the other engine and judge it by the same gate.

    On MR this is engine A, by plain intensities; on CT engine B, which goes by ranks.
    """
    register_head = _by_intensities
    if series.about.modality == "CT":
        register_head = _by_ranks
    return attempt_by(series, template, settings, register_head)


def _by_intensities(volume: Image, template: Template, settings: DefaceSettings) -> Registration:
    head = Resonance.of(volume)
    ranked = register(head.ranked, template.ranked)
    affine = register(head.windowed, template.plain)
    decision = judge(
        head,
        affine,
        distance=agreement(ranked, affine, template),
        template=template,
        settings=settings.gate,
    )
    return Registration(head, affine, decision)


def _by_ranks(volume: Image, template: Template, settings: DefaceSettings) -> Registration:
    """A CT as the engine for MR sees it; compared with its labels and with plain intensities."""
    head = Tomography.of(volume)
    as_resonance = Resonance.of(volume)
    labels = register(head.labels, template.labels)
    affine = register(as_resonance.ranked, template.ranked)
    decision = judge_tomography(
        head,
        affine,
        distance=agreement(labels, affine, template),
        others=partial(
            _distances,
            as_resonance,
            affine,
            template,
        ),
        template=template,
        settings=settings.gate,
    )
    return Registration(head, affine, decision)


def _distances(head: Resonance, affine: Array, template: Template) -> list[float]:
    """How far in mm the registration by plain intensities lies from this one."""
    plain = register(head.windowed, template.plain)
    return [agreement(plain, affine, template)]
