"""The action `words`: what may be kept of free text that somebody typed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from deidflow.dicom.person_names import fold
from deidflow.header.content_table import ITEMS, TABLE
from deidflow.header.element_value import ElementValue
from deidflow.header.kept_values import searched_text
from deidflow.header.value_kinds import LONGEST
from deidflow.resources import load_table, load_yaml

_CODE_MEANING, _IMAGE_COMMENTS = 0x00080104, 0x00204000
_NUMBER = r"\s*([+-]?\d+(?:\.\d*)?)\s*"
_DIFFUSION = re.compile(rf"b\s*={_NUMBER}\({_NUMBER},{_NUMBER},{_NUMBER}\)")
_LARGEST_WEIGHTING = 50_000
"""Upper bound of b-values, in s/mm2."""
_LONGEST_TEXT = 1024
"""Most characters for VRs that allow more."""


def described(value: ElementValue) -> bytes | None:
    """The words of acquisition in a text, or all of a text that cannot be about a patient."""
    if value.tag == _IMAGE_COMMENTS:
        diffusion = diffusion_comment(value.text())
        if diffusion:
            return diffusion.encode("ascii")
    if value.tag == _CODE_MEANING:
        meaning = fold(value.text().strip())
        if meaning in standard_meanings():
            return searched_text(value)

    words = value.scrubber.words(" ".join(value.texts()))
    longest = LONGEST.get(value.vr, _LONGEST_TEXT)
    return words[:longest].strip().encode("ascii")


def diffusion_comment(text: str) -> str:
    """A b-value and direction as Canon writes them, `b=1500(0.445,0.000,0.895)`; else empty.

    Formatted again from the parsed numbers: converters find no gradients without it
    (docs/outputs.md).
    """
    match = _DIFFUSION.fullmatch(text.strip())
    if match is None:
        return ""
    weighting, *direction = map(float, match.groups())
    if weighting > _LARGEST_WEIGHTING:
        return ""
    if any(abs(component) > 1 for component in direction):
        return ""

    components = ",".join(f"{component:.3f}" for component in direction)
    return f"b={weighting:g}({components})"


@lru_cache(maxsize=1)
def standard_meanings() -> frozenset[str]:
    """Meanings of the codes that the standard itself uses (PS3.16), and of units; in lower case."""
    return frozenset(map(fold, _meanings()))


def _meanings() -> Iterator[str]:
    from pydicom.sr._concepts_dict import concepts

    for schemes in concepts.values():
        for codes in schemes.values():
            for meaning, _ in codes.values():
                yield meaning
    for row in load_table(TABLE):
        yield row["meaning"]
    for line in load_yaml(ITEMS)["meanings"]:
        yield from line.split()
