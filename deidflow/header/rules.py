"""From a profile to one action for each tag."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache

from deidflow.header.profile import OPTION_COLUMNS, ActionName, Profile, tag_of
from deidflow.resources import load_table, load_yaml

TABLE = "standard/ps315_e1_2026c.csv"
_HEXADECIMAL = re.compile(r"[0-9A-F]{8}")
_TEMPORAL = frozenset(("DA", "TM", "DT"))


@dataclass(frozen=True)
class Rule:
    """The action for one attribute, with the width of its bins where it has some."""

    action: ActionName
    step: Decimal | None = None
    fallback: ActionName = "remove"
    """What becomes of a date that cannot be moved, or of a text of which no word may stay."""


@dataclass(frozen=True)
class PrivateRule:
    """A private element that may stay: its VR, how many values, and the code words it may hold.

    `words` None means numbers, or text where `numbers_only` is not set.
    """

    vr: str
    words: frozenset[str] | None
    numbers_only: bool
    most: int


@dataclass(frozen=True)
class Rules:
    """A compiled profile: tag -> rule for listed attributes, and rules by VR for the others."""

    by_tag: dict[int, Rule]
    private: dict[tuple[int, str, int], PrivateRule]
    dates: str

    def for_tag(self, tag: int, vr: str) -> Rule:
        """The rule of a standard attribute that the data dictionary knows."""
        known = self.by_tag.get(tag)
        return known if known is not None else Rule(_unlisted(vr, self.dates))


@lru_cache(maxsize=8)
def compile_profile(profile: Profile) -> Rules:
    """Resolve the table's codes, the declared options and the deviations (PS3.15 E.1, E.3)."""
    by_tag = {}
    for row in load_table(TABLE):
        if _HEXADECIMAL.fullmatch(row["tag"]):
            by_tag[int(row["tag"], 16)] = Rule(_listed(row, profile), fallback=_unmoved(row["basic"]))
    for keyword in profile.dates.keep:
        known = by_tag.get(tag_of(keyword), Rule("date"))
        by_tag[tag_of(keyword)] = replace(known, action="date")
    for deviation in profile.deviations:
        step = Decimal(deviation.step) if deviation.step else None
        by_tag[tag_of(deviation.attribute)] = Rule(deviation.action, step, deviation.fallback)
    return Rules(by_tag, _private_rules(profile), profile.dates.mode)


def _listed(row: dict[str, str], profile: Profile) -> ActionName:
    for option in profile.options:
        code = row[OPTION_COLUMNS[option]]
        if code == "K":
            return "recurse" if row["vr"] == "SQ" else "keep"
        if code == "C" and option == "clean_descriptors" and row["vr"] != "SQ":
            return "words"
        if code == "C" and option == "retain_longitudinal_modified_dates" and profile.dates.mode == "shift":
            return "date"
    if row["vr"] == "SQ" and "Z" in row["basic"] and row["keyword"].startswith("Referenced"):
        return "recurse"
    return _basic(row["basic"], row["vr"])


def _basic(code: str, vr: str) -> ActionName:
    """The action for a code of the basic profile; of a choice the one that is legal for every type."""
    if code == "X/Z/U*":
        return "recurse"
    if vr == "SQ":
        return "empty" if code in ("Z", "X/Z") else "remove"
    if code == "X":
        return "remove"
    if "U" in code or (vr == "UI" and "D" in code):
        return "uid"
    if code in ("Z", "X/Z"):
        return "empty"
    return "date" if vr in _TEMPORAL else "dummy"


def _unmoved(code: str) -> ActionName:
    """What a date becomes that cannot be moved: dummy or empty where the attribute may be required."""
    if "D" in code:
        return "dummy"
    return "empty" if "Z" in code else "remove"


def _unlisted(vr: str, dates: str) -> ActionName:
    """The action for an attribute that the table does not name."""
    if vr == "SQ":
        return "recurse"
    if vr == "UI":
        return "uid"
    if vr in _TEMPORAL:
        return "date" if dates == "shift" else "remove"
    actions: dict[str, ActionName] = {"PN": "empty", "AE": "remove", "UR": "remove"}
    actions |= dict.fromkeys(("LT", "ST", "UT", "UC"), "words")
    return actions.get(vr, "keep")


def _private_rules(profile: Profile) -> dict[tuple[int, str, int], PrivateRule]:
    rules: dict[tuple[int, str, int], PrivateRule] = {}
    if "safe" in profile.private:
        for row in load_table("standard/safe_private_e3_10_1.csv"):
            key = (int(row["group"], 16), row["creator"].strip(), int(row["element_low"], 16))
            rules[key] = PrivateRule(row["vr"], None, numbers_only=False, most=_most(row["vm"]))
    if "physics" in profile.private:
        for entry in load_yaml("private/physics.yaml"):
            words = frozenset(entry["words"]) if "words" in entry else None
            key = (int(entry["group"], 16), entry["creator"], int(entry["element"], 16))
            rules[key] = PrivateRule(entry["vr"], words, numbers_only=words is None, most=entry["most"])
    return rules


def _most(multiplicity: str) -> int:
    """The largest number of values that a VM allows; 64 where it has no bound."""
    last = multiplicity.split("-")[-1]
    return int(last) if last.isdigit() else 64
