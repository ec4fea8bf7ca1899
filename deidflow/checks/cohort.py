"""Everybody else's identifiers: a sorted array of keyed hashes, mapped by every process.

Other people count by what means one person: two parts of a name side by side, a number of six
or more characters that stands alone, a UID. A single word of a name is doubtful and no more. A
lookup costs the same for ten people and for a hundred thousand.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deidflow.checks.kinds import Identifiers
from deidflow.checks.person_tokens import tokens_of
from deidflow.checks.tokens import Token

_HASH_BYTES = 8
_LONGEST_KEY = 64
"""Bytes of a key that BLAKE2b takes."""
Hashes = NDArray[np.uint64]


@dataclass(frozen=True)
class CohortIndex:
    """Sorted arrays of hashes of what means one person."""

    arrays: tuple[Hashes, ...]
    key: bytes

    @classmethod
    def of(cls, identifiers: Identifiers, uids: Iterable[str], key: bytes) -> CohortIndex:
        """The index of the identifiers and UIDs of everybody in the batch."""
        tokens = {Token("uid", uid) for uid in uids}
        for kind, value in identifiers:
            of_value = tokens_of(kind, value)
            tokens.update(of_value)

        hashes = _hashes(tokens, key)
        hashes.sort()
        return cls((hashes,), key)

    @classmethod
    def merged(cls, indexes: Iterable[CohortIndex], key: bytes) -> CohortIndex:
        """One index of what is in any of several."""
        arrays = [hashes for index in indexes for hashes in index.arrays]
        together = np.concatenate([*arrays, np.empty(0, np.uint64)])
        return cls((np.unique(together),), key)

    @classmethod
    def of_hexadecimal(cls, text: str, key: bytes) -> CohortIndex:
        """The index in a text that `hexadecimal` made."""
        hashes = np.frombuffer(bytes.fromhex(text), np.uint64)
        return cls((hashes,), key)

    def hexadecimal(self) -> str:
        """The hashes as text."""
        return b"".join(hashes.tobytes() for hashes in self.arrays).hex()

    @classmethod
    def open(cls, paths: Iterable[Path], key: bytes) -> CohortIndex:
        """The index in files that `save` wrote; they are mapped, not read."""
        arrays = []
        for path in paths:
            hashes = np.load(path, mmap_mode="r")
            arrays.append(hashes)
        return cls(tuple(arrays), key)

    def save(self, path: Path) -> None:
        """Write the index, mode 0600; the file appears complete or not at all."""
        name = path.name
        temporary = path.with_name(f".{name}.part")
        hashes = np.concatenate(self.arrays)
        with temporary.open("wb") as stream:
            np.save(stream, hashes)
        temporary.chmod(0o600)
        temporary.rename(path)

    def matches(self, tokens: Sequence[Token]) -> list[Token]:
        """The tokens that are somebody's."""
        wanted = _hashes(tokens, self.key)
        hits = np.zeros(len(tokens), bool)
        for hashes in self.arrays:
            if len(hashes):
                hits |= _are_in(wanted, hashes)

        matches = []
        for position in np.flatnonzero(hits):
            token = tokens[int(position)]
            matches.append(token)
        return matches


def _are_in(wanted: Hashes, hashes: Hashes) -> NDArray[np.bool_]:
    """Which of the wanted are in a sorted array that is not empty."""
    last = len(hashes) - 1
    places = np.searchsorted(hashes, wanted)
    inside = np.minimum(places, last)
    nearest = hashes[inside]
    hits: NDArray[np.bool_]
    hits = nearest == wanted
    return hits


def _hashes(tokens: Collection[Token], key: bytes) -> Hashes:
    short_key = key[:_LONGEST_KEY]
    numbers = (_hash(token, short_key) for token in tokens)
    return np.fromiter(
        numbers,
        dtype=np.uint64,
        count=len(tokens),
    )


def _hash(token: Token, key: bytes) -> int:
    text = f"{token.kind}|{token.text}"
    data = text.encode("utf-8", "surrogatepass")
    hashed = blake2b(
        data,
        digest_size=_HASH_BYTES,
        key=key,
    )
    digest = hashed.digest()
    return int.from_bytes(digest, "little")
