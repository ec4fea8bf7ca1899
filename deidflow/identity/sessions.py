"""Session labels: months since the first published study."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from string import ascii_lowercase

from deidflow.settings.sections import SessionSettings

_DAYS_A_MONTH = 30.4375


@dataclass(frozen=True)
class DatedStudy:
    """A study by its lookup hash, with its date where it has one."""

    lookup: bytes
    date: date | None


def label_sessions(
    studies: Iterable[DatedStudy],
    fixed: Mapping[bytes, str],
    anchor: date | None,
    wanted: SessionSettings | None = None,
) -> tuple[dict[bytes, str], date | None]:
    """Labels for all studies and the anchor date they count from.

    `fixed` are labels of published sessions, which never change; `anchor` is the date they count
    from. M06: six months after it; N06: six months before; the same label again gets b, c ..
    """
    ordered = sorted(studies, key=lambda study: (study.date or date.max, study.lookup))
    if anchor is None:
        anchor = next((study.date for study in ordered if study.date), None)
    labels, used = dict(fixed), set(fixed.values())
    for study in ordered:
        if study.lookup not in labels:
            labels[study.lookup] = _free(
                _month_label(study.date, anchor, wanted or SessionSettings()), used
            )
            used.add(labels[study.lookup])
    return labels, anchor


def _month_label(day: date | None, anchor: date | None, wanted: SessionSettings) -> str:
    exact = (day - anchor).days / _DAYS_A_MONTH if day and anchor else 0.0
    months = 0 if abs(exact) < wanted.min_offset_months else round(exact)
    if wanted.snap_months:
        near = round(exact / wanted.snap_months) * wanted.snap_months
        months = near if abs(exact - near) <= wanted.tolerance_months else months
    return f"{'N' if months < 0 else 'M'}{abs(months):02d}"


def _free(label: str, used: set[str]) -> str:
    candidates = [label, *(label + letter for letter in ascii_lowercase[1:])]
    candidates += [
        f"{label}{first}{second}" for first in ascii_lowercase for second in ascii_lowercase
    ]
    return next(candidate for candidate in candidates if candidate not in used)
