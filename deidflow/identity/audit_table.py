"""What the vault's database keeps of the audit: a key per subject, and the end of each ledger.

A subject's key is random: it follows from nothing, so that what it sealed is gone with it.
"""

from __future__ import annotations

import os
import sqlite3
from dataclasses import dataclass

from deidflow.identity.database import transaction
from deidflow.identity.sealing import RowKey, Sealer
from deidflow.identity.secret import Keys

_KEYS = "audit_keys"
_HEAD_ROW = RowKey("audit_heads", b"")
_KEY_BYTES = 32


@dataclass(frozen=True)
class LedgerHead:
    """How far a ledger is known: its lines, and what the last of them is bound by."""

    lines: int
    mac: str


class AuditTable:
    """The rows of one project and level."""

    def __init__(self, database: sqlite3.Connection, keys: Keys) -> None:
        self._database = database
        self._scope = keys.project, keys.level
        self._sealer = Sealer(keys)

    def key_of(self, pseudonym: str) -> bytes:
        """The key of a subject, made where there is none; inside a transaction."""
        cursor = self._database.execute(
            "SELECT sealed FROM audit_keys WHERE project = ? AND level = ? AND pseudonym = ?",
            (*self._scope, pseudonym),
        )
        row = cursor.fetchone()
        if row is None:
            return self._new_key(pseudonym)
        return self._unsealed(pseudonym, row[0])

    def _new_key(self, pseudonym: str) -> bytes:
        key = os.urandom(_KEY_BYTES)
        sealed = self._sealer.seal(
            _key_row(pseudonym),
            {"key": key.hex()},
        )
        self._database.execute(
            "INSERT INTO audit_keys VALUES (?, ?, ?, ?)",
            (*self._scope, pseudonym, sealed),
        )
        return key

    def _unsealed(self, pseudonym: str, sealed: bytes) -> bytes:
        value = self._sealer.unseal(_key_row(pseudonym), sealed)
        return bytes.fromhex(value["key"])

    def keys(self) -> dict[str, bytes]:
        """Pseudonym -> key of everybody whose values were not erased.

        Raises InvalidTag for a damaged one.
        """
        cursor = self._database.execute(
            "SELECT pseudonym, sealed FROM audit_keys WHERE project = ? AND level = ?",
            self._scope,
        )
        return {name: self._unsealed(name, sealed) for name, sealed in cursor.fetchall()}

    def erase_key(self, pseudonym: str) -> None:
        """Delete a subject's key: nothing opens what it sealed, and no hash can be made again.

        Lines of the audit stay as they are, so that its chain holds.
        """
        self._database.execute(
            "DELETE FROM audit_keys WHERE project = ? AND level = ? AND pseudonym = ?",
            (*self._scope, pseudonym),
        )

    def head(self) -> LedgerHead | None:
        """The end of the ledger as last stored; raises InvalidTag where somebody changed it."""
        cursor = self._database.execute(
            "SELECT sealed FROM audit_heads WHERE project = ? AND level = ?",
            self._scope,
        )
        row = cursor.fetchone()
        if row is None:
            return None
        value = self._sealer.unseal(_HEAD_ROW, row[0])
        return LedgerHead(value["lines"], value["mac"])

    def set_head(self, head: LedgerHead) -> None:
        """Store the end of the ledger."""
        value = {"lines": head.lines, "mac": head.mac}
        sealed = self._sealer.seal(_HEAD_ROW, value)
        with transaction(self._database) as database:
            database.execute(
                "INSERT OR REPLACE INTO audit_heads VALUES (?, ?, ?)",
                (*self._scope, sealed),
            )


def _key_row(pseudonym: str) -> RowKey:
    return RowKey(_KEYS, pseudonym.encode())
