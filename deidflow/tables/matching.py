"""Which row of a table is which patient: by number first, then by name; in doubt by nobody.

A match that two rows could claim, or on which number, name and birth date do not agree, is
ambiguous.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from deidflow.dicom.person_names import fold, is_generic, name_words
from deidflow.tables.names import NameIndex

THRESHOLD = 0.2
"""The greatest distance of two names of one person."""
_MARGIN = 0.05
"""How much nearer than the second the best name must be: about one letter of a long name."""
_ANY = 0.6
"""The greatest distance of the names of one person where the number is the same."""


Candidate = tuple[int, float]
"""A row, and the distance of its name."""


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
    candidates: tuple[Candidate, ...] = ()
    """Keys and distances of an ambiguous match, the nearest first."""
    by_name: bool = False
    """Whether names decided, as no row has the number."""


_NOBODY = Match(None, "missing")


def normal_number(text: str) -> str:
    """A number as it is compared: letters and digits only, no leading zeros."""
    kept = "".join(letter for letter in fold(text) if letter.isalnum())
    return kept.lstrip("0") or kept


def match_people(
    sought: Mapping[int, Who], rows: Mapping[int, Who], threshold: float = THRESHOLD
) -> dict[int, Match]:
    """For each person sought the row that is meant; no row is given to two."""
    index = RowIndex.of(rows)
    matches = {key: index.match(who, threshold) for key, who in sought.items()}
    return _without_rivals(matches)


@dataclass(frozen=True)
class RowIndex:
    """Rows, found by number and by name."""

    rows: Mapping[int, Who]
    names: NameIndex
    numbers: Mapping[str, Sequence[int]]

    @classmethod
    def of(cls, rows: Mapping[int, Who]) -> RowIndex:
        """An index of these rows."""
        names = {key: who.name for key, who in rows.items()}
        return cls(
            rows,
            NameIndex.of(names),
            _by_number(rows),
        )

    def match(self, who: Who, threshold: float = THRESHOLD) -> Match:
        """The row that is meant, whoever else may claim it: by number first, then by name."""
        match = _by_id(who, self.rows, self.numbers)
        if match is not None:
            return match
        match = _by_name(
            who,
            self.rows,
            self.names,
            threshold,
        )
        return replace(match, by_name=True)


def match_names(
    sought: Mapping[int, str], rows: Mapping[int, str], threshold: float = THRESHOLD
) -> dict[int, Match]:
    """The same where only names are known."""
    return match_people(
        _named(sought),
        _named(rows),
        threshold,
    )


def _named(names: Mapping[int, str]) -> dict[int, Who]:
    return {key: Who(frozenset(), name) for key, name in names.items()}


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
    keys: set[int] = set()
    for number in who.numbers:
        keys.update(by_number.get(number, ()))
    if not keys:
        return None

    fitting = [key for key in keys if _is_one_person(who, rows[key])]
    if len(fitting) == 1:
        return Match(fitting[0], "id")
    candidates = [(key, 0.0) for key in sorted(keys)]
    return _ambiguous(candidates)


def _is_one_person(who: Who, other: Who) -> bool:
    """Whether two persons with one number can be one; a changed surname is no contradiction."""
    if who.births & other.births:
        return True
    if _differ(who.births, other.births):
        both_named = not (is_generic(who.name) or is_generic(other.name))
        return both_named and _distance(who.name, other.name) == 0.0
    if is_generic(who.name) or is_generic(other.name):
        return True
    return _shares_a_word(who.name, other.name) or _distance(who.name, other.name) < _ANY


def _distance(name: str, other: str) -> float:
    return (
        NameIndex.of({0: other})
        .near(name, _ANY)
        .get(
            0,
            _ANY,
        )
    )


def _shares_a_word(name: str, other: str) -> bool:
    """Whether two names have a word of three letters or more in common, such as the given name."""
    words = set(name_words(name))
    common = words.intersection(name_words(other))
    return any(len(word) > 2 for word in common)


def _differ(births: frozenset[date], others: frozenset[date]) -> bool:
    """Whether both sides know a birth date, and none in common."""
    return bool(births and others) and births.isdisjoint(others)


def _by_name(who: Who, rows: Mapping[int, Who], index: NameIndex, threshold: float) -> Match:
    """The row whose name is clearly the nearest; birth dates decide where both sides know them."""
    distances = index.near(who.name, threshold)
    near = sorted(distances.items(), key=_nearest_first)
    if not near:
        return _NOBODY

    born: list[Candidate] = []
    possible: list[Candidate] = []
    for candidate in near:
        births = rows[candidate[0]].births
        if who.births & births:
            born.append(candidate)
        if not _differ(who.births, births):
            possible.append(candidate)
    possible = born or possible
    if not possible:
        return _ambiguous(near)

    row, distance = possible[0]
    rivals = [other for other in possible[1:] if not _is_clearly_nearer(distance, other[1])]
    if rivals:
        return _ambiguous([possible[0], *rivals])
    return Match(row, "name", distance)


def _nearest_first(candidate: Candidate) -> tuple[float, int]:
    row, distance = candidate
    return distance, row


def _is_clearly_nearer(best: float, second: float) -> bool:
    return second - best >= _MARGIN or (best == 0.0 and second > 0.0)


def _ambiguous(candidates: Sequence[Candidate]) -> Match:
    return Match(
        None,
        "ambiguous",
        candidates=tuple(candidates),
    )


def _without_rivals(matches: Mapping[int, Match]) -> dict[int, Match]:
    """Matches without two for one row: a number wins over names, of two names none wins."""
    by_id = Counter(match.row for match in matches.values() if match.how == "id")
    by_name = Counter(match.row for match in matches.values() if match.how == "name")

    checked = {}
    for key, match in matches.items():
        rivals = by_id[match.row]
        if match.how == "name":
            rivals += by_name[match.row]
        is_contested = match.row is not None and rivals > 1
        is_beaten = match.how == "name" and by_id[match.row] > 0
        if match.row is not None and (is_contested or is_beaten):
            match = _ambiguous([(match.row, match.distance)])
        checked[key] = match
    return checked
