"""Instances and what rules say of them, lines of text and where they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from deidflow.burned.devices import Treatment
from deidflow.burned.reader import TextLine
from deidflow.burned.rectangles import Rectangle
from deidflow.burned.wording import Meaning
from deidflow.identity.workorder import FileOrder


@dataclass(frozen=True)
class JudgedLine:
    """A line that holds a series back."""

    line: TextLine
    meaning: Meaning


@dataclass(frozen=True)
class TreatedImage:
    """An instance, and what the rules say of it."""

    file: FileOrder
    frames: int
    treatment: Treatment
    is_faceless: bool
    """Whether it is known to show no face."""


def places_of(judged: Sequence[JudgedLine]) -> str:
    """Where the text is, without what it says."""
    first, *others = judged
    line = first.line
    bottom = line.top + line.rows
    right = line.left + line.columns
    rows = f"rows {line.top} to {bottom}"
    columns = f"columns {line.left} to {right}"

    words = [rows, columns]
    if others:
        count = len(others)
        words.append(f"and {count} more")
    return ", ".join(words)


def rule_names(images: Sequence[TreatedImage]) -> tuple[str, ...]:
    """The rules of devices that were applied."""
    names: set[str] = set()
    for image in images:
        names.update(image.treatment.rules)
    return tuple(sorted(names))


def blanked(images: Sequence[TreatedImage]) -> tuple[tuple[Rectangle, ...], ...]:
    """The rectangles of each instance; none where nothing is blanked."""
    rectangles = [image.treatment.rectangles for image in images]
    if not any(rectangles):
        return ()
    return tuple(rectangles)
