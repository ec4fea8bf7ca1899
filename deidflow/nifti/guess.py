"""dcm2niix's guess at a BIDS name, as far as it consists of words of BIDS (BIDS 1.11)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from deidflow.resources import load_yaml

_ENTITY = re.compile(r"dir-(?:AP|PA|LR|RL|IS|SI)|(?:echo|inv)-\d{1,2}|part-(?:mag|phase|real|imag)")


@lru_cache(maxsize=1)
def bids_suffixes() -> Mapping[str, frozenset[str]]:
    """The suffixes of each data type."""
    suffixes: dict[str, frozenset[str]] = {}
    for row in load_yaml("standard/bids_files.yaml"):
        known = suffixes.get(row["datatype"], frozenset())
        suffixes[row["datatype"]] = known.union(row["suffixes"])
    return suffixes


def closed_guess(value: object) -> list[str]:
    """`["func", "_dir-AP_bold"]` of `["func", "_acq-EPI_dir-AP_run-4_bold"]`; empty for no such.

    What dcm2niix took from texts of the header goes: the names of sequence and task.
    """
    if not isinstance(value, list) or len(value) != 2:
        return []
    datatype, stem = map(str, value)
    *entities, suffix = stem.split("_")
    if suffix not in bids_suffixes().get(datatype, ()):
        return []

    kept = [entity for entity in entities if _ENTITY.fullmatch(entity)]
    return [datatype, "_".join(("", *kept, suffix))]
