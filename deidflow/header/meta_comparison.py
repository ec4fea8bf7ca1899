"""What happened to the file meta information, which is always made anew (PS3.10 section 7.1)."""

from __future__ import annotations

from collections.abc import Iterator

from deidflow.dicom.elements import NotUnderstood
from deidflow.dicom.walk import elements_of
from deidflow.header.comparison import AttributeChange, Change
from deidflow.header.rule_words import FILE_META
from deidflow.header.selectors import keyword_of

_GROUP_LENGTH = 12
"""Bytes of the first element, which is the length of the others."""
_INSTANCE_HEAD = b"\2\0\3\0UI"


def taken_apart(meta: bytes) -> tuple[bytes, bytes]:
    """The instance's UID in file meta information, and the rest without the group's length."""
    start = meta.find(_INSTANCE_HEAD)
    if start < 0:
        return b"", meta[_GROUP_LENGTH:]
    value = start + 8
    end = value + int.from_bytes(meta[value - 2 : value], "little")
    return meta[value:end], meta[_GROUP_LENGTH:start] + meta[end:]


def meta_changes(old: bytes, new: bytes) -> Iterator[AttributeChange]:
    """What became of the file meta information; nothing of one that cannot be read."""
    try:
        olds = elements_of(old, 0, len(old), explicit=True)
        news = elements_of(new, 0, len(new), explicit=True)
    except NotUnderstood:
        return
    values = {element.tag: old[element.value : element.end] for element in olds}
    new_values = {element.tag: new[element.value : element.end] for element in news}
    vrs = {element.tag: element.vr for element in (*olds, *news)}
    for tag, vr in sorted(vrs.items()):
        before = values.get(tag)
        after = new_values.get(tag)
        yield AttributeChange(
            attribute=keyword_of(tag),
            action=_action(before, after),
            reason=FILE_META,
            vr=vr.decode("ascii"),
            before=before,
            after=after,
        )


def _action(before: bytes | None, after: bytes | None) -> str:
    if before is None:
        return Change.ADDED
    if after is None:
        return Change.REMOVED
    return Change.KEPT if before.rstrip(b"\0 ") == after.rstrip(b"\0 ") else Change.REWRITTEN
