"""The keys of one subject's values in the audit: one hashes them, one seals them."""

from __future__ import annotations

import binascii
import hmac
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from deidflow.audit.chain import KeyedHash

_HASH_BYTES = 12
_NONCE_BYTES = 12


@dataclass(frozen=True)
class SubjectKeys:
    """What hashes and seals the values of one subject; made of the subject's random key."""

    key: bytes

    @cached_property
    def hashed(self) -> KeyedHash:
        """The hash of a value, which tells nothing without the key."""
        return KeyedHash(self._derived(b"value"), _HASH_BYTES)

    @cached_property
    def _cipher(self) -> AESGCM:
        return AESGCM(self._derived(b"seal"))

    def _derived(self, purpose: bytes) -> bytes:
        return hmac.digest(
            self.key,
            purpose,
            "sha256",
        )

    def seal(self, values: Sequence[bytes], place: str) -> str:
        """Encrypt values for one place; base64 of nonce and ciphertext, empty without any value."""
        if not any(values):
            return ""
        lengths = ",".join([str(len(value)) for value in values])
        text = b"".join((lengths.encode("ascii"), b"\n", *values))
        nonce = os.urandom(_NONCE_BYTES)
        content = nonce + self._cipher.encrypt(
            nonce,
            text,
            place.encode(),
        )
        return binascii.b2a_base64(content, newline=False).decode("ascii")

    def unseal(self, sealed: str, place: str) -> list[bytes]:
        """The values; raises InvalidTag where they are damaged, of another place or another key."""
        if not sealed:
            return []
        content = binascii.a2b_base64(sealed)
        text = self._cipher.decrypt(
            content[:_NONCE_BYTES],
            content[_NONCE_BYTES:],
            place.encode(),
        )

        head, _, rest = text.partition(b"\n")
        values: list[bytes] = []
        start = 0
        for length in map(int, head.split(b",")):
            values.append(rest[start : start + length])
            start += length
        return values
