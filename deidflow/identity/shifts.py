"""By how many days the dates of a patient are moved."""

from __future__ import annotations

from datetime import date

from deidflow.identity.persons import Person
from deidflow.identity.secret import Keys

_LONGEST_SHIFT = 5 * 365
_MOST_DRAWS = 1000


def shift_days(keys: Keys, person: Person) -> int:
    """Whole days into the past, up to five years.

    Drawn again while a shifted date is another date of the patient's own.
    """
    ordinals = frozenset(map(date.toordinal, person.dates))
    for draw in range(_MOST_DRAWS + 1):
        days = _draw(keys, person, draw)
        if not _hits_own_date(ordinals, days):
            return days
    return _draw(keys, person, _MOST_DRAWS + 1)


def _draw(keys: Keys, person: Person, draw: int) -> int:
    hashed = keys.lookup("shift", f"{person.key}|{draw}")
    number = int.from_bytes(hashed[:8], "big")
    return -(number % _LONGEST_SHIFT + 1)


def _hits_own_date(ordinals: frozenset[int], days: int) -> bool:
    moved = {ordinal + days for ordinal in ordinals}
    return not moved.isdisjoint(ordinals)
