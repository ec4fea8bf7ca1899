"""One value of a header, with everything that an action needs to know to change it."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import NamedTuple

from deidflow.dicom.character_sets import other_readings
from deidflow.header.context import HeaderContext
from deidflow.header.rules import Rule
from deidflow.header.text import Scrubber
from deidflow.header.value_kinds import ENCODED, FORMATS, SIZES, UNDIVIDED, WIDE
from deidflow.resources import defined_terms

_DELIMITERS = {0x5C, 0x5E, 0x3D}
"""Backslash, caret and equals sign end the reach of escape sequences (PS3.5 6.1.2.5.3)."""


@dataclass(frozen=True)
class ActionSettings:
    """What all values of one data set have in common."""

    context: HeaderContext
    dates: str
    """The profile's mode for dates."""
    times: str
    """With mode `shift`: what happens to times of day."""
    multiplicity: dict[int, int]
    """Tag -> the largest number of values; 0 for no bound."""
    keep_binary: bool
    """Whether binary values outside of group 0028 are kept if they hold no identifier."""


class ElementValue(NamedTuple):
    """The bytes of one value as in the file, Little Endian, and the rule that applies to it."""

    rule: Rule
    tag: int
    vr: bytes
    raw: bytes
    settings: ActionSettings

    @property
    def scrubber(self) -> Scrubber:
        """The search for the patient's own identifiers."""
        return self.settings.context.scrubber

    @property
    def group(self) -> int:
        """The group of the tag."""
        return self.tag >> 16

    def stripped(self) -> bytes:
        """The bytes without padding."""
        return self.raw.rstrip(b"\0 ")

    def text(self) -> str:
        """The decoded text without padding; raises UnicodeError."""
        if _is_ascii(self.raw):
            return self.raw.decode("ascii").rstrip("\0 ")
        if self.vr not in ENCODED:
            raise UnicodeError
        from pydicom.charset import decode_bytes

        codecs = list(self.settings.context.charset)
        text = decode_bytes(
            self.raw,
            codecs,
            _DELIMITERS,
        )
        return str(text).rstrip("\0 ")

    def texts(self) -> list[str]:
        """The values of a text element; raises UnicodeError."""
        text = self.text()
        if not text:
            return []
        if not _is_ascii(self.raw):
            text = self._identifying_reading(text)
        return [text] if self.vr in UNDIVIDED else text.split("\\")

    def _identifying_reading(self, text: str) -> str:
        """The text in another character set than the header's if only that shows an identifier."""
        finds = self.scrubber.finds
        for reading in other_readings(self.raw):
            if finds(reading) and not finds(text):
                return reading
        return text

    def encoded(self, values: list[str]) -> bytes:
        """Values as bytes, in the character set of the header where the VR uses it."""
        text = "\\".join(values)
        if text.isascii() or self.vr not in ENCODED:
            return text.encode("ascii")
        from pydicom.charset import encode_string

        codecs = list(self.settings.context.charset)
        contents = [encode_string(value, codecs) for value in values]
        return b"\\".join(contents)

    def numbers(self) -> tuple[int | float, ...]:
        """The numbers of a binary value; raises struct.error for a length that does not fit."""
        count = len(self.raw) // SIZES[self.vr]
        return struct.unpack(
            f"<{count}{FORMATS[self.vr]}",
            self.raw,
        )

    def holds_own_number(self) -> bool:
        """Whether a binary number is a number or the birth date of the patient."""
        own = self.scrubber.numbers
        if self.vr not in WIDE or not own:
            return False
        if len(self.raw) % SIZES[self.vr]:
            return False
        return not own.isdisjoint(self.numbers())

    def check(self, texts: list[str]) -> None:
        """Let the caller refuse texts that are kept; raises Withheld."""
        refuse = self.settings.context.refuse
        if refuse is None:
            return
        for text in texts:
            if text and text not in defined_terms():
                refuse(self.tag, text)


def _is_ascii(raw: bytes) -> bool:
    """Whether bytes are ASCII without escape sequences: the same text in every character set."""
    return raw.isascii() and b"\x1b" not in raw
