"""Table E.1-1 of PS3.15 (2026d) as demands on attributes under the claimed options."""

from __future__ import annotations

import re
from collections.abc import Collection
from enum import StrEnum
from functools import lru_cache

from deidflow.resources import load_table

TABLE = "standard/ps315_e1_2026d.csv"
BASIC, CLEAN_PIXELS, CLEAN_FACES, CLEAN_GRAPHICS = "113100", "113101", "113102", "113103"
CLEAN_DESCRIPTORS, FULL_DATES, MODIFIED_DATES = "113105", "113106", "113107"
CLEAN_CONTENT, RETAIN_UIDS, SAFE_PRIVATE = "113104", "113110", "113111"
OPTIONS = {
    "clean_graph": CLEAN_GRAPHICS,
    "clean_struct": CLEAN_CONTENT,
    "clean_desc": CLEAN_DESCRIPTORS,
    "rtn_long_full_dates": FULL_DATES,
    "rtn_long_modif_dates": MODIFIED_DATES,
    "rtn_patient_chars": "113108",
    "rtn_device": "113109",
    "rtn_uids": RETAIN_UIDS,
    "rtn_safe_private": SAFE_PRIVATE,
    "rtn_institution": "113112",
}
"""Columns of the table and the codes (CID 7050) of their options."""
_ONE_TAG = re.compile(r"[0-9A-F]{8}")


class Demand(StrEnum):
    """What the table asks of an attribute."""

    UNLISTED = "unlisted"
    ABSENT = "absent"
    DUMMY = "empty or a dummy"
    UID = "a new UID"
    CLEANED = "cleaned"
    KEPT = "kept"


@lru_cache(maxsize=16)
def demands_of(codes: frozenset[str]) -> dict[int, Demand]:
    """The demand on each attribute that has a row with one tag, under these codes of CID 7050."""
    rows = load_table(TABLE)
    return {int(row["tag"], 16): _demand(row, codes) for row in rows if _is_single(row)}


def is_descriptor(tag: int) -> bool:
    """Whether the Clean Descriptors Option cleans the attribute."""
    return tag in _descriptors()


@lru_cache(maxsize=1)
def _descriptors() -> frozenset[int]:
    rows = load_table(TABLE)
    return frozenset(int(row["tag"], 16) for row in rows if _is_single(row) and row["clean_desc"])


def _is_single(row: dict[str, str]) -> bool:
    return _ONE_TAG.fullmatch(row["tag"]) is not None


def _demand(row: dict[str, str], codes: Collection[str]) -> Demand:
    """The least that the declared options ask; without one, what the basic profile asks."""
    declared = [row[column] for column, code in OPTIONS.items() if code in codes]
    if "K" in declared:
        return Demand.KEPT
    if "C" in declared:
        return Demand.CLEANED
    basic = row["basic"]
    if basic == "X":
        return Demand.ABSENT
    return Demand.UID if basic in ("U", "X/Z/U*") else Demand.DUMMY
