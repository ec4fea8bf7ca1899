"""Dates in cells: read in one order a column, moved as those of the same patient's images."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from deidflow.dicom.written_dates import days_meant
from deidflow.header.clock import StudyClock
from deidflow.header.context import HeaderContext
from deidflow.header.profile import Dates
from deidflow.header.temporal import move_value
from deidflow.header.text import Scrubber
from deidflow.header.uids import UidMap

_WITH_TIME = re.compile(
    r"(.*?\d)[T ]+([0-2]?\d:[0-5]\d(?::[0-5]\d)?)(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?"
)
_THREE = re.compile(r"(\d{1,2})([-./ ])(\d{1,2})[-./ ](\d{4})")


class DateOrder(StrEnum):
    """How the numbers of a date follow each other."""

    ISO = "ymd"
    DAY_FIRST = "dmy"
    MONTH_FIRST = "mdy"


@dataclass(frozen=True)
class Moment:
    """A cell that is a date, with a time of day or without."""

    day: date
    time: str = ""

    @property
    def digits(self) -> str:
        """The time as a TM value."""
        return "".join(part.zfill(2) for part in self.time.split(":"))


def is_day(cell: str) -> bool:
    """Whether a cell is a date in any style, with a time or without."""
    return bool(days_meant(_split_time(cell)[0]))


def _split_time(cell: str) -> tuple[str, str]:
    match = _WITH_TIME.fullmatch(cell.strip())
    return (match[1], match[2]) if match else (cell.strip(), "")


def date_order_of(cells: Sequence[str], asked: str = "") -> DateOrder | None:
    """The order of a column's dates; None where day and month cannot be told apart."""
    matches = [match for cell in cells if (match := _THREE.fullmatch(_split_time(cell)[0]))]
    if not matches:
        return DateOrder.ISO
    if asked:
        return DateOrder(asked)
    if all(match[2] == "." for match in matches):
        return DateOrder.DAY_FIRST
    day_first = any(int(match[1]) > 12 for match in matches)
    month_first = any(int(match[3]) > 12 for match in matches)
    if day_first == month_first:
        return None
    return DateOrder.DAY_FIRST if day_first else DateOrder.MONTH_FIRST


def read_moment(cell: str, order: DateOrder) -> Moment | None:
    """The moment in a cell; None where it is not a date in this order."""
    text, time = _split_time(cell)
    match = _THREE.fullmatch(text)
    if match is None:
        days = days_meant(text)
        return Moment(min(days), time) if len(days) == 1 else None
    first, second, year = int(match[1]), int(match[3]), int(match[4])
    day, month = (second, first) if order is DateOrder.MONTH_FIRST else (first, second)
    try:
        return Moment(date(year, month, day), time)
    except ValueError:
        return None


@dataclass(frozen=True)
class Mover:
    """Moves the dates of one patient: by the shift, or onto the clock of the nearest session."""

    dates: Dates
    shift_days: int
    clocks: tuple[tuple[str, StudyClock], ...]
    """Session labels and their clocks."""

    def move(self, moment: Moment) -> tuple[str, str]:
        """The moved date in ISO 8601 and the session of its clock; empty if it cannot be moved."""
        day = f"{moment.day:%Y%m%d}"
        if self.dates.mode == "keep":
            return _iso(day, moment.time), ""
        if self.dates.mode not in ("shift", "clock"):
            return "", ""

        label, clock = self._nearest(moment.day)
        has_time = bool(moment.time) and self.dates.times == "keep"
        value = day + moment.digits if has_time else day
        vr = "DT" if has_time else "DA"
        moved = move_value(
            value,
            vr,
            self.dates.mode,
            self._context(clock),
        )
        if not moved:
            return "", ""
        return _iso(moved[:8], _clock_time(moved[8:])), label

    def _nearest(self, day: date) -> tuple[str, StudyClock | None]:
        if not self.clocks:
            return "", None
        return min(self.clocks, key=lambda pair: abs(pair[1].origin.date() - day))

    def _context(self, clock: StudyClock | None) -> HeaderContext:
        days = self.shift_days if self.dates.days is None else self.dates.days
        return HeaderContext(
            pseudonym="",
            uids=UidMap(bytes(32)),
            shift_days=days,
            clock=clock,
            scrubber=Scrubber.of(()),
            binned=False,
        )


def _iso(day: str, time: str) -> str:
    if not day:
        return ""
    text = f"{day[:4]}-{day[4:6]}-{day[6:8]}"
    return f"{text} {time}" if time else text


def _clock_time(digits: str) -> str:
    """A TM value with colons, without its fraction."""
    whole = digits.partition(".")[0]
    pairs = re.findall("..", whole)
    return ":".join(pairs)
