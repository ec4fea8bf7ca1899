"""The secret of a vault and the keys derived from it.

One master secret; sub-keys for each purpose come from it with project and level, so that two releases
of the same patients cannot be joined.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deidflow.errors import EnvironmentFault, UsageError

_LEAST_BYTES = 16
_PLACEHOLDERS = frozenset(("changeme", "secret", "password", "placeholder", "example"))


@dataclass(frozen=True)
class Keys:
    """Derives keys and keyed hashes for one project and level."""

    master: bytes
    project: str
    level: str

    def derive(self, purpose: str) -> bytes:
        """A key of 32 bytes for one purpose within this project and level."""
        return hmac.digest(self.master, f"{purpose}|{self.project}|{self.level}".encode(), "sha256")

    def lookup(self, purpose: str, value: str) -> bytes:
        """A keyed hash of 16 bytes, to find a value without storing it."""
        return hmac.digest(self.derive(purpose), value.encode(), "sha256")[:16]

    @property
    def fingerprint(self) -> str:
        """Tells whether a vault belongs to the secret; says nothing about it."""
        return hmac.digest(self.master, b"fingerprint", "sha256").hex()[:16]


def load_secret(vault: Path, environment: Mapping[str, str] = os.environ, *, create: bool) -> bytes:
    """The master key: from the file named by DEIDFLOW_SECRET_FILE, else `secret.key` in the vault.

    Made on the first run (`create`), mode 0600. Raises EnvironmentFault where the file cannot be read
    and UsageError for one that is short or a placeholder.
    """
    named = environment.get("DEIDFLOW_SECRET_FILE")
    path = Path(named) if named else vault / "secret.key"
    if not named and create and not path.exists():
        return _master(_make(path))
    try:
        return _master(path.read_bytes())
    except OSError as error:
        where = "DEIDFLOW_SECRET_FILE" if named else "secret.key in the vault"
        raise EnvironmentFault(f"the secret ({where}) cannot be read: {error.strerror}") from None


def _make(path: Path) -> bytes:
    content = secrets.token_hex(32).encode()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content + b"\n")
        stream.flush()
        os.fsync(stream.fileno())
    return content


def _master(content: bytes) -> bytes:
    stripped = content.strip()
    if (
        len(stripped) < _LEAST_BYTES
        or stripped.lower().decode("latin-1") in _PLACEHOLDERS
        or len(set(stripped)) < 6
    ):
        raise UsageError(f"the secret is too weak; use at least {_LEAST_BYTES} random bytes")
    return hashlib.blake2b(stripped, digest_size=32, person=b"deidflow-master").digest()
