"""The JSON sidecar, rebuilt from a list of fields that may stay (BIDS 1.10)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deidflow.header.text import Scrubber, keep_tokens
from deidflow.resources import load_yaml


def rebuild(sidecar: Path, scrubber: Scrubber, extra: Mapping[str, Any]) -> bytes:
    """The allowed fields of a dcm2niix sidecar, texts scrubbed, plus `extra`, as JSON."""
    loaded: dict[str, Any] = json.loads(sidecar.read_text("utf-8", "replace")) if sidecar.exists() else {}
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
    return (json.dumps(kept | dict(extra), indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


def _tokens(value: Any) -> Any:
    """Listed tokens of a list, or of a text in which dcm2niix joined them with underscores."""
    if isinstance(value, list):
        return keep_tokens(value)
    return "_".join(token for token in keep_tokens(str(value).split("_")) if token and token != "NONE")


def _scrubbed(value: Any, scrubber: Scrubber) -> Any:
    if isinstance(value, str):
        return scrubber.clean(value).strip()
    if isinstance(value, list):
        return [_scrubbed(one, scrubber) for one in value]
    return value if isinstance(value, (int, float, bool)) else None
