"""Bytes as a gzip file (RFC 1952) that depends on nothing but them: no clock, no name."""

from __future__ import annotations

from pathlib import Path

import deflate

_LEVEL = 6


def packed(content: bytes) -> bytes:
    """A gzip file of one member; libdeflate is four times as fast as zlib, and packs tighter."""
    return bytes(deflate.gzip_compress(content, _LEVEL))


def unpacked(path: Path, largest: int) -> bytes | None:
    """The content of a gzip file of one member, by libdeflate; None beyond `largest` bytes."""
    content = path.read_bytes()
    size = int.from_bytes(content[-4:], "little")
    if size > largest or len(content) > size:
        return None
    return bytes(deflate.gzip_decompress(content))
