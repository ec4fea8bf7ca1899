"""What identifies in one file: attributes of Table E.1-1, names in private elements, fields of CSA headers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pydicom

from deidflow.dicom.instance import IDENTIFIER_TAGS
from deidflow.header.csa import identifying_spans
from deidflow.header.selectors import keyword_of
from deidflow.header.table import listed_attributes
from deidflow.header.text import Scrubber

_LONGEST = 100


class Exposed(NamedTuple):
    """An attribute by its path, its code in Table E.1-1 (or `private`, `CSA`, `text`), and its value."""

    attribute: str
    code: str
    value: str


def exposed(path: Path, *, force: bool) -> list[Exposed] | None:
    """The identifying attributes of a file; None where it is no DICOM file that can be read."""
    try:
        header = pydicom.dcmread(path, stop_before_pixels=True, force=force)
        if not header:
            return None
        scrubber = Scrubber.of(_identifiers(header))
        return list(_level(header, "", scrubber, _codes()))
    except MemoryError:
        raise
    except Exception:
        return None


def _codes() -> dict[int, str]:
    return {tag: row["basic"] for tag, row in listed_attributes()}


def _identifiers(header: Any) -> list[tuple[str, str]]:
    found = []
    for tag, kind in IDENTIFIER_TAGS.items():
        if tag in header and header[tag].value:
            found.append((kind, str(header[tag].value)))
    return found


def _level(level: Any, path: str, scrubber: Scrubber, codes: dict[int, str]) -> Iterator[Exposed]:
    for tag in sorted(level.keys()):
        try:
            element = level[tag]
        except Exception:
            yield Exposed(f"{path}{tag.group:04x},{tag.element:04x}", "?", "cannot be read")
            continue
        name = path + (_private_name(level, tag) if tag.is_private else keyword_of(int(tag)))
        if element.VR == "SQ":
            for number, item in enumerate(element.value, 1):
                yield from _level(item, f"{name}[{number}]/", scrubber, codes)
        elif tag.is_private:
            yield from _private(name, element, scrubber)
        elif element.value not in (None, "", b"") and (
            int(tag) in codes or scrubber.finds(str(element.value))
        ):
            yield Exposed(name, codes.get(int(tag), "text"), _short(element.value))


def _private_name(level: Any, tag: Any) -> str:
    creator = level.get((tag.group, tag.element >> 8)) if tag.element >= 0x1000 else None
    known = f"[{str(creator.value).strip()}]" if creator is not None else ""
    return f"{tag.group:04x},{known}{tag.element & 0xFF if known else tag.element:02x}"


def _private(name: str, element: Any, scrubber: Scrubber) -> Iterator[Exposed]:
    if isinstance(element.value, bytes):
        for start, end in identifying_spans(element.value, scrubber):
            yield Exposed(name, "CSA", _short(element.value[start:end].decode("latin-1")))
    elif element.VR == "PN" or scrubber.finds(str(element.value)):
        yield Exposed(name, "private", _short(element.value))


def _short(value: Any) -> str:
    text = ascii(str(value))[1:-1]
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
