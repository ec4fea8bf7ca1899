"""Whether people have signed off all that was drawn: what dataset.json says of the review."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable

from deidflow.release.dataset import ReviewRow, read_review, write_review
from deidflow.release.decision_record import histories, read_entries
from deidflow.release.decisions import Action
from deidflow.release.layout import Layout
from deidflow.release.withdrawal import locked_release, renew_checksums
from deidflow.report.read_facts import read_facts
from deidflow.review.agreement import agreement_of
from deidflow.review.queue import Case, Choice, Look, cases_of, looks_at

REVIEW_KEY = "review"
"""The purpose of the key by which cases are drawn."""


def note_sign_off(layout: Layout, key: bytes) -> None:
    """Write what dataset.json says of the review; its checksum is for the caller to renew."""
    current = read_review(layout.release)
    if current is None:
        return
    decisions = histories(read_entries(layout.decisions))
    cases = cases_of(
        layout,
        read_facts(layout),
        decisions,
    )
    write_review(
        layout.release,
        signed_off(cases, current, key),
    )


def renew_sign_off(layout: Layout, review: ReviewRow) -> None:
    """Write the same after decisions, with page and checksums.

    Raises ReleaseBusy while a run is at work, which writes it itself.
    """
    with locked_release(layout):
        write_review(layout.release, review)
        if layout.shared_report.exists():
            from deidflow.report.write import write_shared

            write_shared(layout)
        else:
            renew_checksums(layout)


def signed_off(cases: Collection[Case], review: ReviewRow, key: bytes) -> ReviewRow:
    """How many of the published cases that were drawn are accepted as they stand now."""
    choice = Choice(
        sample_percent=review.sample_percent,
        again_percent=review.again_percent,
    )
    looks = _published(cases, looks_at(cases, choice, key))
    accepted = sum(_is_accepted(case) for case in looks)
    agreement = agreement_of(case.history for case in cases)

    return ReviewRow(
        sample_percent=review.sample_percent,
        again_percent=review.again_percent,
        cases=len(looks),
        signed_off=accepted,
        second_looks=agreement.pairs,
        kappa=None if math.isnan(agreement.kappa) else round(agreement.kappa, 2),
    )


def _published(cases: Iterable[Case], looks: Iterable[Look]) -> list[Case]:
    """The looks at what is in the release."""
    by_name = {case.name: case for case in cases}
    published = []
    for look in looks:
        case = by_name[look.name]
        if case.is_out:
            published.append(case.seen_as(look))
    return published


def _is_accepted(case: Case) -> bool:
    if case.decision is None or not case.history[-1].is_about(case.outputs):
        return False
    is_last_word = case.history[-1].action is Action.ACCEPT
    return is_last_word and case.is_decided and case.decision.action is Action.ACCEPT
