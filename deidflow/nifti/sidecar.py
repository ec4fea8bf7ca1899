"""The JSON sidecar, rebuilt from a list of fields that may stay (BIDS 1.10)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deidflow.errors import Withheld
from deidflow.header.text import Scrubber
from deidflow.header.vocabulary import keep_tokens
from deidflow.resources import load_yaml
from deidflow.store.faults import check_space
from deidflow.verdicts import Reason


def rebuild(sidecar: Path, scrubber: Scrubber, extra: Mapping[str, Any]) -> bytes:
    """The allowed fields of a dcm2niix sidecar, texts scrubbed, plus `extra`, as JSON."""
    loaded = read_sidecar(sidecar) if sidecar.exists() else {}
    lists = load_yaml("standard/sidecar_fields.yaml")
    kept: dict[str, Any] = {}
    for name, value in loaded.items():
        if name in lists["words"] and isinstance(value, str):
            kept[name] = scrubber.words(value)
        elif name in lists["tokens"]:
            kept[name] = _tokens(value)
        elif name in lists["fields"]:
            kept[name] = _scrubbed(value, scrubber)
    kept = {name: value for name, value in kept.items() if value not in ("", [], None)}
    return (
        json.dumps(kept | dict(extra), indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    ).encode()


def read_sidecar(path: Path) -> dict[str, Any]:
    """The fields that dcm2niix wrote, as far as they are clear.

    dcm2niix copies names in ISO 2022 with their raw escape characters, prints numbers as `nan` and `inf`,
    and may write bytes that are not UTF-8. Values that are not numbers, and keys that stand twice with
    different values, are left out. Raises Withheld for what is not JSON.
    """
    text = _TEXT_OR_NO_NUMBER.sub(_null_for_no_number, path.read_text("utf-8", "replace"))
    try:
        loaded = json.loads(text, strict=False, object_pairs_hook=_unequivocal)
    except (ValueError, RecursionError):
        check_space(path.parent)
        raise Withheld(Reason.CONVERT_FAILED, "the sidecar is not JSON") from None
    return loaded if isinstance(loaded, dict) else {}


_TEXT_OR_NO_NUMBER = re.compile(
    r'"(?:[^"\\]|\\.)*"|[-+]?\b(?:nan|inf(?:inity)?)\b', re.IGNORECASE | re.DOTALL
)


def _null_for_no_number(match: re.Match[str]) -> str:
    return match[0] if match[0].startswith('"') else "null"


def _unequivocal(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object without the keys that have more than one value."""
    values: dict[str, Any] = {}
    unclear: set[str] = set()
    for name, value in pairs:
        if name in values and values[name] != value:
            unclear.add(name)
        values[name] = value
    return {name: value for name, value in values.items() if name not in unclear}


def _tokens(value: Any) -> Any:
    """Listed tokens of a list, or of a text in which dcm2niix joined them with underscores."""
    if isinstance(value, list):
        return keep_tokens(value)
    return "_".join(
        token for token in keep_tokens(str(value).split("_")) if token and token != "NONE"
    )


def _scrubbed(value: Any, scrubber: Scrubber) -> Any:
    if isinstance(value, str):
        # dcm2niix does not decode text: what is not ASCII is not searched for names.
        clear = value.isascii() and value.isprintable()
        return scrubber.clean(value).strip() if clear else ""
    if isinstance(value, list):
        kept = [_scrubbed(one, scrubber) for one in value]
        return None if None in kept else kept
    return value if isinstance(value, (int, float, bool)) else None
