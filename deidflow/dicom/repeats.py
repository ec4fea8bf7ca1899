"""What the files of a series have in common is handled once.

Headers of one series differ in a few elements. Everything between these is a *run*: its bytes are
compared with those of earlier files (one memory comparison), and if they are equal, what was made
of them is reused. Elements that vary are handled one by one. Runs are learned: a file that does not
fit is walked in full, and the elements that differ become varying ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from deidflow.dicom.elements import EXPLICIT, IMPLICIT, PIXEL_TAG, Element, Form
from deidflow.dicom.walk import closed, elements_of, new_element

Piece = TypeVar("Piece")
Made = TypeVar("Made", covariant=True)
_MOST_SHAPES = 16
"""Headers of different shape that are remembered at once."""
_ENOUGH_FITS = 6
"""After so many files that fit, one that does not is the first of another series."""
_BEYOND_ALL_TAGS = 1 << 32
Guesses = dict[tuple[int, ...], set[int]]
"""Tags of a header -> which of them varied in earlier series."""


class Handler(Protocol[Made]):
    """What is made of headers."""

    @property
    def explicit(self) -> bool:
        """Whether the headers are in Explicit VR."""

    @property
    def fixed(self) -> frozenset[int]:
        """Tags on whose values the handling of others depends: another value is another shape."""

    @property
    def together(self) -> Mapping[int, int]:
        """Tags that vary together with another."""

    def learn(self, body: bytes, elements: Sequence[Element], /) -> Any:
        """What the handling of single elements needs to know of the whole header."""

    def run(self, header: Any, body: bytes, elements: Sequence[Element], before: int, /) -> Made:
        """What becomes of elements that repeat; `before` is the tag that follows, or beyond all."""

    def vary(self, header: Any, body: bytes, element: Element, /) -> Made:
        """What becomes of an element that differs from file to file."""


Reading = tuple[Any, list[Piece], int]
"""What was learned of a header, its pieces in order, and where the pixel data or the end is."""


@dataclass
class _Shape(Generic[Piece]):
    """One shape of header: its tags, what varies, and the runs between."""

    fixed: dict[int, bytes]
    last: dict[int, bytes]
    """Tag -> bytes of each element of the file learned last."""
    header: Any = None
    varying: set[int] = field(default_factory=set)
    fits: int = 0
    runs: list[tuple[bytes, Piece, int, bool]] = field(default_factory=list)
    """Bytes of a run and the next tag, its piece, its length, whether one varies after it."""


@dataclass
class Repeats(Generic[Piece]):
    """Remembers the shapes of the headers seen last."""

    handler: Handler[Piece]
    guesses: Guesses = field(default_factory=dict)
    shapes: list[_Shape[Piece]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._form: Form = EXPLICIT if self.handler.explicit else IMPLICIT

    def read(self, body: bytes, start: int) -> Reading[Piece]:
        """Handle the data set at `start`; raises NotUnderstood, struct.error or IndexError."""
        for number, shape in enumerate(self.shapes):
            reading = self._fitted(shape, body, start)
            if reading is not None:
                shape.fits += 1
                if number:
                    self._move_to_front(number)
                return reading
        return self._learn(body, start)

    def _move_to_front(self, number: int) -> None:
        self.shapes.insert(0, self.shapes.pop(number))

    def _fitted(self, shape: _Shape[Piece], body: bytes, position: int) -> Reading[Piece] | None:
        """The header, if it has this shape and the runs are those of earlier files."""
        pieces: list[Piece] = []
        header = shape.header
        head = self._form.head
        vary = self.handler.vary
        size = len(body)
        for raw, piece, length, varies in shape.runs:
            if not body.startswith(raw, position):
                return None
            position += length
            pieces.append(piece)
            if varies:
                element = new_element(head(body, position))
                if element.end > size:
                    element = closed(
                        body,
                        element,
                        size,
                        self._form,
                    )
                pieces.append(vary(header, body, element))
                position = element.end

        if position != size and body[position : position + 4] != PIXEL_TAG:
            return None
        return header, pieces, position

    def _learn(self, body: bytes, start: int) -> Reading[Piece]:
        elements = elements_of(
            body,
            start,
            len(body),
            explicit=self._form.explicit,
            top=True,
        )
        raws: dict[int, bytes] = {}
        for element in elements:
            raws[element.tag] = body[element.start : element.end]
        shape = self._shape_of(raws)
        shape.varying = self._varying(shape, raws)
        self.guesses[tuple(raws)] = set(shape.varying)

        shape.last = raws
        shape.header = self.handler.learn(body, elements)
        shape.runs = list(self._runs(shape, body, elements, start))

        end = elements[-1].end if elements else start
        reading = self._fitted(shape, body, start)
        if reading is None or reading[2] != end:
            raise ValueError("a header does not fit what was learned of it")
        return reading

    def _shape_of(self, raws: dict[int, bytes]) -> _Shape[Piece]:
        """The remembered shape with the same tags and fixed values, or a new one."""
        fixed: dict[int, bytes] = {}
        for tag, raw in raws.items():
            if tag in self.handler.fixed or _is_creator(tag):
                fixed[tag] = raw

        for number, shape in enumerate(self.shapes):
            if shape.fits >= _ENOUGH_FITS or shape.fixed != fixed:
                continue
            if shape.last.keys() == raws.keys():
                self._move_to_front(number)
                return shape

        guessed = self.guesses.get(tuple(raws), ())
        shape = _Shape(
            fixed,
            dict(raws),
            varying=set(guessed),
        )
        self.shapes.insert(0, shape)
        del self.shapes[_MOST_SHAPES:]
        return shape

    def _varying(self, shape: _Shape[Piece], raws: dict[int, bytes]) -> set[int]:
        """The tags that vary: those of before, those that differ now, and their partners."""
        together = self.handler.together
        varying = set(shape.varying)
        for tag, raw in shape.last.items():
            if raws[tag] != raw:
                varying.add(tag)
        for tag in tuple(varying):
            if tag in together:
                varying.add(together[tag])
        return varying & (raws.keys() - shape.fixed.keys())

    def _runs(
        self, shape: _Shape[Piece], body: bytes, elements: Sequence[Element], start: int
    ) -> Iterator[tuple[bytes, Piece, int, bool]]:
        run = self.handler.run
        begin = start
        first = 0
        for number, element in enumerate(elements):
            if element.tag not in shape.varying:
                continue
            piece = run(
                shape.header,
                body,
                elements[first:number],
                element.tag,
            )
            yield body[begin : element.start + 4], piece, element.start - begin, True
            begin = element.end
            first = number + 1

        end = elements[-1].end if elements else start
        piece = run(
            shape.header,
            body,
            elements[first:],
            _BEYOND_ALL_TAGS,
        )
        yield body[begin:end], piece, end - begin, False


def _is_creator(tag: int) -> bool:
    """Whether an element names the creator of private elements (PS3.5 section 7.8.1)."""
    is_private = bool(tag >> 16 & 1)
    return is_private and 0x10 <= tag & 0xFFFF <= 0xFF
