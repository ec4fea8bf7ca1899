"""Which file goes where: folders and names of the output, never derived from source names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from deidflow.bulk.mirror import MirroredTree
from deidflow.bulk.read import StackPosition
from deidflow.bulk.tasks import FileTask
from deidflow.dicom.grouping import Series, Subject
from deidflow.dicom.persons import Member
from deidflow.identity.names import number_of, ordered_names
from deidflow.identity.vault import Identity
from deidflow.identity.workorder import SessionOrder, WorkOrder
from deidflow.release.layout import slice_names
from deidflow.settings.layout_template import MIRROR


class Target(NamedTuple):
    """Source path and original SOP Instance UID of a file, and its place in the output."""

    path: str
    folder: str
    name: str
    sop_uid: str

    @property
    def output_path(self) -> str:
        """The output, relative to the output folder."""
        return f"{self.folder}/{self.name}"


@dataclass(frozen=True)
class SeriesTargets:
    """A series of a session, and the target of each of its files."""

    order: WorkOrder
    """The subject's order with this session only, and without its files."""
    series: str
    bin_trigger_time: bool
    targets: tuple[Target, ...]

    @property
    def session(self) -> tuple[str, str]:
        """Pseudonym and label of the session."""
        return self.order.pseudonym, self.order.sessions[0].label

    def tasks(self, numbers: Mapping[str, int], places: Mapping[str, Path]) -> Iterator[FileTask]:
        """The files as tasks; `numbers` are those of the call, `places` of members, by path."""
        subject, label = self.session
        for target in self.targets:
            yield FileTask(
                number=numbers[target.path],
                path=target.path,
                folder=target.folder,
                name=target.name,
                series=self.series,
                bin_trigger_time=self.bin_trigger_time,
                sop_uid=target.sop_uid,
                subject=subject,
                session=label,
                place=str(places.get(target.path, "")),
            )


def targets_of(
    subject: Subject,
    identity: Identity,
    order: WorkOrder,
    layout: str,
    positions: Mapping[str, StackPosition],
) -> Iterator[SeriesTargets]:
    """The targets of all series of a subject; `positions` are those of the images, by path."""
    tree = None
    if layout == MIRROR:
        paths = _paths(subject)
        tree = MirroredTree.of(paths)

    for study in subject.studies:
        label = identity.labels[study.uid]
        session = order.session(label)
        session_order = _with_session(order, session)
        named_series = ordered_names(study)

        for (name, series), series_order in zip(
            named_series,
            session.series,
            strict=True,
        ):
            if tree is not None:
                targets = _mirrored(series, order.pseudonym, tree)
            else:
                folder = layout.format(
                    subject=order.pseudonym,
                    timepoint=label,
                    series=name,
                )
                targets = _numbered(series, folder, positions)
            yield SeriesTargets(
                order=session_order,
                series=name,
                bin_trigger_time=series_order.bin_trigger_time,
                targets=targets,
            )


def _with_session(order: WorkOrder, session: SessionOrder) -> WorkOrder:
    """The order with one session only, and without the session's files."""
    empty = replace(session, series=())
    return replace(order, sessions=(empty,))


def _paths(subject: Subject) -> list[str]:
    """The paths of all files of a subject, sorted."""
    paths: list[str] = []
    for study in subject.studies:
        for series in study.series:
            paths += [member.path for member in series.members]
    return sorted(paths)


def _numbered(
    series: Series, folder: str, positions: Mapping[str, StackPosition]
) -> tuple[Target, ...]:
    """Slices in the order of the stack, then of their instance numbers."""

    def key(member: Member) -> tuple[StackPosition, int, str]:
        instance = member.instance
        return (
            positions[member.path],
            number_of(instance.instance_number),
            instance.sop_uid,
        )

    ordered = sorted(series.members, key=key)
    names = slice_names(len(ordered))
    targets: list[Target] = []
    for member, name in zip(ordered, names, strict=True):
        target = Target(
            path=member.path,
            folder=folder,
            name=name,
            sop_uid=member.instance.sop_uid,
        )
        targets.append(target)
    return tuple(targets)


def _mirrored(series: Series, pseudonym: str, tree: MirroredTree) -> tuple[Target, ...]:
    """The files in the tree of the source, with counted names."""
    members = sorted(
        series.members,
        key=lambda member: member.path,
    )
    targets: list[Target] = []
    for member in members:
        folder, name = tree.place_of(member.path)
        if folder:
            folder = f"{pseudonym}/{folder}"
        target = Target(
            path=member.path,
            folder=folder or pseudonym,
            name=name,
            sop_uid=member.instance.sop_uid,
        )
        targets.append(target)
    return tuple(targets)


def by_subject(series_targets: Sequence[SeriesTargets]) -> Iterator[list[SeriesTargets]]:
    """The series of each subject."""
    for _, group in groupby(
        series_targets,
        key=lambda series: series.order.pseudonym,
    ):
        yield list(group)


def by_session(
    series_targets: Sequence[SeriesTargets],
) -> Iterator[tuple[WorkOrder, list[SeriesTargets]]]:
    """The series of each session, with the order that they share."""
    session: list[SeriesTargets] = []
    for series in series_targets:
        if session and not _share_order(session[0], series):
            yield session[0].order, session
            session = []
        session.append(series)
    if session:
        yield session[0].order, session


def _share_order(first: SeriesTargets, second: SeriesTargets) -> bool:
    return first.order is second.order or first.order == second.order
