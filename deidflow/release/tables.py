"""The files at the top of a release, and the vault's tables of what is not in it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple

from deidflow.errors import EnvironmentFault, UsageError, VaultMismatch
from deidflow.release.layout import Layout
from deidflow.store.blocks import BlockFile, BlockIndex, block_file, earlier_file
from deidflow.store.files import (
    Manifest,
    read_json,
    safe_cell,
    sha256_of,
    write_bytes_atomic,
)
from deidflow.store.scratch import PUBLIC_FILE_MODE
from deidflow.store.staging import contents_of
from deidflow.store.tables import csv_bytes, write_csv

Session = tuple[str, str]
"""Pseudonym and label."""
CHECKSUMS = "manifest.sha256"
TOP_FILES = ("changes.tsv", "dataset.json", "subjects.tsv")
_WITHHELD_STATE = "quarantined"


@dataclass(frozen=True)
class FileRow:
    """One row of the vault's quarantine table."""

    path: str
    pseudonym: str
    session: str
    series: str
    verdict: str
    step: str
    reason: str
    words: str


_cells_of = attrgetter(*(field.name for field in fields(FileRow)))
_QUARANTINE_COLUMNS = ("source_path", *(field.name for field in fields(FileRow)[1:]))

_DOUBTFUL_COLUMNS = ("pseudonym", "session", "attribute", "words")


class SubjectRow(NamedTuple):
    """One row of subjects.tsv."""

    subject: str
    sessions: int = 0
    series: int = 0
    series_withheld: int = 0
    instances: int = 0
    days: str = ""
    """`M00:0 M06:182`: days of each session since the event from which the profile counts."""

    def plus(self, session: Mapping[str, Any]) -> SubjectRow:
        """The row with one more session, given as in session.json."""
        withheld = 0
        instances = 0
        for series in session["series"]:
            instances += series.get("instances", 0)
            if series["state"] == _WITHHELD_STATE:
                withheld += 1

        released = len(session["series"]) - withheld
        return SubjectRow(
            subject=self.subject,
            sessions=self.sessions + 1,
            series=self.series + released,
            series_withheld=self.series_withheld + withheld,
            instances=self.instances + instances,
            days=self._with_days(session),
        )

    def _with_days(self, session: Mapping[str, Any]) -> str:
        days = session.get("days_since")
        if days is None:
            return self.days
        return f"{self.days} {session['session']}:{days}".strip()


def check_place(layout: Layout) -> None:
    """Refuse a folder that contains anything but a release."""
    if layout.release.exists() and not layout.release.is_dir():
        raise UsageError("the release is a file; name a folder")
    try:
        contents = contents_of(layout.release)
    except OSError as error:
        raise EnvironmentFault(
            f"the release cannot be read: {error.strerror}; check its permissions"
        ) from None
    if contents and not (layout.release / "dataset.json").exists():
        raise UsageError(
            "the release's folder holds files that are no release; choose an empty or new folder"
        )


def check_release(layout: Layout, release_id: str) -> None:
    """Refuse a release that another vault, project or level made."""
    description = read_json(layout.release / "dataset.json")
    if not isinstance(description, dict):
        return
    if description.get("release_id") != release_id:
        raise VaultMismatch(
            "this release was made with another vault, project or level; choose another folder"
        )


def write_subjects(layout: Layout) -> None:
    """Write subjects.tsv: counts of what is published, by subject.

    With the days of each session, where the profile counts them.
    """
    subjects: dict[str, SubjectRow] = {}
    for pseudonym, label in layout.published_sessions():
        folder = layout.published(pseudonym, label)
        session = _session(folder)
        empty_row = SubjectRow(pseudonym)
        row = subjects.get(pseudonym, empty_row)
        subjects[pseudonym] = row.plus(session)

    rows = [subjects[pseudonym] for pseudonym in sorted(subjects)]
    are_counted = any(row.days for row in rows)
    width = len(SubjectRow._fields) - (0 if are_counted else 1)
    lines: list[Sequence[str]] = [SubjectRow._fields[:width]]
    for row in rows:
        cells = list(map(str, row))
        lines.append(cells[:width])
    path = layout.release / "subjects.tsv"
    write_public_table(path, lines)


