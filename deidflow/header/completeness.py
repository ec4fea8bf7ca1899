"""Whether a profile does all that PS3.15 asks, so that its output may say so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

from deidflow.dicom.dictionary import dictionary_vrs
from deidflow.header.profile import Profile
from deidflow.header.rules import Rule, Rules, compile_profile, from_table
from deidflow.header.selectors import tag_of
from deidflow.header.table import listed_attributes

_KEEPING = ("keep", "retain")
"""Actions that let a value stay as it is."""
_TEXT_VALUE, _SOP_INSTANCE_UID = 0x0040A160, 0x00080018


def weakened(profile: Profile) -> tuple[int, ...]:
    """Tags that a profile keeps although neither the basic profile nor a declared option does."""
    return _weakened(profile.model_dump_json())


def is_complete(profile: Profile) -> bool:
    """Whether a profile may say that identity was removed (PS3.15 E.1.1)."""
    return profile.base == "ps315" and not weakened(profile)


def keeps_uids(profile: Profile) -> bool:
    """Whether instances carry the UIDs of the source: by the option, or as what no rule names."""
    rule = compile_profile(profile).for_tag(_SOP_INSTANCE_UID, "UI")
    return rule.action != "uid"


@lru_cache(maxsize=16)
def _weakened(text: str) -> tuple[int, ...]:
    profile = Profile.model_validate_json(text)
    rules = compile_profile(profile)
    return (
        *_listed(profile, rules),
        *_unlisted(rules),
        *_special(rules),
        *_content(rules),
    )


def _listed(profile: Profile, rules: Rules) -> Iterator[int]:
    """Attributes of the table for which the profile does less than the declared options allow."""
    strict = from_table(profile)
    for keyword in profile.dates.keep:
        strict[tag_of(keyword)] = Rule("date")

    dates = profile.dates
    times_stay = dates.mode == "shift" and dates.times == "keep"
    for tag, row in listed_attributes():
        action = rules.for_tag(tag, "LO").action
        asked = strict[tag].action
        if times_stay and asked == "date" and row["vr"] == "TM":
            continue
        if (action in _KEEPING and asked not in _KEEPING) or (
            action == "recurse" and asked in ("remove", "empty")
        ):
            yield tag


def _unlisted(rules: Rules) -> Iterator[int]:
    """Attributes that the table does not name, retained although their VR would not allow it."""
    listed = dict(listed_attributes())
    by_vr = replace(rules, by_tag={}, masks=())
    vrs = dictionary_vrs()
    for tag, rule in rules.by_tag.items():
        if tag in listed or rule.action != "retain":
            continue
        vr = vrs.get(tag, b"UN").decode("ascii")
        strict = by_vr.for_tag(tag, vr, known=tag in vrs)
        if strict.action not in _KEEPING:
            yield tag


def _special(rules: Rules) -> Iterator[int]:
    """Repeating groups, private elements and nested attributes that are kept by name."""
    for _, value, rule in rules.masks:
        if rule.action in _KEEPING:
            yield value
    for (group, _, low), rule in rules.chosen_private.items():
        if rule.action in _KEEPING:
            yield group << 16 | low & 0xFF

    for inner in rules.below.values():
        for tag, rule in inner.by_tag.items():
            is_new = rule != rules.by_tag.get(tag)
            if is_new and rule.action in _KEEPING:
                yield tag
        if inner.below or inner.chosen_private != rules.chosen_private:
            yield from _special(inner)


def _content(rules: Rules) -> Iterator[int]:
    """Text of content items that is kept, although their cleaning is declared."""
    levels = [rules, *rules.below.values()] if rules.content else []
    for level in levels:
        rule = level.by_tag.get(_TEXT_VALUE)
        if rule is not None and rule.action in _KEEPING:
            yield _TEXT_VALUE
