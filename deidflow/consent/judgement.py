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
    rows = {}
    for number, person in enumerate(listed):
        rows[number] = person.who
    index = RowIndex.of(rows)
    matches = {key: index.match(patient.who, threshold) for key, patient in patients.items()}
    rivals = _rivals(patients, matches)

    reasons: dict[Demographics, Reason] = {}
    for key, patient in patients.items():
        reason = _reason(
            patient,
            matches[key],
            listed,
        )
        if reason is None and key in rivals:
            reason = Reason.CONSENT_AMBIGUOUS
        if reason is not None:
            reasons |= dict.fromkeys(patient.demographics, reason)
    return reasons


def _reason(patient: _Patient, match: Match, listed: Sequence[ListedPerson]) -> Reason | None:
    """Why a patient may not go on, given the row that was found."""
    if match.row is None:
        nearest = []
        for row, _ in match.candidates:
            nearest.append(listed[row].who)
        is_other = all(_is_born_apart(patient.who, who) for who in nearest)
        if match.how == "ambiguous" and not (is_other and match.by_name):
            return Reason.CONSENT_AMBIGUOUS
        return Reason.NO_CONSENT

    person = listed[match.row]
    if person.consent is Consent.REFUSED:
        return Reason.NO_CONSENT
    if person.consent is Consent.UNCLEAR or not patient.is_one:
        return Reason.CONSENT_AMBIGUOUS
    if _differ(patient.who.numbers, person.who.numbers):
        return Reason.CONSENT_AMBIGUOUS
    return None


def _is_born_apart(who: Who, other: Who) -> bool:
    return _differ(who.births, other.births)


def _differ(ours: frozenset[object], theirs: frozenset[object]) -> bool:
    if not ours or not theirs:
        return False
    return ours.isdisjoint(theirs)


def _patients(sought: Iterable[Demographics]) -> dict[Key, _Patient]:
    groups: defaultdict[Key, list[Demographics]] = defaultdict(list)
    for demographics in sought:
        groups[_key(demographics)].append(demographics)

    patients = {}
    for key, group in groups.items():
        patients[key] = _patient(key, group)
    return patients


def _key(demographics: Demographics) -> Key:
    if is_usable(demographics.patient_id):
        return "number", demographics.patient_id
    if is_generic(demographics.name):
        return ("name",)
    words = name_words(demographics.name)
    return "name", *sorted(words)


def _patient(key: Key, group: Sequence[Demographics]) -> _Patient:
    names = [one.name for one in group if not is_generic(one.name)]
    days: set[date] = set()
    for one in group:
        days.update(one.birth_days)
    numbers: frozenset[str] = frozenset()
    if key[0] == "number":
        numbers = frozenset(map(normal_number, key[1:]))

    who = Who(
        numbers=numbers,
        name=max(
            names,
            key=len,
            default="",
        ),
        births=frozenset(days),
    )
    return _Patient(
        tuple(group),
        who,
        _are_one(key, group),
    )


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
            ours = patients[one].who
            theirs = patients[other].who
            if _is_same_person(ours, theirs):
                continue
            rivals |= _losers(
                one,
                other,
                matches,
            )
    return rivals


def _losers(one: Key, other: Key, matches: Mapping[Key, Match]) -> set[Key]:
    """Who of two loses a row that both claim: both if they were found in one way."""
    ours = matches[one]
    theirs = matches[other]
    if ours.how == theirs.how:
        return {one, other}

    losers = set()
    if ours.by_name:
        losers.add(one)
    if theirs.by_name:
        losers.add(other)
    return losers


def _is_same_person(who: Who, other: Who) -> bool:
    """Whether two numbers are surely of one person: the same name and the same birth date."""
    if is_generic(who.name):
        return False
    if is_generic(other.name):
        return False
    if who.births.isdisjoint(other.births):
        return False
    return same_name(who.name, other.name)
