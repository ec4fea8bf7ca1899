"""Which instances are of one patient: by PatientID, unless name and birth date or sex deny it.

Of several persons under one PatientID the one whom the vault knows is kept, else the one with most
instances, else the one with the earliest study date, else the one with the lowest Study Instance
UID. The others are strangers, who go no further, unless their IssuerOfPatientID says that theirs is
another number (`persons`).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import Literal

from deidflow.dicom.demographics import Demographics, Known, nobody
from deidflow.dicom.manifest import NO_MANIFEST, Manifest
from deidflow.dicom.person_names import same_name
from deidflow.dicom.persons import Member, persons_of

Discovery = Literal["all", "per_top_folder", "one_per_study"]
_TOP_KEY = "top|"
_LABEL_KEY = "manifest|"


@dataclass(frozen=True)
class Patients:
    """The patient of each instance."""

    owners: dict[str, str] = field(default_factory=dict)
    """Path -> subject key."""
    strangers: frozenset[str] = frozenset()
    """Paths of instances of another person than the one whom the PatientID means."""
    misfits: frozenset[str] = frozenset()
    """Paths of instances that a manifest gives to the subject of another person."""
    mixed_folders: tuple[str, ...] = ()
    """Top folders with more than one PatientID, where each should be one patient."""


def patients_of(
    members: Sequence[Member],
    discovery: Discovery = "all",
    known: Known = nobody,
    manifest: Manifest = NO_MANIFEST,
) -> Patients:
    """The patient of each member: the subject that a manifest gives it, else by its header.

    `all`: a PatientID is a patient, whatever its issuer; without PatientID top folder, name and
    birth date are, and what shares a study. `per_top_folder`: a folder at the top of the source is
    a patient. `one_per_study`: a study is.
    """
    by_label = _by_label(members, manifest)
    named: set[str] = set()
    for group in by_label.values():
        named.update(member.path for member in group)
    others = [member for member in members if member.path not in named]
    patients = _by_headers(others, discovery, known)
    return _with_labelled(patients, by_label, known)


def label_of(key: str) -> str:
    """The name that a manifest gives the subject with this key; empty for none."""
    return key.removeprefix(_LABEL_KEY) if key.startswith(_LABEL_KEY) else ""


def _by_label(members: Sequence[Member], manifest: Manifest) -> dict[str, list[Member]]:
    """Members by the subject of the manifest.

    One of which it says nothing goes with the others of its PatientID, if these are one subject.
    """
    by_label: defaultdict[str, list[Member]] = defaultdict(list)
    labels_of: defaultdict[str, set[str]] = defaultdict(set)
    silent: list[Member] = []
    for member in members:
        entry = manifest.of_file(member.path)
        label = entry.subject
        if not label:
            silent.append(member)
            continue
        by_label[label].append(member)
        labels = labels_of[_id_of(member)]
        labels.add(label)

    for member in silent:
        patient_id = _id_of(member)
        labels = labels_of.get(patient_id, set())
        if is_usable(patient_id) and len(labels) == 1:
            label = min(labels)
            by_label[label].append(member)
    return by_label


def _id_of(member: Member) -> str:
    return member.instance.patient_id.strip()


def _with_labelled(
    patients: Patients, by_label: Mapping[str, Sequence[Member]], known: Known
) -> Patients:
    """The patients, and those whom a manifest names."""
    owners = dict(patients.owners)
    misfits: set[str] = set()
    for label, members in by_label.items():
        base = f"{_LABEL_KEY}{label}"
        known_as = known(base)
        for person in persons_of(base, members, known):
            paths = [member.path for member in person.members]
            owned = dict.fromkeys(paths, person.key)
            owners.update(owned)
            if not person.is_stranger:
                paths = list(_misnamed(person.members, known_as))
            misfits.update(paths)
    return replace(
        patients,
        owners=owners,
        misfits=frozenset(misfits),
    )


def _misnamed(members: Sequence[Member], known: Demographics | None) -> Iterator[str]:
    """Paths of instances with another PatientID and another name than most, or than the known."""
    demographics: dict[str, Demographics] = {}
    for member in members:
        demographics[member.path] = Demographics.of(member.instance)
    if not demographics:
        return

    counts = Counter(demographics.values())
    most = max(counts.values())
    frequent = [one for one, count in counts.items() if count == most]
    reference = known or min(frequent)
    for path, one in demographics.items():
        has_other_id = one.patient_id != reference.patient_id
        has_other_name = not same_name(one.name, reference.name)
        if has_other_id and has_other_name:
            yield path


def _by_headers(members: Sequence[Member], discovery: Discovery, known: Known) -> Patients:
    """The patient of each member, by its header."""
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
        owners[member.path] = own_key(member, "one_per_study")
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
    key = own_key(member, discovery)
    return nameless.get(key, key)


def own_key(member: Member, discovery: Discovery) -> str:
    """What a member alone says of its patient; without a PatientID a shared study may say more."""
    if discovery == "one_per_study":
        return f"study|{member.instance.study_uid}"
    if discovery == "per_top_folder":
        top = top_folder(member)
        if top:
            return f"{_TOP_KEY}{top}"
    patient_id = member.instance.patient_id
    if is_usable(patient_id):
        return f"id||{patient_id.strip()}"
    return _nameless_key(member)


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
