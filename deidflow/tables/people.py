"""The persons on both sides: subjects of a vault with their images, and the rows of a table."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date

from deidflow.dicom.demographics import Demographics
from deidflow.dicom.person_names import name_words, same_name
from deidflow.dicom.written_dates import days_meant
from deidflow.errors import EnvironmentFault
from deidflow.header.clock import StudyClock
from deidflow.header.values import parse_date
from deidflow.identity.original import Original
from deidflow.identity.persons import Person
from deidflow.identity.vault import Vault
from deidflow.identity.withdrawn import WithdrawnPatients
from deidflow.identity.workorder import read_order
from deidflow.release.layout import Layout
from deidflow.settings.tables import TableSettings
from deidflow.tables.columns import Column, Role
from deidflow.tables.matching import Who, normal_number
from deidflow.tables.reading import Table

_LONGEST_NUMBER = 16
"""Characters of a PatientID that is a number."""
_KINDS = {Role.NAME: "name", Role.ID: "id", Role.BIRTH: "birth", Role.DROPPED: "text"}
_NAME = re.compile(r"[^\W\d_]{2,}(?:[ ,.^'’-]+[^\W\d_]+)+\.?")
_SEALED_FIELDS = {
    "patient_id": "id",
    "patient_name": "name",
    "birth_date": "birth",
}


@dataclass(frozen=True)
class Subject:
    """A subject of the vault: how it is called, what identifies it, and how its dates move."""

    pseudonym: str
    shift_days: int
    identifiers: tuple[tuple[str, str], ...]
    who: Who
    sex: str = ""
    birth: str = ""
    sessions: tuple[tuple[str, str], ...] = ()
    """Labels and true dates."""
    clocks: tuple[tuple[str, StudyClock], ...] = ()
    has_images: bool = True
    patient_id: str = ""
    """The first PatientID of the images, as it is written."""


def subjects_of(vault: Vault, layout: Layout, settings: TableSettings) -> list[Subject]:
    """Everybody in the vault's project and level; those in the release only where one is named."""
    subjects = []
    for original in vault.originals():
        folder = settings.release / original.pseudonym if settings.release else None
        has_images = bool(original.sessions) if folder is None else folder.is_dir()
        subjects.append(_subject(original, layout, has_images))
    return subjects


def _subject(original: Original, layout: Layout, has_images: bool) -> Subject:
    values = original.values
    name, birth = values.get("patient_name", ""), values.get("birth_date", "")
    identifiers = tuple(_pairs(values))
    numbers = [value for kind, value in identifiers if kind == "id"]
    who = Who(
        numbers=_numbers(numbers),
        name=name,
        births=days_meant(birth),
    )

    return Subject(
        pseudonym=original.pseudonym,
        shift_days=original.shift_days,
        identifiers=identifiers,
        who=who,
        sex=values.get("patient_sex", ""),
        birth=birth,
        sessions=original.sessions,
        clocks=tuple(_clocks(original, layout)),
        has_images=has_images,
        patient_id=values.get("patient_id", ""),
    )


