"""Session labels: months since the first published study."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from deidflow.identity.letters import with_letters
from deidflow.settings.sections import SessionSettings

_DAYS_PER_MONTH = 30.4375


@dataclass(frozen=True)
class DatedStudy:
    """A study by its lookup hash, with its date where it has one."""

    lookup: bytes
    date: date | None


def label_sessions(
    studies: Iterable[DatedStudy],
    fixed: Mapping[bytes, str],
    anchor: date | None,
    settings: SessionSettings | None = None,
    named: Mapping[bytes, str] | None = None,
) -> tuple[dict[bytes, str], date | None]:
    """Labels for all studies, and the anchor date from which they count.

    `fixed` are labels of published sessions, which never change; `anchor` is the date from which
    they count. `named` are what a manifest calls studies. M06: six months after it; N06: six
    months before; the same label again gets b, c ..
    """
    ordered = sorted(studies, key=_date_and_lookup)
    if anchor is None:
        dates = [study.date for study in ordered]
        anchor = next(filter(None, dates), None)

    labels = dict(fixed)
    rules = settings or SessionSettings()
    names = named or {}
    for study in ordered:
        if study.lookup not in labels:
            wanted = names.get(study.lookup) or _month_label(study.date, anchor, rules)
            labels[study.lookup] = _free_label(wanted, labels.values())
    return labels, anchor


def _date_and_lookup(study: DatedStudy) -> tuple[date, bytes]:
    """By date, studies without one last."""
    day = study.date or date.max
    return day, study.lookup


def _month_label(day: date | None, anchor: date | None, settings: SessionSettings) -> str:
    exact = _months_between(anchor, day)
    months = round(exact)
    if abs(exact) < settings.min_offset_months:
        months = 0

    step = settings.snap_months
    if step:
        near = round(exact / step) * step
        if abs(exact - near) <= settings.tolerance_months:
            months = near
    sign = "N" if months < 0 else "M"
    return f"{sign}{abs(months):02d}"


def _months_between(anchor: date | None, day: date | None) -> float:
    """Months from the anchor to the day; 0 where one of them is not known."""
    if anchor is None or day is None:
        return 0.0
    distance = day - anchor
    return distance.days / _DAYS_PER_MONTH


def _free_label(label: str, taken: Collection[str]) -> str:
    for candidate in with_letters(label):
        if candidate not in taken:
            return candidate
    raise ValueError("a subject has too many studies of one month")
