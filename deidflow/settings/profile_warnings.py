"""What settings let out beyond the level or profile: for the console, and for the notes in dataset.json."""

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
_NOT_DEIDENTIFIED = "the output is not de-identified by PS3.15"


def profile_warnings(settings: CommonSettings, profile: Profile) -> Iterator[str]:
    """One line for each setting that lets identifying values out; attributes are named, values never.

    `profile` is that of the settings, with their own rules on top.
    """
    if settings.ids.strategy == "none":
        yield f"identity strategy none: patient IDs stay as they are; {_NOT_DEIDENTIFIED}"
    if profile.base == "none":
        yield f"profile {profile.name} keeps every attribute that it does not name; {_NOT_DEIDENTIFIED}"
    elif not is_complete(profile):
        yield f"profile {profile.name} keeps more than PS3.15 allows ({_attributes(profile)}); {_NOT_DEIDENTIFIED}"
    if settings.header.keep_uids:
        yield "keep_uids: UIDs stay as they are, so that files can be matched with the originals"
    yield from _kept(settings)


def _attributes(profile: Profile) -> str:
    tags = sorted(set(weakened(profile)))
    names = ", ".join(keyword_of(tag) for tag in tags[:_MOST_NAMED])
    return f"{names} and {len(tags) - _MOST_NAMED} more" if len(tags) > _MOST_NAMED else names


def _kept(settings: CommonSettings) -> Iterator[str]:
    """What each attribute of `keep` lets out that the settings would change without it."""
    header = settings.header.model_copy(update={"keep": ()})
    without = effective_profile(settings.model_copy(update={"header": header}))
    rules = compile_profile(without)
    for attribute in settings.header.keep:
        done = _done(parse_selector(attribute), rules)
        if done:
            yield f"--keep {attribute} lets out what profile {without.name} {done}"


_DONE = {
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


_TEXT = ("LO", "LT", "SH", "ST", "UC", "UT", "PN")


def _done(selector: Selector, rules: Rules) -> str:
    """What is done with an attribute without `keep`, in words; empty where it stays as it is."""
    if selector.private is not None:
        group, creator, low = selector.private
        whole = rules.keep_private or (group, creator, low) in rules.private
        return "checks value by value" if whole else "removes"
    if selector.tag is None:
        return "removes or cleans"
    vr = dictionary_vrs().get(selector.tag, b"UN").decode("ascii")
    for parent in selector.path:
        rules = rules.inside(parent)
    action = rules.for_tag(selector.tag, vr, known=selector.tag in dictionary_vrs()).action
    if action == "keep" and vr in _TEXT:
        return "searches for identifiers"
    return _DONE.get(action, "")
