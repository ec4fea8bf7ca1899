"""The facts about instances, read from the first bytes of their files; what repeats is read once."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from deidflow.dicom.elements import (
    LENGTH,
    PIXEL_TAG,
    UNDEFINED,
    Element,
    NotUnderstood,
    element_at,
    elements_of,
)
from deidflow.dicom.instance import (
    CHARSET,
    IDENTIFIER_TAGS,
    NESTED,
    SHORT_FIELDS,
    TEXT_FIELDS,
    Instance,
    decoder,
    identifiers_in,
    short_of,
)
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
    charset: bytes
    fields: list[Any]
    identifiers: dict[tuple[str, str], None] = field(default_factory=dict)
    pairs: tuple[tuple[str, str], ...] | None = None


Piece = tuple[int, Any, "list[tuple[str, str]] | None"]
"""Tag and decoded value of an element, with the identifiers in it."""


class _Skim:
    """Picks values up."""

    fixed = frozenset((CHARSET,))
    together: Mapping[int, int] = MappingProxyType({})

    def __init__(self, syntax: str) -> None:
        self._syntax = syntax
        self._explicit = syntax != IMPLICIT_LITTLE

    def walk(self, body: bytes, start: int) -> list[Element]:
        return elements_of(body, start, len(body), explicit=self._explicit, top=True)

    def one(self, body: bytes, position: int) -> Element:
        return element_at(body, position, len(body), explicit=self._explicit)

    def learn(self, body: bytes, elements: Sequence[Element]) -> _Known:
        charset = next((body[one.value : one.end] for one in elements if one.tag == CHARSET), b"")
        fields: list[Any] = [0 if name in SHORT_FIELDS else "" for name in Instance._fields]
        return _Known(decoder(charset), charset, fields)

    def run(self, known: _Known, body: bytes, elements: Sequence[Element], before: int) -> None:
        for element in elements:
            piece = self.vary(known, body, element)
            if piece is not None:
                _put(known.fields, known.identifiers, piece)

    def vary(self, known: _Known, body: bytes, element: Element) -> Piece | None:
        tag = element.tag
        if (
            element.vr == b"SQ"
            or element.undefined
            or (element.vr in (b"", b"UN") and tag in sequence_tags())
        ):
            pairs: list[tuple[str, str]] = []
            for inner, raw, own in check_element(body, element, self._syntax, NESTED):
                pairs += identifiers_in(inner, raw, own or known.charset)
            return tag, "", pairs
        if tag in IDENTIFIER_TAGS:
            raw = body[element.value : element.end]
            return tag, known.decode(raw), list(identifiers_in(tag, raw, known.charset))
        if tag in _TEXTS:
            return tag, known.decode(body[element.value : element.end]), None
        return (
            (tag, short_of(body[element.value : element.end], False), None)
            if tag in _NUMBERS
            else None
        )


def _put(fields: list[Any], identifiers: dict[tuple[str, str], None], piece: Piece) -> None:
    tag, decoded, pairs = piece
    index = _TEXTS.get(tag, _NUMBERS.get(tag))
    if index is not None:
        fields[index] = decoded
    if pairs:
        identifiers.update(dict.fromkeys(pairs))


class Skimmer:
    """Reads instances from the heads of files, one after the other."""

    def __init__(self) -> None:
        self._repeats: dict[str, Repeats[Piece | None]] = {}

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
    if (
        length == UNDEFINED
        or position + offset + 4 + length > size
        or length > Limits().pixel_bytes
    ):
        raise NotUnderstood
    return int(length)


def _instance(known: _Known, pieces: list[Any], syntax: str, length: int | None) -> Instance:
    fields, identifiers = known.fields[:], known.identifiers
    for piece in pieces:
        if piece is not None:
            if piece[2]:
                identifiers = dict(identifiers)
            _put(fields, identifiers, piece)
    if known.pairs is None:
        known.pairs = tuple(known.identifiers)
    fields[-5:] = (
        syntax,
        length,
        False,
        True,
        known.pairs if identifiers is known.identifiers else tuple(identifiers),
    )
    return Instance._make(fields)
