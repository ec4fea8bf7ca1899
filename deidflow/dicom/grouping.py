"""Patient > Study > Series > Instance, and the instances that do not fit into it.

Conflicts: of one SOP Instance UID with different valid versions all are quarantined; identical copies
are duplicates of the first; of a study or series under two patients the minority is quarantined; of two
persons under one PatientID the smaller part is (`patients`).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

from deidflow.dicom.instance import Instance
from deidflow.dicom.inventory import Entry
from deidflow.dicom.patients import Discovery, Known, Member, nobody, patients_of
from deidflow.dicom.policy import deciding, judge
from deidflow.verdicts import Reason, Verdict

Decision = tuple[Verdict, Reason]


@dataclass(frozen=True)
class Series:
    """A series; `incomplete` when some of its instances were quarantined."""

    uid: str
    members: tuple[Member, ...]
    incomplete: bool

    @property
    def first(self) -> Instance:
        """The instance that speaks for the series."""
        return self.members[0].instance


@dataclass(frozen=True)
class Study:
    """A study with the series that may go on."""

    uid: str
    series: tuple[Series, ...]


@dataclass(frozen=True)
class Subject:
    """A patient: a key that only the vault may hold, the studies, and all identifiers found."""

    key: str
    studies: tuple[Study, ...]
    identifiers: tuple[tuple[str, str], ...]
    folders: frozenset[str] = frozenset()
    """Folders below the source that hold the patient's files."""


@dataclass(frozen=True)
class Cohort:
    """Everything found: subjects with something to release, and the verdicts of all else."""

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
) -> Cohort:
    """Group the entries of an inventory; `defacing` says which policy column holds.

    `classes` are SOP Class UIDs that are let through; `discovery` says who is one subject,
    `known` what the vault knows of one.
    """
    verdicts: dict[str, Decision] = {}
    members = []
    for entry in entries:
        if entry.instance is not None:
            members.append(Member(entry.path, entry.sha256, entry.instance))
        elif entry.verdict is not None and entry.reason is not None:
            verdicts[entry.path] = entry.verdict, entry.reason
    members.sort(key=lambda member: member.path)
    patients = patients_of(members, discovery, known)
    owners = patients.owners
    valid = [member for member in members if member.path not in verdicts]
    verdicts |= _copies(valid)
    for path in patients.strangers - verdicts.keys():
        verdicts[path] = Verdict.QUARANTINED, Reason.OTHER_PERSON
    verdicts |= _minorities([member for member in valid if member.path not in verdicts], owners)
    judged: dict[tuple[object, ...], Decision | None] = {}
    for member in valid:
        basis = deciding(member.instance)
        if basis not in judged:
            judged[basis] = judge(member.instance, defacing=defacing, classes=classes)
        decision = judged[basis]
        if decision and member.path not in verdicts:
            verdicts[member.path] = decision
    study_uids = frozenset(member.instance.study_uid for member in members)
    subjects = _subjects(members, owners, verdicts)
    return Cohort(subjects, verdicts, owners, study_uids, patients.mixed_folders)


def _copies(members: Sequence[Member]) -> dict[str, Decision]:
    counts = Counter(member.instance.sop_uid for member in members)
    by_uid: defaultdict[str, list[Member]] = defaultdict(list)
    for member in members:
        if counts[member.instance.sop_uid] > 1:
            by_uid[member.instance.sop_uid].append(member)
    decisions: dict[str, Decision] = {}
    for same in by_uid.values():
        if len({member.sha256 for member in same}) > 1:
            decisions |= {
                member.path: (Verdict.QUARANTINED, Reason.CONFLICTING_COPIES) for member in same
            }
        else:
            decisions |= {member.path: (Verdict.DUPLICATE, Reason.COPY) for member in same[1:]}
    return decisions


def _minorities(members: Sequence[Member], owners: dict[str, str]) -> dict[str, Decision]:
    kept = list(members)
    for uid_of in (_study_uid, _series_uid):
        majority = _majorities(kept, owners, uid_of)
        kept = [member for member in kept if majority[uid_of(member)] == owners[member.path]]
    paths = {member.path for member in kept}
    return {
        m.path: (Verdict.QUARANTINED, Reason.MIXED_PATIENTS) for m in members if m.path not in paths
    }


def _study_uid(member: Member) -> str:
    return member.instance.study_uid


def _series_uid(member: Member) -> str:
    return member.instance.series_uid


def _majorities(
    members: Sequence[Member], owners: dict[str, str], uid_of: Callable[[Member], str]
) -> dict[str, str | None]:
    """UID -> the patient with most of its instances; None where two have the same number."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for member in members:
        counts[uid_of(member)][owners[member.path]] += 1
    majority: dict[str, str | None] = {}
    for uid, owned in counts.items():
        (first, most), *rest = owned.most_common(2)
        majority[uid] = None if rest and rest[0][1] == most else first
    return majority


def _subjects(
    members: Sequence[Member], owners: dict[str, str], verdicts: dict[str, Decision]
) -> tuple[Subject, ...]:
    of_subject: defaultdict[str, list[Member]] = defaultdict(list)
    for member in members:
        of_subject[owners[member.path]].append(member)
    subjects = []
    for key, own in sorted(of_subject.items()):
        studies = _studies(own, verdicts)
        if studies:
            pairs = {
                pair for pairs in {member.instance.identifiers for member in own} for pair in pairs
            }
            folders = frozenset(member.path.rpartition("/")[0] for member in own)
            subjects.append(Subject(key, studies, tuple(sorted(pairs)), folders))
    return tuple(subjects)


def _studies(members: Sequence[Member], verdicts: dict[str, Decision]) -> tuple[Study, ...]:
    by_study: defaultdict[str, defaultdict[str, list[Member]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for member in members:
        by_study[member.instance.study_uid][member.instance.series_uid].append(member)
    studies = []
    for uid, by_series in sorted(by_study.items()):
        series = [
            _series(series_uid, own, verdicts) for series_uid, own in sorted(by_series.items())
        ]
        kept = tuple(one for one in series if one.members)
        if kept:
            studies.append(Study(uid, kept))
    return tuple(studies)


def _series(uid: str, members: Sequence[Member], verdicts: dict[str, Decision]) -> Series:
    kept = tuple(member for member in members if member.path not in verdicts)
    held = (verdicts[member.path][0] for member in members if member.path in verdicts)
    lost = Verdict.QUARANTINED in held
    return Series(uid, kept, lost)
