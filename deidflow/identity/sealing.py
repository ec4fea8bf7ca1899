"""Original values, encrypted and bound to their row of the vault."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from deidflow.identity.secret import Keys

_NONCE_BYTES = 12


@dataclass(frozen=True)
class RowKey:
    """What identifies a row within its project and level."""

    table: str
    lookup: bytes


class Sealer:
    """AES-256-GCM with a key of one project and level; a sealed value is nonce and ciphertext."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._cipher = AESGCM(keys.derive("seal"))

    def seal(self, row: RowKey, value: Mapping[str, Any]) -> bytes:
        """Encrypt a value; it opens in this row only."""
        text = json.dumps(value, sort_keys=True)
        return self._encrypt(text.encode(), self._associated(row))

    def unseal(self, row: RowKey, sealed: bytes) -> Any:
        """The value sealed for this row; raises InvalidTag if it is damaged or from another row."""
        text = self._decrypt(sealed, self._associated(row))
        return json.loads(text)

    def bind(self, row: RowKey, unbound: bytes) -> bytes:
        """Seal anew a value that was bound to no row; raises InvalidTag if it is damaged."""
        text = self._decrypt(unbound, None)
        return self._encrypt(text, self._associated(row))

    def _encrypt(self, text: bytes, associated: bytes | None) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        ciphertext = self._cipher.encrypt(
            nonce,
            text,
            associated,
        )
        return nonce + ciphertext

    def _decrypt(self, sealed: bytes, associated: bytes | None) -> bytes:
        nonce = sealed[:_NONCE_BYTES]
        ciphertext = sealed[_NONCE_BYTES:]
        return self._cipher.decrypt(
            nonce,
            ciphertext,
            associated,
        )

    def _associated(self, row: RowKey) -> bytes:
        parts = [
            row.table,
            self._keys.project,
            self._keys.level,
            row.lookup.hex(),
        ]
        return json.dumps(parts).encode()
