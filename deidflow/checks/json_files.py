"""JSON files of a release: sidecars, which are searched, and the summary of a session."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from deidflow.checks.leaks import Hit, LeakSearch
from deidflow.resources import load_yaml

_SUMMARY_KEYS = frozenset(
    (
        "session",
        "series",
        "modality",
        "state",
        "reason",
        "instances",
        "incomplete",
        "overlay_bits_cleared",
        "by_person",
        "days_since",
        "text_in_pixels",
    )
)
_SUMMARY_WORDS = re.compile(
    r"[a-z]+(?:[ -][a-z]+)*|[MN]\d{2,}[a-z]{0,2}|[A-Z]{2,8}|\d{3,}[a-z]{0,2}-[A-Z]{2,8}"
)
"""Words of a state or reason, session labels, modalities, and names of series."""
_SESSION = re.compile(r"[A-Za-z0-9]{1,18}")
"""What a session may be called by a manifest: said once more on purpose, as the check takes no word
from what wrote the release."""


def hits_in_json(key: str, value: Any, search: LeakSearch) -> Iterator[Hit]:
    """Identifiers in the texts of a JSON value, and in keys that are not of the sidecar's list."""
    if isinstance(value, dict):
        listed = _listed_keys()
        for name, inner in value.items():
            if name not in listed:
                yield from search.text("key", name)
            yield from hits_in_json(name, inner, search)
    elif isinstance(value, list):
        for inner in value:
            yield from hits_in_json(key, inner, search)
    elif isinstance(value, str):
        yield from search.text(key, value)


@lru_cache(maxsize=1)
def _listed_keys() -> frozenset[str]:
    lists = load_yaml("standard/sidecar_fields.yaml")
    return frozenset(name for names in lists.values() for name in names)


def _is_summary_word(key: str, value: str) -> bool:
    if key == "session" and _SESSION.fullmatch(value):
        return True
    return bool(_SUMMARY_WORDS.fullmatch(value))


def check_summary(value: Any, key: str = "") -> None:
    """Raise ValueError for anything but known keys, codes, labels and counts in a summary."""
    if isinstance(value, dict):
        keys = value.keys()
        if not keys <= _SUMMARY_KEYS:
            raise ValueError("the summary holds an unknown key")
        for name, inner in value.items():
            check_summary(inner, name)
    elif isinstance(value, list):
        for inner in value:
            check_summary(inner, key)
    elif isinstance(value, str) and not _is_summary_word(key, value):
        raise ValueError("the summary holds an unknown word")
