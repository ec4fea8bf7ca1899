"""The JSON sidecar, rebuilt from a list of fields that may stay (BIDS 1.10)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from deidflow.errors import Withheld
from deidflow.header.text import Scrubber
from deidflow.header.vocabulary import keep_tokens
from deidflow.nifti.guess import closed_guess
from deidflow.resources import load_yaml
from deidflow.store.faults import check_space
from deidflow.verdicts import Reason

JSON: TypeAlias = "bool | int | float | str | list[JSON] | dict[str, JSON] | None"
Sidecar: TypeAlias = dict[str, JSON]
_TEXT_OR_NO_NUMBER = re.compile(
    r'"(?:[^"\\]|\\.)*"|[-+]?\b(?:nan|inf(?:inity)?)\b', re.IGNORECASE | re.DOTALL
)


def rebuild(sidecar: Path, scrubber: Scrubber, extra: Mapping[str, JSON]) -> bytes:
    """The allowed fields of a dcm2niix sidecar, texts scrubbed, plus `extra`, as JSON."""
    loaded: Sidecar = {}
    if sidecar.exists():
        loaded = read_sidecar(sidecar)

    fields = _allowed_fields(loaded, scrubber)
    text = json.dumps(
        fields | dict(extra),
        indent=2,
        sort_keys=True,
        ensure_ascii=False,
    )
    return f"{text}\n".encode()


def _allowed_fields(loaded: Sidecar, scrubber: Scrubber) -> Sidecar:
    """The listed fields that still hold a value once they are scrubbed."""
    lists = load_yaml("standard/sidecar_fields.yaml")
    kept: Sidecar = {}
    for name, value in loaded.items():
        clean: JSON = None
        if name in lists["words"] and isinstance(value, str):
            clean = scrubber.words(value)
        elif name in lists["tokens"]:
            clean = _tokens(value)
        elif name in lists["guess"]:
            clean = list(closed_guess(value))
        elif name in lists["fields"]:
            clean = _scrubbed(value, scrubber)

        if clean not in ("", [], None):
            kept[name] = clean
    return kept


def _tokens(value: JSON) -> JSON:
    """Listed tokens of a list, or of a text in which dcm2niix joined them with underscores."""
    if isinstance(value, list):
        listed = keep_tokens(str(token) for token in value)
        return list(listed)

    tokens = keep_tokens(str(value).split("_"))
    kept = [token for token in tokens if token not in ("", "NONE")]
    return "_".join(kept)


def _scrubbed(value: JSON, scrubber: Scrubber) -> JSON:
    """A value without the patient's identifiers; None where nothing of it may stay."""
    if isinstance(value, str):
        # dcm2niix does not decode text: what is not ASCII is not searched for names.
        if not (value.isascii() and value.isprintable()):
            return ""
        return scrubber.clean(value).strip()
    if isinstance(value, list):
        kept = [_scrubbed(element, scrubber) for element in value]
        return None if None in kept else kept
    if isinstance(value, (int, float)):
        return value
    return None


def read_sidecar(path: Path) -> Sidecar:
    """The fields that dcm2niix wrote, as far as they are clear.

    dcm2niix copies names in ISO 2022 with their raw escape characters, prints numbers as `nan` and
    `inf`, and may write bytes that are not UTF-8. Values that are not numbers, and keys that occur
    twice with different values, are left out. Raises Withheld for what is not JSON.
    """
    content = path.read_text("utf-8", "replace")
    text = _TEXT_OR_NO_NUMBER.sub(
        _null_for_no_number,
        content,
    )
    try:
        loaded = json.loads(
            text,
            strict=False,
            object_pairs_hook=_unequivocal,
        )
    except (ValueError, RecursionError):
        check_space(path.parent)
        raise Withheld(
            Reason.CONVERT_FAILED,
            "the sidecar is not JSON",
        ) from None

    fields: Sidecar = {}
    if isinstance(loaded, dict):
        fields = loaded
    return fields


def _null_for_no_number(match: re.Match[str]) -> str:
    """A text as it is; what is not a number as null."""
    if match[0].startswith('"'):
        return match[0]
    return "null"


def _unequivocal(pairs: Sequence[tuple[str, JSON]]) -> Sidecar:
    """An object without the keys that have more than one value."""
    values: Sidecar = {}
    unclear: set[str] = set()
    for name, value in pairs:
        if name in values and values[name] != value:
            unclear.add(name)
        values[name] = value

    for name in unclear:
        del values[name]
    return values
