"""The facts about instances, read from the first bytes of their files; what repeats is read once."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from deidflow.dicom.elements import LENGTH, PIXEL_TAG, UNDEFINED, Element, NotUnderstood, element_at, elements_of
from deidflow.dicom.header import CHARSET, IDENTIFIER_TAGS, SHORT_FIELDS, TEXT_FIELDS, Instance, decoder, short_of
from deidflow.dicom.repeats import Repeats
from deidflow.dicom.structure import (
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    Limits,
    check_element,
    file_meta,
    sequence_tags,
)
from deidflow.errors import Withheld

HEADS = (1 << 14, 1 << 18)
"""How much of a file is read at first: the header of most images, and of those with large private elements."""
_SYNTAX = 0x00020010
_INDEX = {name: number for number, name in enumerate(Instance._fields)}
_TEXTS = {tag: _INDEX[name] for name, tag in TEXT_FIELDS.items()}
_NUMBERS = {tag: _INDEX[name] for name, tag in SHORT_FIELDS.items()}


@dataclass
class _Known:
    """What the constant elements of a shape say, and how to decode the others."""

    decode: Any
    fields: list[Any]
    identifiers: dict[int, tuple[str, str]] = field(default_factory=dict)
    pairs: tuple[tuple[str, str], ...] | None = None


class _Skim:
    """Picks values up; a piece is None or the index, value and tag of one that varies."""

    fixed = frozenset((CHARSET,))
    together: Mapping[int, int] = MappingProxyType({})

    def __init__(self, syntax: str) -> None:
        self._syntax = syntax
        self._explicit = syntax != IMPLICIT_LITTLE

    def walk(self, body: bytes, start: int) -> list[Element]:
        elements = elements_of(body, start, len(body), explicit=self._explicit, top=True)
        for element in elements:
            self._check(body, element)
        return elements

    def one(self, body: bytes, position: int) -> Element:
        element = element_at(body, position, len(body), explicit=self._explicit)
        self._check(body, element)
        return element

    def _check(self, body: bytes, element: Element) -> None:
        nested = element.vr == b"SQ" or element.undefined
        if nested or (element.vr in (b"", b"UN") and element.tag in sequence_tags()):
            check_element(body, element, self._syntax)

    def learn(self, body: bytes, elements: Sequence[Element]) -> _Known:
        charset = next((body[one.value : one.end] for one in elements if one.tag == CHARSET), b"")
        fields: list[Any] = [0 if name in SHORT_FIELDS else "" for name in Instance._fields]
        return _Known(decoder(charset), fields)

    def run(self, known: _Known, body: bytes, elements: Sequence[Element], before: int) -> None:
        for element in elements:
            value = self.vary(known, body, element)
            if value is not None:
                _put(known, known.fields, known.identifiers, value)

    def vary(self, known: _Known, body: bytes, element: Element) -> tuple[int, Any] | None:
        tag = element.tag
        if tag in _TEXTS or tag in IDENTIFIER_TAGS:
            return tag, known.decode(body[element.value : element.end])
        return (tag, short_of(body[element.value : element.end], False)) if tag in _NUMBERS else None


def _put(known: _Known, fields: list[Any], identifiers: dict[int, tuple[str, str]], value: tuple[int, Any]) -> None:
    tag, decoded = value
    index = _TEXTS.get(tag, _NUMBERS.get(tag))
    if index is not None:
        fields[index] = decoded
    if decoded and tag in IDENTIFIER_TAGS:
        identifiers[tag] = IDENTIFIER_TAGS[tag], decoded


class Skimmer:
    """Reads instances from the heads of files, one after the other."""

    def __init__(self) -> None:
        self._repeats: dict[str, Repeats[tuple[int, Any] | None]] = {}

    def read(self, head: bytes, size: int) -> tuple[Instance, bytes] | None:
        """The instance and its SOP class in the file meta; None where the whole file must be walked.

        `head` are the first bytes of a file of `size` bytes that has the DICM mark.
        """
        try:
            meta, start = file_meta(head)
            syntax = meta.get(_SYNTAX, b"").rstrip(b"\0 ").decode("ascii", "replace")
            if syntax not in (EXPLICIT_LITTLE, IMPLICIT_LITTLE):
                return None
            repeats = self._repeats.setdefault(syntax, Repeats(_Skim(syntax)))
            known, pieces, end = repeats.read(head, start)
            length = _pixel_length(head, end, size, explicit=syntax == EXPLICIT_LITTLE)
            return _instance(known, pieces, syntax, length), meta.get(0x00020002, b"")
        except (NotUnderstood, Withheld, struct.error, IndexError, ValueError):
            return None


def _pixel_length(head: bytes, position: int, size: int, *, explicit: bool) -> int | None:
    """Bytes of native pixel data, None in a file without; raises NotUnderstood for all else."""
    if position == size:
        return None
    if head[position : position + 4] != PIXEL_TAG:
        raise NotUnderstood
    offset = 8 if explicit else 4
    (length,) = LENGTH(head, position + offset)
    if length == UNDEFINED or position + offset + 4 + length > size or length > Limits().pixel_bytes:
        raise NotUnderstood
    return int(length)


def _instance(known: _Known, pieces: list[Any], syntax: str, length: int | None) -> Instance:
    fields, identifiers, pairs = known.fields[:], known.identifiers, known.pairs
    for piece in pieces:
        if piece is not None:
            if piece[0] in IDENTIFIER_TAGS:
                identifiers, pairs = dict(identifiers), ()
            _put(known, fields, identifiers, piece)
    if pairs is None:
        pairs = known.pairs = tuple(identifiers.values())
    fields[-4:] = syntax, length, False, pairs or tuple(identifiers.values())
    return Instance._make(fields)
