"""Versions of published sessions: what recipients of an earlier copy have to fetch again."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import pairwise
from typing import NamedTuple

from deidflow.release.layout import Layout
from deidflow.release.tables import write_public_table
from deidflow.store.files import Manifest, digest_of, read_json, write_json_atomic

Version = dict[str, str]
"""Series -> a hash of its files, as published."""
History = dict[str, list[Version]]
"""`P001/M00` -> its versions, oldest first; an empty one is a session that was withdrawn."""


class SeriesChange(StrEnum):
    """What happened to a series between two versions of its session."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


class ChangeRow(NamedTuple):
    """One row of changes.tsv."""

    subject: str
    session: str
    version: str
    """Number of the version that brought the change; the first version is 1."""
    series: str
    change: str


def note_versions(
    layout: Layout,
    manifests: Mapping[tuple[str, str], Manifest],
    taken: Collection[tuple[str, str]] = (),
) -> None:
    """Add a version to each published session that has changed, and write changes.tsv.

    `manifests` are those of all published sessions by pseudonym and label, but of those `taken` as
    they were.
    """
    earlier: History = read_json(layout.versions) or {}
    current: dict[str, Version] = {}
    for session in map("/".join, taken):
        current[session] = earlier[session][-1]
    for (pseudonym, label), manifest in manifests.items():
        session = f"{pseudonym}/{label}"
        version = _version(manifest)
        current[session] = version

    history = _updated(earlier, current)
    if history != earlier:
        write_json_atomic(layout.versions, history)
    _write_changes(layout, history)


def _updated(earlier: History, current: Mapping[str, Version]) -> History:
    """The history with the current versions; a session without one was withdrawn."""
    history: History = {}
    sessions = {*earlier, *current}
    for session in sorted(sessions):
        versions = earlier.get(session, [])
        version = current.get(session, {})
        history[session] = _with_version(versions, version)
    return history


def _version(manifest: Manifest) -> Version:
    """The series of a session as published; files that belong to no series do not count."""
    rows_by_series: dict[str, list[tuple[str, str]]] = {}
    for output in manifest.outputs:
        series, _, name = output.path.partition("/")
        if name:
            rows = rows_by_series.setdefault(series, [])
            row = (name, output.sha256)
            rows.append(row)

    version: Version = {}
    for series, rows in rows_by_series.items():
        digest = digest_of(rows)
        version[series] = digest
    return version


def _with_version(versions: list[Version], version: Version) -> list[Version]:
    """The versions, and the new one if it differs from the last."""
    if versions and versions[-1] == version:
        return versions
    return [*versions, version]


def _write_changes(layout: Layout, history: History) -> None:
    rows: list[Sequence[str]] = []
    rows.append(ChangeRow._fields)
    for session, versions in history.items():
        changes = _change_rows(session, versions)
        rows += changes
    path = layout.release / "changes.tsv"
    write_public_table(path, rows)


def _change_rows(session: str, versions: Sequence[Version]) -> Iterator[ChangeRow]:
    """One row per series that differs from the version before."""
    pseudonym, label = session.split("/")
    for number, (before, after) in enumerate(pairwise(versions), 2):
        for series in sorted({*before, *after}):
            if before.get(series) == after.get(series):
                continue
            yield ChangeRow(
                subject=pseudonym,
                session=label,
                version=str(number),
                series=series,
                change=_change(series, before, after),
            )


def _change(series: str, before: Version, after: Version) -> SeriesChange:
    if series not in before:
        return SeriesChange.ADDED
    if series not in after:
        return SeriesChange.REMOVED
    return SeriesChange.CHANGED
