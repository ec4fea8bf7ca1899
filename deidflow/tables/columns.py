"""What the columns of a table hold, by their names and by their cells."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

from deidflow.dicom.person_names import fold
from deidflow.errors import ConfigError
from deidflow.settings.tables import ColumnSettings
from deidflow.tables.column_names import kind_of, words_of, words_of_list
from deidflow.tables.dates import DateOrder, date_order_of, is_day
from deidflow.tables.reading import Table

_NUMBER = re.compile(r"[+-]?\d{1,15}(?:[.,]\d{1,15})?(?:[eE][+-]?\d{1,3})?%?")
_DROPPED_CELLS = {
    "holds years": re.compile(r"(?:19|20)\d\d"),
    "holds months": re.compile(
        r"(?:0?[1-9]|1[0-2])[-./](?:19|20)\d\d|(?:19|20)\d\d[-./](?:0?[1-9]|1[0-2])"
    ),
    "holds times without dates": re.compile(r"[0-2]?\d:[0-5]\d(?::[0-5]\d(?:\.\d+)?)?"),
}
"""What can say when without a date that can be moved, and the words for it."""
_SERIAL_DAY = re.compile(r"[2-5]\d{4}(?:[.,]\d+)?")
"""A day as a spreadsheet counts it, from 1954 to 2064."""
_SERIAL = "holds dates as numbers of a spreadsheet"
_DATE_NAME = re.compile(r"(?<!up)(?:date|datum|fecha|datetime)$|^(?:date|datum|fecha)(?![a-z])")
"""What a column of dates is called, folded."""
_NO_ORDER = "does not tell day from month"
_AGE_CELL = re.compile(r"\d{1,3}(?:[.,]\d+)?[^\d]*|\d{3}[DWMY]|\d{1,3}\s*[-–]\s*\d{1,3}[^\d]*|90\+")
_OLDEST_CELL = 130
_OLDEST_CLASS = 20
"""Numbers of classes of age are not above it."""
_LONG_NUMBER = re.compile(r"[A-Za-z]{0,4}[-_ ]?\d{6,}")
_MOSTLY = 0.9
"""The share of cells that decides what a column holds."""


class Role(StrEnum):
    """What becomes of a column."""

    ID = "id"
    NAME = "name"
    BIRTH = "birth"
    DROPPED = "dropped"
    AGE = "age"
    DATE = "date"
    NUMBER = "number"
    TEXT = "text"
    KEPT = "kept"

    @property
    def leaves(self) -> bool:
        """Whether the column is in the released table."""
        return self not in (Role.ID, Role.NAME, Role.BIRTH, Role.DROPPED)


_ROLES = {
    "id": Role.ID,
    "name": Role.NAME,
    "given": Role.NAME,
    "family": Role.NAME,
    "birth": Role.BIRTH,
    "age": Role.AGE,
    "dropped": Role.DROPPED,
}


@dataclass(frozen=True)
class Column:
    """A column: its name, place and role, and why it was dropped where its name does not say it."""

    name: str
    place: int
    role: Role
    order: DateOrder = DateOrder.ISO
    why: str = ""


def columns_of(table: Table, wanted: ColumnSettings, date_order: str = "") -> tuple[Column, ...]:
    """The columns of a table with their roles; raises ConfigError for a missing column."""
    chosen = _chosen(table.columns, wanted)
    columns = []
    for place, name in enumerate(table.columns):
        role = chosen.get(name) or _by_name(name, wanted)
        if role is None:
            columns.append(
                _by_cells(
                    name,
                    place,
                    table.column(place),
                    date_order,
                )
            )
        else:
            columns.append(Column(name, place, role))

    return tuple(columns)


def tell_persons(columns: Sequence[Column]) -> bool:
    """Whether a column is known to hold IDs or names."""
    return any(column.role in (Role.ID, Role.NAME) for column in columns)


def _chosen(names: Sequence[str], wanted: ColumnSettings) -> dict[str, Role]:
    roles = {
        Role.KEPT: wanted.keep,
        Role.AGE: wanted.age,
        Role.BIRTH: wanted.birth,
        Role.NAME: wanted.name,
        Role.ID: wanted.id,
        Role.DROPPED: wanted.drop,
    }
    chosen = {}
    for role, asked in roles.items():
        for name in asked:
            if name not in names:
                raise ConfigError(f"columns.{role}: the table has no column of this name")
            chosen[name] = role

    return chosen


def _by_name(name: str, wanted: ColumnSettings) -> Role | None:
    kind = kind_of(name)
    role = _ROLES[kind] if kind else None
    if role is Role.ID and wanted.id:
        return Role.DROPPED
    if role is Role.NAME and wanted.name:
        return Role.DROPPED
    return role


def _by_cells(name: str, place: int, cells: Sequence[str], date_order: str) -> Column:
    """What the cells of a column are; what can say when or who without words is dropped."""
    filled = [cell for cell in cells if cell]
    if not filled:
        return Column(name, place, Role.NUMBER)

    words = words_of(name)
    if _holds_ages(words, filled):
        return Column(name, place, Role.AGE)
    if _share(filled, is_day) >= _MOSTLY or _is_called_date(name, filled):
        return _dated(
            name,
            place,
            filled,
            date_order,
        )

    for why, pattern in _DROPPED_CELLS.items():
        if _share(filled, pattern.fullmatch) >= _MOSTLY:
            return Column(
                name,
                place,
                Role.DROPPED,
                why=why,
            )
    if _share(filled, _LONG_NUMBER.fullmatch) >= _MOSTLY and _are_distinct(filled):
        return Column(
            name,
            place,
            Role.DROPPED,
            why="holds a long number for each row",
        )
    if words and words[-1] in words_of_list("code_words") and _are_distinct(filled):
        return Column(
            name,
            place,
            Role.DROPPED,
            why="holds a code for each row",
        )

    is_number = _share(filled, _NUMBER.fullmatch) == 1.0
    return Column(
        name,
        place,
        Role.NUMBER if is_number else Role.TEXT,
    )


def _holds_ages(words: Collection[str], filled: Sequence[str]) -> bool:
    """Whether a column is called after an age, and its cells are ages or ranges of them."""
    if words_of_list("age_words").isdisjoint(words):
        return False
    ages = [_age_in(cell) for cell in filled]
    if not words_of_list("class_words").isdisjoint(words) and max(ages) <= _OLDEST_CLASS:
        return False
    plausible = [age for age in ages if 0 <= age <= _OLDEST_CELL]
    return len(plausible) >= _MOSTLY * len(ages)


def _age_in(cell: str) -> int:
    """The whole years, or the number, that a cell begins with; -1 for what is no age."""
    return int(re.split(r"\D", cell)[0]) if _AGE_CELL.fullmatch(cell) else -1


def _is_called_date(name: str, filled: Sequence[str]) -> bool:
    """Whether the name says that a column holds dates, and a cell does not deny it."""
    if not _DATE_NAME.search(fold(name).strip()):
        return False
    return any(is_day(cell) or _SERIAL_DAY.fullmatch(cell) for cell in filled)


def _dated(name: str, place: int, filled: Sequence[str], date_order: str) -> Column:
    """A column of dates; cells that are none are emptied. Dropped where none can be moved."""
    days = [cell for cell in filled if is_day(cell)]
    if not days:
        return Column(
            name,
            place,
            Role.DROPPED,
            why=_SERIAL,
        )
    order = date_order_of(days, date_order)
    if order is None:
        return Column(
            name,
            place,
            Role.DROPPED,
            why=_NO_ORDER,
        )
    return Column(name, place, Role.DATE, order)


def _share(cells: Sequence[str], fits: Callable[[str], object]) -> float:
    return sum(bool(fits(cell)) for cell in cells) / len(cells)


def _are_distinct(cells: Collection[str]) -> bool:
    return len(cells) > 1 and len(set(cells)) >= _MOSTLY * len(cells)
