"""The one walk over the elements of a data set, into sequences, bounded on hostile input.

It has a stack of its own instead of recursion, and creates no objects but heads and levels. The
structure check enters every sequence (`leaf` is called for each element that is not one); finding
the end of a sequence of undefined length enters only what has no length.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from deidflow.dicom.dictionary import sequence_tags
from deidflow.dicom.elements import (
    EXPLICIT,
    IMPLICIT,
    ITEM,
    PIXEL_TAG,
    SEQUENCE_END,
    Buffer,
    Element,
    Form,
    NotUnderstood,
    Parts,
)
from deidflow.verdicts import Reason

_WITHOUT_VR = frozenset((b"UN", b""))
_MAY_BE_UNDEFINED = frozenset((b"SQ", b"UN", b"OB", b"OW"))
_DELIMITERS = 0xFFFE0000


@dataclass(frozen=True)
class Limits:
    """Bounds that a file must keep; beyond them it is quarantined."""

    depth: int = 24
    elements: int = 200_000
    pixel_bytes: int = 2 << 30
    inflated_bytes: int = 256 << 20
    inflated_ratio: int = 1_100
    """Beyond what deflate can reach (1,032): blank images pass, and `inflated_bytes` decides."""


LIMITS = Limits()


class Level(NamedTuple):
    """One nesting level: the items of a sequence, or the elements of an item."""

    end: int
    form: Form
    of_items: bool
    undefined: bool


Leaf = Callable[[Parts, "Walk"], None]
"""Takes an element that is not a sequence, and the walk that is at it."""
new_element = partial(tuple.__new__, Element)
"""Half the time of a named tuple's own constructor, on the hottest path there is."""


class Walk:
    """A walk from a position to the end of a level.

    `charsets` holds the SpecificCharacterSet of each level; a leaf may set that of the innermost.
    """

    __slots__ = ("body", "budget", "charsets", "depth", "leaf", "levels", "position", "stop")

    def __init__(
        self,
        body: Buffer,
        position: int,
        level: Level,
        *,
        leaf: Leaf | None = None,
        stop: int = -1,
        limits: Limits = LIMITS,
    ) -> None:
        self.body = body
        self.position = position
        self.levels = [level]
        self.charsets = [b""]

        self.leaf = leaf
        self.stop = stop
        self.depth = limits.depth
        self.budget = limits.elements

    def run(self) -> Parts | None:
        """Walk to the end; an outermost element with the tag `stop` ends the walk and is returned.

        Raises NotUnderstood with the reason if a bound is broken or the bytes contradict
        themselves, struct.error if a head is cut.
        """
        while self.levels:
            level = self.levels[-1]
            end, form, of_items, undefined = level
            if self.position >= end:
                if undefined or self.position > end:
                    raise NotUnderstood(Reason.TRUNCATED)
                self._leave()
            elif of_items:
                self._item(level)
            else:
                parts = self._elements(level)
                if parts is None:
                    continue
                if parts[0] == self.stop and len(self.levels) == 1:
                    return parts
                self._push(
                    parts,
                    form.inside_unknown if parts[1] == b"UN" else form,
                    True,
                )
        return None

    def _elements(self, level: Level) -> Parts | None:
        """Step over elements to the end of the level, or to one to step into or to stop at."""
        level_end, form, _, in_undefined = level
        body, head, leaf = self.body, form.head, self.leaf
        item_end = form.item_end if in_undefined else None
        stop = self.stop if len(self.levels) == 1 else -1
        position, budget = self.position, self.budget
        while position < level_end:
            if item_end and body[position : position + 4] == item_end:
                self._leave()
                position += 8
                break
            parts = head(body, position)
            tag, vr, _, _, position, _ = parts
            budget -= 1
            if budget < 0:
                raise NotUnderstood(Reason.TOO_MANY_ELEMENTS)
            if position > level_end or (leaf and (tag == stop or is_sequence(tag, vr))):
                self.budget = budget
                return parts

            if leaf:
                leaf(parts, self)
        self.position, self.budget = position, budget
        return None

    def _leave(self) -> None:
        self.levels.pop()
        self.charsets.pop()

    def _item(self, level: Level) -> None:
        """Step into an item, over one of defined length if there is no leaf, or out."""
        parts = level.form.item(self.body, self.position)
        tag, _, _, value, end, undefined = parts

        if tag == SEQUENCE_END and level.undefined:
            self.position = value
            self._leave()
        elif tag != ITEM:
            raise NotUnderstood
        elif undefined or self.leaf:
            self._push(parts, level.form, False)
        elif end > level.end:
            raise NotUnderstood(Reason.TRUNCATED)
        else:
            self.position = end

    def _push(self, parts: Parts, form: Form, of_items: bool) -> None:
        _, _, _, value, end, undefined = parts
        outer_end = self.levels[-1].end
        if len(self.levels) > 2 * self.depth:
            raise NotUnderstood(Reason.TOO_DEEP)
        if undefined:
            end = outer_end
        if end > outer_end:
            raise NotUnderstood(Reason.TRUNCATED)
        self.levels.append(Level(end, form, of_items, undefined))
        self.charsets.append(self.charsets[-1])
        self.position = value


