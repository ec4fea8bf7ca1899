"""From subjects to persons for the vault, and from identities to work orders."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path

from deidflow.dicom.attributes import DATES, NAMES, NUMBERS
from deidflow.dicom.grouping import Series, Study, Subject
from deidflow.dicom.instance import Instance
from deidflow.dicom.persons import Member
from deidflow.dicom.policy import has_plane, is_object, text_doubt
from deidflow.errors import UsageError
from deidflow.header.name_patterns import name_parts
from deidflow.header.profile import BIRTH, FIRST_STUDY
from deidflow.header.values import floor_to
from deidflow.identity.anchors import real_date, real_dates, study_date, study_origin
from deidflow.identity.names import number_of, ordered_names
from deidflow.identity.persons import Person
from deidflow.identity.secret import LEDGER_PURPOSE, Keys
from deidflow.identity.vault import Identity
from deidflow.identity.workorder import FileOrder, SeriesOrder, SessionOrder, WorkOrder

_EVENT_DATES = {
    "PatientBirthDate": "birth_date",
    "SeriesDate": "series_date",
    "AcquisitionDate": "acquisition_date",
}
"""Keyword of a date from which days are counted -> field of an instance."""
_TRIGGER_STEP = Decimal(5)
_LEAST_PART = 3
"""Shorter parts of names and numbers may be in a pseudonym."""
_DATE_DIGITS = 8
"""Of a DA value, and of the date in a DT value."""
_OLDEST_DAYS = 90 * 365
"""Days since birth beyond which they tell an age over 89, which no profile gives."""


@dataclass(frozen=True)
class OrderOptions:
    """What settings and profile ask of work orders."""

    uid_root: str = "2.25"
    vocabulary: tuple[str, ...] = ()
    since: str = ""
    """`first-study`, the keyword of a date, or nothing."""
    event_dates: Mapping[str, str] = field(default_factory=dict)
    """Path of a file -> the date `since`, where the inventory does not read that attribute."""


def is_read_anyway(since: str) -> bool:
    """Whether the inventory tells when an event was."""
    return since in ("", FIRST_STUDY, *_EVENT_DATES)


def persons(subjects: Iterable[Subject]) -> list[Person]:
    """Every subject with something to release, as the vault needs them; raises UsageError as
    `refuse_split_studies`."""
    everybody = list(subjects)
    refuse_split_studies(sum(map(split_studies, everybody)))
    return list(map(person_of, everybody))


def split_studies(subject: Subject) -> int:
    """How many studies have files to which a manifest gives several sessions."""
    return sum(len(study.sessions) > 1 for study in subject.studies)


def refuse_split_studies(split: int) -> None:
    """Raise UsageError where there are any."""
    if split:
        raise UsageError(
            f"the manifest gives the files of {split} studies more than one session; "
            "a session is one study"
        )


def person_of(subject: Subject) -> Person:
    """A subject as the vault needs them."""
    first = _first(subject)
    dates = _values_of_kinds(subject, DATES)
    searched = NAMES | DATES

    return Person(
        key=subject.key,
        original=_original(subject),
        dates=frozenset(real_dates(dates)),
        studies={study.uid: study_date(study) for study in subject.studies},
        patient_id=first.patient_id.strip(),
        name=first.patient_name.strip(),
        folders=subject.folders,
        identifying=frozenset(_identifying_parts(subject)),
        searched=tuple(pair for pair in subject.identifiers if pair[0] in searched),
        label=subject.label,
        session_labels=_session_labels(subject),
    )


def _session_labels(subject: Subject) -> dict[str, str]:
    return {study.uid: min(study.sessions) for study in subject.studies if study.sessions}


def _first(subject: Subject) -> Instance:
    """The instance that speaks for the subject."""
    first_study = subject.studies[0]
    first_series = first_study.series[0]
    return first_series.first


def _values_of_kinds(subject: Subject, kinds: frozenset[str]) -> list[str]:
    return [value for kind, value in subject.identifiers if kind in kinds]


def _original(subject: Subject) -> dict[str, str]:
    """The values to seal: who it is first, then everything that identifies."""
    first = _first(subject)
    original = {
        "patient_id": first.patient_id.strip(),
        "issuer": first.issuer.strip(),
        "patient_name": first.patient_name.strip(),
        "birth_date": first.birth_date.strip(),
        "patient_sex": first.patient_sex.strip(),
    }
    for number, (kind, value) in enumerate(subject.identifiers):
        original[f"{kind} {number}"] = value
    return original


def _identifying_parts(subject: Subject) -> Iterator[str]:
    """Names by their parts, and numbers, long enough to mean somebody."""
    parts: set[str] = set()
    for name in _values_of_kinds(subject, NAMES):
        parts |= name_parts(name)
    for number in _values_of_kinds(subject, NUMBERS):
        parts.add(number.strip())

    for part in parts:
        if len(part) >= _LEAST_PART:
            yield part


def work_order(
    subject: Subject,
    identity: Identity,
    keys: Keys,
    source: str | Path,
    options: OrderOptions,
    *,
    with_files: bool = True,
) -> WorkOrder:
    """The subject's work order, sessions in the order of their labels."""
    study_dates = map(study_date, subject.studies)
    earliest = min(filter(None, study_dates), default=None)
    first_date = identity.anchor or earliest
    sessions = []
    for study in sorted(
        subject.studies,
        key=lambda study: identity.labels[study.uid],
    ):
        session = SessionOrder(
            label=identity.labels[study.uid],
            origin=study_origin(study),
            series=_series_orders(study, with_files),
            days_since=_days_since(
                study,
                options,
                first_date,
            ),
        )
        sessions.append(session)

    return WorkOrder(
        pseudonym=identity.pseudonym,
        source=str(source),
        uid_key=keys.derive("uid").hex(),
        hash_key=keys.derive("hash").hex(),
        uid_root=options.uid_root,
        vocabulary=options.vocabulary,
        shift_days=identity.shift_days,
        identifiers=subject.identifiers,
        sessions=tuple(sessions),
        audit_key=identity.audit_key.hex(),
        ledger_key=keys.derive(LEDGER_PURPOSE).hex(),
    )


