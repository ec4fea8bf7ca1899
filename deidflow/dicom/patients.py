"""Which instances are of one patient: by PatientID, unless name and birth date or sex say that these are two.

Of several persons under one PatientID the one whom the vault knows is kept, else the one with most instances,
else the one with the earliest study date, else the one with the lowest Study Instance UID. The others are
strangers, who go no further, unless their IssuerOfPatientID says that theirs is a number of its own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import PurePath
from typing import Literal, NamedTuple

from deidflow.dicom.instance import Instance
from deidflow.dicom.person_names import is_generic, same_name
from deidflow.dicom.written_dates import days_meant
from deidflow.resources import placeholder_dates

Discovery = Literal["all", "per_top_folder", "one_per_study"]


class Member(NamedTuple):
    """An instance with its locator and content hash."""

    path: str
    sha256: str
    instance: Instance


class Demographics(NamedTuple):
    """What a header says of the patient, as it stands there."""

    patient_id: str
    issuer: str
    name: str
    birth_date: str
    sex: str

    @classmethod
    def of(cls, instance: Instance) -> Demographics:
        """Those of an instance."""
        return cls(
            instance.patient_id.strip(),
            instance.issuer.strip(),
            instance.patient_name.strip(),
            instance.birth_date.strip(),
            instance.patient_sex.strip().upper(),
        )

    def contradicts(self, other: Demographics) -> bool:
        """Whether these are two persons: another name, and another birth date or sex; what is missing is equal."""
        differ = _differ(self._days, other._days) or _differ(self._sexes, other._sexes)
        return differ and not same_name(self.name, other.name)

    def agrees(self, other: Demographics) -> bool:
        """Whether the names say that this is one person, and the birth dates do not say otherwise."""
        named = not (is_generic(self.name) or is_generic(other.name))
        return named and same_name(self.name, other.name) and not _differ(self._days, other._days)

    @property
    def _days(self) -> frozenset[date]:
        days = days_meant(self.birth_date)
        return frozenset(
            day for day in days if f"{day.year:04d}{day:%m%d}" not in placeholder_dates()
        )

    @property
    def _sexes(self) -> frozenset[str]:
        return frozenset((self.sex,)) & {"M", "F"}


def _differ(ours: frozenset[object], theirs: frozenset[object]) -> bool:
    return bool(ours and theirs) and ours.isdisjoint(theirs)


Known = Callable[[str], "Demographics | None"]
"""Subject key -> what the vault knows of the subject."""


@dataclass(frozen=True)
class Patients:
    """Whose each instance is."""

    owners: dict[str, str]
    """Path -> subject key."""
    strangers: frozenset[str] = frozenset()
    """Paths of instances of another person than the PatientID's."""
    mixed_folders: tuple[str, ...] = ()
    """Top folders with more than one PatientID, where each should be one patient."""


def nobody(key: str) -> Demographics | None:
    """The knowledge of an empty vault."""
    return None


def patients_of(
    members: Sequence[Member], discovery: Discovery = "all", known: Known = nobody
) -> Patients:
    """Whose each member is.

    `all`: a PatientID is a patient, whatever its issuer; without PatientID top folder, name and birth date are,
    and what shares a study. `per_top_folder`: a folder at the top of the source is. `one_per_study`: a study is.
    """
    if discovery == "one_per_study":
        return Patients({member.path: f"study|{member.instance.study_uid}" for member in members})
    bases = _merge_by_study(
        [member for member in members if not is_usable(member.instance.patient_id)]
    )
    of_base: defaultdict[str, list[Member]] = defaultdict(list)
    mixed: set[str] = set()
    for member in members:
        top = top_folder(member) if discovery == "per_top_folder" else ""
        of_base[f"top|{top}" if top else _base(member, bases)].append(member)
    owners: dict[str, str] = {}
    strangers: set[str] = set()
    for base, own in of_base.items():
        if base.startswith("top|") and _has_two_ids(own, known(base)):
            mixed.add(base.removeprefix("top|"))
        for key, part, is_stranger in _persons(base, own, known):
            owners.update((member.path, key) for member in part.members)
            strangers.update(member.path for member in part.members if is_stranger)
    return Patients(owners, frozenset(strangers), tuple(sorted(mixed)))


def is_usable(patient_id: str) -> bool:
    """Whether a PatientID can name somebody."""
    return any(map(str.isalnum, patient_id))


def top_folder(member: Member) -> str:
    """The folder at the top of the source in which a file lies; empty for a file beside the folders."""
    parts = PurePath(member.path).parts
    return parts[0] if len(parts) > 1 else ""


def _base(member: Member, nameless: dict[str, str]) -> str:
    patient_id = member.instance.patient_id
    return f"id||{patient_id.strip()}" if is_usable(patient_id) else nameless[_nameless_key(member)]


def _nameless_key(member: Member) -> str:
    return (
        f"folder|{top_folder(member)}|{member.instance.patient_name}|{member.instance.birth_date}"
    )


