"""Whether a profile does all that PS3.15 asks, so that its output may say so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

from deidflow.dicom.dictionary import dictionary_vrs
from deidflow.header.profile import Profile
from deidflow.header.rules import Rule, Rules, compile_profile, from_table, listed_attributes
from deidflow.header.selectors import tag_of


def weakened(profile: Profile) -> tuple[int, ...]:
    """Tags of the table that keep what neither the basic profile nor a declared option lets stay."""
    return _weakened(profile.model_dump_json())


def is_complete(profile: Profile) -> bool:
    """Whether a profile may say that identity was removed (PS3.15 E.1.1)."""
    return profile.base == "ps315" and not weakened(profile)


@lru_cache(maxsize=16)
def _weakened(text: str) -> tuple[int, ...]:
    profile = Profile.model_validate_json(text)
    rules = compile_profile(profile)
    strict = dict(from_table(profile)) | {
        tag_of(keyword): Rule("date") for keyword in profile.dates.keep
    }
    free = ("keep", "retain")
    found = []
    times_stay = profile.dates.mode == "shift" and profile.dates.times == "keep"
    for tag, row in listed_attributes():
        ours, asked = rules.for_tag(tag, "LO").action, strict[tag].action
        if asked == "date" and row["vr"] == "TM" and times_stay:
            continue
        if (ours in free and asked not in free) or (
            ours == "recurse" and asked in ("remove", "empty")
        ):
            found.append(tag)
    known = {tag for tag, _ in listed_attributes()}
    found += [
        tag
        for tag, rule in rules.by_tag.items()
        if tag not in known and _lets_through(tag, rule, rules)
    ]
    return (*found, *_let_through(rules))


def _lets_through(tag: int, rule: Rule, rules: Rules) -> bool:
    """Whether an attribute that the table does not name stays as it would not by its VR."""
    vr = dictionary_vrs().get(tag, b"UN").decode("ascii")
    strict = replace(rules, by_tag={}, masks=()).for_tag(tag, vr, known=tag in dictionary_vrs())
    return rule.action == "retain" and strict.action not in ("keep", "retain")


def _let_through(rules: Rules) -> Iterator[int]:
    """What stays because somebody named a private element, a repeating group, or a place inside a sequence."""
    free = ("keep", "retain")
    yield from (value for _, value, rule in rules.masks if rule.action in free)
    yield from (
        group << 16 | low & 0xFF
        for (group, _, low), rule in rules.chosen_private.items()
        if rule.action in free
    )
    for inner in rules.below.values():
        named = (
            tag
            for tag, rule in inner.by_tag.items()
            if rule != rules.by_tag.get(tag) and rule.action in free
        )
        yield from named
        yield from (
            _let_through(inner)
            if inner.chosen_private != rules.chosen_private or inner.below
            else ()
        )
