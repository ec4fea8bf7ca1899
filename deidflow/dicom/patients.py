"""Which instances are of one patient: by PatientID, unless name and birth date or sex deny it.

Of several persons under one PatientID the one whom the vault knows is kept, else the one with most
instances, else the one with the earliest study date, else the one with the lowest Study Instance
UID. The others are strangers, who go no further, unless their IssuerOfPatientID says that theirs is
another number (`persons`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Literal

from deidflow.dicom.demographics import Demographics, Known, nobody
from deidflow.dicom.persons import Member, persons_of

Discovery = Literal["all", "per_top_folder", "one_per_study"]
_TOP_KEY = "top|"


@dataclass(frozen=True)
class Patients:
    """The patient of each instance."""

    owners: dict[str, str] = field(default_factory=dict)
    """Path -> subject key."""
    strangers: frozenset[str] = frozenset()
    """Paths of instances of another person than the one whom the PatientID means."""
    mixed_folders: tuple[str, ...] = ()
    """Top folders with more than one PatientID, where each should be one patient."""


def patients_of(
    members: Sequence[Member], discovery: Discovery = "all", known: Known = nobody
) -> Patients:
    """The patient of each member.

    `all`: a PatientID is a patient, whatever its issuer; without PatientID top folder, name and
    birth date are, and what shares a study. `per_top_folder`: a folder at the top of the source is
    a patient. `one_per_study`: a study is.
    """
    if discovery == "one_per_study":
        return _one_per_study(members)

    owners: dict[str, str] = {}
    strangers: set[str] = set()
    mixed: set[str] = set()
    for base, base_members in _by_base(members, discovery).items():
        is_folder = base.startswith(_TOP_KEY)
        if is_folder and _has_two_ids(base_members, known(base)):
            folder = base.removeprefix(_TOP_KEY)
            mixed.add(folder)
        for person in persons_of(base, base_members, known):
            paths = [member.path for member in person.members]
            owners.update(dict.fromkeys(paths, person.key))
            if person.is_stranger:
                strangers.update(paths)
    return Patients(
        owners=owners,
        strangers=frozenset(strangers),
        mixed_folders=tuple(sorted(mixed)),
    )


def _one_per_study(members: Iterable[Member]) -> Patients:
    owners: dict[str, str] = {}
    for member in members:
        study_uid = member.instance.study_uid
        owners[member.path] = f"study|{study_uid}"
    return Patients(owners)


def is_usable(patient_id: str) -> bool:
    """Whether a PatientID can name somebody."""
    return any(map(str.isalnum, patient_id))


def top_folder(member: Member) -> str:
    """The top folder of the source that holds a file; empty for a file beside the folders."""
    parts = PurePath(member.path).parts
    return parts[0] if len(parts) > 1 else ""


def _by_base(members: Sequence[Member], discovery: Discovery) -> dict[str, list[Member]]:
    """Members by what they have in common: the top folder, the PatientID, or what replaces it."""
    nameless = _merge_by_study(members)
    by_base: defaultdict[str, list[Member]] = defaultdict(list)
    for member in members:
        base = _base(member, discovery, nameless)
        by_base[base].append(member)
    return by_base


def _base(member: Member, discovery: Discovery, nameless: dict[str, str]) -> str:
    if discovery == "per_top_folder":
        top = top_folder(member)
        if top:
            return f"{_TOP_KEY}{top}"
    patient_id = member.instance.patient_id
    if is_usable(patient_id):
        return f"id||{patient_id.strip()}"
    return nameless[_nameless_key(member)]


def _is_nameless(member: Member) -> bool:
    return not is_usable(member.instance.patient_id)


def _nameless_key(member: Member) -> str:
    instance = member.instance
    folder = top_folder(member)
    return f"folder|{folder}|{instance.patient_name}|{instance.birth_date}"


def _merge_by_study(members: Sequence[Member]) -> dict[str, str]:
    """Key of members without PatientID -> the lowest key with which they share a study."""
    nameless = list(filter(_is_nameless, members))
    leader: dict[str, str] = {}
    for member in nameless:
        key = _nameless_key(member)
        leader[key] = key

    first_of_study: dict[str, str] = {}
    for member in nameless:
        key = leader[_nameless_key(member)]
        first = first_of_study.setdefault(
            member.instance.study_uid,
            key,
        )
        other = leader[first]
        if key == other:
            continue
        low, high = sorted((key, other))
        for name, current in leader.items():
            if current == high:
                leader[name] = low
    return leader


def _has_two_ids(members: Iterable[Member], known: Demographics | None) -> bool:
    ids = {member.instance.patient_id.strip() for member in members}
    if known is not None:
        ids.add(known.patient_id)
    usable = list(filter(is_usable, ids))
    return len(usable) > 1
