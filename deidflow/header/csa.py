"""Siemens CSA headers and the texts of mMR list-mode files, scrubbed in place: no length changes.

The names of fields tell where identifiers are (`<ParamString."PatientName"> { "DOE^JANE" }`,
`tPatientName = "..."`, `patient name := ...`; a 64-byte name before binary items). The patient's
own identifiers, moments and UIDs are overwritten wherever they are.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from itertools import accumulate

from deidflow.header.folded_text import folded_with_places
from deidflow.header.text import Scrubber

_CSA_CREATORS = {
    "SIEMENS CSA HEADER": (0x08, 0x09, 0x10, 0x18, 0x19, 0x20),
    "SIEMENS CSA NON-IMAGE": (0x08, 0x09, 0x10, 0x11),
    "SIEMENS MEDCOM HEADER": (0x08, 0x09, 0x10, 0x20),
    "SIEMENS MEDCOM HEADER2": (0x60,),
    "SIEMENS MED NM": (0x10, 0x20),
}
CSA_ELEMENTS = frozenset((creator, low) for creator, lows in _CSA_CREATORS.items() for low in lows)
"""Creator and low byte of the elements that hold CSA headers, raw data and their descriptions."""
_FIELDS = (
    rb"patients?[ _]?(?:name|id|birth ?day|birth ?date|dob|sex|age|weight|size)|"
    rb"institution(?:al)?[ _]?(?:name|address|department(?:[ _]?name)?)|"
    rb"(?:referring|performing|requesting)[ _]?physician(?:s?[ _]?name)?|operators?[ _]?name|"
    rb"accession[ _]?(?:number|no)|study[ _]?(?:date|time|id)|"
    rb"(?:series|acquisition|content)[ _]?(?:date|time)|"
    rb"device[ _]?serial[ _]?number|station[ _]?name|"
    rb"other[ _]?patient[ _]?ids?|used ?patient ?weight"
)
_QUOTED = re.compile(
    rb'(?i)(?:"|\.|\b[tsl]|\bfl?)(?:'
    + _FIELDS
    + rb')"?[^"={}]{0,80}(?:=|\{)[^"{}]{0,120}"{1,2}([^"\r\n]*)"'
)
_ASSIGNED = re.compile(
    rb"(?im)(?:^|[!%;\x00])\s*(?:" + _FIELDS + rb")[^=\r\n]{0,40}?:=[ \t]*([^\r\n\x00]*)"
)
_BINARY = re.compile(
    rb"(?is)(?<![a-z])(?:"
    + _FIELDS
    + rb")\x00.{24,100}?\xcd\x00\x00\x00(?:.{16}([\x20-\x7e]{2,64})\x00)",
    re.DOTALL,
)
_UID = re.compile(rb"(?<![\d.])[0-2](?:\.\d{1,39}){5,}(?![\d.])")
_STANDARD_UIDS = b"1.2.840.10008."
_MOMENT = re.compile(
    rb"(?<!\d)(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:\d{6}(?:\.\d+)?)?(?!\d)"
)
_LARGE = 4 << 20
"""In more bytes than this only text of one byte per character is searched."""
_ZERO, _NINE, _X = 0x30, 0x39, 0x58
_KEPT = frozenset(range(0x21)) | frozenset(b".^")
"""Bytes that are not overwritten: they separate parts of a value."""
Span = tuple[int, int]
"""Start and end of bytes."""


def scrub_csa(raw: bytes, scrubber: Scrubber) -> bytes:
    """The bytes with every identifying value overwritten by X, digits by 0; the length stays."""
    content = bytearray(raw)
    for start, end in identifying_spans(raw, scrubber):
        _overwrite(content, start, end)
    return bytes(content)


def holds_fields(raw: bytes) -> bool:
    """Whether bytes hold a named field of a patient with a value in it."""
    for pattern in (_QUOTED, _ASSIGNED):
        if any(match[1].strip() for match in pattern.finditer(raw)):
            return True
    return False


def identifying_spans(raw: bytes, scrubber: Scrubber) -> Iterator[Span]:
    """Where identifying values are.

    These are values of identifying fields, UIDs, moments, and the patient's own identifiers.
    """
    for pattern in (_QUOTED, _ASSIGNED, _BINARY):
        for match in pattern.finditer(raw):
            if match[1].strip():
                yield match.span(1)
    for pattern in (_UID, _MOMENT):
        for match in pattern.finditer(raw):
            if not match[0].startswith(_STANDARD_UIDS):
                yield match.span()

    own = scrubber.in_bytes
    if own is None:
        return
    yield from _own_spans(own, raw.decode("latin-1"))
    if len(raw) <= _LARGE:
        yield from _in_utf8(own, raw)
        yield from _in_utf16(own, raw)


def _own_spans(pattern: re.Pattern[str], text: str) -> Iterator[Span]:
    """Where the patient's own identifiers are, in characters of text."""
    folded, places = folded_with_places(text)
    for match in pattern.finditer(folded):
        start, end = match.span()
        if end > start:
            yield places[start], places[end - 1] + 1


def _in_utf8(pattern: re.Pattern[str], raw: bytes) -> Iterator[Span]:
    if raw.isascii():
        return
    text = raw.decode("utf-8", "surrogateescape")
    widths = [len(letter.encode("utf-8", "surrogateescape")) for letter in text]
    offsets = list(accumulate(widths, initial=0))
    for first, last in _own_spans(pattern, text):
        yield offsets[first], offsets[last]


def _in_utf16(pattern: re.Pattern[str], raw: bytes) -> Iterator[Span]:
    """In two bytes per character, of either order, from even and from odd offsets."""
    for order in "<>":
        for offset in (0, 1):
            count = (len(raw) - offset) // 2
            units = struct.unpack_from(
                f"{order}{count}H",
                raw,
                offset,
            )
            text = "".join(map(chr, units))
            for first, last in _own_spans(pattern, text):
                yield offset + 2 * first, offset + 2 * last


def _overwrite(content: bytearray, start: int, end: int) -> None:
    for place in range(start, end):
        byte = content[place]
        if _ZERO <= byte <= _NINE:
            content[place] = _ZERO
        elif byte not in _KEPT:
            content[place] = _X
