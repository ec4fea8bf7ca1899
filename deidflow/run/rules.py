"""What a run does: settings, the files that they name, and code, as hashes."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from deidflow.burned.installed import reads
from deidflow.settings.run import RunSettings
from deidflow.steps import STEPS
from deidflow.store.code import KEEP, ROOT
from deidflow.store.files import digest_of
from deidflow.store.trees import content_digest, tree_digest

_PACKAGES = ("deidflow", "flows", "tasks", "configs")
_OF_NO_SUBJECT = {"subjects", "workers", "log", "runner", "scheduler"}
"""Settings that decide who is worked on, where and how it is shown, but not what comes out."""


def rules_digest(settings: RunSettings) -> str:
    """A hash of settings and code: of all but the files that what is concluded depends on."""
    return digest_of(
        [
            settings.model_dump(mode="json", exclude=_OF_NO_SUBJECT),
            named_files(settings),
            code_in_use(),
            reads(settings.burned_in),
        ]
    )


def code_in_use() -> list[Any]:
    """Our own sources and data, and what the steps are made of."""
    steps = [step.made_by() for step in STEPS]
    if os.environ.get(KEEP):
        return steps
    trees = [tree_digest(ROOT / name) for name in _PACKAGES]
    return [sys.version, *trees, *steps]


def named_files(settings: RunSettings) -> list[str]:
    """The contents of files that settings name: rules, lists, engines."""
    texts = _texts(settings.model_dump(mode="json"))
    places = (settings.source, settings.release, settings.vault, settings.log)
    folders = {str(place) for place in places}
    return [content_digest(Path(text)) for text in texts if text not in folders]


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for entry in value.values():
            yield from _texts(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from _texts(entry)
