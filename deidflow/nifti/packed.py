"""Bytes as a gzip file (RFC 1952) that depends on nothing but them: no clock, no name."""

from __future__ import annotations

import deflate

_LEVEL = 6


def packed(content: bytes) -> bytes:
    """A gzip file of one member; libdeflate is four times as fast as zlib, and packs tighter."""
    return bytes(deflate.gzip_compress(content, _LEVEL))
