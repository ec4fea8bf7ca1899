"""What leaves of one row: ages limited, dates moved, text without what identifies anybody."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from deidflow.checks.cohort import CohortIndex
from deidflow.checks.leaks import LeakSearch
from deidflow.checks.ours import Ours
from deidflow.checks.own import OwnIdentifiers
from deidflow.header.profile import Profile
from deidflow.header.text import Scrubber
from deidflow.tables.columns import Column, Role
from deidflow.tables.dates import Mover, read_moment
from deidflow.tables.free_text import OLDEST, with_limited_ages, without_contacts
from deidflow.tables.people import Subject, row_identifiers

_OLDEST_YEARS = 89
_AGE = re.compile(
    r"(\d{1,3}(?:[.,]\d+)?)\s*(?:y|yr|yrs|years?|j|jahre?|a|ans?|anni|jaar)?\.?", re.IGNORECASE
)
_DICOM_AGE = re.compile(r"(\d{3})([DWM])")
_AGE_RANGE = re.compile(r"(\d{1,3})\s*[-–]\s*\d{1,3}\D*")
_STEP = 5
_SPACES = re.compile(r"[ \t]{2,}")


@dataclass
class CellCounts:
    """What was changed, by column: never what."""

    cleaned: Counter[str] = field(default_factory=Counter)
    """Cells out of which something was cut."""
    emptied: Counter[str] = field(default_factory=Counter)
    """Cells that were emptied: dates out of reach, or text that names somebody after all."""


@dataclass(frozen=True)
class RowCleaner:
    """De-identifies the rows of a table by a profile."""

    columns: tuple[Column, ...]
    profile: Profile
    cohort: CohortIndex
    """Everybody else's identifiers."""
    counts: CellCounts

    @property
    def header(self) -> list[str]:
        """The columns that leave."""
        names = ["subject"]
        for column in self.columns:
            if column.role.leaves:
                names.append(column.name)
            if column.role is Role.DATE and self._is_clock:
                names.append(f"{column.name}_session")
        return names

    @property
    def _is_clock(self) -> bool:
        return self.profile.dates.mode == "clock"

    def clean(self, row: Sequence[str], subject: Subject) -> list[str]:
        """The row of a subject as it leaves, the pseudonym first."""
        pairs = [*subject.identifiers, *row_identifiers(row, self.columns)]
        scrubber = Scrubber.of(pairs)
        search = LeakSearch(
            own=OwnIdentifiers.of(pairs),
            ours=Ours(frozenset([subject.pseudonym])),
            cohort=self.cohort,
        )
        mover = Mover(
            self.profile.dates,
            subject.shift_days,
            subject.clocks,
        )
        cells = [subject.pseudonym]
        for column in self.columns:
            if not column.role.leaves:
                continue
            cell = row[column.place]
            if column.role is Role.DATE:
                cells += self._date(cell, column, mover)
            else:
                cells.append(
                    self._cell(
                        cell,
                        column,
                        scrubber,
                        search,
                    )
                )

        return cells

    def _date(self, cell: str, column: Column, mover: Mover) -> list[str]:
        moment = read_moment(cell, column.order) if cell else None
        moved, session = mover.move(moment) if moment else ("", "")
        if cell and not moved:
            self.counts.emptied[column.name] += 1
        return [moved, session] if self._is_clock else [moved]

    def _cell(self, cell: str, column: Column, scrubber: Scrubber, search: LeakSearch) -> str:
        if not cell:
            return ""
        if column.role is Role.AGE:
            return self._age(cell, column)
        if column.role is Role.NUMBER:
            return "" if scrubber.is_own_number(cell) else cell

        cleaned = scrubber.clean(cell)
        if column.role is Role.TEXT:
            cleaned = with_limited_ages(without_contacts(cleaned))
        cleaned = _SPACES.sub(" ", cleaned).strip() if cleaned != cell else cell
        if search.text(column.name, cleaned):
            self.counts.emptied[column.name] += 1
            return ""
        self.counts.cleaned[column.name] += cleaned != cell
        return cleaned

    def _age(self, cell: str, column: Column) -> str:
        limited = limited_age(cell, binned=self.profile.binned)
        if not limited:
            self.counts.emptied[column.name] += 1
        return limited


def limited_age(cell: str, *, binned: bool) -> str:
    """An age in years: 90+ above 89, in steps of five where binned; empty for what is no age."""
    young = _DICOM_AGE.fullmatch(cell.strip())
    if young:
        return "0" if binned else cell.strip()
    ages = _AGE_RANGE.fullmatch(cell.strip())
    if ages:
        return OLDEST if int(ages[1]) > _OLDEST_YEARS else cell.strip()
    match = _AGE.fullmatch(cell.strip())
    if match is None:
        return OLDEST if cell.strip() == OLDEST else ""
    years = float(match[1].replace(",", "."))
    if years >= _OLDEST_YEARS + 1:
        return OLDEST
    if binned:
        return str(int(years // _STEP * _STEP))
    return match[1] if years >= 1 or "." in match[1] or "," in match[1] else str(int(years))
