"""How users name attributes: keyword, tag, repeating group, private element, or a path."""

from __future__ import annotations

import re
from dataclasses import dataclass

from deidflow.errors import ConfigError
from deidflow.spelling import did_you_mean

_TAG = re.compile(r"\(?([0-9a-f]{4}),?([0-9a-f]{4})\)?", re.IGNORECASE)
_REPEATING = re.compile(r"\(?([0-9a-fx]{4}),?([0-9a-fx]{4})\)?", re.IGNORECASE)
_PRIVATE = re.compile(r"\(?([0-9a-f]{4}),\[([^\]]{1,64})\]([0-9a-f]{2}|xx)\)?", re.IGNORECASE)
ALL_OF_CREATOR = -1
"""Stands for every element of a private creator."""


@dataclass(frozen=True)
class Selector:
    """One attribute or a family of them, at the top level or below `path`.

    Exactly one of `tag`, `mask` and `private` is set. `mask` is (bits, value): a tag fits if `tag
    & bits == value`. `private` is group, creator, and low byte of the element or ALL_OF_CREATOR.
    """

    path: tuple[int, ...] = ()
    tag: int | None = None
    mask: tuple[int, int] | None = None
    private: tuple[int, str, int] | None = None


def parse_selector(text: str) -> Selector:
    """Read `PatientName`, `0010,0010`, `60xx,3000`, `0029,[SIEMENS CSA HEADER]10` or a path.

    `0029,[SIEMENS CSA HEADER]xx` are all elements of a creator; `Sequence/Keyword` is a path.
    Raises ConfigError that names the nearest keyword.
    """
    *parents, last = text.strip().split("/")
    path = tuple(map(tag_of, parents))
    private = _PRIVATE.fullmatch(last)
    if private:
        return Selector(path, private=_private(last, private))
    if not _TAG.fullmatch(last):
        repeating = _REPEATING.fullmatch(last)
        if repeating and "x" in last.lower():
            return Selector(path, mask=_mask(repeating))

    tag = tag_of(last)
    if tag >> 16 & 1:
        raise ConfigError(
            f"'{last}' is private: name it with its creator, as in 0029,[SIEMENS CSA HEADER]10"
        )
    return Selector(path, tag=tag)


def _private(text: str, match: re.Match[str]) -> tuple[int, str, int]:
    """Group, creator and low byte of a private element; raises ConfigError for an even group."""
    group = int(match[1], 16)
    if group % 2 == 0:
        raise ConfigError(f"'{text}': private elements have an odd group")
    is_all = match[3].lower() == "xx"
    low = ALL_OF_CREATOR if is_all else int(match[3], 16)
    return group, match[2].strip(), low


def _mask(match: re.Match[str]) -> tuple[int, int]:
    """Bits and value of a family of tags: an x stands for any digit."""
    digits = (match[1] + match[2]).lower()
    bits = "".join("0" if digit == "x" else "f" for digit in digits)
    value = digits.replace("x", "0")
    return int(bits, 16), int(value, 16)


def tag_of(attribute: str) -> int:
    """The tag of a keyword or `gggg,eeee`; raises ConfigError with the nearest keyword."""
    from pydicom.datadict import keyword_dict, tag_for_keyword

    name = attribute.strip()
    match = _TAG.fullmatch(name)
    if match:
        return int(match[1] + match[2], 16)
    tag = tag_for_keyword(name)
    if tag is not None:
        return int(tag)

    hint = did_you_mean(attribute, keyword_dict)
    raise ConfigError(
        f"no attribute '{attribute}'{hint}; give a keyword, gggg,eeee, 60xx,xxxx, "
        "gggg,[CREATOR]ee or Sequence/Keyword"
    )


def keyword_of(tag: int) -> str:
    """The keyword of a tag, or gggg,eeee if the dictionary has none."""
    from pydicom.datadict import keyword_for_tag

    keyword = str(keyword_for_tag(tag))
    return keyword or f"{tag >> 16:04x},{tag & 0xFFFF:04x}"
