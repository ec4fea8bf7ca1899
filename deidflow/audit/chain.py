"""Lines of JSON, each bound to the one before by a keyed hash.

A line is `{"n":<number>,<fields>,"mac":"<hash>"}`. Its hash covers the hash of the line before and
all of its own text, and that of the first line the name of the file, so that no line can be left
out, changed, moved or brought from another file without the key.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_BLOCK = 64
"""Bytes that SHA-256 takes at once: the key fills the first block."""
_MAC_BYTES = 16
_END = b',"mac":"'
_TAIL = b'"}'
LINE = re.compile(rb'\{"n":(\d{1,12}),.*,"mac":"([0-9a-f]{32})"\}', re.DOTALL)


class KeyedHash:
    """SHA-256 over a key and a value; cut to `size` bytes, so that nobody can extend it."""

    def __init__(self, key: bytes, size: int) -> None:
        if len(key) > _BLOCK:
            raise ValueError("a key is at most one block of the hash")
        self._start = hashlib.sha256(key.ljust(_BLOCK, b"\0"))
        self._digits = 2 * size

    def __call__(self, value: bytes) -> str:
        """The hash of a value, in hexadecimal."""
        state = self._start.copy()
        state.update(value)
        return state.hexdigest()[: self._digits]


@dataclass
class Chain:
    """The end of a file of chained lines."""

    hashed: KeyedHash
    mac: str
    lines: int = 0

    @classmethod
    def of(cls, key: bytes, name: str) -> Chain:
        """The chain of a file without lines; `name` tells it from other files."""
        hashed = KeyedHash(key, _MAC_BYTES)
        return cls(hashed, hashed(name.encode()))

    def line(self, fields: bytes) -> bytes:
        """The next line with its line break; `fields` are members of a JSON object."""
        number = self.lines + 1
        content = b'{"n":%d,%s' % (number, fields)
        before = self.mac.encode()
        mac = self.hashed(before + content)

        self.lines = number
        self.mac = mac
        end = _end_of(mac)
        return content + end + b"\n"

    def joined(self, rows: Iterable[bytes]) -> bytes:
        """The next lines."""
        return b"".join(map(self.line, rows))

    def fits(self, line: bytes, mac: str) -> bool:
        """Whether a line with this hash follows on the lines so far."""
        end = _end_of(mac)
        content = line.removesuffix(end)
        before = self.mac.encode()
        expected = self.hashed(before + content)
        return expected == mac

    def take(self, row: Parsed) -> None:
        """Go on to a line that was read, whether it fits or not."""
        self.lines = row.number
        self.mac = row.mac


def _end_of(mac: str) -> bytes:
    """The end of a line with this hash."""
    return _END + mac.encode() + _TAIL


def whole_lines(path: Path) -> list[bytes]:
    """The lines of a file; without the one that a killed process had not finished.

    Raises FileNotFoundError.
    """
    content = path.read_bytes()
    *lines, _ = content.split(b"\n")
    return lines


@dataclass(frozen=True)
class Parsed:
    """What a line says of itself."""

    number: int
    mac: str


def parsed(line: bytes) -> Parsed | None:
    """Number and hash of a line without its line break; None where it has another form."""
    match = LINE.fullmatch(line)
    if match is None:
        return None
    return Parsed(int(match[1]), match[2].decode("ascii"))
