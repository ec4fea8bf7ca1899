"""Data files of the project, in a checkout and in an installed wheel."""

from __future__ import annotations

import csv
import hashlib
from functools import lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import yaml

try:
    from yaml import CSafeLoader as SafeLoader  # fifteen times as fast
except ImportError:
    from yaml import SafeLoader  # type: ignore[assignment]


def resource(name: str) -> Traversable:
    """The data file `name`, relative to `configs/`, e.g. `profiles/low.yaml`."""
    parts = name.split("/")
    return files("configs").joinpath(*parts)


@lru_cache(maxsize=32)
def resources_digest(names: tuple[str, ...]) -> str:
    """The SHA-256 of the contents of data files."""
    contents = [resource(name).read_bytes() for name in names]
    return hashlib.sha256(b"\0".join(contents)).hexdigest()


@lru_cache(maxsize=32)
def load_yaml(name: str) -> Any:
    """The value of the YAML document `name` in `configs/`."""
    text = resource(name).read_text("utf-8")
    return yaml.load(text, SafeLoader)


@lru_cache(maxsize=64)
def words_under(name: str, key: str) -> frozenset[str]:
    """The words in the lines under a key of the YAML document `name` in `configs/`."""
    lines = map(str, load_yaml(name)[key])
    return frozenset(" ".join(lines).split())


@lru_cache(maxsize=1)
def defined_terms() -> frozenset[str]:
    """Defined terms and enumerated values of code strings (PS3.3), as the standard writes them."""
    terms: set[str] = set()
    for rows in load_yaml("standard/defined_terms.yaml").values():
        for row in rows:
            words = row if isinstance(row, list) else str(row).split()
            terms.update(words)

    tokens = load_yaml("vocabulary/image_tokens.yaml")["tokens"]
    for row in tokens:
        words = str(row).split()
        terms.update(words)
    return frozenset(terms)


@lru_cache(maxsize=1)
def placeholder_dates() -> frozenset[str]:
    """Constant DA values that mean "no date"."""
    dates = load_yaml("standard/placeholder_dates.yaml")
    return frozenset(dates)


@lru_cache(maxsize=8)
def load_table(name: str) -> tuple[dict[str, str], ...]:
    """The rows of the CSV file `name` in `configs/`."""
    lines = resource(name).read_text("utf-8").splitlines()
    return tuple(csv.DictReader(lines))
