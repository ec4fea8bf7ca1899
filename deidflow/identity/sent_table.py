"""The ledger of instances that were sent to archives, in the vault's database."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from deidflow.identity.database import open_database, transaction
from deidflow.identity.secret import Keys


class SentState(StrEnum):
    """How far an instance has come."""

    SENDING = "sending"
    """Its sender may have been killed before or after the archive had it."""
    SENT = "sent"


@dataclass(frozen=True)
class SentInstance:
    """An instance of a release, by its released UID and the hash of its released file."""

    uid: str
    sha256: str
    subject: str
    session: str
    routing: str = ""
    """The attribute that was added to the copy that was sent; empty where it was sent as it is."""


class SentLedger:
    """What one project and level sent to one archive."""

    def __init__(self, folder: Path, keys: Keys, peer: str) -> None:
        self._database: sqlite3.Connection = open_database(folder, keys)
        self._scope = keys.project, keys.level, peer

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def states(self, subject: str, session: str) -> dict[str, tuple[str, SentState]]:
        """UID -> hash and state of the instances of a session."""
        rows = self._database.execute(
            "SELECT uid, sha256, state FROM sent "
            "WHERE project = ? AND level = ? AND peer = ? AND subject = ? AND session = ?",
            (*self._scope, subject, session),
        )
        return {uid: (sha256, _state_of(state)) for uid, sha256, state in rows}

    def note(self, instances: Iterable[SentInstance], state: SentState) -> None:
        """Store a state of instances; it is on the disk when this returns."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        rows: list[tuple[str, ...]] = []
        for one in instances:
            facts = (one.uid, one.sha256, one.subject, one.session, one.routing)
            rows.append((*self._scope, *facts, state, now))
        with transaction(self._database) as database:
            database.executemany(
                "INSERT OR REPLACE INTO sent VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                rows,
            )


def _state_of(text: str) -> SentState:
    """The state in a row; one that is none says that the archive has to be asked."""
    try:
        return SentState(text)
    except ValueError:
        return SentState.SENDING


def archives_with(folder: Path, keys: Keys, subject: str) -> dict[str, tuple[str, ...]]:
    """The archives that have, or may have, something of a subject -> its sessions there."""
    with closing(open_database(folder, keys)) as database:
        cursor = database.execute(
            "SELECT DISTINCT peer, session FROM sent "
            "WHERE project = ? AND level = ? AND subject = ? ORDER BY peer, session",
            (keys.project, keys.level, subject),
        )
        rows = cursor.fetchall()

    archives: dict[str, tuple[str, ...]] = {}
    for peer, session in rows:
        archives[peer] = (*archives.get(peer, ()), session)
    return archives
