"""Patient > Study > Series > Instance, and the instances that do not fit into it.

Conflicts: if one SOP Instance UID has different versions, all are quarantined; identical copies are
duplicates of the first. Of a study or series under two patients the minority is quarantined, and of
two persons under one PatientID the smaller part (`patients`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from deidflow.dicom.demographics import Known, nobody
from deidflow.dicom.instance import Instance, Pair
from deidflow.dicom.inventory import Entry
from deidflow.dicom.majorities import Decision, by_uid, minorities, series_uid, study_uid
from deidflow.dicom.manifest import NO_MANIFEST, Manifest
from deidflow.dicom.patients import Discovery, label_of, patients_of
from deidflow.dicom.persons import Member
from deidflow.dicom.policy import AskedFor, deciding, everything, judge
from deidflow.verdicts import Reason, Verdict

_CONFLICT = (Verdict.QUARANTINED, Reason.CONFLICTING_COPIES)
_COPY = (Verdict.DUPLICATE, Reason.COPY)
_STRANGER = (Verdict.QUARANTINED, Reason.OTHER_PERSON)
_MISFIT = (Verdict.QUARANTINED, Reason.MANIFEST_PERSON)
_MISCATEGORISED = (Verdict.QUARANTINED, Reason.MANIFEST_CATEGORY)
_LEFT_OUT = (Verdict.EXCLUDED, Reason.LEFT_OUT)
Basis = tuple[object, ...]
"""What the policy looks at."""


@dataclass(frozen=True)
class Series:
    """A series; `incomplete` when some of its instances were quarantined."""

    uid: str
    members: tuple[Member, ...]
    incomplete: bool

    @property
    def first(self) -> Instance:
        """The instance that represents the series."""
        return self.members[0].instance


@dataclass(frozen=True)
class Study:
    """A study with the series that may go on."""

    uid: str
    series: tuple[Series, ...]
    sessions: frozenset[str] = frozenset()
    """What a manifest calls it; at most one where it does not contradict itself."""


@dataclass(frozen=True)
class Subject:
    """A patient: a key that only the vault may hold, the studies, and all identifiers."""

    key: str
    studies: tuple[Study, ...]
    identifiers: tuple[Pair, ...]
    folders: frozenset[str] = frozenset()
    """Folders below the source that hold the patient's files."""
    label: str = ""
    """What a manifest calls the patient."""


@dataclass(frozen=True)
class Cohort:
    """Subjects with something to release, and the verdicts of all other files."""

    subjects: tuple[Subject, ...]
    verdicts: dict[str, Decision]
    owners: dict[str, str]
    """Path -> subject key, for every readable instance."""
    study_uids: frozenset[str]
    """Every study of which there is a readable instance, whatever its verdict."""
    mixed_folders: tuple[str, ...] = ()
    """With `per_top_folder`: folders at the top of the source that hold more than one PatientID."""


def group(
    entries: Iterable[Entry],
    *,
    defacing: bool,
    classes: Collection[str] = (),
    discovery: Discovery = "all",
    known: Known = nobody,
    reading: bool = False,
    cleaning_reports: bool = False,
    asked_for: AskedFor = everything,
    manifest: Manifest = NO_MANIFEST,
) -> Cohort:
    """Group the entries of an inventory; `defacing` selects the column of the policy.

    `classes` are SOP Class UIDs that are let through, `discovery` says who is one subject, `known`
    what the vault knows of a subject, `asked_for` which instances are not excluded. `reading`: text
    in pixels is read later; `cleaning_reports`: the profile cleans structured content. What the
    `manifest` says of a file comes before its header.
    """
    members, verdicts = _members(entries)
    patients = patients_of(members, discovery, known, manifest)
    owners = patients.owners
    verdicts |= _copies(members)
    for path in patients.misfits - verdicts.keys():
        verdicts[path] = _MISFIT
    for path in patients.strangers - verdicts.keys():
        verdicts[path] = _STRANGER

    undecided = [member for member in members if member.path not in verdicts]
    verdicts |= minorities(undecided, owners)
    for path, decision in _judged(
        members,
        defacing=defacing,
        classes=classes,
        reading=reading,
        cleaning_reports=cleaning_reports,
    ):
        verdicts.setdefault(path, decision)
    for path in _miscategorised(members, manifest):
        verdicts.setdefault(path, _MISCATEGORISED)
    verdicts |= {member.path: _LEFT_OUT for member in members if not asked_for(member.instance)}
    return Cohort(
        subjects=_subjects(members, owners, verdicts, manifest),
        verdicts=verdicts,
        owners=owners,
        study_uids=frozenset(member.instance.study_uid for member in members),
        mixed_folders=patients.mixed_folders,
    )