def is_sequence(tag: int, vr: bytes) -> bool:
    """Whether an element holds items: by its VR, or by its tag if the VR does not tell."""
    if vr == b"SQ":
        return True
    return vr in _WITHOUT_VR and tag in sequence_tags()


def element_at(body: bytes, position: int, end: int, *, explicit: bool) -> Element:
    """The element that starts at `position`; raises NotUnderstood, struct.error or IndexError."""
    form = EXPLICIT if explicit else IMPLICIT
    element = new_element(form.head(body, position))
    return element if element.end <= end else closed(body, element, end, form)


def closed(body: bytes, element: Element, end: int, form: Form) -> Element:
    """An element that seems to reach beyond `end`, closed by its delimiter.

    Raises NotUnderstood if its length is defined, or may not be undefined (PS3.5 section 7.1.2).
    """
    if not element.undefined:
        raise NotUnderstood(Reason.TRUNCATED)
    if form.explicit and element.vr not in _MAY_BE_UNDEFINED:
        raise NotUnderstood

    inner = form.inside_unknown if element.vr == b"UN" else form
    walk = Walk(
        body,
        element.value,
        Level(
            end,
            inner,
            of_items=True,
            undefined=True,
        ),
    )
    walk.run()
    if walk.position > end:
        raise NotUnderstood(Reason.TRUNCATED)
    return element._replace(end=walk.position)


def elements_of(
    body: bytes, position: int, end: int, *, explicit: bool, top: bool = False
) -> list[Element]:
    """The elements between two places, in ascending order; at the `top` up to the pixel data.

    Raises NotUnderstood for elements out of order or repeated, and for lengths that reach too far.
    """
    form = EXPLICIT if explicit else IMPLICIT
    head = form.head
    elements: list[Element] = []
    last = -1
    try:
        while position < end and not (top and body[position : position + 4] == PIXEL_TAG):
            element = new_element(head(body, position))
            if element.end > end:
                element = closed(
                    body,
                    element,
                    end,
                    form,
                )
            tag = element.tag
            if tag <= last or tag >= _DELIMITERS:
                raise NotUnderstood
            elements.append(element)
            last = tag
            position = element.end
    except (struct.error, IndexError):
        raise NotUnderstood(Reason.TRUNCATED) from None
    return elements


def items_of(body: bytes, element: Element, *, explicit: bool) -> Iterator[tuple[int, int]]:
    """Start and end of the content of each item of a sequence; raises NotUnderstood."""
    form = EXPLICIT if explicit else IMPLICIT
    position = element.value
    end = element.end - (8 if element.undefined else 0)

    while position < end:
        tag, _, _, value, item_end, undefined = form.item(body, position)
        if tag != ITEM:
            raise NotUnderstood
        if undefined:
            walk = Walk(
                body,
                value,
                Level(
                    end,
                    form,
                    of_items=False,
                    undefined=True,
                ),
            )
            walk.run()
            position = walk.position
            yield value, position - 8
        elif item_end > end:
            raise NotUnderstood(Reason.TRUNCATED)
        else:
            position = item_end
            yield value, position
