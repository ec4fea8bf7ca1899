"""A work order: all that a working process may know of one subject, as a 0600 file in the vault."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from deidflow.store.files import digest_of, read_json, write_json_atomic


@dataclass(frozen=True)
class FileOrder:
    """One instance: locator below the source, content hash, and what ordering needs."""

    path: str
    sha256: str


@dataclass(frozen=True)
class SeriesOrder:
    """One series: its released name (003-MR), its kind, and its files."""

    name: str
    modality: str
    incomplete: bool
    bin_trigger_time: bool
    files: tuple[FileOrder, ...]


@dataclass(frozen=True)
class SessionOrder:
    """One study: its label and the moment that 1900-01-01 00:00:00 stands for (ISO, empty if unknown)."""

    label: str
    origin: str
    series: tuple[SeriesOrder, ...]
    days_since: int | None = None
    """Whole days since the event that the profile counts from."""


@dataclass(frozen=True)
class WorkOrder:
    """One subject."""

    pseudonym: str
    source: str
    uid_key: str
    shift_days: int
    identifiers: tuple[tuple[str, str], ...]
    sessions: tuple[SessionOrder, ...]
    hash_key: str = ""
    uid_root: str = "2.25"
    vocabulary: tuple[str, ...] = ()
    """Further words that may stay in descriptions."""

    def session(self, label: str) -> SessionOrder:
        """The session with this label."""
        return next(session for session in self.sessions if session.label == label)

    def content_digest(self, label: str) -> str:
        """A hash of all that anonymizing one session depends on; the place of the source does not count."""
        session = asdict(self.session(label))
        for series in session["series"]:
            series["files"] = [one["sha256"] for one in series["files"]]
        own = (
            self.pseudonym,
            self.uid_key,
            self.uid_root,
            self.shift_days,
            self.identifiers,
            self.vocabulary,
        )
        return digest_of([own, session])

    def with_places(self, places: Mapping[str, Path]) -> WorkOrder:
        """The order with the files of these locators where they are; all others are in the source.

        The place of a file in an archive is absolute, so that `source / path` is the place.
        """
        if not places:
            return self
        return replace(self, sessions=tuple(_placed(session, places) for session in self.sessions))

    def write(self, path: Path) -> None:
        """Write the order as JSON, mode 0600."""
        write_json_atomic(path, asdict(self))


def _placed(session: SessionOrder, places: Mapping[str, Path]) -> SessionOrder:
    series = []
    for one in session.series:
        files = [replace(file, path=str(places.get(file.path, file.path))) for file in one.files]
        series.append(replace(one, files=tuple(files)))
    return replace(session, series=tuple(series))


def read_order(path: Path) -> WorkOrder:
    """The order in a file."""
    row: dict[str, Any] = read_json(path)
    sessions = tuple(
        SessionOrder(**{**one, "series": tuple(_series(series) for series in one["series"])})
        for one in row["sessions"]
    )
    pairs = tuple((kind, value) for kind, value in row["identifiers"])
    words = tuple(row["vocabulary"])
    return WorkOrder(**{**row, "identifiers": pairs, "sessions": sessions, "vocabulary": words})


def _series(row: dict[str, Any]) -> SeriesOrder:
    return SeriesOrder(**{**row, "files": tuple(FileOrder(**one) for one in row["files"])})
