"""The facts about instances, read from the heads of files; what repeats is read once."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from deidflow.dicom.attributes import fact_columns, identifier_kinds, nested_identifiers
from deidflow.dicom.character_sets import CHARSET, decoder
from deidflow.dicom.elements import EXPLICIT, IMPLICIT, PIXEL_DATA, Element, NotUnderstood
from deidflow.dicom.instance import Fact, Instance, Pair, identifiers_in, no_facts, short_of
from deidflow.dicom.repeats import Repeats
from deidflow.dicom.structure import (
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    META_SOP_CLASS,
    check_element,
    file_meta,
    syntax_of,
)
from deidflow.dicom.walk import LIMITS, is_sequence
from deidflow.errors import Withheld

HEADS = (1 << 14, 1 << 18)
"""How much of a file is read at first: most headers, then those with large private elements."""

Piece = tuple[int, Fact, list[Pair]]
"""Column in `Instance` (negative: none), decoded value and identifiers of an element."""
_NO_COLUMN = -1


@dataclass
class _Constants:
    """The values of the constant elements of a shape, and how to decode the others."""

    decode: Callable[[bytes], str]
    charset: bytes
    facts: list[Fact]
    identifiers: dict[Pair, None] = field(default_factory=dict)
    pairs: tuple[Pair, ...] | None = None
    """The identifiers once more, as instances hold them."""


class _FactHandler:
    """Picks facts and identifiers up: a handler for `Repeats`."""

    fixed = frozenset((CHARSET,))
    together: Mapping[int, int] = MappingProxyType({})

    def __init__(self, *, explicit: bool) -> None:
        self.explicit = explicit
        self._columns = fact_columns()
        self._kinds = identifier_kinds()
        self._nested = nested_identifiers()

    def learn(self, body: bytes, elements: Sequence[Element]) -> _Constants:
        """The constants of a header before any element is handled."""
        charset = b""
        for element in elements:
            if element.tag == CHARSET:
                charset = body[element.value : element.end]

        return _Constants(
            decode=decoder(charset),
            charset=charset,
            facts=no_facts(),
        )

    def run(
        self,
        constants: _Constants,
        body: bytes,
        elements: Sequence[Element],
        before: int,  # noqa: ARG002 - one of several readers
    ) -> None:
        """Add elements that repeat to the constants."""
        for element in elements:
            piece = self.vary(constants, body, element)
            if piece is not None:
                column, fact, pairs = piece
                if column != _NO_COLUMN:
                    constants.facts[column] = fact
                constants.identifiers.update(dict.fromkeys(pairs))

    def vary(self, constants: _Constants, body: bytes, element: Element) -> Piece | None:
        """The piece of an element that differs from file to file; None if it is not wanted."""
        if element.undefined or is_sequence(element.tag, element.vr):
            return _NO_COLUMN, "", self._inside(constants, body, element)

        tag = element.tag
        column = self._columns.get(tag)
        is_identifier = tag in self._kinds
        if column is None and not is_identifier:
            return None

        raw = body[element.value : element.end]
        pairs: list[Pair] = []
        if is_identifier:
            pairs += identifiers_in(
                tag,
                raw,
                constants.charset,
            )
        if column is None:
            return _NO_COLUMN, "", pairs
        if column.is_number:
            return column.place, short_of(raw, False), pairs
        return column.place, constants.decode(raw), pairs

    def _inside(self, constants: _Constants, body: bytes, element: Element) -> list[Pair]:
        """The identifiers in a sequence."""
        pairs: list[Pair] = []
        values = check_element(
            body,
            element,
            self._nested,
            explicit=self.explicit,
        )
        for tag, raw, charset in values:
            pairs += identifiers_in(
                tag,
                raw,
                charset or constants.charset,
            )

        return pairs


class Skimmer:
    """Reads instances from the heads of files, one after the other."""

    def __init__(self) -> None:
        self._repeats: dict[str, Repeats[Piece | None]] = {}

    def read(self, head: bytes, size: int) -> tuple[Instance, bytes] | None:
        """The instance and its SOP class in the file meta; None if the whole file must be walked.

        `head` are the first bytes of a file of `size` bytes that has the DICM mark.
        """
        try:
            meta, start = file_meta(head)
            syntax = syntax_of(meta)
            if syntax not in (EXPLICIT_LITTLE, IMPLICIT_LITTLE):
                return None
            explicit = syntax == EXPLICIT_LITTLE
            repeats = self._repeats.get(syntax)
            if repeats is None:
                repeats = self._repeats[syntax] = Repeats(_FactHandler(explicit=explicit))

            constants, pieces, end = repeats.read(head, start)
            length = _pixel_length(
                head,
                end,
                size,
                explicit=explicit,
            )
            return _instance(
                constants,
                pieces,
                syntax,
                length,
            ), meta.get(META_SOP_CLASS, b"")
        except (NotUnderstood, Withheld, struct.error, IndexError, ValueError):
            return None


def _pixel_length(head: bytes, position: int, size: int, *, explicit: bool) -> int | None:
    """Bytes of native pixel data, None in a file without; raises NotUnderstood for all else."""
    if position == size:
        return None
    form = EXPLICIT if explicit else IMPLICIT
    tag, _, _, value, end, _ = form.head(head, position)
    length = end - value
    if tag != PIXEL_DATA or end > size or length > LIMITS.pixel_bytes:
        raise NotUnderstood
    return length


def _instance(
    constants: _Constants, pieces: Sequence[Piece | None], syntax: str, length: int | None
) -> Instance:
    """The instance of a header with native pixel data of `length` bytes, or none."""
    facts = constants.facts[:]
    identifiers = constants.identifiers
    for piece in pieces:
        if piece is None:
            continue
        column, fact, pairs = piece
        if column != _NO_COLUMN:
            facts[column] = fact
        if pairs:
            if identifiers is constants.identifiers:
                identifiers = identifiers.copy()
            identifiers.update(dict.fromkeys(pairs))

    if constants.pairs is None:
        constants.pairs = tuple(constants.identifiers)
    unchanged = identifiers is constants.identifiers
    pairs_of_file = constants.pairs if unchanged else tuple(identifiers)
    return Instance._make((*facts, syntax, length, False, True, pairs_of_file))
