"""Reads a consent list: a table of PatientIDs or names, perhaps with answers and protocols."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path

from deidflow.consent.answers import AnswerColumns, words_of_kind
from deidflow.dicom.person_names import fold
from deidflow.errors import ConfigError, EnvironmentFault, UsageError
from deidflow.settings.consent import ConsentSettings
from deidflow.settings.tables import ColumnSettings
from deidflow.tables.columns import Column, columns_of, tell_persons
from deidflow.tables.matching import Who
from deidflow.tables.people import RowPerson, people_in
from deidflow.tables.reading import Table, read_table

_SEPARATORS = re.compile(r"[;,|/\n]")
"""Between the protocols of one cell."""
_FIRST_ROW = 2
"""The line of the first row in the file, below its header."""


class Consent(Enum):
    """What the rows of one person say."""

    GIVEN = "given"
    REFUSED = "refused"
    UNCLEAR = "unclear"
    """Rows of one number or name contradict each other, or name several persons."""


@dataclass(frozen=True)
class ListedPerson:
    """A person of the list."""

    who: Who
    consent: Consent


def read_allow_list(settings: ConsentSettings, path: Path) -> tuple[ListedPerson, ...]:
    """The persons of a list, those who refused included.

    Raises ConfigError where the list cannot be understood, EnvironmentFault where it cannot be
    read.
    """
    try:
        table = read_table(
            path,
            encoding=settings.encoding,
            delimiter=settings.delimiter,
            sheet=settings.sheet,
        )
        columns = columns_of(table, _columns_wanted(settings))
    except (UsageError, ConfigError) as error:
        raise ConfigError(f"'consent.list': {error}") from None
    except EnvironmentFault as error:
        raise EnvironmentFault(f"'consent.list': {error}") from None
    _check_columns(columns)

    rows, answers = _rows_of_protocol(
        table,
        AnswerColumns.of(table, columns),
        settings.protocol,
    )
    people = people_in(replace(table, rows=rows), columns)
    return tuple(ListedPerson(person.who, _consent(person, answers)) for person in people)


def _columns_wanted(settings: ConsentSettings) -> ColumnSettings:
    return ColumnSettings(
        id=settings.columns.id,
        name=settings.columns.name,
        birth=settings.columns.birth,
    )


def _check_columns(columns: Sequence[Column]) -> None:
    if not tell_persons(columns):
        raise ConfigError(
            "'consent.list': no column is known to hold IDs or names (its first row must name "
            "the columns); say which with 'consent.columns: {id: [..], name: [..]}'"
        )


def _consent(person: RowPerson, answers: Sequence[bool]) -> Consent:
    given = set()
    for row in person.rows:
        given.add(answers[row])
    if person.is_mixed or len(given) > 1:
        return Consent.UNCLEAR
    return Consent.GIVEN if given == {True} else Consent.REFUSED


def _rows_of_protocol(
    table: Table, columns: AnswerColumns, protocol: str
) -> tuple[tuple[tuple[str, ...], ...], list[bool]]:
    """The rows for a protocol, and for each whether it says yes."""
    _check_protocol(columns.protocols, protocol)
    rows = []

    answers = []
    for line, row in enumerate(table.rows, _FIRST_ROW):
        protocols = [row[place] for place in columns.protocols]
        if protocols and not any(_names_protocol(cell, protocol) for cell in protocols):
            continue
        rows.append(row)
        answers.append(columns.is_given(row, line))
    return tuple(rows), answers


def _check_protocol(places: Sequence[int], protocol: str) -> None:
    if places and not protocol:
        raise ConfigError(
            "'consent.list': it has a column of protocols; say with 'consent.protocol' for which "
            "one this run is"
        )
    if protocol and not places:
        raise ConfigError("'consent.protocol': the list has no column of protocols")


def _names_protocol(cell: str, protocol: str) -> bool:
    """Whether a cell names the protocol, or every one; an empty cell names none."""
    names = set()
    for name in _SEPARATORS.split(cell):
        names.add(fold(name.strip()))
    whole = fold(cell.strip())
    wanted = fold(protocol.strip())
    return wanted in names | {whole} or not names.isdisjoint(words_of_kind("every"))
