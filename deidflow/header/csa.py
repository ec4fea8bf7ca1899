"""Siemens CSA headers and the texts of mMR list-mode files, scrubbed in place: no length changes.

The names of fields say where identifiers stand (`<ParamString."PatientName"> { "DOE^JANE" }`,
`tPatientName = "..."`, `patient name := ...`); the patient's own identifiers, dates and UIDs are
overwritten wherever they are.
"""

from __future__ import annotations

import re

from deidflow.header.identifiers import folded_with_places
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
    rb"patients?[ _]?(?:name|id|birth ?day|birth ?date|sex|age|weight|size)|institution(?:al)?[ _]?(?:name|address|"
    rb"department(?:[ _]?name)?)|(?:referring|performing|requesting)[ _]?physician(?:s?[ _]?name)?|operators?[ _]?name|"
    rb"accession[ _]?(?:number|no)|study[ _]?(?:date|time|id)|(?:series|acquisition|content)[ _]?(?:date|time)|"
    rb"device[ _]?serial[ _]?number|station[ _]?name|other[ _]?patient[ _]?ids?|originating system|"
    rb"(?:used)?patient(?:position)?weight"
)
_QUOTED = re.compile(
    rb'(?is)(?:"|\bt|\bs|\bfl?|\.)(?:' + _FIELDS + rb')"?[^"={}]{0,80}(?:=|\{)[^"{}]{0,120}"{1,2}([^"]*)"'
)
_ASSIGNED = re.compile(rb"(?im)^[!%\s]*(?:" + _FIELDS + rb")[^:=\r\n]*:=[ \t]*([^\r\n\x00]*)")
_UID = re.compile(rb"(?<![\d.])[0-2](?:\.\d{1,39}){5,}(?![\d.])")
_MOMENT = re.compile(rb"(?<!\d)(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:\d{6}(?:\.\d+)?)?(?!\d)")
_WIDE = ("utf-16-le", "utf-16-be")


def scrub_csa(raw: bytes, scrubber: Scrubber) -> bytes:
    """The bytes with every identifying value overwritten by X, digits by 0; the length stays."""
    content = bytearray(raw)
    for pattern in (_QUOTED, _ASSIGNED):
        for match in pattern.finditer(raw):
            _overwrite(content, *match.span(1))
    for pattern in (_UID, _MOMENT):
        for match in pattern.finditer(raw):
            if not match.group().startswith(b"1.2.840.10008."):
                _overwrite(content, *match.span())
    _own(content, scrubber, "latin-1", 1)
    _own(content, scrubber, "utf-8", 1)
    for codec in _WIDE:
        _own(content, scrubber, codec, 2)
    return bytes(content)


def _own(content: bytearray, scrubber: Scrubber, codec: str, width: int) -> None:
    """Overwrite the patient's own identifiers, as they stand in one encoding."""
    if scrubber.pattern is None:
        return
    text = bytes(content).decode(
        codec, "replace" if width == 1 and codec == "latin-1" else "surrogateescape" if width == 1 else "replace"
    )
    folded, places = folded_with_places(text)
    for match in scrubber.pattern.finditer(folded):
        if match.end() > match.start():
            first, last = places[match.start()], places[match.end() - 1] + 1
            start = len(text[:first].encode(codec, "surrogateescape" if width == 1 else "replace"))
            end = start + len(text[first:last].encode(codec, "surrogateescape" if width == 1 else "replace"))
            _overwrite(content, start, min(end, len(content)))


def _overwrite(content: bytearray, start: int, end: int) -> None:
    for place in range(start, end):
        byte = content[place]
        if 0x30 <= byte <= 0x39:
            content[place] = 0x30
        elif byte > 0x20 and byte not in (0x2E, 0x5E):
            content[place] = 0x58
