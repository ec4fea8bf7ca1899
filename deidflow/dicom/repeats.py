"""What the files of a series have in common is handled once.

Headers of one series differ in a few elements. Everything between these is a *run*: its bytes are
compared with those of the files before (one memory comparison), and what was made of it then is taken
again. Elements that vary are handled one by one. What a run is, is learned: whenever a file does not
fit, it is walked in full and the elements that differ become varying ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from deidflow.dicom.elements import PIXEL_TAG, Element

Piece = TypeVar("Piece")
Made = TypeVar("Made", covariant=True)
_MOST = 16
"""Headers of different shape that are remembered at once."""
_ENOUGH = 6
"""After so many files that fit, one that does not is the first of another series."""
Guesses = dict[tuple[int, ...], set[int]]
"""Tags of a header -> which of them varied in earlier series."""


class Handler(Protocol[Made]):
    """What is made of headers."""

    @property
    def fixed(self) -> frozenset[int]:
        """Tags on whose values the handling of others depends: another value is another shape."""

    @property
    def together(self) -> Mapping[int, int]:
        """Tags that vary together with another."""

    def walk(self, body: bytes, start: int) -> list[Element]:
        """All top-level elements up to the pixel data or the end, checked."""

    def one(self, body: bytes, position: int) -> Element:
        """The element at a position, checked."""

    def learn(self, body: bytes, elements: Sequence[Element]) -> Any:
        """What the handling of single elements needs to know of the whole header."""

    def run(self, known: Any, body: bytes, elements: Sequence[Element], before: int) -> Made:
        """What becomes of elements that repeat; `before` is the tag that follows, or beyond all tags."""

    def vary(self, known: Any, body: bytes, element: Element) -> Made:
        """What becomes of an element that differs from file to file."""


@dataclass
class _Shape(Generic[Piece]):
    """One shape of header: its tags, what varies, and the runs between."""

    fixed: dict[int, bytes]
    last: dict[int, bytes]
    known: Any = None
    varying: set[int] = field(default_factory=set)
    fits: int = 0
    runs: list[tuple[bytes, Piece, int, bool]] = field(default_factory=list)
    """Bytes of a run with the tag of the varying element behind it, what became of it, its length."""


@dataclass
class Repeats(Generic[Piece]):
    """Remembers the shapes of the headers seen last."""

    handler: Handler[Piece]
    guesses: Guesses = field(default_factory=dict)
    shapes: list[_Shape[Piece]] = field(default_factory=list)

    def read(self, body: bytes, start: int) -> tuple[Any, list[Piece], int]:
        """What was learned, the pieces in order, and the place of the pixel data or the end."""
        for number, shape in enumerate(self.shapes):
            found = self._again(shape, body, start)
            if found is not None:
                shape.fits += 1
                if number:
                    self.shapes.insert(0, self.shapes.pop(number))
                return shape.known, *found
        return self._learn(body, start)

    def _again(
        self, shape: _Shape[Piece], body: bytes, position: int
    ) -> tuple[list[Piece], int] | None:
        pieces: list[Piece] = []
        handler, known = self.handler, shape.known
        for raw, piece, length, varying in shape.runs:
            if not body.startswith(raw, position):
                return None
            position += length
            pieces.append(piece)
            if varying:
                element = handler.one(body, position)
                pieces.append(handler.vary(known, body, element))
                position = element.end
        if position != len(body) and body[position : position + 4] != PIXEL_TAG:
            return None
        return pieces, position

    def _learn(self, body: bytes, start: int) -> tuple[Any, list[Piece], int]:
        elements = self.handler.walk(body, start)
        raws = {element.tag: body[element.start : element.end] for element in elements}
        shape = self._fitting(raws)
        shape.varying |= {tag for tag, raw in shape.last.items() if raws[tag] != raw}
        shape.varying |= {
            self.handler.together[tag] for tag in shape.varying if tag in self.handler.together
        }
        shape.varying &= raws.keys() - shape.fixed.keys()
        self.guesses[tuple(raws)] = set(shape.varying)
        shape.last, shape.known = raws, self.handler.learn(body, elements)
        shape.runs = list(self._runs(shape, body, elements, start))
        position = elements[-1].end if elements else start
        found = self._again(shape, body, start)
        if found is None or found[1] != position:
            raise ValueError("a header does not fit what was learned of it")
        return shape.known, *found

    def _fitting(self, raws: dict[int, bytes]) -> _Shape[Piece]:
        """The known shape with the same tags and fixed values, or a new one."""
        fixed = {
            tag: raw for tag, raw in raws.items() if tag in self.handler.fixed or _is_creator(tag)
        }
        for number, shape in enumerate(self.shapes):
            if shape.fits < _ENOUGH and shape.fixed == fixed and shape.last.keys() == raws.keys():
                self.shapes.insert(0, self.shapes.pop(number))
                return shape
        self.shapes.insert(
            0, _Shape(fixed, dict(raws), varying=set(self.guesses.get(tuple(raws), ())))
        )
        del self.shapes[_MOST:]
        return self.shapes[0]

    def _runs(
        self, shape: _Shape[Piece], body: bytes, elements: Sequence[Element], start: int
    ) -> Any:
        begin, first = start, 0
        for number, element in enumerate(elements):
            if element.tag in shape.varying:
                run = elements[first:number]
                made = self.handler.run(shape.known, body, run, element.tag)
                yield body[begin : element.start + 4], made, element.start - begin, True
                begin, first = element.end, number + 1
        end = elements[-1].end if elements else start
        yield (
            body[begin:end],
            self.handler.run(shape.known, body, elements[first:], 1 << 32),
            end - begin,
            False,
        )


def _is_creator(tag: int) -> bool:
    return bool(tag >> 16 & 1) and 0x10 <= tag & 0xFFFF <= 0xFF