def _days_since(study: Study, options: OrderOptions, first_study: date | None) -> int | None:
    """Whole days from the event to the study; None where one of the dates is not known."""
    since = options.since
    day = study_date(study)
    event = first_study if since == FIRST_STUDY else _event_date(study, options)
    if day is None or event is None:
        return None

    distance = day - event
    if since == BIRTH and distance.days > _OLDEST_DAYS:
        return None
    return distance.days


def _event_date(study: Study, options: OrderOptions) -> date | None:
    """The first real date of a kind among the series of a study."""
    column = _EVENT_DATES.get(options.since)
    for series in study.series:
        first = series.members[0]
        text = options.event_dates.get(first.path, "")
        if column is not None:
            text = getattr(series.first, column)
        day = real_date(text[:_DATE_DIGITS])
        if day:
            return day
    return None


def _series_orders(study: Study, with_files: bool) -> tuple[SeriesOrder, ...]:
    orders = []
    for name, series in ordered_names(study):
        order = SeriesOrder(
            name=name,
            modality=series.first.modality,
            incomplete=series.incomplete,
            bin_trigger_time=_is_binned(series),
            files=_file_orders(series) if with_files else (),
            text_doubt=_text_doubt(series),
            placed=all(has_plane(member.instance) for member in series.members),
            is_object=all(is_object(member.instance) for member in series.members),
        )
        orders.append(order)
    return tuple(orders)


def _text_doubt(series: Series) -> str:
    """The first reason why an instance of a series may show text."""
    doubts = (text_doubt(member.instance) for member in series.members)
    return next(filter(None, doubts), "")


def _file_orders(series: Series) -> tuple[FileOrder, ...]:
    """The files by instance number and UID: independent of file names."""
    ordered = sorted(series.members, key=_number_and_uid)
    return tuple(FileOrder(member.path, member.sha256) for member in ordered)


def _number_and_uid(member: Member) -> tuple[int, str]:
    instance = member.instance
    number = number_of(instance.instance_number)
    return number, instance.sop_uid


def _is_binned(series: Series) -> bool:
    """Whether the trigger times of a series may be binned."""
    times = [member.instance.trigger_time for member in series.members]
    return _stay_distinct(times)


def _stay_distinct(values: Iterable[str]) -> bool:
    """Whether trigger times still tell the same phases apart when floored to steps of five."""
    distinct = set(filter(None, values))
    floored = {floor_to(value, _TRIGGER_STEP) for value in distinct}
    return len(floored) == len(distinct)
