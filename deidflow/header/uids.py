"""UIDs mapped by a keyed hash: equal in, equal out, across files and runs."""

from __future__ import annotations

import hmac
from dataclasses import dataclass

STANDARD_ROOT = "1.2.840.10008."
IMPLEMENTATION_CLASS = "2.25.214019863218730963221817350946207412853"
IMPLEMENTATION_NAME = "DEIDFLOW"


@dataclass(frozen=True)
class UidMap:
    """Maps every UID that the standard does not define to 2.25.<128 bit> (PS3.5 annex B.2)."""

    key: bytes

    def __call__(self, uid: str) -> str:
        """The released UID; well-known UIDs and empty values stay."""
        stripped = uid.strip("\0 ")
        if not stripped or stripped.startswith(STANDARD_ROOT):
            return stripped
        number = int.from_bytes(hmac.digest(self.key, stripped.encode("ascii", "replace"), "sha256")[:16], "big")
        return f"2.25.{number}"
