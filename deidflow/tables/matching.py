"""Which row of a table is which patient: by number first, then by name; in doubt by nobody.

A match that two rows could claim, or on which number, name and birth date do not agree, is
ambiguous.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from deidflow.dicom.person_names import fold, is_generic
from deidflow.tables.names import NameIndex

THRESHOLD = 0.2
"""The greatest distance of two names of one person."""
_MARGIN = 0.05
"""How much nearer than the second the best name must be: about one letter of a long name."""
_SAME_NUMBER = 0.6
"""The greatest distance of the names where number and birth date say that it is one person."""


@dataclass(frozen=True)
class Who:
    """What is known of a person on one side; a written birth date may mean two days."""

    numbers: frozenset[str]
    name: str
    births: frozenset[date] = frozenset()


@dataclass(frozen=True)
class Match:
    """The end of the search for one person: the other side's key, or the candidates."""

    row: int | None
    how: str
    """`id`, `name`, `ambiguous` or `missing`."""
    distance: float = 0.0
    candidates: tuple[tuple[int, float], ...] = ()
    """Keys and distances of an ambiguous match, the nearest first."""


_NOBODY = Match(None, "missing")


def normal_number(text: str) -> str:
    """A number as it is compared: letters and digits only, no leading zeros."""
    kept = "".join(letter for letter in fold(text) if letter.isalnum())
    return kept.lstrip("0") or kept


def match_people(
    sought: Mapping[int, Who], rows: Mapping[int, Who], threshold: float = THRESHOLD
) -> dict[int, Match]:
    """For each person sought the row that is meant; no row is given to two."""
    index = NameIndex.of({key: who.name for key, who in rows.items()})
    by_number = _by_number(rows)
    matches = {}
    for key, who in sought.items():
        matches[key] = _by_id(who, rows, by_number) or _by_name(who, rows, index, threshold)
    return _without_rivals(matches)


def match_names(
    sought: Mapping[int, str], rows: Mapping[int, str], threshold: float = THRESHOLD
) -> dict[int, Match]:
    """The same where only names are known."""
    return match_people(
        {key: Who(frozenset(), name) for key, name in sought.items()},
        {key: Who(frozenset(), name) for key, name in rows.items()},
        threshold,
    )


def _by_number(rows: Mapping[int, Who]) -> dict[str, list[int]]:
    index: defaultdict[str, list[int]] = defaultdict(list)
    for key, who in rows.items():
        for number in who.numbers:
            index[number].append(key)
    return index


def _by_id(
    who: Who, rows: Mapping[int, Who], by_number: Mapping[str, Sequence[int]]
) -> Match | None:
    """The row with the person's number; ambiguous if several have it or the rest contradicts."""
    keys = sorted({key for number in who.numbers for key in by_number.get(number, ())})
    if not keys:
        return None
    fitting = [key for key in keys if _is_one_person(who, rows[key])]
    if len(fitting) == 1:
        return Match(fitting[0], "id")
    return _ambiguous([(key, 0.0) for key in keys])


def _is_one_person(who: Who, other: Who) -> bool:
    """Whether two persons with one number can be one; a changed surname is no contradiction."""
    if is_generic(who.name) or is_generic(other.name):
        return not _differ(who.births, other.births)
    if who.births and other.births:
        most = 0.0 if _differ(who.births, other.births) else _SAME_NUMBER
        return who.births & other.births != frozenset() or _near(who.name, other.name) <= most
    return _near(who.name, other.name) <= _SAME_NUMBER


def _near(name: str, other: str) -> float:
    """The distance of two names; that of any word in common where a surname was changed."""
    near = NameIndex.of({0: other}).near(name, 1.0).get(0, 1.0)
    ours, theirs = set(fold(name).replace("^", " ").split()), fold(other).replace("^", " ").split()
    shared = any(len(word) > 2 for word in ours.intersection(theirs))
    return min(near, _SAME_NUMBER) if shared else near


def _differ(births: frozenset[date], others: frozenset[date]) -> bool:
    """Whether both sides know a birth date, and none in common."""
    return bool(births and others) and births.isdisjoint(others)


def _by_name(who: Who, rows: Mapping[int, Who], index: NameIndex, threshold: float) -> Match:
    near = sorted(index.near(who.name, threshold).items(), key=lambda pair: (pair[1], pair[0]))
    if not near:
        return _NOBODY

    born = [pair for pair in near if who.births & rows[pair[0]].births]
    possible = born or [pair for pair in near if not _differ(who.births, rows[pair[0]].births)]
    if not possible:
        return _ambiguous(near)

    best = possible[0]
    rivals = [pair for pair in possible[1:] if not _is_clearly_nearer(best[1], pair[1])]
    if rivals:
        return _ambiguous([best, *rivals])
    return Match(best[0], "name", best[1])


def _is_clearly_nearer(best: float, second: float) -> bool:
    return second - best >= _MARGIN or (best == 0.0 and second > 0.0)


def _ambiguous(candidates: Sequence[tuple[int, float]]) -> Match:
    return Match(None, "ambiguous", candidates=tuple(candidates))


def _without_rivals(matches: Mapping[int, Match]) -> dict[int, Match]:
    """Matches without two for one row: a number wins over names, of two names none wins."""
    by_id = {match.row for match in matches.values() if match.how == "id"}
    claims = Counter(match.row for match in matches.values() if match.row is not None)
    checked = {}
    for key, match in matches.items():
        is_beaten = match.how == "name" and match.row in by_id
        is_rival = match.row is not None and claims[match.row] > 1 and not by_id & {match.row}
        is_twice = match.how == "id" and _claims_by_id(matches, match.row) > 1
        if is_beaten or is_rival or is_twice:
            match = _ambiguous([(match.row or 0, match.distance)])
        checked[key] = match
    return checked


def _claims_by_id(matches: Mapping[int, Match], row: int | None) -> int:
    return sum(match.how == "id" and match.row == row for match in matches.values())
