"""Which columns of a consent list are answers, and what a row of them says: in doubt no."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from deidflow.dicom.person_names import fold
from deidflow.errors import ConfigError
from deidflow.resources import words_under
from deidflow.tables.column_names import plain_name
from deidflow.tables.columns import Column, Role
from deidflow.tables.dates import is_day
from deidflow.tables.reading import Table

_VOCABULARY = "vocabulary/consent_columns.yaml"
_PERSONAL = (Role.ID, Role.NAME, Role.BIRTH)


@dataclass(frozen=True)
class AnswerColumns:
    """The places of columns with an answer, of a withdrawal, and of protocols."""

    names: tuple[str, ...]
    given: tuple[int, ...]
    withdrawn: tuple[int, ...]
    protocols: tuple[int, ...]

    @classmethod
    def of(cls, table: Table, columns: Sequence[Column]) -> AnswerColumns:
        """Those of a list: what is called so, else what has a word of it in its name.

        Raises ConfigError where a column of another name holds answers, so that no refusal is
        overlooked.
        """
        others = [column.place for column in columns if column.role not in _PERSONAL]
        protocols = _called(table, others, "protocol")
        others = [place for place in others if place not in protocols]
        withdrawn = _called(table, others, "withdrawn", "withdrawn_parts")
        others = [place for place in others if place not in withdrawn]

        given = _called(table, others, "given") or _called(table, others, "given", "given_parts")
        if not given:
            _refuse_answers(table, others)
        return cls(
            table.columns,
            given,
            withdrawn,
            protocols,
        )

    def is_given(self, row: Sequence[str], line: int) -> bool:
        """Whether a row says yes: every answer is yes, and nothing was withdrawn."""
        for place in self.withdrawn:
            # A date is as good as a yes.
            if row[place] and fold(row[place]) not in words_of_kind("refusing"):
                return False
        answers = [self._is_yes(row[place], place, line) for place in self.given]
        return all(answers)

    def _is_yes(self, cell: str, place: int, line: int) -> bool:
        """Whether an answer is yes, or the day of one."""
        word = fold(cell)
        if word in words_of_kind("agreeing"):
            return True
        if not word or word in words_of_kind("refusing"):
            return False
        if is_day(cell):
            return True
        raise ConfigError(
            f"'consent.list', line {line}: the answer in column '{self.names[place]}' is neither "
            "yes nor no; write one of them"
        )


def _called(table: Table, places: Iterable[int], kind: str, parts: str = "") -> tuple[int, ...]:
    """The places of columns of a kind; with `parts` also of those with one in their name."""
    pieces = words_of_kind(parts) if parts else frozenset()
    found = []
    for place in places:
        name = plain_name(table.columns[place])
        if name in words_of_kind(kind) or any(piece in name for piece in pieces):
            found.append(place)
    return tuple(found)


def _refuse_answers(table: Table, places: Iterable[int]) -> None:
    """Raise ConfigError for a column that says no although it is not called an answer."""
    for place in places:
        words = {fold(cell) for cell in table.column(place) if cell}
        answers = words_of_kind("agreeing") | words_of_kind("refusing")
        says_yes_or_no = words <= answers and not words.isdisjoint(words_of_kind("noes"))
        if says_yes_or_no or not words.isdisjoint(words_of_kind("refusals")):
            raise ConfigError(
                f"'consent.list': column '{table.columns[place]}' says no, and no column is known "
                "to hold the answers; call it 'consent' if it does, else take it out of the list"
            )


def words_of_kind(kind: str) -> frozenset[str]:
    """The folded words of a kind: names of columns, or what stands in their cells."""
    return words_under(_VOCABULARY, kind)
