"""UIDs mapped by a keyed hash: equal in, equal out, across files and runs."""

from __future__ import annotations

import hmac
from dataclasses import dataclass

STANDARD_ROOT = "1.2.840.10008."
UUID_ROOT = "2.25"
IMPLEMENTATION_CLASS = "2.25.214019863218730963221817350946207412853"
IMPLEMENTATION_NAME = "DEIDFLOW"
_LONGEST = 64
"""Most characters of a UID (PS3.5 section 9.1)."""
_MOST_DIGITS = 39
"""As many as a UUID of 128 bits has."""


@dataclass(frozen=True)
class UidMap:
    """Maps every UID that the standard does not define to 2.25.<128 bit> (PS3.5 annex B.2).

    With another root, it is followed by as many decimal digits of the hash as a UID can hold.
    """

    key: bytes
    root: str = UUID_ROOT
    kept: bool = False
    """Whether UIDs stay as they are."""

    def __call__(self, uid: str) -> str:
        """The released UID; well-known UIDs and empty values stay."""
        stripped = uid.strip("\0 ")
        if self.kept or not stripped:
            return stripped
        if stripped.startswith(STANDARD_ROOT):
            return stripped
        return self._hashed(stripped)

    def revised(self, uid: str, revision: int) -> str:
        """The UID of an instance that was released as `uid` before, with other pixels."""
        return self._hashed(f"{uid}|{revision}")

    def _hashed(self, message: str) -> str:
        content = message.encode("ascii", "replace")
        digest = hmac.digest(self.key, content, "sha256")
        if self.root == UUID_ROOT:
            number = int.from_bytes(digest[:16], "big")
            return f"{UUID_ROOT}.{number}"

        free = _LONGEST - len(self.root) - 1
        digits = min(free, _MOST_DIGITS)
        number = int.from_bytes(digest, "big") % 10**digits
        return f"{self.root}.{number or 1}"
