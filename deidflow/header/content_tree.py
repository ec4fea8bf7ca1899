"""Relations by reference in a content tree: they name items by their numbers (PS3.3 C.17.3.2.5).

Where items are removed, those after them get other numbers. What refers to an item that is not
there is removed itself.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from deidflow.dicom.elements import Element, NotUnderstood
from deidflow.header.content_items import Data, items_in
from deidflow.verdicts import Reason

CONTENT_SEQUENCE, TARGET = 0x0040A730, 0x0040DB73
"""The tree of a report, and ReferencedContentItemIdentifier."""
DEEPEST = 32
"""Sequences within each other; more are not read."""
_TARGET_BYTES = (b"\x40\x00\x73\xdb",)
Path = tuple[int, ...]
"""Numbers of an item and of those above it, from 1; that of the root comes first."""


@dataclass
class _Node:
    """An item of the tree."""

    start: int
    is_removed: bool = False
    target: Path | None = None
    """What a relation by reference points to; None for an item of its own."""
    children: list[_Node] = field(default_factory=list)
    path: Path = ()
    """Where it is once the others are removed."""


@dataclass(frozen=True)
class Relations:
    """What becomes of the relations by reference of one report."""

    lost: frozenset[int] = frozenset()
    """Where items start whose target is not there."""
    targets: dict[int, bytes] = field(default_factory=dict)
    """Where an item starts -> the new value of its ReferencedContentItemIdentifier."""


NO_RELATIONS = Relations()


def relations_of(
    body: bytes, element: Element, is_removed: Callable[[Data], bool], *, explicit: bool
) -> Relations:
    """The relations in a report's content; `is_removed` says which items go as a whole.

    Raises NotUnderstood.
    """
    content = body[element.value : element.end]
    if not any(mark in content for mark in _TARGET_BYTES):
        return NO_RELATIONS
    root = _Node(0, path=(1,))
    root.children = list(
        _nodes(
            body,
            element,
            is_removed,
            explicit,
            0,
        )
    )
    lost = _remove_lost(root)
    _number(root)

    targets: dict[int, bytes] = {}
    for node in _walk(root):
        if node.target is not None:
            found = _found(root, node.target)
            if found is not None:
                targets[node.start] = struct.pack(f"<{len(found.path)}I", *found.path)
    return Relations(frozenset(lost), targets)


def _nodes(
    body: bytes,
    element: Element,
    is_removed: Callable[[Data], bool],
    explicit: bool,
    depth: int,
) -> Iterator[_Node]:
    if depth > DEEPEST:
        raise NotUnderstood(Reason.TOO_DEEP)

    for start, data in items_in(body, element, explicit=explicit):
        node = _Node(start, is_removed(data))
        for inner in data.elements:
            if inner.tag == TARGET:
                node.target = _path(body[inner.value : inner.end])
            elif inner.tag == CONTENT_SEQUENCE:
                inner_explicit = explicit and inner.vr == b"SQ"
                node.children += _nodes(
                    body,
                    inner,
                    is_removed,
                    inner_explicit,
                    depth + 1,
                )
        yield node


def _path(raw: bytes) -> Path:
    """The numbers of an identifier; empty for a value that is not one."""
    if len(raw) % 4:
        return ()
    return struct.unpack(f"<{len(raw) // 4}I", raw)


def _remove_lost(root: _Node) -> set[int]:
    """Remove relations to what is not there, until all that are left point to something."""
    lost: set[int] = set()
    while True:
        broken = [
            node
            for node in _walk(root)
            if node.target is not None and _found(root, node.target) is None
        ]
        if not broken:
            return lost
        for node in broken:
            node.is_removed = True
            lost.add(node.start)


def _walk(node: _Node) -> Iterator[_Node]:
    """The items below one, without those that are removed."""
    for child in node.children:
        if not child.is_removed:
            yield child
            yield from _walk(child)


def _found(root: _Node, target: Path) -> _Node | None:
    """The item with these numbers in the source; None if it or one above it is not there."""
    if target[:1] != (1,):
        return None
    node = root
    for number in target[1:]:
        if not 1 <= number <= len(node.children):
            return None
        node = node.children[number - 1]
        if node.is_removed:
            return None
    return node


def _number(node: _Node) -> None:
    number = 0
    for child in node.children:
        if not child.is_removed:
            number += 1
            child.path = (*node.path, number)
            _number(child)
