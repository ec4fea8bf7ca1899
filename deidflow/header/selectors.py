"""How users name attributes: keyword, tag, repeating group, private element, or a path through sequences."""

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

    Exactly one of `tag`, `mask` and `private` is set; `mask` is (bits, value): a tag fits when
    `tag & bits == value`; `private` is (group, creator, low byte of the element, or all of the creator's).
    """

    path: tuple[int, ...] = ()
    tag: int | None = None
    mask: tuple[int, int] | None = None
    private: tuple[int, str, int] | None = None


def parse_selector(text: str) -> Selector:
    """Read `PatientName`, `0010,0010`, `60xx,3000`, `0029,[SIEMENS CSA HEADER]10` or `Sequence/Keyword`.

    `0029,[SIEMENS CSA HEADER]xx` are all elements of a creator.

    Raises ConfigError that names the nearest keyword.
    """
    *parents, last = text.strip().split("/")
    path = tuple(tag_of(parent) for parent in parents)
    private = _PRIVATE.fullmatch(last)
    if private:
        group = int(private[1], 16)
        if group % 2 == 0:
            raise ConfigError(f"'{last}': private elements have an odd group")
        low = ALL_OF_CREATOR if private[3].lower() == "xx" else int(private[3], 16)
        return Selector(path, private=(group, private[2].strip(), low))
    if (
        _TAG.fullmatch(last) is None
        and "x" in last.lower()
        and (repeating := _REPEATING.fullmatch(last))
    ):
        digits = (repeating[1] + repeating[2]).lower()
        bits = int("".join("0" if digit == "x" else "f" for digit in digits), 16)
        return Selector(path, mask=(bits, int(digits.replace("x", "0"), 16)))
    tag = tag_of(last)
    if tag >> 16 & 1:
        raise ConfigError(
            f"'{last}' is private: name it with its creator, as in 0029,[SIEMENS CSA HEADER]10"
        )
    return Selector(path, tag=tag)


def tag_of(attribute: str) -> int:
    """The tag of a keyword or `gggg,eeee`; raises ConfigError with the nearest keyword."""
    from pydicom.datadict import keyword_dict, tag_for_keyword

    match = _TAG.fullmatch(attribute.strip())
    if match:
        return int(match[1] + match[2], 16)
    tag = tag_for_keyword(attribute.strip())
    if tag is None:
        hint = did_you_mean(attribute, keyword_dict)
        raise ConfigError(f"no attribute '{attribute}'{hint}; give a keyword, gggg,eeee, 60xx,xxxx, "
                          "gggg,[CREATOR]ee or Sequence/Keyword")  # fmt: skip
    return int(tag)


def keyword_of(tag: int) -> str:
    """The keyword of a tag, or gggg,eeee where the dictionary has none."""
    from pydicom.datadict import keyword_for_tag

    return str(keyword_for_tag(tag)) or f"{tag >> 16:04x},{tag & 0xFFFF:04x}"
