"""Decoding of text by SpecificCharacterSet (PS3.3 C.12.1.1.2), and by unnamed ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache

CHARSET = 0x00080005
_ISO_2022 = b"\\".join(
    b"ISO 2022 IR %d" % number for number in (6, 13, 58, 87, 100, 126, 144, 149, 159)
)
_DELIMITERS = frozenset(b"\\^=")
"""Bytes after which a value or a name component starts again in the first character set."""


@lru_cache(maxsize=64)
def decoder(charset: bytes) -> Callable[[bytes], str]:
    """A function that decodes values of a header with this SpecificCharacterSet."""
    from pydicom.charset import decode_bytes

    encodings = encodings_of(charset.decode("ascii", "replace"))

    def decode(raw: bytes) -> str:
        if raw.isascii() and b"\x1b" not in raw:
            return raw.decode("ascii").strip("\0 ")
        return str(
            decode_bytes(
                raw,
                encodings,
                set(_DELIMITERS),
            )
        ).strip("\0 ")

    return decode


def encodings_of(charset: str) -> list[str]:
    """Python codecs for a SpecificCharacterSet; Latin-1 if it is not understood."""
    from pydicom.charset import convert_encodings

    names = [part.strip("\0 ") for part in charset.split("\\")]
    try:
        return list(convert_encodings(names))
    except (LookupError, ValueError):
        return ["iso8859"]


def other_readings(raw: bytes) -> Iterator[str]:
    """The text of bytes in character sets that the header does not name: ISO 2022, UTF-8."""
    if b"\x1b" in raw:
        yield decoder(_ISO_2022)(raw)
    if raw.isascii():
        return
    try:
        yield raw.decode("utf-8").strip("\0 ")
    except UnicodeDecodeError:
        return
