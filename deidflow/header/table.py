"""Table E.1-1 of PS3.15: the action for each listed attribute under the declared options."""

from __future__ import annotations

import re
from functools import lru_cache

from deidflow.header.profile import OPTION_COLUMNS, ActionName, Option, Profile
from deidflow.resources import load_table

TABLE = "standard/ps315_e1_2026d.csv"
TEMPORAL = frozenset(("DA", "TM", "DT"))
_ONE_TAG = re.compile(r"[0-9A-F]{8}")
_WORDS_OPTIONS = frozenset(
    ("clean_descriptors", "clean_structured_content", "retain_device_identity")
)
"""Options under which text is cleaned by keeping the words of acquisition."""
_REBUILT = frozenset(("VerifyingObserverSequence",))
"""Sequences that a report may not be without: dummies take the place of what is in them."""
Row = dict[str, str]
"""One attribute: tag, keyword, VR, and a code (X, Z, D, U, K, C) for each column."""


@lru_cache(maxsize=8)
def listed_attributes() -> tuple[tuple[int, Row], ...]:
    """Tag and row of every attribute of Table E.1-1 that has one tag."""
    listed: list[tuple[int, Row]] = []
    for row in load_table(TABLE):
        if _ONE_TAG.fullmatch(row["tag"]):
            listed.append((int(row["tag"], 16), row))
    return tuple(listed)


def listed_action(row: Row, profile: Profile) -> ActionName:
    """The action for a listed attribute: that of the first declared option, else the basic one."""
    is_sequence = row["vr"] == "SQ"
    option = deciding_option(row, profile)
    if option is not None and row[OPTION_COLUMNS[option]] == "K":
        return "recurse" if is_sequence else "keep"
    if option is not None:
        cleaned = _cleaned(
            option,
            row["vr"],
            profile.dates.mode,
        )
        return cleaned or basic_action(row)

    is_reference = row["keyword"].startswith("Referenced")
    if is_sequence and is_reference and "Z" in row["basic"]:
        return "recurse"
    return basic_action(row)


def deciding_option(row: Row, profile: Profile) -> Option | None:
    """The first declared option that asks to keep or clean an attribute; None for the basic one."""
    for option in profile.options:
        code = row[OPTION_COLUMNS[option]]
        if code == "K":
            return option
        if code == "C" and _cleaned(option, row["vr"], profile.dates.mode) is not None:
            return option
    return None


def _cleaned(option: str, vr: str, dates: str) -> ActionName | None:
    """The action for an option that asks for cleaning; None if it leaves the basic action."""
    if option == "retain_longitudinal_modified_dates":
        return "date" if dates == "shift" else None
    if vr == "SQ":
        return "recurse" if option == "clean_structured_content" else None
    return "words" if option in _WORDS_OPTIONS else None


def basic_action(row: Row) -> ActionName:
    """The action of the basic profile; of a choice the one that is legal for every type."""
    code, vr = row["basic"], row["vr"]
    if code == "X/Z/U*":
        return "recurse"

    if row["keyword"] in _REBUILT:
        return "recurse"

    if vr == "SQ":
        return "empty" if code in ("Z", "X/Z") else "remove"

    if code == "X":
        return "remove"

    if "U" in code:
        return "uid"

    if vr == "UI" and "D" in code:
        return "uid"

    if code in ("Z", "X/Z"):
        return "empty"

    return "date" if vr in TEMPORAL else "dummy"


def removing_action(row: Row) -> ActionName:
    """The basic action for an attribute of which nothing may stay: dates become dummies."""
    action = basic_action(row)
    return "dummy" if action == "date" else action


def date_fallback(row: Row) -> ActionName:
    """For a date that cannot be moved: dummy or empty where the attribute may be required."""
    if "D" in row["basic"]:
        return "dummy"
    return "empty" if "Z" in row["basic"] else "remove"
