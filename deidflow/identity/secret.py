"""The secret of a vault and the keys derived from it.

One master secret. Sub-keys for each purpose come from it with project and level, so that two
releases of the same patients cannot be joined.
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

KEY_FILE = "secret.key"
"""The name of the secret in a vault."""
LEDGER_PURPOSE = "ledger"
"""The purpose of the key that binds the lines of an audit."""
KEY_FILE_VARIABLE = "DEIDFLOW_SECRET_FILE"
_LEAST_BYTES = 16
_LEAST_DIFFERENT = 6
_RANDOM_BYTES = 32
_KEY_BYTES = 32
_LOOKUP_BYTES = 16
_PERSON = b"deidflow-master"


@dataclass(frozen=True)
class Keys:
    """Derives keys and keyed hashes for one project and level."""

    master: bytes
    project: str
    level: str

    def derive(self, purpose: str) -> bytes:
        """A key of 32 bytes for one purpose within this project and level."""
        scope = f"{purpose}|{self.project}|{self.level}"
        return hmac.digest(
            self.master,
            scope.encode(),
            "sha256",
        )

    def lookup(self, purpose: str, value: str) -> bytes:
        """A keyed hash of 16 bytes, to find a value without storing it."""
        key = self.derive(purpose)
        digest = hmac.digest(
            key,
            value.encode(),
            "sha256",
        )
        return digest[:_LOOKUP_BYTES]

    @property
    def fingerprint(self) -> str:
        """Tells whether a vault belongs to the secret; reveals nothing of it."""
        digest = hmac.digest(
            self.master,
            b"fingerprint",
            "sha256",
        )
        return digest.hex()[:16]


def release_id(keys: Keys) -> str:
    """Tells whether a release belongs to a vault, project and level."""
    return keys.derive("release").hex()[:16]


def load_secret(vault: Path, environment: Mapping[str, str] = os.environ, *, create: bool) -> bytes:
    """The master key: from the file named by DEIDFLOW_SECRET_FILE, else `secret.key` in the vault.

    Made on the first run (`create`), mode 0600. Raises EnvironmentFault where the file cannot be
    read and UsageError for one that is short or made of a few characters.
    """
    named = environment.get(KEY_FILE_VARIABLE)
    path = Path(named) if named else vault / KEY_FILE
    if create and not named and not path.exists():
        return _master_key(_write_new(path))

    try:
        content = path.read_bytes()
    except OSError as error:
        where = KEY_FILE_VARIABLE if named else f"{KEY_FILE} in the vault"
        raise EnvironmentFault(f"the secret ({where}) cannot be read: {error.strerror}") from None
    return _master_key(content)


def _write_new(path: Path) -> bytes:
    """Write a random secret that did not exist before."""
    content = secrets.token_hex(_RANDOM_BYTES).encode()
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    descriptor = os.open(path, flags, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content + b"\n")
        stream.flush()
        os.fsync(stream.fileno())
    return content


def _master_key(content: bytes) -> bytes:
    stripped = content.strip()
    if _is_weak(stripped):
        raise UsageError(f"the secret is too weak; use at least {_LEAST_BYTES} random bytes")
    hashed = hashlib.blake2b(
        stripped,
        digest_size=_KEY_BYTES,
        person=_PERSON,
    )
    return hashed.digest()


def _is_weak(secret: bytes) -> bool:
    """Whether a secret is short, as placeholders are, or made of a few characters."""
    if len(secret) < _LEAST_BYTES:
        return True
    return len(set(secret)) < _LEAST_DIFFERENT
