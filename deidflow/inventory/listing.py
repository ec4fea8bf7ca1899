"""Every file of one run, on disk: what was read of it, and its verdict where there is one."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from deidflow.dicom.inventory import Entry
from deidflow.dicom.majorities import Decision
from deidflow.dicom.source_walk import Found, is_named
from deidflow.inventory import statements
from deidflow.inventory.database import open_listing, path_of, stored_path
from deidflow.inventory.known import delete_known
from deidflow.inventory.packed import (
    PackedEntry,
    Packer,
    reader_version,
    shared_facts,
    unpack,
)
from deidflow.inventory.reading import BATCH, Chunk
from deidflow.inventory.subjects import SubjectRows
from deidflow.verdicts import Reason, Verdict

_AFTER_SLASH = b"0"
"""The character that follows a slash."""
_MOST_HEADERS = 1_000
"""Headers that are remembered at once."""


StoredRow = tuple[Any, ...]


class Numbered(NamedTuple):
    """A row of the listing."""

    number: int
    entry: Entry


Link = tuple[int, bytes, bytes, str]
"""What ties an instance to others: number, locator, hash of the header, facts of its own."""


class DecidedFile(NamedTuple):
    """A file whose verdict is known, and the key of its subject, if it has one."""

    path: str
    verdict: Verdict
    reason: Reason
    owner: str


class Listing:
    """The files of one run, or of one folder; `known` is the vault's folder, where there is one."""

    def __init__(self, path: Path, known: Path | None = None) -> None:
        self.path = path
        self._database = open_listing(path, known)
        self._remembers = known is not None
        self._headers: dict[bytes, tuple[Any, ...]] = {}
        self.subjects = SubjectRows(self._database)

    def close(self) -> None:
        """Close the listing and delete it."""
        self._database.close()
        self.path.unlink(missing_ok=True)

    # filling

    def add_found(self, files: Iterable[Found | Entry]) -> None:
        """List files that a walk found; an entry has its verdict already."""
        entries: list[Entry] = []

        def rows() -> Iterator[tuple[bytes, int, int, int, int]]:
            for file in files:
                if isinstance(file, Entry):
                    entries.append(file)
                    continue
                locator = stored_path(file.path)
                yield locator, *file.signature

        with self._writing():
            self._database.executemany(statements.FOUND, rows())
        self.add(entries)

    def add(self, entries: Iterable[Entry]) -> None:
        """List entries; they replace those of the same locator."""
        packer = Packer()
        with self._writing():
            for entry in entries:
                row, header = packer.pack(entry)
                if header is not None:
                    self._database.execute(statements.INSERT_HEADER, header)
                locator = stored_path(row.path)
                self._database.execute(
                    statements.INSERT,
                    (locator, *row[1:]),
                )

    def recall(self, source: Path) -> None:
        """Take what is known of files that were not touched."""
        cursor = self._database.execute("SELECT coalesce(max(number), 0) FROM listing")
        [last] = cursor.fetchone()
        reader = reader_version()
        prefix = stored_path(f"{source}/")
        with self._writing():
            for start in range(0, last, BATCH):
                parameters = (start, BATCH, prefix, reader)
                self._database.execute(
                    statements.RECALL,
                    parameters,
                )
            self._database.execute(statements.RECALL_HEADERS)

    def unread(self) -> Iterator[tuple[int, list[str]]]:
        """Files to be read, many at once: the number before the first, and their paths."""
        after = 0
        while True:
            cursor = self._database.execute(
                "SELECT number, locator FROM listing WHERE number > ? AND NOT is_read "
                "ORDER BY number LIMIT ?",
                (after, BATCH),
            )
            rows = cursor.fetchall()
            if not rows:
                return
            yield after, [path_of(locator) for _, locator in rows]
            after = rows[-1][0]

    def store(self, chunk: Chunk) -> None:
        """Note what was read of files."""
        rows = [(*row[1:], stored_path(row.path)) for row in chunk.rows]
        with self._writing():
            self._database.executemany(
                statements.INSERT_HEADER,
                chunk.headers,
            )
            self._database.executemany(statements.READ, rows)

    def remember(self, source: Path, after: int) -> None:
        """Keep what was read of the files after a number, for other runs."""
        if self._remembers:
            prefix = stored_path(f"{source}/")
            with self._writing():
                self._database.execute(statements.KEEP_HEADERS, (after,))
                reader = reader_version()
                self._database.execute(
                    statements.KEEP_FILES,
                    (after, prefix, reader),
                )

    def forget_gone(self, source: Path, named: Sequence[str]) -> None:
        """Forget what was known of files that are not there any more."""
        if not self._remembers:
            return
        prefix = stored_path(f"{source}/")
        after = prefix[:-1] + _AFTER_SLASH
        cursor = self._database.execute(
            statements.GONE,
            (prefix, after),
        )

        gone: list[Path] = []
        for (stored,) in cursor:
            path = path_of(stored[len(prefix) :])
            if is_named(path, named):
                gone.append(source / path)
        self.forget(gone)

    def refuse(self, source: Path, refused: Mapping[str, Entry]) -> None:
        """Note that files may not go on, and forget what was known of them."""
        self.add(refused.values())
        self.forget(source / path for path in refused)

    def forget(self, paths: Iterable[Path]) -> None:
        """Forget what was known of files."""
        gone = list(paths)
        if self._remembers and gone:
            delete_known(self._database, gone)

    # reading

    @property
    def files(self) -> int:
        """How many files there are."""
        return int(self._database.execute("SELECT count(*) FROM listing").fetchone()[0])

    def entries(self, *, reason: Reason | None = None) -> Iterator[Entry]:
        """Every file that was read, or those with one reason, by their locators."""
        cursor = self._database.execute(
            f"SELECT {statements.COLUMNS} FROM listing "  # noqa: S608 - names of ours
            "WHERE is_read AND (?1 IS NULL OR reason = ?1) ORDER BY locator",
            (reason,),
        )
        for row in cursor:
            yield self._entry(row)

    def stored(self, numbers: Sequence[int]) -> list[StoredRow]:
        """The rows with these numbers as they are stored, the number first."""
        wanted = json.dumps(numbers)
        cursor = self._database.execute(statements.NUMBERED, (wanted,))
        return cursor.fetchall()

    def numbered(self, rows: Iterable[StoredRow]) -> list[Numbered]:
        """What is in stored rows."""
        numbered: list[Numbered] = []
        for number, *row in rows:
            entry = self._entry(row)
            numbered.append(Numbered(number, entry))
        return numbered

    def links(self) -> Iterator[Link]:
        """What ties the instances without a verdict to each other."""
        return self._database.execute(
            "SELECT number, locator, header, own FROM listing "
            "WHERE header IS NOT NULL ORDER BY number"
        )

    def absent(self) -> Iterator[str]:
        """Files that a DICOMDIR lists and that do not exist."""
        cursor = self._database.execute(
            "SELECT absent FROM listing WHERE absent <> '' ORDER BY locator"
        )
        for (names,) in cursor:
            yield from json.loads(names)

    def _entry(self, row: Sequence[Any]) -> Entry:
        locator, sha256, verdict, reason, absent, header, own = row
        packed = PackedEntry(
            path_of(locator),
            sha256,
            verdict,
            reason,
            absent,
            header,
            own,
        )
        return unpack(packed, header and self._shared(header))

    def _shared(self, digest: bytes) -> tuple[Any, ...]:
        shared = self._headers.get(digest)
        if shared is None:
            if len(self._headers) >= _MOST_HEADERS:
                self._headers.clear()
            row = self._database.execute(
                "SELECT facts FROM main.headers WHERE digest = ?",
                (digest,),
            ).fetchone()
            shared = self._headers[digest] = shared_facts(row[0])
        return shared

    # verdicts

    def decide(self, decisions: Iterable[tuple[int, Decision, str]]) -> None:
        """Note verdict, reason and subject of files by their numbers."""
        rows = (
            (verdict.value, reason.value, owner, number)
            for number, (verdict, reason), owner in decisions
        )
        with self._writing():
            self._database.executemany(
                "UPDATE listing SET verdict = ?, reason = ?, owner = ? WHERE number = ?",
                rows,
            )

    def decided(self) -> Iterator[DecidedFile]:
        """Every file with a verdict, by its locator."""
        cursor = self._database.execute(
            "SELECT locator, verdict, reason, coalesce(owner, '') FROM listing "
            "WHERE verdict IS NOT NULL ORDER BY locator"
        )
        for locator, verdict, reason, owner in cursor:
            yield DecidedFile(path_of(locator), Verdict(verdict), Reason(reason), owner)

    def counts(self) -> dict[Decision, int]:
        """How many files have which verdict and reason."""
        cursor = self._database.execute(
            "SELECT verdict, reason, count(*) FROM listing "
            "WHERE verdict IS NOT NULL GROUP BY verdict, reason"
        )
        return {(Verdict(verdict), Reason(reason)): files for verdict, reason, files in cursor}

    @contextmanager
    def _writing(self) -> Iterator[None]:
        self._database.execute("BEGIN")
        try:
            yield
        except BaseException:
            # The listing is useless then; what is known of files stays as it was.
            with suppress(sqlite3.Error):
                self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")
