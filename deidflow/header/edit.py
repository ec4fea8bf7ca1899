"""A few attributes of a de-identified header changed; the bytes of all others stay as they are."""

from __future__ import annotations

import io
from collections.abc import Callable, Set
from dataclasses import dataclass, field
from typing import Any

from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset

from deidflow.dicom.character_sets import CHARSET
from deidflow.dicom.elements import Element
from deidflow.dicom.structure import file_meta
from deidflow.dicom.walk import elements_of
from deidflow.header.file_meta import new_file_meta

Edit = Callable[[Any], None]
"""Changes a header, which it gets as a pydicom data set; equal edits do the same."""
Encoded = dict[int, bytes]
"""Whole elements by tag."""
_SOP_INSTANCE = 0x00080018


@dataclass(frozen=True)
class HeaderEditor:
    """Makes released files of the header files of a series, in Explicit VR Little Endian.

    An edit gets the attributes `tags` of a header, and may change, add and remove these only. What
    it made of the same bytes before is taken again: most headers of a series have them in common.
    """

    tags: Set[int]
    memory: dict[tuple[bytes, Edit], Encoded] = field(default_factory=dict)

    def released(self, header: bytes, edit: Edit, pixels: Encoded, syntax: str) -> bytes:
        """The file of a header, with its pixel data.

        Raises NotUnderstood for a header that the walk does not understand, and ValueError where
        the edit touched another attribute.
        """
        _, start = file_meta(header)
        elements = elements_of(header, start, len(header), explicit=True)
        merged = self._edited(header, elements, edit) | pixels
        for element in elements:
            if element.tag not in self.tags:
                merged[element.tag] = header[element.start : element.end]

        tags = sorted(merged)
        leading = [merged[tag] for tag in tags if tag <= _SOP_INSTANCE]
        meta = new_file_meta(b"".join(leading), syntax, explicit=True)
        content = [merged[tag] for tag in tags]
        return b"".join((*meta, *content))

    def _edited(self, header: bytes, elements: list[Element], edit: Edit) -> Encoded:
        chosen = self.tags | {CHARSET}
        parts = [
            header[element.start : element.end] for element in elements if element.tag in chosen
        ]
        before = b"".join(parts)
        key = before, edit
        if key not in self.memory:
            self.memory[key] = self._edited_anew(before, edit)
        return self.memory[key]

    def _edited_anew(self, before: bytes, edit: Edit) -> Encoded:
        attributes: Any = read_dataset(
            io.BytesIO(before),
            is_implicit_VR=False,
            is_little_endian=True,
        )
        edit(attributes)
        edited = encoded_elements(attributes)
        edited.pop(CHARSET, None)
        if not edited.keys() <= self.tags:
            raise ValueError("an attribute was edited that was not asked for")
        return edited


def encoded_elements(attributes: Any) -> Encoded:
    """The elements of a pydicom data set in Explicit VR Little Endian."""
    stream = DicomBytesIO()
    stream.is_little_endian = True
    stream.is_implicit_VR = False
    write_dataset(stream, attributes)
    content = bytes(stream.getvalue())
    elements = elements_of(content, 0, len(content), explicit=True)
    return {element.tag: content[element.start : element.end] for element in elements}
