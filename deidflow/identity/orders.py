"""From a cohort to persons for the vault, and from identities to work orders."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

from deidflow.dicom.grouping import Cohort, Series, Study, Subject
from deidflow.dicom.instance import DATES, NAMES, NUMBERS
from deidflow.dicom.patients import Member
from deidflow.header.name_patterns import name_parts
from deidflow.header.values import floor_to
from deidflow.identity.anchors import real_date, study_date, study_origin
from deidflow.identity.names import number_of, ordered_names
from deidflow.identity.persons import Person
from deidflow.identity.secret import Keys
from deidflow.identity.vault import Identity
from deidflow.identity.workorder import FileOrder, SeriesOrder, SessionOrder, WorkOrder


def persons(cohort: Cohort) -> list[Person]:
    """Every subject with something to release, as the vault needs it."""
    return [
        Person(
            key=subject.key,
            original=_original(subject),
            dates=frozenset(
                day
                for kind, value in subject.identifiers
                if kind in DATES and (day := real_date(value))
            ),
            studies={study.uid: study_date(study) for study in subject.studies},
            patient_id=_first(subject, "patient_id"),
            name=_first(subject, "patient_name"),
            folders=subject.folders,
            identifying=frozenset(_parts(subject)),
            searched=tuple(pair for pair in subject.identifiers if pair[0] in NAMES | DATES),
        )
        for subject in cohort.subjects
    ]


def _original(subject: Subject) -> dict[str, str]:
    """The values to seal: who it is first, then everything that identifies."""
    who = {
        name: _first(subject, name)
        for name in ("patient_id", "issuer", "patient_name", "birth_date", "patient_sex")
    }
    return who | {
        f"{kind} {number}": value for number, (kind, value) in enumerate(subject.identifiers)
    }


def _first(subject: Subject, field: str) -> str:
    return str(getattr(subject.studies[0].series[0].first, field)).strip()


def _parts(subject: Subject) -> Iterable[str]:
    """Names by their parts, and numbers, long enough to mean somebody."""
    for kind, value in subject.identifiers:
        parts = (
            name_parts(value) if kind in NAMES else {value.strip()} if kind in NUMBERS else set()
        )
        yield from (part for part in parts if len(part) >= 3)


def work_order(
    subject: Subject,
    identity: Identity,
    keys: Keys,
    source: str | Path,
    wishes: OrderOptions,
    *,
    with_files: bool = True,
) -> WorkOrder:
    """The subject's work order, sessions in the order of their labels."""
    dates = [day for study in subject.studies if (day := study_date(study))]
    sessions = [
        SessionOrder(
            label=identity.labels[study.uid],
            origin=study_origin(study),
            series=tuple(_series_orders(study, with_files)),
            days_since=_days_since(study, wishes.since, min(dates, default=None)),
        )
        for study in subject.studies
    ]
    return WorkOrder(
        pseudonym=identity.pseudonym,
        source=str(source),
        uid_key=keys.derive("uid").hex(),
        hash_key=keys.derive("hash").hex(),
        uid_root=wishes.uid_root,
        vocabulary=wishes.vocabulary,
        shift_days=identity.shift_days,
        identifiers=subject.identifiers,
        sessions=tuple(sorted(sessions, key=lambda session: session.label)),
    )


@dataclass(frozen=True)
class OrderOptions:
    """What settings and profile ask of work orders."""

    uid_root: str = "2.25"
    vocabulary: tuple[str, ...] = ()
    since: str = ""
    """`first-study`, the keyword of a date, or nothing."""


_SINCE = {
    "PatientBirthDate": "birth_date",
    "SeriesDate": "series_date",
    "AcquisitionDate": "acquisition_date",
}


def _days_since(study: Study, since: str, first: date | None) -> int | None:
    """Whole days from the event to the study."""
    day = study_date(study)
    if since != "first-study":
        texts = (
            [getattr(series.first, _SINCE[since]) for series in study.series]
            if since in _SINCE
            else []
        )
        first = next((found for text in texts if (found := real_date(text))), None)
    return (day - first).days if day and first else None


def _series_orders(study: Study, with_files: bool) -> Iterable[SeriesOrder]:
    for name, series in ordered_names(study):
        yield SeriesOrder(
            name=name,
            modality=series.first.modality,
            incomplete=series.incomplete,
            bin_trigger_time=_stay_distinct(
                [member.instance.trigger_time for member in series.members]
            ),
            files=tuple(FileOrder(one.path, one.sha256) for one in _in_order(series))
            if with_files
            else (),
        )


def _in_order(series: Series) -> list[Member]:
    """By instance number and UID: independent of file names."""
    return sorted(
        series.members,
        key=lambda member: (number_of(member.instance.instance_number), member.instance.sop_uid),
    )


def _stay_distinct(values: list[str]) -> bool:
    """Whether trigger times still tell the same phases apart when floored to steps of five."""
    distinct = {value for value in values if value}
    return len({floor_to(value, Decimal(5)) for value in distinct}) == len(distinct)
