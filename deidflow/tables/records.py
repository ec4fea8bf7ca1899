"""What the vault keeps of a table: who is who, who may be, who is missing, the original rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deidflow.settings.tables import TableSettings
from deidflow.tables.columns import Column
from deidflow.tables.matching import Match
from deidflow.tables.people import RowPerson, Subject
from deidflow.tables.reading import Table
from deidflow.tables.writing import write_table

_PRIVATE = 0o600
_FIRST_ROW = 2
"""The line of the first row in the table's file, below its header."""


@dataclass(frozen=True)
class Pairing:
    """A subject, the person of the table who is meant, and how that was found."""

    subject: Subject
    person: RowPerson | None
    match: Match


def records_folder(settings: TableSettings) -> Path:
    """Where the vault keeps what tables say, by project and level."""
    return settings.vault / "tables" / f"{settings.project}-{settings.level}"


def write_records(
    settings: TableSettings,
    table: Table,
    columns: Sequence[Column],
    people: Sequence[RowPerson],
    pairings: Sequence[Pairing],
) -> None:
    """Write mapping, ambiguous matches, missing persons and the shortened original."""
    folder = records_folder(settings)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    paired = [(pairing, pairing.person) for pairing in pairings if pairing.person]

    mapping = [
        _cells(person, pairing.subject, pairing.match.how, pairing.match.distance)
        for pairing, person in paired
    ]
    ambiguous = []
    for pairing in pairings:
        for place, distance in pairing.match.candidates:
            ambiguous.append(_cells(people[place], pairing.subject, "ambiguous", distance))
    header = ("subject", "how", "distance", "patient_id", "patient_name", "rows", "id", "name")
    _write(folder / "mapping.csv", header, mapping)
    _write(folder / "ambiguous.csv", header, ambiguous)
    _write(
        folder / "missing.csv", ("missing_in", "subject", "id", "name"), _missing(pairings, people)
    )

    shortened = []
    for pairing, person in paired:
        if pairing.subject.has_images:
            shortened += [[pairing.subject.pseudonym, *table.rows[place]] for place in person.rows]
    _write(folder / "shortened.csv", ("subject", *(column.name for column in columns)), shortened)


def _cells(person: RowPerson, subject: Subject, how: str, distance: float) -> list[str]:
    rows = " ".join(str(place + _FIRST_ROW) for place in person.rows)
    return [
        subject.pseudonym,
        how,
        f"{distance:.3f}",
        subject.patient_id,
        subject.who.name,
        rows,
        person.number,
        person.who.name,
    ]


def _missing(pairings: Sequence[Pairing], people: Sequence[RowPerson]) -> list[list[str]]:
    """Subjects without a row, and persons without images."""
    rows = []
    taken = set()
    for pairing in pairings:
        subject, person = pairing.subject, pairing.person
        if person is None and subject.has_images:
            rows.append(["table", subject.pseudonym, subject.patient_id, subject.who.name])
        if person is not None and subject.has_images:
            taken.add(person.rows)
    for person in people:
        if person.rows not in taken:
            rows.append(["images", "", person.number, person.who.name])
    return rows


def _write(path: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    write_table(path, header, rows, mode=_PRIVATE)
