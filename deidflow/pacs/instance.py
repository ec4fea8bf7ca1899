"""An instance as an archive sent it: its bytes, and the UIDs by which it is kept."""

from __future__ import annotations

from dataclasses import dataclass

from deidflow.dicom.structure import META_SYNTAX, file_meta, scan
from deidflow.errors import Withheld
from deidflow.verdicts import Reason

_SOP_UID, _STUDY_UID = 0x00080018, 0x0020000D
_WANTED = frozenset((_SOP_UID, _STUDY_UID))


@dataclass(frozen=True)
class ReceivedInstance:
    """A file of the DICOM format, checked in its structure."""

    content: bytes
    study_uid: str
    sop_uid: str


def read_received(content: bytes) -> ReceivedInstance:
    """The instance in the bytes of a file.

    Raises Withheld for one that is cut or malformed, or lacks its study or its own UID.
    """
    structure = scan(memoryview(content), _WANTED)
    values = structure.values
    study_uid = _text(values.get(_STUDY_UID))
    sop_uid = _text(values.get(_SOP_UID))
    if not study_uid or not sop_uid:
        raise Withheld(Reason.MISSING_UID)
    return ReceivedInstance(content, study_uid, sop_uid)


def _text(value: bytes | None) -> str:
    return (value or b"").rstrip(b"\0 ").decode("latin-1")


def data_set_of(content: bytes) -> tuple[bytes, bytes]:
    """Transfer syntax and data set of a file: what makes two copies of an instance equal.

    The file meta information says which program wrote the file, which may differ.
    """
    meta, start = file_meta(content)
    syntax = meta.get(META_SYNTAX, b"")
    body = content[start:]
    return syntax.rstrip(b"\0 "), body
