"""What the vault knows of a release: who became whom, from which file, and with which mask."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deidflow.errors import UsageError
from deidflow.identity.workorder import SessionOrder, WorkOrder, read_order
from deidflow.release.layout import Layout
from deidflow.store.files import safe_cell, sha256_of

_COLUMNS = (
    "source_path", "sop_uid", "released_sop_uid", "subject", "session", "series", "released_path",
    "verdict",
)  # fmt: skip
RELEASED = "released"
_MEMBER = re.compile(r"(?P<archive>.+)!/(?P<number>\d+)")
"""The locator of an archive's member."""


@dataclass(frozen=True)
class Row:
    """One file of the source by the vault's table of instances."""

    source_path: str
    sop_uid: str
    released_sop_uid: str
    subject: str
    session: str
    series: str
    released_path: str
    verdict: str


@dataclass(frozen=True)
class VaultView:
    """The parts of a vault that a verification reads."""

    layout: Layout

    @cached_property
    def orders(self) -> dict[str, WorkOrder]:
        """The work order of each subject."""
        names = self.layout.known_subjects()
        paths = {name: self.layout.order(name) for name in names}
        return {name: read_order(path) for name, path in paths.items() if path.is_file()}

    @cached_property
    def rows(self) -> list[Row]:
        """The table of instances; raises UsageError where the vault has none of this release."""
        path = self.layout.instances_table
        if not path.is_file():
            raise UsageError("the vault knows nothing of this release; check project and level")
        with path.open(
            encoding="utf-8",
            errors="surrogateescape",
            newline="",
        ) as stream:
            reader = csv.reader(stream)
            if tuple(next(reader, ())) != _COLUMNS:
                raise UsageError("the vault's table of instances has other columns than expected")
            return [Row(_plain(cells[0]), *cells[1:]) for cells in reader]

    @cached_property
    def by_released_path(self) -> dict[str, Row]:
        """The row of each released file."""
        return {row.released_path: row for row in self.rows if row.released_path}

    @cached_property
    def released_uids(self) -> dict[str, str]:
        """Released SOP Instance UIDs by those of the source, where these are of one file."""
        uids: dict[str, set[str]] = {}
        for row in self.rows:
            if row.verdict == RELEASED:
                uids.setdefault(row.sop_uid, set()).add(row.released_sop_uid)
        return {uid: next(iter(new)) for uid, new in uids.items() if len(new) == 1}

    @cached_property
    def owners(self) -> dict[str, str]:
        """The subject of each source file by the work orders."""
        owners: dict[str, str] = {}
        for name, order in self.orders.items():
            for session in order.sessions:
                for path in _paths(session):
                    owners[path] = name
        return owners

    def source_of(self, row: Row, source: Path) -> Path:
        """The source file of a row; that of an archive's member is in the vault's work."""
        member = _MEMBER.fullmatch(row.source_path)
        if member is None:
            return source / row.source_path
        archive = source / member["archive"]
        digest = "gone"
        if archive.is_file():
            status = archive.stat()
            digest = _hash_of(archive, status.st_size, status.st_mtime_ns)
        return self.layout.archives / digest / member["number"]

    def samples_of_others(self, subject: str, source: Path) -> list[list[Path]]:
        """For each other subject, one source file of each series."""
        samples = []
        for name, order in self.orders.items():
            if name != subject:
                series = (one for session in order.sessions for one in session.series)
                samples.append([source / one.files[0].path for one in series if one.files])
        return samples

    def mask(self, subject: str, session: str, series: str, name: str) -> NDArray[np.uint8] | None:
        """The packed mask with which an instance was made; None where the vault holds none."""
        path = self.layout.session_work(subject, session) / "masks" / f"{series}.npz"
        if not path.is_file():
            return None
        return _masks_in(path).get(name)


@lru_cache(maxsize=256)
def _hash_of(archive: Path, _size: int, _changed: int) -> str:
    """The hash of a file as it was then."""
    return sha256_of(archive)


@lru_cache(maxsize=2)
def _masks_in(path: Path) -> dict[str, NDArray[np.uint8]]:
    """The packed masks of one series by the name of their instance."""
    with np.load(path) as masks:
        return dict(masks)


def _paths(session: SessionOrder) -> Iterator[str]:
    for series in session.series:
        for file in series.files:
            yield file.path


def _plain(cell: str) -> str:
    """The inverse of what keeps a spreadsheet from taking a cell for a formula."""
    return cell[1:] if safe_cell(cell[1:]) == cell else cell
