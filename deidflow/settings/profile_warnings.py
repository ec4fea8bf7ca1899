"""What settings let out beyond the level or profile: for the console, and for dataset.json."""

from __future__ import annotations

from collections.abc import Iterator

from deidflow.dicom.dictionary import dictionary_vrs
from deidflow.header.completeness import is_complete, weakened
from deidflow.header.profile import Profile
from deidflow.header.rules import Rules, compile_profile
from deidflow.header.selectors import Selector, keyword_of, parse_selector
from deidflow.settings.effective import effective_profile
from deidflow.settings.run import CommonSettings

_MOST_NAMED = 8
"""Attributes that a warning names; it counts the others."""
_NOT_DEIDENTIFIED = "the output is not de-identified by PS3.15"
_EFFECTS = {
    "remove": "removes",
    "empty": "empties",
    "dummy": "replaces by a dummy",
    "replace": "replaces",
    "uid": "replaces by another UID",
    "pseudonym": "replaces by the pseudonym",
    "hash": "replaces by a keyed hash",
    "date": "shifts or removes",
    "bin": "makes coarser",
    "age": "makes coarser",
    "words": "cleans word by word",
    "tokens": "cleans word by word",
    "timepoint": "replaces by the session's label",
    "recurse": "cleans inside",
}
"""What actions do, as in "what profile high removes"."""
_TEXT_VRS = ("LO", "LT", "SH", "ST", "UC", "UT", "PN")


def profile_warnings(settings: CommonSettings, profile: Profile) -> Iterator[str]:
    """One line per setting that lets identifying values out; names attributes, never values.

    `profile` is the effective one, with the rules of the settings on top.
    """
    if settings.ids.strategy == "none":
        yield f"identity strategy none: patient IDs stay as they are; {_NOT_DEIDENTIFIED}"

    if settings.ids.manifest == "kept":
        yield (
            "ids.manifest kept: subjects and sessions of the manifest stay as they are, "
            f"even if they identify; then {_NOT_DEIDENTIFIED}"
        )

    if profile.base == "none":
        effect = "keeps every attribute that it does not name"
        yield f"profile {profile.name} {effect}; {_NOT_DEIDENTIFIED}"
    elif not is_complete(profile):
        effect = f"keeps more than PS3.15 allows ({_weakened_names(profile)})"
        yield f"profile {profile.name} {effect}; {_NOT_DEIDENTIFIED}"

    if settings.header.keep_uids:
        yield "keep_uids: UIDs stay as they are, so that files can be matched with the originals"
    yield from _keep_warnings(settings)


def _weakened_names(profile: Profile) -> str:
    """The attributes that a profile keeps although PS3.15 does not."""
    tags = sorted(set(weakened(profile)))
    keywords = [keyword_of(tag) for tag in tags[:_MOST_NAMED]]
    names = ", ".join(keywords)
    unnamed = len(tags) - len(keywords)
    if not unnamed:
        return names
    return f"{names} and {unnamed} more"


def _keep_warnings(settings: CommonSettings) -> Iterator[str]:
    """What each attribute of `keep` lets out that would be changed without it."""
    header = settings.header.model_copy(update={"keep": ()})
    without_keep = settings.model_copy(update={"header": header})
    profile = effective_profile(without_keep)
    rules = compile_profile(profile)

    for attribute in settings.header.keep:
        selector = parse_selector(attribute)
        effect = _effect(selector, rules)
        if effect:
            yield f"--keep {attribute} lets out what profile {profile.name} {effect}"


def _effect(selector: Selector, rules: Rules) -> str:
    """What rules do with an attribute, in words; empty if it stays as it is."""
    if selector.private is not None:
        return _private_effect(selector.private, rules)
    if selector.tag is None:
        return "removes or cleans"

    for parent in selector.path:
        rules = rules.inside(parent)
    vr = dictionary_vrs().get(selector.tag, b"UN").decode("ascii")
    is_known = selector.tag in dictionary_vrs()
    action = rules.for_tag(
        selector.tag,
        vr,
        known=is_known,
    ).action
    if action == "keep" and vr in _TEXT_VRS:
        return "searches for identifiers"
    return _EFFECTS.get(action, "")


def _private_effect(private: tuple[int, str, int], rules: Rules) -> str:
    group, creator, low_byte = private
    is_listed = (group, creator, low_byte) in rules.private
    if rules.keep_private or is_listed:
        return "checks value by value"
    return "removes"