def _merge_by_study(members: Sequence[Member]) -> dict[str, str]:
    leader = {_nameless_key(member): _nameless_key(member) for member in members}
    first_of_study: dict[str, str] = {}
    for member in members:
        key = leader[_nameless_key(member)]
        other = leader[first_of_study.setdefault(member.instance.study_uid, key)]
        low, high = min(key, other), max(key, other)
        leader = (
            {name: low if value == high else value for name, value in leader.items()}
            if low != high
            else leader
        )
    return leader


def _has_two_ids(members: Iterable[Member], known: Demographics | None) -> bool:
    ids = {member.instance.patient_id.strip() for member in members}
    if known is not None:
        ids.add(known.patient_id)
    return len(list(filter(is_usable, ids))) > 1


# persons under one PatientID


@dataclass
class _Part:
    """Instances that can be of one person."""

    demographics: list[Demographics] = field(default_factory=list)
    members: list[Member] = field(default_factory=list)
    is_known: bool = False

    @property
    def studies(self) -> set[str]:
        return {member.instance.study_uid for member in self.members}

    @property
    def issuers(self) -> set[str]:
        return {row.issuer for row in self.demographics if row.issuer}

    @property
    def rank(self) -> tuple[bool, int, str, str]:
        """The lowest is the patient whom the PatientID means."""
        count = len({member.instance.sop_uid for member in self.members})
        days = [member.instance.study_date for member in self.members if member.instance.study_date]
        return not self.is_known, -count, min(days, default="9"), min(self.studies, default="")

    def takes(self, other: _Part) -> bool:
        """Whether the other part can be of the same person."""
        pairs = [(ours, theirs) for ours in self.demographics for theirs in other.demographics]
        if any(ours.contradicts(theirs) for ours, theirs in pairs):
            return False
        return not self.is_issued_apart(other) or any(ours.agrees(theirs) for ours, theirs in pairs)

    def is_issued_apart(self, other: _Part) -> bool:
        """Whether both have issuers, none in common, and no study in common."""
        apart = bool(self.issuers and other.issuers) and self.issuers.isdisjoint(other.issuers)
        return apart and self.studies.isdisjoint(other.studies)

    def add(self, other: _Part) -> None:
        """Take the instances of another part."""
        self.demographics += other.demographics
        self.members += other.members


def _persons(
    base: str, members: Sequence[Member], known: Known
) -> Iterator[tuple[str, _Part, bool]]:
    """Subject key of each person under one PatientID, the instances, and whether it is a stranger to it."""
    parts = _parts(members)
    main_key, demographics = _known_key(base, parts, known)
    if demographics is not None:
        parts.insert(0, _Part([demographics], is_known=True))
    parts = sorted(_merged(parts), key=lambda part: part.rank)
    accepted = parts[:1]
    yield main_key, parts[0], False
    for number, part in enumerate(parts[1:], 1):
        key = _key_of_its_own(base, part, accepted, known)
        if key:
            accepted.append(part)
        yield key or f"{base}|stranger {number}", part, not key


def _key_of_its_own(base: str, part: _Part, accepted: Sequence[_Part], known: Known) -> str:
    """The key of a person whose issuer gave the same PatientID again; empty for a stranger."""
    if not base.startswith("id||") or not all(map(part.is_issued_apart, accepted)):
        return ""
    key = _issued(base, min(part.issuers))
    before = known(key)
    fits = before is None or not any(map(before.contradicts, part.demographics))
    return key if fits else ""


def _parts(members: Sequence[Member]) -> list[_Part]:
    """Members with the same demographics, those with most instances first."""
    parts: defaultdict[Demographics, _Part] = defaultdict(_Part)
    for member in members:
        demographics = Demographics.of(member.instance)
        parts[demographics].members.append(member)
    for demographics, part in parts.items():
        part.demographics.append(demographics)
    return sorted(parts.values(), key=lambda part: part.rank)


def _merged(parts: Sequence[_Part]) -> list[_Part]:
    merged: list[_Part] = []
    for part in parts:
        fitting = [other for other in merged if other.takes(part)]
        sharing = [other for other in fitting if other.studies & part.studies]
        if fitting:
            (sharing or fitting)[0].add(part)
        else:
            merged.append(part)
    return merged


def _known_key(base: str, parts: Sequence[_Part], known: Known) -> tuple[str, Demographics | None]:
    """The key under which the vault knows the patient, also one of before with the issuer; else the plain one."""
    keys = [base]
    if base.startswith("id||"):
        keys += [
            _issued(base, issuer)
            for issuer in sorted({issuer for part in parts for issuer in part.issuers})
        ]
    for key in keys:
        demographics = known(key)
        if demographics is not None:
            return key, demographics
    return base, None


def _issued(base: str, issuer: str) -> str:
    return f"id|{issuer}|{base.removeprefix('id||')}"
