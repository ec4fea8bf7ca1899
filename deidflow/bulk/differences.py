"""What happened to each attribute of a file.

Found by comparing the header before and after, not by asking the rules.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from enum import StrEnum
from typing import Any, NamedTuple

import pydicom
from pydicom.datadict import private_dictionaries

from deidflow.dicom.file_kind import has_mark, with_mark
from deidflow.header.rules import Rules
from deidflow.header.selectors import keyword_of

_PIXELS = 0x7FE0
"""Group of the pixel data, which is not compared."""
_FIRST_PRIVATE_ELEMENT = 0x1000
"""Private elements below it reserve blocks (PS3.5 section 7.8.1)."""


class Change(StrEnum):
    """What happened to an attribute, if not the action of a rule."""

    REMOVED = "removed"
    ADDED = "added"
    EMPTIED = "emptied"
    CLEANED = "cleaned"
    REWRITTEN = "rewritten"
    CHANGED = "changed"
    NOT_COMPARED = "the source's header could not be compared"


class Difference(NamedTuple):
    """An attribute, by its path of keywords, and what happened to it; never a value."""

    attribute: str
    action: str
    """A `Change`, or the action of a rule."""


def differences(before: bytes, after: bytes, rules: Rules) -> Iterator[Difference]:
    """Every attribute that was removed, added or changed, with the action of its rule.

    Attributes in sequences are named by their path, as in `Sequence[1]/Keyword`.
    """
    source = _header(before)
    released = _header(after)
    yield from _meta_differences(source, released)
    yield from _level_differences(
        source,
        released,
        rules,
        "",
    )


def _header(content: bytes) -> Any:
    if not has_mark(content):
        content = with_mark(content)
    stream = io.BytesIO(content)
    return pydicom.dcmread(
        stream,
        stop_before_pixels=True,
        force=True,
    )


def _meta_differences(source: Any, released: Any) -> Iterator[Difference]:
    for tag in sorted(source.file_meta.keys()):
        is_group_length = tag.element == 0
        if is_group_length:
            continue
        before = source.file_meta[tag]
        after = released.file_meta.get(tag)
        if before != after:
            keyword = keyword_of(int(tag))
            yield Difference(keyword, Change.REWRITTEN)


def _level_differences(source: Any, released: Any, rules: Rules, path: str) -> Iterator[Difference]:
    tags = {*source.keys(), *released.keys()}
    for tag in sorted(tags):
        if tag.group == _PIXELS:
            continue
        name = path + _name(source, tag)
        if tag not in released:
            yield Difference(name, Change.REMOVED)
        elif tag not in source:
            yield Difference(name, Change.ADDED)
        else:
            yield from _element_differences(
                source,
                released,
                tag,
                rules,
                name,
            )


def _element_differences(
    source: Any, released: Any, tag: Any, rules: Rules, name: str
) -> Iterator[Difference]:
    try:
        before = source[tag]
        after = released[tag]
        if _are_alike_sequences(before, after):
            inner_rules = rules.inside(int(tag))
            pairs = zip(
                before.value,
                after.value,
                strict=True,
            )
            for number, (item, released_item) in enumerate(pairs, 1):
                path = f"{name}[{number}]/"
                yield from _level_differences(
                    item,
                    released_item,
                    inner_rules,
                    path,
                )
        elif before.value != after.value:
            yield Difference(name, _action(after, rules))
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - a library may raise anything on a bad file
        yield Difference(name, Change.CHANGED)


def _are_alike_sequences(before: Any, after: Any) -> bool:
    """Whether both elements are sequences with the same number of items."""
    if before.VR != "SQ" or after.VR != "SQ":
        return False
    return len(before.value) == len(after.value)


def _action(element: Any, rules: Rules) -> str:
    """What was done to an element whose value changed."""
    if not element.value:
        return Change.EMPTIED
    if element.tag.is_private:
        return Change.CLEANED

    action: str = rules.for_tag(int(element.tag), element.VR).action
    if action in ("keep", "recurse"):
        return Change.CLEANED
    return action


def _name(level: Any, tag: Any) -> str:
    """The keyword of an attribute; tag and known private creator for a private one."""
    if not tag.is_private:
        return keyword_of(int(tag))
    if tag.element < _FIRST_PRIVATE_ELEMENT:
        return f"{tag.group:04x},{tag.element:04x}"

    creator = _private_creator(level, tag)
    if creator not in private_dictionaries:
        creator = "?"
    low_byte = tag.element & 0xFF
    return f"{tag.group:04x},[{creator}]{low_byte:02x}"


def _private_creator(level: Any, tag: Any) -> str:
    """The creator of the block of a private element (PS3.5 section 7.8.1); empty if none."""
    block = tag.element >> 8
    element = level.get((tag.group, block))
    if element is None:
        return ""
    return str(element.value).strip()