def _pairs(values: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    """Kind and value of everything sealed that identifies."""
    for field, value in values.items():
        kind = _SEALED_FIELDS.get(field) or field.partition(" ")[0]
        if value and field not in ("issuer", "patient_sex"):
            yield kind, value


def _clocks(original: Original, layout: Layout) -> Iterable[tuple[str, StudyClock]]:
    """The clock of each session: its work order's, else one that starts on the study's date."""
    path = layout.order(original.pseudonym)
    origins: dict[str, str] = {}
    # Without a work order of this version the clock starts at midnight of the study's date.
    with suppress(EnvironmentFault):
        for session in read_order(path).sessions:
            origins[session.label] = session.origin
    for label, day in original.sessions:
        clock = StudyClock.parse(origins.get(label) or day)
        if clock is not None:
            yield label, clock


# rows


@dataclass(frozen=True)
class RowPerson:
    """The rows of one person, by their numbers from 0."""

    rows: tuple[int, ...]
    who: Who
    number: str
    """The number as it is written."""
    birth: str
    is_mixed: bool = False
    """Whether rows with one number have names of different persons."""

    @property
    def key(self) -> str:
        """The key of the person in a vault; with a number that of later images."""
        if self.number:
            return f"id||{self.number}"
        return f"table|{' '.join(sorted(name_words(self.who.name)))}|{self.birth}"

    def person(self) -> Person:
        """The person as the vault takes it."""
        original = {
            "patient_id": self.number,
            "patient_name": self.who.name,
            "birth_date": min(f"{day:%Y%m%d}" for day in self.who.births)
            if self.who.births
            else "",
        }
        pairs = (("name", self.who.name), ("birth", original["birth_date"]))

        return Person(
            key=self.key,
            original=original,
            dates=self.who.births,
            studies={},
            patient_id=self.number,
            name=self.who.name,
            identifying=frozenset(word for word in name_words(self.who.name) if len(word) > 2),
            searched=tuple((kind, value) for kind, value in pairs if value),
        )


def row_identifiers(row: Sequence[str], columns: Sequence[Column]) -> list[tuple[str, str]]:
    """Kind and value of what identifies in a row: the cells of columns that do not leave."""
    pairs = []
    for column in columns:
        cell = row[column.place]
        if cell and column.role in _KINDS and not column.why:
            pairs.append((_KINDS[column.role], cell))
    name = full_name(row, columns)
    return [*pairs, ("name", name)] if name else pairs


def full_name(row: Sequence[str], columns: Sequence[Column]) -> str:
    """The name in a row, from one column or several, or where an ID was expected."""
    parts = [row[column.place] for column in columns if column.role is Role.NAME]
    name = " ".join(part for part in parts if part)
    cell = _first(row, columns, Role.ID)
    return cell if not name and _is_name(cell) else name


def _number(row: Sequence[str], columns: Sequence[Column]) -> str:
    """The number in a row; empty where a name stands in its place."""
    cell = _first(row, columns, Role.ID)
    return "" if _is_name(cell) else cell


def _is_name(cell: str) -> bool:
    """Whether a cell of a column of IDs is a name: two words of letters or more."""
    return len(name_words(cell)) > 1 and bool(_NAME.fullmatch(cell))


def people_in(table: Table, columns: Sequence[Column]) -> list[RowPerson]:
    """The persons of a table: rows with one number, or without one with one name and birth date."""
    groups: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
    for place, row in enumerate(table.rows):
        key = _group_key(row, columns)
        if key:
            groups[key].append(place)
    return [_person(places, table, columns) for places in groups.values()]


def _group_key(row: Sequence[str], columns: Sequence[Column]) -> tuple[str, ...]:
    """What rows of one person have in common; empty for a row of nobody."""
    number = normal_number(_number(row, columns))
    if number:
        return "number", number
    words = sorted(name_words(full_name(row, columns)))
    birth = _first(row, columns, Role.BIRTH)
    return ("name", birth, *words) if words else ()


def _person(places: Sequence[int], table: Table, columns: Sequence[Column]) -> RowPerson:
    names: list[str] = []
    births: list[str] = []
    for place in places:
        row = table.rows[place]
        names.append(full_name(row, columns))
        births.append(_first(row, columns, Role.BIRTH))

    names = list(filter(None, names))
    name = names[0] if names else ""
    number = _number(table.rows[places[0]], columns)
    days = frozenset[date]().union(*map(days_meant, births))
    is_mixed = any(not same_name(name, other) for other in names)
    return RowPerson(
        rows=tuple(places),
        who=Who(_numbers([number]), name, days),
        number=number,
        birth=next(filter(None, births), ""),
        is_mixed=is_mixed,
    )


def without_withdrawn(people: Iterable[RowPerson], withdrawn: WithdrawnPatients) -> list[RowPerson]:
    """The persons of a table who have not withdrawn consent.

    Spreadsheets lose the zeros before a number, so each count of them is asked for.
    """
    return [person for person in people if not _has_withdrawn(person, withdrawn)]


def _has_withdrawn(person: RowPerson, withdrawn: WithdrawnPatients) -> bool:
    if not withdrawn:
        return False
    lengths = range(len(person.number), _LONGEST_NUMBER + 1) if person.number.isdigit() else ()
    numbers = {person.number, *map(person.number.zfill, lengths)}
    return any(
        withdrawn.include(
            Demographics(
                patient_id=number,
                issuer="",
                name=person.who.name,
                birth_date=person.birth,
                sex="",
            )
        )
        for number in numbers
    )


def _numbers(values: Iterable[str]) -> frozenset[str]:
    """Numbers as they are compared."""
    return frozenset(filter(None, map(normal_number, values)))


def _first(row: Sequence[str], columns: Sequence[Column], role: Role) -> str:
    """The cell of the first column with a role."""
    return next(
        (row[column.place] for column in columns if column.role is role),
        "",
    )


def first_date(subject: Subject) -> str:
    """The true date of a subject's first session as a DA value; empty if it is not known."""
    days = [day.replace("-", "") for _, day in subject.sessions if day]
    known = [day for day in days if parse_date(day)]
    return min(known, default="")
