"""Private elements that the standard (PS3.15 Table E.3.10-1) or our list calls safe."""

from __future__ import annotations

from functools import lru_cache

from deidflow.checks.elements import Element
from deidflow.resources import load_table, load_yaml

PrivateKey = tuple[int, str, int]


def is_safe_creator(creator: str) -> bool:
    """Whether a private creator has elements that are safe."""
    return creator in _safe_creators()


def is_safe_private(element: Element) -> bool:
    """Whether a private element is one that the standard or our list of physics calls safe."""
    tag = element.tag
    return (tag >> 16, element.level.creator_of(tag), tag & 0xFF) in _safe_private()


@lru_cache(maxsize=1)
def _safe_private() -> frozenset[PrivateKey]:
    """Private elements that the standard (Table E.3.10-1) or our list of physics calls safe."""
    safe = {
        (int(row["group"], 16), row["creator"].strip(), int(row["element_low"], 16))
        for row in load_table("standard/safe_private_e3_10_1.csv")
    }
    physics = {
        (int(row["group"], 16), row["creator"], int(row["element"], 16))
        for row in load_yaml("private/physics.yaml")
    }
    return frozenset(safe | physics)


@lru_cache(maxsize=1)
def _safe_creators() -> frozenset[str]:
    return frozenset(creator for _, creator, _ in _safe_private())
