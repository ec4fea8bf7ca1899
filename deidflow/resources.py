"""The one way to the data files of the project, in a checkout and in an installed wheel."""

from __future__ import annotations

import csv
import hashlib
from functools import lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from deidflow.documents import parse


def resource(name: str) -> Traversable:
    """The data file `name`, relative to `configs/`, e.g. `profiles/low.yaml`."""
    return files("configs").joinpath(*name.split("/"))


@lru_cache(maxsize=32)
def resources_digest(names: tuple[str, ...]) -> str:
    """The SHA-256 of the data files' contents."""
    return hashlib.sha256(b"\0".join(resource(name).read_bytes() for name in names)).hexdigest()


@lru_cache(maxsize=32)
def load_yaml(name: str) -> Any:
    """The parsed YAML document `name` of `configs/`."""
    return parse(resource(name).read_text("utf-8"), name).value


@lru_cache(maxsize=1)
def defined_terms() -> frozenset[str]:
    """Defined terms and enumerated values of code strings (PS3.3), as the standard writes them."""
    terms: set[str] = set()
    for rows in load_yaml("standard/defined_terms.yaml").values():
        for row in rows:
            terms.update(row if isinstance(row, list) else str(row).split())
    for row in load_yaml("vocabulary/image_tokens.yaml")["tokens"]:
        terms.update(str(row).split())
    return frozenset(terms)


@lru_cache(maxsize=1)
def placeholder_dates() -> frozenset[str]:
    """Constant DA values that stand for no date."""
    return frozenset(load_yaml("standard/placeholder_dates.yaml"))


@lru_cache(maxsize=8)
def load_table(name: str) -> tuple[dict[str, str], ...]:
    """The rows of the CSV file `name` of `configs/`."""
    return tuple(csv.DictReader(resource(name).read_text("utf-8").splitlines()))
