"""Folders as commands take them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter, Token

from deidflow.settings.output import NATIVE_BELOW_BIDS

_DATASET = "dataset.json"


def native_release(folder: Path) -> Path:
    """The release in the sourcedata of a BIDS data set that a run made; else the folder itself."""
    native = folder / NATIVE_BELOW_BIDS
    is_around = not (folder / _DATASET).exists() and (native / _DATASET).exists()
    return native if is_around else folder


def _converted(_kind: Any, tokens: Sequence[Token]) -> Path:
    return native_release(Path(tokens[0].value))


ReleaseFolder = Annotated[Path, Parameter(converter=_converted)]
"""A release, or the BIDS data set around it."""
