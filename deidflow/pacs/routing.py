"""Text by which XNAT files an object: one attribute is added to the copy that is sent.

XNAT looks for `Project:ID Subject:LABEL Session:LABEL` in PatientComments, then in StudyComments.
The other bytes of the object are those of the release.
"""

from __future__ import annotations

from deidflow.dicom.elements import NotUnderstood, encoded
from deidflow.dicom.structure import (
    IMPLICIT_LITTLE,
    file_meta,
    is_dicom_syntax,
    syntax_of,
)
from deidflow.dicom.walk import elements_of
from deidflow.settings.pacs import XnatSettings

_TAGS = {"PatientComments": 0x00104000, "StudyComments": 0x00324000}
_OTHER_ENCODINGS = ("1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2")
"""Deflated, and big endian: no release holds them."""


def routing_text(xnat: XnatSettings, subject: str, session: str) -> str:
    """What XNAT reads; a session's label is unique in its project."""
    return f"Project:{xnat.project} Subject:{subject} Session:{subject}_{session}"


def routed(content: bytes, xnat: XnatSettings, text: str) -> bytes:
    """The file with the text in its attribute; raises NotUnderstood for other encodings."""
    meta, start = file_meta(content)
    syntax = syntax_of(meta)
    if not is_dicom_syntax(syntax) or syntax in _OTHER_ENCODINGS:
        raise NotUnderstood
    explicit = syntax != IMPLICIT_LITTLE

    tag = _TAGS[xnat.attribute]
    value = text.encode("ascii")
    element = encoded(
        tag,
        b"LT",
        value + b" " * (len(value) % 2),
        explicit=explicit,
    )
    first, last = _place(content, start, tag, explicit=explicit)
    return content[:first] + element + content[last:]


def _place(content: bytes, start: int, tag: int, *, explicit: bool) -> tuple[int, int]:
    """Where an element begins and ends, or where it belongs."""
    end = start
    for element in elements_of(content, start, len(content), explicit=explicit, top=True):
        if element.tag == tag:
            return element.start, element.end
        if element.tag > tag:
            return element.start, element.start
        end = element.end
    return end, end