def _members(entries: Iterable[Entry]) -> tuple[list[Member], dict[str, Decision]]:
    """The instances in the order of their paths, and the decisions on all other files."""
    members: list[Member] = []
    verdicts: dict[str, Decision] = {}
    for entry in entries:
        if entry.instance is not None:
            member = Member(
                entry.path,
                entry.sha256,
                entry.instance,
            )
            members.append(member)
        elif entry.verdict is not None and entry.reason is not None:
            verdicts[entry.path] = entry.verdict, entry.reason

    members.sort(key=lambda member: member.path)
    return members, verdicts


def _judged(
    members: Sequence[Member],
    *,
    defacing: bool,
    classes: Collection[str],
    reading: bool,
    cleaning_reports: bool,
) -> Iterator[tuple[str, Decision]]:
    """Path and decision of every instance that the policy keeps out."""
    decisions: dict[Basis, Decision | None] = {}
    for member in members:
        basis = deciding(member.instance)
        if basis not in decisions:
            decisions[basis] = judge(
                member.instance,
                defacing=defacing,
                classes=classes,
                reading=reading,
                cleaning_reports=cleaning_reports,
            )
        decision = decisions[basis]
        if decision:
            yield member.path, decision


def _copies(members: Sequence[Member]) -> dict[str, Decision]:
    """Decisions on instances whose SOP Instance UID comes more than once."""
    copies = by_uid(_sop_uid, members)

    decisions: dict[str, Decision] = {}
    for versions in copies.values():
        contents = {member.sha256 for member in versions}
        if len(contents) > 1:
            for member in versions:
                decisions[member.path] = _CONFLICT
            continue
        for member in versions[1:]:
            decisions[member.path] = _COPY
    return decisions


def _sop_uid(member: Member) -> str:
    return member.instance.sop_uid


def _subjects(
    members: Sequence[Member],
    owners: dict[str, str],
    verdicts: dict[str, Decision],
    manifest: Manifest,
) -> tuple[Subject, ...]:
    """The patients with anything to release."""
    by_owner: defaultdict[str, list[Member]] = defaultdict(list)
    for member in members:
        owner = owners[member.path]
        by_owner[owner].append(member)

    subjects: list[Subject] = []
    for key, group_members in sorted(by_owner.items()):
        studies = _studies(group_members, verdicts, manifest)
        if studies:
            subject = Subject(
                key=key,
                studies=studies,
                identifiers=_identifiers(group_members),
                folders=_folders(group_members),
                label=label_of(key),
            )
            subjects.append(subject)
    return tuple(subjects)


def _identifiers(members: Iterable[Member]) -> tuple[Pair, ...]:
    """Every identifier of instances; those of one series mostly share a tuple."""
    tuples = {member.instance.identifiers for member in members}
    pairs: set[Pair] = set()
    pairs.update(*tuples)
    return tuple(sorted(pairs))


def _folders(members: Iterable[Member]) -> frozenset[str]:
    folders: set[str] = set()
    for member in members:
        folder, _, _ = member.path.rpartition("/")
        folders.add(folder)
    return frozenset(folders)


def _studies(
    members: Sequence[Member], verdicts: dict[str, Decision], manifest: Manifest
) -> tuple[Study, ...]:
    """The studies that have a series with anything left."""
    by_study = by_uid(study_uid, members)

    studies: list[Study] = []
    for uid, study_members in sorted(by_study.items()):
        series = _all_series(study_members, verdicts)
        if series:
            studies.append(Study(uid, series, _session_names(series, manifest)))
    return tuple(studies)


def _session_names(every_series: Iterable[Series], manifest: Manifest) -> frozenset[str]:
    """The sessions to which a manifest gives the files of a study."""
    names: set[str] = set()
    for series in every_series:
        names.update(manifest.of_file(member.path).session for member in series.members)
    return frozenset(names - {""})


def _miscategorised(members: Iterable[Member], manifest: Manifest) -> Iterator[str]:
    """Paths of instances that are not what a manifest's category says."""
    for member in members:
        category = manifest.of_file(member.path).category
        if category is not None and not category.fits(member.instance):
            yield member.path


def _all_series(members: Sequence[Member], verdicts: dict[str, Decision]) -> tuple[Series, ...]:
    """The series of a study that have anything left."""
    by_series = by_uid(series_uid, members)

    every_series: list[Series] = []
    for uid, series_members in sorted(by_series.items()):
        series = _series(uid, series_members, verdicts)
        if series.members:
            every_series.append(series)
    return tuple(every_series)


def _series(uid: str, members: Sequence[Member], verdicts: dict[str, Decision]) -> Series:
    kept: list[Member] = []
    incomplete = False
    for member in members:
        decision = verdicts.get(member.path)
        if decision is None:
            kept.append(member)
        elif decision[0] is Verdict.QUARANTINED:
            incomplete = True
    return Series(uid, tuple(kept), incomplete)
