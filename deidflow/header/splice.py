"""De-identification of a header as bytes: kept elements are copied, changed ones written anew.

No data set objects are made. Every sequence is handled likewise (PS3.15 annex E). What repeats
through a series is handled once (`dicom/repeats.py`). What is not understood raises
NotUnderstood; then pydicom reads the file and writes it in a plain form (`header/normalise.py`),
which comes here again: one set of rules, the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from deidflow.dicom.character_sets import CHARSET
from deidflow.dicom.elements import Element
from deidflow.dicom.spare_bits import TAGS as SPARE_BITS
from deidflow.dicom.walk import element_at, elements_of
from deidflow.header.computed_age import AGE, BIRTH_DATE, STUDY_DATE
from deidflow.header.context import HeaderContext
from deidflow.header.element_splicer import TRIGGER_TIME, ElementSplicer
from deidflow.header.level import PIXEL_REPRESENTATION, ZONE, Fate, Level, Notes
from deidflow.header.markers import Marker
from deidflow.header.notes import fate_of
from deidflow.header.rules import Rules

_STUDY_TIME = 0x00080030
_FRAMES, _ROWS, _COLUMNS = 0x00280008, 0x00280010, 0x00280011
_REMEMBERED = 50_000
Handled = tuple[bytes, Notes]
"""What became of an element, and what is not as before in it, if traced."""
Memory = dict[tuple[bytes, bytes, tuple[bool, ...]], Handled]
"""Encoded element, character set with time zone, and state of the splicer -> what became of it."""


@dataclass
class Splicer:
    """Handles the headers of one series and one encoding; the handler of `dicom/repeats.py`."""

    rules: Rules
    context: HeaderContext
    explicit: bool
    """Whether the headers at hand are in Explicit VR."""
    explicit_out: bool
    """Whether they are written as Explicit VR."""
    markers: Sequence[Marker] = ()
    """Elements that every header gets; the source's own elements with these tags are removed."""
    memory: Memory = field(default_factory=dict)
    """What became of earlier elements, for one context."""
    is_traced: bool = False
    """Whether to keep what became of each element."""
    varied: list[Fate] = field(default_factory=list)
    """What became of the elements of the last header that vary, if traced."""
    _varying: list[tuple[Element, Notes]] = field(default_factory=list)
    _pending: dict[int, Element] = field(default_factory=dict)

    fixed = frozenset(
        (
            CHARSET,
            ZONE,
            AGE,
            BIRTH_DATE,
            STUDY_DATE,
            _STUDY_TIME,
            PIXEL_REPRESENTATION,
            _FRAMES,
            _ROWS,
            _COLUMNS,
            *SPARE_BITS,
        )
    )
    """Tags whose values other elements depend on."""

    def __post_init__(self) -> None:
        reserved = frozenset(tag for tag, _, _ in self.markers)
        self._elements = ElementSplicer(
            self.rules,
            self.context,
            self.explicit_out,
            reserved,
        )

    @property
    def elements(self) -> ElementSplicer:
        """What handles single elements."""
        return self._elements

    @property
    def together(self) -> Mapping[int, int]:
        """Tags of dates and times that move together, each with its partner."""
        return self._elements.partners

    def begin(self) -> None:
        """Forget what is left of a header that could not be handled."""
        self._pending.clear()
        self._varying.clear()
        self._elements.notes = [] if self.is_traced else None

    def walk(self, body: bytes, start: int) -> list[Element]:
        """All top-level elements up to the pixel data."""
        return elements_of(
            body,
            start,
            len(body),
            explicit=self.explicit,
            top=True,
        )

    def one(self, body: bytes, position: int) -> Element:
        """The element at a position."""
        return element_at(
            body,
            position,
            len(body),
            explicit=self.explicit,
        )

    def learn(self, body: bytes, elements: Sequence[Element]) -> Level:
        """The level of a header."""
        return self._elements.top_level(
            body,
            elements,
            explicit=self.explicit,
        )

    def run(self, known: Level, body: bytes, elements: Sequence[Element], before: int) -> bytes:
        """What repeats, and the markers that belong before the tag `before`."""
        after = known.before
        known.before = before
        contents: list[tuple[int, bytes]] = []
        for element in elements:
            content, notes = self._remembered(known, body, element)
            contents.append((element.tag, content))
            if self.is_traced:
                known.fates.append(fate_of(body, element, content, notes))
        for tag, content in self._added(known):
            if after <= tag < before:
                contents.append((tag, content))
                known.fates.append(Fate(tag, b"", 0, content))
        contents.sort()
        return b"".join([content for _, content in contents])

    def vary(self, known: Level, body: bytes, element: Element) -> bytes | int:
        """An element that varies; its tag instead if its partner must be known first."""
        if element.tag in self._elements.partners:
            self._pending[element.tag] = element
            self._varying.append((element, ()))
            return element.tag
        content, notes = self._handled(known, body, element)
        self._varying.append((element, notes))
        return content

    def finish(self, known: Level, body: bytes, pieces: list[Any]) -> list[bytes]:
        """The pieces, with dates and times that vary moved together."""
        finished = self._moved(known, body, pieces)
        if self.is_traced:
            self.varied = list(self._fates(body, finished[1::2]))
        self._varying.clear()
        return finished

    def _moved(self, known: Level, body: bytes, pieces: list[Any]) -> list[bytes]:
        if not self._pending:
            return pieces
        for tag, element in self._pending.items():
            known.raws[tag] = body[element.value : element.end]

        finished: list[bytes] = []
        for piece in pieces:
            if isinstance(piece, int):
                pending = self._pending[piece]
                piece = self._elements.element(
                    known,
                    body,
                    pending,
                )
            finished.append(piece)
        self._pending.clear()
        return finished

    def _fates(self, body: bytes, contents: Sequence[bytes]) -> Iterator[Fate]:
        """What became of the elements that vary."""
        # What an attempt left that did not fit comes before them.
        first = len(self._varying) - len(contents)
        varying = self._varying[first:]
        for (element, notes), content in zip(varying, contents, strict=True):
            yield fate_of(body, element, content, notes)

    def _handled(self, level: Level, body: bytes, element: Element) -> Handled:
        """What becomes of an element, with what is not as before in it, if traced."""
        content = self._elements.element(level, body, element)
        notes = self._elements.notes
        if not notes:
            return content, ()
        self._elements.notes = []
        return content, tuple(notes)

    def _remembered(self, level: Level, body: bytes, element: Element) -> Handled:
        """The element's new content, remembered for the same bytes in later series of the study."""
        tag = element.tag
        if tag >> 16 & 1 or tag in self.together or tag == TRIGGER_TIME:
            return self._handled(level, body, element)

        raw = body[element.start : element.end]
        charset = level.raws.get(CHARSET, b"")
        zone = level.raws.get(ZONE, b"")
        locale = charset + b"|" + zone
        state = self.context.bin_trigger_time, level.signed, self.explicit_out
        key = raw, locale, state
        handled = self.memory.get(key)
        if handled is None:
            handled = self._handled(level, body, element)
            if len(self.memory) > _REMEMBERED:
                self.memory.clear()
            self.memory[key] = handled
        return handled

    def _added(self, level: Level) -> Iterator[tuple[int, bytes]]:
        """Tag and content of elements that the source lacks: markers, created ones, the age."""
        elements = self._elements
        for tag, vr, value in self.markers:
            if value is not None:
                yield tag, elements.encode(tag, vr, value)
        for tag, text in self.rules.created.items():
            if tag not in level.raws and tag not in elements.reserved:
                yield tag, elements.created(level, tag, text)

        age = elements.computed_age(level)
        if age:
            raw = age.encode("ascii")
            yield AGE, elements.encode(AGE, b"AS", raw)
