"""Rules for the private elements that the standard, or a list of ours, knows to be safe."""

from __future__ import annotations

from dataclasses import dataclass, field

from deidflow.header.profile import Profile
from deidflow.header.rule_words import PHYSICS, SAFE_PRIVATE
from deidflow.resources import load_table, load_yaml

_UNBOUNDED = 64
"""Most values where the list has no bound."""
PrivateKey = tuple[int, str, int]
"""Group, creator, and low byte of the element."""


@dataclass(frozen=True)
class PrivateRule:
    """A private element that may be kept: its VR, how many values, and the code words it may hold.

    `words` None means numbers, or text if `numbers_only` is not set.
    """

    vr: str
    words: frozenset[str] | None
    numbers_only: bool
    most: int
    reason: str = field(default="", compare=False)
    """The list that it is in."""


def private_rules(profile: Profile) -> dict[PrivateKey, PrivateRule]:
    """The lists that a profile names: PS3.15 Table E.3.10-1 and our own of physical quantities."""
    rules: dict[PrivateKey, PrivateRule] = {}
    if "safe" in profile.private:
        rules.update(_safe_rules())
    if "physics" in profile.private:
        rules.update(_physics_rules())
    return rules


def _safe_rules() -> dict[PrivateKey, PrivateRule]:
    rules: dict[PrivateKey, PrivateRule] = {}
    for row in load_table("standard/safe_private_e3_10_1.csv"):
        group = int(row["group"], 16)
        low = int(row["element_low"], 16)
        creator = row["creator"].strip()
        rules[group, creator, low] = PrivateRule(
            vr=row["vr"],
            words=None,
            numbers_only=False,
            most=_most(row["vm"]),
            reason=SAFE_PRIVATE,
        )
    return rules


def _physics_rules() -> dict[PrivateKey, PrivateRule]:
    rules: dict[PrivateKey, PrivateRule] = {}
    for entry in load_yaml("private/physics.yaml"):
        group = int(entry["group"], 16)
        low = int(entry["element"], 16)
        words = frozenset(entry["words"]) if "words" in entry else None
        rules[group, entry["creator"], low] = PrivateRule(
            vr=entry["vr"],
            words=words,
            numbers_only=words is None,
            most=entry["most"],
            reason=PHYSICS,
        )
    return rules


def _most(multiplicity: str) -> int:
    """The largest number of values that a VM allows."""
    last = multiplicity.split("-")[-1]
    return int(last) if last.isdigit() else _UNBOUNDED
