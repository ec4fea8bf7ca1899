"""Which patients of a source a consent list allows: in doubt nobody, with the reason."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import combinations

from deidflow.consent.allow_list import Consent, ListedPerson
from deidflow.dicom.demographics import Demographics
from deidflow.dicom.patients import is_usable
from deidflow.dicom.person_names import is_generic, name_words, same_name
from deidflow.tables.matching import Match, RowIndex, Who, normal_number
from deidflow.verdicts import Reason

Key = tuple[str, ...]


@dataclass(frozen=True)
class _Patient:
    """What all headers of one number, or of one name without a number, say."""

    demographics: tuple[Demographics, ...]
    who: Who
    is_one: bool
    """Whether they can all be of one person."""


def refusals(
    sought: Iterable[Demographics], listed: Sequence[ListedPerson], threshold: float
) -> dict[Demographics, Reason]:
    """Why patients may not go on; those whom the list allows are not in it.

    A number is looked up first, then a name. Ambiguous: a number or name of two persons, on either
    side; a number beside another name; a name beside another number; rows that contradict each
    other.
    """
    patients = _patients(sought)
    rows = {number: person.who for number, person in enumerate(listed)}
    index = RowIndex.of(rows)
    matches = {key: index.match(patient.who, threshold) for key, patient in patients.items()}
    rivals = _rivals(patients, matches)

    reasons: dict[Demographics, Reason] = {}
    for key, patient in patients.items():
        reason = _reason(patient, matches[key], listed)
        if reason is None and key in rivals:
            reason = Reason.CONSENT_AMBIGUOUS
        if reason is not None:
            reasons |= dict.fromkeys(patient.demographics, reason)
    return reasons


def _reason(patient: _Patient, match: Match, listed: Sequence[ListedPerson]) -> Reason | None:
    """Why a patient may not go on, given the row that was found."""
    if match.row is None:
        nearest = [listed[row].who for row, _ in match.candidates]
        is_other = all(_is_born_apart(patient.who, who) for who in nearest)
        if match.how == "ambiguous" and not (is_other and match.by_name):
            return Reason.CONSENT_AMBIGUOUS
        return Reason.NO_CONSENT

    person = listed[match.row]
    if person.consent is Consent.REFUSED:
        return Reason.NO_CONSENT
    has_other_number = _differ(patient.who.numbers, person.who.numbers)
    if person.consent is Consent.UNCLEAR or has_other_number or not patient.is_one:
        return Reason.CONSENT_AMBIGUOUS
    return None


def _is_born_apart(who: Who, other: Who) -> bool:
    return _differ(who.births, other.births)


def _differ(ours: frozenset[object], theirs: frozenset[object]) -> bool:
    return bool(ours and theirs) and ours.isdisjoint(theirs)


def _patients(sought: Iterable[Demographics]) -> dict[Key, _Patient]:
    groups: defaultdict[Key, list[Demographics]] = defaultdict(list)
    for demographics in sought:
        groups[_key(demographics)].append(demographics)
    return {key: _patient(key, group) for key, group in groups.items()}


def _key(demographics: Demographics) -> Key:
    if is_usable(demographics.patient_id):
        return "number", demographics.patient_id
    words = () if is_generic(demographics.name) else name_words(demographics.name)
    return "name", *sorted(words)


def _patient(key: Key, group: Sequence[Demographics]) -> _Patient:
    names = [one.name for one in group if not is_generic(one.name)]
    days = frozenset[date]().union(*(one.birth_days for one in group))
    who = Who(
        numbers=frozenset(map(normal_number, key[1:])) if key[0] == "number" else frozenset(),
        name=max(names, key=len, default=""),
        births=days,
    )
    return _Patient(tuple(group), who, _are_one(key, group))


def _are_one(key: Key, group: Sequence[Demographics]) -> bool:
    """Whether no two headers name different persons."""
    for one, other in combinations(group, 2):
        if one.contradicts(other):
            return False
        if key[0] == "name" and one.differs_in_birth(other):
            return False
    return True


def _rivals(patients: Mapping[Key, _Patient], matches: Mapping[Key, Match]) -> set[Key]:
    """Patients who claim a row together and may be different persons; a number beats a name."""
    claims: defaultdict[int, list[Key]] = defaultdict(list)
    for key, match in matches.items():
        if match.row is not None:
            claims[match.row].append(key)

    rivals: set[Key] = set()
    for keys in claims.values():
        for one, other in combinations(keys, 2):
            if _is_same_person(patients[one].who, patients[other].who):
                continue
            ways = {matches[one].how, matches[other].how}
            rivals |= {key for key in (one, other) if len(ways) == 1 or matches[key].by_name}
    return rivals


def _is_same_person(who: Who, other: Who) -> bool:
    """Whether two numbers are surely of one person: the same name and the same birth date."""
    if is_generic(who.name) or is_generic(other.name):
        return False
    return not who.births.isdisjoint(other.births) and same_name(who.name, other.name)
