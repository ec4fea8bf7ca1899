"""Siemens CSA headers and the texts of mMR list-mode files, scrubbed in place: no length changes.

The names of fields say where identifiers stand (`<ParamString."PatientName"> { "DOE^JANE" }`,
`tPatientName = "..."`, `patient name := ...`; a 64-byte name in front of binary items); the patient's own
identifiers, moments and UIDs are overwritten wherever they are.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from itertools import accumulate

from deidflow.header.folded_text import folded_with_places
from deidflow.header.text import Scrubber

CSA_ELEMENTS = frozenset(
    (creator, low)
    for creator, lows in {
        "SIEMENS CSA HEADER": (0x08, 0x09, 0x10, 0x18, 0x19, 0x20),
        "SIEMENS CSA NON-IMAGE": (0x08, 0x09, 0x10, 0x11),
        "SIEMENS MEDCOM HEADER": (0x08, 0x09, 0x10, 0x20),
        "SIEMENS MEDCOM HEADER2": (0x60,),
        "SIEMENS MED NM": (0x10, 0x20),
    }.items()
    for low in lows
)
"""Creator and low byte of the elements that hold CSA headers, raw data and their descriptions."""
_FIELDS = (
    rb"patients?[ _]?(?:name|id|birth ?day|birth ?date|dob|sex|age|weight|size)|institution(?:al)?[ _]?(?:name|address|"
    rb"department(?:[ _]?name)?)|(?:referring|performing|requesting)[ _]?physician(?:s?[ _]?name)?|operators?[ _]?name|"
    rb"accession[ _]?(?:number|no)|study[ _]?(?:date|time|id)|(?:series|acquisition|content)[ _]?(?:date|time)|"
    rb"device[ _]?serial[ _]?number|station[ _]?name|other[ _]?patient[ _]?ids?|used ?patient ?weight"
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
_MOMENT = re.compile(
    rb"(?<!\d)(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:\d{6}(?:\.\d+)?)?(?!\d)"
)
_LARGE = 4 << 20
"""Beyond this size only one byte a character is searched."""


def scrub_csa(raw: bytes, scrubber: Scrubber) -> bytes:
    """The bytes with every identifying value overwritten by X, digits by 0; the length stays."""
    content = bytearray(raw)
    for start, end in identifying_spans(raw, scrubber):
        _overwrite(content, start, end)
    return bytes(content)


def identifying_spans(raw: bytes, scrubber: Scrubber) -> Iterator[tuple[int, int]]:
    """Where identifying values stand: values of identifying fields, UIDs, moments, the patient's own identifiers."""
    for pattern in (_QUOTED, _ASSIGNED, _BINARY):
        yield from (match.span(1) for match in pattern.finditer(raw) if match[1].strip())
    for pattern in (_UID, _MOMENT):
        yield from (
            match.span()
            for match in pattern.finditer(raw)
            if not match[0].startswith(b"1.2.840.10008.")
        )
    if scrubber.in_bytes is not None:
        yield from _own(scrubber.in_bytes, raw.decode("latin-1"), 1, 0)
        if len(raw) <= _LARGE:
            yield from _in_utf8(scrubber.in_bytes, raw)
            for order, offset in ((order, offset) for order in "<>" for offset in (0, 1)):
                count = (len(raw) - offset) // 2
                units = struct.unpack_from(f"{order}{count}H", raw, offset)
                yield from _own(scrubber.in_bytes, "".join(map(chr, units)), 2, offset)


def _own(pattern: re.Pattern[str], text: str, width: int, offset: int) -> Iterator[tuple[int, int]]:
    """Where the patient's own identifiers stand in text of `width` bytes a character."""
    folded, places = folded_with_places(text)
    for match in pattern.finditer(folded):
        if match.end() > match.start():
            first, last = places[match.start()], places[match.end() - 1] + 1
            yield offset + first * width, offset + last * width


def _in_utf8(pattern: re.Pattern[str], raw: bytes) -> Iterator[tuple[int, int]]:
    if raw.isascii():
        return
    text = raw.decode("utf-8", "surrogateescape")
    ends = list(
        accumulate((len(letter.encode("utf-8", "surrogateescape")) for letter in text), initial=0)
    )
    yield from ((ends[first], ends[last]) for first, last in _own(pattern, text, 1, 0))


def _overwrite(content: bytearray, start: int, end: int) -> None:
    for place in range(start, end):
        byte = content[place]
        if 0x30 <= byte <= 0x39:
            content[place] = 0x30
        elif byte > 0x20 and byte not in (0x2E, 0x5E):
            content[place] = 0x58
