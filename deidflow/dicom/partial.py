"""Some attributes of a file as a data set, without the cost of reading all the others.

Only the heads of the top level are walked; pydicom decodes the elements that are asked for, and
reads the whole file where the walk does not understand it.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import pydicom
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import FileMetaDataset
from pydicom.filereader import read_dataset

from deidflow.dicom.character_sets import CHARSET
from deidflow.dicom.elements import (
    EXPLICIT,
    IMPLICIT,
    OPEN,
    PIXEL_DATA,
    PIXEL_TAG,
    Element,
    NotUnderstood,
)
from deidflow.dicom.repeats import Repeats
from deidflow.dicom.structure import EXPLICIT_LITTLE, IMPLICIT_LITTLE, file_meta, syntax_of
from deidflow.errors import Withheld

_OTHER_FORMS = ("1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99")
"""Transfer syntaxes whose data set is not Little Endian as it lies in the file."""
_LAST_CREATOR = 0xFF


@dataclass(frozen=True)
class PartialFile:
    """Attributes of one DICOM file."""

    attributes: Any
    """A pydicom data set of those that were asked for, with the transfer syntax in its meta."""
    pixel_start: int | None
    """Where uncompressed Little Endian pixel data begin in the file; None if there are none, or if
    pydicom had to read the file."""


def tags_of(*keywords: str) -> frozenset[int]:
    """The tags of attributes of the standard; raises ValueError for a word that names none."""
    tags = {keyword: tag_for_keyword(keyword) for keyword in keywords}
    unknown = [keyword for keyword, tag in tags.items() if tag is None]
    if unknown:
        raise ValueError(f"not attributes of DICOM: {', '.join(unknown)}")
    return frozenset(tag for tag in tags.values() if tag is not None)


class AttributeReader:
    """Reads the `wanted` attributes of files one after the other; what repeats is walked once."""

    def __init__(self, wanted: Set[int]) -> None:
        self._wanted = wanted
        self._repeats = {
            explicit: Repeats(_Chosen(wanted, explicit=explicit)) for explicit in (True, False)
        }

    def read(self, content: bytes, *, pixels: bool = False) -> PartialFile:
        """The `wanted` top-level attributes of a file, and its pixel data where they are asked for.

        Raises what pydicom raises for a file that it cannot read.
        """
        try:
            return self._read_natively(content, pixels)
        except (NotUnderstood, Withheld, struct.error, IndexError):
            return _read_by_pydicom(content, self._wanted, pixels)

    def _read_natively(self, content: bytes, pixels: bool) -> PartialFile:
        meta, start = file_meta(content)
        syntax = syntax_of(meta)
        if not syntax or syntax in _OTHER_FORMS:
            raise NotUnderstood

        explicit = syntax != IMPLICIT_LITTLE
        _, parts, end = self._repeats[explicit].read(content, start)
        pixel_start = None
        if pixels:
            element = _pixel_element(content, end, explicit)
            parts.append(content[end : element.end])
            is_native = syntax in (IMPLICIT_LITTLE, EXPLICIT_LITTLE)
            pixel_start = element.value if is_native and not element.undefined else None

        attributes = _data_set(parts, syntax, explicit)
        return PartialFile(attributes, pixel_start)


class _Chosen:
    """Copies the wanted elements, with the character set; private ones in any block of their group.

    A handler for `Repeats`.
    """

    fixed: frozenset[int] = frozenset()
    together: Mapping[int, int] = MappingProxyType({})

    def __init__(self, wanted: Set[int], *, explicit: bool) -> None:
        self.explicit = explicit
        self._tags = wanted | {CHARSET}
        self._private = {_private_kind(tag) for tag in wanted if tag >> 16 & 1}
        self._groups = {group for group, _ in self._private}

    def learn(self, body: bytes, elements: Sequence[Element]) -> None:
        """Nothing: each element is handled by itself."""

    def run(
        self,
        header: None,  # noqa: ARG002 - one of several handlers
        body: bytes,
        elements: Sequence[Element],
        before: int,  # noqa: ARG002
    ) -> bytes:
        """The chosen ones of elements that repeat."""
        return b"".join(self._raw(body, element) for element in elements)

    def vary(self, header: None, body: bytes, element: Element) -> bytes:  # noqa: ARG002
        """An element that differs from file to file, if it is chosen."""
        return self._raw(body, element)

    def _raw(self, body: bytes, element: Element) -> bytes:
        if not self._is_chosen(element.tag):
            return b""
        return body[element.start : element.end]

    def _is_chosen(self, tag: int) -> bool:
        if tag in self._tags:
            return True
        if tag >> 16 not in self._groups:
            return False
        is_creator = tag & 0xFFFF <= _LAST_CREATOR
        return is_creator or _private_kind(tag) in self._private


def _private_kind(tag: int) -> tuple[int, int]:
    """Group and last byte, which stay the same in whatever block a creator reserves."""
    return tag >> 16, tag & 0xFF


def _pixel_element(content: bytes, position: int, explicit: bool) -> Element:
    """The pixel data after the other elements; to the end of the file if in fragments."""
    if content[position : position + 4] != PIXEL_TAG:
        raise NotUnderstood
    form = EXPLICIT if explicit else IMPLICIT
    try:
        element = Element(*form.head(content, position))
    except struct.error:
        raise NotUnderstood from None
    if element.end == OPEN:
        return element._replace(end=len(content))
    if element.end > len(content):
        raise NotUnderstood
    return element


def _data_set(parts: list[bytes], syntax: str, explicit: bool) -> Any:
    stream = io.BytesIO(b"".join(parts))
    attributes: Any = read_dataset(
        stream,
        is_implicit_VR=not explicit,
        is_little_endian=True,
    )
    attributes.file_meta = FileMetaDataset()
    attributes.file_meta.TransferSyntaxUID = pydicom.uid.UID(syntax)
    return attributes


def _read_by_pydicom(content: bytes, wanted: Set[int], pixels: bool) -> PartialFile:
    tags = [*sorted(wanted), PIXEL_DATA] if pixels else sorted(wanted)
    attributes = pydicom.dcmread(
        io.BytesIO(content),
        stop_before_pixels=not pixels,
        specific_tags=tags,
    )
    return PartialFile(attributes, None)
