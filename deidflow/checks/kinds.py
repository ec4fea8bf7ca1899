"""Kinds of identifiers, by how they are searched."""

from __future__ import annotations

from collections.abc import Iterable

NAMES = frozenset(("name", "staff"))
NUMBERS = frozenset(("id", "number"))
DATES = frozenset(("birth", "date"))

Identifiers = Iterable[tuple[str, str]]
"""Pairs of kind and value."""
