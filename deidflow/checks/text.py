"""The text in a value, in every character set that it may be written in (PS3.5 section 6.1)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from pydicom.charset import convert_encodings, decode_bytes

from deidflow.checks.elements import Element
from deidflow.checks.words import readable

TEXT = frozenset(b"AE CS LO LT PN SH ST UC UR UT".split())
NUMERIC_TEXT = frozenset((b"DS", b"IS"))
DATED = frozenset((b"DA", b"DT"))
BINARY = frozenset(b"OB OW OF OD OL OV UN US SS UL SL SV UV FL FD".split())
_ESCAPE = b"\x1b"
_DELIMITERS = {ord("\\"), ord("^"), ord("=")}
_FEW_BYTES = 8
"""A single number cannot hold a word."""


def texts_of(element: Element) -> Iterator[str]:
    """The texts that a value may stand for; several if bytes beyond ASCII are ambiguous."""
    if element.vr not in TEXT:
        return

    raw = element.raw.rstrip(b"\0 ")
    if raw.isascii() and _ESCAPE not in raw:
        yield raw.decode("ascii")
        return

    codecs = list(_codecs(element.level.charset))
    yield str(decode_bytes(raw, codecs, _DELIMITERS))
    yield raw.decode("utf-8", "replace")
    yield raw.decode("latin-1")


def values_of(raw: bytes) -> list[str]:
    """The values of an attribute in the default repertoire, without padding."""
    text = raw.rstrip(b"\0 ").decode("latin-1")
    return text.split("\\")


def runs_of(element: Element) -> Iterator[str]:
    """Readable runs in a binary value."""
    if element.vr not in BINARY:
        return
    raw = element.raw
    if len(raw) > _FEW_BYTES:
        yield from readable(raw)


@lru_cache(maxsize=256)
def _codecs(charset: bytes) -> tuple[str, ...]:
    """Python's codecs for a value of SpecificCharacterSet; Latin-1 for one that is not known."""
    text = charset.decode("ascii", "replace")
    parts = text.split("\\")
    names = [part.strip("\0 ") for part in parts]
    try:
        return tuple(convert_encodings(names))
    except (LookupError, ValueError):
        return ("iso8859",)
