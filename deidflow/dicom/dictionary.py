"""The data dictionary (PS3.6) as pydicom ships it: the only module that reads pydicom's tables.

The tables are loaded when first needed, since importing pydicom takes a third of a second.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

_OTHER_WORDS = frozenset(("US or OW", "US or SS or OW", "OB or OW"))


@lru_cache(maxsize=1)
def sequence_tags() -> frozenset[int]:
    """Tags that the data dictionary defines as sequences."""
    from pydicom.datadict import DicomDictionary

    tags: set[int] = set()
    for tag, entry in DicomDictionary.items():
        if entry[0] == "SQ":
            tags.add(tag)
    return frozenset(tags)


@lru_cache(maxsize=1)
def dictionary_vrs() -> dict[int, bytes]:
    """Tag -> VR of the data dictionary; of a choice, the first that holds any value."""
    from pydicom.datadict import DicomDictionary

    vrs: dict[int, bytes] = {}
    for tag, entry in DicomDictionary.items():
        vrs[tag] = _single_vr(entry[0])
    return vrs


def _single_vr(choice: str) -> bytes:
    if choice in _OTHER_WORDS:
        return b"OW"
    return choice[:2].encode()


@lru_cache(maxsize=1)
def dictionary_multiplicity() -> dict[int, int]:
    """Tag -> the largest number of values that the data dictionary allows; 0 if unbounded."""
    from pydicom.datadict import DicomDictionary

    largest: dict[int, int] = {}
    for tag, entry in DicomDictionary.items():
        last = str(entry[1]).split("-")[-1]
        largest[tag] = int(last) if last.isdigit() else 0
    return largest


@lru_cache(maxsize=1)
def keyword_tags() -> dict[str, int]:
    """Keyword -> tag of every attribute in the data dictionary."""
    from pydicom.datadict import DicomDictionary

    tags: dict[str, int] = {}
    for tag, entry in DicomDictionary.items():
        keyword = entry[4]
        tags[keyword] = tag
    return tags


def tags_of(keywords: Iterable[str]) -> list[int]:
    """The tags of keywords, in their order; raises KeyError for an unknown one."""
    tags = keyword_tags()
    return [tags[keyword] for keyword in keywords]


@lru_cache(maxsize=1)
def sop_class_uids() -> dict[str, str]:
    """Keyword -> UID of every SOP class (PS3.6 annex A)."""
    from pydicom.uid import UID_dictionary

    uids: dict[str, str] = {}
    for uid, entry in UID_dictionary.items():
        if entry[1] == "SOP Class":
            uids[entry[4]] = uid
    return uids
