"""Reading files one after the other: what repeats in a series is read and judged once.

Headers of a series differ in a few elements. All that lies between these is compared with the file
before in one comparison of bytes, and the elements that were read of it then are taken again.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from deidflow.checks.elements import is_creator
from deidflow.verifier.instance import DEFLATED, Instance, Place, Repeated, Span
from deidflow.verifier.parser import PIXEL_DATA, READ_ERRORS, Parser
from deidflow.verifier.reader import NotDicom, read_instance, read_meta

_CHARSET = 0x00080005
_MARK = b"DICM"
Result = TypeVar("Result")


@dataclass(frozen=True)
class _Run:
    """Bytes that repeat, or the one element that does not where `tag` is set."""

    content: bytes = b""
    tag: int = 0


@dataclass(frozen=True)
class _Template:
    """How the files of a series are laid out, learned from two of them."""

    syntax: str
    runs: tuple[_Run, ...]
    repeated: Repeated
    place: Place

    @classmethod
    def of(cls, instance: Instance, varying: frozenset[int]) -> _Template:
        """The layout of a file whose elements at these places, counted from 0, vary."""
        elements = []
        top = {}
        for number, span in enumerate(instance.spans):
            if number in varying:
                continue
            elements += instance.elements[span.first : span.last]
            if span.tag in instance.top:
                top[span.tag] = instance.top[span.tag]
        return cls(
            syntax=instance.syntax,
            runs=tuple(_runs(instance, varying)),
            repeated=Repeated(tuple(elements), top),
            place=instance.place,
        )

    def read(self, content: bytes) -> Instance | None:
        """A file of this layout; None for any other."""
        if content[128:132] != _MARK:
            raise NotDicom

        meta, position = read_meta(content)
        instance = Instance(
            content[:128],
            meta,
            content,
            list(self.repeated.elements),
            dict(self.repeated.top),
            place=self.place,
            repeated=self.repeated,
        )
        if instance.syntax != self.syntax:
            return None

        try:
            end = self._read_runs(
                Parser(instance),
                position,
                len(content),
            )
        except READ_ERRORS:
            return None
        return instance if end == len(content) else None

    def _read_runs(self, parser: Parser, position: int, end: int) -> int:
        """Read the elements that vary; returns where reading stopped, -1 for another layout."""
        body = parser.body
        for run in self.runs:
            if not run.tag:
                if not body.startswith(run.content, position):
                    return -1
                position += len(run.content)
            elif position < end and parser.tag(position) == run.tag:
                position = parser.element(
                    position,
                    end,
                    run.tag,
                    self.place,
                    parser.explicit,
                )
            else:
                return -1

        return position


def _runs(instance: Instance, varying: frozenset[int]) -> Iterator[_Run]:
    """What repeats between the elements that vary, and these."""
    start = None
    for number, span in enumerate(instance.spans):
        if number not in varying:
            start = span.start if start is None else start
            continue
        if start is not None:
            yield _Run(content=instance.body[start : span.start])
            start = None
        yield _Run(tag=span.tag)
    if start is not None:
        yield _Run(content=instance.body[start : instance.spans[-1].end])


@dataclass
class SeriesReader:
    """Reads files; one that is laid out like the one before takes a fraction of the time."""

    _before: Instance | None = None
    """The last file that was read as a whole."""
    _varying: frozenset[int] = frozenset()
    _template: _Template | None = None

    def read(self, content: bytes) -> Instance:
        """As `read_instance`; raises NotDicom."""
        if self._template is not None:
            known = self._template.read(content)
            if known is not None:
                return known
        instance = read_instance(content)
        self._learn(instance)
        return instance

    def _learn(self, instance: Instance) -> None:
        """Note which elements vary from the last file that was read as a whole."""
        before = self._before
        self._before = None if instance.problems or instance.syntax == DEFLATED else instance
        self._template = None
        if before is None or self._before is None or not _is_alike(before, instance):
            self._varying = frozenset()
            return

        pairs = zip(
            before.spans,
            instance.spans,
            strict=True,
        )
        differing = {
            number
            for number, (old, new) in enumerate(pairs)
            if new.tag in PIXEL_DATA
            or _differs(
                before,
                old,
                instance,
                new,
            )
        }
        self._varying |= differing
        tags = {instance.spans[number].tag for number in self._varying}
        if not any(tag == _CHARSET or is_creator(tag) for tag in tags):
            self._template = _Template.of(instance, self._varying)


def _is_alike(first: Instance, second: Instance) -> bool:
    """Whether two files have the same elements, whatever their values."""
    if first.syntax != second.syntax or len(first.spans) != len(second.spans):
        return False
    return all(
        old.tag == new.tag
        for old, new in zip(
            first.spans,
            second.spans,
            strict=True,
        )
    )


def _differs(first: Instance, old: Span, second: Instance, new: Span) -> bool:
    before = first.body[old.start : old.end]
    return before != second.body[new.start : new.end]


@dataclass
class Latest(Generic[Result]):
    """The last result of a computation; files of a series ask for it again and again."""

    _key: Hashable = None
    _result: list[Result] = field(default_factory=list)

    def get(self, key: Hashable, make: Callable[[], Result]) -> Result:
        """The result of `make` for a key, made anew only where the key is not that of the last."""
        if not self._result or key != self._key:
            self._result = [make()]
            self._key = key
        return self._result[0]
