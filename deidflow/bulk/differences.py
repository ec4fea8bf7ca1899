"""What became of each attribute of a file: found by comparing the header before and after, not by asking the rules."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any, NamedTuple

import pydicom
from pydicom.datadict import private_dictionaries

from deidflow.dicom.file_kind import has_mark, with_mark
from deidflow.header.rules import Rules
from deidflow.header.selectors import keyword_of

_PIXELS = 0x7FE0


class Difference(NamedTuple):
    """An attribute, by its path of keywords, and what became of it; never a value."""

    attribute: str
    action: str


def differences(before: bytes, after: bytes, rules: Rules) -> Iterator[Difference]:
    """Every attribute that was removed, added or changed, with the action of its rule; nested ones by their path."""
    source = _opened(before)
    released = _opened(after)
    yield from _meta(source, released)
    yield from _level(source, released, rules, "")


def _opened(content: bytes) -> Any:
    marked = content if has_mark(content) else with_mark(content)
    return pydicom.dcmread(io.BytesIO(marked), stop_before_pixels=True, force=True)


def _meta(source: Any, released: Any) -> Iterator[Difference]:
    for tag in sorted(source.file_meta.keys()):
        if tag.element and source.file_meta[tag] != released.file_meta.get(tag):
            yield Difference(keyword_of(int(tag)), "rewritten")


def _level(source: Any, released: Any, rules: Rules, path: str) -> Iterator[Difference]:
    for tag in sorted({*source.keys(), *released.keys()}):
        if tag.group == _PIXELS:
            continue
        name = path + _name(source, tag)
        if tag not in released:
            yield Difference(name, "removed")
        elif tag not in source:
            yield Difference(name, "added")
        else:
            yield from _element(source, released, tag, rules, name)


def _element(source: Any, released: Any, tag: Any, rules: Rules, name: str) -> Iterator[Difference]:
    try:
        before, after = source[tag], released[tag]
        if before.VR == "SQ" and after.VR == "SQ" and len(before.value) == len(after.value):
            for number, (inner, outer) in enumerate(zip(before.value, after.value, strict=True), 1):
                yield from _level(inner, outer, rules.inside(int(tag)), f"{name}[{number}]/")
        elif before.value != after.value:
            yield Difference(name, "emptied" if not after.value else _action(rules, tag, after.VR))
    except MemoryError:
        raise
    except Exception:
        yield Difference(name, "changed")


def _action(rules: Rules, tag: Any, vr: str) -> str:
    if tag.is_private:
        return "cleaned"
    action = rules.for_tag(int(tag), vr).action
    return "cleaned" if action in ("keep", "recurse") else action


def _name(source: Any, tag: Any) -> str:
    if not tag.is_private:
        return keyword_of(int(tag))
    if tag.element < 0x1000:
        return f"{tag.group:04x},{tag.element:04x}"
    creator = source.get((tag.group, tag.element >> 8))
    said = str(creator.value).strip() if creator is not None else ""
    known = said if said in private_dictionaries else "?"
    return f"{tag.group:04x},[{known}]{tag.element & 0xFF:02x}"
