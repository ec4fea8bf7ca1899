"""The list of studies to fetch: the keys of each row, by which an archive finds studies."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from deidflow.errors import UsageError
from deidflow.resources import load_yaml
from deidflow.tables.column_names import plain_name
from deidflow.tables.reading import Table, read_table

_WILDCARDS = frozenset("*?\\")
_FIRST_ROW = 1
_MOST_NAMED = 5
"""Rows that a message names."""


@dataclass(frozen=True)
class WantedStudy:
    """The keys of one row, empty where it has none; all that are given must match.

    Rows count from 1 below the header; empty ones do not count.
    """

    row: int
    accession: str = ""
    patient: str = ""
    study: str = ""

    @property
    def keys(self) -> dict[str, str]:
        """Values by the keywords of DICOM, only those that are given."""
        keys = {
            "AccessionNumber": self.accession,
            "PatientID": self.patient,
            "StudyInstanceUID": self.study,
        }
        return {keyword: value for keyword, value in keys.items() if value}


def read_wanted(path: Path) -> list[WantedStudy]:
    """The rows of a list, each once; raises UsageError that names rows by number, never a key."""
    table = read_table(path)
    places = _places(table)
    if not places:
        raise UsageError(
            "the list has no column of keys; name columns 'accession', 'patient' or 'study'"
        )

    wanted: dict[tuple[str, ...], WantedStudy] = {}
    empty: list[int] = []
    for number, row in enumerate(table.rows, _FIRST_ROW):
        keys = {key: row[place].strip() for key, place in places.items()}
        values = tuple(keys.values())
        if any(values):
            study = WantedStudy(number, **keys)
            wanted.setdefault(values, study)
        else:
            empty.append(number)

    _refuse("without a key", empty)
    wild = filter(_has_wildcard, wanted.values())
    _refuse(
        "with a wildcard (* ? \\), which would fetch more than was asked for",
        [study.row for study in wild],
    )
    if not wanted:
        raise UsageError("the list has no row with a key")
    return list(wanted.values())


def _places(table: Table) -> dict[str, int]:
    """Where the keys stand in a row."""
    names = load_yaml("vocabulary/fetch_columns.yaml")
    places: dict[str, int] = {}
    for key, known in names.items():
        usual = str(known).split()
        for place, column in enumerate(table.columns):
            name = plain_name(column)
            if name in usual:
                places.setdefault(str(key), place)
    return places


def _has_wildcard(study: WantedStudy) -> bool:
    letters = set().union(*study.keys.values())
    return bool(letters & _WILDCARDS)


def _refuse(what: str, rows: list[int]) -> None:
    if rows:
        first = map(str, rows[:_MOST_NAMED])
        named = ", ".join(first)
        more = " and others" if len(rows) > _MOST_NAMED else ""
        raise UsageError(f"the list has rows {what}: row {named}{more}; correct it")
