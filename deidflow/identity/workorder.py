"""A work order: all that a working process may know of one subject, as a 0600 file in the vault."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from deidflow.errors import EnvironmentFault
from deidflow.store.files import digest_of, json_bytes, read_json, write_bytes_atomic

SCHEMA_NUMBER = 2
"""Changes with the fields; every run writes the orders anew, so older ones need no upgrade."""
_SCHEMA = "schema"


@dataclass(frozen=True)
class FileOrder:
    """One instance: its path below the source, and its content hash."""

    path: str
    sha256: str

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> FileOrder:
        """The inverse of `asdict`."""
        return cls(
            path=row["path"],
            sha256=row["sha256"],
        )


@dataclass(frozen=True)
class SeriesOrder:
    """One series: its released name (003-MR), its kind, and its files in their order."""

    name: str
    modality: str
    incomplete: bool
    bin_trigger_time: bool
    files: tuple[FileOrder, ...]
    text_doubt: str = ""
    """Code of the reason why the pixels may show text; empty where the headers suggest nothing."""
    placed: bool = True
    """Whether headers may place every image in the patient."""
    is_object: bool = False
    """Whether its instances are no images: plans, structure sets, registrations and the like."""

    @property
    def kind(self) -> str:
        """The modality as the released name has it: `OT` where the source's is not one."""
        return self.name.rpartition("-")[2]

    @property
    def is_picture(self) -> bool:
        """Whether it is screenshots, pages or the like: without a place, and perhaps with text.

        Such a series is no volume, and is released as DICOM only.
        """
        return bool(self.text_doubt) and not self.placed

    @property
    def has_volumes(self) -> bool:
        """Whether it may hold volumes, of which NIfTI is made and in which a face may be."""
        return not (self.is_picture or self.is_object)

    @property
    def source_digest(self) -> str:
        """A hash of what is in its files, whatever they are called."""
        return digest_of([file.sha256 for file in self.files])

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> SeriesOrder:
        """The inverse of `asdict`."""
        files = map(FileOrder.from_json, row["files"])
        return cls(
            name=row["name"],
            modality=row["modality"],
            incomplete=row["incomplete"],
            bin_trigger_time=row["bin_trigger_time"],
            files=tuple(files),
            text_doubt=row["text_doubt"],
            placed=row["placed"],
            is_object=row["is_object"],
        )


@dataclass(frozen=True)
class SessionOrder:
    """One study: its label, and what 1900-01-01 00:00:00 stands for (ISO; empty if unknown)."""

    label: str
    origin: str
    series: tuple[SeriesOrder, ...]
    days_since: int | None = None
    """Whole days since the event from which the profile counts."""

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> SessionOrder:
        """The inverse of `asdict`."""
        series = map(SeriesOrder.from_json, row["series"])
        return cls(
            label=row["label"],
            origin=row["origin"],
            series=tuple(series),
            days_since=row["days_since"],
        )


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
    audit_key: str = ""
    """Seals and hashes the subject's values in the audit."""
    ledger_key: str = ""
    """Binds the lines of the audit to each other."""

    def session(self, label: str) -> SessionOrder:
        """The session with this label."""
        return next(session for session in self.sessions if session.label == label)

    def content_digest(self, label: str) -> str:
        """A hash of all that anonymizing one session depends on.

        The place of the source and the names of its files do not count.
        """
        session = _plain(self.session(label))
        for series in session["series"]:
            series["files"] = [file["sha256"] for file in series["files"]]
            if not series["is_object"]:
                del series["is_object"]
            if not series["text_doubt"]:
                # What nobody doubts is done as before these fields were there.
                del series["text_doubt"], series["placed"]

        of_subject = (
            self.pseudonym,
            self.uid_key,
            self.uid_root,
            self.shift_days,
            self.identifiers,
            self.vocabulary,
        )
        return digest_of([of_subject, session])

    def with_places(self, places: Mapping[str, Path]) -> WorkOrder:
        """The order with the files of these locators where they are; all others are in the source.

        The place of a file in an archive is absolute, so that `source / path` is the place.
        """
        if not places:
            return self
        sessions = [_placed(session, places) for session in self.sessions]
        return replace(self, sessions=tuple(sessions))

    def write(self, path: Path) -> None:
        """Write the order as JSON, mode 0600; the file that says the same stays as it is."""
        row = _plain(self)
        row[_SCHEMA] = SCHEMA_NUMBER
        content = json_bytes(row)
        if not path.exists() or path.read_bytes() != content:
            write_bytes_atomic(path, content)

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> WorkOrder:
        """The order in the JSON that `write` wrote; raises KeyError or TypeError for other JSON."""
        identifiers = ((kind, value) for kind, value in row["identifiers"])
        sessions = map(SessionOrder.from_json, row["sessions"])

        return cls(
            pseudonym=row["pseudonym"],
            source=row["source"],
            uid_key=row["uid_key"],
            shift_days=row["shift_days"],
            identifiers=tuple(identifiers),
            sessions=tuple(sessions),
            hash_key=row["hash_key"],
            uid_root=row["uid_root"],
            vocabulary=tuple(row["vocabulary"]),
            audit_key=row["audit_key"],
            ledger_key=row["ledger_key"],
        )


def _plain(order: WorkOrder | SessionOrder | SeriesOrder) -> dict[str, Any]:
    """As `dataclasses.asdict`, which takes ten times as long for the files of a subject."""
    row = dict(vars(order))
    for name in ("sessions", "series"):
        if name in row:
            row[name] = [_plain(part) for part in row[name]]
    if "files" in row:
        row["files"] = [vars(file) for file in row["files"]]
    return row


def _placed(session: SessionOrder, places: Mapping[str, Path]) -> SessionOrder:
    series = []
    for order in session.series:
        files = []
        for file in order.files:
            place = places.get(file.path, file.path)
            files.append(replace(file, path=str(place)))
        series.append(replace(order, files=tuple(files)))
    return replace(session, series=tuple(series))


def read_order(path: Path) -> WorkOrder:
    """The order in a file.

    Raises EnvironmentFault where it is missing, cut or of another version: the next run writes
    it anew.
    """
    row = read_json(path)
    if isinstance(row, dict) and row.get(_SCHEMA) == SCHEMA_NUMBER:
        try:
            return WorkOrder.from_json(row)
        except (KeyError, TypeError, ValueError):
            pass
    raise EnvironmentFault(
        "a work order in the vault is missing or was written by another version of deidflow; "
        "start the run again to write it anew"
    )
