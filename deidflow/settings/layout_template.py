"""The template of an output's folders: `{subject}/{timepoint}/{series}`."""

from __future__ import annotations

import string
from typing import NamedTuple

TEMPLATE = "{subject}/{timepoint}/{series}"
MIRROR = "mirror"
"""Instead of a template: the tree of the source, with counted names."""
_FIELDS = ("subject", "timepoint", "series")
_REQUIRED_FIELDS = {"subject", "series"}


class _Field(NamedTuple):
    """A field in braces, with what follows its name."""

    name: str
    format: str
    conversion: str


def check_template(text: str) -> None:
    """Raise ValueError, whose message follows the name of the setting, for an unusable template."""
    if text == MIRROR:
        return
    fields = _fields(text)
    names = {field.name for field in fields}

    unknown = sorted(names - set(_FIELDS))
    if unknown:
        known = ", ".join(_FIELDS)
        raise ValueError(f"has an unknown field '{unknown[0]}' (known: {known}, or 'mirror')")
    if any(field.format or field.conversion for field in fields):
        raise ValueError("must hold its fields as they are, without '!' or ':'")
    if not names >= _REQUIRED_FIELDS:
        raise ValueError("must hold {subject} and {series}, so that no two series share a folder")
    if text.startswith("/") or ".." in text.split("/"):
        raise ValueError("must stay below the output folder")


def _fields(text: str) -> list[_Field]:
    """The fields of a template; raises ValueError if its braces do not match."""
    try:
        parts = list(string.Formatter().parse(text))
    except ValueError:
        raise ValueError(f"is not a valid template; use folders such as '{TEMPLATE}'") from None

    fields: list[_Field] = []
    for _, name, form, conversion in parts:
        if name is not None:
            field = _Field(
                name,
                form or "",
                conversion or "",
            )
            fields.append(field)
    return fields
