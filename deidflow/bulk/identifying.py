"""What identifies a person in one file.

Attributes of PS3.15 Table E.1-1, names in private elements, fields of CSA headers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pydicom

from deidflow.dicom.attributes import identifier_kinds
from deidflow.header.csa import identifying_spans
from deidflow.header.selectors import keyword_of
from deidflow.header.table import listed_attributes
from deidflow.header.text import Scrubber

_LONGEST = 100
"""Characters of a value that are shown."""
_FIRST_PRIVATE_ELEMENT = 0x1000
"""Private elements below it reserve blocks (PS3.5 section 7.8.1)."""


class Exposed(NamedTuple):
    """An identifying attribute."""

    attribute: str
    """Path of keywords, as in `Sequence[1]/Keyword`."""
    code: str
    """Its code in Table E.1-1, or `private`, `CSA`, `text`; `?` if it cannot be read."""
    value: str


def exposed(path: Path, *, force: bool) -> list[Exposed] | None:
    """The identifying attributes of a file; None if it is not a readable DICOM file."""
    try:
        header = pydicom.dcmread(
            path,
            stop_before_pixels=True,
            force=force,
        )
        if not header:
            return None
        return list(_Search.of(header).level(header, ""))
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - a library may raise anything on a bad file
        return None


@dataclass(frozen=True)
class _Search:
    """What is looked for in one file."""

    scrubber: Scrubber
    """Finds the patient's own identifiers in text."""
    codes: Mapping[int, str]
    """Codes of Table E.1-1 by tag."""

    @classmethod
    def of(cls, header: Any) -> _Search:
        """The search in a file with this header."""
        codes: dict[int, str] = {}
        for tag, row in listed_attributes():
            codes[tag] = row["basic"]
        identifiers = _identifiers(header)
        return cls(
            scrubber=Scrubber.of(identifiers),
            codes=codes,
        )

    def level(self, level: Any, path: str) -> Iterator[Exposed]:
        """The identifying attributes of a data set and of the items in it."""
        for tag in sorted(level.keys()):
            try:
                element = level[tag]
            except Exception:  # noqa: BLE001 - a library may raise anything on a bad file
                name = f"{path}{tag.group:04x},{tag.element:04x}"
                yield Exposed(name, "?", "cannot be read")
                continue
            name = path + _name(level, tag)
            yield from self.element(element, name)

    def element(self, element: Any, name: str) -> Iterator[Exposed]:
        """What one element exposes."""
        value = element.value
        if element.VR == "SQ":
            for number, item in enumerate(value, 1):
                path = f"{name}[{number}]/"
                yield from self.level(item, path)
        elif element.tag.is_private:
            yield from self.private(element, name)
        elif value not in (None, "", b""):
            yield from self.standard(element, name)

    def standard(self, element: Any, name: str) -> Iterator[Exposed]:
        """An element of the standard that is listed, or contains an identifier."""
        value = element.value
        tag = int(element.tag)
        code = self.codes.get(tag)
        if code is None and self.scrubber.finds(str(value)):
            code = "text"
        if code is None:
            return
        yield Exposed(
            attribute=name,
            code=code,
            value=_short(value),
        )

    def private(self, element: Any, name: str) -> Iterator[Exposed]:
        """Names and identifiers in a private element, fields of a CSA header one by one."""
        value = element.value
        if not isinstance(value, bytes):
            text = str(value)
            if element.VR == "PN" or self.scrubber.finds(text):
                yield Exposed(
                    attribute=name,
                    code="private",
                    value=_short(value),
                )
            return

        for start, end in identifying_spans(value, self.scrubber):
            field = value[start:end]
            text = field.decode("latin-1")
            yield Exposed(
                attribute=name,
                code="CSA",
                value=_short(text),
            )


def _identifiers(header: Any) -> list[tuple[str, str]]:
    """Kind and value of the patient's identifiers."""
    identifiers: list[tuple[str, str]] = []
    for tag, kind in identifier_kinds().items():
        element = header.get(tag)
        if element is None or not element.value:
            continue
        value = str(element.value)
        identifiers.append((kind, value))
    return identifiers


def _name(level: Any, tag: Any) -> str:
    """The keyword of an attribute; tag and private creator for a private one."""
    if not tag.is_private:
        return keyword_of(int(tag))

    creator = None
    group = tag.group
    if tag.element >= _FIRST_PRIVATE_ELEMENT:
        block = tag.element >> 8
        creator = level.get((group, block))
    if creator is None:
        return f"{group:04x},{tag.element:02x}"

    creator_name = str(creator.value).strip()
    low_byte = tag.element & 0xFF
    return f"{group:04x},[{creator_name}]{low_byte:02x}"


def _short(value: Any) -> str:
    text = ascii(str(value))[1:-1]
    if len(text) <= _LONGEST:
        return text
    return f"{text[:_LONGEST]}..."
