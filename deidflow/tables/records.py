"""What the vault keeps of a table: who is who, who may be, who is missing, the original rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from deidflow.settings.tables import TableSettings
from deidflow.tables.columns import Column
from deidflow.tables.pairs import Pairing
from deidflow.tables.people import RowPerson
from deidflow.tables.reading import Table
from deidflow.tables.writing import write_table

_PRIVATE = 0o600
_MATCHES = ("subject", "how", "distance", "patient_id", "patient_name", "rows", "id", "name")
_MISSING = ("missing_in", "subject", "id", "name")
_FIRST_ROW = 2
"""The line of the first row in the table's file, below its header."""


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
    folder.mkdir(
        parents=True,
        exist_ok=True,
        mode=0o700,
    )
    names = [column.name for column in columns]

    _write(
        folder / "mapping.csv",
        _MATCHES,
        _mapping(pairings),
    )
    _write(
        folder / "ambiguous.csv",
        _MATCHES,
        _ambiguous(pairings, people),
    )
    _write(
        folder / "missing.csv",
        _MISSING,
        _missing(pairings, people),
    )
    _write(
        folder / "shortened.csv",
        ("subject", *names),
        _shortened(pairings, table),
    )


def _mapping(pairings: Sequence[Pairing]) -> list[list[str]]:
    rows = []
    for pairing in pairings:
        if pairing.person is not None:
            cells = _cells(
                pairing.person,
                pairing,
                pairing.match.distance,
            )
            rows.append(cells)
    return rows


def _ambiguous(pairings: Sequence[Pairing], people: Sequence[RowPerson]) -> list[list[str]]:
    rows = []
    for pairing in pairings:
        for place, distance in pairing.match.candidates:
            cells = _cells(people[place], pairing, distance)
            rows.append(cells)
    return rows


def _shortened(pairings: Sequence[Pairing], table: Table) -> list[list[str]]:
    """The original rows of those who have images."""
    rows = []
    for pairing in pairings:
        subject, person = pairing.subject, pairing.person
        if person is None or not subject.has_images:
            continue
        for place in person.rows:
            rows.append([subject.pseudonym, *table.rows[place]])
    return rows


def _cells(person: RowPerson, pairing: Pairing, distance: float) -> list[str]:
    subject = pairing.subject
    rows = [str(place + _FIRST_ROW) for place in person.rows]
    return [
        subject.pseudonym,
        pairing.match.how,
        f"{distance:.3f}",
        subject.patient_id,
        subject.who.name,
        " ".join(rows),
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
    write_table(
        path,
        header,
        rows,
        mode=_PRIVATE,
    )
