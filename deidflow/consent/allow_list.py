"""Reads a consent list: a table of PatientIDs or names, perhaps with answers and protocols."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from functools import lru_cache
from pathlib import Path

from deidflow.dicom.person_names import fold
from deidflow.errors import ConfigError, EnvironmentFault, UsageError
from deidflow.resources import load_yaml
from deidflow.settings.consent import ConsentSettings
from deidflow.settings.tables import ColumnSettings
from deidflow.tables.columns import Column, columns_of, plain_name, tell_persons
from deidflow.tables.matching import Who
from deidflow.tables.people import RowPerson, people_in
from deidflow.tables.reading import Table, read_table

_VOCABULARY = "vocabulary/consent_columns.yaml"
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

    rows, answers = _rows_of_protocol(table, settings.protocol)
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
    table: Table, protocol: str
) -> tuple[tuple[tuple[str, ...], ...], list[bool]]:
    """The rows for a protocol, and for each whether it says yes."""
    places = _places(table.columns, "protocol")
    _check_protocol(places, protocol)
    rows = []

    answers = []
    for line, row in enumerate(table.rows, _FIRST_ROW):
        protocols = []
        for place in places:
            protocols.append(row[place])
        if places and not any(_names_protocol(cell, protocol) for cell in protocols):
            continue
        rows.append(row)
        answers.append(
            _is_given(
                table.columns,
                row,
                line,
            )
        )
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
    return wanted in names | {whole} or not names.isdisjoint(_words("every"))


def _is_given(columns: Sequence[str], row: Sequence[str], line: int) -> bool:
    """Whether a row says yes: every answer is yes, and nothing was withdrawn."""
    for place in _places(columns, "withdrawn"):
        # A date is as good as a yes.
        if row[place] and fold(row[place]) not in _words("refusing"):
            return False
    answers = [_is_yes(row[place], line) for place in _places(columns, "given")]
    return all(answers)


def _is_yes(cell: str, line: int) -> bool:
    word = fold(cell)
    if word in _words("agreeing"):
        return True
    if not word or word in _words("refusing"):
        return False
    raise ConfigError(
        f"'consent.list', line {line}: the answer is neither yes nor no; write one of them"
    )


def _places(columns: Sequence[str], kind: str) -> list[int]:
    """The places of the columns of one kind."""
    known = _words(kind)
    return [place for place, name in enumerate(columns) if plain_name(name) in known]


@lru_cache(maxsize=8)
def _words(kind: str) -> frozenset[str]:
    lines: list[str] = load_yaml(_VOCABULARY)[kind]
    return frozenset(_split(lines))


def _split(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        yield from line.split()
