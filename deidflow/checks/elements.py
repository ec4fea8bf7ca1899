"""The values of a DICOM file and what names and decodes them (PS3.5 section 7)."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from pydicom.datadict import dictionary_VR, keyword_for_tag

LONG_VRS = frozenset(
    (b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV")
)
"""VRs with a length of four bytes after two reserved ones."""
SHORT_VRS = frozenset(
    b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split(),
)
_FIRST_PRIVATE = 0x1000
_BLOCKS = range(0x10, 0x100)


class NotReadable(ValueError):
    """The bytes are not a DICOM data set that this reader understands."""


class Element(NamedTuple):
    """One value that is not a sequence, with what names and decodes it."""

    tag: int
    vr: bytes
    raw: bytes
    level: Level


@dataclass
class Level:
    """A data set: the root, or an item of a sequence."""

    charset: bytes = b""
    depth: int = 0
    creators: dict[int, str] = field(default_factory=dict)
    """Group and block (0x20050010) to private creator."""

    def creator_of(self, tag: int) -> str:
        """The private creator that an element belongs to; empty for a standard element."""
        if not tag >> 16 & 1:
            return ""
        if tag & 0xFFFF < _FIRST_PRIVATE:
            return ""
        group = tag & 0xFFFF0000
        block = tag >> 8 & 0xFF
        creator = group | block
        return self.creators.get(creator, "")


@dataclass(frozen=True)
class Pixels:
    """Where the stored pixels are in the body, and whether they are in fragments."""

    start: int
    end: int
    encapsulated: bool


def name_of(element: Element) -> str:
    """The keyword of a standard attribute; group, creator and low byte of a private one."""
    tag = element.tag
    group = tag >> 16
    number = tag & 0xFFFF
    creator = element.level.creator_of(tag)
    if creator:
        low_byte = number & 0xFF
        return f"{group:04x},{creator},{low_byte:02x}"

    keyword = str(keyword_for_tag(tag))
    if keyword:
        return keyword
    return f"{group:04x},{number:04x}"


def is_creator(tag: int) -> bool:
    """Whether the element reserves a block of private elements (PS3.5 section 7.8.1)."""
    is_private = bool(tag >> 16 & 1)
    return is_private and tag & 0xFFFF in _BLOCKS


@lru_cache(maxsize=8192)
def implicit_vr(tag: int) -> bytes:
    """The VR that the data dictionary gives a tag; UN where it has none, OW for several."""
    try:
        vr: str = dictionary_VR(tag)
    except KeyError:
        return b"LO" if is_creator(tag) else b"UN"
    if " or " in vr:
        return b"OW"
    return vr.encode("ascii")