def _session(folder: Path) -> dict[str, Any]:
    """The session.json of a published session."""
    session: dict[str, Any] | None = read_json(folder / "session.json")
    if session is None:
        return {"series": []}
    return session


def write_public_table(path: Path, rows: Iterable[Sequence[str]]) -> None:
    """Write a table of a release: tab-separated, readable by all."""
    lines = ["\t".join(row) for row in rows]
    _write_public_lines(path, lines)


def write_checksums(
    layout: Layout,
    manifests: Mapping[Session, Manifest],
    taken: Collection[Session] = (),
    index: BlockIndex | None = None,
) -> BlockIndex:
    """Write manifest.sha256 for `sha256sum -c`; hashes of sessions come from their manifests, or
    for those `taken` from the blocks of the file as it is. Returns where its blocks are."""
    path = layout.release / CHECKSUMS
    with earlier_file(path, index) as earlier, block_file(path, PUBLIC_FILE_MODE) as file:
        file.write(_checksum_lines(_top_digests(layout)))
        for session in sorted({*manifests, *taken}):
            name = "/".join(session)
            if session in manifests:
                content = _checksum_lines(_session_digests(name, manifests[session]))
            else:
                content = earlier.block(name)
            file.write(content, name)
    return file.index()


def _top_digests(layout: Layout) -> dict[str, str]:
    """Hashes of the files at the top of a release, and of its page."""
    paths = [layout.release / name for name in TOP_FILES]
    if layout.shared_report.exists():
        paths.append(layout.shared_report)
    return {path.relative_to(layout.release).as_posix(): sha256_of(path) for path in paths}


def _checksum_lines(digests: Mapping[str, str]) -> bytes:
    lines = [f"{digest}  {name}\n" for name, digest in digests.items()]
    return "".join(lines).encode()


def read_checksums(release: Path) -> dict[str, str]:
    """SHA-256 of each file of a finished release, by its path; raises UsageError without them."""
    if not release.is_dir():
        raise UsageError("the release is not a folder")
    try:
        text = (release / CHECKSUMS).read_text("utf-8")
    except FileNotFoundError:
        raise UsageError(
            "the release has no checksums: its run has not come to an end; run it again"
        ) from None

    digests: dict[str, str] = {}
    for line in text.splitlines():
        digest, _, name = line.partition("  ")
        digests[name] = digest
    return digests


def _session_digests(folder: str, manifest: Manifest) -> dict[str, str]:
    """Hashes of a session's files by their paths below the release."""
    digests: dict[str, str] = {}
    for output in manifest.outputs:
        name = f"{folder}/{output.path}"
        digests[name] = output.sha256
    return digests


def _write_public_lines(path: Path, lines: Iterable[str]) -> None:
    text = "\n".join(lines)
    content = f"{text}\n".encode()
    write_bytes_atomic(
        path,
        content,
        PUBLIC_FILE_MODE,
    )


@contextmanager
def quarantine_table(path: Path) -> Iterator[BlockFile]:
    """The vault's table of everything that is not released, with source paths; it is there when
    the context ends."""
    with block_file(path) as file:
        file.write(csv_bytes([_QUARANTINE_COLUMNS]))
        yield file


def quarantine_lines(rows: Iterable[FileRow]) -> bytes:
    """Rows as lines of the quarantine table."""
    return csv_bytes(map(_quarantine_line, rows))


def _quarantine_line(row: FileRow) -> Sequence[str]:
    return [safe_cell(cell) for cell in _cells_of(row)]


def write_doubtful(path: Path, rows: Iterable[tuple[str, str, str, int]]) -> None:
    """Write the vault's table of doubtful values: subject, session, attribute, number of words.

    A doubtful value contains a single word of another patient's name. It holds nothing back.
    """
    lines: list[Sequence[str | int]] = [_DOUBTFUL_COLUMNS]
    for pseudonym, session, attribute, words in rows:
        line = (
            pseudonym,
            session,
            safe_cell(attribute),
            words,
        )
        lines.append(line)
    write_csv(path, lines)


def write_lines(path: Path, lines: Sequence[str]) -> None:
    """Write lines to a file in the vault; no lines, no file."""
    if not lines:
        path.unlink(missing_ok=True)
        return
    text = "".join(f"{line}\n" for line in lines)
    write_bytes_atomic(
        path,
        text.encode("utf-8", "surrogateescape"),
    )
