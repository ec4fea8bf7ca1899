"""Which file goes where: folders and names of the output, never from source names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import NamedTuple

from deidflow.bulk.read import Place
from deidflow.dicom.grouping import Series, Subject
from deidflow.dicom.persons import Member
from deidflow.identity.names import number_of, ordered_names
from deidflow.identity.vault import Identity
from deidflow.identity.workorder import WorkOrder
from deidflow.release.layout import slice_names
from deidflow.settings.anonymize import MIRROR


class Target(NamedTuple):
    """Source path and original SOP Instance UID of a file, and its place in the output."""

    path: str
    folder: str
    name: str
    sop_uid: str


@dataclass(frozen=True)
class Part:
    """A series of a session: the source paths, and folder and name of each in the output."""

    order: WorkOrder
    """The subject's order with this session only, and without its files."""
    series: str
    bin_trigger_time: bool
    targets: tuple[Target, ...]


def parts_of(
    subject: Subject, identity: Identity, order: WorkOrder, layout: str, places: Mapping[str, Place]
) -> list[Part]:
    """All series of a subject with their places in the output."""
    mirror = _Mirror.of(subject) if layout == MIRROR else None
    parts = []
    for study in subject.studies:
        label = identity.labels[study.uid]
        session = order.session(label)
        for (name, series), known in zip(ordered_names(study), session.series, strict=True):
            slim = replace(order, sessions=(replace(session, series=()),))
            if mirror is not None:
                targets = mirror.targets(order.pseudonym, series)
            else:
                folder = layout.format(subject=order.pseudonym, timepoint=label, series=name)
                targets = _numbered(series, folder, places)
            parts.append(Part(slim, name, known.bin_trigger_time, targets))
    return parts


def _numbered(series: Series, folder: str, places: Mapping[str, Place]) -> tuple[Target, ...]:
    """Slices along row x column, then by instance number."""

    def key(member: Member) -> tuple[Place, int, str]:
        return (
            places[member.path],
            number_of(member.instance.instance_number),
            member.instance.sop_uid,
        )

    ordered = sorted(series.members, key=key)
    names = slice_names(len(ordered))
    return tuple(
        Target(member.path, folder, name, member.instance.sop_uid)
        for member, name in zip(ordered, names, strict=True)
    )


@dataclass(frozen=True)
class _Mirror:
    """The tree below a subject with every folder and file renamed by a counter among its siblings."""

    names: dict[str, str]
    """Source path below the subject's own folder -> path in the output."""
    base: str

    @classmethod
    def of(cls, subject: Subject) -> _Mirror:
        paths = sorted(
            one.path
            for study in subject.studies
            for series in study.series
            for one in series.members
        )
        base = _common([str(PurePosixPath(path).parent) for path in paths])
        children: dict[str, dict[str, str]] = {}
        for path in paths:
            parts = PurePosixPath(path).relative_to(base).parts
            for depth, part in enumerate(parts):
                kind = "file" if depth == len(parts) - 1 else ""
                children.setdefault("/".join(parts[:depth]), {}).setdefault(part, kind)
        names = {"": ""}
        for folder in sorted(children):
            entries = sorted(children[folder])
            width = max(3, len(str(len(entries))))
            for number, part in enumerate(entries, 1):
                kind = children[folder][part]
                name = f"{number:0{width}d}" + (".dcm" if kind else "")
                whole = f"{folder}/{part}" if folder else part
                names[whole] = f"{names[folder]}/{name}" if names[folder] else name
        return cls(names, base)

    def targets(self, pseudonym: str, series: Series) -> tuple[Target, ...]:
        """The place of every file of a series."""
        rows = []
        for member in sorted(series.members, key=lambda one: one.path):
            path = self.names[PurePosixPath(member.path).relative_to(self.base).as_posix()]
            folder, _, name = path.rpartition("/")
            place = f"{pseudonym}/{folder}" if folder else pseudonym
            rows.append(Target(member.path, place, name, member.instance.sop_uid))
        return tuple(rows)


def _common(folders: Sequence[str]) -> str:
    common = PurePosixPath(folders[0]).parts
    for folder in set(folders):
        parts = PurePosixPath(folder).parts
        pairs = enumerate(zip(common, parts, strict=False))
        common = common[
            : next((depth for depth, (a, b) in pairs if a != b), min(len(common), len(parts)))
        ]
    return str(PurePosixPath(*common)) if common else "."
